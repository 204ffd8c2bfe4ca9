"""Live sync: which paths are watched, and what happened to their files."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import insert_row, stored


class SyncSession(NamedTuple):
    """Paths that are or were watched."""

    sync_id: str
    paths: list[str]
    interval_ms: int
    auto_sync: bool
    changes_detected: int
    syncs_done: int
    syncs_failed: int
    started_at: str
    last_activity_at: str | None
    project_id: str
    status: str
    process_id: int
    error: str | None
    stopped_at: str | None


class SyncEvent(NamedTuple):
    """A change of a file, and what came of it."""

    id: int
    sync_id: str
    file_path: str
    change_type: str
    symbols: list[Any]
    sync_state: str
    error: str | None
    created_at: str
    handled_at: str | None


class LastChange(NamedTuple):
    """The state of the last change of a file."""

    file_path: str
    sync_state: str


async def session(tx: Transaction, sync_id: str) -> SyncSession | None:
    """Return a session."""
    return await tx.one(SyncSession, "SELECT * FROM sync_sessions WHERE sync_id = ?", (sync_id,))


async def session_of(tx: Transaction, project_id: str, paths: Sequence[str]) -> SyncSession | None:
    """Return the session over exactly these paths."""
    return await tx.one(
        SyncSession,
        "SELECT * FROM sync_sessions WHERE project_id = ? AND paths = ?",
        (project_id, stored(paths)),
    )


async def sessions(tx: Transaction, project_id: str, limit: int) -> list[SyncSession]:
    """Return the sessions of a project, the one started last first."""
    return await tx.all(
        SyncSession,
        "SELECT * FROM sync_sessions WHERE project_id = ? ORDER BY started_at DESC, sync_id LIMIT ?",
        (project_id, limit),
    )


async def active_of_process(tx: Transaction, process_id: int) -> int:
    """Count the sessions that a process watches."""
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
    """Store an active session, new or started again."""
    await tx.run(
        "INSERT INTO sync_sessions (sync_id, project_id, paths, interval_ms, auto_sync, status, process_id, "
        "started_at) VALUES (?, ?, ?, ?, ?, 'active', ?, ?) ON CONFLICT (sync_id) DO UPDATE SET "
        "interval_ms = excluded.interval_ms, auto_sync = excluded.auto_sync, status = 'active', error = NULL, "
        "process_id = excluded.process_id, started_at = excluded.started_at, stopped_at = NULL",
        (sync_id, project_id, stored(paths), interval_ms, auto_sync, process_id, moment),
    )


async def end_session(tx: Transaction, sync_id: str, status: str, moment: str) -> None:
    """Give a session the status that it ended with."""
    await tx.run(
        "UPDATE sync_sessions SET status = ?, stopped_at = ? WHERE sync_id = ?", (status, moment, sync_id)
    )


async def insert_event(tx: Transaction, event: SyncEvent) -> int:
    """Store a change, count it in its session, and return its id."""
    event = await insert_row(tx, "sync_events", event)
    await tx.run(
        "UPDATE sync_sessions SET changes_detected = changes_detected + 1, last_activity_at = ? "
        "WHERE sync_id = ?",
        (event.created_at, event.sync_id),
    )
    return event.id


async def handle_event(
    tx: Transaction, event_id: int, sync_id: str, state: str, error: str | None, moment: str
) -> None:
    """Store what came of a change."""
    await tx.run(
        "UPDATE sync_events SET sync_state = ?, error = ?, handled_at = ? WHERE id = ?",
        (state, error, moment if state != "pending" else None, event_id),
    )
    await tx.run(
        "UPDATE sync_sessions SET syncs_done = syncs_done + ?, syncs_failed = syncs_failed + ? "
        "WHERE sync_id = ?",
        (state == "synced", state == "failed", sync_id),
    )


async def events(tx: Transaction, sync_ids: Sequence[str], limit: int) -> list[SyncEvent]:
    """Return the last changes, newest first."""
    return await tx.all(
        SyncEvent,
        "SELECT * FROM sync_events WHERE sync_id IN (SELECT value FROM json_each(?)) ORDER BY id DESC LIMIT ?",
        (list(sync_ids), limit),
    )


async def last_states(tx: Transaction, sync_ids: Sequence[str]) -> dict[str, str]:
    """Return for each file the state of its last change."""
    rows = await tx.all(
        LastChange,
        "SELECT file_path, sync_state FROM sync_events WHERE id IN "
        "(SELECT max(id) FROM sync_events WHERE sync_id IN (SELECT value FROM json_each(?)) "
        "GROUP BY file_path) ORDER BY file_path",
        (list(sync_ids),),
    )
    return {row.file_path: row.sync_state for row in rows}
