"""A real MCP client for tests: it starts a real server and talks to it over stdio."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import mcp.client.session
from anyio.from_thread import start_blocking_portal
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from ltmc.app.application import Application
from ltmc.settings import Settings

SOURCE_COMMAND = [sys.executable, "-m", "ltmc"]


class Session:
    """A session with a server, usable from plain (not async) tests.

    Args:
        db: the database file.
        command: the program; `SOURCE_COMMAND` by default.
        flags: further flags of ``serve``.
        env: further environment variables.
        version: the protocol era: one of the handshake versions, or 2026-07-28.
    """

    def __init__(
        self,
        db: Path,
        *flags: str,
        command: list[str] | None = None,
        env: dict[str, str] | None = None,
        version: str = "2025-11-25",
        log: Path | None = None,
    ) -> None:
        program, *arguments = command or SOURCE_COMMAND
        self._server = StdioServerParameters(
            command=program,
            args=[*arguments, "serve", "--db", str(db), *flags],
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **(env or {})},
        )
        self._version = version
        self._log = log
        self._stack = ExitStack()

    def __enter__(self) -> "Session":
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            log = stack.enter_context(self._log.open("a")) if self._log else sys.stderr
            modern = self._version >= "2026"
            client = Client(
                stdio_client(self._server, errlog=log), mode=self._version if modern else "legacy"
            )
            if not modern:  # the client always offers its newest handshake version
                newest = mcp.client.session.LATEST_HANDSHAKE_VERSION
                stack.callback(setattr, mcp.client.session, "LATEST_HANDSHAKE_VERSION", newest)
                mcp.client.session.LATEST_HANDSHAKE_VERSION = self._version
            self.client = stack.enter_context(self._portal.wrap_async_context_manager(client))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    @property
    def protocol_version(self) -> str | None:
        """The version that was agreed on."""
        return self.client.session.protocol_version

    def raw(self, tool: str, arguments: dict[str, Any]) -> Any:
        """A tool's whole result."""
        return self._portal.call(self.client.call_tool, tool, arguments)

    def any(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's envelope, success or not; that both halves of the result say the same is checked."""
        result = self.raw(tool, arguments)
        envelope = result.structured_content
        assert envelope is not None, result
        assert envelope["success"] is not result.is_error
        return envelope

    def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's answer, which must be a success."""
        envelope = self.any(tool, **arguments)
        assert envelope["success"], envelope
        return envelope

    def bad(self, tool: str, code: str, field: str | None = None, **arguments: Any) -> dict[str, Any]:
        """A tool's answer, which must be an error with this code (and field)."""
        envelope = self.any(tool, **arguments)
        assert not envelope["success"], envelope
        assert envelope["error_code"] == code, envelope
        assert envelope["error"]
        if field is not None:
            assert envelope.get("field") == field, envelope
        return envelope

    def tools(self) -> list[dict[str, Any]]:
        """The listing, as it is on the wire."""
        result = self._portal.call(self.client.list_tools)
        return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in result.tools]


def run_cli(*arguments: str, text: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [*SOURCE_COMMAND, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200", **env},
    )


def use(db: Path, work: Callable[[Application], Awaitable[Any]]) -> Any:
    """Run ``work(app)`` on a database, without a client."""

    async def run() -> Any:
        app = Application(Settings(db=db))
        try:
            return await work(app)
        finally:
            await app.close()

    return asyncio.run(run())
