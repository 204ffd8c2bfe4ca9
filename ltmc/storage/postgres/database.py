"""The PostgreSQL database: transactions and the log of use.

One process has one `PostgresDatabase`. It connects at first use; each transaction has a connection of its own, whose
statements run on a thread. Connections are kept for the next transactions, and one that broke is replaced.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg.adapt import Loader

from ltmc.errors import ErrorCode, LtmcError, read_only
from ltmc.storage.engine import Parameters, R, T
from ltmc.storage.log_writing import LogWork, LogWriter
from ltmc.storage.postgres import migrations, near
from ltmc.storage.postgres.errors import translated, unavailable
from ltmc.storage.postgres.search_index import PostgresSearchIndex
from ltmc.storage.postgres.statements import translated as statement
from ltmc.storage.rows import loader
from ltmc.storage.sqlite.waiting import deadline_in, settled, turn
from ltmc.timestamps import now

LOCK_SECONDS, STATEMENT_SECONDS = 30, 60
"""How long a transaction that writes waits for others that do, and how long one statement may take."""

CONNECT_SECONDS = 10
"""How long the server is waited for."""

TOGETHER = 100
"""How many statements are sent at a time."""

READERS = 4
"""How many transactions of this process read at a time."""

LOCKED_SECONDS = 0.2
"""Who writes longer than this writes at length."""

WRITING = 0x6C746D63_00000002
"""The number of the advisory lock of who writes: as in SQLite, one at a time, whichever the host."""

BUSY_SECONDS, LOOK_SECONDS = 60.0, 3_600.0
"""How long after an index of near vectors could not be made, and how long after it was begun or found, a search looks
for it again: its making may have been broken off, or it may have been dropped."""

CANCEL_SECONDS = 0.05
"""How often a cancellation is repeated: one that comes between two statements does nothing."""

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]


class _Number(Loader):
    """A sum as an int, a mean as a float."""

    def load(self, data: Any) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text or "e" in text.lower() else int(text)


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
        self, pool: "_Connections", connection: Connection, resident: dict[Callable[[], Any], Any] | None
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


class _Connections:
    """The connections of one process; those that are idle are used again."""

    def __init__(self, url: str, *, may_migrate: bool) -> None:
        self.url = url
        self._may_migrate = may_migrate
        self.pgvector: near.Pgvector | None = None
        self._index_due: dict[str, float] = {}
        self._present = False
        self._idle: list[Connection] = []
        self._threads = _threads()

    async def on_thread(self, connection: Connection | None, function: Callable[[], T]) -> T:
        """Return the result of `function`, called on a thread; what it executes ends when the task is cancelled."""
        work = asyncio.get_running_loop().run_in_executor(self._threads, function)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            while not work.done():
                if connection is not None and not connection.closed:
                    await settled(asyncio.to_thread(_cancel, connection))
                await settled(asyncio.wait([work], timeout=CANCEL_SECONDS))
            work.exception()  # seen: the cancellation matters more
            raise

    @asynccontextmanager
    async def transaction(self, begin: str) -> AsyncIterator[Connection]:
        """Hold a connection in a transaction, which is committed at the end, or rolled back when the block raises.

        Args:
            begin: statements that begin it; the last one finds the version of the schema.
        """
        connection = await self._begun(begin)
        try:
            yield connection
            await settled(self.on_thread(connection, partial(_commit, connection)))
        finally:
            # what became of it is waited for; a connection whose transaction is not over is not used again
            await settled(self.on_thread(None, partial(self._give_back, connection)))

    async def _begun(self, begin: str) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._begin(connection, begin)
            except psycopg.OperationalError:
                if not connection.closed:  # no fault of the connection, such as a lock
                    raise
        connection = await settled(self.on_thread(None, self._connected))
        return await self._begin(connection, begin)

    async def _begin(self, connection: Connection, begin: str) -> Connection:
        try:
            await self.on_thread(connection, partial(_begin, connection, begin, self.url))
        except BaseException:
            await settled(self.on_thread(None, partial(self._give_back, connection)))
            raise
        return connection

    def _connected(self) -> Connection:
        connection = connected(self.url)
        try:
            if not self._present:
                if self._may_migrate:
                    migrations.migrate(connection, self.url)
                elif migrations.checked_version(connection, self.url) != migrations.SCHEMA_VERSION:
                    raise LtmcError(
                        ErrorCode.BACKEND_UNAVAILABLE,
                        "The database has no present schema; start LTMC once without read-only to make it.",
                    )
                self.pgvector = near.found(connection, may_create=self._may_migrate)
                self._present = True
        except BaseException:
            connection.close()
            raise
        return connection

    def begin_index(self, scope: str) -> None:
        """Have the server make the index of near vectors of a large scope, where there is none; on a thread."""
        if self.pgvector is None or not self._may_migrate or time.monotonic() < self._index_due.get(scope, 0):
            return
        self._index_due[scope] = time.monotonic() + BUSY_SECONDS
        try:
            with closing(self._connected()) as connection:
                if near.begin_index(connection, self.pgvector, scope):
                    self._index_due[scope] = time.monotonic() + LOOK_SECONDS
        except psycopg.Error as error:
            logger.warning("no index of near vectors is made: %s", error)

    def _give_back(self, connection: Connection) -> None:
        try:
            if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            connection.close()
        if not connection.closed:
            self._idle.append(connection)

    async def close(self) -> None:
        """Close those that are idle."""
        while self._idle:
            await self.on_thread(None, self._idle.pop().close)
        self._threads.shutdown(wait=False)
        self._threads = _threads()


def connected(url: str) -> Connection:
    """Return a new connection, each statement of which is a transaction unless one is begun."""
    connection = psycopg.connect(
        url,
        autocommit=True,
        cursor_factory=psycopg.ClientCursor,
        connect_timeout=CONNECT_SECONDS,
        application_name="ltmc",
        keepalives_idle=30,
    )
    try:
        connection.adapters.register_loader("numeric", _Number)
        connection.execute(
            f"SET statement_timeout = '{STATEMENT_SECONDS}s'; SET jit = off; SET client_encoding = 'UTF8'; "
            "SET standard_conforming_strings = on; SET timezone = 'UTC'"
        )
    except BaseException:
        connection.close()
        raise
    return connection


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2 * READERS, "ltmc-postgres")  # more than there are transactions


def _cancel(connection: Connection) -> None:
    try:
        connection.cancel_safe(timeout=CONNECT_SECONDS)
    except psycopg.Error as error:  # then the statement ends by itself
        logger.info("a statement could not be cancelled: %s", error)


def _begin(connection: Connection, begin: str, url: str) -> None:
    cursor = connection.execute(f"{begin}; SELECT max(version) FROM schema_migrations".encode())
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    migrations.require_present(row[0] if row and row[0] is not None else 0, url)


def _commit(connection: Connection) -> None:
    connection.execute("COMMIT")


_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def _write(lock_seconds: float, durability: str) -> str:
    """Return what begins a transaction that writes; it is the only one, and sees all that was committed before."""
    statements = [
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        f"SET LOCAL lock_timeout = '{max(1, round(lock_seconds * 1000))}ms'",
        f"SET LOCAL idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s'",
    ]
    if durability == "normal":
        statements.append("SET LOCAL synchronous_commit = off")
    return "; ".join([*statements, f"SELECT pg_advisory_xact_lock({WRITING})"])


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
        self._connections = _Connections(url, may_migrate=not read_only)
        self._reading, self._writing = asyncio.Semaphore(READERS), asyncio.Lock()
        self._resident: dict[Callable[[], Any], Any] = {}
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
                self._connections.transaction(_READ) as connection,
            ):
                transaction = PostgresTransaction(self._connections, connection, self._resident)
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
                begin = _write(deadline - deadline_in(0), self._durability)
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
            async with self._connections.transaction(_write(LOCK_SECONDS, "normal")) as connection:
                yield PostgresTransaction(self._connections, connection, None)

    async def is_locked(self) -> bool:
        """Return whether someone writes at length just now; nothing is written to find out."""
        if self.read_only:
            return False
        try:
            with translated(self.url):
                async with self._connections.transaction(_write(LOCKED_SECONDS, "normal")):
                    return False
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
