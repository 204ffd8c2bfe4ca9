"""The SQLite database: connections, transactions, errors.

One process has one `Database`. It opens at first use, with two connections: one that writes, one that
reads, so that a long search never waits for a commit. Several processes share the file through WAL.
"""

import asyncio
import logging
import random
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, cast, overload

import aiosqlite
import anyio

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.engine import Parameters, R, Row, T, Transaction
from ltmc.storage.rows import loader, stored
from ltmc.storage.sqlite import migrations
from ltmc.timestamps import now

BUSY_SECONDS = 0.2
"""How long SQLite itself waits for a lock to write; a call that is cancelled is held up no longer. Readers
wait only while another process recovers the database after a crash."""

LOCK_SECONDS = 30.0
"""How long a lock is waited for in all."""

READ_CACHE_KIB = 32_000
"""Pages that the reading connection keeps: search at 100,000 rows is 10 to 20% faster than with 2,000."""

LOG_BACKLOG = 10_000
"""How many rows of the log of use wait in memory at most; beyond that the oldest are dropped."""

logger = logging.getLogger(__name__)


def _bound(sql: str, parameters: Parameters) -> Parameters:
    """The values as columns hold them; a mapping for numbered placeholders (``?1``), for which a sequence is
    refused from Python 3.14 on."""
    if isinstance(parameters, Mapping):
        return {name: stored(value) for name, value in parameters.items()}
    values = [stored(value) for value in parameters]
    return values if "?1" not in sql else {str(number): value for number, value in enumerate(values, start=1)}


class SqliteTransaction:
    """See `ltmc.storage.engine.Transaction`."""

    def __init__(self, connection: aiosqlite.Connection, held: dict[str, Any] | None = None) -> None:
        self._connection = connection
        self._held = held

    @property
    def held(self) -> dict[str, Any] | None:
        """What this process keeps in memory of the file."""
        return self._held

    @overload
    async def all(self, row: type[R], sql: str, parameters: Parameters = (), /) -> list[R]: ...
    @overload
    async def all(self, row: str, sql: Parameters = (), /) -> list[Row]: ...
    async def all(self, row: Any, *arguments: Any) -> Any:
        """Every row."""
        if isinstance(row, str):
            return [dict(one) for one in await self._rows(row, *arguments)]
        found = await self._rows(*arguments)
        load = loader(row, found[0].keys()) if found else None
        return [load(one) for one in found] if load else []

    @overload
    async def one(self, row: type[R], sql: str, parameters: Parameters = (), /) -> R | None: ...
    @overload
    async def one(self, row: str, sql: Parameters = (), /) -> Row | None: ...
    async def one(self, *arguments: Any) -> Any:
        """The first row, or None."""
        rows = await self.all(*arguments)
        return rows[0] if rows else None

    async def column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in await self._rows(sql, parameters)]

    async def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row, or None."""
        rows = await self._rows(sql, parameters)
        return rows[0][0] if rows else None

    async def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Execute for the effect alone."""
        await self._rows(sql, parameters)

    async def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Execute once for each of `rows`."""
        await self._connection.executemany(sql, [_bound(sql, row) for row in rows])

    async def call(self, function: Callable[[sqlite3.Cursor], T]) -> T:
        """The result of `function`, which gets a cursor."""

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
        self._writer: aiosqlite.Connection | None = None
        self._reader: aiosqlite.Connection | None = None
        self._identity = (0, 0)
        self._held: dict[str, Any] = {}
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
        """A snapshot of the database; writing in it is an error."""
        _, reader = await self._connections()
        async with self._reading, self._transaction(reader, "BEGIN"):
            yield SqliteTransaction(reader, self._held)

    @asynccontextmanager
    async def write(self, project_id: str | None = None) -> AsyncIterator[SqliteTransaction]:
        """A transaction that commits on leaving the block, or rolls back when it raises.

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
            for connection in (self._reader, self._writer):
                if connection is not None:
                    await connection.close()
            self._writer = self._reader = None

    async def _connections(self) -> tuple[aiosqlite.Connection, aiosqlite.Connection]:
        if self._writer is not None and self._reader is not None:
            if self._is_in_place():
                return self._writer, self._reader
            await self.close()  # another file stands there now
        async with self._opening:
            if self._writer is None or self._reader is None:
                with translated(self.path):
                    await settled(self._open())
            assert self._writer is not None  # noqa: S101 - _open set them or raised
            assert self._reader is not None  # noqa: S101
            return self._writer, self._reader

    def _is_in_place(self) -> bool:
        """Whether the file that is open is the one at the path; SQLite would go on writing to a deleted one.

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
            await _while_busy(lambda: _use_wal(writer))
            self._synchronous = ""
            await self._set_synchronous(writer, self._durability)
            await _while_busy(lambda: migrations.migrate(writer, self.path))
            reader = await self._connect(LOCK_SECONDS)
            await reader.execute("PRAGMA query_only = ON")
            await reader.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
        except BaseException:
            await writer.close()
            raise
        status = self.path.stat()
        self._identity = (status.st_dev, status.st_ino)
        self._writer, self._reader, self._held = writer, reader, {}

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
                await _while_busy(lambda: settled(connection.execute(begin)))
                yield
                await settled(connection.execute("COMMIT"))
            except BaseException:
                if connection.in_transaction:
                    await settled(connection.execute("ROLLBACK"))
                raise


async def settled(work: Awaitable[Any]) -> Any:
    """Await `work` to its end even when the task is cancelled meanwhile; the cancellation comes after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):  # a scope that is cancelled would raise at each turn of the loop
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError as error:
                cancelled = error
            except Exception:  # noqa: BLE001, S110 - raised by task.result() below
                pass
    if cancelled is not None and not (task.cancelled() or task.exception()):
        raise cancelled
    return task.result()


class translated:  # noqa: N801 - reads as a statement
    """Turns the failures of SQLite that are not our mistakes into BACKEND_UNAVAILABLE."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise unavailable(self._path, error.strerror or str(error)) from error
        mistakes = (
            sqlite3.IntegrityError,
            sqlite3.ProgrammingError,
            sqlite3.DataError,
            sqlite3.InterfaceError,
        )
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, mistakes):
            code = getattr(error, "sqlite_errorcode", None)
            if code != sqlite3.SQLITE_ERROR:  # SQLITE_ERROR is a mistake in the SQL
                raise unavailable(self._path, str(error)) from error


def unavailable(path: Path, why: str) -> LtmcError:
    """The error for a database that cannot be used now."""
    return LtmcError(
        ErrorCode.BACKEND_UNAVAILABLE,
        f"The database {path} cannot be used: {why}.",
        details={"backend": "sqlite", "path": str(path), "reason": why},
    )


def create_private(path: Path) -> None:
    """Create the folder (0700) and the empty file (0600) where they are missing."""
    missing = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    if missing:
        path.parent.chmod(0o700)
    path.touch(0o600, exist_ok=True)


async def _use_wal(connection: aiosqlite.Connection) -> None:
    rows = list(await connection.execute_fetchall("PRAGMA journal_mode"))
    if rows[0][0] != "wal":
        await connection.execute("PRAGMA journal_mode = WAL")


async def _while_busy(attempt: Callable[[], Awaitable[Any]]) -> None:
    """Await ``attempt()`` again, after a random pause, while another process holds the lock."""
    give_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            await attempt()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > give_up:
                raise
            await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - not for secrets
        else:
            return
