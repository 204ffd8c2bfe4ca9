"""The files and code symbols of blueprints."""

import json
from collections.abc import Sequence
from typing import Any

from ltmc.storage.engine import Row, Transaction


async def upsert_file(
    tx: Transaction, blueprint_id: str, file_path: str, link_type: str, content_hash: str, moment: str
) -> None:
    """Attach a file as it is now; it is then consistent."""
    await tx.run(
        "INSERT INTO blueprint_files (blueprint_id, file_path, link_type, content_hash, consistency_status, "
        "consistency_score, last_validated_at) VALUES (?, ?, ?, ?, 'consistent', 1.0, ?) "
        "ON CONFLICT (blueprint_id, file_path) DO UPDATE SET content_hash = excluded.content_hash, "
        "consistency_status = 'consistent', consistency_score = 1.0, "
        "last_validated_at = excluded.last_validated_at",
        (blueprint_id, file_path, link_type, content_hash, moment),
    )


async def set_consistency(
    tx: Transaction, blueprint_id: str, file_path: str, status: str, score: float, moment: str
) -> None:
    """The outcome of a validation."""
    await tx.run(
        "UPDATE blueprint_files SET consistency_status = ?, consistency_score = ?, last_validated_at = ? "
        "WHERE blueprint_id = ? AND file_path = ?",
        (status, score, moment, blueprint_id, file_path),
    )


async def file(tx: Transaction, blueprint_id: str, file_path: str) -> Row | None:
    """One attached file."""
    return await tx.one(
        "SELECT * FROM blueprint_files WHERE blueprint_id = ? AND file_path = ?", (blueprint_id, file_path)
    )


async def files(tx: Transaction, blueprint_id: str) -> list[Row]:
    """The files of a blueprint, by path."""
    return await tx.all(
        "SELECT file_path, link_type, content_hash, consistency_status, consistency_score, last_validated_at "
        "FROM blueprint_files WHERE blueprint_id = ? ORDER BY file_path",
        (blueprint_id,),
    )


async def defined_by(tx: Transaction, project_id: str, file_path: str) -> str | None:
    """The code blueprint that was made from a file."""
    found = await tx.value(
        "SELECT f.blueprint_id FROM blueprint_files f JOIN blueprints b USING (blueprint_id) "
        "WHERE b.project_id = ? AND b.kind = 'code' AND f.file_path = ? AND f.link_type = 'defines' "
        "ORDER BY b.id LIMIT 1",
        (project_id, file_path),
    )
    return None if found is None else str(found)


async def replace_symbols(
    tx: Transaction, blueprint_id: str, file_path: str, rows: Sequence[dict[str, Any]]
) -> None:
    """The symbols of a file in place of those known before."""
    await tx.run(
        "DELETE FROM blueprint_symbols WHERE blueprint_id = ? AND file_path = ?", (blueprint_id, file_path)
    )
    await tx.many(
        "INSERT INTO blueprint_symbols (node_id, blueprint_id, file_path, qualname, kind, signature, bases, "
        "public, docstring, docstring_hash, body_hash, line_start, line_end, complexity) "
        "VALUES (:node_id, :blueprint_id, :file_path, :qualname, :kind, :signature, :bases, :public, "
        ":docstring, :docstring_hash, :body_hash, :line_start, :line_end, :complexity)",
        [
            row
            | {
                "blueprint_id": blueprint_id,
                "file_path": file_path,
                "signature": json.dumps(row["signature"], ensure_ascii=False),
                "bases": json.dumps(row["bases"], ensure_ascii=False),
            }
            for row in rows
        ],
    )


async def symbols(tx: Transaction, blueprint_id: str, file_path: str | None = None) -> list[Row]:
    """The symbols of a blueprint, by file and line."""
    rows = await tx.all(
        "SELECT * FROM blueprint_symbols WHERE blueprint_id = ?1 AND (?2 IS NULL OR file_path = ?2) "
        "ORDER BY file_path, line_start, qualname",
        (blueprint_id, file_path),
    )
    return [
        row | {"signature": json.loads(row["signature"]), "bases": json.loads(row["bases"])} for row in rows
    ]


async def node_ids(tx: Transaction, blueprint_ids: Sequence[str]) -> list[str]:
    """The graph nodes of the symbols of blueprints."""
    rows = await tx.all(
        "SELECT node_id FROM blueprint_symbols WHERE blueprint_id IN (SELECT value FROM json_each(?))",
        (json.dumps(blueprint_ids),),
    )
    return [row["node_id"] for row in rows]
