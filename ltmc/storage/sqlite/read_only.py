"""The SQLite database of a read-only LTMC: nothing in its folder is changed, and no file is made there."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite

from ltmc.errors import LtmcError, read_only
from ltmc.storage.engine import Transaction
from ltmc.storage.sqlite import index_entries, log_note, migrations
from ltmc.storage.sqlite.database import SqliteTransaction
from ltmc.storage.sqlite.errors import translated, unavailable
from ltmc.storage.sqlite.files import copy_pages, identity, log_of
from ltmc.storage.sqlite.open_file import READ_CACHE_KIB
from ltmc.storage.sqlite.waiting import LOCK_SECONDS, deadline_in, settled, turn

_ALONE = "immutable=1"
"""How a file without a write-ahead log is opened: SQLite takes no locks and looks for no log."""

_SHARED = "readonly_shm=1"
"""How one with a log is opened: its index in shared memory is read where another process keeps it there, and
else made anew in this process's memory."""


@dataclass(frozen=True, slots=True)
class _State:
    """How a file can be read, and what tells that it is another one or was changed since."""

    options: str
    file: tuple[int, ...]


class ReadOnlyDatabase:
    """The engine on a file that exists already, also where the disk cannot be written.

    What other processes commit is seen in the next transaction. A file that nobody has open is read without
    locks: a transaction during which it changed ends with an error.
    """

    read_only = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading = asyncio.Lock()
        self._opened: tuple[aiosqlite.Connection, _State] | None = None
        self._resident: dict[Callable[[], Any], Any] = {}

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqliteTransaction]:
        """Open a snapshot of the database."""
        with translated(self.path):
            async with turn(self._reading, deadline_in(LOCK_SECONDS)):
                connection, state = await self._connection()
                try:
                    await settled(connection.execute("BEGIN"))
                    yield SqliteTransaction(connection, self._resident)
                finally:
                    if connection.in_transaction:
                        await settled(connection.execute("ROLLBACK"))
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
        async with self._reading:
            await self._let_go()

    async def _let_go(self) -> None:
        if self._opened is not None:
            await self._opened[0].close()
        self._opened, self._resident = None, {}

    async def _connection(self) -> tuple[aiosqlite.Connection, _State]:
        """Return the connection to the file as it is now."""
        state = _state(self.path)
        if self._opened is None or self._opened[1] != state:
            await self._let_go()
            self._opened = await settled(self._open(state)), state
        return self._opened

    async def _open(self, state: _State) -> aiosqlite.Connection:
        uri = f"{self.path.as_uri()}?mode=ro&{state.options}"
        connection = await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=LOCK_SECONDS)
        try:
            connection.row_factory = sqlite3.Row
            for pragma in ("query_only = ON", "temp_store = MEMORY", f"cache_size = -{READ_CACHE_KIB}"):
                await connection.execute(f"PRAGMA {pragma}")
            version = await migrations.checked_version(connection, self.path)
        except BaseException:
            await connection.close()
            raise
        if version < migrations.SCHEMA_VERSION:
            await connection.close()
            why = f"its schema has version {version}, not {migrations.SCHEMA_VERSION}; {_FIRST}"
            raise unavailable(self.path, why)
        return connection


def options_of(path: Path) -> str:
    """Return how SQLite opens a database, as the query of its URI, so that nothing in its folder changes.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when it cannot be read so.
    """
    return f"mode=ro&{_state(path).options}"


def copy_unchanged(source: Path, target: Path) -> None:
    """Copy the database at `source` without a change to its folder.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE also when it was changed meanwhile.
    """
    state = _state(source)
    copy_pages(source, target, options=f"mode=ro&{state.options}")
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
            return index_entries.state(connection.cursor()).aim
    except (OSError, LtmcError, sqlite3.Error, TypeError):  # a table that is not there yet, or empty
        return ""
