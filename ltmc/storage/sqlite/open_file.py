"""One database file that is open: the connection that writes, those that read, and what is kept in memory of it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import aiosqlite

from ltmc.errors import LtmcError
from ltmc.storage.sqlite import log_owner, migrations
from ltmc.storage.sqlite.backup import keep
from ltmc.storage.sqlite.errors import unavailable
from ltmc.storage.sqlite.files import Identity, create_private, identity, log_of, remove_left_over, remove_old
from ltmc.storage.sqlite.waiting import deadline_in, is_busy, on_thread, settled, turn, while_busy

BUSY_SECONDS = 0.2
"""How long SQLite itself waits for a lock; a call that is cancelled is held up no longer."""

OPENING_SECONDS = 30.0
"""How long the opening waits for the locks of other processes."""

READERS = 4
"""How many transactions read at a time; each has a connection with a thread, opened when it is first needed."""

READ_CACHE_KIB, FURTHER_READ_CACHE_KIB = 32_000, 8_000
"""Pages that the reading connections keep, the first, which reads most, and each further one. Search at
100,000 rows is 10 to 20% faster with 32,000 than with 2,000."""

LOG_BYTES = 16 * 1024 * 1024
"""The size to which the write-ahead log is cut once it could be written back, after a long reader has left."""

Durability = Literal["full", "normal"]


class OpenFile:
    """The connections to one file. Made by `open_file`.

    Attributes:
        identity: device and inode of the file; None once it is let go.
        log_identity: the same of its write-ahead log.
        writer: the connection that writes.
        writing: held by the transaction that writes.
        write_began: when the last one began, in the time of the event loop.
        resident: see `ltmc.storage.engine.Transaction.resident`.
        only_read: SQLite found that it can only be read.
        closed: set when every connection is closed.
    """

    def __init__(
        self,
        path: Path,
        opened: Identity,
        log: Identity | None,
        writer: aiosqlite.Connection,
    ) -> None:
        self.path = path
        self.identity: Identity | None = opened
        self.log_identity = log
        self.writer = writer
        self.writing = asyncio.Lock()
        self.write_began = 0.0
        self.resident: dict[Callable[[], Any], Any] = {}
        self.only_read = False
        self.closed = asyncio.Event()
        self._synchronous = ""
        self._may_write = False
        self._free = asyncio.Semaphore(READERS)
        self._idle: list[aiosqlite.Connection] = []
        self._readers: list[aiosqlite.Connection] = []
        self._users = 0
        self._retired = False

    def is_in_place(self) -> bool:
        """Return whether it is the file at the path and its log lies beside it; SQLite would go on in others."""
        return (identity(self.path), identity(log_of(self.path))) == (self.identity, self.log_identity)

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[None]:
        """Keep the connections open meanwhile, though another file may take the place of this one."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._retired and not self._users:
                await settled(self._close())

    @asynccontextmanager
    async def reader(self, deadline: float) -> AsyncIterator[aiosqlite.Connection | None]:
        """Hold a connection that reads; None when another file has taken the place of this one."""
        async with turn(self._free, deadline):
            if not self._idle:
                await settled(self._add_reader())
            connection = self._idle.pop() if self._idle else None
            try:
                yield connection
            finally:
                if connection is not None and not _is_closed(connection):
                    self._idle.append(connection)

    async def _add_reader(self) -> None:
        connection = await connect(self.path)
        if not self.is_in_place():  # it may be to another file, whose log it has not touched
            await connection.close()
            return
        self._readers.append(connection)
        cache = FURTHER_READ_CACHE_KIB if len(self._readers) > 1 else READ_CACHE_KIB
        await connection.execute(f"PRAGMA cache_size = -{cache}")
        await connection.execute("PRAGMA query_only = ON")
        self._idle.append(connection)

    async def prepare_to_write(self, durability: Durability) -> None:
        """Have the connection that writes open, and its next commits wait for the disk, or not."""
        await self._open_writer()
        if durability != self._synchronous:
            self._synchronous = ""
            await settled(self.writer.execute(f"PRAGMA synchronous = {durability}"))
            self._synchronous = durability

    async def _open_writer(self) -> None:
        """Open the connection that writes where it was closed, since it could not be used any more.

        Raises:
            LtmcError: BACKEND_UNAVAILABLE when another file took the place of this one.
        """
        if _is_closed(self.writer):
            await settled(self._open_writer_anew())

    async def _open_writer_anew(self) -> None:
        connection = await connect(self.path)
        if not self.is_in_place():
            await connection.close()
            raise log_owner.ReplacedError(self.path, "meanwhile")
        self.writer, self._synchronous = connection, ""
        await _set_up_writer(connection)

    async def may_write(self, deadline: float) -> bool:
        """Return whether SQLite lets this process write into the file, not only read it; asked once.

        Where its shared memory could not be opened for writing for a moment, such as while the last other process
        removed it, SQLite opens it for reading, and stays with that until every connection is closed.
        """
        if not self._may_write:
            try:
                await while_busy(self._try_to_write, deadline)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
                    raise
                self.only_read = True
                return False
            self._may_write = True
        return True

    async def _try_to_write(self) -> None:
        """Begin a transaction that writes, and leave it, also where that is cancelled meanwhile."""
        try:
            await on_thread(self.writer, lambda writer: writer.execute("BEGIN IMMEDIATE"))
        finally:
            await settled(self.writer.rollback())

    async def is_locked(self) -> bool:
        """Return whether someone writes at length just now; nothing is written to find out."""
        try:
            async with turn(self.writing, deadline_in(BUSY_SECONDS)):
                await self._open_writer()
                await self._try_to_write()
        except TimeoutError:  # calls of this process write one after the other, or wait for another process
            return asyncio.get_running_loop().time() - self.write_began > BUSY_SECONDS
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            return True
        return False

    async def empty_log(self) -> bool:
        """Write the log back and cut it to nothing; return whether nobody reads or writes meanwhile."""
        await self._open_writer()
        statement = "PRAGMA wal_checkpoint(TRUNCATE)"
        found = await on_thread(self.writer, lambda writer: writer.execute(statement).fetchone())
        return int(found[0]) == 0

    async def let_go(self) -> None:
        """Close when the last transaction has ended."""
        if self._retired:
            return
        self._retired = True
        self.identity = None  # in place no more
        if not self._users:
            await self._close()

    async def _close(self) -> None:
        with suppress(sqlite3.Error, ValueError):  # SQLite does so itself, but not for a file that was moved
            await self.writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        for connection in (*self._readers, self.writer):
            await connection.close()
        await asyncio.to_thread(log_owner.forget, self.path)
        self.closed.set()


async def open_file(path: Path, before: OpenFile | None) -> OpenFile:
    """Open the file, made with its folder and brought to the present schema where need be.

    Args:
        before: the file that was open at the path and is to be let go.
    """
    if before is None:
        create_private(path)
    await asyncio.to_thread(remove_left_over, path.parent)
    await asyncio.to_thread(remove_old, path)
    deadline = deadline_in(OPENING_SECONDS)
    with ExitStack() as lock:
        await log_owner.lock(lock, path, deadline)
        opened = identity(path)
        if opened is None:
            raise moved(path)
        log_owner.set_aside(path, None if before is None else before.log_identity)
        writer = await connect(path)
        try:
            _require_in_place(path, opened)
            await while_busy(
                lambda: migrations.checked_version(writer, path), deadline
            )  # before it is changed
            await while_busy(lambda: _use_wal(writer), deadline)
            log = identity(log_of(path))
            if log is not None:
                log_owner.note(path, opened, log)
            _require_in_place(path, opened)
        except BaseException as error:
            log_owner.set_aside(path)  # before the file is closed, and its number goes to the next one
            await _close_failed(writer, path, opened, error)
            raise
    try:
        await _set_up_writer(writer)
        await while_busy(lambda: migrations.migrate(writer, path, keep), deadline)
        return OpenFile(path, opened, log, writer)
    except BaseException as error:
        await _close_failed(writer, path, opened, error)
        raise


async def _close_failed(
    writer: aiosqlite.Connection, path: Path, opened: Identity, error: BaseException
) -> None:
    """Close a file that could not be opened well; tell when that was because another one took its place."""
    is_replaced = identity(path) != opened
    await writer.close()
    if is_replaced and isinstance(error, sqlite3.Error | LtmcError):
        raise log_owner.ReplacedError(path, "while it was opened") from error


def moved(path: Path) -> LtmcError:
    """Return the error for a database that is not there any more."""
    why = "it has been moved or removed since it was opened; put it back, or restart to begin a new one"
    return unavailable(path, why)


def _require_in_place(path: Path, opened: Identity) -> None:
    if identity(path) != opened:
        raise log_owner.ReplacedError(path, "while it was opened")


async def connect(path: Path) -> aiosqlite.Connection:
    """Open a connection to a file that exists."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
    connection.row_factory = sqlite3.Row
    await connection.execute("PRAGMA foreign_keys = ON")
    return connection


async def _set_up_writer(connection: aiosqlite.Connection) -> None:
    await connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    await connection.execute("PRAGMA secure_delete = ON")  # what was forgotten leaves the file


def _is_closed(connection: aiosqlite.Connection) -> bool:
    return connection._connection is None


async def _use_wal(connection: aiosqlite.Connection) -> None:
    rows = list(await connection.execute_fetchall("PRAGMA journal_mode"))
    if rows[0][0] != "wal":
        await connection.execute_fetchall("PRAGMA journal_mode = WAL")
        await connection.execute_fetchall("SELECT count(*) FROM sqlite_master")  # this makes the log
