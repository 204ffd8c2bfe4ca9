"""Projects."""

from typing import Annotated

from pydantic import Field

from ltmc.features.projects.service import ProjectPage, ProjectRegistered, ProjectService
from ltmc.settings import PROJECT_PATTERN
from ltmc.tools.arguments import FilePath, Limit, Name, Offset
from ltmc.tools.declaration import tool


@tool("List projects", category="projects", read_only=True)
async def list_projects(projects: ProjectService, /, limit: Limit = 10, offset: Offset = 0) -> ProjectPage:
    """Projects, their folders and what they hold."""
    return await projects.page(limit, offset)


@tool("Register a project", category="projects", idempotent=True, admin=True)
async def register_project(
    projects: ProjectService,
    /,
    project_id: Annotated[str, Field(pattern=f"^{PROJECT_PATTERN}$")],
    root_path: FilePath,
    name: Name | None = None,
    allowed_paths: Annotated[list[FilePath], Field(max_length=50)] | None = None,
) -> ProjectRegistered:
    """Say where a project's files are; tools touch files only there.

    Args:
        root_path: Absolute.
        name: For people.
        allowed_paths: Further folders.
    """
    return await projects.register(project_id, root_path, name=name, allowed_paths=allowed_paths)
