"""A memory is copied from a file into PostgreSQL and back, whole, whatever happens meanwhile."""

import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from ltmc.storage import moving
from tests.client import Session, run_cli
from tests.forms import steps
from tests.postgres import PostgresPlace, PostgresServer
from tests.upgrade.recorded import restore

pytest.importorskip("psycopg")

ASKED: list[tuple[str, dict[str, Any]]] = [
    ("retrieve_memory", {"query": "which broker do orders go through"}),
    ("retrieve_memory", {"query": "a bird that waits", "top_k": 20}),
    ("advanced_context_search", {"query": "heron or broker"}),
    ("advanced_context_search", {"query": "", "filters": {"tags_any": ["broker"]}}),
    ("retrieve_by_type", {"query": "heron", "doc_type": "chat"}),
    ("ask_with_context", {"query": "What do herons do?"}),
    ("memory_history", {"file_name": "broker.md"}),
    ("list_memories", {}),
    ("get_chat_history", {"conversation_id": "broker"}),
    ("search_todos", {"query": "NATS"}),
    ("list_todos", {"status": "all"}),
    ("get_code_patterns", {"query": "count birds"}),
    ("query_graph", {"entity": "river"}),
    ("list_project_blueprints", {}),
    ("get_team_workload_overview", {}),
    ("redis_get_cache", {"key": "kept"}),
    ("list_projects", {}),
    ("add_todo", {"title": "The next number"}),
    ("store_memory", {"file_name": "next.md", "content": "The next heron."}),
    ("retrieve_memory", {"query": "the next heron"}),
]

SLOW = """
import os, signal, threading, time
from ltmc.storage import moving
moving.MOST_ROWS = 10
begin, write = moving.Target.__init__, moving.Target.write
def begun(*arguments):
    begin(*arguments)
    print("begun", flush=True)
    if {killed_after}:
        threading.Timer({killed_after}, os.kill, (os.getpid(), signal.SIGKILL)).start()
def slow(*arguments):
    time.sleep({pause})
    return write(*arguments)
moving.Target.__init__, moving.Target.write = begun, slow
from ltmc.__main__ import main
main()
"""
"""The command line, which copies a few rows at a time."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which every tool was used; memories name what was stored later."""
    folder = tmp_path_factory.mktemp("full")
    db = folder / "ltmc.db"
    (folder / "files").mkdir()
    with Session(db) as client:
        steps.use_every_tool(steps.Recorder(client), folder / "files")
        for broker in ("Kafka", "RabbitMQ", "NATS"):
            client.ok("store_memory", file_name="broker.md", content=f"Orders go {broker}.", tags=["broker"])
        client.ok("store_memory", file_name="queue.md", content="NATS it is: 鳥, é, \\u0000 '%?:x.")
        client.ok("update_memory", file_name="queue.md", agrees_with=["broker.md"])
        client.ok("log_chat", content="Which broker?", conversation_id="broker")
        client.ok("retrieve_memory", query="broker", conversation_id="broker")
        client.ok("log_chat", content="NATS.", conversation_id="broker", role="assistant")
        for number in range(60):
            client.ok("log_chat", content=f"Heron {number} was seen.", conversation_id=f"c{number % 3}")
        last = client.ok("add_todo", title="Forgotten")["todo_id"]
        client.ok("delete_todo", todo_id=last)
    assert run_cli("token", "add", "ann", "--role", "write", "--db", str(db)).returncode == 0
    return db


@pytest.fixture
def source(full: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    run_cli("backup", str(tmp_path / "source.db"), "--db", str(full))
    return tmp_path / "source.db"


@pytest.fixture
def place(postgres_server: PostgresServer) -> PostgresPlace:
    """The address of an empty database."""
    return postgres_server.empty_database()


def name_of(place: object) -> str:
    return str(place).rpartition("/")[2]


def migrated(source: object, target: object, *flags: str, rc: int = 0) -> subprocess.CompletedProcess[str]:
    done = run_cli("migrate-to", str(target), "--db", str(source), *flags)
    assert done.returncode == rc, (done.stdout, done.stderr)
    return done


def report(source: object, target: object, *flags: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(migrated(source, target, "--json", *flags).stdout)
    return found


def refused(source: object, target: object) -> str:
    return migrated(source, target, rc=1).stderr


def slowly(
    source: object, target: object, *, pause: float = 0.05, killed_after: float = 0
) -> subprocess.Popen[str]:
    """Begin to copy, a few rows at a time; return when the first are to be written."""
    code = SLOW.format(pause=pause, killed_after=killed_after)
    command = [sys.executable, "-c", code, "migrate-to", str(target), "--db", str(source)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout
    assert run.stdout.readline() == "begun\n", run.communicate()
    return run


def half(source: object, target: object) -> None:
    """Copy a part, and be killed."""
    with slowly(source, target, killed_after=0.4) as run:
        assert run.wait(30) == -signal.SIGKILL


def answers(db: object) -> list[Any]:
    """What a server says, but for times of now."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: plain(one)
                for name, one in value.items()
                if not re.search(r"_ms$|^(created|updated)_at$|_hours$|backend|next_free", name)
            }
        return [plain(one) for one in value] if isinstance(value, list) else value

    with Session(cast("Path", db)) as client:
        return [(tool, plain(client.any(tool, **arguments))) for tool, arguments in ASKED]


def test_there_and_back_it_is_the_same_memory(source: Path, place: PostgresPlace, tmp_path: Path) -> None:
    back, third = tmp_path / "new folder" / "back.db", tmp_path / "third.db"
    there = report(source, place)
    assert there["equal"]
    filled = {name for name, table in there["tables"].items() if table["rows"]}
    assert set(there["tables"]) - filled <= {"routing_priors", "usage_events", "import_sources", "imported"}
    assert there["tables"]["resources"]["rows"] == 6
    again = report(place, back)
    assert again["tables"] == there["tables"]
    assert report(back, third)["tables"] == there["tables"]
    assert report(source, third, "--verify")["equal"]
    assert back.stat().st_mode & 0o777 == 0o600
    said = [answers(db) for db in (source, place, back)]
    assert said[0] == said[1]
    assert said[0] == said[2]
    for db in (place, back):
        health = json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)["health"]
        assert health["search_index"] == "ok"
        assert health["status"] == "healthy"
    with closing(sqlite3.connect(back)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'half_moved'"
        ).fetchone() == (0,)
    exported = [run_cli("export", "--db", str(db)).stdout.splitlines() for db in (source, place)]
    assert [json.loads(lines[0])["origin"] for lines in exported] == 2 * [
        json.loads(exported[0][0])["origin"]
    ]


def test_an_index_of_another_model_is_made_anew(source: Path, place: PostgresPlace, tmp_path: Path) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE search_state SET identity = replace(identity, ':', ':0')")
    assert "make it anew" in migrated(source, place).stdout
    assert json.loads(run_cli("reindex", "--db", str(place), "--json").stdout)["anew"]
    assert "make it anew" not in migrated(place, tmp_path / "back.db").stdout
    with Session(cast("Path", place)) as client:
        assert client.ok("retrieve_memory", query="a waiting heron")["search_mode"] == "hybrid"


def test_every_table_is_copied_or_named_as_not(full: Path) -> None:
    with closing(sqlite3.connect(full)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    own = {name for (name,) in found if not name.startswith(("sqlite_", "search_terms"))}
    assert own == {table.name for table in moving.TABLES} | moving.NOT_MOVED


def test_what_is_shown(source: Path, place: PostgresPlace) -> None:
    done = migrated(source, place)
    assert re.search(r"^resources +6 +[0-9a-f]{16}  equal$", done.stdout, re.MULTILINE)
    assert re.search(
        rf"^Copied \d+ rows to {place}; the copy is verified and ready.\n\Z", done.stdout, re.MULTILINE
    )
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE todos SET title = 'Another' WHERE id = 1")
    told = migrated(source, place, "--verify", rc=1)
    assert re.search(r"^todos .* differs: ", told.stdout, re.MULTILINE)
    assert "They differ" in told.stderr


@pytest.mark.parametrize("direction", ["there", "back"])
def test_killed_at_any_moment_it_goes_on(
    source: Path, place: PostgresPlace, tmp_path: Path, direction: str
) -> None:
    begin, end = (source, place) if direction == "there" else (place, tmp_path / "back.db")
    if direction == "back":
        migrated(source, place)
    chance = random.Random(direction)
    for _ in range(5):
        with slowly(begin, end, pause=0.01, killed_after=0.3 * chance.random()) as run:
            assert run.wait(30) == -signal.SIGKILL
    assert "is half migrated" in run_cli("list", "--db", str(end)).stderr
    last = report(begin, end)
    assert last["begun"] == "where it was"
    assert last["equal"]
    assert last["copied"] < sum(table["rows"] for table in last["tables"].values()) - 50
    assert report(source, end, "--verify")["equal"]


def test_a_source_that_changed_since_is_copied_from_the_beginning(source: Path, place: PostgresPlace) -> None:
    half(source, place)
    with Session(source) as client:
        client.ok("update_todo", todo_id=1, title="Changed since")
    for command in (("doctor",), ("remember", "A heron.")):
        done = run_cli(*command, "--db", str(place))
        assert "half migrated" in done.stdout + done.stderr, command
    with Session(cast("Path", place)) as client:
        assert "migrate-to" in client.bad("list_todos", "UNSUPPORTED")["error"]
    done = migrated(source, place)
    assert "had changed since" in done.stdout
    with Session(cast("Path", place)) as client:
        assert client.ok("search_todos", query="changed since")["count"] == 1


def test_a_source_that_is_written_to_meanwhile_is_named(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.db"
    with Session(source) as client, slowly(source, target) as run:
        client.ok("add_todo", title="Written meanwhile")
        _, told = run.communicate(timeout=30)
    assert run.returncode == 1
    assert "was written to while it was copied" in told
    assert (
        "half migrated"
        in run_cli("hook", "--db", str(target), text="{}").stderr
        + run_cli("list", "--db", str(target)).stderr
    )
    assert report(source, target)["begun"] == "again"
    assert "Written meanwhile" in run_cli("todo", "list", "--db", str(target), "--project", "default").stdout


def test_another_source_does_not_go_on_in_its_place(
    source: Path, place: PostgresPlace, tmp_path: Path
) -> None:
    half(source, place)
    other = tmp_path / "other.db"
    with Session(other) as client:
        client.ok("add_todo", title="Another memory")
    assert "half migrated from another source" in refused(other, place)
    with slowly(source, place, pause=0.2) as one:
        second = run_cli("migrate-to", str(place), "--db", str(source))
        _, told = one.communicate(timeout=30)
    assert sorted([second.returncode, one.returncode]) == [0, 1]
    assert "another `ltmc migrate-to`" in told + second.stderr
    assert "Traceback" not in told + second.stderr
    assert report(source, place, "--verify")["equal"]


def test_what_is_not_empty_is_left_alone(source: Path, place: PostgresPlace, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    for target in (place, other):
        run_cli("todo", "add", "Mine", "--db", str(target))
        assert re.search("it is not empty, it holds rows: 1 in projects, 1 in todos", refused(source, target))
        assert "Mine" in run_cli("todo", "list", "--db", str(target)).stdout
    assert "it is the source itself" in refused(source, source)
    (tmp_path / "text").write_text("This is no database, but long enough to look at its beginning." * 20)
    assert "not a database" in refused(source, tmp_path / "text")


def test_the_source_by_another_name_is_left_alone(
    source: Path, place: PostgresPlace, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    empty, hard, soft = tmp_path / "empty.db", tmp_path / "hard.db", tmp_path / "soft.db"
    run_cli("reindex", "--db", str(place))
    migrated(place, empty)
    hard.hardlink_to(empty)
    soft.symlink_to(empty)
    elsewhere = place.url.replace("127.0.0.1", "localhost")
    others = [
        (empty, hard),
        (empty, soft),
        (place, elsewhere),
        (place, place.url.replace("ltmc@", "ltmc:x@")),
    ]
    for one, other in others:
        for flags in ((), ("--verify",)):
            assert "it is the source itself" in migrated(one, other, *flags, rc=1).stderr
        assert run_cli("export", "--db", str(one)).returncode == 0
    schema = f"{place.url}?options=-csearch_path%3Danother"
    assert "does not exist" in refused(source, schema)
    postgres_server.execute("CREATE SCHEMA another", name_of(place))
    migrated(source, place)
    assert report(place, schema)["equal"]


def test_to_verify_only_looks(
    source: Path, place: PostgresPlace, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    absent, bare = tmp_path / "absent.db", tmp_path / "bare.db"
    bare.touch()
    for target in (absent, bare, place):
        assert f"TARGET: there is no memory in {target}" in migrated(source, target, "--verify", rc=1).stderr
    assert (absent.exists(), bare.stat().st_size) == (False, 0)
    assert postgres_server.execute("SELECT to_regclass('schema_migrations')", name_of(place)) == [(None,)]


@pytest.mark.parametrize(
    ("target", "said"),
    [("", "TARGET: got '': it is no path"), ("folder", "TARGET: got 'folder': it is a folder")],
)
def test_what_is_no_target_is_shown_as_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "source.db").touch()
    done = run_cli("migrate-to", target, "--db", "source.db")
    assert done.returncode != 0
    assert said in done.stderr


def test_an_empty_memory_and_one_of_an_older_schema(place: PostgresPlace, tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    run_cli("list", "--db", str(empty))
    assert run_cli("migrate-to", str(place), "--db", str(empty)).returncode == 1, "it is not there"
    assert not empty.exists()
    run_cli("reindex", "--db", str(place))
    assert report(place, empty)["equal"]
    (tmp_path / "old").mkdir()
    old = restore(tmp_path / "old")
    assert run_cli("reindex", "--db", str(old)).returncode == 0
    there = report(old, place)
    assert there["tables"]["resources"]["rows"]
    assert answers(old) == answers(place)


def test_newer_schemas_are_refused(source: Path, place: PostgresPlace, tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    newer.write_bytes(source.read_bytes())
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES (99, '')")
    assert "schema version 99" in refused(newer, place)
    assert "schema version 99" in refused(source, newer)
    assert run_cli("migrate-to", str(place), "--db", str(source), LTMC_READ_ONLY="1").returncode == 1


def test_what_postgresql_cannot_keep_is_named_before_anything_is_written(
    source: Path, place: PostgresPlace, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    faults = {
        "UPDATE chat_messages SET content = char(0) WHERE id = 3": "chat_messages, id 3: its content holds a NUL",
        """UPDATE resources SET metadata = '{"a": "\\u0000"}' WHERE id = 1""": "its metadata holds a NUL",
        """UPDATE resources SET files = '["\\ud800"]' WHERE id = 1""": "its files holds half of a surrogate pair",
        "UPDATE resources SET tags = 'bird' WHERE id = 1": "resources, id 1: its tags is no JSON",
        "UPDATE graph_edges SET weight = 'high' WHERE id = 1": "its weight is no number",
        "INSERT INTO cache_entries VALUES ('n', hex(randomblob(2000)), '1', 1, NULL, '', '')": "is longer than",
        "UPDATE tool_calls SET tool = char(0)": " more. Nothing was written",
    }
    with closing(sqlite3.connect(source)) as connection, connection:
        for sql in faults:
            connection.execute(sql)
    told = refused(source, place)
    for said in faults.values():
        assert said in told
    assert postgres_server.execute("SELECT to_regclass('half_moved')", name_of(place)) == [(None,)]
    assert report(source, tmp_path / "file.db")["equal"], "SQLite takes it"


def test_huge_texts_and_what_only_looks_forbidden(place: PostgresPlace, tmp_path: Path) -> None:
    db, back = tmp_path / "huge.db", tmp_path / "back.db"
    chance = random.Random(1)
    odd = "\\u0000 \\\\u0000 \\x00 \t\r\n \\. \\N 'a''b' \"q\" \u2028 \U0001f426 \ufffe \x01"
    with Session(db, env={"LTMC_SEARCH_MODE": "lexical"}) as client:
        text = " ".join(f"{chance.getrandbits(48):x}" for _ in range(76_000))
        client.ok("log_chat", content=text[:990_000], conversation_id="long")
        client.ok("store_memory", file_name="long.md", content=text[:20_000])
        client.ok(
            "store_memory", file_name="odd.md", content=odd, metadata={"odd": odd}, tags=[odd, "\\", "'"]
        )
        client.ok("log_chat", content=odd * 1000, conversation_id="it's \\ %s ?")
        client.ok("log_code_attempt", input_prompt=odd, generated_code=odd, result="pass", tags=["\\'"])
    assert report(db, place)["tables"] == report(place, back)["tables"]
    for one in (place, back):
        with Session(cast("Path", one)) as client:
            assert client.ok("get_memory", file_name="odd.md")["content"] == odd
            assert client.ok("list_memories", tag="\\")["total"] == 1
            assert client.ok("retrieve_memory", query=text.split()[1000])["total"]


def test_without_permission(
    source: Path, place: PostgresPlace, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    postgres_server.execute(
        "CREATE ROLE guest LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC", name_of(place)
    )
    url = place.url.replace("ltmc@", "guest@")
    assert "permission denied" in refused(source, url)
    migrated(source, place)
    assert "permission denied" in refused(source, url)
    assert "permission denied" in refused(url, tmp_path / "back.db")
    assert "does not exist" in refused(source, place.url + "_absent")
    assert "cannot be used" in refused(source, "postgresql://ltmc@127.0.0.1:1/x")
    done = run_cli("migrate-to", "mysql://x/y", "--db", str(source))
    assert (done.returncode, done.stderr[:14]) == (2, "Error: TARGET:")
    (tmp_path / "text").touch()
    assert "File exists" in refused(source, tmp_path / "text" / "a.db")


@pytest.mark.parametrize("direction", ["there", "back"])
def test_interrupted_it_ends_well(source: Path, place: PostgresPlace, tmp_path: Path, direction: str) -> None:
    begin, end = (source, place) if direction == "there" else (place, tmp_path / "back.db")
    if direction == "back":
        migrated(source, place)
    with slowly(begin, end, pause=0.1) as run:
        time.sleep(0.25)
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=30)
    assert (run.returncode, told.strip()) == (1, "Aborted!")
    assert report(begin, end)["begun"] == "where it was"


@pytest.mark.parametrize("side", ["target", "source"])
def test_a_server_that_goes_away_meanwhile(source: Path, tmp_path: Path, side: str) -> None:
    server = PostgresServer()
    try:
        place: object = server.empty_database()
        begin, end = (source, place) if side == "target" else (place, tmp_path / "back.db")
        if side == "source":
            migrated(source, place)
        with slowly(begin, end) as run:
            time.sleep(0.3)
            server.stop()
            _, told = run.communicate(timeout=60)
        assert run.returncode == 1
        assert "cannot be used" in told
        assert "Traceback" not in told
        server.start()
        assert report(begin, end)["begun"] == "where it was"
        assert report(source, end, "--verify")["equal"]
    finally:
        server.remove()
