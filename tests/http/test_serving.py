"""What those who may ask get: memories in both eras, limits, health, metrics, a graceful end."""

import asyncio
import contextlib
import http.client
import json
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from ltmc.server import http_transport, limits
from ltmc.server.listening import listen
from ltmc.tools import selection
from tests.client import Session, run_cli
from tests.conftest import RedisServer
from tests.http.serving import HEADERS, Serving, for_era
from tests.postgres import engine_of

ERAS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28"}


@contextmanager
def locked(db: Path) -> Iterator[None]:
    """Holds the lock that every write needs: a call that writes waits, as long as it is held."""
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it does not come about")


def in_flight(server: Serving) -> float:
    """How many calls the server says it is answering."""
    return float(samples(server)["ltmc_calls_in_flight"])


def samples(server: Serving) -> dict[str, str]:
    """The metrics, name with labels to value."""
    answer = server.request("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in lines)


# Sessions


async def store_and_recall(server: Serving, mode: str, word: str) -> dict[str, Any]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {server.token}"}) as http_client,
        Client(streamable_http_client(server.url, http_client=http_client), mode=mode) as client,
    ):
        assert client.session.protocol_version == ERAS[mode]
        assert len((await client.list_tools()).tools) == len(selection.select("all"))
        stored = await client.call_tool(
            "store_memory", {"file_name": f"{word}.md", "content": f"The {word} is ripe."}
        )
        assert stored.structured_content is not None
        found = await client.call_tool("retrieve_memory", {"query": word})
        assert found.structured_content is not None
        assert found.structured_content["results"][0]["file_name"] == f"{word}.md"
        wrong = await client.call_tool("store_memory", {})
        assert wrong.is_error
        return stored.structured_content


def test_clients_of_both_eras_store_and_recall(db: Path) -> None:
    with Serving(db) as server:
        quince = asyncio.run(store_and_recall(server, "legacy", "quince"))
        medlar = asyncio.run(store_and_recall(server, "2026-07-28", "medlar"))
        assert quince["resource_id"] != medlar["resource_id"]
        assert server.call("retrieve_memory", query="quince")["results"][0]["file_name"] == "quince.md"
    with Session(db) as client:  # the same memory over stdio
        assert client.ok("retrieve_memory", query="medlar")["results"][0]["file_name"] == "medlar.md"


def test_an_open_session_outlives_the_server(db: Path) -> None:
    port = free_port()

    async def across_a_restart() -> None:
        first = Serving(db, "--port", port)
        first.__enter__()
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {first.token}"}) as http_client,
            Client(streamable_http_client(first.url, http_client=http_client), mode="legacy") as client,
        ):
            await client.call_tool("add_todo", {"title": "before"})
            await asyncio.to_thread(first.__exit__, None, None, None)
            second = Serving(db, "--port", port)
            await asyncio.to_thread(second.__enter__)
            listed = await client.call_tool("list_todos", {})
            await asyncio.to_thread(second.__exit__, None, None, None)
        assert listed.structured_content is not None
        assert listed.structured_content["todos"][0]["title"] == "before"

    asyncio.run(across_a_restart())


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def test_profile_and_read_only_hold_over_http(db: Path) -> None:
    run_cli("token", "rotate", "--db", str(db))  # read-only, it makes none
    with Serving(db, "--read-only", "--profile", "core") as server:
        listed = server.rpc("tools/list").json()["result"]["tools"]
        assert {tool["name"] for tool in listed} == {
            tool.name for tool in selection.select("core", read_only=True)
        }
        assert server.call("store_memory", file_name="a", content="b")["error_code"] == "NOT_FOUND"


def test_each_of_two_clients_at_a_time_is_told_its_own_protocol(db: Path) -> None:
    """Both calls are in flight together: each waits for its report while the other one arrives."""

    def reported(server: Serving, era: str) -> list[str]:
        call = {"name": "get_performance_report", "arguments": {}}
        answers = [server.rpc("tools/call", call, era).json() for _ in range(40)]
        return [answer["result"]["structuredContent"]["server"]["protocol"] for answer in answers]

    with Serving(db) as server, ThreadPoolExecutor(4) as pool:
        waiting = {(era, n): pool.submit(reported, server, era) for era in ERAS.values() for n in range(2)}
        for (era, _), told in waiting.items():
            assert set(told.result()) == {era}


# Limits


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that tests share which leave it as it is."""
    with Serving(tmp_path_factory.mktemp("serving") / "ltmc.db") as server:
        yield server


def test_a_body_over_the_limit_is_refused(server: Serving) -> None:
    too_long = b"x" * (http_transport.MAX_BODY_BYTES + 1)
    for body in (too_long, too_long + b"x" * 5_000_000):
        answer = server.request("POST", "/mcp", body, **HEADERS)
        assert answer.status == 413
        assert "16777216" in answer.json()["error"]["message"]
    # Without a length, in chunks.
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    chunks = (piece for piece in (b'{"jsonrpc": "2.0", "id": 7, "x": "', *[b"x" * (1 << 20)] * 20))
    headers = {**HEADERS, "Authorization": f"Bearer {server.token}"}
    connection.request("POST", "/mcp", chunks, headers, encode_chunked=True)
    refused = connection.getresponse()
    assert (refused.status, json.loads(refused.read())["id"]) == (413, 7)
    # A length alone is refused before the body comes.
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("POST", "/mcp")
    for name, value in {**headers, "Content-Length": str(10**12)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    assert server.rpc("ping").status == 200


@pytest.mark.parametrize(
    ("path", "token", "most"),  # sockets hold some megabytes themselves
    [("/mcp", "wrong", 16_000_000), ("/health", "wrong", 16_000_000), ("/mcp", None, 80_000_000)],
)
def test_a_body_without_end_is_not_read_on_after_the_answer(
    server: Serving, path: str, token: str | None, most: int
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        method = "GET" if path == "/health" else "POST"
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"Authorization: Bearer {token or server.token}"]
        lines += ["Transfer-Encoding: chunked", *(f"{name}: {value}" for name, value in HEADERS.items())]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        sent = 0
        with pytest.raises(ConnectionError):
            while sent < 2 * most:
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
    assert sent < most
    assert server.rpc("ping").status == 200


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize("identity", ["1.5", "NaN", "true", "null", "[1]", "1e400"])
def test_an_id_of_another_type_is_an_error_and_not_a_notification(
    server: Serving, identity: str, era: str
) -> None:
    headers, params = for_era(era, "tools/list", {})
    body = f'{{"jsonrpc":"2.0","id":{identity},"method":"tools/list","params":{json.dumps(params)}}}'
    answer = server.request("POST", "/mcp", body, **HEADERS, **headers)
    assert answer.status == 400
    assert answer.json()["error"]["code"] in {-32600, -32602, -32700}


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize(
    "arguments", ["[" * 100_000 + "]" * 100_000, '{"title":"a\\ud800"}', '{"title":' + "1" * 6_000 + "}"]
)
def test_a_body_that_cannot_be_read_is_refused_under_its_id(
    server: Serving, arguments: str, era: str
) -> None:
    _, params = for_era(era, "tools/call", {"name": "add_todo"})
    head = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})[:-2]
    headers, _ = for_era(era, "tools/call", {"name": "add_todo"})
    answer = server.request("POST", "/mcp", f'{head}, "arguments": {arguments}}}}}', **HEADERS, **headers)
    assert answer.json()["id"] == 7
    assert "error" in answer.json() or answer.json()["result"]["structuredContent"]["field"] == "title"


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
def test_what_was_sent_is_repeated_in_part(server: Serving, era: str) -> None:
    long = "m" * 50_000
    for method, given in ((long, {}), ("tools/call", {"name": "add_todo", "arguments": {long: 1}})):
        headers, params = for_era(era, "tools/call", given)
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = server.request("POST", "/mcp", json.dumps(message), **HEADERS, **headers)
        assert len(answer.text) < 2_000
    assert sum(map(len, server.log)) < 10_000


def test_only_what_exists_is_offered(server: Serving) -> None:
    answer = server.rpc("server/discover", era="2026-07-28").json()
    capabilities = answer["result"]["capabilities"]
    offered = {"tools", "prompts", "resources", "completions"}
    assert offered <= capabilities.keys()
    assert not any(capabilities[name].get("listChanged") for name in offered)
    assert not capabilities["resources"].get("subscribe")


def test_a_notification_is_accepted_without_an_answer(server: Serving) -> None:
    body = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
    assert server.request("POST", "/mcp", body, **HEADERS).status == 202


def test_the_largest_call_is_accepted_however_it_is_escaped(server: Serving) -> None:
    content = "記" * 1_000_000
    message = {"name": "store_memory", "arguments": {"file_name": "large.md", "content": content}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": message})
    assert len(body) > 6_000_000
    answer = server.request("POST", "/mcp", body, **HEADERS)
    assert answer.status == 200
    assert answer.json()["result"]["structuredContent"]["success"]


BODIES = {
    "no JSON": (b"{", {-32700}),
    "nothing": (b"", {-32700}),
    "no UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\xff"}}', {-32700}),
    "a batch": (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', {-32600, -32602}),
    "a number": (b"1", {-32600, -32602}),
    "params as text": (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"x"}', {-32600, -32602}),
    "deep nesting": (b"[" * 100_000, {-32700}),
    "deep arguments": (
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        {-32700, -32602},
    ),
    "a lone surrogate": (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', {-32700, -32600, -32602}),
    "a huge number": (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}', {-32700, -32600}),
}


@pytest.mark.parametrize("era", ERAS.values())
@pytest.mark.parametrize("what", BODIES)
def test_what_is_no_message_gets_an_error(server: Serving, what: str, era: str) -> None:
    body, codes = BODIES[what]
    answer = server.request("POST", "/mcp", body, **HEADERS, **{"MCP-Protocol-Version": era})
    assert answer.status == 400
    assert answer.json()["error"]["code"] in codes
    assert "Traceback" not in answer.text
    assert server.rpc("ping").status == 200


@pytest.mark.parametrize("era", ERAS.values())
def test_a_lone_surrogate_in_an_argument_fails_the_call_alone(server: Serving, era: str) -> None:
    answer = server.rpc("tools/call", {"name": "add_todo", "arguments": {"title": "a\ud800"}}, era=era)
    assert answer.status == 200, answer.text
    assert "lone surrogates" in answer.text
    assert ("error" in answer.json()) is (era < "2026"), "there the tool says so"


def test_more_calls_than_the_limit_are_turned_away(db: Path) -> None:
    with Serving(db, LTMC_HTTP_MAX_CALLS="2") as server, ThreadPoolExecutor() as pool:
        server.call("add_todo", title="first")
        with locked(db):
            waiting = [pool.submit(server.call, "add_todo", title=f"waits {n}") for n in range(2)]
            until(lambda: in_flight(server) == 2)
            refused = server.rpc("tools/list")
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) >= 1
            assert server.rpc("ping", Authorization="Bearer wrong").status == 401
            assert server.request("GET", "/health").status in {200, 503}
        assert [call.result() for call in waiting if not call.result()["success"]] == [], server.log
        assert server.rpc("tools/list").status == 200
        assert server.call("list_todos")["total"] == 3


def test_too_many_connections_are_turned_away_and_the_rest_served(db: Path) -> None:
    with Serving(db) as server, contextlib.ExitStack() as stack:
        for _ in range(http_transport.MIN_CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        until(lambda: server.rpc("ping").status == 503)
        stack.close()
        until(lambda: server.rpc("ping").status == 200)


@pytest.mark.parametrize("era", ERAS.values())
def test_a_call_that_takes_too_long_is_given_up(db: Path, era: str) -> None:
    with Serving(db, LTMC_HTTP_CALL_SECONDS="1") as server:
        until(lambda: server.rpc("tools/call", {"name": "list_todos", "arguments": {}}, era).status == 200)
        with locked(db):
            call = {"name": "add_todo", "arguments": {"title": "late"}}
            answer = server.rpc("tools/call", call, era)
            assert answer.status == 504, answer
            assert answer.json() == {"error": "no answer within 1 s"}
            assert server.rpc("tools/list", era=era).status == 200
        until(lambda: in_flight(server) == 0)
    with Serving(db) as server:
        assert server.call("list_todos")["total"] == 0


def test_a_request_whose_head_does_not_come_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.3)
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    config = uvicorn.Config(app, http=limits.BoundedProtocol, ws="none", lifespan="off", log_config=None)
    serving = uvicorn.Server(config)
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        # Nothing at all, a part of a head, and one byte at a time.
        for slow in (b"", b"GET / HTTP/1.1\r\nHost: ", b"drip"):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(slow if slow != b"drip" else b"GET / HTTP/1.1\r\n")
                if slow == b"drip":
                    with contextlib.suppress(ConnectionError):
                        for _ in range(200):
                            connection.sendall(b"a")
                            time.sleep(0.05)
                with contextlib.suppress(ConnectionError):
                    assert connection.recv(100) == b""
        # A connection in use stays, and a second head is waited for only as long.
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            for _ in range(3):
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert connection.recv(1000).startswith(b"HTTP/1.1 204")
                time.sleep(0.4)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
            assert connection.recv(100) == b""
    finally:
        serving.should_exit = True
        thread.join()


def test_a_client_that_vanishes_leaves_nothing_behind(db: Path) -> None:
    with Serving(db) as server:
        server.call("list_todos")
        body = json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "add_todo", "arguments": {"title": "from a client that is gone"}},
            }
        )
        head = "".join(
            f"{name}: {value}\r\n"
            for name, value in {
                **HEADERS,
                "Host": "127.0.0.1",
                "Authorization": f"Bearer {server.token}",
                "Content-Length": len(body),
            }.items()
        )
        with locked(db), socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(f"POST /mcp HTTP/1.1\r\n{head}\r\n{body}".encode())
            until(lambda: in_flight(server) == 1)
        until(lambda: in_flight(server) == 0)
        assert server.call("list_todos")["total"] in {0, 1}


# The end


def test_a_graceful_end_finishes_the_calls_in_flight(db: Path) -> None:
    with Serving(db) as server, ThreadPoolExecutor() as pool:
        server.call("list_todos")
        idle = http.client.HTTPConnection("127.0.0.1", server.port)
        idle.request("GET", "/health")
        idle.getresponse().read()
        with locked(db):
            calls: list[Future[dict[str, Any]]] = [
                pool.submit(server.call, "add_todo", title=f"acknowledged {n}") for n in range(5)
            ]
            until(lambda: in_flight(server) == 5)
            server.process.terminate()

            def refuses() -> bool:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port)):
                    return False
                return True

            until(refuses)
            assert server.process.poll() is None
        assert [call.result() for call in calls if not call.result()["success"]] == []
        assert server.finish() == 0
    with Session(db) as client:
        assert client.ok("list_todos")["total"] == 5


def test_an_interrupt_ends_it_too(db: Path) -> None:
    with Serving(db) as server:
        server.call("list_todos")
        server.process.send_signal(2)
        assert server.finish() == 0


# Health and metrics


def test_health_is_for_everyone_and_tells_no_secrets(server: Serving) -> None:
    answer = server.request("GET", "/health", Authorization=None)
    assert answer.status == 200
    report = answer.json()
    assert report["status"] == "healthy"
    assert set(report) == {"status", "services", "version"}
    assert report["services"]["sqlite"] == "ok"
    assert set(report["services"].values()) <= {"ok", "disabled"}
    assert str(server.token_path.parent) not in answer.text
    assert server.token not in answer.text
    assert server.request("POST", "/health", Authorization=None).status == 405


def test_a_broken_database_is_unhealthy(db: Path) -> None:
    db.parent.mkdir()
    db.write_bytes(b"this is no database at all, " * 100)
    with Serving(db) as server:
        answer = server.request("GET", "/health", Authorization=None)
        assert answer.status == 503
        assert answer.json()["services"]["sqlite"] == "down"
        assert str(db.parent) not in answer.text
        assert samples(server)[f'ltmc_backend_up{{backend="{engine_of(db)}"}}'] == "0.0"


def test_a_cache_that_is_down_is_degraded(db: Path, redis_server: RedisServer) -> None:
    redis_server.kill()
    with Serving(db, LTMC_REDIS_URL=redis_server.url.replace("://", "://:hush@")) as server:
        answer = server.request("GET", "/health", Authorization=None)
        assert answer.status == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["services"]["cache"] == "down"
        metrics = samples(server)
        assert metrics['ltmc_backend_up{backend="cache"}'] == "0.0"
        assert metrics[f'ltmc_backend_up{{backend="{engine_of(db)}"}}'] == "1.0"
        assert "hush" not in answer.text
    assert "hush" not in "".join(server.log)


def test_metrics_count_what_was_called(db: Path) -> None:
    with Serving(db) as server:
        for number in range(3):
            assert server.call("add_todo", title=f"number {number}")["success"]
        assert not server.call("complete_todo", todo_id=99)["success"]
        assert not server.call("no_such_tool")["success"]  # and none is counted
        assert server.rpc("tools/list").status == 200
        metrics = samples(server)
    counts = {key: value for key, value in metrics.items() if key.startswith("ltmc_tool_calls_total")}
    assert counts == {
        'ltmc_tool_calls_total{tool="add_todo"}': "3",
        'ltmc_tool_calls_total{tool="complete_todo"}': "1",
    }
    errors = {key: value for key, value in metrics.items() if key.startswith("ltmc_tool_errors_total")}
    assert errors == {
        'ltmc_tool_errors_total{tool="complete_todo",code="NOT_FOUND"}': "1",
    }
    name = "ltmc_tool_call_duration_seconds"
    buckets = [
        int(value) for key, value in metrics.items() if key.startswith(f'{name}_bucket{{tool="add_todo"')
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == int(metrics[f'{name}_count{{tool="add_todo"}}']) == 3
    assert metrics[f'{name}_bucket{{tool="add_todo",le="+Inf"}}'] == "3"
    assert 0 < float(metrics[f'{name}_sum{{tool="add_todo"}}']) < 60
    assert metrics["ltmc_calls_in_flight"] == "0"
    assert int(metrics['ltmc_database_bytes{file="main"}']) > 0
    if engine_of(db) == "sqlite":
        assert int(metrics['ltmc_database_bytes{file="wal"}']) > 0
    assert float(metrics["ltmc_uptime_seconds"]) > 0
    assert metrics[f'ltmc_backend_up{{backend="{engine_of(db)}"}}'] == "1.0"


def test_metrics_keep_to_the_format(server: Serving) -> None:
    server.call("list_todos")
    text = server.request("GET", "/metrics").text
    assert text.endswith("\n")
    announced = None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split()[2]
            announced = None
        elif line.startswith("# TYPE "):
            assert re.fullmatch(rf"# TYPE {name} (counter|gauge|histogram)", line)
            announced = name
        else:
            sample = r'([a-z_]+)(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? [0-9.e+-]+'
            match = re.fullmatch(sample, line)
            assert match, line
            assert announced is not None
            assert match[1].removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") == announced
