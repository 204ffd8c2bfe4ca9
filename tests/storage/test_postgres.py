"""The engine on PostgreSQL: several servers, a server that goes away, what it cannot keep."""

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from ltmc.app.application import Application
from ltmc.errors import LtmcError
from ltmc.storage.postgres.statements import translated, tsquery
from tests.client import Session, run_cli, settings_of, use
from tests.eval import __main__ as evaluation
from tests.postgres import PostgresPlace, PostgresServer
from tests.proxy import Proxy

pytest.importorskip("psycopg")


@pytest.fixture(params=["plain", "vector"])
def postgres_server(request: pytest.FixtureRequest) -> PostgresServer:
    """A server without pgvector, and one with it."""
    server: PostgresServer = request.getfixturevalue(f"{request.param}_postgres_server")
    return server


@pytest.fixture
def place(postgres_server: PostgresServer) -> Path:
    """The address of an empty database."""
    return cast("Path", postgres_server.empty_database())


def name_of(place: Path) -> str:
    return str(place).rpartition("/")[2]


def test_servers_that_start_together_make_the_schema_once(
    place: Path, postgres_server: PostgresServer
) -> None:
    from ltmc.storage.postgres.migrations import SCHEMA_VERSION

    def store(number: int) -> int:
        with Session(place) as client:
            client.ok("store_memory", file_name=f"n{number}.md", content=f"A heron, number {number}.")
            return len(client.ok("retrieve_memory", query="heron", top_k=50)["results"])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(store, range(4)))
    assert postgres_server.execute("SELECT count(*) FROM schema_migrations", name_of(place)) == [
        (SCHEMA_VERSION,)
    ]
    with Session(place) as client:
        assert client.ok("retrieve_memory", query="heron", top_k=50)["total"] == 4


def test_what_one_server_writes_the_other_finds_at_once(place: Path) -> None:
    with Session(place) as one, Session(place) as other:
        for n in range(5):
            one.ok("store_memory", file_name=f"n{n}.md", content=f"A heron, number {n}.")
            assert other.ok("retrieve_memory", query="heron", top_k=50)["total"] == 2 * n + 1
            other.ok("store_memory", file_name=f"m{n}.md", content=f"Another heron, number {n}.")
            assert one.ok("retrieve_memory", query="heron", top_k=50)["total"] == 2 * n + 2
        one.ok("delete_memory", resource_id=one.ok("get_memory", file_name="n1.md")["resource_id"])
        assert other.ok("retrieve_memory", query="heron", top_k=50)["total"] == 9


def test_both_engines_rank_alike(place: Path, tmp_path: Path) -> None:
    texts = {
        f"{bird}-{place_}.md": f"The {bird} was seen at the {place_} on a {weather} day."
        for bird in ("heron", "wren", "kite")
        for place_ in ("pond", "moor")
        for weather in ("wet", "dry")
    }
    found: list[Any] = []
    for db in (place, tmp_path / "ltmc.db"):
        with Session(db) as client:
            for name, text in texts.items():
                client.ok("store_memory", file_name=name, content=text)
            client.ok("log_chat", conversation_id="c", role="user", content="Where do herons nest?")
            answers = [
                client.ok("retrieve_memory", query=query, top_k=10)["results"]
                for query in ("heron", "where was the wren", "a bird of prey over the heath", '"wet day"')
            ]
            found.append([[(one["file_name"], one["score"]) for one in answer] for answer in answers])
    assert found[0] == found[1]


def test_a_newer_schema_is_refused(place: Path, postgres_server: PostgresServer) -> None:
    with Session(place) as client:
        client.ok("add_todo", title="water the plants")
        postgres_server.execute("INSERT INTO schema_migrations VALUES (99, '')", name_of(place))
        assert "schema version 99" in client.bad("add_todo", "UNSUPPORTED", title="later")["error"]
    assert "newer LTMC" in run_cli("doctor", "--db", str(place), "--json").stdout


def test_the_tables_of_another_program_are_left_alone(place: Path, postgres_server: PostgresServer) -> None:
    postgres_server.execute("CREATE TABLE projects (id INTEGER)", name_of(place))
    with Session(place) as client:
        assert "another program" in client.bad("add_todo", "UNSUPPORTED", title="later")["error"]
    assert postgres_server.execute("SELECT to_regclass('todos')", name_of(place)) == [(None,)]


def test_a_text_that_it_cannot_keep_is_refused(place: Path) -> None:
    with Session(place) as client:
        for given in ({"content": "a\0b"}, {"content": "a", "metadata": {"b": "c\0"}}):
            told = client.bad("store_memory", "INVALID_ARGUMENT", file_name="a.md", **given)
            assert "NUL" in told["error"]
        kept = "a backslash \\u0000 is no NUL, % and ? and :name are no placeholders, 'quotes' \\ \"too\""
        client.ok("store_memory", file_name="a.md", content=kept, metadata={"b": "\\u0000"}, tags=["100%"])
        assert client.ok("get_memory", file_name="a.md")["content"] == kept


def test_a_server_that_goes_away_is_named_and_used_again_when_it_is_back() -> None:
    server = PostgresServer()
    try:
        place = server.empty_database()
        with Session(cast("Path", place)) as client:
            client.ok("add_todo", title="water the plants")
            server.stop()
            for _ in range(2):
                told = client.bad("list_todos", "BACKEND_UNAVAILABLE")
                assert "LTMC_DB" in told["error"]
            server.start()
            assert client.ok("list_todos")["total"] == 1
            client.ok("add_todo", title="water them again")
            report = client.ok("get_performance_report")
            assert report["server"]["database"] == "postgresql"
            assert report["backends"]["postgresql"]["status"] == "ok"
    finally:
        server.remove()


def test_passwords_are_not_shown(postgres_server: PostgresServer) -> None:
    url = f"postgresql://ltmc:hunter2secret@127.0.0.1:{postgres_server.port}/absent"
    for command in (("doctor", "--json"), ("list",), ("top", "--once")):
        done = run_cli(*command, LTMC_DB=url)
        assert "hunter2secret" not in done.stdout + done.stderr, command
    with Session(cast("Path", PostgresPlace(url))) as client:
        told = client.bad("list_todos", "BACKEND_UNAVAILABLE")
        assert "hunter2secret" not in json.dumps(told)
        assert "absent" in told["error"]


def test_without_the_extra_it_is_named(place: Path) -> None:
    hidden = "import sys; sys.modules['psycopg'] = None; from ltmc.__main__ import main; main()"
    for command in (("serve",), ("list",)):
        done = subprocess.run(
            [sys.executable, "-c", hidden, *command, "--db", str(place)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 2
        assert "ltmc[postgres]" in done.stderr


def test_what_is_bound_to_a_file_says_so(place: Path, tmp_path: Path) -> None:
    for command, instead in (
        (("backup", str(tmp_path / "copy")), "pg_dump"),
        (("restore", str(tmp_path / "copy")), "pg_restore"),
        (("model", "list"), "comes with LTMC"),
    ):
        done = run_cli(*command, "--db", str(place))
        assert done.returncode == 1
        assert instead in done.stderr


def test_a_transaction_that_writes_sees_what_was_committed_before_it(place: Path) -> None:
    async def work(app: Application) -> None:
        async def add() -> None:
            async with app.engine.write() as tx:
                count = await tx.value("SELECT count(*) FROM imported")
                await asyncio.sleep(0.01)
                await tx.run("INSERT INTO imported (key) VALUES (?)", (str(count),))

        other = Application(settings_of(place))
        try:
            async with app.engine.write():
                pass
            await asyncio.gather(*(add() for _ in range(10)))
        finally:
            await other.close()
        async with app.engine.read() as tx:
            assert await tx.value("SELECT count(*) FROM imported") == 10

    use(place, work)


def test_a_refused_row_is_rolled_back_and_a_cancelled_statement_ends(place: Path) -> None:
    async def work(app: Application) -> None:
        with pytest.raises(sqlite3.IntegrityError):
            async with app.engine.write("mine") as tx:
                await tx.run("INSERT INTO projects (project_id) VALUES ('other')")
        async with app.engine.read() as tx:
            assert await tx.value("SELECT count(*) FROM projects") == 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), app.engine.read() as tx:
                await tx.value("SELECT count(*) FROM (SELECT pg_sleep(30)) slept")
        with pytest.raises(LtmcError, match="read-only"):
            async with app.engine.read() as tx:
                await tx.run("DELETE FROM projects")

    use(place, work)


def test_statements_are_translated() -> None:
    among = "(SELECT value FROM json_each(?1))"
    sql = f"SELECT '?%' WHERE a = ?2 AND b LIKE '%x' AND c IN {among} AND d NOT IN {among}"
    statement = translated(sql)
    assert statement.text == "SELECT '?%%' WHERE a = %s AND b LIKE '%%x' AND c = ANY(%s) AND d <> ALL(%s)"
    assert statement.bound([[1, 2], True]) == [1, [1, 2], [1, 2]]
    assert tsquery('"a""b" AND ("it\'s" OR "c" *)') == "'a\"b' & ('it''s' | 'c':*)"


def test_search_finds_as_well_as_on_sqlite(vector_postgres_server: PostgresServer) -> None:
    name = "notes-dev"
    path = evaluation.FOLDER / f"{name}.json"
    if not path.exists():
        pytest.skip(f"the development data {path} are absent: they are no part of LTMC")
    data = json.loads(path.read_text("utf-8"))
    here, there = (
        evaluation.evaluate(name, data, ["hybrid"], [], server) for server in (None, vector_postgres_server)
    )
    assert evaluation.apart(here, there) == []
    assert here["notes-dev, hybrid"][1] > 0.5


def test_figures_that_are_apart_are_named() -> None:
    figures = {"notes-dev, hybrid": [0.5, 0.7], "none, hybrid": [0.5, 0.5]}
    assert evaluation.apart(figures, figures | {"none, hybrid": [0.5, 0.496]}) == []
    (told,) = evaluation.apart(figures, figures | {"none, hybrid": [0.5, 0.494]})
    assert told == "none, hybrid: [0.5, 0.5] and [0.5, 0.494]"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux alone can be asked for it")
def test_a_server_that_is_lost_is_noticed_soon_unless_the_address_says_otherwise(place: Path) -> None:
    from ltmc.storage.postgres.connections import connected as connect

    for address, milliseconds in ((str(place), 10_000), (f"{place}?tcp_user_timeout=70000", 70_000)):
        with (
            closing(connect(address)) as connection,
            socket.socket(fileno=os.dup(connection.fileno())) as end,
        ):
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == milliseconds
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5


def test_a_statement_whose_server_is_silent_ends_when_it_is_cancelled(
    place: Path, postgres_server: PostgresServer
) -> None:
    async def work(app: Application) -> None:
        async def ask() -> int:
            async with app.engine.read() as tx:
                for _ in range(1_000_000):
                    await tx.value("SELECT 1")
            return 0

        asked = [asyncio.create_task(ask()) for _ in range(4)]
        await asyncio.sleep(0.5)
        proxy.forget()
        await asyncio.sleep(0.1)
        for one in asked:
            one.cancel()
        _, left = await asyncio.wait(asked, timeout=5)
        assert not left
        async with asyncio.timeout(5), app.engine.read() as tx:
            assert await tx.value("SELECT 1") == 1

    with Proxy(postgres_server.port) as proxy:
        use(cast("Path", PostgresPlace(f"postgresql://ltmc@127.0.0.1:{proxy.port}/{name_of(place)}")), work)


def test_a_commit_whose_answer_is_lost_is_said_to_be_uncertain(
    place: Path, postgres_server: PostgresServer
) -> None:
    with Proxy(postgres_server.port) as proxy:
        address = f"postgresql://ltmc@127.0.0.1:{proxy.port}/{name_of(place)}"
        with Session(cast("Path", PostgresPlace(address))) as client:
            client.ok("add_todo", title="water the plants")
            time.sleep(1)  # the log of use is written
            proxy.cut_at = (b"INSERT INTO todos", b"COMMIT")
            told = client.bad("add_todo", "BACKEND_UNAVAILABLE", title="water them again")
            assert "may or may not be stored. Look before you call again" in told["error"]
            assert told["details"]["stored"] == "unknown"
            proxy.cut_at = ()
            assert client.ok("list_todos")["total"] == 2
            proxy.cut_at = (b"INSERT INTO todos",)
            told = client.bad("add_todo", "BACKEND_UNAVAILABLE", title="water them again")
            assert "call again when" in told["error"]
            proxy.cut_at = ()
            assert client.ok("list_todos")["total"] == 2


def test_a_database_that_was_emptied_gets_new_tables(place: Path, postgres_server: PostgresServer) -> None:
    name = name_of(place)
    with Session(place) as client:
        client.ok("store_memory", file_name="a.md", content="A heron.")
        assert client.ok("retrieve_memory", query="heron")["total"] == 1
        time.sleep(1)  # the log of use is written
        postgres_server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", name)
        assert "its tables are gone" in client.bad("list_memories", "BACKEND_UNAVAILABLE")["error"]
        client.ok("store_memory", file_name="b.md", content="A wren.")
        assert client.ok("retrieve_memory", query="wren")["results"][0]["file_name"] == "b.md"

        postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        assert "does not exist" in client.bad("list_memories", "BACKEND_UNAVAILABLE")["error"]
        postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        client.ok("store_memory", file_name="c.md", content="A kite.")
        assert [one["file_name"] for one in client.ok("retrieve_memory", query="bird")["results"]] == ["c.md"]


def test_a_server_that_is_read_only_is_said_to_be(place: Path, postgres_server: PostgresServer) -> None:
    address = f"{place}?options=-cdefault_transaction_read_only%3Don"
    with Session(place) as client:
        client.ok("add_todo", title="water the plants")
    with Session(cast("Path", PostgresPlace(address))) as client:
        assert "read-only" in client.bad("add_todo", "BACKEND_UNAVAILABLE", title="more")["error"]
        assert client.ok("list_todos")["total"] == 1
        probed = client.ok("get_performance_report")["backends"]["postgresql"]
        assert (probed["status"], "the server is read-only" in probed["error"]) == ("locked", True), probed
