"""Hostile and broken input on the wire: everything with an id is answered, nothing ends the server."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import SOURCE_COMMAND

HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


class Wire:
    """A server that is spoken to in bytes."""

    def __init__(self, db: Path, command: list[str] | None = None) -> None:
        self.process = subprocess.Popen(
            [*(command or SOURCE_COMMAND), "serve", "--db", str(db), "--project", "default"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.frames: list[dict[str, Any]] = []
        self._arrived = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.ask({"id": "hello", "method": "initialize", "params": HANDSHAKE}, "hello")
        self.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode())

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._arrived:
                self.frames.append(json.loads(line))
                self._arrived.notify_all()

    def send(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def ask(self, message: dict[str, Any], expected_id: Any, timeout: float = 15) -> dict[str, Any]:
        """Send a message (with jsonrpc added) and wait for the answer with this id."""
        before = len(self.frames)
        self.send(json.dumps({"jsonrpc": "2.0", **message}).encode())
        return self.answer(expected_id, before, timeout)

    def answer(self, expected_id: Any, after: int = 0, timeout: float = 15) -> dict[str, Any]:
        """The first answer with this id beyond the first `after` frames."""
        end = time.monotonic() + timeout
        with self._arrived:
            while True:
                for frame in self.frames[after:]:
                    if (
                        "id" in frame
                        and frame["id"] == expected_id
                        and ("result" in frame or "error" in frame)
                    ):
                        return frame
                if not self._arrived.wait(end - time.monotonic()):
                    raise TimeoutError(f"no answer with id {expected_id!r}; last: {self.frames[-1:]}")

    def alive(self) -> None:
        """The server still works."""
        call = {"name": "list_todos", "arguments": {}}
        answer = self.ask({"id": "alive", "method": "tools/call", "params": call}, "alive")
        assert answer["result"]["structuredContent"]["success"] is True

    def close(self) -> tuple[int, str]:
        """End the input; the exit code and what was logged."""
        assert self.process.stdin
        assert self.process.stderr
        self.process.stdin.close()
        log = self.process.stderr.read().decode()
        return self.process.wait(timeout=10), log


@pytest.fixture(scope="module")
def shared_wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    wire = Wire(tmp_path_factory.mktemp("wire") / "ltmc.db")
    yield wire
    wire.process.kill()
    wire.process.wait()


def call(arguments: str, tool: str = "add_todo", request_id: str = "7") -> bytes:
    return (
        f'{{"jsonrpc":"2.0","id":{request_id},"method":"tools/call",'
        f'"params":{{"name":"{tool}","arguments":{arguments}}}}}'
    ).encode()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"not json", -32700),
        (b'{"jsonrpc":"2.0","id":1', -32700),
        (b"\xff\xfe{}", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xc3\x28"}', -32700),
        (b"[" * 100_000, -32700),
        (b'{"a":' * 100_000, -32700),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        (b'"text"', -32600),
        (b"null", -32600),
        (b"17", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', -32600),
    ],
)
def test_what_is_no_request_gets_an_error_without_id(shared_wire: Wire, line: bytes, code: int) -> None:
    before = len(shared_wire.frames)
    shared_wire.send(line)
    assert shared_wire.answer(None, before)["error"]["code"] == code
    shared_wire.alive()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', -32600),
        (b'{"id":7,"method":"ping"}', -32600),
        (
            b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","arguments":{"value":NaN}}}',
            -32700,
        ),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":' + b"1" * 5_000 + b"}}", -32700),
        (
            b'{"jsonrpc":"2.0","id":7,"method":"ping","params":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            -32700,
        ),
        (b'{"jsonrpc":"2.0","id":7,"method":3}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":"text"}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":[1]}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"\\udfff"}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"\\ud800"}}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"no/such"}', -32601),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call"}', -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{}}', -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":3}}', -32602),
        (call("[1]"), -32602),
    ],
)
def test_a_broken_request_is_answered_under_its_id(shared_wire: Wire, line: bytes, code: int) -> None:
    before = len(shared_wire.frames)
    shared_wire.send(line)
    assert shared_wire.answer(7, before)["error"]["code"] == code
    shared_wire.alive()


def test_lone_surrogates_in_arguments_are_a_tool_error(shared_wire: Wire) -> None:
    for arguments, field in (
        ('{"title":"a\\ud800b"}', "title"),
        ('{"title":"a","titl\\ud800":1}', "titl\\ud800"),
        ('{"title":"a","project_id":"\\ud800"}', "project_id"),
    ):
        before = len(shared_wire.frames)
        shared_wire.send(call(arguments))
        content = shared_wire.answer(7, before)["result"]["structuredContent"]
        assert (content["error_code"], content["field"]) == ("INVALID_ARGUMENT", field)
    shared_wire.send(call('{"content":"x\\udc00","file_name":"a"}', "store_memory", "8"))
    assert shared_wire.answer(8)["result"]["structuredContent"]["field"] == "content"
    shared_wire.alive()


def test_ids_of_both_kinds_come_back_as_they_were(shared_wire: Wire) -> None:
    for number, request_id in enumerate(["", "7", 7, 0, -1, 2**62, "漢字"]):
        answer = shared_wire.ask({"id": request_id, "method": "tools/list"}, request_id)
        assert answer["result"]["tools"], number


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("m" * 50_000, {}),
        ("tools/call", {"name": "m" * 50_000}),
        ("tools/call", {"name": "add_todo", "arguments": {"m" * 50_000: 1}}),
        ("tools/call", {"name": "add_todo", "arguments": {"title": "a", "priority": "m" * 50_000}}),
        ("tools/call", {"name": "add_todo", "arguments": {"titel" + "m" * n: 1 for n in range(2_000)}}),
    ],
    ids=["method", "tool", "argument", "value", "arguments"],
)
def test_what_was_sent_is_repeated_in_part(shared_wire: Wire, method: str, params: dict[str, Any]) -> None:
    answer = shared_wire.ask({"id": 7, "method": method, "params": params}, 7)
    assert len(json.dumps(answer)) < 2_000


LARGE = '"params":{"name":"add_todo","arguments":{"title":"' + "x" * 17_000_000 + '"}}'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"jsonrpc":"2.0","id":7,"method":"tools/call",' + LARGE + "}", 7),
        ('{"jsonrpc": "2.0", "id": "a\\"7", "method": "tools/call", ' + LARGE + "}", 'a"7'),
        # The order of the TypeScript SDK.
        ('{"method":"tools/call",' + LARGE + ',"jsonrpc":"2.0","id":7}', 7),
        ('{"method":"tools/call",' + LARGE + ', "id": "x,{", "jsonrpc": "2.0" }', "x,{"),
        ('{"jsonrpc":"2.0","id":7.5,"method":"tools/call",' + LARGE + "}", None),
        ('{"jsonrpc":"2.0","method":"x",' + LARGE.replace("}}", '","id":7}}') + "}", None),
        ('{"params":' + "[" * 17_000_000, None),
        ("x" * 17_000_000, None),
    ],
    ids=["first", "text", "last", "before jsonrpc", "a float", "of an argument", "nested", "no JSON"],
)
def test_a_request_that_is_too_large_is_refused_under_its_id(
    shared_wire: Wire, line: str, expected: Any
) -> None:
    before = len(shared_wire.frames)
    shared_wire.send(line.encode())
    answer = shared_wire.answer(expected, before)
    assert (answer["error"]["code"], "16777216" in answer["error"]["message"]) == (-32600, True)
    shared_wire.alive()


def test_a_line_without_end_is_not_held(db: Path) -> None:
    wire = Wire(db)
    wire.alive()
    before = resident_kb(wire.process.pid)
    assert wire.process.stdin
    wire.process.stdin.write(b'{"jsonrpc":"2.0","id":5,"x":"')
    for _ in range(200):
        wire.process.stdin.write(b"x" * 1_000_000)
    grown = resident_kb(wire.process.pid) - before
    wire.send(b'"}')
    assert wire.answer(5)["error"]["code"] == -32600
    assert grown < 60_000
    wire.close()


def resident_kb(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4


def test_oversized_lines_are_refused_and_skipped(shared_wire: Wire) -> None:
    before = len(shared_wire.frames)
    shared_wire.send(call(json.dumps({"title": "x" * 50_000_000})))
    answer = shared_wire.answer(7, before)
    assert answer["error"]["code"] == -32600
    assert "16777216" in answer["error"]["message"]
    shared_wire.alive()
    shared_wire.send(call(json.dumps({"content": "x" * 5_000_000, "file_name": "a"}), "store_memory", "9"))
    refused = shared_wire.answer(9)["result"]["structuredContent"]
    assert (refused["error_code"], refused["field"]) == ("INVALID_ARGUMENT", "content")
    shared_wire.alive()


def test_a_client_that_never_reads_is_held_back(db: Path) -> None:
    """The server stops reading; it does not grow, and it ends with its input."""
    process = subprocess.Popen(
        [*SOURCE_COMMAND, "serve", "--db", str(db), "--project", "default"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    os.set_blocking(process.stdin.fileno(), False)
    first = (
        json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HANDSHAKE}).encode() + b"\n"
    )
    flood = first + b"".join(
        json.dumps({"jsonrpc": "2.0", "id": n, "method": "tools/list"}).encode() + b"\n"
        for n in range(1, 20_000)
    )
    sent, quiet = 0, 0.0
    while sent < len(flood) and quiet < 3:
        try:
            sent += os.write(process.stdin.fileno(), flood[sent : sent + 65_536])
            quiet = 0.0
        except BlockingIOError:
            time.sleep(0.1)
            quiet += 0.1
    assert sent < len(flood), "everything was swallowed"
    resident_kb = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4
    assert resident_kb < 250_000
    process.stdin.close()
    assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_the_middle_of_calls(db: Path, number: int) -> None:
    wire = Wire(db)
    for n in range(200):
        wire.send(call(json.dumps({"title": f"t{n}"}), request_id=str(n)))
    wire.answer(0)
    wire.process.send_signal(number)
    assert wire.process.wait(timeout=20) == 0
    time.sleep(0.2)
    done = [
        frame["result"]["structuredContent"]["todo_id"]
        for frame in wire.frames
        if frame.get("id") != "hello" and frame.get("result", {}).get("structuredContent", {}).get("success")
    ]
    again = Wire(db)
    listed = again.ask(
        {"id": "l", "method": "tools/call", "params": {"name": "list_todos", "arguments": {}}}, "l"
    )
    assert listed["result"]["structuredContent"]["total"] >= len(done) > 0
    again.close()


def test_end_of_input_lets_calls_in_flight_finish(db: Path) -> None:
    wire = Wire(db)
    for n in range(20):
        wire.send(call(json.dumps({"title": f"t{n}"}), request_id=str(n)))
    code, log = wire.close()
    assert (code, log) == (0, "")
    assert all("result" in wire.answer(n) for n in range(20))


def test_a_client_that_vanishes_ends_it(db: Path) -> None:
    first = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HANDSHAKE}).encode()
    with subprocess.Popen(
        [*SOURCE_COMMAND, "serve", "--db", str(db), "--project", "default"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(first + b"\n")
        process.stdin.flush()
        assert process.stdout.readline()
        process.stdout.close()
        process.stdin.write(call('{"title":"a"}') + b"\n")
        process.stdin.close()
        assert process.wait(timeout=20) == 0
        assert b"Traceback" not in process.stderr.read()


@settings(
    max_examples=int(os.environ.get("LTMC_FUZZ_CALLS", "2000")) // 10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60).filter(lambda line: b"\n" not in line),
            st.recursive(
                st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.floats()),
                lambda inner: st.one_of(
                    st.lists(inner, max_size=3),
                    st.dictionaries(
                        st.sampled_from(["jsonrpc", "id", "method", "params", "name", "arguments", "x"]),
                        inner,
                    ),
                ),
                max_leaves=8,
            ).map(lambda value: json.dumps(value).encode()),
        ),
        max_size=10,
    )
)
def test_no_bytes_end_the_server(shared_wire: Wire, lines: list[bytes]) -> None:
    for line in lines:
        shared_wire.send(line)
    before = len(shared_wire.frames)
    shared_wire.ask({"id": "alive", "method": "tools/list"}, "alive")
    assert len(shared_wire.frames) > before
