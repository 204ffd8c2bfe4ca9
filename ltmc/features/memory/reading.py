"""Reading in full what a search shows as a preview, and deleting a memory."""

from typing import Any, cast

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found, shorten
from ltmc.features.memory.named import by_name, heir_of
from ltmc.features.memory.named_files import NamedFiles
from ltmc.features.memory.removal import remove
from ltmc.features.memory.results import ListedMemory, MemoryDeleted, MemoryPage, Past, line_of
from ltmc.search.kinds import CHUNK, MESSAGE, PATTERN, Described, Preview, held, message_view, todo_view
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sources import by_id
from ltmc.storage.tables import agreements, listing, resources, todos, trash
from ltmc.storage.tables.resources import Resource, Version
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import elsewhere, marked, owned, projects_read, reaches

LOST = "What took its place has expired or was deleted; store the text anew if it holds again."

FullText = tuple[str, dict[str, Any], str]
"""The project of a thing, what is shown of it beside its text, and the text."""


class ReadingService:
    """Reads things by ids that are unique over all projects."""

    def __init__(self, engine: Engine, files: NamedFiles) -> None:
        self._engine, self._files = engine, files

    async def read(
        self,
        ids: dict[str, Any],
        *,
        version: int | None,
        offset: int,
        max_characters: int,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Return the full text of one memory, chunk, chat message, code pattern or todo, from `offset` on.

        Args:
            ids: ids by what they are of; ``file_name`` is one too.
            version: of the name; None is the current one.

        Raises:
            LtmcError: INVALID_ARGUMENT unless exactly one id is given; NOT_FOUND.
        """
        given = [(name, value) for name, value in ids.items() if value is not None]
        if len(given) != 1:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"Give exactly one of {', '.join(ids)}; got {', '.join(name for name, _ in given) or 'none'}.",
                field=given[1][0] if given else next(iter(ids)),
                details={"accepted": list(ids)},
            )
        ((name, value),) = given
        if version is not None and name != "file_name":
            raise invalid("version", version, "only with file_name")
        async with self._engine.read() as tx:
            if name == "file_name":
                found = await _named(tx, projects_read(project_id), value, version)
            else:
                found = await _READERS[name](tx, value)
        if found is None or not reaches(project_id, found[0]):
            if version is not None:
                raise not_found("version", version, f"version of {shorten(value)}")
            hint = elsewhere(found[0]) if found and project_id is None else ""
            raise not_found(name, value, _WHAT.get(name, name.removesuffix("_id")), hint)
        project, shown, text = found
        if files := shown.pop("files", None):
            (stale,) = await self._files.changed(project, [files])
            shown |= {"stale": stale} if stale else {}
        part = text[offset : offset + max_characters]
        return {
            **shown,
            "project_id": project,
            "content": part,
            "characters": len(text),
            "offset": offset,
            "has_more": offset + len(part) < len(text),
        }

    async def page(
        self,
        *,
        tag: str | None,
        prefix: str | None,
        branch: str | None = None,
        limit: int,
        offset: int,
        project_id: str | None,
    ) -> MemoryPage:
        """Return a page of the current memories, the newest first."""
        projects = projects_read(project_id)
        async with self._engine.read() as tx:
            rows, total, exact = await listing.page(
                tx, projects, now(), tag=tag, prefix=prefix, branch=branch, limit=limit, offset=offset
            )
        changed = await self._files.changed(projects[0], [row.files for row in rows])
        memories: list[ListedMemory] = [
            {
                "resource_id": row.id,
                "file_name": row.file_name,
                "resource_type": row.type,
                "version": row.version,
                "line": line_of(row.head),
                "tags": row.tags,
                "created_at": row.created_at,
            }
            for row in rows
        ]
        for memory, stale in zip(memories, changed, strict=True):
            if stale:
                memory["stale"] = stale
        return {
            "memories": [
                marked(memory, row.project_id, projects) for memory, row in zip(memories, rows, strict=True)
            ],
            **page_counts(rows, total, offset, exact=exact),
        }

    async def names(self, prefix: str, limit: int, project_id: str | None = None) -> tuple[list[str], int]:
        """Return names of current memories, those of the newest first, and how many memories there are."""
        async with self._engine.read() as tx:
            rows, total, _ = await listing.page(
                tx,
                projects_read(project_id),
                now(),
                tag=None,
                prefix=prefix,
                branch=None,
                limit=limit,
                offset=0,
            )
        return list(dict.fromkeys(row.file_name for row in rows)), total

    async def delete(self, resource_id: int, project_id: str | None) -> MemoryDeleted:
        """Delete a version of a memory; it can be put back.

        Raises:
            LtmcError: NOT_FOUND, also the second time.
        """
        async with self._engine.write() as tx:
            row = await resources.get(tx, resource_id)
            row = owned(row, project_id, "resource_id", resource_id, "memory")
            forgetting = await trash.begin(tx, row.project_id, now(), {"memory": 1})
            await trash.keep(tx, forgetting, "memory", [resource_id], delete=False)
            removed = await remove(tx, row)
        return {
            "resource_id": resource_id,
            "file_name": row.file_name,
            "version": row.version,
            "deleted": True,
            "removed": removed,
            "undo": forgetting.token,
        }


async def _resource(tx: Transaction, resource_id: int) -> FullText | None:
    row = await resources.get(tx, resource_id)
    if row is None or row.has_expired(now()):
        return None
    agreeing = await agreements.of_memory(tx, row.id)
    is_lost = row.is_past(now()) and not row.is_replaced and await heir_of(tx, row) is None
    shown = {
        "resource_id": row.id,
        "file_name": row.file_name,
        "resource_type": row.type,
        "version": row.version,
        "archived": row.archived,
        "tags": row.tags,
        "metadata": row.metadata,
        "created_at": row.created_at,
        **({} if row.is_current(now()) else {"current": False}),
        **await past_of(tx, row),
        **({"note": LOST} if is_lost else {}),
        **({"agrees_with": agreeing} if agreeing else {}),
        "files": row.files,
    }
    return row.project_id, shown, row.content


async def _named(
    tx: Transaction, projects: list[str], file_name: str, version: int | None
) -> FullText | None:
    """Return a memory from the first project that has the name."""
    for project in projects:
        found = await by_name(tx, project, file_name, version)
        if found is not None:
            return await _resource(tx, found.id)
    return None


async def past_of(tx: Transaction, row: Resource | Version) -> Past:
    """Return when a version held, and what took its place."""
    shown = cast("Past", held(row, await resources.name_of(tx, row.superseded_by)))
    if row.expires_at is not None:
        shown["expires_at"] = row.expires_at
    return shown


async def _chunk(tx: Transaction, chunk_id: int) -> FullText | None:
    row = (await by_id(tx, CHUNK.source, [chunk_id])).get(chunk_id)
    if row is None:
        return None
    memory = await resources.version_of(tx, row.resource_id)
    if memory is None or memory.has_expired(now()):
        return None
    shown = {
        "chunk_id": row.id,
        "resource_id": row.resource_id,
        "file_name": row.file_name,
        "version": row.version,
        "ordinal": row.ordinal,
        "start_char": row.start_char,
        "created_at": row.created_at,
    }
    return row.project_id, shown, row.text


async def _message(tx: Transaction, message_id: int) -> FullText | None:
    row = (await by_id(tx, MESSAGE.source, [message_id])).get(message_id)
    if row is None:
        return None
    shown = {name: value for name, value in message_view(row).items() if name not in Preview.__annotations__}
    return row.project_id, shown, row.content


async def _pattern(tx: Transaction, pattern_id: int) -> FullText | None:
    row = (await by_id(tx, PATTERN.source, [pattern_id])).get(pattern_id)
    if row is None:
        return None
    shown = {
        "pattern_id": row.id,
        "input_prompt": row.input_prompt,
        "result": row.result,
        "function_name": row.function_name,
        "file_name": row.file_name,
        "module_name": row.module_name,
        "language": row.language,
        "error_message": row.error_message,
        "created_at": row.created_at,
        "tags": row.tags,
    }
    return row.project_id, shown, row.generated_code


async def _todo(tx: Transaction, todo_id: int) -> FullText | None:
    row = await todos.get(tx, todo_id)
    if row is None:
        return None
    shown = {name: value for name, value in todo_view(row).items() if name not in Described.__annotations__}
    return row.project_id, shown, row.description


_WHAT = {"resource_id": "memory", "file_name": "memory"}
_READERS = {
    "resource_id": _resource,
    "chunk_id": _chunk,
    "message_id": _message,
    "pattern_id": _pattern,
    "todo_id": _todo,
}
