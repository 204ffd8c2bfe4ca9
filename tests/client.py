"""A real MCP client for tests: it starts a real server and talks to it over stdio."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any

import mcp.client.session
from anyio.from_thread import start_blocking_portal
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import ResourceTemplateReference

from ltmc.app.application import Application
from ltmc.settings import Settings
from tests.postgres import PostgresConnection, PostgresPlace

SOURCE_COMMAND = [sys.executable, "-m", "ltmc"]

TEXT_ALONE = {"hook_event"}
"""The tools whose answer, in case of success, is a text without an envelope."""


class InProject:
    """The things of one project, through a session."""

    def __init__(self, client: "Session", project: str) -> None:
        self.client, self.project = client, project

    def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must succeed."""
        return self.client.ok(tool, project_id=self.project, **arguments)

    def bad(self, tool: str, code: str, field: str | None = None, **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must fail with a code."""
        return self.client.bad(tool, code, field, project_id=self.project, **arguments)


class Session:
    """A session with a server, usable from plain (not async) tests.

    Args:
        db: the database file.
        command: the program; `SOURCE_COMMAND` by default.
        flags: further flags of ``serve``.
        env: further environment variables; ``LTMC_PROJECT`` is ``default`` without one.
        version: the protocol era: one of the handshake versions, or 2026-07-28.
        cwd: the folder in which the server is started.
        roots: answers when the server asks for the client's roots.
    """

    def __init__(
        self,
        db: Path,
        *flags: str,
        command: list[str] | None = None,
        env: dict[str, str] | None = None,
        version: str = "2025-11-25",
        log: Path | None = None,
        cwd: Path | None = None,
        roots: Callable[[Any], Awaitable[Any]] | None = None,
    ) -> None:
        program, *arguments = command or SOURCE_COMMAND
        self._server = StdioServerParameters(
            command=program,
            args=[*arguments, "serve", "--db", str(db), *flags],
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ["HOME"],
                "LTMC_PROJECT": "default",  # else it is that of the repository in which the tests run
                **(env or {}),
            },
            cwd=cwd,
        )
        self._roots = roots
        self._version = version
        self._log = log
        self._stack = ExitStack()

    def __enter__(self) -> "Session":
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            log = stack.enter_context(self._log.open("a")) if self._log else sys.stderr
            modern = self._version >= "2026"
            client = Client(
                stdio_client(self._server, errlog=log),
                mode=self._version if modern else "legacy",
                list_roots_callback=self._roots,
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
        """A tool's envelope, success or not; that both halves of the result say the same is checked.

        Of a tool whose answer is its text alone, it is ``success`` and ``text``.
        """
        result = self.raw(tool, arguments)
        envelope: dict[str, Any] | None = result.structured_content
        if tool in TEXT_ALONE and not result.is_error:
            assert envelope is None, result
            (content,) = result.content
            return {"success": True, "text": content.text}
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

    def roots_changed(self) -> None:
        """Tell the server that the client's roots are other ones."""
        self._portal.call(self.client.send_roots_list_changed)

    def prompt(self, name: str, **arguments: str) -> str:
        """The text of a prompt."""
        result = self._portal.call(self.client.get_prompt, name, arguments)
        (message,) = result.messages
        assert message.role == "user"
        return message.content.text

    def resource(self, uri: str) -> str:
        """The text of a resource."""
        (content,) = self._portal.call(self.client.read_resource, uri).contents
        assert content.uri == uri
        return content.text

    def completions(self, template: str, argument: str, beginning: str) -> Any:
        """What completes an argument of a template."""
        where = {"name": argument, "value": beginning}
        reference = ResourceTemplateReference(uri=template)
        return self._portal.call(self.client.complete, reference, where).completion

    def offers(self) -> dict[str, list[str]]:
        """The names of the prompts, the URIs of the resources and templates."""
        return {
            "prompts": [one.name for one in self._portal.call(self.client.list_prompts).prompts],
            "resources": [one.uri for one in self._portal.call(self.client.list_resources).resources],
            "templates": [
                one.uri_template
                for one in self._portal.call(self.client.list_resource_templates).resource_templates
            ],
        }

    def tools(self) -> list[dict[str, Any]]:
        """The listing, as it is on the wire."""
        result = self._portal.call(self.client.list_tools)
        return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in result.tools]


def run_cli(
    *arguments: str, text: str | None = None, cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [*SOURCE_COMMAND, *arguments],
        input=text,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200", **env},
    )


def pending(db: Path) -> int:
    """How many entries of a database's index are to be embedded."""
    with closing(connected(db)) as connection:
        found = connection.execute("SELECT count(*) FROM search_entries WHERE vector = x''").fetchone()
    return int(found[0])


def connected(db: Path) -> Any:
    """A connection to a database, as ``sqlite3`` makes it."""
    return PostgresConnection(db) if isinstance(db, PostgresPlace) else sqlite3.connect(db)


def settings_of(db: Path, **other: Any) -> Settings:
    """The settings for a database, which may be one of PostgreSQL."""
    if isinstance(db, PostgresPlace):
        return Settings(db=Path(os.environ["HOME"], "ltmc.db"), postgres_url=db.url, **other)
    return Settings(db=db, **other)


def use(db: Path, work: Callable[[Application], Awaitable[Any]]) -> Any:
    """Run ``work(app)`` on a database, without a client."""

    async def run() -> Any:
        app = Application(settings_of(db))
        try:
            return await work(app)
        finally:
            await app.close()

    return asyncio.run(run())
