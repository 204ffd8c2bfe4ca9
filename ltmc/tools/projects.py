"""Projects."""

from typing import Annotated, Any

from pydantic import Field

from ltmc.services import Services
from ltmc.tools.arguments import PROJECT_PATTERN, FilePath, Limit, Name, Offset


async def list_projects(services: Services, limit: Limit = 10, offset: Offset = 0) -> dict[str, Any]:
    """The projects with their folders, and how much each holds."""
    return await services.projects.page(limit, offset)


async def register_project(
    services: Services,
    project_id: Annotated[str, Field(pattern=f"^{PROJECT_PATTERN}$")],
    root_path: FilePath,
    name: Name | None = None,
    allowed_paths: Annotated[list[FilePath], Field(max_length=50)] | None = None,
) -> dict[str, Any]:
    """Say where a project's files are; tools that take a file touch only these folders.

    Args:
        root_path: An absolute path; relative paths start there.
        allowed_paths: Further folders.
    """
    return await services.projects.register(
        project_id, root_path, name=name, allowed_paths=allowed_paths or []
    )
