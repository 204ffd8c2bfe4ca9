"""How queries were routed."""

from ltmc.storage.database import Transaction
from ltmc.timestamps import now


async def insert(
    tx: Transaction,
    *,
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
        "INSERT INTO routing_log (project_id, query_hash, features, method, confidence, alternatives, "
        "result_count, latency_ms, fallback_used, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
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
