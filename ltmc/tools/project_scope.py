"""Which project a call means."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from ltmc.errors import not_found

DEFAULT_PROJECT = "default"
ALL_PROJECTS = "*"

Result = TypeVar("Result", bound=Mapping[str, Any])


class Owned(Protocol):
    """What is of a project."""

    @property
    def project_id(self) -> str:
        """The project that it is of."""


Row = TypeVar("Row", bound=Owned)


class Origin(NamedTuple):
    """Where a call comes from.

    Attributes:
        projects: the project that a call without one means; after it those that its searches and lists look in too.
        folder: the folder of that project, where it was told by a folder.
        held: for who calls there are no others.
        branch, commit: what is checked out there, known to calls that write.
    """

    projects: tuple[str, ...] = (DEFAULT_PROJECT,)
    folder: Path | None = None
    branch: str | None = None
    commit: str | None = None
    held: bool = False

    def marks(self, project: str) -> dict[str, str]:
        """Return what is noted of where something was stored; nothing in another project."""
        if project != self.projects[0]:
            return {}
        found = {"branch": self.branch, "commit": self.commit}
        return {name: value for name, value in found.items() if value is not None}


origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - a tuple
"""That of the call that is answered."""


def with_earlier(projects: Sequence[str], earlier: Sequence[str]) -> tuple[str, ...]:
    """Return the projects that are looked in with those that they were before, ahead of the last, the default one."""
    return tuple(dict.fromkeys((*projects[:-1], *earlier, *projects[-1:])))


def project_of(project_id: str | None) -> str:
    """Return the project that a call means."""
    return origin.get().projects[0] if project_id is None else project_id


def projects_read(project_id: str | None) -> list[str]:
    """Return the projects that a call which searches or lists looks in, its own first."""
    return list(origin.get().projects) if project_id is None else [project_id]


def reaches(project_id: str | None, project: str) -> bool:
    """Return whether a call finds, by ids, what is in a project.

    Without a project a call finds all; one from a repository, or of a token with projects, what its searches find.
    """
    here = origin.get()
    if project_id is None:
        return project in here.projects or (here.folder is None and not here.held)
    return project == project_id


def owned(row: Row | None, project_id: str | None, field: str, value: Any, what: str) -> Row:
    """Return what was looked up by an id.

    Raises:
        LtmcError: NOT_FOUND where there is nothing, or it is in a project that the call does not reach.
    """
    if row is not None and reaches(project_id, row.project_id):
        return row
    raise not_found(field, value, what, elsewhere(row.project_id) if row and project_id is None else "")


def elsewhere(project: str, looked_in: Sequence[str] = ()) -> str:
    """Return the hint that something is in a project that has to be named; "" for one looked in, or out of reach."""
    here = origin.get()
    hidden = here.held and project not in here.projects
    return (
        "" if hidden or project in looked_in else f"project {project!r} has it: pass project_id {project!r}"
    )


def marked(result: Result, project: str, projects: Sequence[str]) -> Result:
    """Return a result that names its project, unless that is the first of those that were looked in."""
    if project == projects[0]:
        return result
    return cast("Result", {**cast("dict[str, Any]", result), "project_id": project})


def scope_of(project_id: str | None) -> str | None:
    """Return the project of a call that reads aggregates; None for all of them."""
    return None if project_id == ALL_PROJECTS else project_of(project_id)
