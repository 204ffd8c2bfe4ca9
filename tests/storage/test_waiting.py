"""No call waits longer than its limit, and one that is cancelled ends soon."""

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ltmc.errors import LtmcError
from ltmc.storage.engine import Transaction
from ltmc.storage.sqlite import database as database_module
from ltmc.storage.sqlite import waiting
from ltmc.storage.sqlite.database import Database
from ltmc.storage.sqlite.open_file import READERS
from ltmc.storage.sqlite.read_only import ReadOnlyDatabase
from tests.http.serving import Serving
from tests.permissions import NOBODY, as_nobody

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def run(db: Path, work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Run ``work(database)``, within a minute."""

    async def inside() -> Any:
        database = Database(db)
        try:
            async with database.read():
                pass
            return await asyncio.wait_for(work(database), 60)
        finally:
            await database.close()

    return asyncio.run(inside())


@contextmanager
def locked(db: Path) -> Iterator[None]:
    """Hold the write lock as another program does."""
    other = sqlite3.connect(db, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


async def note(tx: Transaction) -> None:
    await tx.run("INSERT INTO usage_events (event_type, created_at) VALUES ('a', '')")


async def count(database: Database) -> int:
    async with database.read() as tx:
        return int(await tx.value("SELECT count(*) FROM usage_events"))


async def write(database: Database) -> None:
    async with database.write() as tx:
        await note(tx)


def test_a_write_that_is_cancelled_behind_a_lock_ends_soon(db: Path) -> None:
    async def work(database: Database) -> int:
        with locked(db):
            for seconds in (0.01, 0.1, 0.21, 0.5, 1):
                started = time.monotonic()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await write(database)
                assert time.monotonic() - started < seconds + 1.5
        await write(database)
        return await count(database)

    assert run(db, work) == 1


@pytest.mark.parametrize("writing", [True, False])
def test_a_query_that_is_cancelled_is_interrupted(db: Path, writing: bool) -> None:
    async def work(database: Database) -> int:
        for _ in range(3):
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3), database.write() if writing else database.read() as tx:
                    if writing:
                        await note(tx)
                    await tx.value(ENDLESS)
            assert time.monotonic() - started < 3
            await write(database)
        return await count(database)

    assert run(db, work) == 3


def test_a_query_that_runs_too_long_is_interrupted_and_says_so(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "STATEMENT_SECONDS", 0.3, raising=False)

    async def work(database: Database) -> int:
        with pytest.raises(LtmcError, match="interrupted"):
            async with database.write() as tx:
                await note(tx)
                await tx.value(ENDLESS)
        await write(database)
        return await count(database)

    assert run(db, work) == 1


def test_writes_behind_a_lock_fail_together(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (waiting, database_module):
        monkeypatch.setattr(module, "LOCK_SECONDS", 1.5, raising=False)

    async def work(database: Database) -> list[Any]:
        with locked(db):
            started = time.monotonic()
            found = await asyncio.gather(*(write(database) for _ in range(4)), return_exceptions=True)
            assert time.monotonic() - started < 4
        await write(database)
        return found

    assert [type(error) for error in run(db, work)] == [LtmcError] * 4


def test_a_task_that_is_cancelled_while_it_commits_has_committed_or_not(db: Path) -> None:
    async def work(database: Database) -> None:
        told = 0
        for n in range(200):
            task = asyncio.create_task(write(database))
            await asyncio.sleep(n / 100_000)
            task.cancel()
            before = await count(database) if task.done() else None
            try:
                await task
                told += 1
            except asyncio.CancelledError:
                pass
            assert before is None or before >= told
        assert told <= await count(database) <= 200
        await write(database)

    run(db, work)


def test_a_write_that_is_cancelled_after_the_index_took_its_terms_leaves_no_lock(db: Path) -> None:
    """SQLite takes an interruption then for one of each statement to come, ROLLBACK among them."""

    async def work(database: Database) -> int:
        for end in ("cancelled", "late"):
            begun = asyncio.Event()

            async def indexed(begun: asyncio.Event = begun) -> None:
                async with database.write() as tx:
                    await note(tx)
                    await tx.run("INSERT INTO search_terms (rowid, terms) VALUES (1, 'a')")
                    begun.set()
                    await tx.value(ENDLESS)

            task = asyncio.create_task(indexed())
            await begun.wait()
            if end == "cancelled":
                task.cancel()
            with pytest.raises(asyncio.CancelledError if end == "cancelled" else LtmcError):
                await task
            with closing(sqlite3.connect(db, isolation_level=None, timeout=0)) as other:
                other.execute("BEGIN IMMEDIATE")
            assert not await database.is_locked()
            await write(database)
        return await count(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting, "STATEMENT_SECONDS", 0.3)
        assert run(db, work) == 2


def test_settle_waits_for_what_was_logged_before_it(db: Path) -> None:
    async def work(database: Database) -> None:
        async def again(tx: Transaction) -> None:  # under load there is always more to write
            await note(tx)
            if not over:
                database.log(again)

        over: list[bool] = []
        database.log(again)
        for _ in range(20):
            before = await count(database)
            database.log(note)
            async with asyncio.timeout(10):
                await database.settle()
            assert await count(database) > before
        over.append(True)

    run(db, work)


def test_a_row_of_the_log_that_cannot_be_written_drops_only_itself(
    db: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def orphan(tx: Transaction) -> None:
        await tx.run(
            "INSERT INTO context_links (message_id, chunk_id, rank, created_at) VALUES (1, 99, 1, '')"
        )

    async def broken(_: Transaction) -> None:
        raise RuntimeError("broken")

    async def work(database: Database) -> int:
        for row in (note, orphan, note, broken, note):
            database.log(row)
        await database.settle()
        return await count(database)

    with caplog.at_level(logging.WARNING):
        assert run(db, work) == 3
    assert sum("a row of the log of use was lost" in message for message in caplog.messages) == 2


def test_the_log_of_use_waits_while_the_file_cannot_be_used(
    db: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ltmc.storage.log_writing.LOG_BACKLOG", 8)

    async def work(database: Database) -> list[int]:
        database.log(note)
        await database.settle()
        with closing(sqlite3.connect(db, isolation_level=None)) as other:
            other.execute("INSERT INTO schema_migrations VALUES (99, '')")
            for _ in range(3):
                database.log(note)
                await database.settle()
            other.execute("DELETE FROM schema_migrations WHERE version = 99")
            found = [await count(database)]
            await database.settle()
            found.append(await count(database))
            other.execute("INSERT INTO schema_migrations VALUES (99, '')")
            for _ in range(9):
                database.log(note)
                await database.settle()
            other.execute("DELETE FROM schema_migrations WHERE version = 99")
        database.log(note)
        await database.settle()
        return [*found, await count(database)]

    with caplog.at_level(logging.WARNING):
        assert run(db, work) == [1, 4, 12], "of the ten at the end the oldest two were dropped"
    assert [message for message in caplog.messages if "lost" in message] == []
    assert sum("the log of use waits" in message for message in caplog.messages) == 2


@pytest.mark.parametrize("kind", [Database, ReadOnlyDatabase])
def test_reads_run_side_by_side(db: Path, kind: type[Database | ReadOnlyDatabase]) -> None:
    run(db, write)

    async def work() -> None:
        database = kind(db)
        together = threading.Barrier(3)

        async def read() -> None:
            async with database.read() as tx:
                await tx.call(lambda _: together.wait(20))

        try:
            await asyncio.gather(read(), read(), read())
        finally:
            await database.close()

    asyncio.run(work())


def test_a_read_of_a_read_only_database_waits_no_longer_than_its_limit(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(db, write)
    monkeypatch.setattr("ltmc.storage.sqlite.read_only.LOCK_SECONDS", 0.2)

    async def work() -> None:
        database = ReadOnlyDatabase(db)
        async with AsyncExitStack() as others:
            for _ in range(READERS):
                await others.enter_async_context(database.read())
            with pytest.raises(LtmcError, match="came first"):
                async with asyncio.timeout(5), database.read():
                    pass
        async with database.read() as tx:
            assert await tx.value("SELECT 1") == 1
        await database.close()

    asyncio.run(work())


def test_a_read_only_database_loses_no_connection_to_cancellation(db: Path) -> None:
    run(db, write)

    async def work() -> None:
        database = ReadOnlyDatabase(db)

        async def read() -> None:
            async with database.read() as tx:
                await tx.value(ENDLESS)

        opened = list[object]()
        for turns in range(30):  # at each await of it
            reading = asyncio.create_task(read())
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            reading.cancel()
            await asyncio.wait([reading])
            opened += [database._open_count == len(database._idle)]
        await database.close()
        assert all(opened)

    asyncio.run(work())


def test_the_write_ahead_log_is_cut_after_a_long_reader(db: Path) -> None:
    async def work(database: Database) -> None:
        reader = sqlite3.connect(db, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM usage_events").fetchone()
        log = db.with_name(db.name + "-wal")
        for _ in range(24):
            async with database.write() as tx:
                await tx.run(
                    "INSERT INTO usage_events (event_type, attributes, created_at) VALUES ('a', ?, '')",
                    ("x" * 1_000_000,),
                )
        assert log.stat().st_size > 24_000_000
        reader.close()
        for _ in range(5):
            await write(database)
        assert log.stat().st_size <= 16 * 1024 * 1024

    run(db, work)


def test_health_answers_beside_a_held_lock(db: Path) -> None:
    with Serving(db) as server:
        server.call("add_todo", title="a")
        with locked(db):
            started = time.monotonic()
            answer = server.request("GET", "/health")
            assert time.monotonic() - started < 2
            assert answer.status == 200
            assert answer.json()["status"] == "degraded"
            assert answer.json()["services"]["sqlite"] == "locked"
            assert server.call("list_todos")["total"] == 1


def test_a_file_that_can_only_be_read_for_a_moment_is_opened_again() -> None:
    """So it is while the last process that had it open removes the shared memory."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "ltmc.db"
        shared_memory = db.with_name("ltmc.db-shm")

        async def work(database: Database) -> None:
            async with database.read():  # beside it, connections of this process share what SQLite found
                writes = [asyncio.create_task(write(database)) for _ in range(3)]
                await asyncio.sleep(0.3)
                shared_memory.chmod(0o666)
            await asyncio.gather(*writes)
            assert await count(database) == 4

        run(db, write)
        with opened_elsewhere(db):
            shared_memory.chmod(0o444)
            for path in (db.parent, *db.parent.iterdir()) if os.geteuid() == 0 else ():
                os.chown(path, NOBODY, -1)
            with as_nobody():
                run(db, work)


@contextmanager
def opened_elsewhere(db: Path) -> Iterator[None]:
    """Have another process keep the database open."""
    script = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM todos")
print("open", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(db)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline()
        yield
        other.communicate(b"\n")
