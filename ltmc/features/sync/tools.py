"""Live sync."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from ltmc.features.sync.detection import DetectionService
from ltmc.features.sync.results import Detected, Started, Stopped, SyncStatus
from ltmc.features.sync.service import SyncService
from ltmc.tools.arguments import FINE, BlueprintId, Bool, FilePath, Limit, ProjectId, ProjectOfId, not_bool
from ltmc.tools.declaration import tool


@tool("Watch files", category="sync", idempotent=True)
async def start_real_time_sync(
    sync: SyncService,
    /,
    file_paths: Annotated[list[FilePath], Field(min_length=1, max_length=100)],
    sync_interval_ms: Annotated[
        int, Field(ge=100, le=60_000, strict=True), BeforeValidator(not_bool), FINE
    ] = 1000,
    auto_sync: Bool = True,
    project_id: ProjectId = None,
) -> Started:
    """Watch files and folders until stopped.

    Args:
        file_paths: Files and folders.
        auto_sync: false: only watch, write no documents.
    """
    return await sync.start(
        file_paths, interval_ms=sync_interval_ms, auto_sync=auto_sync, project_id=project_id
    )


@tool("State of live sync", category="sync", read_only=True)
async def get_sync_status(
    sync: SyncService, /, sync_id: BlueprintId | None = None, limit: Limit = 20, project_id: ProjectId = None
) -> SyncStatus:
    """What is watched, changed and failed.

    Args:
        sync_id: One watch; else all.
    """
    return await sync.status(sync_id, limit, project_id)


@tool("Changes of code", category="sync", idempotent=True)
async def detect_code_changes(
    detection: DetectionService,
    /,
    file_paths: Annotated[list[FilePath], Field(min_length=1, max_length=200)],
    update_baseline: Bool = False,
    project_id: ProjectId = None,
) -> Detected:
    """What changed in files since last seen or documented.

    Args:
        file_paths: Python files.
        update_baseline: Count it as seen.
    """
    return await detection.detect(file_paths, update_baseline=update_baseline, project_id=project_id)


@tool("Stop watching files", category="sync", idempotent=True)
async def stop_real_time_sync(
    sync: SyncService, /, sync_id: BlueprintId, project_id: ProjectOfId = None
) -> Stopped:
    """Stop watching.

    Args:
        sync_id: From start_real_time_sync.
    """
    return await sync.stop(sync_id, project_id)
