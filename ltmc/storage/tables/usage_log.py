"""The logs of use: tool calls, retrievals and the chunks they returned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import Condition, conjunction


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool."""

    id: int
    tool: str
    project_id: str | None
    conversation_id: str | None
    duration_ms: float
    ok: bool
    error_code: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A retrieval, without its query."""

    result_count: int
    latency_ms: float
    created_at: str


@dataclass(frozen=True, slots=True)
class LinkTotals:
    """Links between messages, retrievals and chunks; `message_links`: those of messages."""

    links: int
    messages: int
    chunks: int
    message_links: int


@dataclass(frozen=True, slots=True)
class UsedChunk:
    """A chunk and how many links lead to it."""

    chunk_id: int
    resource_id: int
    file_name: str
    uses: int


async def insert_call(tx: Transaction, call: ToolCall) -> None:
    """Store a call."""
    await insert_row(tx, "tool_calls", call)


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


async def calls(tx: Transaction, *, project_id: str | None, since: str | None) -> list[ToolCall]:
    """Return the calls since a time, oldest first."""
    where, parameters = _scope(project_id, since)
    return await tx.all(ToolCall, f"SELECT * FROM tool_calls WHERE {where} ORDER BY id", parameters)


async def durations(tx: Transaction, tool: str, *, project_id: str | None, since: str | None) -> list[float]:
    """Return how long the successful calls of a tool took, in ms, oldest first."""
    where, parameters = _scope(project_id, since)
    return await tx.column(
        f"SELECT duration_ms FROM tool_calls WHERE tool = ? AND ok = 1 AND {where} ORDER BY id",
        [tool, *parameters],
    )


async def retrievals(tx: Transaction, *, project_id: str | None, since: str | None) -> list[Retrieval]:
    """Return the retrievals since a time, oldest first."""
    where, parameters = _scope(project_id, since)
    return await tx.all(
        Retrieval,
        f"SELECT {columns(Retrieval)} FROM retrieval_events WHERE {where} ORDER BY id",
        parameters,
    )


_LINKS = (
    "context_links l JOIN resource_chunks c ON c.id = l.chunk_id JOIN resources r ON r.id = c.resource_id"
)


async def link_totals(tx: Transaction, *, project_id: str | None, since: str | None) -> LinkTotals:
    """Count the links, and the messages and chunks that they join."""
    where, parameters = _scope(project_id, since, "r.project_id", "l.created_at")
    (totals,) = await tx.all(
        LinkTotals,
        "SELECT count(*) AS links, count(DISTINCT l.message_id) AS messages, "
        "count(DISTINCT l.chunk_id) AS chunks, count(l.message_id) AS message_links "
        f"FROM {_LINKS} WHERE {where}",
        parameters,
    )
    return totals


async def most_used_chunks(
    tx: Transaction, *, project_id: str | None, since: str | None, limit: int
) -> list[UsedChunk]:
    """Return the chunks with the most links."""
    where, parameters = _scope(project_id, since, "r.project_id", "l.created_at")
    return await tx.all(
        UsedChunk,
        f"SELECT l.chunk_id, c.resource_id, r.file_name, count(*) AS uses FROM {_LINKS} WHERE {where} "
        "GROUP BY l.chunk_id, c.resource_id, r.file_name ORDER BY uses DESC, l.chunk_id LIMIT ?",
        [*parameters, limit],
    )


async def unused_resources(tx: Transaction, *, project_id: str | None, since: str | None) -> int:
    """Count the live resources that no link since a time leads to."""
    live, projects = _scope(project_id, None, "x.project_id")
    where, parameters = _scope(project_id, since, "r.project_id", "l.created_at")
    return int(
        await tx.value(
            f"SELECT count(*) FROM resources x WHERE x.archived = 0 AND {live} AND x.id NOT IN "
            f"(SELECT c.resource_id FROM {_LINKS} WHERE {where})",
            [*projects, *parameters],
        )
    )


def _scope(
    project_id: str | None, since: str | None, project: str = "project_id", created: str = "created_at"
) -> tuple[str, list[Any]]:
    """Return the condition for a project and a time (None: any), with its parameters."""
    given = ((f"{project} = ?", project_id), (f"{created} >= ?", since))
    return conjunction([Condition(sql, [value]) for sql, value in given if value is not None])
