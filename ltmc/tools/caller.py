"""Who calls: whose token came over HTTP, and what that token may."""

from contextvars import ContextVar
from typing import Literal, NamedTuple, get_args

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.tools.manifest import Tool

Role = Literal["read", "write", "admin"]
"""What a token may: read; write too; and reach the whole server and the files of its host."""

ROLES: tuple[Role, ...] = get_args(Role)

OF_ALL_PROJECTS = ("list_projects", "use_tool")
"""The tools without the argument project_id that hold callers to their projects themselves."""


class Caller(NamedTuple):
    """Who calls.

    Attributes:
        name: that of the token; None for who started the server on stdin and stdout, or the command.
        projects: those that the calls are held to, the first being that of calls that name none; none: all.
    """

    name: str | None = None
    role: Role = "admin"
    projects: tuple[str, ...] = ()


OWNER = Caller("owner")
"""Who brings the token of the token file."""

caller: ContextVar[Caller] = ContextVar("caller", default=Caller())  # noqa: B039 - a tuple
"""That of the call that is answered."""


def offers(role: Role, tool: Tool) -> bool:
    """Tell whether a tool is for a role."""
    return role == "admin" or (not tool.admin and (tool.read_only or role == "write"))


def require_allowed(tool: Tool) -> None:
    """Refuse a tool that is not for the role of who calls, or that cannot be held to their projects.

    Raises:
        LtmcError: UNSUPPORTED.
    """
    who = caller.get()
    if not offers(who.role, tool):
        needed = "admin" if tool.admin else "write"
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"Tool {tool.name} needs the role {needed}; the token {who.name!r} has the role {who.role}.",
            details={"role": who.role, "needed": needed},
        )
    if (
        who.projects
        and "project_id" not in tool.parameters["properties"]
        and tool.name not in OF_ALL_PROJECTS
    ):
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"Tool {tool.name} takes no project_id, and the token {who.name!r} is held to projects: "
            f"{', '.join(who.projects)}.",
            details={"projects": [*who.projects]},
        )


def require_own(project_id: str | None) -> None:
    """Refuse a project that who calls is not let into; whether there is one is not told.

    Raises:
        LtmcError: INVALID_ARGUMENT.
    """
    own = caller.get().projects
    if own and project_id is not None and project_id not in own:
        raise invalid("project_id", project_id, f"the projects of your token, {', '.join(own)}")
