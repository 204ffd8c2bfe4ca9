"""Memories: resources and their chunks."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypedDict

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import (
    Condition,
    Source,
    among,
    forms_of,
    least,
    like,
    member_of,
    most,
    same_name,
    tagged_all,
    tagged_any,
)
from ltmc.storage.tables.validity import BOUNDED, CURRENT, SHADOWED, UNEXPIRED, VALID, shadowing
from ltmc.timestamps import now


class NamedFile(TypedDict):
    """A file as it was; the same time and size say that it still is so, else its hash tells.

    `root`: the folder that its name is relative to.
    """

    name: str
    root: str
    mtime_ns: int
    size: int
    hash: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a memory, with what is shown of the memory."""

    id: int
    project_id: str
    resource_id: int
    ordinal: int
    start_char: int
    text: str
    file_name: str
    type: str
    tags: list[str]
    version: int
    created_at: str
    valid_from: str | None = None
    valid_until: str | None = None
    superseded_at: str | None = None
    superseded_by: int | None = None
    heir_name: str | None = None
    files: list[NamedFile] = field(default_factory=list)


class Period:
    """When a version of a memory holds; `CURRENT` says the same in SQL."""

    __slots__ = ()
    archived: bool
    created_at: str
    valid_from: str | None
    valid_until: str | None
    superseded_at: str | None
    superseded_by: int | None
    expires_at: str | None

    @property
    def begins(self) -> str:
        """From when on it holds."""
        return self.valid_from or self.created_at

    @property
    def is_replaced(self) -> bool:
        """Whether another one was put in its place because it was wrong: it never held."""
        return self.archived and self.superseded_at is None

    def has_expired(self, moment: str) -> bool:
        """Return whether it is to be forgotten: it is not there any more for whoever asks."""
        return self.expires_at is not None and self.expires_at <= moment

    def is_past(self, moment: str) -> bool:
        """Return whether another one took its place before a moment."""
        return self.archived or (self.superseded_at is not None and self.superseded_at <= moment)

    def is_current(self, moment: str) -> bool:
        """Return whether it holds at a moment, which is now."""
        return not self.archived and self.holds(moment)

    def holds(self, moment: str) -> bool:
        """Return whether it holds at a moment, which may be past or to come."""
        return (
            not self.is_replaced
            and self.begins <= moment
            and (self.valid_until is None or self.valid_until >= moment)
            and (self.superseded_at is None or self.superseded_at > moment)
            and not self.has_expired(moment)
        )


class Replaced(NamedTuple):
    """A version of a memory whose place another memory took."""

    id: int
    file_name: str


@dataclass(frozen=True, slots=True)
class Resource(Period):
    """A version of a memory."""

    id: int
    project_id: str
    file_name: str
    type: str
    content: str
    content_hash: str
    version: int
    tags: list[str]
    metadata: dict[str, Any]
    language: str | None
    complexity: str | None
    archived: bool
    created_at: str
    updated_at: str
    valid_from: str | None = None
    valid_until: str | None = None
    superseded_at: str | None = None
    superseded_by: int | None = None
    files: list[NamedFile] = field(default_factory=list)
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class Version(Period):
    """A version of a memory without its content."""

    id: int
    project_id: str
    file_name: str
    type: str
    content_hash: str
    version: int
    archived: bool
    created_at: str
    valid_from: str | None
    valid_until: str | None
    superseded_at: str | None
    superseded_by: int | None
    expires_at: str | None
    chunk_count: int


class Content(NamedTuple):
    """A memory's name and text."""

    id: int
    file_name: str
    content: str


def shadowed(values: Sequence[Any]) -> Condition:
    """Leave what has the name of a memory that holds at a moment, now, in a project further ahead among those given."""
    moment, *projects = values
    return Condition(SHADOWED, shadowing(projects, moment))


def current(values: Sequence[Any]) -> Condition:
    """Leave what holds at a moment, now; with projects, only what is not shadowed there."""
    moment, *projects = values
    if not projects:
        return Condition(CURRENT, [moment] * 4)
    found = shadowed(values)
    return Condition(f"{CURRENT} AND NOT {found.sql}", [*[moment] * 4, *found.parameters])


def valid_at(values: Sequence[Any]) -> Condition:
    """Leave what held at the one moment given, which may be past; what was not stored yet did not."""
    return Condition(f"{VALID} AND coalesce(r.valid_from, r.created_at) <= ?", [*values] * 4)


SOURCE = Source(
    kind="chunk",
    row=Chunk,
    columns="c.id, r.project_id, c.resource_id, c.ordinal, c.start_char, c.text, r.file_name, r.type, r.tags, "
    "r.version, r.created_at, r.valid_from, r.valid_until, r.superseded_at, r.superseded_by, "
    "(SELECT n.file_name FROM resources n WHERE n.id = r.superseded_by) AS heir_name, r.files",
    owner="resource_chunks c JOIN resources r ON r.id = c.resource_id",
    key="c.id",
    project="r.project_id",
    created="r.created_at",
    text="c.text",
    filters={
        "project": among("r.project_id"),
        "resource_type": among("r.type"),
        "file_name": like("r.file_name"),
        "language": among("lower(coalesce(json_extract(r.metadata, '$.language'), r.language))"),
        "complexity": among("upper(coalesce(json_extract(r.metadata, '$.complexity'), r.complexity))"),
        "tags_any": tagged_any("resources", "r.id"),
        "tags_all": tagged_all("resources", "r.id"),
        "metadata": member_of("r.metadata"),
        "date_from": least("r.created_at"),
        "date_to": most("r.created_at"),
        "valid_at": valid_at,
        "unexpired": lambda values: Condition(UNEXPIRED, values),
    },
    group="r.id",
    place="c.ordinal",
    visible="r.archived = 0",
    current=current,
    bounded=BOUNDED,
    shadowed=shadowed,
)

PAST = replace(
    SOURCE,
    kind="superseded",
    visible="r.archived = 1 AND r.superseded_at IS NOT NULL",
    current=None,
    bounded="TRUE",
    shadowed=None,
)
"""What was superseded. What a correction replaced, archived and never superseded, is in no index."""


async def insert(tx: Transaction, resource: Resource) -> Resource:
    """Store a version of a memory; it comes back with its id."""
    return await insert_row(tx, "resources", resource)


async def insert_chunks(
    tx: Transaction, resource_id: int, chunks: Sequence[tuple[int, int, str, int]]
) -> list[int]:
    """Store the chunks of a resource, given as (start, end, text, tokens); return their ids, in order."""
    await tx.many(
        "INSERT INTO resource_chunks (resource_id, ordinal, start_char, end_char, text, token_count) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [(resource_id, ordinal, *chunk) for ordinal, chunk in enumerate(chunks)],
    )
    return await chunk_ids(tx, resource_id)


_VERSION = (
    "id, project_id, file_name, type, content_hash, version, archived, created_at, valid_from, valid_until, "
    "superseded_at, superseded_by, expires_at, "
    "(SELECT count(*) FROM resource_chunks c WHERE c.resource_id = r.id) AS chunk_count"
)


async def versions(tx: Transaction, project_id: str, file_name: str) -> list[Version]:
    """Every version of a name in either form, newest first, what has expired too, without the content."""
    return await tx.all(
        Version,
        f"SELECT {_VERSION} FROM resources r WHERE project_id = ? AND file_name IN (?, ?) ORDER BY version DESC",
        (project_id, *forms_of(file_name)),
    )


async def others_hold(
    tx: Transaction, project_id: str, file_name: str, resource_id: int, version: int
) -> bool:
    """Return whether a name has versions that a version did not come after: as new ones, or such as hold still."""
    found = await tx.value(
        "SELECT 1 FROM resources WHERE project_id = ? AND file_name IN (?, ?) AND id <> ? "
        "AND (version >= ? OR (archived = 0 AND superseded_at IS NULL)) LIMIT 1",
        (project_id, *forms_of(file_name), resource_id, version),
    )
    return found is not None


async def version_of(tx: Transaction, resource_id: int) -> Version | None:
    """Return a version by its id, without the content."""
    return await tx.one(
        Version,
        f"SELECT {_VERSION} FROM resources r WHERE id = ?",
        (resource_id,),
    )


async def update(tx: Transaction, resource_id: int, changes: dict[str, Any], moment: str) -> None:
    """Set columns, and `updated_at`."""
    changes = changes | {"updated_at": moment}
    await tx.run(
        f"UPDATE resources SET {', '.join(f'{column} = ?' for column in changes)} WHERE id = ?",
        [*changes.values(), resource_id],
    )


async def get(tx: Transaction, resource_id: int) -> Resource | None:
    """Return a memory."""
    return await tx.one(Resource, f"SELECT {columns(Resource)} FROM resources WHERE id = ?", (resource_id,))


async def chunk_ids(tx: Transaction, resource_id: int) -> list[int]:
    """Return the ids of a memory's chunks, in order."""
    return await tx.column(
        "SELECT id FROM resource_chunks WHERE resource_id = ? ORDER BY ordinal", (resource_id,)
    )


async def delete(tx: Transaction, resource_id: int) -> None:
    """Delete a resource; its chunks go with it.

    What it was yet to supersede stays. What it superseded does not come back; of another name it has a past one's heir.
    """
    moment = now()
    await tx.run(
        "UPDATE resources SET superseded_at = NULL, superseded_by = NULL WHERE superseded_by = ? AND superseded_at > ?",
        (resource_id, moment),
    )
    await tx.run(
        "UPDATE resources SET superseded_by = "
        "(SELECT h.id FROM resources r JOIN resources h ON h.id = r.superseded_by "
        "WHERE r.id = ?1 AND r.superseded_at <= ?2 AND h.file_name <> resources.file_name) "
        "WHERE superseded_by = ?1",
        (resource_id, moment),
    )
    await tx.run("DELETE FROM resources WHERE id = ?", (resource_id,))


class Place(NamedTuple):
    """What the versions of a memory share."""

    project_id: str
    file_name: str


async def follow(
    tx: Transaction, old: Version, heir_id: int, start: str, *, begun_by: str = "9"
) -> list[Place]:
    """Have other memories whose place one took when it began end with a new start, or by another heir.

    Args:
        begun_by: only those that began by then.

    Returns:
        Which they are.
    """
    chosen = (
        "superseded_by = ? AND superseded_at = ? AND (project_id <> ? OR file_name <> ?) "
        "AND coalesce(valid_from, created_at) <= ?"
    )
    given = (old.id, old.begins, old.project_id, old.file_name, begun_by)
    places = await tx.all(
        Place, f"SELECT DISTINCT project_id, file_name FROM resources WHERE {chosen}", given
    )
    await tx.run(
        f"UPDATE resources SET superseded_by = ?, superseded_at = ? WHERE {chosen}", (heir_id, start, *given)
    )
    return places


async def replaced_by(tx: Transaction, row: Resource) -> list[Replaced]:
    """Return the versions under other names whose place a version took, the oldest first."""
    return await tx.all(
        Replaced,
        "SELECT id, file_name FROM resources WHERE superseded_by = ? AND file_name <> ? ORDER BY id",
        (row.id, row.file_name),
    )


async def name_of(tx: Transaction, resource_id: int | None) -> str | None:
    """Return the name of a memory."""
    name: str | None = await tx.value("SELECT file_name FROM resources WHERE id = ?", (resource_id,))
    return name


async def newest_by_name(tx: Transaction, project_id: str, file_name: str) -> Resource | None:
    """Return the newest live version of a name; where all were superseded, the newest."""
    return await tx.one(
        Resource,
        f"SELECT {columns(Resource)} FROM resources r WHERE project_id = ? AND file_name IN (?, ?) "
        f"AND ({UNEXPIRED}) ORDER BY archived, version DESC LIMIT 1",
        (project_id, *forms_of(file_name), now()),
    )


async def name_alike(tx: Transaction, project_id: str, file_name: str) -> str | None:
    """Return the newest name, if possible a live one, that differs in its letters' case at most."""
    chosen = same_name("file_name", file_name)
    found = await tx.value(
        f"SELECT file_name FROM resources r WHERE project_id = ? AND {chosen.sql} AND ({UNEXPIRED}) "
        "ORDER BY archived, id DESC LIMIT 1",
        [project_id, *chosen.parameters, now()],
    )
    return None if found is None else str(found)


class Part(NamedTuple):
    """A chunk by its id and that of its memory."""

    id: int
    resource_id: int


async def parts(tx: Transaction, project_id: str, moment: str) -> list[Part]:
    """Return the chunks of a project of what holds at a moment or is to hold later, those of the newest first."""
    over = "r.valid_until < ? OR r.superseded_at <= ? OR r.expires_at <= ?"
    return await tx.all(
        Part,
        "SELECT c.id, c.resource_id FROM resource_chunks c JOIN resources r ON r.id = c.resource_id "
        f"WHERE r.project_id = ? AND r.archived = 0 AND ({over}) IS NOT TRUE ORDER BY c.resource_id DESC, c.id",
        (project_id, moment, moment, moment),
    )


async def count_current(tx: Transaction, project_id: str) -> int:
    """Count the current memories of a project."""
    chosen = current([now()])
    sql = f"SELECT count(*) FROM resources r WHERE project_id = ? AND {chosen.sql}"
    return int(await tx.value(sql, [project_id, *chosen.parameters]))


async def live(tx: Transaction, project_id: str, moment: str) -> list[Content]:
    """Every resource of a project that is current, with its content, oldest first."""
    chosen = current([moment])
    return await tx.all(
        Content,
        f"SELECT id, file_name, content FROM resources r WHERE project_id = ? AND {chosen.sql} ORDER BY id",
        [project_id, *chosen.parameters],
    )


async def every_current(tx: Transaction, project_id: str | None, moment: str) -> AsyncIterator[Resource]:
    """Yield every current memory, of one project or all, by id."""
    chosen, after = current([moment]), 0
    while True:
        rows = await tx.all(
            Resource,
            f"SELECT {columns(Resource)} FROM resources r WHERE id > ? AND (? IS NULL OR project_id = ?) "
            f"AND {chosen.sql} ORDER BY id LIMIT 100",
            [after, project_id, project_id, *chosen.parameters],
        )
        for row in rows:
            yield row
        if not rows:
            return
        after = rows[-1].id
