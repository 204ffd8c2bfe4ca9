"""How a tool, a prompt and a resource are declared: once, beside its function."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

Result = Mapping[str, Any]
Function = TypeVar("Function", bound=Callable[..., Awaitable[Any]])

_TOOL, _PROMPT, _RESOURCE = "__ltmc_tool__", "__ltmc_prompt__", "__ltmc_resource__"


class Declaration(NamedTuple):
    """What the decorator `tool` says of a function.

    Attributes:
        title: the name people see.
        category: the subject that the tool belongs to, and a word of ``--profile``.
        read_only: nothing that the user stored changes (logs of use do not count).
        destructive: may remove or replace what the user stored.
        idempotent: a second call with the same arguments changes nothing more.
        core: listed by ``--profile core``.
        lean: the arguments that ``--profile lean`` lists of it; without any it does not list the tool.
        admin: for callers with the role admin alone.
    """

    title: str
    category: str
    read_only: bool
    destructive: bool
    idempotent: bool
    core: bool
    lean: tuple[str, ...]
    admin: bool


def tool(
    title: str,
    *,
    category: str,
    read_only: bool = False,
    destructive: bool = False,
    idempotent: bool = False,
    profile: Literal["all", "core"] = "all",
    lean: Sequence[str] = (),
    admin: bool = False,
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
        lean: the arguments that ``--profile lean`` lists of it; without any it does not list the tool.
        admin: it is about the server or any file of its host, so over HTTP only for tokens with the role admin.
    """
    declaration = Declaration(
        title,
        category,
        read_only,
        destructive,
        idempotent or read_only,
        profile == "core",
        tuple(lean),
        admin,
    )

    def declare(function: Function) -> Function:
        setattr(function, _TOOL, declaration)
        return function

    return declare


def declaration_of(function: object) -> Declaration | None:
    """Return what a function was declared as; None when it is no tool."""
    found = getattr(function, _TOOL, None)
    return found if isinstance(found, Declaration) else None


class PromptDeclaration(NamedTuple):
    """What the decorator `prompt` says of a function."""

    title: str
    beside: tuple[str, ...]


class ResourceDeclaration(NamedTuple):
    """What the decorator `resource` says of a function; `completion`: the name of a function beside it."""

    uri: str
    title: str
    beside: tuple[str, ...]
    completion: str | None


def prompt(title: str, *, beside: Sequence[str]) -> Callable[[Function], Function]:
    """Declare a coroutine function as the prompt of its name: it returns the text that the user says.

    Services, arguments and docstring are as those of a tool.

    Args:
        title: the name people see.
        beside: the tools that it uses or has the agent use; without one of them it is not offered.
    """

    def declare(function: Function) -> Function:
        setattr(function, _PROMPT, PromptDeclaration(title, tuple(beside)))
        return function

    return declare


def resource(
    uri: str, title: str, *, beside: Sequence[str], completion: Callable[..., Awaitable[Any]] | None = None
) -> Callable[[Function], Function]:
    """Declare a coroutine function as a resource: it returns the text.

    Args:
        uri: its URI; a template ends with its one argument, ``{name}``.
        title: the name people see.
        beside: the tools without which it is not offered.
        completion: a function in the same module that takes the beginning of the argument and returns the values
            that begin so, and how many there are.
    """
    completing = completion.__name__ if completion else None

    def declare(function: Function) -> Function:
        setattr(function, _RESOURCE, ResourceDeclaration(uri, title, tuple(beside), completing))
        return function

    return declare


def prompt_of(function: object) -> PromptDeclaration | None:
    """Return what a function was declared as; None when it is no prompt."""
    found = getattr(function, _PROMPT, None)
    return found if isinstance(found, PromptDeclaration) else None


def resource_of(function: object) -> ResourceDeclaration | None:
    """Return what a function was declared as; None when it is no resource."""
    found = getattr(function, _RESOURCE, None)
    return found if isinstance(found, ResourceDeclaration) else None
