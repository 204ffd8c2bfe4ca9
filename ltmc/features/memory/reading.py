"""Reading in full what a search shows as a preview, and deleting a memory."""

from typing import Any

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.features.memory.results import MemoryDeleted
from ltmc.search import index
from ltmc.search.kinds import CHUNK, MESSAGE, PATTERN, message_view
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sources import by_id
from ltmc.storage.tables import graph, resources

FullText = tuple[str, dict[str, Any], str]
"""The project of a thing, what is shown of it beside its text, and the text."""


class ReadingService:
    """Reads things by ids that are unique over all projects."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def read(
        self, ids: dict[str, int | None], *, offset: int, max_characters: int, project_id: str | None
    ) -> dict[str, Any]:
        """Return the full text of one memory, chunk, chat message or code pattern, from `offset` on.

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
        async with self._engine.read() as tx:
            found = await _READERS[name](tx, value)
        if found is None or project_id not in (None, found[0]):
            raise not_found(name, value, name.removesuffix("_id").replace("resource", "memory"))
        project, shown, text = found
        part = text[offset : offset + max_characters]
        return {
            **shown,
            "project_id": project,
            "content": part,
            "characters": len(text),
            "offset": offset,
            "has_more": offset + len(part) < len(text),
        }

    async def delete(self, resource_id: int, project_id: str | None) -> MemoryDeleted:
        """Delete a version of a memory with its chunks, index entries, links and graph node.

        Raises:
            LtmcError: NOT_FOUND, also the second time.
        """
        async with self._engine.write() as tx:
            row = await resources.get(tx, resource_id, project_id)
            if row is None:
                raise not_found("resource_id", resource_id, "memory")
            chunks = await resources.chunk_ids(tx, resource_id)
            await index.remove(tx, CHUNK, chunks)
            links = await graph.remove_nodes(tx, row.project_id, [f"resource:{resource_id}"])
            await resources.delete(tx, resource_id)
        return {
            "resource_id": resource_id,
            "file_name": row.file_name,
            "version": row.version,
            "deleted": True,
            "removed": {"chunks": len(chunks), "links": links},
        }


async def _resource(tx: Transaction, resource_id: int) -> FullText | None:
    row = await resources.get(tx, resource_id, None)
    if row is None:
        return None
    shown = {
        "resource_id": row.id,
        "file_name": row.file_name,
        "resource_type": row.type,
        "version": row.version,
        "archived": row.archived,
        "tags": row.tags,
        "metadata": row.metadata,
        "created_at": row.created_at,
    }
    return row.project_id, shown, row.content


async def _chunk(tx: Transaction, chunk_id: int) -> FullText | None:
    row = (await by_id(tx, CHUNK.source, [chunk_id])).get(chunk_id)
    if row is None:
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
    return None if row is None else (row.project_id, {**message_view(row)}, row.content)


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


_READERS = {"resource_id": _resource, "chunk_id": _chunk, "message_id": _message, "pattern_id": _pattern}
