"""The PostgreSQL database: transactions and the log of use.

One process has one `PostgresDatabase`. It connects at first use; each transaction has a connection of its own, whose
statements run on a thread. Connections are kept for the next transactions, and one that broke is replaced.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg

from ltmc.errors import LtmcError, read_only
from ltmc.storage.engine import Parameters, R, T
from ltmc.storage.log_writing import LogWork, LogWriter
from ltmc.storage.postgres import near
from ltmc.storage.postgres.connections import (
    LOCK_SECONDS,
    READ,
    READERS,
    Connection,
    Connections,
    writing,
)
from ltmc.storage.postgres.errors import translated, unavailable
from ltmc.storage.postgres.search_index import PostgresSearchIndex
from ltmc.storage.postgres.statements import translated as statement
from ltmc.storage.rows import loader
from ltmc.storage.sqlite.waiting import deadline_in, turn
from ltmc.timestamps import now

TOGETHER = 100
"""How many statements are sent at a time."""

LOCKED_SECONDS = 0.2
"""Who writes longer than this writes at length."""


class Cursor:
    """Executes the SQL of the tables; see `ltmc.storage.index_entries.Cursor`."""

    def __init__(self, cursor: psycopg.ClientCursor[Any]) -> None:
        self._cursor = cursor

    @property
    def description(self) -> Any:
        """The columns of what was found."""
        return self._cursor.description

    def execute(self, sql: str, parameters: Parameters = (), /) -> "Cursor":
        """Execute a statement."""
        translation = statement(sql)
        self._cursor.execute(translation.text.encode(), translation.bound(parameters))
        return self

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> "Cursor":
        """Execute a statement once for each of `rows`; many go to the server together."""
        translation = statement(sql)
        text = translation.text.encode()
        written = [self._cursor.mogrify(text, translation.bound(row)) for row in rows]
        for start in range(0, len(written), TOGETHER):
            self._cursor.execute("; ".join(written[start : start + TOGETHER]).encode())
        return self

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self._cursor.fetchone()

    def fetchmany(self, size: int, /) -> list[Any]:
        """Return the next rows, up to `size`."""
        return self._cursor.fetchmany(size)

    def fetchall(self) -> list[Any]:
        """Return the other rows; none of a statement that finds none."""
        return self._cursor.fetchall() if self._cursor.description else []

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


class PostgresTransaction:
    """See `ltmc.storage.engine.Transaction`."""

    def __init__(
        self, pool: Connections, connection: Connection, resident: dict[Callable[[], Any], Any] | None
    ) -> None:
        self._pool, self._connection, self._resident = pool, connection, resident
        self.began = time.monotonic()

    def resident(self, make: Callable[[], T]) -> T:
        """Return what this process keeps in memory of the database under `make`."""
        if self._resident is None:
            raise RuntimeError("what is kept in memory can be used only in a transaction that reads")
        if make not in self._resident:
            self._resident[make] = make()
        found: T = self._resident[make]
        return found

    async def all(self, row: type[R], sql: str, parameters: Parameters = ()) -> list[R]:
        """Return every row, as instances of the dataclass `row`."""

        def load(cursor: Cursor) -> list[R]:
            rows = cursor.fetchall()
            return [*map(loader(row, [column[0] for column in cursor.description]), rows)] if rows else []

        return await self._run(sql, parameters, load)

    async def one(self, row: type[R], sql: str, parameters: Parameters = ()) -> R | None:
        """Return the first row, or None."""
        rows = await self.all(row, sql, parameters)
        return rows[0] if rows else None

    async def column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return the first column of every row."""
        return await self._run(sql, parameters, lambda cursor: [row[0] for row in cursor.fetchall()])

    async def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Return the first column of the first row, or None."""
        rows = await self.column(sql, parameters)
        return rows[0] if rows else None

    async def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Execute for the effect alone."""
        await self._run(sql, parameters, lambda _: None)

    async def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Execute once for each of `rows`."""
        given = list(rows)
        await self._on_cursor(lambda cursor: cursor.executemany(sql, given))

    async def note_id(self, table: str, row_id: int) -> None:
        """Have the next rows of a table get larger ids than one that was given."""
        await self.run(
            "SELECT setval(pg_get_serial_sequence(?, 'id'), greatest(?, "
            "(SELECT seq FROM sqlite_sequence WHERE name = ?)))",
            (table, row_id, table),
        )

    async def call(self, function: Callable[[Any], T]) -> T:
        """Return the result of `function`, called with the search index."""
        pgvector = self._pool.pgvector

        def run(cursor: Cursor) -> T:
            found = near.NearIndex(cursor, pgvector, self._pool.begin_index) if pgvector else None
            try:
                return function(PostgresSearchIndex(cursor, found))
            except psycopg.errors.UndefinedFunction as error:
                if found is None:
                    raise
                self._pool.pgvector = None
                why = "its extension vector was dropped; from now on this process does without it"
                raise unavailable(self._pool.url, why) from error

        return await self._on_cursor(run)

    async def _run(self, sql: str, parameters: Parameters, load: Callable[[Cursor], T]) -> T:
        return await self._on_cursor(lambda cursor: load(cursor.execute(sql, parameters)))

    async def _on_cursor(self, function: Callable[[Cursor], T]) -> T:
        def run() -> T:
            with psycopg.ClientCursor(self._connection) as cursor:
                return function(Cursor(cursor))

        with translated(self._pool.url):
            return await self._pool.on_thread(self._connection, run)


class PostgresDatabase:
    """The engine on a PostgreSQL database, whose schema is made at first use.

    Args:
        url: where it is, as postgresql://user:password@host:port/name.
        local: the file in whose folder lies what belongs to this host.
        durability: ``full``: a committed write survives a power cut; ``normal``: that may take the last writes.
    """

    name = "postgresql"

    def __init__(
        self,
        url: str,
        local: Path,
        durability: Literal["full", "normal"] = "full",
        *,
        read_only: bool = False,
    ) -> None:
        self.read_only = read_only
        self._path, self._durability = local, durability
        self._connections = Connections(url, may_migrate=not read_only)
        self._reading, self._writing = asyncio.Semaphore(READERS), asyncio.Lock()
        self._log = LogWriter(self._logging)

    async def version(self) -> str:
        """Return the version of the server, and of pgvector."""
        async with self.read() as tx:
            server = await tx.value("SELECT current_setting('server_version')")
        pgvector = self._connections.pgvector
        return f"{server}, " + (f"pgvector {pgvector.version}" if pgvector else "without pgvector")

    async def sizes(self) -> tuple[int, int]:
        """Return the bytes of the database, and 0: its server has the log."""
        async with self.read() as tx:
            return int(await tx.value("SELECT pg_database_size(current_database())")), 0

    async def examine(self, most_bytes: int) -> tuple[str, str | None]:  # noqa: ARG002 - as SQLite's
        """Return that PostgreSQL looks after its pages, and what is wrong with the index."""
        async with self.read() as tx:
            return "not checked: PostgreSQL looks after its pages", await tx.call(PostgresSearchIndex.damage)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._connections.url

    @property
    def path(self) -> Path:
        """The file in whose folder lies what belongs to this host."""
        return self._path

    @asynccontextmanager
    async def read(self) -> AsyncIterator[PostgresTransaction]:
        """Open a snapshot of the database; writing in it is an error."""
        began = time.monotonic()
        with translated(self.url):
            async with (
                turn(self._reading, deadline_in(LOCK_SECONDS)),
                self._connections.transaction(READ) as connection,
            ):
                transaction = PostgresTransaction(self._connections, connection, self._connections.resident)
                transaction.began = began
                yield transaction

    @asynccontextmanager
    async def write(self, project_id: str | None = None) -> AsyncIterator[PostgresTransaction]:
        """Open a transaction that commits on leaving the block, or rolls back when it raises.

        Args:
            project_id: made known as a project in the same transaction.
        """
        if self.read_only:
            raise read_only()
        deadline = deadline_in(LOCK_SECONDS)
        with translated(self.url):
            async with turn(self._writing, deadline):
                begin = writing(deadline - deadline_in(0), self._durability)
                async with self._connections.transaction(begin) as connection:
                    transaction = PostgresTransaction(self._connections, connection, None)
                    if project_id is not None:
                        await transaction.run(
                            "INSERT INTO projects (project_id, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                            (project_id, now()),
                        )
                    yield transaction

    def log(self, work: LogWork) -> None:
        """Have rows of a log of use written soon, see `LogWriter.add`."""
        if not self.read_only:
            self._log.add(work)

    async def settle(self) -> None:
        """See `LogWriter.settle`."""
        await self._log.settle()

    @asynccontextmanager
    async def _logging(self) -> AsyncIterator[PostgresTransaction]:
        with translated(self.url):
            async with self._connections.transaction(writing(LOCK_SECONDS, "normal")) as connection:
                yield PostgresTransaction(self._connections, connection, None)

    async def is_locked(self) -> bool:
        """Return whether someone writes at length just now, or the server is read-only; nothing is written for it."""
        if self.read_only:
            return False
        try:
            with translated(self.url):
                async with self._connections.transaction(writing(LOCKED_SECONDS, "normal")) as connection:
                    transaction = PostgresTransaction(self._connections, connection, None)
                    return bool(
                        await transaction.value("SELECT current_setting('transaction_read_only') = 'on'")
                    )
        except LtmcError as error:
            if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                return True
            raise

    async def empty_log(self) -> bool:
        """Return True: there is no log beside the database, and its autovacuum frees what was deleted."""
        return True

    async def close(self) -> None:
        """Write what is left to log and close the connections; the next use opens them again."""
        await self._log.close()
        await self._connections.close()
