"""Which document belongs to what, and the snapshots of files that changes are told against."""

import json
from typing import Any

from ltmc.storage.engine import Row, Transaction


async def link(tx: Transaction, project_id: str, kind: str, ref: str, doc_path: str | None) -> Row | None:
    """The recorded document of a file or blueprint: that path, or the one synced last."""
    return await tx.one(
        "SELECT * FROM doc_links WHERE project_id = ?1 AND kind = ?2 AND ref = ?3 "
        "AND (?4 IS NULL OR doc_path = ?4) ORDER BY coalesce(last_sync_at, '') DESC, doc_path LIMIT 1",
        (project_id, kind, ref, doc_path),
    )


async def upsert_link(
    tx: Transaction, project_id: str, kind: str, ref: str, doc_path: str, changes: dict[str, Any]
) -> None:
    """Record what is known of a document; columns not in `changes` stay."""
    columns = ", ".join(changes)
    marks = ", ".join("?" * len(changes))
    updates = ", ".join(f"{column} = excluded.{column}" for column in changes)
    await tx.run(
        f"INSERT INTO doc_links (project_id, kind, ref, doc_path, {columns}) VALUES (?, ?, ?, ?, {marks}) "
        f"ON CONFLICT (project_id, kind, ref, doc_path) DO UPDATE SET {updates}",
        [project_id, kind, ref, doc_path, *changes.values()],
    )


async def snapshot(tx: Transaction, project_id: str, file_path: str) -> Row | None:
    """The baseline of a file, its symbols read."""
    row = await tx.one(
        "SELECT * FROM file_snapshots WHERE project_id = ? AND file_path = ?", (project_id, file_path)
    )
    return row and row | {"symbols": None if row["symbols"] is None else json.loads(row["symbols"])}


async def put_snapshot(
    tx: Transaction,
    project_id: str,
    file_path: str,
    *,
    content_hash: str,
    mtime_ns: int,
    size: int,
    symbols: list[dict[str, Any]] | None,
    reason: str,
    moment: str,
    keep: bool = False,
) -> None:
    """The baseline of a file; with `keep`, only if there is none."""
    action = (
        "NOTHING"
        if keep
        else "UPDATE SET content_hash = excluded.content_hash, mtime_ns = excluded.mtime_ns, "
        "size = excluded.size, symbols = excluded.symbols, reason = excluded.reason, "
        "taken_at = excluded.taken_at"
    )
    await tx.run(
        "INSERT INTO file_snapshots (project_id, file_path, content_hash, mtime_ns, size, symbols, reason, "
        f"taken_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project_id, file_path) DO {action}",
        (
            project_id,
            file_path,
            content_hash,
            mtime_ns,
            size,
            None if symbols is None else json.dumps(symbols, ensure_ascii=False),
            reason,
            moment,
        ),
    )


async def delete_snapshot(tx: Transaction, project_id: str, file_path: str) -> None:
    """Forget the baseline of a file."""
    await tx.run("DELETE FROM file_snapshots WHERE project_id = ? AND file_path = ?", (project_id, file_path))


async def links_of_code(tx: Transaction, project_id: str, files: list[str]) -> dict[str, Row]:
    """For each file the link of the document synced last."""
    rows = await tx.all(
        "SELECT * FROM doc_links WHERE project_id = ? AND kind = 'code' "
        "AND ref IN (SELECT value FROM json_each(?)) ORDER BY coalesce(last_sync_at, '')",
        (project_id, json.dumps(files)),
    )
    return {row["ref"]: row for row in rows}
