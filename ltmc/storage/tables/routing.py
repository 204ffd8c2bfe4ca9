"""How queries were routed."""

from collections.abc import Mapping

from ltmc.storage.engine import Row, Transaction
from ltmc.timestamps import now


async def insert(
    tx: Transaction,
    *,
    route_id: str,
    project_id: str,
    query_hash: str,
    features: str,
    method: str,
    confidence: float,
    alternatives: str,
    result_count: int | None,
    latency_ms: float,
    fallback_used: bool,
) -> None:
    """One routed query."""
    await tx.run(
        "INSERT INTO routing_log (route_id, project_id, query_hash, features, method, confidence, alternatives, "
        "result_count, latency_ms, fallback_used, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            route_id,
            project_id,
            query_hash,
            features,
            method,
            confidence,
            alternatives,
            result_count,
            round(latency_ms, 3),
            int(fallback_used),
            now(),
        ),
    )


async def record(
    tx: Transaction, route_id: str, result_count: int, latency_ms: float, feedback: str | None
) -> bool:
    """What came of a route; whether there is such a route."""
    found = await tx.all(
        "UPDATE routing_log SET result_count = ?, latency_ms = ?, feedback = coalesce(?, feedback) "
        "WHERE route_id = ? RETURNING id",
        (result_count, round(latency_ms, 3), feedback, route_id),
    )
    return bool(found)


async def totals(tx: Transaction, project_id: str | None, since: str | None) -> list[Row]:
    """For each method its routes, mean confidence and latency, fallbacks, and those with an empty answer."""
    return await tx.all(
        "SELECT method, count(*) AS routes, avg(confidence) AS confidence, avg(latency_ms) AS latency_ms, "
        "sum(fallback_used) AS fallbacks, count(result_count) AS answered, "
        "sum(result_count = 0 OR fallback_used = 1) AS empty FROM routing_log "
        "WHERE (?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR created_at >= ?2) "
        "GROUP BY method ORDER BY routes DESC, method",
        (project_id, since),
    )


async def outcomes(tx: Transaction) -> list[Row]:
    """For each method how many outcomes are known and the share that was good: helpful where that was said,
    else not empty at the first try."""
    return await tx.all(
        "SELECT method, count(*) AS samples, avg(CASE feedback WHEN 'helpful' THEN 1 WHEN 'unhelpful' THEN 0 "
        "ELSE result_count > 0 AND fallback_used = 0 END) AS good FROM routing_log "
        "WHERE feedback IS NOT NULL OR result_count IS NOT NULL GROUP BY method"
    )


async def calibration(tx: Transaction) -> list[Row]:
    """By tenths of confidence: routes with a known outcome, their mean confidence and share of good ones."""
    return await tx.all(
        "SELECT cast(confidence * 10 AS INTEGER) AS tenth, count(*) AS routes, avg(confidence) AS confidence, "
        "avg(CASE feedback WHEN 'helpful' THEN 1 WHEN 'unhelpful' THEN 0 "
        "ELSE result_count > 0 AND fallback_used = 0 END) AS good FROM routing_log "
        "WHERE feedback IS NOT NULL OR result_count IS NOT NULL GROUP BY tenth ORDER BY tenth"
    )


async def priors(tx: Transaction) -> dict[str, float]:
    """What was learnt: method to what its score gains or loses."""
    return {row["method"]: row["prior"] for row in await tx.all("SELECT method, prior FROM routing_priors")}


async def set_priors(tx: Transaction, learnt: Mapping[str, tuple[float, int]]) -> None:
    """Replace what was learnt: method to prior and samples."""
    await tx.run("DELETE FROM routing_priors")
    await tx.many(
        "INSERT INTO routing_priors (method, prior, samples, updated_at) VALUES (?, ?, ?, ?)",
        [(method, prior, samples, now()) for method, (prior, samples) in learnt.items()],
    )
