"""Live sync."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ltmc.services import Services
from ltmc.tools.arguments import BlueprintId, Bool, FilePath, Limit, ProjectId, not_bool


async def start_real_time_sync(
    services: Services,
    file_paths: Annotated[list[FilePath], Field(min_length=1, max_length=100)],
    sync_interval_ms: Annotated[int, Field(ge=100, le=60_000, strict=True), BeforeValidator(not_bool)] = 1000,
    auto_sync: Bool = True,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """Watch files and folders until stopped or the server ends.

    Args:
        auto_sync: Also update the documents of Python files.
    """
    return await services.sync.start(
        file_paths, interval_ms=sync_interval_ms, auto_sync=auto_sync, project_id=project_id
    )


async def get_sync_status(
    services: Services, sync_id: BlueprintId | None = None, limit: Limit = 20, project_id: ProjectId = None
) -> dict[str, Any]:
    """What is watched, what changed lastly, and what failed."""
    return await services.sync.status(sync_id, limit, project_id)


async def detect_code_changes(
    services: Services,
    file_paths: Annotated[list[FilePath], Field(min_length=1, max_length=200)],
    update_baseline: Bool = False,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """What changed in files since they were last seen or documented, symbol by symbol."""
    return await services.sync.detect(file_paths, update_baseline=update_baseline, project_id=project_id)


async def stop_real_time_sync(
    services: Services, sync_id: BlueprintId, project_id: ProjectId = None
) -> dict[str, Any]:
    """Stop watching."""
    return await services.sync.stop(sync_id, project_id)
