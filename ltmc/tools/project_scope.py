"""Which project a call means."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

DEFAULT_PROJECT = "default"
ALL_PROJECTS = "*"

Result = TypeVar("Result", bound=Mapping[str, Any])


class Origin(NamedTuple):
    """Where a call comes from.

    Attributes:
        projects: the project that a call without one means; after it those that its searches and lists look in too.
        folder: the folder of that project, where it was told by a folder.
        branch, commit: what is checked out there, known to calls that write.
    """

    projects: tuple[str, ...] = (DEFAULT_PROJECT,)
    folder: Path | None = None
    branch: str | None = None
    commit: str | None = None

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


def marked(result: Result, project: str, projects: Sequence[str]) -> Result:
    """Return a result that names its project, unless that is the first of those that were looked in."""
    if project == projects[0]:
        return result
    return cast("Result", {**cast("dict[str, Any]", result), "project_id": project})


def scope_of(project_id: str | None) -> str | None:
    """Return the project of a call that reads aggregates; None for all of them."""
    return None if project_id == ALL_PROJECTS else project_of(project_id)
