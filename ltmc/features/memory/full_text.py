"""What search shows as previews, in full by its id; and deleting a memory."""

import json
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.search import index
from ltmc.search.kinds import CHUNK, MESSAGE, PATTERN, message_view
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sources import by_id
from ltmc.storage.tables import graph, resources

IDS = ("resource_id", "chunk_id", "message_id", "pattern_id")


class OriginalService:
    """Originals are addressed by ids that are unique over all projects."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    async def get(
        self, ids: dict[str, int | None], *, offset: int, max_characters: int, project_id: str | None
    ) -> dict[str, Any]:
        """The full text of one memory, chunk, chat message or code pattern, from `offset` on.

        Raises:
            LtmcError: INVALID_ARGUMENT unless exactly one id is given; NOT_FOUND.
        """
        given = [(name, value) for name, value in ids.items() if value is not None]
        if len(given) != 1:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"Give exactly one of {', '.join(IDS)}; got {', '.join(name for name, _ in given) or 'none'}.",
                field=given[1][0] if given else IDS[0],
                details={"accepted": list(IDS)},
            )
        ((name, value),) = given
        async with self._database.read() as tx:
            found_in, shown, text = await _READERS[name](tx, value)
        if found_in is None or project_id not in (None, found_in):
            raise not_found(name, value, name.removesuffix("_id").replace("resource", "memory"))
        part = text[offset : offset + max_characters]
        return {
            **shown,
            "project_id": found_in,
            "content": part,
            "characters": len(text),
            "offset": offset,
            "has_more": offset + len(part) < len(text),
        }

    async def delete(self, resource_id: int, project_id: str | None) -> dict[str, Any]:
        """Delete a version of a memory with its chunks, index entries, links and graph node.

        Raises:
            LtmcError: NOT_FOUND, also the second time.
        """
        async with self._database.write() as tx:
            row = await resources.by_id(tx, resource_id, project_id)
            if row is None:
                raise not_found("resource_id", resource_id, "memory")
            chunks = await resources.chunks_of(tx, resource_id)
            await index.remove(tx, CHUNK, [chunk["id"] for chunk in chunks])
            edges = await graph.remove_nodes(tx, row["project_id"], [f"resource:{resource_id}"])
            await resources.delete(tx, resource_id)
        return {
            "resource_id": resource_id,
            "file_name": row["file_name"],
            "version": row["version"],
            "deleted": True,
            "removed": {"chunks": len(chunks), "links": edges},
        }


Found = tuple[str | None, dict[str, Any], str]
_NOTHING: Found = (None, {}, "")


async def _resource(tx: Transaction, resource_id: int) -> Found:
    row = await resources.by_id(tx, resource_id, None)
    if row is None:
        return _NOTHING
    shown = {
        "resource_id": row["id"],
        "file_name": row["file_name"],
        "resource_type": row["type"],
        "version": row["version"],
        "archived": bool(row["archived"]),
        "tags": json.loads(row["tags"]),
        "metadata": json.loads(row["metadata"]),
        "created_at": row["created_at"],
    }
    return row["project_id"], shown, row["content"]


async def _chunk(tx: Transaction, chunk_id: int) -> Found:
    row = (await by_id(tx, CHUNK.source, [chunk_id])).get(chunk_id)
    if row is None:
        return _NOTHING
    keys = ("resource_id", "file_name", "version", "ordinal", "start_char", "created_at")
    return row.project_id, {"chunk_id": row.id, **{key: getattr(row, key) for key in keys}}, row.text


async def _message(tx: Transaction, message_id: int) -> Found:
    row = (await by_id(tx, MESSAGE.source, [message_id])).get(message_id)
    return _NOTHING if row is None else (row.project_id, {**message_view(row)}, row.content)


async def _pattern(tx: Transaction, pattern_id: int) -> Found:
    row = (await by_id(tx, PATTERN.source, [pattern_id])).get(pattern_id)
    if row is None:
        return _NOTHING
    keys = "input_prompt result function_name file_name module_name language error_message created_at".split()
    shown = {"pattern_id": row.id, **{key: getattr(row, key) for key in keys}, "tags": row.tags}
    return row.project_id, shown, row.generated_code


_READERS = {"resource_id": _resource, "chunk_id": _chunk, "message_id": _message, "pattern_id": _pattern}
