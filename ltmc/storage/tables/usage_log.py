"""The logs of use: tool calls, retrievals and the chunks they returned, usage events."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.storage.engine import Row, Transaction
from ltmc.storage.rows import insert_row
from ltmc.timestamps import now


async def insert_call(
    tx: Transaction,
    tool: str,
    duration_ms: float,
    ok: bool,
    error_code: str | None,
    project_id: str | None,
    conversation_id: str | None,
    created_at: str,
) -> None:
    """One call of a tool."""
    await tx.run(
        "INSERT INTO tool_calls (tool, project_id, conversation_id, duration_ms, ok, error_code, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (tool, project_id, conversation_id, round(duration_ms, 3), int(ok), error_code, created_at),
    )


@dataclass(frozen=True, slots=True)
class RetrievalEvent:
    """A search of a tool: what it looked for and how many results it gave."""

    id: int
    project_id: str
    conversation_id: str | None
    tool: str
    query: str
    top_k: int
    result_count: int
    search_mode: str
    latency_ms: float
    created_at: str


async def insert_retrieval(
    tx: Transaction, event: RetrievalEvent, chunks: Sequence[tuple[int, float]]
) -> None:
    """Store a retrieval with the (id, score) of each chunk of memory it returned, best first."""
    event = await insert_row(tx, "retrieval_events", event)
    await tx.many(
        "INSERT INTO context_links (event_id, chunk_id, rank, score, created_at) VALUES (?, ?, ?, ?, ?)",
        [
            (event.id, chunk_id, rank, score, event.created_at)
            for rank, (chunk_id, score) in enumerate(chunks, start=1)
        ],
    )


async def insert_usage_event(
    tx: Transaction, event_type: str, project_id: str | None, value: float, attributes: dict[str, Any]
) -> None:
    """One usage event."""
    await tx.run(
        "INSERT INTO usage_events (event_type, project_id, value, attributes, created_at) "
        "VALUES (?, ?, ?, ?, ?)",
        (event_type, project_id, value, json.dumps(attributes), now()),
    )


def _scope(project_id: str | None, since: str | None, prefix: str = "") -> tuple[str, list[Any]]:
    """The condition for a project (None: all) and a time; columns get `prefix`."""
    conditions, parameters = ["1"], []
    if project_id is not None:
        conditions.append(f"{prefix}project_id = ?")
        parameters.append(project_id)
    if since is not None:
        conditions.append(f"{prefix}created_at >= ?")
        parameters.append(since)
    return " AND ".join(conditions), parameters


async def calls(tx: Transaction, *, project_id: str | None, since: str | None) -> list[Row]:
    """The calls since a time, oldest first."""
    where, parameters = _scope(project_id, since)
    return await tx.all(f"SELECT * FROM tool_calls WHERE {where} ORDER BY id", parameters)


async def durations(tx: Transaction, tool: str, *, project_id: str | None, since: str | None) -> list[float]:
    """Return how long the successful calls of a tool took, in ms, oldest first."""
    where, parameters = _scope(project_id, since)
    return await tx.column(
        f"SELECT duration_ms FROM tool_calls WHERE tool = ? AND ok = 1 AND {where} ORDER BY id",
        [tool, *parameters],
    )


async def retrievals(tx: Transaction, *, project_id: str | None, since: str | None) -> list[Row]:
    """The retrievals since a time, oldest first, without their queries."""
    where, parameters = _scope(project_id, since)
    return await tx.all(
        f"SELECT tool, result_count, latency_ms, created_at FROM retrieval_events WHERE {where} ORDER BY id",
        parameters,
    )


async def link_totals(tx: Transaction, *, project_id: str | None, since: str | None) -> Row:
    """How many links there are, over how many messages and chunks."""
    where, parameters = _link_scope(project_id, since)
    row = await tx.one(
        "SELECT count(*) AS links, count(DISTINCT l.message_id) AS messages, "
        "count(DISTINCT l.chunk_id) AS chunks, count(l.message_id) AS message_links "
        f"FROM {_LINKS} WHERE {where}",
        parameters,
    )
    return row or {}


async def most_used_chunks(
    tx: Transaction, *, project_id: str | None, since: str | None, limit: int
) -> list[Row]:
    """The chunks with the most links."""
    where, parameters = _link_scope(project_id, since)
    return await tx.all(
        "SELECT l.chunk_id, c.resource_id, r.file_name, count(*) AS uses "
        f"FROM {_LINKS} WHERE {where} GROUP BY l.chunk_id ORDER BY uses DESC, l.chunk_id LIMIT ?",
        [*parameters, limit],
    )


async def unused_resources(tx: Transaction, *, project_id: str | None, since: str | None) -> int:
    """How many live resources no link since then refers to."""
    where, parameters = _link_scope(project_id, since)
    project = "1" if project_id is None else "x.project_id = ?"
    return int(
        await tx.value(
            f"SELECT count(*) FROM resources x WHERE x.archived = 0 AND {project} AND x.id NOT IN "
            f"(SELECT c.resource_id FROM {_LINKS} WHERE {where})",
            [*([] if project_id is None else [project_id]), *parameters],
        )
    )


_LINKS = (
    "context_links l JOIN resource_chunks c ON c.id = l.chunk_id JOIN resources r ON r.id = c.resource_id"
)


def _link_scope(project_id: str | None, since: str | None) -> tuple[str, list[Any]]:
    where, parameters = _scope(project_id, None, "r.")
    if since is not None:
        where, parameters = f"{where} AND l.created_at >= ?", [*parameters, since]
    return where, parameters
