"""How queries were routed, what came of it, and what was learnt."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import insert_row
from ltmc.timestamps import now


@dataclass(frozen=True, slots=True)
class LoggedRoute:
    """A routed query; `query_hash` stands for its text, which is not kept.

    `result_count` is None until a search was carried out.
    """

    id: int
    route_id: str
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


@dataclass(frozen=True, slots=True)
class MethodTotals:
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


@dataclass(frozen=True, slots=True)
class MethodOutcomes:
    """How many outcomes of a method are known, and the ratio of good ones."""

    method: str
    samples: int
    good: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Routes of about the same confidence: their mean confidence and the ratio of good outcomes."""

    confidence: float
    good: float
    routes: int


@dataclass(frozen=True, slots=True)
class Prior:
    """What a method's score gains or loses by what was learnt from `samples` outcomes."""

    method: str
    prior: float
    samples: int


async def insert(tx: Transaction, route: LoggedRoute) -> None:
    """Store a routed query."""
    await insert_row(tx, "routing_log", route)


async def set_outcome(
    tx: Transaction, route_id: str, result_count: int, latency_ms: float, feedback: str | None
) -> bool:
    """Store what came of a route; return whether there is such a route."""
    found = await tx.value(
        "UPDATE routing_log SET result_count = ?, latency_ms = ?, "
        "feedback = coalesce(?, routing_log.feedback) WHERE route_id = ? RETURNING id",
        (result_count, round(latency_ms, 3), feedback, route_id),
    )
    return found is not None


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


_GOOD = (
    "avg(CASE WHEN feedback = 'helpful' THEN 1 WHEN feedback = 'unhelpful' THEN 0 "
    "WHEN result_count > 0 AND fallback_used = 0 THEN 1 ELSE 0 END)"
)
"""The ratio of good outcomes: helpful where that was said, else not empty at the first try."""

_KNOWN = "feedback IS NOT NULL OR result_count IS NOT NULL"


async def outcomes(tx: Transaction) -> list[MethodOutcomes]:
    """Return the known outcomes of each method."""
    return await tx.all(
        MethodOutcomes,
        f"SELECT method, count(*) AS samples, {_GOOD} AS good FROM routing_log WHERE {_KNOWN} GROUP BY method",
    )


async def calibration(tx: Transaction) -> list[Calibration]:
    """Return the routes with a known outcome by tenths of confidence, the lowest first."""
    return await tx.all(
        Calibration,
        f"SELECT count(*) AS routes, avg(confidence) AS confidence, {_GOOD} AS good FROM routing_log "
        f"WHERE {_KNOWN} GROUP BY cast(confidence * 10 AS INTEGER) ORDER BY cast(confidence * 10 AS INTEGER)",
    )


async def priors(tx: Transaction) -> dict[str, float]:
    """Return what was learnt: method to what its score gains or loses."""
    rows = await tx.all(Prior, "SELECT method, prior, samples FROM routing_priors")
    return {row.method: row.prior for row in rows}


async def set_priors(tx: Transaction, learnt: Iterable[Prior]) -> None:
    """Replace what was learnt."""
    await tx.run("DELETE FROM routing_priors")
    await tx.many(
        "INSERT INTO routing_priors (method, prior, samples, updated_at) VALUES (?, ?, ?, ?)",
        [(row.method, row.prior, row.samples, now()) for row in learnt],
    )
