"""The greeting says what the server would say, byte for byte, and leaves it to the server when it does not know."""

import asyncio
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from ltmc.server import greeting, listing, stdio
from ltmc.server.mcp_server import build
from ltmc.settings import Settings
from tests.client import SOURCE_COMMAND

CLIENT = {"name": "test", "version": "1"}
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {"roots": {}},
}
LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
ASKED = ["ping", *LISTS]


def line(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}, ensure_ascii=False).encode() + b"\n"


def initialize(version: str, **changes: Any) -> bytes:
    params = {
        "protocolVersion": version,
        "capabilities": {"roots": {"listChanged": True}},
        "clientInfo": CLIENT,
    }
    return line(id=0, method="initialize", params=params | changes)


def handshake(version: str) -> list[bytes]:
    """What a client says at its start, in an era."""
    if version in MODERN_PROTOCOL_VERSIONS:
        asked = ["server/discover", *LISTS]
        return [line(id=n, method=method, params={"_meta": MODERN}) for n, method in enumerate(asked)]
    asked = [line(id=f"n{n}", method=method) for n, method in enumerate(ASKED)]
    return [initialize(version), line(method="notifications/initialized"), *asked]


def answers(said: list[bytes], settings: Settings, *, greeted: bool) -> list[bytes]:
    """What a server of this process answers to all of it."""
    from_client, to_server = os.pipe()
    from_server, to_client = os.pipe()
    with pytest.MonkeyPatch.context() as patch:
        for module in (greeting, stdio):
            patch.setattr(module, "take_wire", lambda: (from_client, to_client))
        patch.setattr(greeting, "current", greeting.Greeting(listing.offered(settings)) if greeted else None)
        heard: list[bytes] = []

        def hear() -> None:
            with os.fdopen(from_server, "rb") as wire:
                heard.extend(wire)

        hearing = threading.Thread(target=hear)
        hearing.start()

        def say() -> None:
            with os.fdopen(to_server, "wb") as wire:
                wire.write(b"".join(said))

        saying = threading.Thread(target=say)
        saying.start()
        asyncio.run(build(settings).run_stdio_async())
        saying.join()
        os.close(to_client)
        hearing.join()
        os.close(from_client)
    return sorted(heard)


def test_the_versions_are_those_of_the_sdk() -> None:
    assert greeting.HANDSHAKE_VERSIONS == HANDSHAKE_PROTOCOL_VERSIONS
    assert (greeting.MODERN_VERSION,) == MODERN_PROTOCOL_VERSIONS


@pytest.mark.parametrize("version", [*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"project": "orchard"},
        {"profile": "core"},
        {"profile": "lean"},
        {"profile": "todos,graph", "read_only": True},
        {"read_only": True},
    ],
    ids=str,
)
def test_a_greeting_is_the_answer_of_the_server(db: Path, version: str, changes: dict[str, Any]) -> None:
    settings = Settings(db=db, **changes)
    said = handshake(version)
    assert answers(said, settings, greeted=True) == answers(said, settings, greeted=False)


def test_the_greeting_does_not_wait_for_the_server(db: Path, tmp_path: Path) -> None:
    """FastMCP is never there in this test; signals end the process as they do later."""
    (tmp_path / "fastmcp.py").write_text("import time\ntime.sleep(600)\n")
    for version, number in (("2025-06-18", signal.SIGTERM), ("2026-07-28", signal.SIGINT)):
        said = handshake(version)
        with subprocess.Popen(
            [*SOURCE_COMMAND, "serve", "--db", str(db)],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"".join(said))
            process.stdin.flush()
            heard = [process.stdout.readline() for message in said if b'"id"' in message]
            process.send_signal(number)
            assert process.stderr is not None
            assert (process.stderr.read(), process.wait(10)) == (b"", 0)
        assert sorted(heard) == answers(said, Settings(db=db), greeted=False)


ODD = [
    b"",
    b"no json\n",
    b"[]\n",
    b'{"jsonrpc":"2.0","id":5,"method":"ping","params":NaN}\n',
    b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}\n',
    b'{"jsonrpc":"2.0","id":"\\u00e9","method":"ping"}\n',
    line(id="é\u2028\t", method="ping"),
    line(id=2**70, method="ping"),
    line(id=-1, method="tools/list", params={}),
    line(id=True, method="ping"),
    line(id=None, method="ping"),
    line(id=1.0, method="ping"),
    line(id=6, method="ping", params=[]),
    line(id=6, method="ping", params=None),
    line(id=6, method=5),
    line(id=6, method="ping", more=1),
    line(id=7, method="tools/list", params={"cursor": "x"}),
    line(id=7, method="tools/list", params={"_meta": {"progressToken": 3}}),
    line(id=7, method="tools/list", params={"_meta": {"progressToken": []}}),
    line(id=7, method="tools/list", params={"_meta": {"other": 3}}),
    line(id=7, method="tools/list", params={"_meta": 3}),
    line(id=8, method="no/such"),
    line(id=8, method="logging/setLevel", params={"level": "error"}),
    line(id=8, method="prompts/get", params={"name": "no such"}),
    line(id=8, method="tools/call", params={"name": "no_such", "arguments": {}}),
    line(id=9, method="server/discover"),
    line(
        id=9, method="server/discover", params={"_meta": MODERN | {"io.modelcontextprotocol/clientInfo": 5}}
    ),
    line(
        id=9,
        method="tools/list",
        params={"_meta": MODERN | {"io.modelcontextprotocol/protocolVersion": "2027"}},
    ),
    line(id=9, method="tools/list", params={"_meta": MODERN}),
    line(id=9, method="ping", params={"_meta": MODERN}),
    line(id=0, method="ping"),
    line(method="notifications/initialized"),
    line(method="notifications/initialized", params={"a": 1}),
    line(method="notifications/cancelled", params={"requestId": 0}),
    line(id=3, result={}),
    initialize("2025-11-25"),
    initialize("1999-01-01"),
    initialize("2026-07-28"),
    initialize("2025-06-18", capabilities={"elicitation": True}),
    initialize("2025-06-18", capabilities={"elicitation": {"form": 5}}),
    initialize("2025-06-18", capabilities={"tools": True, "experimental": {"x": {}}}),
    initialize("2025-06-18", capabilities=[]),
    initialize("2025-06-18", clientInfo={"name": "x"}),
    initialize("2025-06-18", clientInfo=CLIENT | {"icons": []}),
    initialize("2025-06-18", clientInfo=CLIENT | {"title": "X", "websiteUrl": "not a URL"}),
    initialize("2025-06-18", more=1),
]
"""What a client might say instead, or beside."""


@given(st.data())
@examples(max_examples=60, deadline=None)
def test_whatever_is_said_the_answers_are_those_of_the_server(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    settings = Settings(db=tmp_path_factory.getbasetemp() / "greeting" / "ltmc.db", profile="todos")
    said = handshake(data.draw(st.sampled_from([*HANDSHAKE_PROTOCOL_VERSIONS, "2026-07-28"])))
    for odd in data.draw(st.lists(st.sampled_from(ODD), max_size=4)):
        said.insert(data.draw(st.integers(0, len(said))), odd)
    if data.draw(st.booleans()):
        del said[0]
    assert answers(said, settings, greeted=True) == answers(said, settings, greeted=False)
