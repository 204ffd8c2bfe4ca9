"""Live sync: watched files, the changes in them, and their documents brought up to date."""

import asyncio
import hashlib
import json
import logging
import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ltmc.code import changes as code_changes
from ltmc.code.changes import SymbolChange
from ltmc.code.source_files import SourceFile, is_python
from ltmc.code.symbols import SymbolSnapshot
from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.features.documentation.service import DocumentationService
from ltmc.features.projects.service import ProjectService
from ltmc.features.sync.detection import read_or_error
from ltmc.features.sync.ownership import WatchLocks
from ltmc.features.sync.results import Started, Stopped, SyncStatus, WatchedFile, WatchHealth, WatchSession
from ltmc.features.sync.watching import Watch
from ltmc.files.guard import FileState, PathGuard, noting_reads
from ltmc.files.selection import select
from ltmc.storage.engine import Engine
from ltmc.storage.tables import documents as documentation
from ltmc.storage.tables import sync
from ltmc.storage.tables.documents import DocumentLink
from ltmc.storage.tables.sync import SyncEvent, SyncSession
from ltmc.timestamps import format_utc, now
from ltmc.tools.project_scope import owned, project_of

MAX_WATCHES = 20
"""How many sessions one server watches at a time; each holds a thread."""

HASHED_BYTES = 256 * 1024
"""Files larger than this, other than Python, are not read when a session starts."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Live:
    """A session that this server watches.

    Attributes:
        seen: for each file the hash last seen, and its symbols as packed JSON.
    """

    watch: Watch
    project: str
    auto_sync: bool
    seen: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def look(self, source: SourceFile) -> None:
        """Keep a file as it is now."""
        packed = zlib.compress(json.dumps(source.snapshot_symbols() or []).encode())
        self.seen[source.name] = (source.content_hash, packed)

    def symbols_of(self, name: str) -> list[dict[str, Any]]:
        """Return the symbols of a file as last seen."""
        return list(json.loads(zlib.decompress(self.seen[name][1]))) if name in self.seen else []


class SyncService:
    """Sessions end with the server; after that they are shown as interrupted until started again."""

    def __init__(self, engine: Engine, projects: ProjectService, documents: DocumentationService) -> None:
        self._engine = engine
        self._projects = projects
        self._documents = documents
        self._live: dict[str, _Live] = {}
        self._locks = WatchLocks(engine.path)
        self._starting = asyncio.Lock()

    async def start(
        self, file_paths: Sequence[str], *, interval_ms: int, auto_sync: bool, project_id: str | None
    ) -> Started:
        """Watch files and folders; the same paths again give the session that there is.

        Raises:
            LtmcError: NOT_FOUND when none of the paths exists; PATH_NOT_ALLOWED; CONFLICT when too many
                sessions are active.
        """
        project = project_of(project_id)
        guard = await self._projects.guard(project_id)
        resolved = {
            guard.resolve(path, f"file_paths[{place}]"): path for place, path in enumerate(file_paths)
        }
        missing = [path for one, path in resolved.items() if not one.exists()]
        if len(missing) == len(resolved):
            raise not_found("file_paths", missing, "file or folder")
        watched = sorted(one for one in resolved if one.exists())
        names = [guard.name(one) for one in watched]
        async with self._starting:
            async with self._engine.read() as tx:
                row = await sync.session_of(tx, project, names)
            if row is None or self._status(row) != "active":
                if len(self._live) >= MAX_WATCHES:
                    raise LtmcError(
                        ErrorCode.CONFLICT,
                        f"file_paths: {MAX_WATCHES} sessions are active, which is the most; stop one.",
                        field="file_paths",
                        details={
                            "active": [one for one, live in self._live.items() if live.project == project]
                        },
                    )
                sync_id = row.sync_id if row else _new_id(project, names)
                await self._watch(sync_id, guard, project, watched, names, interval_ms, auto_sync)
            created = row is None
            async with self._engine.read() as tx:
                row = await sync.session_of(tx, project, names)
        if row is None:
            raise LtmcError(
                ErrorCode.CONFLICT,
                "file_paths: another server begins to watch them just now; call again.",
                field="file_paths",
            )
        live = self._live.get(row.sync_id)
        selection = live.watch.selection if live else await asyncio.to_thread(select, guard, watched)
        return {
            "sync_id": row.sync_id,
            "status": self._status(row),
            "created": created,
            "watched_files": len(selection.files),
            "watched_directories": len(selection.folders),
            "missing_paths": missing,
            "ignored": selection.ignored,
            "capped": selection.capped,
            "interval_ms": row.interval_ms,
            "auto_sync": row.auto_sync,
            "polling": bool(live and live.watch.polling),
            "started_at": row.started_at,
        }

    async def stop(self, sync_id: str, project_id: str | None) -> Stopped:
        """End a session; doing it twice changes nothing.

        Raises:
            LtmcError: NOT_FOUND; CONFLICT when another server watches it.
        """
        async with self._engine.read() as tx:
            row = owned(await sync.session(tx, sync_id), project_id, "sync_id", sync_id, "session")
        live = self._live.pop(sync_id, None)
        if live is None and self._status(row) == "active":
            raise LtmcError(
                ErrorCode.CONFLICT,
                f"sync_id: the server with process id {row.process_id} watches it; stop it there.",
                field="sync_id",
                details={"process_id": row.process_id},
            )
        already = row.status == "stopped"
        if live is not None:
            await live.watch.stop()
        try:
            if not already:
                async with self._engine.write() as tx:
                    await sync.end_session(tx, sync_id, "stopped", now())
        finally:
            self._locks.release(sync_id)
        async with self._engine.read() as tx:
            row = await sync.session(tx, sync_id) or row
        return {
            "sync_id": sync_id,
            "status": row.status,
            "changes_detected": row.changes_detected,
            "syncs_done": row.syncs_done,
            "syncs_failed": row.syncs_failed,
            "stopped_at": row.stopped_at,
            "already_stopped": already,
        }

    async def status(self, sync_id: str | None, limit: int, project_id: str | None) -> SyncStatus:
        """Return the sessions as they are now, their files, and what happened last."""
        project = project_of(project_id)
        async with self._engine.read() as tx:
            if sync_id is None:
                rows = await sync.sessions(tx, project, limit)
            else:
                row = owned(await sync.session(tx, sync_id), project_id, "sync_id", sync_id, "session")
                rows, project = [row], row.project_id
            ids = [row.sync_id for row in rows]
            events = await sync.events(tx, ids, limit)
            last = await sync.last_states(tx, ids)
            known: dict[str, FileState | None] = dict.fromkeys(last)
            for row in rows:
                if row.sync_id in self._live:
                    known |= self._live[row.sync_id].watch.files
            links = await documentation.links_of_code(tx, project, list(known))
        guard = await self._projects.guard(project)
        unknown = [name for name, state in known.items() if state is None]
        known |= await asyncio.to_thread(_states, guard, unknown)
        sessions = [self._shown(row) for row in rows]
        shown = sorted(known)[:limit]
        hashes = await asyncio.to_thread(_hashes, guard, [name for name in shown if name in links])
        files = [
            _file(name, known[name], last.get(name), links.get(name), hashes.get(name)) for name in shown
        ]
        return {
            "sessions": sessions,
            "files": files,
            "files_total": len(known),
            "pending_changes": sum(state == "pending" for state in last.values()),
            "recent_events": [
                {
                    "sync_id": event.sync_id,
                    "file_path": event.file_path,
                    "change_type": event.change_type,
                    "symbols": event.symbols,
                    "sync_state": event.sync_state,
                    "error": event.error,
                    "created_at": event.created_at,
                    "handled_at": event.handled_at,
                }
                for event in events
            ],
            "overall": _overall(sessions, last),
        }

    def health(self) -> WatchHealth:
        """Tell whether each watch of this server runs; disabled when there is none."""
        failed = {sync_id: one.watch.error for sync_id, one in self._live.items() if not one.watch.alive}
        if failed:
            return {
                "status": "down",
                "error": "; ".join(f"{sync_id}: {why}" for sync_id, why in failed.items()),
            }
        return {"status": "ok" if self._live else "disabled", "active": len(self._live)}

    async def close(self) -> None:
        """End every watch; its session is then interrupted."""
        live, self._live = self._live, {}
        await asyncio.gather(*(one.watch.stop() for one in live.values()))
        try:
            if live:
                async with self._engine.write() as tx:
                    for sync_id in live:
                        await sync.end_session(tx, sync_id, "interrupted", now())
        except LtmcError as error:  # nobody holds their locks, which says the same
            logger.warning("the end of %d sessions was not recorded: %s", len(live), error)
        finally:
            self._locks.close()

    async def _watch(
        self,
        sync_id: str,
        guard: PathGuard,
        project: str,
        paths: list[Path],
        names: list[str],
        interval_ms: int,
        auto_sync: bool,
    ) -> None:
        """Watch, unless another server has just begun to."""
        selection = await asyncio.to_thread(select, guard, paths)

        async def handle(name: str, change: str) -> None:
            await self._handle(sync_id, name, change)

        async def prepare() -> None:
            await self._take_baselines(live)

        old = self._live.pop(sync_id, None)  # one that failed
        if old is not None:
            await old.watch.stop()
        if not await self._locks.take(sync_id):
            return
        live = _Live(Watch(guard, paths, interval_ms, handle, prepare, selection), project, auto_sync)
        try:
            async with self._engine.write(project) as tx:
                await sync.put_session(
                    tx, sync_id, project, names, interval_ms, auto_sync, os.getpid(), now()
                )
        except BaseException:
            self._locks.release(sync_id)
            raise
        self._live[sync_id] = live
        await live.watch.start()

    async def _take_baselines(self, live: _Live) -> None:
        """Store a baseline for each Python file that has none, so that later changes can be told."""
        for name, state in dict(live.watch.files).items():
            if live.watch.stopping:
                return
            if state.size > HASHED_BYTES and not is_python(name):
                continue  # its time and size must do
            source = await read_or_error(live.watch.guard, name)
            if not isinstance(source, SourceFile) or source.state != state:
                continue  # it changed meanwhile, which the first pass handles
            live.look(source)
            if source.module is not None:
                async with self._engine.read() as tx:
                    known = await documentation.snapshot(tx, live.project, name)
                if known is None:
                    async with self._engine.write(live.project) as tx:
                        await documentation.put_snapshot(tx, live.project, source, "watch", now(), keep=True)

    async def _handle(self, sync_id: str, name: str, change: str) -> None:
        """Log a change, and sync the document of a Python file that has one; no failure ends the watch."""
        live = self._live.get(sync_id)
        if live is None:
            return
        try:
            await self._handle_change(sync_id, live, name, change)
        except Exception:
            logger.exception("the change of %s could not be handled", name)

    async def _handle_change(self, sync_id: str, live: _Live, name: str, change: str) -> None:
        symbols: list[SymbolChange] = []
        error: str | None = None
        if change == "deleted":
            live.seen.pop(name, None)
        else:
            source = await read_or_error(live.watch.guard, name)
            if isinstance(source, LtmcError):
                if source.code == ErrorCode.NOT_FOUND:
                    return  # gone again; the next pass sees that
                error = source.message
            else:
                before, known = live.seen.get(name), live.symbols_of(name)
                live.look(source)
                if before is not None and before[0] == source.content_hash:
                    return  # only touched
                if source.module is not None:
                    symbols = code_changes.changes_since(
                        [*map(SymbolSnapshot.from_json, known)], source.module
                    )
        async with self._engine.write(live.project) as tx:
            event = SyncEvent(0, sync_id, name, change, symbols, "pending", None, now(), None)
            event_id = await sync.insert_event(tx, event)
        state = "ignored"
        if error is not None:
            state = "failed"
        elif change != "deleted" and is_python(name):
            state, error = await self._bring_up_to_date(live, name)
        async with self._engine.write() as tx:
            await sync.handle_event(tx, event_id, sync_id, state, error, now())

    async def _bring_up_to_date(self, live: _Live, name: str, tries: int = 2) -> tuple[str, str | None]:
        try:
            _, exists = await self._documents.document_of(name, live.project)
            if not exists:
                return "ignored", None
            if not live.auto_sync:
                return "pending", None
            with noting_reads():
                await self._documents.sync(name, project_id=live.project)
        except LtmcError as error:
            if error.code != ErrorCode.CONFLICT or tries == 0:
                return "failed", error.message
            return await self._bring_up_to_date(live, name, tries - 1)  # someone wrote the document meanwhile
        return "synced", None

    def _status(self, row: SyncSession) -> str:
        """Return what a session is now, whatever its row says."""
        live = self._live.get(row.sync_id)
        if live is not None:
            return "active" if live.watch.alive else "error"
        if row.status != "active":
            return str(row.status)
        return "active" if self._locks.is_elsewhere(row.sync_id) else "interrupted"

    def _shown(self, row: SyncSession) -> WatchSession:
        live = self._live.get(row.sync_id)
        return {
            "sync_id": row.sync_id,
            "paths": row.paths,
            "interval_ms": row.interval_ms,
            "auto_sync": row.auto_sync,
            "changes_detected": row.changes_detected,
            "syncs_done": row.syncs_done,
            "syncs_failed": row.syncs_failed,
            "started_at": row.started_at,
            "last_activity_at": row.last_activity_at,
            "status": self._status(row),
            "watched_files": len(live.watch.files) if live else 0,
            "error": live.watch.error if live else row.error,
        }


def _new_id(project: str, names: Sequence[str]) -> str:
    """Return the id of a session over these paths: the same in every server, so that one of them gets the lock."""
    return "sync_" + hashlib.sha256(json.dumps([project, names]).encode()).hexdigest()[:12]


def _states(guard: PathGuard, names: Sequence[str]) -> dict[str, FileState | None]:
    """Return the states of files as they are now; None where there is none."""
    found: dict[str, FileState | None] = {}
    for name in names:
        try:
            found[name] = guard.state(guard.resolve(name))
        except LtmcError:
            found[name] = None
    return found


def _hashes(guard: PathGuard, names: Sequence[str]) -> dict[str, str]:
    """Return the hashes of what files hold now; none for one that cannot be read."""
    found: dict[str, str] = {}
    for name in names:
        with suppress(LtmcError):
            found[name] = hashlib.sha256(guard.read(name)[1]).hexdigest()
    return found


def _file(
    name: str, state: FileState | None, last: str | None, link: DocumentLink | None, content_hash: str | None
) -> WatchedFile:
    if state is None:
        shown = "missing"
    elif last in ("pending", "failed"):
        shown = last
    elif link is None or link.last_sync_at is None:
        shown = "undocumented"
    else:
        shown = "synced" if link.code_hash == content_hash else "pending"
    return {
        "file_path": name,
        "last_modified": None
        if state is None
        else format_utc(datetime.fromtimestamp(state.mtime_ns / 1e9, UTC)),
        "last_synced": link.last_sync_at if link else None,
        "state": shown,
        "consistency_score": link.consistency_score if link else None,
    }


def _overall(sessions: Sequence[WatchSession], last: Mapping[str, str]) -> str:
    """degraded: a session broke, or the last sync of a file failed; healthy: all watch; idle: none does."""
    statuses = {session["status"] for session in sessions}
    if statuses & {"error", "interrupted"}:
        return "degraded"
    if "active" not in statuses:
        return "idle"
    return "degraded" if "failed" in last.values() else "healthy"
