"""A real server over HTTP for tests, and a client of it that knows nothing of MCP."""

import http.client
import json
import os
import re
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.client import SOURCE_COMMAND, run_cli
from tests.postgres import PostgresPlace

HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def for_era(era: str, method: str, params: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """The headers and parameters with which a client of a protocol era sends a request."""
    headers = {"MCP-Protocol-Version": era}
    if era < "2026":
        return headers, params
    headers |= {"Mcp-Method": method} | ({"Mcp-Name": params["name"]} if "name" in params else {})
    about = {
        "protocolVersion": era,
        "clientInfo": {"name": "test", "version": "1"},
        "clientCapabilities": {},
    }
    return headers, {**params, "_meta": {f"io.modelcontextprotocol/{key}": about[key] for key in about}}


class Serving:
    """``ltmc serve --transport http`` on a free port of 127.0.0.1.

    Args:
        command: the program; that of the source by default.

    Attributes:
        port: where it listens.
        token: its bearer token.
        log: the lines of its stderr so far.
    """

    def __init__(self, db: Path, *flags: str, command: list[str] = SOURCE_COMMAND, **env: str) -> None:
        in_home = isinstance(db, PostgresPlace)
        beside = Path(env.get("HOME", os.environ["HOME"]), ".local/share/ltmc/ltmc.db") if in_home else db
        self.db = db
        self.token_path = beside.with_name(beside.name + ".token")
        self.log: list[str] = []
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [*command, "serve", "--transport", "http", "--port", "0", "--db", str(db), *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **env},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if match := re.search(r"serves http://\S+:(\d+)/mcp", line):
                self.port = int(match[1])
                self._ready.set()
        self._ready.set()

    def __enter__(self) -> "Serving":
        assert self._ready.wait(60)
        assert hasattr(self, "port"), self.log
        self.token = self.token_path.read_text().strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.terminate()
        code = self.finish()
        if error is None:
            assert code == 0, self.log

    def finish(self) -> int:
        """Wait for its end; its exit status. Nothing may have gone to its stdout."""
        try:
            code = self.process.wait(timeout=30)
        finally:
            self.process.kill()
        self._reader.join()
        assert self.process.stdout is not None
        assert self.process.stdout.read() == ""
        return code

    @property
    def url(self) -> str:
        """Where MCP is."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def request(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str | None
    ) -> "Answer":
        """One request; the token is sent along unless `Authorization` says otherwise (None: is left out)."""
        given = {"Authorization": f"Bearer {self.token}", **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(
                method, path, body, {name: value for name, value in given.items() if value is not None}
            )
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def rpc(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        era: str = "2025-11-25",
        **headers: str | None,
    ) -> "Answer":
        """One JSON-RPC request of a protocol era."""
        given, params = for_era(era, method, params or {})
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.request("POST", "/mcp", json.dumps(message), **{**HEADERS, **given, **headers})

    def call(self, tool: str, headers: dict[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
        """A tool's envelope."""
        answer = self.rpc("tools/call", {"name": tool, "arguments": arguments}, **(headers or {}))
        assert answer.status == 200, answer
        envelope = answer.json()["result"]["structuredContent"]
        assert isinstance(envelope, dict)
        return envelope

    def user(self, name: str, role: str, *projects: str) -> "User":
        """Who brings a new token of that name, role and these projects."""
        where = [word for project in projects for word in ("--project", project)]
        made = run_cli("token", "add", name, "--role", role, *where, "--db", str(self.db))
        assert made.returncode == 0, made
        return User(self, made.stdout.strip())


class User:
    """Who brings a token.

    Args:
        project: that of all calls; none: they name none.
    """

    def __init__(self, server: Serving, token: str, project: str | None = None) -> None:
        self.server, self.token = server, token
        self._always = {} if project is None else {"project_id": project}

    @property
    def header(self) -> dict[str, str]:
        """What each of its requests bears."""
        return {"Authorization": f"Bearer {self.token}"}

    def any(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's envelope, success or not."""
        return self.server.call(tool, self.header, **{**self._always, **arguments})

    def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's answer, which must be a success."""
        envelope = self.any(tool, **arguments)
        assert envelope["success"], (tool, envelope)
        return envelope

    def bad(self, tool: str, code: str, **arguments: Any) -> str:
        """The message of a tool's error, which must have a code."""
        envelope = self.any(tool, **arguments)
        assert not envelope["success"], envelope
        assert envelope["error_code"] == code, envelope
        return str(envelope["error"])

    def rpc(self, method: str, **params: Any) -> "Answer":
        """The answer to a request."""
        return self.server.rpc(method, params, **self.header)

    def tools(self) -> list[str]:
        """The names of the tools that are listed."""
        return [tool["name"] for tool in self.rpc("tools/list").json()["result"]["tools"]]


class Answer:
    """A response, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    def __repr__(self) -> str:
        return f"{self.status} {dict(self.headers)} {self.text}"

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.text)
