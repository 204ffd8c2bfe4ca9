"""``--read-only`` writes nothing: the folders of the database and of the project stay as they are, to the byte."""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from ltmc.app.application import Application
from ltmc.app.calls import call
from ltmc.settings import Settings
from ltmc.storage.sqlite.migrations import SCHEMA_VERSION
from ltmc.tools import selection
from tests.client import SOURCE_COMMAND, Session, pending, run_cli
from tests.conftest import RedisServer, unavailable
from tests.forms import steps
from tests.http.serving import Serving

READING = [tool for tool in selection.select("all") if tool.read_only]
WRITING = [tool for tool in selection.select("all") if not tool.read_only]
Calls = dict[str, dict[str, Any]]


class Noted(steps.Recorder):
    """A session that keeps each tool's last arguments."""

    def __init__(self, client: Session) -> None:
        super().__init__(client)
        self.calls: Calls = {}

    def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must succeed."""
        self.calls[tool] = arguments
        return super().ok(tool, **arguments)


class World:
    """A database in which every tool was used, with the files of a project.

    Attributes:
        calls: for each tool arguments that it takes.
    """

    def __init__(self, top: Path, calls: Calls) -> None:
        self.top, self.calls = top, calls
        self.db, self.root = top / "data" / "ltmc.db", top / "root"

    def seen(self) -> dict[str, tuple[object, ...]]:
        """Everything below `top`, so that any change, also of a time or a name, shows."""
        found: dict[str, tuple[object, ...]] = {}
        for path in (self.top, *self.top.rglob("*")):
            status = path.lstat()
            held = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = (status.st_mtime_ns, status.st_size, status.st_mode, status.st_ino, held)
        return found

    def server(self, *flags: str, **more: Any) -> Session:
        """A read-only server."""
        return Session(self.db, "--read-only", *flags, env={"HOME": str(self.top / "home")}, **more)

    def read_all(self, client: Session) -> None:
        """Call each tool that is offered, and each that is not."""
        for tool in READING:
            answer = client.ok(tool.name, **self.calls[tool.name])
            assert "cannot be used" not in json.dumps(answer), answer
        for tool in WRITING:
            error = client.bad(tool.name, "NOT_FOUND", "name", **self.calls[tool.name])
            assert "--read-only" in error["error"]


def wait_until_embedded(db: Path) -> None:
    """Let the worker of a server make the vectors of what was put back or is long."""
    give_up = time.monotonic() + 30
    while pending(db):
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world as a server left it that ended well."""
    top = tmp_path_factory.mktemp("made") / "top"
    (top / "root").mkdir(parents=True)
    (top / "home").mkdir()
    with Session(top / "data" / "ltmc.db") as client:
        noted = Noted(client)
        steps.use_every_tool(noted, top / "root")
        client.ok("redis_set_cache", key="short", value=1, ttl=1)
        wait_until_embedded(top / "data" / "ltmc.db")
    live = "SELECT blueprint_id FROM blueprints ORDER BY created_at"
    with closing(sqlite3.connect(top / "data" / "ltmc.db")) as connection:
        (blueprint, *_) = next(connection.execute(live))
    for name in ("get_task_dependencies", "query_blueprint_relationships"):  # that one was deleted
        noted.calls[name] = {next(iter(noted.calls[name])): blueprint}
    noted.calls["resolve_blueprint_execution_order"] = {"blueprint_ids": [blueprint]}
    return World(top, noted.calls)


@pytest.fixture
def world(made: World, tmp_path: Path) -> Iterator[World]:
    """A copy of it at the same place, since paths are stored in it."""
    kept = tmp_path / "kept"
    shutil.copytree(made.top, kept)
    yield made
    shutil.rmtree(made.top)
    shutil.copytree(kept, made.top)


@pytest.fixture
def killed(world: World) -> World:
    """The world after a server was killed: its last changes are in the log of the database."""
    with suppress(BaseExceptionGroup), Session(world.db) as client:
        client.ok("add_todo", title="Acknowledged before the end")
        os.kill(client.ok("get_performance_report")["server"]["pid"], signal.SIGKILL)
    assert {path.name for path in world.db.parent.iterdir()} >= {"ltmc.db", "ltmc.db-shm", "ltmc.db-wal"}
    return world


def titles(client: Session) -> list[str]:
    return [todo["title"] for todo in client.ok("list_todos", limit=100)["todos"]]


def test_no_tool_changes_anything(world: World) -> None:
    assert not {"ltmc.db-shm", "ltmc.db-wal"} & {path.name for path in world.db.parent.iterdir()}
    before = world.seen()
    for _ in range(2):
        with world.server() as client:
            world.read_all(client)
            assert world.seen() == before
    assert world.seen() == before


def test_no_tool_changes_anything_after_a_crash(killed: World) -> None:
    before = killed.seen()
    with killed.server() as client:
        killed.read_all(client)
        assert "Acknowledged before the end" in titles(client)
    assert killed.seen() == before


def test_no_tool_changes_anything_beside_a_server_and_what_that_writes_is_seen(world: World) -> None:
    with Session(world.db) as other:
        other.ok("add_todo", title="one")
        other.ok("get_performance_report")  # its log of use is written by then
        with world.server() as client:
            world.read_all(client)
            before = world.seen()
            world.read_all(client)
            assert "one" in titles(client)
            assert world.seen() == before
            for number in range(20):
                other.ok("add_todo", title=f"more {number}")
                assert f"more {number}" in titles(client)
    with world.server() as client:
        assert "more 19" in titles(client)


def test_what_a_server_writes_meanwhile_is_seen_though_none_ran_at_first(world: World) -> None:
    with world.server() as client:
        titles(client)
        for number in range(3):  # each ends well and takes the log away, if it can
            with Session(world.db) as other:
                other.ok("add_todo", title=f"from {number}")
                assert f"from {number}" in titles(client)
            assert f"from {number}" in titles(client)


@pytest.mark.parametrize("state", ["made", "killed"])
def test_it_works_on_a_read_only_mount(world: World, state: str, request: pytest.FixtureRequest) -> None:
    if state == "killed":
        request.getfixturevalue("killed")
    mounts = f"mount --bind '{world.top}' '{world.top}' && mount -o remount,ro,bind '{world.top}'"
    probe = f"{mounts} && ! touch '{world.top}/x' 2>/dev/null"
    unshare = ["unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*unshare, probe], capture_output=True, check=False).returncode
    ):
        unavailable("this system lets tests make no read-only mount")
    before = world.seen()
    with world.server(command=[*unshare, f'{mounts} && exec "$0" "$@"', *SOURCE_COMMAND]) as client:
        world.read_all(client)
        assert ("Acknowledged before the end" in titles(client)) == (state == "killed")
    assert world.seen() == before


def test_over_http(world: World) -> None:
    flags = ("--transport", "http", "--port", "0")
    done = run_cli("serve", "--read-only", "--db", str(world.db), *flags)
    assert (done.returncode, "ltmc token rotate" in done.stderr) == (1, True), done
    assert run_cli("token", "rotate", "--db", str(world.db)).returncode == 0
    before = world.seen()
    with Serving(world.db, "--read-only") as server:
        for tool in READING:
            assert server.call(tool.name, **world.calls[tool.name])["success"]
        assert server.request("GET", "/health").json()["status"] == "healthy"
    assert world.seen() == before


def test_commands_write_nothing_either(world: World) -> None:
    before = world.seen()
    env = {"LTMC_READ_ONLY": "1", "LTMC_DB": str(world.db), "HOME": str(world.top / "home")}
    for arguments in (
        ["recall", "heron"],
        ["doctor"],
        ["todo", "list"],
        ["usage"],
        ["routing"],
        ["check"],
        ["list"],
        ["show", "1"],
        ["history", "1"],
        ["tidy"],
    ):
        done = run_cli(*arguments, **env)
        assert done.returncode == 0, done
    restore = ["restore", str(world.db), "--force"]
    writing = (
        ["remember", "a"],
        ["edit", "birds/heron.md", "--text", "a"],
        ["forget", "--purge"],
        ["todo", "add", "a"],
        ["reindex", "--all"],
        ["token", "rotate"],
        restore,
    )
    for arguments in writing:
        done = run_cli(*arguments, **env)
        assert done.returncode != 0
        assert "read-only" in done.stderr
        assert "Traceback" not in done.stderr
    assert world.seen() == before


@pytest.mark.parametrize("state", ["made", "killed"])
def test_a_backup_leaves_the_database_and_its_folder_as_they_are(
    world: World, state: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if state == "killed":
        request.getfixturevalue("killed")
    before = world.seen()
    done = run_cli("backup", str(tmp_path / "copy"), LTMC_READ_ONLY="1", LTMC_DB=str(world.db))
    assert done.returncode == 0, done.stderr
    assert world.seen() == before
    with Session(tmp_path / "copy") as client:
        assert ("Acknowledged before the end" in titles(client)) == (state == "killed")
    with Session(world.db) as other:
        other.ok("add_todo", title="from beside")
        done = run_cli("backup", str(tmp_path / "second"), LTMC_READ_ONLY="1", LTMC_DB=str(world.db))
        assert done.returncode == 0, done.stderr
    with Session(tmp_path / "second") as client:
        assert "from beside" in titles(client)


LOGS = {"tool_calls", "retrieval_events", "context_links", "routing_log", "usage_events", "cache_stats"}
OUTCOMES = {"blueprint_files"}  # `validate_blueprint_consistency` notes what it found


def test_tools_that_read_change_nothing_that_is_stored_by_a_server_that_writes_either(world: World) -> None:
    def stored() -> dict[str, list[tuple[object, ...]]]:
        with closing(sqlite3.connect(world.db)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE TABLE%'")
            kept = sorted(
                {name for (name,) in names if not name.startswith(("search_terms", "sqlite_"))}
                - LOGS
                - OUTCOMES
            )
            return {
                name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in kept
            }

    files = {path: held for path, held in world.seen().items() if str(world.root) in path}
    before = stored()
    with Session(world.db) as client:
        for tool in READING:
            client.ok(tool.name, **world.calls[tool.name])
    assert stored() == before
    assert {path: held for path, held in world.seen().items() if str(world.root) in path} == files


def test_no_tool_that_writes_runs_however_it_is_called(world: World) -> None:
    before = world.seen()

    async def run() -> None:
        app = Application(Settings(db=world.db, read_only=True))
        for tool in WRITING:
            answer = await call(app, tool, world.calls[tool.name])
            assert answer.get("error_code") == "UNSUPPORTED", tool.name
        await app.close()

    asyncio.run(run())
    assert world.seen() == before


def age(db: Path, version: int) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("DELETE FROM schema_migrations WHERE version > ?", (version,))
        if version > SCHEMA_VERSION:
            connection.execute("INSERT INTO schema_migrations VALUES (?, '2026')", (version,))
        connection.execute("PRAGMA journal_mode = DELETE")


@pytest.mark.parametrize(
    ("harm", "code", "words"),
    [
        (lambda db: db.unlink(), "BACKEND_UNAVAILABLE", "does not exist"),
        (lambda db: age(db, SCHEMA_VERSION - 1), "BACKEND_UNAVAILABLE", "without read-only"),
        (lambda db: age(db, SCHEMA_VERSION + 1), "UNSUPPORTED", "newer LTMC"),
        (lambda db: db.write_bytes(b"no database" * 1000), "BACKEND_UNAVAILABLE", "not a database"),
        (lambda db: db.write_bytes(b""), "BACKEND_UNAVAILABLE", "without read-only"),
    ],
    ids=["missing", "older", "newer", "foreign", "empty"],
)
def test_what_cannot_be_read_as_it_is_is_a_plain_error(
    world: World, harm: Any, code: str, words: str
) -> None:
    harm(world.db)
    before = world.seen()
    with world.server() as client:
        for _ in range(2):
            error = client.bad("list_todos", code)
            assert words in error["error"]
            assert str(world.db) in error["error"]
    assert world.seen() == before


def test_a_log_that_cannot_be_read_without_writing_is_a_plain_error(killed: World) -> None:
    (killed.db.parent / "ltmc.db-shm").unlink()
    before = killed.seen()
    with killed.server() as client:
        error = client.bad("list_todos", "BACKEND_UNAVAILABLE")
    assert "ltmc.db-wal" in error["error"]
    assert killed.seen() == before
    with Session(killed.db) as client:
        assert "Acknowledged before the end" in titles(client)


def test_nothing_is_written_to_redis(world: World, redis_server: RedisServer) -> None:
    with Session(world.db, env={"LTMC_REDIS_URL": redis_server.url}) as client:
        client.ok("redis_set_cache", key="kept", value={"herons": 3})

    def held() -> tuple[list[str], dict[str, str]]:
        with redis.Redis.from_url(redis_server.url, decode_responses=True) as connection:
            return sorted(connection.keys("*")), connection.hgetall("ltmc:default:stats")

    before = held()
    env = {"HOME": str(world.top / "home"), "LTMC_REDIS_URL": redis_server.url}
    with Session(world.db, "--read-only", env=env) as client:
        assert client.ok("redis_get_cache", key="kept")["found"]
        assert client.ok("redis_health_check")["status"] == "healthy"
        assert client.ok("redis_cache_stats")["hits"] == 0
    assert held() == before
