"""The database file: created privately, shared by processes, migrated once, refused when unknown."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ltmc.errors import LtmcError
from ltmc.storage.sqlite import migrations
from ltmc.storage.sqlite.database import Database
from ltmc.storage.sqlite.migrations import SCHEMA_VERSION, statements
from tests.client import Session, run_cli


def test_files_are_private(db: Path) -> None:
    with Session(db) as client:
        client.ok("add_todo", title="a")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in db.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"ltmc.db", "ltmc.db-wal"} <= set(modes)
    assert stat.S_IMODE(db.parent.stat().st_mode) == 0o700


def test_a_newer_schema_is_refused_and_left_alone(db: Path) -> None:
    with Session(db) as client:
        client.ok("add_todo", title="a")
    with sqlite3.connect(db) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (999, '')")
    connection.close()
    before = db.read_bytes()
    with Session(db) as client:
        error = client.bad("add_todo", "UNSUPPORTED", title="b")
        assert "999" in error["error"]
        assert "newer LTMC" in error["error"]
        client.bad("list_todos", "UNSUPPORTED")
    assert db.read_bytes() == before


def test_a_server_does_not_write_on_after_a_migration_by_a_newer_program(db: Path) -> None:
    with Session(db) as client:
        client.ok("add_todo", title="a")
        with sqlite3.connect(db) as connection:
            connection.execute("INSERT INTO schema_migrations VALUES (999, '')")
        assert "newer LTMC" in client.bad("add_todo", "UNSUPPORTED", title="b")["error"]
        client.bad("list_todos", "UNSUPPORTED")
        assert connection.execute("SELECT title FROM todos").fetchall() == [("a",)]
        with connection:
            connection.execute("DELETE FROM schema_migrations WHERE version = 999")
        connection.close()
        client.ok("add_todo", title="c")
        assert client.ok("list_todos")["total"] == 2


def test_an_older_schema_is_backed_up_and_brought_forward(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def open_and_read() -> int:
        database = Database(db)
        try:
            async with database.read() as tx:
                return int(await tx.value("SELECT max(version) FROM schema_migrations"))
        finally:
            await database.close()

    assert asyncio.run(open_and_read()) == SCHEMA_VERSION
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    extra = tuple(migrations.FILES) + (migrations.FILES[0],)  # a migration that fails: its tables exist
    monkeypatch.setattr(migrations, "FILES", extra)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        asyncio.run(open_and_read())
    (backup,) = db.parent.glob("*.backup")
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT max(version) FROM schema_migrations").fetchone() == (
            SCHEMA_VERSION,
        )
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    monkeypatch.undo()
    assert asyncio.run(open_and_read()) == SCHEMA_VERSION, "the failed migration left nothing behind"


def test_statements_are_split_as_sqlite_does() -> None:
    script = (
        "-- a; b\nCREATE TABLE t (x TEXT DEFAULT ';');\n"
        "CREATE TRIGGER r AFTER INSERT ON t BEGIN\n SELECT 1;\nEND;\n"
    )
    assert [text.split()[-1] for text in statements(script)] == ["';');", "END;"]


def test_a_failed_transaction_leaves_nothing(db: Path) -> None:
    async def run() -> int:
        database = Database(db)
        try:
            with pytest.raises(ZeroDivisionError):
                async with database.write("p") as tx:
                    await tx.run("INSERT INTO usage_events (event_type, created_at) VALUES ('a', '')")
                    _ = 1 / 0
            task = asyncio.create_task(_cancelled_write(database))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with database.read() as tx:
                assert await tx.value("SELECT count(*) FROM projects") == 0
                return int(await tx.value("SELECT count(*) FROM usage_events"))
        finally:
            await database.close()

    assert asyncio.run(run()) == 0


async def _cancelled_write(database: Database) -> None:
    async with database.write() as tx:
        await tx.run("INSERT INTO usage_events (event_type, created_at) VALUES ('b', '')")
        await asyncio.sleep(10)


def test_the_reader_cannot_write(db: Path) -> None:
    async def run() -> None:
        database = Database(db)
        try:
            async with database.read() as tx:
                await tx.run("DELETE FROM todos")
        finally:
            await database.close()

    with pytest.raises(LtmcError, match="readonly"):
        asyncio.run(run())


WRITER = """
import asyncio, sys
from pathlib import Path
from ltmc.app.application import Application
from ltmc.features.todos.service import TodoService
from ltmc.settings import Settings

async def main(name):
    app = Application(Settings(db=Path(sys.argv[1])))
    for n in range(25):
        await app.get(TodoService).add(f"{name} {n}", "", "low", None)
    await app.close()

asyncio.run(main(sys.argv[2]))
"""


@pytest.mark.database_file
def test_processes_share_a_new_database(db: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(db), f"w{n}"], stderr=subprocess.PIPE, text=True)
        for n in range(8)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    with Session(db) as client:
        assert client.ok("list_todos")["total"] == 8 * 25
        assert client.ok("search_todos", query="w3")["total"] == 25


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    done = run_cli("todo", "add", "a", "--db", str(blocker / "ltmc.db"))
    assert done.returncode == 1
    assert str(blocker) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_call_cancelled_while_it_waits_for_the_lock_leaves_no_transaction(db: Path) -> None:
    async def run() -> int:
        database = Database(db)
        try:
            async with database.write() as tx:
                await tx.run("INSERT INTO usage_events (event_type, created_at) VALUES ('a', '')")
            blocker = sqlite3.connect(db, isolation_level=None)
            for pause in (0.01, 0.05, 0.15, 0.3):
                blocker.execute("BEGIN IMMEDIATE")
                waiting = asyncio.create_task(_cancelled_write(database))
                await asyncio.sleep(pause)
                waiting.cancel()  # as asyncio.timeout does
                blocker.execute("ROLLBACK")
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(pause / 10), database.read() as tx:
                        await tx.value("SELECT count(*) FROM resources a, resources b")
                        await asyncio.sleep(1)
                async with database.write() as tx:
                    await tx.run("INSERT INTO usage_events (event_type, created_at) VALUES ('c', '')")
            blocker.close()
            async with database.read() as tx:
                return int(await tx.value("SELECT count(*) FROM usage_events"))
        finally:
            await database.close()

    assert asyncio.run(run()) == 5
