"""Projects: where their files are, and which folders the tools may touch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found
from ltmc.files.guard import PathGuard
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.tables import projects
from ltmc.storage.tables.projects import Project
from ltmc.timestamps import now
from ltmc.tools.paging import PageCounts, page_counts
from ltmc.tools.project_scope import project_of


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
    """A project that is not registered has the folder in which the server was started as its root.

    All roots and allowed paths must lie in the folders of the setting ``roots``; without any, anywhere.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._bounds = [bound.expanduser().resolve() for bound in settings.roots]

    async def guard(self, project_id: str | None) -> PathGuard:
        """Return the guard over the files of a project.

        Raises:
            LtmcError: PATH_NOT_ALLOWED when the project has no root, or its root is gone.
        """
        project = project_of(project_id)
        async with self._engine.read() as tx:
            row = await projects.get(tx, project)
        if row is None or row.root_path is None:
            root = Path.cwd()
            if root in (Path(root.anchor), Path.home()):
                raise _no_root(project, f"the server was started in {root}, which is too wide a root")
            self._check("project_id", root)
            return PathGuard.of(root)
        if not Path(row.root_path).is_dir():
            raise _no_root(project, f"its root {row.root_path} is no folder any more")
        folders = [Path(row.root_path), *map(Path, row.allowed_paths)]
        for folder in folders:
            self._check("project_id", folder)
        return PathGuard.of(folders[0], folders[1:])

    async def register(
        self, project_id: str, root_path: str, *, name: str | None, allowed_paths: Sequence[str]
    ) -> ProjectRegistered:
        """Give a project its root and the other folders that its tools may touch.

        Raises:
            LtmcError: INVALID_ARGUMENT for a path that is not absolute or is the root of the file system;
                NOT_FOUND for one that is no folder; PATH_NOT_ALLOWED for one outside of the bounds.
        """
        root = self._folder("root_path", root_path)
        allowed = [self._folder(f"allowed_paths[{place}]", path) for place, path in enumerate(allowed_paths)]
        async with self._engine.write() as tx:
            created = await projects.upsert(tx, project_id, name, root, allowed, now())
            row = await projects.get(tx, project_id)
        if row is None:
            raise not_found("project_id", project_id, "project")
        return {**_shown(row), "created": created}

    async def page(self, limit: int, offset: int) -> ProjectPage:
        """Return the projects by id, each with what it holds counted."""
        async with self._engine.read() as tx:
            rows, total = await projects.page(tx, limit, offset)
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

    def _folder(self, field: str, path: str) -> str:
        """Return the resolved path of a folder."""
        given = Path(path)
        if "\x00" in path or not given.is_absolute():
            raise invalid(field, path, "an absolute path")
        try:
            resolved = given.resolve()
            is_folder = resolved.is_dir()
        except (OSError, RuntimeError, ValueError):
            raise invalid(field, path, "a path that this system can resolve") from None
        if resolved == Path(resolved.anchor):
            raise invalid(field, path, "a folder below the root of the file system")
        if not is_folder:
            raise not_found(field, path, "folder")
        self._check(field, resolved)
        return str(resolved)

    def _check(self, field: str, folder: Path) -> None:
        if self._bounds and not any(folder.resolve().is_relative_to(bound) for bound in self._bounds):
            allowed = [str(bound) for bound in self._bounds]
            raise LtmcError(
                ErrorCode.PATH_NOT_ALLOWED,
                f"{field}: {folder} lies outside of the folders that the settings allow: {', '.join(allowed)}.",
                field=field,
                details={"value": str(folder), "allowed": allowed},
            )


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
