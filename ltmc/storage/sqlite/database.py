"""The SQLite database: connections, transactions, errors.

One process has one `Database`. It opens at first use, with two connections: one that writes, one that
reads, so that a long search never waits for a commit. Several processes share the file through WAL.
"""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, cast

import aiosqlite

from ltmc.errors import LtmcError
from ltmc.storage.engine import Parameters, R, T, Transaction
from ltmc.storage.rows import loader, stored
from ltmc.storage.sqlite import migrations
from ltmc.storage.sqlite.backup import backup
from ltmc.storage.sqlite.errors import translated, unavailable
from ltmc.storage.sqlite.files import create_private
from ltmc.storage.sqlite.waiting import LOCK_SECONDS, settled, while_busy
from ltmc.timestamps import now

BUSY_SECONDS = 0.2
"""How long SQLite itself waits for a lock to write; a call that is cancelled is held up no longer. Readers
wait only while another process recovers the database after a crash."""

READ_CACHE_KIB = 32_000
"""Pages that the reading connection keeps: search at 100,000 rows is 10 to 20% faster than with 2,000."""

LOG_BACKLOG = 10_000
"""How many rows of the log of use wait in memory at most; beyond that the oldest are dropped."""

logger = logging.getLogger(__name__)


def _bound(sql: str, parameters: Parameters) -> Parameters:
    """Return the values as columns hold them.

    For numbered placeholders (``?1``) they become a mapping: from Python 3.14 on a sequence is refused.
    """
    if isinstance(parameters, Mapping):
        return {name: stored(value) for name, value in parameters.items()}
    values = [stored(value) for value in parameters]
    return values if "?1" not in sql else {str(number): value for number, value in enumerate(values, start=1)}


class SqliteTransaction:
    """See `ltmc.storage.engine.Transaction`."""

    def __init__(
        self, connection: aiosqlite.Connection, resident: dict[Callable[[], Any], Any] | None = None
    ) -> None:
        self._connection = connection
        self._resident = resident

    def resident(self, make: Callable[[], T]) -> T:
        """Return what this process keeps in memory of the open file under `make`."""
        if self._resident is None:
            raise RuntimeError("what is kept in memory can be used only in a transaction that reads")
        if make not in self._resident:
            self._resident[make] = make()
        found: T = self._resident[make]
        return found

    async def all(self, row: type[R], sql: str, parameters: Parameters = ()) -> list[R]:
        """Return every row, as instances of the dataclass `row`."""
        rows = await self._rows(sql, parameters)
        return [*map(loader(row, rows[0].keys()), rows)] if rows else []

    async def one(self, row: type[R], sql: str, parameters: Parameters = ()) -> R | None:
        """Return the first row, or None."""
        rows = await self.all(row, sql, parameters)
        return rows[0] if rows else None

    async def column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return the first column of every row."""
        return [row[0] for row in await self._rows(sql, parameters)]

    async def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Return the first column of the first row, or None."""
        rows = await self._rows(sql, parameters)
        return rows[0][0] if rows else None

    async def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Execute for the effect alone."""
        await self._rows(sql, parameters)

    async def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Execute once for each of `rows`."""
        await self._connection.executemany(sql, [_bound(sql, row) for row in rows])

    async def call(self, function: Callable[[sqlite3.Cursor], T]) -> T:
        """Return the result of `function`, called with a cursor."""

        def run() -> T:
            cursor = self._connection._conn.cursor()
            cursor.row_factory = None
            try:
                return function(cursor)
            finally:
                cursor.close()

        return cast("T", await self._connection._execute(run))  # type: ignore[no-untyped-call]

    async def _rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        return list(await self._connection.execute_fetchall(sql, _bound(sql, parameters)))


class Database:
    """The engine on the database file at `path`, created with its folder (0700) and schema at first use.

    Args:
        path: the file.
        durability: ``full``: a committed write survives a power cut; ``normal``: it survives the
            death of the process, and a power cut may take the last writes (SQLite's ``synchronous``).
    """

    def __init__(self, path: Path, durability: Literal["full", "normal"] = "full") -> None:
        self._path = path
        self._durability = durability
        self._opening = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._opened: tuple[aiosqlite.Connection, aiosqlite.Connection] | None = None
        self._identity = (0, 0)
        self._resident: dict[Callable[[], Any], Any] = {}
        self._synchronous = ""
        self._projects: set[str] = set()
        self._log_work: deque[Callable[[Transaction], Awaitable[None]]] = deque(maxlen=LOG_BACKLOG)
        self._log_task: asyncio.Task[None] | None = None

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqliteTransaction]:
        """Open a snapshot of the database; writing in it is an error."""
        _, reader = await self._connections()
        async with self._reading, self._transaction(reader, "BEGIN"):
            yield SqliteTransaction(reader, self._resident)

    @asynccontextmanager
    async def write(self, project_id: str | None = None) -> AsyncIterator[SqliteTransaction]:
        """Open a transaction that commits on leaving the block, or rolls back when it raises.

        Args:
            project_id: made known as a project in the same transaction.
        """
        async with self._write(project_id, self._durability) as transaction:
            yield transaction

    def log(self, work: Callable[[Transaction], Awaitable[None]]) -> None:
        """Have rows of a log of use written soon, in the background and in order.

        They survive the death of the process once written, but are not waited for on the disk, and a
        failure to write them is itself only logged: no answer waits for them or fails with them.
        """
        self._log_work.append(work)
        if self._log_task is None or self._log_task.done():
            self._log_task = asyncio.create_task(self._write_logs())

    async def settle(self) -> None:
        """Wait until what `log` was given is written."""
        if self._log_task is not None:
            await asyncio.shield(self._log_task)

    async def _write_logs(self) -> None:
        while self._log_work:
            batch = [self._log_work.popleft() for _ in range(len(self._log_work))]
            try:
                async with self._write(None, "normal") as transaction:
                    for work in batch:
                        await work(transaction)
            except (LtmcError, sqlite3.Error) as error:
                logger.warning("%d rows of the log of use were lost: %s", len(batch), error)

    @asynccontextmanager
    async def _write(self, project_id: str | None, durability: str) -> AsyncIterator[SqliteTransaction]:
        writer, _ = await self._connections()
        async with self._writing:
            await self._set_synchronous(writer, durability)
            async with self._transaction(writer, "BEGIN IMMEDIATE"):
                transaction = SqliteTransaction(writer)
                if project_id is not None and project_id not in self._projects:
                    await transaction.run(
                        "INSERT INTO projects (project_id, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                        (project_id, now()),
                    )
                yield transaction
            if project_id is not None:
                self._projects.add(project_id)

    async def close(self) -> None:
        """Write what is left to log and close both connections; the next use opens them again."""
        await self.settle()
        async with self._opening:
            for connection in reversed(self._opened or ()):
                await connection.close()
            self._opened = None

    async def _connections(self) -> tuple[aiosqlite.Connection, aiosqlite.Connection]:
        """Return the connection that writes and the one that reads, opened where they are not."""
        if self._opened is not None:
            if self._is_in_place():
                return self._opened
            await self.close()  # another file stands there now
        async with self._opening:
            if self._opened is None:
                with translated(self.path):
                    await settled(self._open())
            assert self._opened is not None  # noqa: S101 - _open set it or raised
            return self._opened

    def _is_in_place(self) -> bool:
        """Return whether the open file is the one at the path; SQLite would go on writing to a deleted one.

        Raises:
            LtmcError: BACKEND_UNAVAILABLE when nothing is there any more.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            why = (
                "it has been moved or removed since it was opened; put it back, or restart to begin a new one"
            )
            raise unavailable(self.path, why) from error
        return (status.st_dev, status.st_ino) == self._identity

    async def _open(self) -> None:
        create_private(self.path)
        writer = await self._connect(BUSY_SECONDS)
        try:
            await while_busy(lambda: _use_wal(writer))
            self._synchronous = ""
            await self._set_synchronous(writer, self._durability)
            await while_busy(lambda: migrations.migrate(writer, self.path, backup))
            reader = await self._connect(LOCK_SECONDS)
            await reader.execute("PRAGMA query_only = ON")
            await reader.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
        except BaseException:
            await writer.close()
            raise
        status = self.path.stat()
        self._identity = (status.st_dev, status.st_ino)
        self._opened, self._resident = (writer, reader), {}

    async def _connect(self, busy_seconds: float) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(self.path, isolation_level=None, timeout=busy_seconds)
        connection.row_factory = sqlite3.Row
        await connection.execute("PRAGMA foreign_keys = ON")
        return connection

    async def _set_synchronous(self, connection: aiosqlite.Connection, level: str) -> None:
        if level != self._synchronous:
            self._synchronous = ""
            await settled(connection.execute(f"PRAGMA synchronous = {level}"))
            self._synchronous = level

    @asynccontextmanager
    async def _transaction(self, connection: aiosqlite.Connection, begin: str) -> AsyncIterator[None]:
        # The thread carries out what it was sent even if the waiting task is cancelled, so the start and
        # the end of a transaction are waited for in every case: none is left open for the next caller.
        with translated(self.path):
            try:
                await while_busy(lambda: settled(connection.execute(begin)))
                yield
                await settled(connection.execute("COMMIT"))
            except BaseException:
                if connection.in_transaction:
                    await settled(connection.execute("ROLLBACK"))
                raise


async def _use_wal(connection: aiosqlite.Connection) -> None:
    rows = list(await connection.execute_fetchall("PRAGMA journal_mode"))
    if rows[0][0] != "wal":
        await connection.execute("PRAGMA journal_mode = WAL")
