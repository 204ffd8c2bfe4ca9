"""What the tools of live sync answer."""

from typing import Any, NotRequired, TypedDict

from ltmc.code.changes import SymbolChange


class Started(TypedDict):
    """A session that watches."""

    sync_id: str
    status: str
    created: bool
    watched_files: int
    watched_directories: int
    missing_paths: list[str]
    ignored: int
    capped: bool
    interval_ms: int
    auto_sync: bool
    polling: bool
    started_at: str


class Stopped(TypedDict):
    """A session that ended."""

    sync_id: str
    status: str
    changes_detected: int
    syncs_done: int
    syncs_failed: int
    stopped_at: str | None
    already_stopped: bool


class WatchSession(TypedDict):
    """A session as it is now."""

    sync_id: str
    paths: list[str]
    interval_ms: int
    auto_sync: bool
    changes_detected: int
    syncs_done: int
    syncs_failed: int
    started_at: str
    last_activity_at: str | None
    status: str
    watched_files: int
    error: str | None


class WatchedFile(TypedDict):
    """A watched file, and how its document stands: synced, pending (the file changed since), failed, missing
    (there is no file any more) or undocumented (no document was written).
    """

    file_path: str
    last_modified: str | None
    last_synced: str | None
    state: str
    consistency_score: float | None


class Event(TypedDict):
    """A change of a file, and what came of it."""

    sync_id: str
    file_path: str
    change_type: str
    symbols: list[Any]
    sync_state: str
    error: str | None
    created_at: str
    handled_at: str | None


class SyncStatus(TypedDict):
    """Sessions, their files and what happened last."""

    sessions: list[WatchSession]
    files: list[WatchedFile]
    files_total: int
    pending_changes: int
    recent_events: list[Event]
    overall: str


class WatchHealth(TypedDict):
    """Whether each watch of a server runs."""

    status: str
    error: NotRequired[str]
    active: NotRequired[int]


class FileChange(TypedDict):
    """What changed in a file since its baseline."""

    file_path: str
    status: str
    hash_changed: bool
    changes: list[SymbolChange]
    error: NotRequired[str]
    error_code: NotRequired[str]


class DocumentToUpdate(TypedDict):
    """A document that describes a changed file."""

    file_path: str
    doc_path: str


class Detected(TypedDict):
    """What changed in files; `summary` counts them by status, and the changes of symbols."""

    files: list[FileChange]
    summary: dict[str, int]
    docs_needing_update: list[DocumentToUpdate]
    next_actions: list[str]
