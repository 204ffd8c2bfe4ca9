"""What the tools of this folder answer."""

from typing import Any, TypedDict


class ToolFound(TypedDict):
    """A tool and the JSON schema of each of its arguments."""

    name: str
    description: str
    arguments: dict[str, Any]
    required: list[str]


class ToolsFound(TypedDict):
    """The tools that fit a query, best first."""

    tools: list[ToolFound]


class ToolNames(TypedDict):
    """The names of all tools, by category."""

    names: dict[str, list[str]]
