"""HTTP servers whose PostgreSQL falls silent, is made anew, or refuses to write."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from tests.http.serving import Answer, Serving, User
from tests.postgres import PostgresPlace, PostgresServer
from tests.proxy import Proxy

pytest.importorskip("psycopg")


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[Proxy]:
    """A path to the server."""
    with Proxy(postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
def place(postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PostgresPlace:
    """The address of a database with LTMC's tables; what belongs to the host is in a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return postgres_server.ready_database()


def behind(place: PostgresPlace, proxy: Proxy) -> Path:
    """The address of a database behind a proxy."""
    name = place.url.rpartition("/")[2]
    return cast("Path", PostgresPlace(f"postgresql://ltmc@127.0.0.1:{proxy.port}/{name}?connect_timeout=2"))


def timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    """The answer, and how many seconds it took."""
    began = time.monotonic()
    return ask(), time.monotonic() - began


def listed(user: User) -> Answer:
    """The answer to a call that reads."""
    return user.rpc("tools/call", name="list_todos", arguments={})


def test_connections_that_a_firewall_forgot_are_replaced(place: PostgresPlace, proxy: Proxy) -> None:
    with Serving(behind(place, proxy)) as server:
        user = server.user("ann", "write")
        with ThreadPoolExecutor(6) as threads:
            assert all(threads.map(lambda _: user.ok("list_todos"), range(6)))
            user.ok("add_todo", title="Pick pears")
            time.sleep(1.1)  # its token is looked up again
            proxy.forget()
            health = threads.submit(timed, lambda: server.request("GET", "/health"))
            asked = [threads.submit(timed, lambda: user.ok("list_todos")) for _ in range(3)]
            written = threads.submit(timed, lambda: server.call("add_todo", title="Pick plums"))
            answer, seconds = health.result()
            assert (answer.status, seconds < 4) == (503, True), (answer, seconds)
            for one in (*asked, written):
                answer, seconds = one.result()
                assert answer["success"], answer
                assert seconds < 12, seconds
        assert user.ok("list_todos")["total"] == 2
        assert any("no answer within 5 s" in line for line in server.log), server.log


def test_a_server_goes_on_after_its_database_was_silent_and_ends_while_it_is(
    place: PostgresPlace, proxy: Proxy
) -> None:
    with Serving(behind(place, proxy), LTMC_HTTP_CALL_SECONDS="2") as server:
        user, owner = server.user("ann", "write"), User(server, server.token)
        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(lambda _: owner.ok("list_todos"), range(4)))
            proxy.forget()
            proxy.silent = True
            asked = [threads.submit(timed, lambda: listed(owner)) for _ in range(5)]
            stranger = threads.submit(timed, lambda: user.rpc("ping"))
            for one in asked:
                answer, seconds = one.result()
                assert (answer.status, seconds < 5) == (504, True), (answer, seconds)
            answer, seconds = stranger.result()
            assert (answer.status, seconds < 13) == (503, True), (answer, seconds)
        proxy.silent = False
        for _ in range(10):
            if listed(user).status == 200:
                break
        assert user.ok("list_todos")["total"] == 0
        proxy.forget()
        proxy.silent = True
        with ThreadPoolExecutor(2) as threads:
            last = threads.submit(listed, owner)
            time.sleep(0.5)
            server.process.terminate()
            code, seconds = timed(server.finish)
            assert (code, seconds < 15) == (0, True), (code, seconds, server.log)
            assert last.result().status == 504


def test_a_database_that_is_made_anew_gets_tables_without_a_restart(
    place: PostgresPlace, postgres_server: PostgresServer
) -> None:
    name = place.url.rpartition("/")[2]
    with Serving(cast("Path", place)) as server:
        user = server.user("ann", "write")
        user.ok("add_todo", title="Pick pears")
        postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        time.sleep(1.1)
        assert listed(user).status == 503
        assert "does not exist" in server.call("list_todos")["error"]
        postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        assert listed(user).status == 401  # its token went with the database
        assert server.user("ann", "write").ok("list_todos")["total"] == 0


def test_a_server_that_is_read_only_makes_health_degraded(place: PostgresPlace) -> None:
    refusing = f"{place.url}?options=-cdefault_transaction_read_only%3Don"
    with Serving(cast("Path", PostgresPlace(refusing))) as server:
        answer = server.request("GET", "/health")
        assert answer.status == 200, answer
        assert answer.json()["status"] == "degraded"
        assert answer.json()["services"]["postgresql"] == "locked"
