"""The tool that stands for those that a short listing leaves out."""

from collections.abc import Mapping
from typing import Any

from ltmc.features.lean.service import Toolbox
from ltmc.tools.arguments import AnyObject, OptionalQuery
from ltmc.tools.declaration import tool


@tool("Use another tool", category="lean", destructive=True)
async def use_tool(
    toolbox: Toolbox,
    /,
    query: OptionalQuery = "",
    tool: OptionalQuery = "",
    arguments: AnyObject | None = None,
) -> Mapping[str, Any]:
    """Find and call LTMC's other tools: correct, list or forget memories, search chats, complete todos, plan tasks.

    Args:
        query: What is to be done: shows tools for it, with their arguments. With nothing, the names of all.
        tool: The one to call.
        arguments: Those of that tool.
    """
    if tool:
        return await toolbox.use(tool, arguments or {})
    return {**await toolbox.find(query)}
