"""The logs of use: tool calls, retrievals and the chunks they returned; and how old all logs may grow."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import Condition, conjunction


class ToolCall(NamedTuple):
    """A call of a tool; `caller`: whose token came over HTTP."""

    id: int
    tool: str
    project_id: str | None
    conversation_id: str | None
    duration_ms: float
    ok: bool
    error_code: str | None
    created_at: str
    caller: str | None = None


class Retrieval(NamedTuple):
    """A retrieval, without its query."""

    result_count: int
    latency_ms: float
    created_at: str


class LinkTotals(NamedTuple):
    """Links between messages, retrievals and chunks; `message_links`: those of messages."""

    links: int
    messages: int
    chunks: int
    message_links: int


class UsedChunk(NamedTuple):
    """A chunk and how many links lead to it."""

    chunk_id: int
    resource_id: int
    file_name: str
    uses: int


async def insert_call(tx: Transaction, call: ToolCall) -> None:
    """Store a call."""
    await insert_row(tx, "tool_calls", call)


class RetrievalEvent(NamedTuple):
    """A search of a tool, without what it looked for, and how many results it gave."""

    id: int
    project_id: str
    conversation_id: str | None
    tool: str
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


class CallTotals(NamedTuple):
    """The calls of a group, when the first and the last was, and percentiles of their durations, in ms."""

    name: str | None
    calls: int
    errors: int
    first_at: str
    last_at: str
    p50_ms: float
    p95_ms: float
    p99_ms: float


_GROUPS = {
    "tool": ("c.tool", "tool_calls c"),
    "project": ("c.project_id", "tool_calls c"),
    "caller": ("c.caller", "tool_calls c"),
    "day": ("substr(c.created_at, 1, 10)", "tool_calls c"),
    "agent": (
        "a.agent_name",
        (
            "tool_calls c LEFT JOIN (SELECT DISTINCT project_id, conversation_id, agent_name FROM chat_messages "
            "WHERE agent_name IS NOT NULL) a ON a.project_id = c.project_id "
            "AND a.conversation_id = c.conversation_id"
        ),
    ),
    None: ("NULL", "tool_calls c"),
}


async def call_totals(
    tx: Transaction, group_by: str | None, *, project_id: str | None, since: str | None
) -> list[CallTotals]:
    """Measure the calls since a time by tool, project, caller, agent or day, or all together: the most frequent first.

    A percentile is the smallest duration that at least so many of a hundred do not exceed (nearest rank).
    """
    group, tables = _GROUPS[group_by]
    where, parameters = _scope(project_id, since, "c.project_id", "c.created_at")

    def rank(percent: int) -> str:
        return f"max(CASE WHEN nth = (size * {percent} + 99) / 100 THEN duration_ms END) AS p{percent}_ms"

    found = await tx.all(
        CallTotals,
        "SELECT name, count(*) AS calls, sum(1 - ok) AS errors, min(created_at) AS first_at, "
        f"max(created_at) AS last_at, {rank(50)}, {rank(95)}, {rank(99)} FROM "
        f"(SELECT {group} AS name, c.ok, c.duration_ms, c.created_at, count(*) OVER (PARTITION BY {group}) "
        f"AS size, row_number() OVER (PARTITION BY {group} ORDER BY c.duration_ms) AS nth "
        f"FROM {tables} WHERE {where}) ranked GROUP BY name ORDER BY calls DESC, coalesce(name, 'None')",
        parameters,
    )
    return [
        row._replace(**{name: round(getattr(row, name), 3) for name in ("p50_ms", "p95_ms", "p99_ms")})
        for row in found
    ]


LOGS = ("tool_calls", "retrieval_events", "routing_log", "sync_events")
"""The tables that grow with use and are pruned; the links of a retrieval go with it."""


async def prune(tx: Transaction, *, before: str, most: int, batch: int) -> bool:
    """Remove, from each log, of its oldest `batch` rows those made before a time or not among the newest `most`.

    Returns:
        Whether there may be more to remove.
    """
    more = False
    for table in LOGS:
        removed = await tx.column(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM "
            f"(SELECT id, created_at FROM {table} ORDER BY id LIMIT ?) oldest "
            f"WHERE created_at < ? OR id <= (SELECT max(id) FROM {table}) - ?) RETURNING id",
            (batch, before, most),
        )
        more = more or len(removed) == batch
    return more


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
_LINKED_PROJECT = "(r.project_id || '')"
"""The project of a link's memory, so said that no index of it is read: a project has more memories than links."""


async def link_totals(tx: Transaction, *, project_id: str | None, since: str | None) -> LinkTotals:
    """Count the links, and the messages and chunks that they join."""
    where, parameters = _scope(project_id, since, _LINKED_PROJECT, "l.created_at")
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
    where, parameters = _scope(project_id, since, _LINKED_PROJECT, "l.created_at")
    return await tx.all(
        UsedChunk,
        f"SELECT l.chunk_id, c.resource_id, r.file_name, count(*) AS uses FROM {_LINKS} WHERE {where} "
        "GROUP BY l.chunk_id, c.resource_id, r.file_name ORDER BY uses DESC, l.chunk_id LIMIT ?",
        [*parameters, limit],
    )


async def unused_resources(tx: Transaction, *, project_id: str | None, since: str | None) -> int:
    """Count the live resources that no link since a time leads to."""
    live, projects = _scope(project_id, None, "x.project_id")
    where, parameters = _scope(project_id, since, _LINKED_PROJECT, "l.created_at")
    return int(
        await tx.value(
            f"SELECT (SELECT count(*) FROM resources x WHERE x.archived = 0 AND {live}) - "
            f"(SELECT count(DISTINCT r.id) FROM {_LINKS} WHERE r.archived = 0 AND {where})",
            [*projects, *parameters],
        )
    )


async def newest_calls(tx: Transaction, *, project_id: str | None, limit: int, after: int) -> list[ToolCall]:
    """Return the newest calls with a larger id than `after`, the newest first."""
    where, parameters = _scope(project_id, None)
    return await tx.all(
        ToolCall,
        f"SELECT {columns(ToolCall)} FROM tool_calls WHERE id > ? AND {where} ORDER BY id DESC LIMIT ?",
        [after, *parameters, limit],
    )


async def newest_retrievals(
    tx: Transaction, *, project_id: str | None, limit: int, after: int
) -> list[RetrievalEvent]:
    """Return the newest retrievals with a larger id than `after`, the newest first."""
    where, parameters = _scope(project_id, None)
    return await tx.all(
        RetrievalEvent,
        f"SELECT {columns(RetrievalEvent)} FROM retrieval_events WHERE id > ? AND {where} "
        "ORDER BY id DESC LIMIT ?",
        [after, *parameters, limit],
    )


async def last_ids(tx: Transaction) -> tuple[int, int]:
    """Return the largest id of a call and of a retrieval; 0 where there is none."""
    return (
        int(await tx.value("SELECT coalesce(max(id), 0) FROM tool_calls")),
        int(await tx.value("SELECT coalesce(max(id), 0) FROM retrieval_events")),
    )


CallFact = tuple[str, str, str | None, str | None, float]
"""Of a call: time, tool, project, error code (None: it succeeded), duration in ms."""

RetrievalFact = tuple[str, int, float]
"""Of a retrieval: time, how much was found, duration in ms."""


async def call_facts(
    tx: Transaction, *, project_id: str | None, since: str | None, limit: int
) -> list[CallFact]:
    """Return the newest calls since a time, the newest first.

    Whoever wants the percentiles of several groupings reads the calls once: the database takes three times as long
    for one grouping.
    """
    code = "CASE WHEN ok = 1 THEN NULL ELSE coalesce(error_code, 'INTERNAL') END"
    facts = f"created_at, tool, project_id, {code}, duration_ms"
    return await _facts(tx, "tool_calls", facts, project_id, since, limit)


async def retrieval_facts(
    tx: Transaction, *, project_id: str | None, since: str | None, limit: int
) -> list[RetrievalFact]:
    """Return the newest retrievals since a time, the newest first."""
    facts = "created_at, result_count, latency_ms"
    return await _facts(tx, "retrieval_events", facts, project_id, since, limit)


async def _facts(
    tx: Transaction, table: str, facts: str, project_id: str | None, since: str | None, limit: int
) -> list[Any]:
    where, parameters = _scope(project_id, since)
    order = "id" if since is None else "created_at"  # of all rows the order of the table is the fastest
    sql = f"SELECT {facts} FROM {table} WHERE {where} ORDER BY {order} DESC LIMIT ?"
    return await tx.call(lambda stored: stored.cursor.execute(sql, [*parameters, limit]).fetchall())


class FoundMemory(NamedTuple):
    """A memory that a retrieval returned."""

    event_id: int
    resource_id: int
    project_id: str
    file_name: str


async def found_memories(tx: Transaction, event_ids: Iterable[int]) -> list[FoundMemory]:
    """Return the memories that some retrievals returned and that are still there, the best of each first."""
    return await tx.all(
        FoundMemory,
        "SELECT l.event_id, r.id AS resource_id, r.project_id, r.file_name FROM context_links l "
        "JOIN resource_chunks c ON c.id = l.chunk_id JOIN resources r ON r.id = c.resource_id "
        "WHERE l.event_id IN (SELECT value FROM json_each(?)) GROUP BY l.event_id, r.id "
        "ORDER BY l.event_id, min(l.rank)",
        [[*event_ids]],
    )


class DayGrowth(NamedTuple):
    """How many memories and messages that are kept are of a UTC day."""

    day: str
    memories: int
    messages: int


async def growth(tx: Transaction) -> list[DayGrowth]:
    """Count what is kept by the day that it is of, the oldest first; every memory is read for it."""
    return await tx.all(
        DayGrowth,
        "SELECT day, sum(memories) AS memories, sum(messages) AS messages FROM "
        "(SELECT substr(created_at, 1, 10) AS day, count(*) AS memories, 0 AS messages FROM resources "
        "WHERE archived = 0 GROUP BY 1 UNION ALL "
        "SELECT substr(created_at, 1, 10), 0, count(*) FROM chat_messages GROUP BY 1) days GROUP BY day ORDER BY day",
    )


def _scope(
    project_id: str | None, since: str | None, project: str = "project_id", created: str = "created_at"
) -> tuple[str, list[Any]]:
    """Return the condition for a project and a time (None: any), with its parameters."""
    given = ((f"{project} = ?", project_id), (f"{created} >= ?", since))
    return conjunction([Condition(sql, [value]) for sql, value in given if value is not None])
