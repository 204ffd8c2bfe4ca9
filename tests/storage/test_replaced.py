"""The database file is replaced by another while servers use it, as `mv` and rsync do."""

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ltmc.errors import LtmcError
from ltmc.storage.engine import Transaction
from ltmc.storage.sqlite.backup import backup
from ltmc.storage.sqlite.database import Database
from tests.client import Session, run_cli


def titles(path: Path) -> set[str]:
    """The todos of a database, which must be whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {title for (title,) in connection.execute("SELECT title FROM todos")}


async def add(tx: Transaction, title: str) -> None:
    await tx.run(
        "INSERT INTO todos (project_id, title, priority, status, created_at) VALUES ('p', ?, 1, 'pending', '')",
        (title,),
    )


def test_a_server_goes_on_in_the_new_file(db: Path, tmp_path: Path) -> None:
    with Session(db) as client, Session(db) as other:
        client.ok("add_todo", title="in both")
        for number in range(5):
            copy = tmp_path / f"copy{number}"
            backup(db, copy)
            for one in (client, other):  # what the log of the old file holds must not come into the new one
                for n in range(20):
                    one.ok("add_todo", title=f"lost {number} {n}", description="x" * 3_000)
            copy.replace(db)
            for one in (client, other):
                assert one.ok("list_todos")["total"] == 1 + 2 * number + (one is other)
                one.ok("add_todo", title=f"kept {number}")
    assert titles(db) == {"in both", *(f"kept {number}" for number in range(5))}


def copied(source: Path, target: Path) -> Path:
    shutil.copy(source, target)
    return target


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def half_a_copy(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE moz_places (url)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES (99, '')")


BAD = {
    garbage: "BACKEND_UNAVAILABLE",
    half_a_copy: "BACKEND_UNAVAILABLE",
    another_programs: "UNSUPPORTED",
    newer: "UNSUPPORTED",
}


@pytest.mark.parametrize("spoil", BAD)
@pytest.mark.parametrize("removed", [False, True])
def test_servers_go_on_once_a_good_file_is_back(
    db: Path, tmp_path: Path, spoil: Callable[[Path], None], removed: bool
) -> None:
    with Session(db) as client, Session(db) as other, Session(db, "--read-only") as reader:
        client.ok("add_todo", title="first")
        other.ok("list_todos")
        reader.ok("list_todos")
        backup(db, tmp_path / "good")
        bad = copied(tmp_path / "good", tmp_path / "bad")
        spoil(bad)
        content = bad.read_bytes()
        for _ in range(2):
            bad.write_bytes(content)
            bad.replace(db)
            for _ in range(2):
                client.bad("list_todos", BAD[spoil])
                client.bad("add_todo", BAD[spoil], title="lost")
                other.bad("add_todo", BAD[spoil], title="lost")
                reader.bad("list_todos", BAD[spoil])
        assert db.read_bytes() == content, "what cannot be used is left as it is"
        if removed:
            db.unlink()
            assert "moved or removed" in client.bad("list_todos", "BACKEND_UNAVAILABLE")["error"]
            assert not db.exists()
        copied(tmp_path / "good", tmp_path / "again").replace(db)
        client.ok("add_todo", title="second")
        other.ok("add_todo", title="third")
        assert reader.ok("list_todos")["total"] == 3
    assert titles(db) == {"first", "second", "third"}


def test_servers_go_on_after_a_restore_in_the_place_of_a_damaged_file(db: Path, tmp_path: Path) -> None:
    with Session(db) as client, Session(db) as other:
        client.ok("add_todo", title="first")
        other.ok("list_todos")
        backup(db, tmp_path / "good")
        bad = copied(tmp_path / "good", tmp_path / "bad")
        garbage(bad)
        bad.replace(db)
        client.bad("list_todos", "BACKEND_UNAVAILABLE")
        restored = run_cli("restore", str(tmp_path / "good"), "--force", "--db", str(db))
        assert restored.returncode == 0, restored.stderr
        client.ok("add_todo", title="second")
        other.ok("add_todo", title="third")
    assert titles(db) == {"first", "second", "third"}


def test_servers_go_on_after_many_replacements_in_quick_succession(db: Path, tmp_path: Path) -> None:
    over = threading.Event()

    def replace() -> None:
        for number in range(200):
            if not over.wait(0.005):
                copy = copied(tmp_path / "good", tmp_path / "copy")
                if number % 5 == 0:
                    (garbage if number % 10 else half_a_copy)(copy)
                copy.replace(db)

    with Session(db) as client, Session(db) as other:
        client.ok("add_todo", title="first")
        backup(db, tmp_path / "good")
        replacing = threading.Thread(target=replace)
        replacing.start()
        try:
            while replacing.is_alive():
                for one in (client, other):
                    answer = one.any("add_todo", title="lost")
                    assert answer["success"] or answer["error_code"] == "BACKEND_UNAVAILABLE", answer
        finally:
            over.set()
            replacing.join()
        copied(tmp_path / "good", tmp_path / "copy").replace(db)
        client.ok("add_todo", title="second")
        other.ok("add_todo", title="third")
    assert titles(db) == {"first", "second", "third"}


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_server_that_only_reads_takes_no_old_log_for_that_of_the_new_file(
    db: Path, tmp_path: Path, mode: str
) -> None:
    with Session(db) as client, Session(db, "--read-only") as reader:
        client.ok("add_todo", title="first")
        backup(db, tmp_path / "copy")
        with closing(sqlite3.connect(tmp_path / "copy")) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
        client.ok("add_todo", title="lost")
        assert reader.ok("list_todos")["total"] == 2
        (tmp_path / "copy").replace(db)
        assert "belongs to the file before" in reader.bad("list_todos", "BACKEND_UNAVAILABLE")["error"]
        client.ok("add_todo", title="second")
        assert reader.ok("list_todos")["total"] == 2
    assert titles(db) == {"first", "second"}


def test_what_is_acknowledged_meanwhile_is_in_the_old_file_or_in_the_new_one(
    db: Path, tmp_path: Path
) -> None:
    acknowledged: set[str] = set()
    over = threading.Event()

    def write(name: str) -> None:
        with Session(db) as client:
            n = 0
            while not over.is_set():
                n += 1
                if client.any("add_todo", title=f"{name} {n}")["success"]:
                    acknowledged.add(f"{name} {n}")

    with Session(db) as client:
        client.ok("add_todo", title="first")
    kept = []
    writers = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(3)]
    for writer in writers:
        writer.start()
    try:
        for number in range(6):
            over.wait(1)
            copy, old = tmp_path / f"copy{number}", tmp_path / f"old{number}"
            backup(db, copy)
            os.link(db, old)
            kept.append(old)
            copy.replace(db)
    finally:
        over.wait(1)
        over.set()
        for writer in writers:
            writer.join(60)
    assert not any(writer.is_alive() for writer in writers)
    assert len(acknowledged) > 30
    assert acknowledged <= set.union(*map(titles, [db, *kept]))


def test_a_write_is_not_acknowledged_when_it_went_into_the_old_file(db: Path, tmp_path: Path) -> None:
    async def run() -> None:
        database = Database(db)
        try:
            async with database.write() as tx:
                await add(tx, "before")
            backup(db, tmp_path / "copy")
            with pytest.raises(LtmcError, match="another file took its place"):
                async with database.write() as tx:
                    await add(tx, "in the old file")
                    waiting = asyncio.create_task(write_later(database))
                    reading = asyncio.create_task(read_slowly(database))
                    await asyncio.sleep(0.1)
                    (tmp_path / "copy").replace(db)
            assert await reading == 1, "a reading that had begun ends as it began"
            await waiting
            async with database.read() as tx:
                assert await tx.column("SELECT title FROM todos") == ["before", "waited"]
        finally:
            await database.close()

    async def write_later(database: Database) -> None:
        async with database.write() as tx:
            await add(tx, "waited")

    async def read_slowly(database: Database) -> int:
        async with database.read() as tx:
            await asyncio.sleep(0.5)
            return int(await tx.value("SELECT count(*) FROM todos"))

    asyncio.run(asyncio.wait_for(run(), 60))
    assert titles(db) == {"before", "waited"}


def test_the_log_of_use_does_not_hold_the_new_file_up(db: Path, tmp_path: Path) -> None:
    async def run() -> int:
        database = Database(db)
        try:
            async with database.write() as tx:
                await add(tx, "before")
            for number in range(20):
                backup(db, tmp_path / "copy")
                (tmp_path / "copy").replace(db)
                database.log(lambda tx, number=number: add(tx, f"logged {number}"))  # type: ignore[misc]
                await asyncio.sleep(0)
                async with asyncio.timeout(10), database.read() as tx:
                    await tx.value("SELECT count(*) FROM todos")
                await database.settle()
            async with database.read() as tx:
                return int(await tx.value("SELECT count(*) FROM todos"))
        finally:
            await asyncio.wait_for(database.close(), 10)

    assert asyncio.run(run()) == 21
