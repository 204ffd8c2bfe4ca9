"""What search shows as previews, in full by its id; and deleting a memory."""

import json
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.features.memory import filters as finding
from ltmc.search import index
from ltmc.storage.engine import Engine, Row, Transaction
from ltmc.storage.tables import chats, graph, patterns, resources

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
            row, shown, text = await _READERS[name](tx, value)
        if row is None or project_id not in (None, row["project_id"]):
            raise not_found(name, value, name.removesuffix("_id").replace("resource", "memory"))
        part = text[offset : offset + max_characters]
        return {
            **shown,
            "project_id": row["project_id"],
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
            await index.remove(tx, "chunk", [chunk["id"] for chunk in chunks])
            edges = await graph.remove_nodes(tx, row["project_id"], [f"resource:{resource_id}"])
            await resources.delete(tx, resource_id)
        return {
            "resource_id": resource_id,
            "file_name": row["file_name"],
            "version": row["version"],
            "deleted": True,
            "removed": {"chunks": len(chunks), "links": edges},
        }


Found = tuple[Row | None, dict[str, Any], str]
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
    return row, shown, row["content"]


async def _chunk(tx: Transaction, chunk_id: int) -> Found:
    row = (await resources.chunks_by_id(tx, [chunk_id])).get(chunk_id)
    if row is None:
        return _NOTHING
    keys = ("chunk_id", "resource_id", "file_name", "version", "ordinal", "start_char", "created_at")
    return row, {key: row[key] for key in keys}, row["text"]


async def _message(tx: Transaction, message_id: int) -> Found:
    row = (await chats.by_id(tx, [message_id])).get(message_id)
    return _NOTHING if row is None else (row, finding.message(row), row["content"])


async def _pattern(tx: Transaction, pattern_id: int) -> Found:
    row = (await patterns.by_id(tx, [pattern_id])).get(pattern_id)
    if row is None:
        return _NOTHING
    keys = "input_prompt result function_name file_name module_name language error_message created_at".split()
    shown = {"pattern_id": row["id"], **{key: row[key] for key in keys}, "tags": json.loads(row["tags"])}
    return row, shown, row["generated_code"]


_READERS = {"resource_id": _resource, "chunk_id": _chunk, "message_id": _message, "pattern_id": _pattern}
