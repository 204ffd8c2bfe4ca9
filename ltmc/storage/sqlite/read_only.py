"""The SQLite database of a read-only LTMC: nothing in its folder is changed, and no file is made there."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite

from ltmc.errors import LtmcError, read_only
from ltmc.storage.engine import Transaction
from ltmc.storage.sqlite import examining, log_note, migrations
from ltmc.storage.sqlite.database import SqliteTransaction
from ltmc.storage.sqlite.errors import translated, unavailable
from ltmc.storage.sqlite.files import copy_pages, identity, log_of
from ltmc.storage.sqlite.index_entries import SqliteEntries
from ltmc.storage.sqlite.open_file import FURTHER_READ_CACHE_KIB, READ_CACHE_KIB, READERS
from ltmc.storage.sqlite.waiting import LOCK_SECONDS, deadline_in, settled, turn

_ALONE = "mode=ro&immutable=1"
"""How a file without a write-ahead log is opened: SQLite takes no locks and looks for no log."""

_SHARED = "mode=ro&readonly_shm=1"
"""How one with a log is opened: its index in shared memory is read where another process keeps it there, and
else made anew in this process's memory."""


class _State(NamedTuple):
    """How a file can be read, and what tells that it is another one or was changed since."""

    options: str
    file: tuple[int, ...]


_NONE = _State("", ())


class ReadOnlyDatabase:
    """The engine on a file that exists already, also where the disk cannot be written.

    What other processes commit is seen in the next transaction. A file that nobody has open is read without
    locks: a transaction during which it changed ends with an error.
    """

    name = "sqlite"
    read_only = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._free = asyncio.Semaphore(READERS)
        self._idle: list[aiosqlite.Connection] = []
        self._open_count = 0
        self._state: _State | None = None
        self._resident: dict[Callable[[], Any], Any] = {}

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    async def version(self) -> str:
        """Return the version of SQLite."""
        return sqlite3.sqlite_version

    async def sizes(self) -> tuple[int, int]:
        """Return the bytes of the file, and those of the log beside it."""
        return await examining.sizes(self.path)

    async def examine(self, most_bytes: int) -> tuple[str, str | None]:
        """Read every page and row."""
        return await examining.examine(self, most_bytes)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqliteTransaction]:
        """Open a snapshot of the database."""
        with translated(self.path):
            async with turn(self._free, deadline_in(LOCK_SECONDS)):
                while (state := _state(self.path)) != self._state or not self._idle:
                    await settled(self._turn_to(state) if state != self._state else self._add(state))
                connection, resident = self._idle.pop(), self._resident
                try:
                    await settled(connection.execute("BEGIN"))
                    yield SqliteTransaction(connection, resident)
                finally:
                    await settled(self._give_back(connection, state))
            if state.options == _ALONE:
                _require_unchanged(self.path, state)

    def write(self, project_id: str | None = None) -> AbstractAsyncContextManager[SqliteTransaction]:  # noqa: ARG002
        """Refuse.

        Raises:
            LtmcError: UNSUPPORTED.
        """
        raise read_only()

    def log(self, work: Callable[[Transaction], Awaitable[None]]) -> None:
        """Drop what would be logged."""

    async def settle(self) -> None:
        """Do nothing: there is no log."""

    async def is_locked(self) -> bool:
        """Return False: nothing is written here."""
        return False

    async def empty_log(self) -> bool:
        """Return False: nothing is written here."""
        return False

    async def close(self) -> None:
        """Close the file; the next use opens it again."""
        async with AsyncExitStack() as all_of_them:
            for _ in range(READERS):
                await all_of_them.enter_async_context(self._free)
            await self._turn_to(None)

    async def _turn_to(self, state: _State | None) -> None:
        """Close the connections that are idle, to begin anew; those in use are closed when they are given back."""
        idle, self._idle, self._state, self._resident = self._idle, [], state, {}
        for connection in idle:
            await self._close(connection)

    async def _add(self, state: _State) -> None:
        await self._give_back(await self._open(state), state)

    async def _give_back(self, connection: aiosqlite.Connection, state: _State) -> None:
        try:
            if connection.in_transaction:
                await connection.execute("ROLLBACK")
        except sqlite3.Error:  # see `ltmc.storage.sqlite.database._roll_back`
            state = _NONE
        if state == self._state:
            self._idle.append(connection)
        else:
            await self._close(connection)

    async def _close(self, connection: aiosqlite.Connection) -> None:
        self._open_count -= 1
        await connection.close()

    async def _open(self, state: _State) -> aiosqlite.Connection:
        cache = FURTHER_READ_CACHE_KIB if self._open_count else READ_CACHE_KIB
        uri = f"{self.path.as_uri()}?{state.options}"
        connection = await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=LOCK_SECONDS)
        try:
            connection.row_factory = sqlite3.Row
            for pragma in ("query_only = ON", "temp_store = MEMORY", f"cache_size = -{cache}"):
                await connection.execute(f"PRAGMA {pragma}")
            version = await migrations.checked_version(connection, self.path)
        except BaseException:
            await connection.close()
            raise
        if version < migrations.SCHEMA_VERSION:
            await connection.close()
            why = f"its schema has version {version}, not {migrations.SCHEMA_VERSION}; {_FIRST}"
            raise unavailable(self.path, why)
        self._open_count += 1
        return connection


def options_of(path: Path) -> str:
    """Return how SQLite opens a database, as the query of its URI, so that nothing in its folder changes.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when it cannot be read so.
    """
    return _state(path).options


def copy_unchanged(source: Path, target: Path) -> None:
    """Copy the database at `source` without a change to its folder.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE also when it was changed meanwhile.
    """
    state = _state(source)
    copy_pages(source, target, options=state.options)
    if state.options == _ALONE:
        _require_unchanged(source, state)


def _require_unchanged(path: Path, state: _State) -> None:
    if _state(path).file != state.file:
        raise unavailable(path, "it was changed while it was read; call again")


_FIRST = "it is read only as it is: start LTMC once without read-only to bring it forward"


def _state(path: Path) -> _State:
    """Look at the files.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when there is none, or it cannot be read without writing beside it.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise unavailable(path, "it does not exist, and LTMC is read-only here, so it makes none") from None
    log = log_of(path)
    if not log.exists() or log.stat().st_size == 0:
        return _State(_ALONE, (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size))
    if log_note.is_foreign(path):
        why = "belongs to the file before, in whose place it was put; an LTMC that writes takes it away"
        raise unavailable(path, f"its log {log.name} {why}")
    if not path.with_name(path.name + "-shm").exists():
        why = f"the latest changes are in {log.name}, which cannot be read without {path.name}-shm; {_FIRST}"
        raise unavailable(path, why)
    return _State(_SHARED, (status.st_dev, status.st_ino, *(identity(log) or ())))


def aim_of(path: Path) -> str:
    """Return what the search index of a database is made for; empty where it has none, or cannot be read."""
    try:
        uri = f"{path.as_uri()}?{options_of(path)}"
        with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS)) as connection:
            return SqliteEntries(connection.cursor()).state().aim
    except (OSError, LtmcError, sqlite3.Error, TypeError):  # a table that is not there yet, or empty
        return ""
