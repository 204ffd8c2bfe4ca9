"""The MCP server: the manifest's tools on FastMCP. Nothing else knows FastMCP.

Tools are listed from the manifest; a tool's module, the database and Redis are touched when it is first
called, so that ``initialize`` is answered before anything slow.
"""

import difflib
import json
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types
from fastmcp import FastMCP
from fastmcp.server import context as _context  # noqa: F401 - else the first request imports it, more slowly
from fastmcp.server.dependencies import get_context
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import Tool as ServerTool
from fastmcp.tools.base import ToolResult
from mcp.server import NotificationOptions
from mcp.server.request_state import InvalidRequestState, RequestStateSecurity
from mcp_types import CallToolRequestParams, ListToolsRequest, TextContent
from pydantic import PrivateAttr

from ltmc.app.application import Application
from ltmc.app.redaction import masked_json
from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.server import greeting, listing, stdio
from ltmc.server.offers import Offers
from ltmc.server.roots import first_root, follow
from ltmc.server.writing import written
from ltmc.settings import Settings
from ltmc.tools import plugins, selection
from ltmc.tools.caller import Role, require_allowed
from ltmc.tools.manifest import Tool
from ltmc.tools.request import protocol_version

HOOK = "hook_event"
"""The tool whose answer clients read like the output of a command: its text alone."""

SWITCH_SECONDS = 0.001
"""How long a thread that computes keeps the interpreter to itself: the event loop, which answers everybody, waits for
it at each of its steps. Python's default is 0.005."""

CLOSE_SECONDS = 0.3
"""How long closing the database may take: the process should end within a second."""

logger = logging.getLogger(__name__)


class ManifestTool(ServerTool):
    """A row of the manifest as FastMCP serves it."""

    _entry: Tool = PrivateAttr()
    _app: Application = PrivateAttr()
    _listed: dict[str, Any] = PrivateAttr()

    @classmethod
    def of(cls, entry: Tool, app: Application, listed: dict[str, Any]) -> "ManifestTool":
        """Return the tool for `entry`, and what is listed of it."""
        tool = cls(name=entry.name, description=entry.description, parameters=entry.parameters)
        tool._entry, tool._app, tool._listed = entry, app, listed
        return tool

    def to_mcp_tool(self, **_: Any) -> mcp_types.Tool:
        """Return the listing, without what FastMCP adds: agents pay for every byte of it."""
        return mcp_types.Tool.model_validate(self._listed)

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Call the tool; failures are results too."""
        from ltmc.app.calls import call

        session = get_context().session
        protocol_version.set(session.protocol_version)
        answer = await call(self._app, self._entry, arguments, lambda: first_root(session))
        if answer["success"] and self._entry.name == HOOK:
            return ToolResult(content=[TextContent(type="text", text=answer["output"])])
        return as_tool_result(written(answer) if answer["success"] else answer)


class UnknownTools(Middleware):
    """Answers calls of tools that are not offered with an error like every other."""

    def __init__(self, offered: Sequence[str]) -> None:
        self._offered = list(offered)

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Refuse unknown names."""
        name = context.message.name
        if name in self._offered:
            return await call_next(context)
        near = difflib.get_close_matches(name[:100], self._offered, n=3)
        hidden = next((tool for tool in selection.tools() if tool.name == name), None)
        try:
            if hidden is not None:
                require_allowed(hidden)
        except LtmcError as refused:
            return as_tool_result(refused.as_result())
        why = "is not offered with this --profile or --read-only" if hidden else "does not exist"
        error = LtmcError(
            ErrorCode.NOT_FOUND,
            f"Tool {shorten(name)} {why}." + (f" Near: {', '.join(near)}." if near and not hidden else ""),
            field="name",
            details={"value": shorten(name), "near": near},
        )
        return as_tool_result(masked_json(error.as_result()))


class OwnTools(Middleware):
    """Lists and calls the tools that are offered.

    FastMCP would look up first what each session may see, in a store whose packages take 7 MB and a tenth of a second.
    """

    def __init__(self, tools: Sequence[ManifestTool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    async def on_list_tools(
        self,
        context: MiddlewareContext[ListToolsRequest],  # noqa: ARG002
        call_next: CallNext[ListToolsRequest, Sequence[ServerTool]],  # noqa: ARG002
    ) -> Sequence[ServerTool]:
        """Return the tools."""
        return list(self._tools.values())

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],  # noqa: ARG002
    ) -> ToolResult:
        """Call a tool."""
        return await self._tools[context.message.name].run(context.message.arguments or {})


class NoState:
    """Refuses the state of a request that is said to go on: no tool here asks a client to come again."""

    def seal(self, payload: bytes) -> str:
        """Never called."""
        raise NotImplementedError

    def unseal(self, token: str) -> bytes:  # noqa: ARG002
        """Refuse it."""
        raise InvalidRequestState("none was given")


class LtmcServer(FastMCP[None]):
    """FastMCP on our own stdio transport."""

    async def run_stdio_async(
        self,
        show_banner: bool = True,  # noqa: ARG002
        log_level: str | None = None,  # noqa: ARG002
        stateless: bool = False,  # noqa: ARG002
    ) -> None:
        """Serve one client on stdin and stdout; the arguments are FastMCP's and have no effect."""

        async def run(read_stream: Any, write_stream: Any) -> None:
            options = self._mcp_server.create_initialization_options()
            await self._mcp_server.run(read_stream, write_stream, options)

        async with self._lifespan_manager():
            await stdio.serve(run, greeting.current)


def as_tool_result(envelope: dict[str, Any]) -> ToolResult:
    """Return the envelope as structured content, and as JSON text for clients that read only text."""
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    content = [TextContent(type="text", text=text)]
    return ToolResult(content=content, structured_content=envelope, is_error=not envelope["success"])


def build(
    settings: Settings,
    app: Application | None = None,
    around: Sequence[Middleware] = (),
    role: Role = "admin",
) -> FastMCP[None]:
    """Return the server with the tools that the settings offer to a role. It closes `app` when it ends.

    Args:
        around: what sees every call of a tool that is offered.
        role: that of who calls it.

    Raises:
        ValueError: the profile names an unknown category.
    """
    app = app or Application(settings)
    sys.setswitchinterval(SWITCH_SECONDS)

    @asynccontextmanager
    async def lifespan(_: FastMCP[None]) -> AsyncIterator[None]:
        try:
            yield
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await app.close()

    for plugin in plugins.plugins():
        if plugin.error:
            logger.warning("plugin %s of %s is left out: %s", plugin.name, plugin.package, plugin.error)
    offered = listing.offered(settings, role)
    listed = listing.lists(offered)["tools/list"]["tools"]
    tools = [ManifestTool.of(entry, app, shown) for entry, shown in zip(offered.tools, listed, strict=True)]
    server = LtmcServer(
        name=listing.SERVER_INFO["name"],
        version=listing.SERVER_INFO["version"],
        instructions=offered.instructions,
        lifespan=lifespan,
        tools=tools,
        middleware=[UnknownTools([tool.name for tool in tools]), *around, OwnTools(tools)],
        request_state_security=RequestStateSecurity(codec=NoState(), audience=listing.SERVER_INFO["name"]),
    )
    # FastMCP offers prompts and resources even where there are none, and hosts then ask for them; and it wraps
    # their errors and logs them with what was given.
    handlers = server._mcp_server._request_handlers
    for method in [name for name in handlers if name.startswith(("prompts/", "resources/", "completion/"))]:
        del handlers[method]
    follow(app, server._mcp_server.add_notification_handler)
    server._mcp_server.notification_options = NotificationOptions()  # no list ever changes
    Offers(app, offered).register(server._mcp_server.add_request_handler)
    return server


def serve_stdio(settings: Settings) -> None:
    """Serve one client on stdin and stdout until its input ends."""
    for name in ("fastmcp", "mcp"):
        logging.getLogger(name).setLevel(settings.log_level)
    build(settings).run("stdio", show_banner=False)
    stdio.leave()
