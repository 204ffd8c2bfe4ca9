"""The SQLite database: transactions, the log of use, and which file is open.

One process has one `Database`. It opens at first use, with one connection that writes and some that read, so
that reads run side by side and never wait for a commit. Several processes share the file through WAL.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite

from ltmc.storage.engine import Parameters, R, T
from ltmc.storage.log_writing import LogWork, LogWriter
from ltmc.storage.rows import loader, stored
from ltmc.storage.sqlite import examining, migrations
from ltmc.storage.sqlite.errors import translated
from ltmc.storage.sqlite.log_owner import ReplacedError
from ltmc.storage.sqlite.open_file import Durability, OpenFile, moved, open_file
from ltmc.storage.sqlite.search_index import SqliteSearchIndex
from ltmc.storage.sqlite.waiting import LOCK_SECONDS, deadline_in, on_thread, settled, turn, while_busy
from ltmc.timestamps import now

OPENINGS = 5
"""How often a file is opened when each time another one takes its place meanwhile, or it can only be read."""

CLOSING_SECONDS = 5.0
"""How long it is waited for until a file that can only be read is closed, before it is opened again."""

WHILE_READ = "while it was read"
WHILE_WRITTEN = "while this was written, which is not in it"


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
        self.began = time.monotonic()

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

        def load(rows: list[sqlite3.Row]) -> list[R]:
            return [*map(loader(row, rows[0].keys()), rows)] if rows else []

        return await self._run(sql, parameters, load)

    async def one(self, row: type[R], sql: str, parameters: Parameters = ()) -> R | None:
        """Return the first row, or None."""
        rows = await self.all(row, sql, parameters)
        return rows[0] if rows else None

    async def column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return the first column of every row."""
        return await self._run(sql, parameters, lambda rows: [row[0] for row in rows])

    async def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Return the first column of the first row, or None."""
        return await self._run(sql, parameters, lambda rows: rows[0][0] if rows else None)

    async def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Execute for the effect alone."""
        await self._run(sql, parameters, lambda _: None)

    async def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Execute once for each of `rows`."""
        await on_thread(
            self._connection,
            lambda connection: connection.executemany(sql, [_bound(sql, row) for row in rows]),
        )

    async def note_id(self, table: str, row_id: int) -> None:
        """Do nothing: SQLite sees to it that the next rows get larger ids."""

    async def call(self, function: Callable[[Any], T]) -> T:
        """Return the result of `function`, called with the search index."""

        def run(connection: sqlite3.Connection) -> T:
            cursor = connection.cursor()
            cursor.row_factory = None
            try:
                return function(SqliteSearchIndex(cursor))
            finally:
                cursor.close()

        return await on_thread(self._connection, run)

    async def _run(self, sql: str, parameters: Parameters, load: Callable[[list[sqlite3.Row]], T]) -> T:
        """Return what `load` makes of the rows; large values are turned on its thread too."""
        return await on_thread(
            self._connection,
            lambda connection: load(connection.execute(sql, _bound(sql, parameters)).fetchall()),
        )


class Database:
    """The engine on the database file at `path`, created with its folder (0700) and schema at first use.

    Args:
        path: the file.
        durability: ``full``: a committed write survives a power cut; ``normal``: it survives the
            death of the process, and a power cut may take the last writes (SQLite's ``synchronous``).
    """

    name = "sqlite"
    read_only = False

    def __init__(self, path: Path, durability: Durability = "full") -> None:
        self._path = path
        self._durability: Durability = durability
        self._file: OpenFile | None = None
        self._opening: asyncio.Task[None] | None = None
        self._log = LogWriter(lambda: self._write(None, "normal"))

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
        """Open a snapshot of the database; writing in it is an error."""
        deadline = deadline_in(LOCK_SECONDS)
        with translated(self.path):
            while True:
                file = await self._in_place(deadline)
                async with (
                    self._noticing(file, WHILE_READ) as begun,
                    file.in_use(),
                    file.reader(deadline) as reader,
                ):
                    if reader is None:
                        continue  # replaced meanwhile
                    transaction = SqliteTransaction(reader, file.resident)
                    async with _transaction(reader, partial(_begin, "BEGIN", self.path), deadline):
                        if not self._is_in_place(file):
                            continue
                        begun.append(transaction)
                        yield transaction
                    return

    @asynccontextmanager
    async def write(self, project_id: str | None = None) -> AsyncIterator[SqliteTransaction]:
        """Open a transaction that commits on leaving the block, or rolls back when it raises.

        Args:
            project_id: made known as a project in the same transaction.
        """
        async with self._write(project_id, self._durability) as transaction:
            yield transaction

    @asynccontextmanager
    async def _write(
        self, project_id: str | None, durability: Durability
    ) -> AsyncIterator[SqliteTransaction]:
        deadline = deadline_in(LOCK_SECONDS)
        reopened = 0
        with translated(self.path):
            while True:
                file = await self._in_place(deadline)
                async with (
                    self._noticing(file, WHILE_WRITTEN) as begun,
                    file.in_use(),
                    turn(file.writing, deadline),
                ):
                    await file.prepare_to_write(durability)
                    if reopened < OPENINGS and not await file.may_write(deadline):
                        reopened += 1
                        await file.let_go()
                        continue
                    async with _transaction(
                        file.writer, partial(_begin, "BEGIN IMMEDIATE", self.path), deadline
                    ):
                        file.write_began = deadline_in(0)
                        if not self._is_in_place(file):
                            continue  # replaced while this waited
                        transaction = SqliteTransaction(file.writer)
                        begun.append(transaction)
                        if project_id is not None:
                            await transaction.run(
                                "INSERT INTO projects (project_id, created_at) VALUES (?, ?) "
                                "ON CONFLICT DO NOTHING",
                                (project_id, now()),
                            )
                        yield transaction
                    if not self._is_in_place(file):
                        raise ReplacedError(self.path, WHILE_WRITTEN)
                    return

    def log(self, work: LogWork) -> None:
        """Have rows of a log of use written soon, see `LogWriter.add`."""
        self._log.add(work)

    async def settle(self) -> None:
        """See `LogWriter.settle`."""
        await self._log.settle()

    async def is_locked(self) -> bool:
        """Return whether someone writes at length just now; nothing is written to find out."""
        with translated(self.path):
            file = await self._in_place(deadline_in(LOCK_SECONDS))
            async with file.in_use():
                return await file.is_locked()

    async def empty_log(self) -> bool:
        """Write everything to the database file and leave nothing beside it; return whether nobody was in the way."""
        deadline = deadline_in(LOCK_SECONDS)
        with translated(self.path):
            file = await self._in_place(deadline)
            async with file.in_use(), turn(file.writing, deadline):
                return await file.empty_log()

    async def close(self) -> None:
        """Write what is left to log and close the connections; the next use opens them again."""
        await self._log.close()
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._file is not None:
            file, self._file = self._file, None
            await file.let_go()

    async def _in_place(self, deadline: float) -> OpenFile:
        """Return the file at the path, opened where it is not.

        Raises:
            TimeoutError: the opening, which goes on, takes longer.
        """
        while self._file is None or not self._is_in_place(self._file):
            opening = self._opening
            if opening is None or opening.done():
                opening = self._opening = asyncio.create_task(self._open())
            done, _ = await asyncio.wait([opening], timeout=deadline - deadline_in(0))
            if not done:
                raise TimeoutError("it is still being opened and brought to the present schema")
            opening.result()
        return self._file

    async def _open(self) -> None:
        with translated(self.path):
            before = self._file
            if before is not None and before.only_read:
                # A connection that is left would hand this on to the next.
                with suppress(TimeoutError):
                    await asyncio.wait_for(before.closed.wait(), CLOSING_SECONDS)
            try:
                self._file = await self._opened(before)
            finally:
                if before is not None:
                    await before.let_go()

    async def _opened(self, before: OpenFile | None) -> OpenFile:
        for _ in range(OPENINGS - 1):
            try:
                return await open_file(self.path, before)
            except ReplacedError:
                if not self.path.exists():  # none is to be made in its place
                    raise
        return await open_file(self.path, before)

    @asynccontextmanager
    async def _noticing(self, file: OpenFile, when: str) -> AsyncIterator[list[SqliteTransaction]]:
        """Notice that another file took the place of an open one where that makes something fail; give a list for the
        transaction that began. Where none did yet, nothing is raised: it can begin in the other file."""
        begun: list[SqliteTransaction] = []
        try:
            yield begun
        except sqlite3.Error as error:
            if self._is_in_place(file):
                raise
            if begun:
                raise ReplacedError(self.path, when) from error

    def _is_in_place(self, file: OpenFile) -> bool:
        """Return whether an open file is the one at the path; SQLite would go on writing to a deleted one.

        Raises:
            LtmcError: BACKEND_UNAVAILABLE when nothing is there any more.
        """
        if not self.path.exists():
            raise moved(self.path)
        return file.is_in_place()


@asynccontextmanager
async def _transaction(
    connection: aiosqlite.Connection, begin: Callable[[sqlite3.Connection], None], deadline: float
) -> AsyncIterator[None]:
    # The end of a transaction is waited for in every case: what became of it is told as it is, and none is left
    # open for the next caller.
    try:
        await while_busy(lambda: on_thread(connection, begin), deadline)
        yield
        await settled(connection.execute("COMMIT"))
    except BaseException:
        if connection.in_transaction:
            await settled(_roll_back(connection))
        raise


async def _roll_back(connection: aiosqlite.Connection) -> None:
    try:
        await connection.execute("ROLLBACK")
    except sqlite3.Error:
        # While a statement is active, and FTS5 keeps one open once it has written, SQLite takes an interruption for
        # one of each statement to come.
        await connection.close()


def _begin(begin: str, path: Path, connection: sqlite3.Connection) -> None:
    connection.execute(begin)
    try:
        migrations.require_present(connection, path)  # this takes the snapshot
    except BaseException:
        connection.rollback()
        raise
