"""Pages of memories."""

from typing import NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.sources import Condition, ahead, among, conjunction, count_page, member_of, tagged_any
from ltmc.storage.tables.resources import NamedFile, current


class Listed(NamedTuple):
    """A memory of a listing; `head`: the beginning of its text."""

    id: int
    project_id: str
    file_name: str
    type: str
    version: int
    head: str
    tags: list[str]
    created_at: str
    files: list[NamedFile]


async def page(
    tx: Transaction,
    projects: list[str],
    moment: str,
    *,
    tag: str | None,
    prefix: str | None,
    branch: str | None,
    limit: int,
    offset: int,
) -> tuple[list[Listed], int, bool]:
    """Return the current memories of projects, newest first, of a tag, a beginning of the name and a branch if given.

    They come with how many there are in all, and whether that is exact, see `ltmc.storage.sources.COUNTED`.
    """
    chosen = [current([moment, *ahead(projects)])]
    if tag is not None:
        chosen.append(tagged_any("resources", "r.id")([tag]))
    if prefix is not None:
        chosen.append(Condition("substr(r.file_name, 1, length(?)) = ?", [prefix, prefix]))
    if branch is not None:
        chosen.append(member_of("r.metadata")(["branch", branch]))
    condition, parameters = conjunction(chosen)
    # Of each project the newest by its index, and of those the newest; the ids first, or texts are sorted too.
    # One more tells whether there is another page, where not all are counted.
    end = offset + limit + 1
    newest = f"SELECT r.id FROM resources r WHERE r.project_id = ? AND {condition} ORDER BY r.id DESC LIMIT ?"
    each = f"SELECT id FROM ({newest}) newest"
    found = await tx.column(
        f"SELECT id FROM ({' UNION ALL '.join([each] * len(projects))}) found ORDER BY id DESC LIMIT ? OFFSET ?",
        [*(value for project in projects for value in (project, *parameters, end)), limit + 1, offset],
    )
    counted, exact = await count_page(
        tx,
        f"FROM resources r WHERE r.project_id IN ({', '.join('?' * len(projects))}) AND {condition}",
        [*projects, *parameters],
    )
    shown = among("id")(found[:limit])
    rows = await tx.all(
        Listed,
        "SELECT id, project_id, file_name, type, version, substr(content, 1, 300) AS head, tags, created_at, files "
        f"FROM resources WHERE {shown.sql} ORDER BY id DESC",
        shown.parameters,
    )
    return rows, counted if exact else max(counted, offset + len(found)), exact
