"""How a tool is declared: once, beside its function."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Result = Mapping[str, Any]
Function = TypeVar("Function", bound=Callable[..., Awaitable[Any]])

_ATTRIBUTE = "__ltmc_tool__"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the decorator `tool` says of a function.

    Attributes:
        title: the name people see.
        category: the subject that the tool belongs to, and a word of ``--profile``.
        read_only: nothing that the user stored changes (logs of use do not count).
        destructive: may remove or replace what the user stored.
        idempotent: a second call with the same arguments changes nothing more.
        core: listed by ``--profile core``.
    """

    title: str
    category: str
    read_only: bool
    destructive: bool
    idempotent: bool
    core: bool


def tool(
    title: str,
    *,
    category: str,
    read_only: bool = False,
    destructive: bool = False,
    idempotent: bool = False,
    profile: Literal["all", "core"] = "all",
) -> Callable[[Function], Function]:
    """Declare a coroutine function as the tool of its name.

    Its docstring is what agents read: a sentence, and under ``Args:`` what an argument's type does not say.
    Parameters before a ``/`` are handed in by LTMC, by their types: services, each made once from the
    parameters of its own ``__init__``. All others are the tool's arguments; `ltmc.tools.arguments` has their
    types. The function returns a JSON object as a mapping, or raises `LtmcError`.

    Args:
        title: the name people see.
        category: a feature of LTMC, or a word of the plugin's own.
        read_only: nothing that the user stored changes; such a tool is idempotent too.
        destructive: may remove or replace what the user stored.
        idempotent: a second call with the same arguments changes nothing more.
        profile: ``core`` for the few tools that every agent needs.
    """
    declaration = Declaration(
        title, category, read_only, destructive, idempotent or read_only, profile == "core"
    )

    def declare(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, declaration)
        return function

    return declare


def declaration_of(function: object) -> Declaration | None:
    """Return what a function was declared as; None when it is no tool."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Declaration) else None
