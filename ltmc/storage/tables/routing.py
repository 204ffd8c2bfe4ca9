"""How queries were routed, and what came of it."""

from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import insert_row


class LoggedRoute(NamedTuple):
    """A routed query; `query_hash` stands for its text, which is not kept.

    `result_count` is None until a search was carried out.
    """

    id: int
    project_id: str
    query_hash: str
    features: dict[str, Any]
    method: str
    confidence: float
    alternatives: list[dict[str, Any]]
    result_count: int | None
    latency_ms: float
    fallback_used: bool
    created_at: str


class MethodTotals(NamedTuple):
    """The routes to a method; `confidence` and `latency_ms` are means.

    `answered` counts the routes whose search was carried out, `empty` those of them that found nothing
    at the first try.
    """

    method: str
    routes: int
    confidence: float
    latency_ms: float | None
    fallbacks: int
    answered: int
    empty: int


async def insert(tx: Transaction, route: LoggedRoute) -> None:
    """Store a routed query."""
    await insert_row(tx, "routing_log", route)


async def totals(tx: Transaction, project_id: str | None, since: str | None) -> list[MethodTotals]:
    """Return the totals of each method of a project (None: of all), the most frequent first."""
    return await tx.all(
        MethodTotals,
        "SELECT method, count(*) AS routes, avg(confidence) AS confidence, avg(latency_ms) AS latency_ms, "
        "sum(fallback_used) AS fallbacks, count(result_count) AS answered, "
        "count(CASE WHEN result_count = 0 OR fallback_used = 1 THEN 1 END) AS empty FROM routing_log "
        "WHERE (?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR created_at >= ?2) "
        "GROUP BY method ORDER BY routes DESC, method",
        (project_id, since),
    )
