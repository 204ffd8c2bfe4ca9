"""Storing memories, changing them, and putting one in the place of another."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ltmc.code.traits import complexity_of, language_of
from ltmc.errors import ErrorCode, LtmcError, invalid, not_found, nothing_to_change
from ltmc.features.memory.conflicts import ConflictService
from ltmc.features.memory.named import all_named, heir_of, require
from ltmc.features.memory.named_files import NamedFiles
from ltmc.features.memory.reading import past_of
from ltmc.features.memory.results import MemoryStored
from ltmc.features.memory.timeline import begin_earlier, holding, settle
from ltmc.search import index
from ltmc.search.chunking import TextChunk, chunk
from ltmc.search.kinds import CHUNK, PAST
from ltmc.search.notes import note
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.guarded import Guard, looked_at
from ltmc.storage.sources import by_id, forms_of
from ltmc.storage.tables import agreements, resources, trash
from ltmc.storage.tables.resources import Chunk, Resource, Version
from ltmc.timestamps import now
from ltmc.tools.arguments import NEVER
from ltmc.tools.project_scope import marked, origin, project_of, projects_read

CHANGEABLE = (
    "content tags metadata resource_type supersedes agrees_with valid_from valid_until expires".split()
)
"""What an update may give."""

UNKNOWN_START = "1970-01-01T00:00:00.000000Z"
"""From when on holds what had ended when it was told, as long as nothing says it better."""


class MemoryService:
    """Memories: stored whole and in chunks. Of each name one version is current."""

    def __init__(self, engine: Engine, guard: Guard, conflicts: ConflictService, files: NamedFiles) -> None:
        self._engine, self._guard, self._conflicts, self._files = engine, guard, conflicts, files

    async def store(
        self,
        *,
        file_name: str,
        content: str,
        resource_type: str | None,
        tags: Sequence[str],
        metadata: dict[str, Any],
        on_conflict: str,
        supersedes: Sequence[str] = (),
        valid_from: str | None = None,
        valid_until: str | None = None,
        expires: str | None = None,
        project_id: str | None,
    ) -> MemoryStored:
        """Store a memory; where its name has this very content, change what is given beside it.

        Args:
            supersedes: ids or names of other memories that it takes the place of.

        Raises:
            LtmcError: CONFLICT when `on_conflict` is ``error`` and the name holds other content; NOT_FOUND for what
                is to be superseded.
        """
        project, moment = project_of(project_id), now()
        content, file_name = await looked_at(self._guard.stored, (content, file_name))
        chunks, given = await asyncio.to_thread(
            lambda: (
                chunk(content),
                _given(file_name, content, resource_type, tags or None, metadata or None),
            )
        )
        is_over = valid_from is None and (valid_until or NEVER) != NEVER and str(valid_until) < moment
        valid_from = UNKNOWN_START if is_over else valid_from
        given |= _period(valid_from, valid_until, expires)
        _require_period(valid_from or moment, given.get("valid_until"))
        times = (moment, moment)
        blank = Resource(
            0, project, file_name, "document", content, hash_of(content), 1, [], {}, None, None, False, *times
        )
        resource = replace(blank, **given)
        given["files"], ready = await asyncio.gather(
            self._files.now(project, file_name, content),
            index.prepare(CHUNK, chunk_rows(resource, chunks, [0] * len(chunks))),
        )
        resource = replace(resource, files=given["files"])
        async with self._engine.write(project) as tx:
            moment = now()
            start = valid_from or moment
            known = await resources.versions(tx, project, file_name)
            live = [version for version in known if not version.archived]
            current, holder = holding(known, moment), holding(known, start)
            same = _with_hash(resource.content_hash, holder, current, start)
            if live and same is None and on_conflict == "error":
                raise _taken(live[0])
            if is_over:
                _require_clear_start(str(valid_until), known, same, holder)
            others = await all_named(tx, projects_read(project_id), "supersedes", supersedes)
            if same is not None:
                if same.begins <= start or (is_over and same.begins <= str(valid_until)):
                    given.pop("valid_from", None)  # it holds then already
                stored = await _change(tx, same, given, moment, ready)
            else:
                if on_conflict == "replace" and valid_from is None and current is not None:
                    resource = replace(resource, valid_from=current.begins)
                noted = origin.get().marks(project) | resource.metadata
                resource = replace(resource, metadata=noted, created_at=moment, updated_at=moment)
                stored = await insert_version(tx, resource, known, holder, chunks, ready)
            heir_id = stored["resource_id"]
            await begin_earlier(tx, known, start, heir_id, moment)
            if on_conflict == "replace":
                last = max(start, moment)
                first = last if same else resource.begins
                wrong = [one for one in known if not one.archived or one.begins >= first]
                wrong = [one for one in wrong if one.id != heir_id and one.begins <= last]
                await _archive(tx, wrong, heir_id, moment)
            superseded = await settle(tx, project, file_name, moment, heir_id)
            superseded += await _supersede(tx, project, others, stored, moment if is_over else start, moment)
            await _note_shadowed(tx, () if known else projects_read(project_id)[1:], file_name, moment)
        return await self._compared(project, stored, superseded, ready)

    async def update(
        self,
        *,
        resource_id: int | None,
        file_name: str | None,
        content: str | None,
        tags: Sequence[str] | None,
        metadata: dict[str, Any] | None,
        resource_type: str | None,
        supersedes: Sequence[str] | None,
        agrees_with: Sequence[str] | None,
        valid_from: str | None,
        valid_until: str | None,
        expires: str | None,
        project_id: str | None,
    ) -> MemoryStored:
        """Change what is given of a memory; another text makes a new version, as storing it does.

        Args:
            agrees_with: ids or names of memories that it does not contradict, beside those known; empty: of none.

        Raises:
            LtmcError: NOT_FOUND; CONFLICT for one that another memory has taken the place of.
        """
        moment = now()
        changes = (content, tags, metadata, resource_type, supersedes, agrees_with)
        if all(change is None for change in (*changes, valid_from, valid_until, expires)):
            raise nothing_to_change(CHANGEABLE)
        async with self._engine.read() as tx:
            old = await require(tx, project_id, resource_id, file_name)
            await _require_open(tx, old, moment)
        project, read = old.project_id, projects_read(project_id)
        (text,) = await looked_at(self._guard.stored, (old.content if content is None else content,))
        another = hash_of(text) != old.content_hash
        kind = resource_type or (old.type if another else None)
        chunks, given = await asyncio.to_thread(
            lambda: (chunk(text), _given(old.file_name, text, kind, tags, metadata))
        )
        given |= _period(valid_from, valid_until, expires)
        if content is not None:
            given["files"] = await self._files.now(project, old.file_name, text)
        planned = old.begins > moment
        start = valid_from or (old.begins if planned or not another else moment)
        new = replace(_with_text(old, text, start, planned=planned) if another else old, **given)
        has_no_start = not another and old.valid_from is valid_from is None
        if has_no_start and new.valid_until and new.valid_until < start:
            given["valid_from"] = start = UNKNOWN_START
            new = replace(new, valid_from=start)
        _require_period(start, new.valid_until)
        ready = await index.prepare(CHUNK, chunk_rows(new, chunks, [0] * len(chunks)))
        async with self._engine.write(project) as tx:
            moment = now()
            known = await resources.versions(tx, project, old.file_name)
            version = _open_version(known, old, moment)
            is_history = another and not planned and start < version.begins
            holder = holding(known, start) if is_history else version
            if start == UNKNOWN_START and valid_from is None:
                _require_clear_start(str(new.valid_until), known, version, None)
            others = await all_named(tx, read, "supersedes", supersedes or ())
            agreeing = None if agrees_with is None else await _agreeing(tx, read, old, agrees_with)
            if holder is None or holder.content_hash != new.content_hash:
                kept = old.metadata if metadata is None else {}
                noted = kept | origin.get().marks(project) | (metadata or {})
                new = replace(new, metadata=noted, created_at=moment, updated_at=moment)
                stored = await insert_version(tx, new, known, holder, chunks, ready)
            else:
                if is_history:
                    given.pop("valid_from", None)  # it holds then already
                stored = await _change(tx, holder, given, moment, ready)
            heir_id = stored["resource_id"]
            if not another or planned or start == version.begins:
                superseded = await _take_place(tx, known, version, new.begins, heir_id, moment)
            else:
                await begin_earlier(tx, known, start, heir_id, moment)
                superseded = await settle(tx, project, old.file_name, moment, heir_id)
            if agreeing is not None:
                await agreements.put(tx, heir_id, agreeing)
            at = valid_from or max(moment, new.begins)
            superseded += await _supersede(tx, project, others, stored, at, moment)
        return marked(await self._compared(project, stored, superseded, ready), project, read)

    async def _compared(
        self,
        project: str,
        stored: MemoryStored,
        superseded: list[int],
        ready: index.Prepared,
    ) -> MemoryStored:
        """Add what was superseded, and to a new memory those on the same subject."""
        if superseded:
            stored = {**stored, "superseded": superseded}
        async with self._engine.read() as tx:
            row = await resources.version_of(tx, stored["resource_id"])
            if row is not None and row.superseded_at is not None:
                stored = {**stored, **await past_of(tx, row)}
        parts = [(text, entry.vector) for (_, _, text, _), entry in ready.items() if entry.vector]
        if row is not None and parts and not stored["deduplicated"]:
            similar = await self._conflicts.similar(project, row, parts)
            if similar:
                stored = {**stored, "similar": similar}
        return stored


async def _note_shadowed(tx: Transaction, projects: Sequence[str], file_name: str, moment: str) -> None:
    """Say which other project has a memory of a name that is new here."""
    for project in projects:
        if holding(await resources.versions(tx, project, file_name), moment) is not None:
            note(f"Project {project!r} has a memory of this name too, which is not shown here any more.")
            return


def _with_hash(told: str, holder: Version | None, current: Version | None, start: str) -> Version | None:
    """Return the version with a text, that which holds from a start on or the current one."""
    if holder and holder.content_hash == told:
        return holder
    held_between = current is not None and current.begins < start
    return current if current and current.content_hash == told and not held_between else None


async def _agreeing(
    tx: Transaction, projects: Sequence[str], one: Resource, references: Sequence[str]
) -> list[int]:
    """Return the ids of memories that one is to agree with."""
    found = await all_named(tx, projects, "agrees_with", references)
    for place, other in enumerate(found):
        if (other.project_id, other.file_name) == (one.project_id, one.file_name):
            raise invalid(f"agrees_with[{place}]", references[place], "another memory")
    return [other.id for other in found]


async def insert_version(
    tx: Transaction,
    resource: Resource,
    known: Sequence[Version],
    holder: Version | None,
    chunks: Sequence[TextChunk],
    ready: index.Prepared,
    gone: Mapping[str, int] | None = None,
) -> MemoryStored:
    """Store the version after those known and `gone`; another memory that is to end the holder ends the new one."""
    name, own = forms_of(resource.file_name)[0], {one.id for one in known}
    gone = await trash.last_versions(tx, resource.project_id, name) if gone is None else gone
    number = 1 + max(known[0].version if known else 0, gone.get(name, 0))
    resource = replace(resource, version=number, superseded_at=None, superseded_by=None)
    if holder and holder.superseded_by not in {None, *own} and (holder.superseded_at or "") > resource.begins:
        resource = replace(resource, superseded_at=holder.superseded_at, superseded_by=holder.superseded_by)
    resource = await resources.insert(tx, resource)
    parts = [(part.start, part.end, part.text, part.tokens) for part in chunks]
    ids = await resources.insert_chunks(tx, resource.id, parts)
    await index.add(tx, CHUNK, chunk_rows(resource, chunks, ids), ready)
    return _stored(resource, len(chunks))


async def _archive(tx: Transaction, older: Sequence[Version], heir_id: int, moment: str) -> None:
    """Take out of every index what a correction replaces."""
    for version in older:
        if version.is_replaced:
            continue
        kind = PAST if version.archived else CHUNK
        await index.remove(tx, kind, await resources.chunk_ids(tx, version.id))
        changes = {"archived": True, "superseded_by": heir_id, "superseded_at": None}
        await resources.update(tx, version.id, changes, moment)


async def _take_place(
    tx: Transaction,
    known: Sequence[Version],
    version: Version,
    start: str,
    heir_id: int,
    moment: str,
) -> list[int]:
    """Put what a version is now in its place; return the ids of what it supersedes.

    What it holds in place of from an earlier time on was wrong: those that began since.
    """
    wrong = [one for one in known if one is version or start <= one.begins < version.begins]
    places = [resources.Place(version.project_id, version.file_name)]
    for one in wrong:
        places += await resources.follow(tx, one, heir_id, start)
    await _archive(tx, [one for one in wrong if one.id != heir_id], heir_id, moment)
    return [
        one
        for place in places
        for one in await settle(tx, place.project_id, place.file_name, moment, heir_id)
    ]


async def _supersede(
    tx: Transaction, project: str, others: Sequence[Version], heir: MemoryStored, start: str, moment: str
) -> list[int]:
    """Put a memory of a project in the place of others from a time on; return the ids of those that ended by it.

    What was superseded before stays so.
    """
    done = []
    for version in {one.id: one for one in others}.values():
        own = (version.project_id, version.file_name) == (project, heir["file_name"])
        if own or version.is_replaced:
            continue
        if version.superseded_at is None or version.superseded_at > start:
            changes = {"superseded_at": start, "superseded_by": heir["resource_id"]}
            await resources.update(tx, version.id, changes, moment)
            await settle(tx, version.project_id, version.file_name, moment)
            done.append(version.id)
    return done


def _with_text(old: Resource, text: str, start: str, *, planned: bool) -> Resource:
    """Return the version after an old one with another text, from `start` on."""
    keeps_end = (planned or start >= old.begins) and (old.valid_until or "") >= start
    return replace(
        old,
        content=text,
        content_hash=hash_of(text),
        valid_from=start if planned else None,
        valid_until=old.valid_until if keeps_end else None,
    )


def _period(valid_from: str | None, valid_until: str | None, expires: str | None) -> dict[str, Any]:
    """Return the columns that a call says something about of when a memory holds."""
    given: dict[str, Any] = {} if valid_from is None else {"valid_from": valid_from}
    if valid_until is not None:
        given["valid_until"] = None if valid_until == NEVER else valid_until
    if expires is not None:
        given["expires_at"] = None if expires == NEVER else expires
    return given


def _require_period(start: str, end: str | None) -> None:
    if end is not None and end < start:
        after = (
            f"a time not before {start}, from when on it holds; for what ended earlier, pass valid_from too"
        )
        raise invalid("valid_until", end, after)


def _require_clear_start(
    end: str, known: Sequence[Version], same: Version | None, holder: Version | None
) -> None:
    """Refuse what ended before it was told where its start decides from when on another version holds."""
    others = [one for one in known if one is not same and not one.is_replaced]
    if (same is None and holder is not None) or (same is not None and same.begins > end and others):
        raise invalid("valid_until", end, "with valid_from too, since there are other versions of that name")


async def _require_open(tx: Transaction, old: Resource, moment: str) -> None:
    """Raise CONFLICT for what another memory has taken the place of."""
    if old.is_past(moment):
        heir = await heir_of(tx, old)
        after = (
            "and what took its place has expired or was deleted; store the text anew"
            if heir is None
            else f"by memory {heir.id} ({heir.file_name!r}); update that one, or store the text anew"
        )
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"resource_id: {old.id} is version {old.version} of {old.file_name!r}, which was superseded {after}.",
            field="resource_id",
            details={"resource_id": old.id, "superseded_by": heir and heir.id},
        )


def _open_version(known: Sequence[Version], old: Resource, moment: str) -> Version:
    version = next((one for one in known if one.id == old.id), None)
    if version is None or version.is_past(moment):
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"file_name: {old.file_name!r} was changed meanwhile; read it and call again.",
            field="file_name",
            details={"resource_id": old.id},
        )
    return version


def hash_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _taken(current: Version) -> LtmcError:
    return LtmcError(
        ErrorCode.CONFLICT,
        f"file_name: {current.file_name!r} already holds other content (version {current.version}); "
        "use on_conflict 'version' or 'replace'.",
        field="file_name",
        details={"resource_id": current.id, "version": current.version},
    )


def _given(
    file_name: str,
    content: str,
    resource_type: str | None,
    tags: Sequence[str] | None,
    metadata: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return the columns that a call says something about."""
    given: dict[str, Any] = {}
    if resource_type is not None:
        is_code = resource_type == "code"
        given["type"] = resource_type
        given["language"] = language_of(file_name, content) if is_code else None
        given["complexity"] = complexity_of(content) if is_code else None
    if tags is not None:
        given["tags"] = list(tags)
    if metadata is not None:
        given["metadata"] = metadata
    return given


def _stored(resource: Resource | Version, chunk_count: int, resource_type: str | None = None) -> MemoryStored:
    return {
        "resource_id": resource.id,
        "chunk_count": chunk_count,
        "version": resource.version,
        "deduplicated": False,
        "file_name": resource.file_name,
        "resource_type": resource_type or resource.type,
        "created_at": resource.created_at,
    }


async def _change(
    tx: Transaction, version: Version, given: dict[str, Any], moment: str, ready: index.Prepared
) -> MemoryStored:
    """Give a memory whose content stays other columns; `ready`: its chunks with these."""
    row = await resources.get(tx, version.id)
    if row is None:
        raise not_found("resource_id", version.id, "memory")
    if "metadata" in given:  # what was noted beside it stays
        kept = origin.get().marks(row.project_id).keys() & row.metadata.keys()
        given = given | {"metadata": {name: row.metadata[name] for name in kept} | given["metadata"]}
    changed = {name: value for name, value in given.items() if getattr(row, name) != value}
    if changed:
        await resources.update(tx, version.id, changed, moment)
    if "tags" in changed:
        chunks, kind = await resources.chunk_ids(tx, version.id), PAST if version.archived else CHUNK
        await index.add(tx, kind, list((await by_id(tx, kind.source, chunks)).values()), ready)
    shown = {
        "type": "resource_type",
        "language": None,
        "complexity": None,
        "files": None,
        "expires_at": "expires",
    }
    return {
        **_stored(version, version.chunk_count, given.get("type")),
        "deduplicated": True,
        "changed_fields": [name for column in changed if (name := shown.get(column, column)) is not None],
    }


def chunk_rows(resource: Resource, chunks: Sequence[TextChunk], ids: Sequence[int]) -> list[Chunk]:
    """Return the chunks of a memory as they are stored."""
    return [
        Chunk(
            id=chunk_id,
            project_id=resource.project_id,
            resource_id=resource.id,
            ordinal=ordinal,
            start_char=part.start,
            text=part.text,
            file_name=resource.file_name,
            type=resource.type,
            tags=resource.tags,
            version=resource.version,
            created_at=resource.created_at,
        )
        for ordinal, (chunk_id, part) in enumerate(zip(ids, chunks, strict=True))
    ]
