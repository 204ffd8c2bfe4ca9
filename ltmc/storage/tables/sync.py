"""Live sync: which paths are watched, and what happened to their files."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ltmc.storage.engine import Row, Transaction


def _loaded(row: Row) -> Row:
    return row | {"paths": json.loads(row["paths"]), "auto_sync": bool(row["auto_sync"])}


async def session(tx: Transaction, sync_id: str, project_id: str | None) -> Row | None:
    """A session; with a project, only if it is that project's."""
    row = await tx.one(
        "SELECT * FROM sync_sessions WHERE sync_id = ?1 AND (?2 IS NULL OR project_id = ?2)",
        (sync_id, project_id),
    )
    return _loaded(row) if row else None


async def session_of(tx: Transaction, project_id: str, paths: Sequence[str]) -> Row | None:
    """The session over exactly these paths."""
    row = await tx.one(
        "SELECT * FROM sync_sessions WHERE project_id = ? AND paths = ?",
        (project_id, json.dumps(paths, ensure_ascii=False)),
    )
    return _loaded(row) if row else None


async def sessions(tx: Transaction, project_id: str, limit: int) -> list[Row]:
    """The sessions of a project, the one started last first."""
    rows = await tx.all(
        "SELECT * FROM sync_sessions WHERE project_id = ? ORDER BY started_at DESC, sync_id LIMIT ?",
        (project_id, limit),
    )
    return [_loaded(row) for row in rows]


async def active_of_process(tx: Transaction, process_id: int) -> int:
    """How many sessions a process watches."""
    return int(
        await tx.value(
            "SELECT count(*) FROM sync_sessions WHERE status = 'active' AND process_id = ?", (process_id,)
        )
    )


async def put_session(
    tx: Transaction,
    sync_id: str,
    project_id: str,
    paths: Sequence[str],
    interval_ms: int,
    auto_sync: bool,
    process_id: int,
    moment: str,
) -> None:
    """An active session, new or started again."""
    await tx.run(
        "INSERT INTO sync_sessions (sync_id, project_id, paths, interval_ms, auto_sync, status, process_id, "
        "started_at) VALUES (?, ?, ?, ?, ?, 'active', ?, ?) ON CONFLICT (sync_id) DO UPDATE SET "
        "interval_ms = excluded.interval_ms, auto_sync = excluded.auto_sync, status = 'active', error = NULL, "
        "process_id = excluded.process_id, started_at = excluded.started_at, stopped_at = NULL",
        (
            sync_id,
            project_id,
            json.dumps(paths, ensure_ascii=False),
            interval_ms,
            int(auto_sync),
            process_id,
            moment,
        ),
    )


async def update_session(tx: Transaction, sync_id: str, changes: dict[str, Any]) -> None:
    """Set columns of a session."""
    await tx.run(
        f"UPDATE sync_sessions SET {', '.join(f'{column} = ?' for column in changes)} WHERE sync_id = ?",
        [*changes.values(), sync_id],
    )


async def insert_event(
    tx: Transaction,
    sync_id: str,
    file_path: str,
    change_type: str,
    symbols: Sequence[Mapping[str, Any]],
    moment: str,
) -> int:
    """A change that is still to be handled; its id."""
    event_id = await tx.value(
        "INSERT INTO sync_events (sync_id, file_path, change_type, symbols, sync_state, created_at) "
        "VALUES (?, ?, ?, ?, 'pending', ?) RETURNING id",
        (sync_id, file_path, change_type, json.dumps(symbols, ensure_ascii=False), moment),
    )
    await tx.run(
        "UPDATE sync_sessions SET changes_detected = changes_detected + 1, last_activity_at = ? "
        "WHERE sync_id = ?",
        (moment, sync_id),
    )
    return int(event_id)


async def handle_event(
    tx: Transaction, event_id: int, sync_id: str, state: str, error: str | None, moment: str
) -> None:
    """What came of a change."""
    await tx.run(
        "UPDATE sync_events SET sync_state = ?, error = ?, handled_at = ? WHERE id = ?",
        (state, error, moment if state != "pending" else None, event_id),
    )
    await tx.run(
        "UPDATE sync_sessions SET syncs_done = syncs_done + ?, syncs_failed = syncs_failed + ? "
        "WHERE sync_id = ?",
        (int(state == "synced"), int(state == "failed"), sync_id),
    )


async def events(tx: Transaction, sync_ids: Sequence[str], limit: int) -> list[Row]:
    """The last changes, newest first."""
    rows = await tx.all(
        "SELECT * FROM sync_events WHERE sync_id IN (SELECT value FROM json_each(?)) ORDER BY id DESC LIMIT ?",
        (json.dumps(sync_ids), limit),
    )
    return [row | {"symbols": json.loads(row["symbols"])} for row in rows]


async def last_states(tx: Transaction, sync_ids: Sequence[str]) -> dict[str, Row]:
    """For each file the last change."""
    rows = await tx.all(
        "SELECT file_path, sync_state, change_type, created_at, handled_at FROM sync_events WHERE id IN "
        "(SELECT max(id) FROM sync_events WHERE sync_id IN (SELECT value FROM json_each(?)) "
        "GROUP BY file_path) ORDER BY file_path",
        (json.dumps(sync_ids),),
    )
    return {row["file_path"]: row for row in rows}
