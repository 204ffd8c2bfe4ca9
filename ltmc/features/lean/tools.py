"""The tool that stands for those that a short listing leaves out."""

from collections.abc import Mapping
from typing import Any

from ltmc.features.lean.toolbox import Toolbox
from ltmc.tools.arguments import AnyObject, OptionalQuery
from ltmc.tools.declaration import tool


@tool("Use another tool", category="lean", destructive=True)
async def use_tool(
    toolbox: Toolbox,
    /,
    query: OptionalQuery = "",
    name: OptionalQuery = "",  # noqa: ARG001 - `ltmc.app.calls` calls the tool of that name in place of this one
    arguments: AnyObject | None = None,  # noqa: ARG001
) -> Mapping[str, Any]:
    """Find and call LTMC's other tools: correct, list or forget memories, search chats, complete todos, plan tasks.

    Args:
        query: What is to be done: shows tools for it, with their arguments. With nothing, the names of all.
        name: The tool to call.
        arguments: Those of that tool.
    """
    return {**await toolbox.find(query)}
