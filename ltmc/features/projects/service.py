"""Projects: where their files are, and which folders the tools may touch."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found, shorten
from ltmc.features.projects.roots import ALLOWED, why_refused
from ltmc.files.guard import PathGuard
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.tables import projects
from ltmc.storage.tables.projects import Project
from ltmc.timestamps import now
from ltmc.tools.caller import caller
from ltmc.tools.paging import PageCounts, page_counts
from ltmc.tools.project_scope import origin, project_of


class ProjectView(TypedDict):
    """A project and its folders."""

    project_id: str
    name: str | None
    root_path: str | None
    allowed_paths: list[str]
    created_at: str


class ProjectRegistered(ProjectView):
    """A project with its folders; `created`: it is new."""

    created: bool


class ProjectWithCounts(ProjectView):
    """A project with what it holds counted."""

    memories: int
    messages: int
    pending_todos: int
    blueprints: int


class ProjectPage(PageCounts):
    """A page of projects."""

    projects: list[ProjectWithCounts]


class ProjectService:
    """A project that is not registered has the folder in which the server was started, or works, as its root.

    All roots and allowed paths must lie in the folders of the setting ``roots``; without any, wherever people
    keep projects (`ltmc.features.projects.roots`). They are looked at again whenever they are used.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._bounds = [Path(os.path.realpath(bound)) for bound in settings.roots]

    async def guard(self, project_id: str | None) -> PathGuard:
        """Return the guard over the files of a project.

        Raises:
            LtmcError: PATH_NOT_ALLOWED when the project has no root, or a folder of it is gone, leads elsewhere
                or may not be a project's any more.
        """
        project = project_of(project_id)
        async with self._engine.read() as tx:
            row = await projects.get(tx, project)
        if row is None or row.root_path is None:
            if caller.get().role != "admin":
                raise _no_root(project, "it is not registered, which needs a token with the role admin")
            folders = [_working_folder(project)]
        else:
            folders = [Path(row.root_path), *map(Path, row.allowed_paths)]
            if not folders[0].is_dir():
                raise _no_root(project, f"its root {folders[0]} is no folder any more")
        for folder in folders:
            real = _real(folder)
            why = self._why_refused(folder) if real == folder else f"it leads to {real or 'nowhere'} now"
            if why is not None:
                raise _no_root(project, f"{folder} cannot be used: {why}")
        return PathGuard.of(folders[0], folders[1:])

    async def register(
        self, project_id: str, root_path: str, *, name: str | None, allowed_paths: Sequence[str] | None
    ) -> ProjectRegistered:
        """Give a project its root and the other folders that its tools may touch; what is left out stays.

        Raises:
            LtmcError: INVALID_ARGUMENT for a path that is not absolute; NOT_FOUND for one that is no folder;
                PATH_NOT_ALLOWED for one outside of the bounds, or that no project may have.
        """
        root = self._folder("root_path", root_path)
        allowed = None
        if allowed_paths is not None:
            allowed = [
                self._folder(f"allowed_paths[{place}]", path) for place, path in enumerate(allowed_paths)
            ]
        async with self._engine.write() as tx:
            created = await projects.upsert(tx, project_id, name, root, allowed, now())
            row = await projects.get(tx, project_id)
        if row is None:
            raise not_found("project_id", project_id, "project")
        return {**_shown(row), "created": created}

    async def page(self, limit: int, offset: int) -> ProjectPage:
        """Return the projects by id, each with what it holds counted; to a caller with projects these alone."""
        async with self._engine.read() as tx:
            rows, total = await projects.page(tx, limit, offset, caller.get().projects)
        return {
            "projects": [
                {
                    **_shown(row),
                    "memories": row.memories,
                    "messages": row.messages,
                    "pending_todos": row.pending_todos,
                    "blueprints": row.blueprints,
                }
                for row in rows
            ],
            **page_counts(rows, total, offset),
        }

    async def names(self, most: int) -> list[str]:
        """Return the ids of the first projects, in order."""
        async with self._engine.read() as tx:
            return await projects.names(tx, most)

    def _folder(self, field: str, path: str) -> str:
        """Return the resolved path of a folder."""
        given = Path(path)
        if "\x00" in path or not given.is_absolute():
            raise invalid(field, path, "an absolute path")
        resolved = _real(given)
        if resolved is None:
            raise invalid(field, path, "a path that this system can resolve")
        if not resolved.is_dir():
            raise not_found(field, path, "folder")
        why = self._why_refused(resolved)
        if why is not None:
            allowed = ", ".join(map(str, self._bounds)) or ALLOWED
            raise LtmcError(
                ErrorCode.PATH_NOT_ALLOWED,
                f"{field}: {shorten(path)} cannot be a folder of a project: {why}; allowed: {allowed}.",
                field=field,
                details={"value": shorten(path), "reason": why, "allowed": allowed},
            )
        return str(resolved)

    def _why_refused(self, folder: Path) -> str | None:
        if self._bounds and not any(folder.is_relative_to(bound) for bound in self._bounds):
            return f"it lies outside of what the setting roots allows: {', '.join(map(str, self._bounds))}"
        return why_refused(folder, self._bounds)


def _real(folder: Path) -> Path | None:
    """Return where a folder is once links are followed; None where the system cannot tell."""
    try:
        return Path(os.path.realpath(folder))
    except (OSError, ValueError):  # an endless name, or a link that was exchanged meanwhile
        return None


def _working_folder(project: str) -> Path:
    works_in = origin.get().folder
    try:
        return Path.cwd() if works_in is None else Path(os.path.realpath(works_in))
    except OSError:
        raise _no_root(project, "the folder in which the server was started is gone") from None


def _shown(row: Project) -> ProjectView:
    return {
        "project_id": row.project_id,
        "name": row.name,
        "root_path": row.root_path,
        "allowed_paths": row.allowed_paths,
        "created_at": row.created_at,
    }


def _no_root(project: str, why: str) -> LtmcError:
    return LtmcError(
        ErrorCode.PATH_NOT_ALLOWED,
        f"project_id: {project} has no root for its files: {why}; call register_project.",
        field="project_id",
        details={"project_id": project, "reason": why},
    )
