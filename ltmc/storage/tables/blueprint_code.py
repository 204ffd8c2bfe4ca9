"""The files and code symbols of blueprints."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns
from ltmc.storage.sources import among


class AttachedFile(NamedTuple):
    """A file attached to a blueprint, as it was when it was last compared."""

    file_path: str
    link_type: str
    content_hash: str
    consistency_status: str
    consistency_score: float | None
    last_validated_at: str | None


class StoredSymbol(NamedTuple):
    """A symbol of a blueprint's code; `signature`: `ltmc.code.signatures.Signature` as JSON."""

    node_id: str
    blueprint_id: str
    file_path: str
    qualname: str
    kind: str
    signature: dict[str, Any]
    bases: list[str]
    public: bool
    docstring: str | None
    docstring_hash: str | None
    body_hash: str
    line_start: int
    line_end: int
    complexity: int


async def upsert_file(
    tx: Transaction,
    blueprint_id: str,
    file_path: str,
    link_type: str,
    content_hash: str,
    metrics: dict[str, Any],
    moment: str,
) -> None:
    """Attach a file as it is now; it is then consistent."""
    await tx.run(
        "INSERT INTO blueprint_files (blueprint_id, file_path, link_type, content_hash, metrics, "
        "consistency_status, consistency_score, last_validated_at) "
        "VALUES (?, ?, ?, ?, ?, 'consistent', 1.0, ?) "
        "ON CONFLICT (blueprint_id, file_path) DO UPDATE SET content_hash = excluded.content_hash, "
        "metrics = excluded.metrics, consistency_status = 'consistent', consistency_score = 1.0, "
        "last_validated_at = excluded.last_validated_at",
        (blueprint_id, file_path, link_type, content_hash, metrics, moment),
    )


class _Measured(NamedTuple):
    metrics: dict[str, Any]


async def metrics(tx: Transaction, blueprint_id: str) -> list[dict[str, Any]]:
    """Return the metrics of the files of a blueprint, as far as they were measured."""
    sql = "SELECT metrics FROM blueprint_files WHERE blueprint_id = ? AND metrics IS NOT NULL"
    return [row.metrics for row in await tx.all(_Measured, sql, (blueprint_id,))]


async def set_consistency(
    tx: Transaction, blueprint_id: str, file_path: str, status: str, score: float, moment: str
) -> None:
    """Store the outcome of a validation."""
    await tx.run(
        "UPDATE blueprint_files SET consistency_status = ?, consistency_score = ?, last_validated_at = ? "
        "WHERE blueprint_id = ? AND file_path = ?",
        (status, score, moment, blueprint_id, file_path),
    )


async def file(tx: Transaction, blueprint_id: str, file_path: str) -> AttachedFile | None:
    """One attached file."""
    return await tx.one(
        AttachedFile,
        "SELECT * FROM blueprint_files WHERE blueprint_id = ? AND file_path = ?",
        (blueprint_id, file_path),
    )


async def files(tx: Transaction, blueprint_id: str) -> list[AttachedFile]:
    """Return the files of a blueprint, by path."""
    return await tx.all(
        AttachedFile,
        f"SELECT {columns(AttachedFile)} FROM blueprint_files WHERE blueprint_id = ? ORDER BY file_path",
        (blueprint_id,),
    )


async def defined_by(tx: Transaction, project_id: str, file_path: str) -> str | None:
    """Return the code blueprint that was made from a file."""
    found = await tx.value(
        "SELECT f.blueprint_id FROM blueprint_files f JOIN blueprints b USING (blueprint_id) "
        "WHERE b.project_id = ? AND b.kind = 'code' AND f.file_path = ? AND f.link_type = 'defines' "
        "ORDER BY b.id LIMIT 1",
        (project_id, file_path),
    )
    return None if found is None else str(found)


async def replace_symbols(
    tx: Transaction, blueprint_id: str, file_path: str, symbols: Sequence[StoredSymbol]
) -> None:
    """Store the symbols of a file in place of those known before."""
    await tx.run(
        "DELETE FROM blueprint_symbols WHERE blueprint_id = ? AND file_path = ?", (blueprint_id, file_path)
    )
    names = StoredSymbol._fields
    await tx.many(
        f"INSERT INTO blueprint_symbols ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
        symbols,
    )


async def symbols(tx: Transaction, blueprint_id: str, file_path: str | None = None) -> list[StoredSymbol]:
    """Return the symbols of a blueprint, by file and line."""
    return await tx.all(
        StoredSymbol,
        f"SELECT {columns(StoredSymbol)} FROM blueprint_symbols "
        "WHERE blueprint_id = ?1 AND (?2 IS NULL OR file_path = ?2) ORDER BY file_path, line_start, qualname",
        (blueprint_id, file_path),
    )


async def node_ids(tx: Transaction, blueprint_ids: Sequence[str]) -> list[str]:
    """Return the graph nodes of the symbols of blueprints."""
    chosen = among("blueprint_id")(blueprint_ids)
    return await tx.column(f"SELECT node_id FROM blueprint_symbols WHERE {chosen.sql}", chosen.parameters)
