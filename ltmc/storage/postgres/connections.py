"""The connections of one process to PostgreSQL, none of which waits for ever for a server that is silent.

A server whose host or path is lost sends nothing more, not even that it is gone. What is on its way to it is given up
when the kernel has got no word from there for ten seconds, or when the answer to a statement is overdue.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

import psycopg
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.engine import T
from ltmc.storage.postgres import migrations, near
from ltmc.storage.postgres.address import shown
from ltmc.storage.postgres.errors import unavailable, uncertain
from ltmc.storage.sqlite.waiting import settled

LOCK_SECONDS, STATEMENT_SECONDS = 30, 60
"""How long a transaction that writes waits for others that do, and how long one statement may take."""

CONNECT_SECONDS = 10
"""How long the server is waited for."""

ANSWER_SECONDS, COMMIT_SECONDS = 5, 15
"""How long the server is waited for where it has next to nothing to do, and to commit."""

DROP_SECONDS = 2.0
"""How long a statement of a task that was cancelled may take to end; then its connection is dropped."""

NOTICED = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 2, "tcp_user_timeout": 10_000}
"""After how many seconds of silence the kernel asks whether the server is there, how often and how many times, and
after how many milliseconds without a word of it the connection is lost."""

READERS = 4
"""How many transactions of this process read at a time."""

WRITING = 0x6C746D63_00000002
"""The number of the advisory lock of who writes: as in SQLite, one at a time, whichever the host."""

BUSY_SECONDS, LOOK_SECONDS = 60.0, 3_600.0
"""How long after an index of near vectors could not be made, and how long after it was begun or found, a search looks
for it again: its making may have been broken off, or it may have been dropped."""

CANCEL_SECONDS = 0.05
"""How soon a cancellation is repeated, each time after twice as long: one that comes between two statements does
nothing."""

logger = logging.getLogger(__name__)

Found = TypeVar("Found")


class Connection(psycopg.Connection[Any]):
    """A connection that is closed when an answer takes too long.

    Attributes:
        seconds: how long that is; None: any time.
        dropped: nobody waits for the answer any more; may be set by any thread.
    """

    seconds: float | None = STATEMENT_SECONDS + ANSWER_SECONDS
    dropped = False

    def wait(self, gen: Generator[Any, Any, Found], *args: Any, **options: Any) -> Found:
        """Wait for an answer; called by psycopg."""
        return super().wait(self._in_time(gen), *args, **options)

    def _in_time(self, gen: Generator[Any, Any, Found]) -> Generator[Any, Any, Found]:
        """Do as `gen` does, which is asked again at least every 0.1 s, until it is too late."""
        began = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and (why := self._overdue(time.monotonic() - began)):
                    self.pgconn.finish()
                    logger.warning("a connection to PostgreSQL was closed: %s", why)
                    raise psycopg.OperationalError(why)
                wanted = gen.send(ready)
        except StopIteration as end:
            return cast("Found", end.value)

    def _overdue(self, seconds: float) -> str | None:
        if self.dropped:
            return "a statement did not end when it was cancelled"
        return f"no answer within {self.seconds:g} s" if self.seconds and seconds > self.seconds else None


class Begin(NamedTuple):
    """How a transaction begins.

    Attributes:
        statements: what the server does at once.
        lock_seconds: how long others who write are waited for; None: it does not write.
    """

    statements: str
    lock_seconds: float | None = None


READ = Begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


def writing(lock_seconds: float, durability: str) -> Begin:
    """Return how a transaction begins that writes; it is the only one, and sees all that was committed before."""
    statements = [
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        f"SET LOCAL lock_timeout = '{max(1, round(lock_seconds * 1000))}ms'",
        f"SET LOCAL idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s'",
    ]
    if durability == "normal":
        statements.append("SET LOCAL synchronous_commit = off")
    return Begin("; ".join(statements), lock_seconds)


class Connections:
    """Those that are idle are used again.

    Attributes:
        pgvector: the extension, where it can be used.
        resident: what is kept in memory of the database.
    """

    def __init__(self, url: str, *, may_migrate: bool) -> None:
        self.url = url
        self._may_migrate = may_migrate
        self.pgvector: near.Pgvector | None = None
        self.resident: dict[Callable[[], Any], Any] = {}
        self._index_due: dict[str, float] = {}
        self._database: Any = None
        self._idle: list[Connection] = []
        self._threads = _threads()

    async def on_thread(self, connection: Connection | None, function: Callable[[], T]) -> T:
        """Return the result of `function`, called on a thread; what it executes ends when the task is cancelled.

        Where it does not end, as the server is silent, the connection is closed.
        """
        work = asyncio.get_running_loop().run_in_executor(self._threads, function)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            until, pause = time.monotonic() + DROP_SECONDS, CANCEL_SECONDS
            while not work.done():
                if connection is not None and time.monotonic() > until:
                    connection.dropped = True
                elif connection is not None and not connection.closed:
                    await settled(asyncio.to_thread(_cancel, connection))
                await settled(asyncio.wait([work], timeout=pause))
                pause *= 2
            work.exception()  # seen: the cancellation matters more
            raise

    @asynccontextmanager
    async def transaction(self, begin: Begin) -> AsyncIterator[Connection]:
        """Hold a connection in a transaction, which is committed at the end, or rolled back when the block raises."""
        connection = await self._begun(begin)
        try:
            yield connection
            try:
                await settled(self.on_thread(connection, partial(_commit, connection)))
            except psycopg.OperationalError as error:
                if begin.lock_seconds is None or not connection.closed:
                    raise
                raise uncertain(self.url, error) from error
        finally:
            # what became of it is waited for; a connection whose transaction is not over is not used again
            await settled(self._give_back(connection))

    async def _begun(self, begin: Begin) -> Connection:
        if self._idle:
            connection = self._idle.pop()
            try:
                return await self._begin(connection, begin)
            except (psycopg.OperationalError, psycopg.errors.UndefinedTable) as error:
                if not connection.closed:  # no fault of the connection, such as a lock
                    raise
                await self._close_idle()  # they are of the same server
                if isinstance(error, psycopg.errors.UndefinedTable):
                    why = f"its tables are gone{'; the next call makes new ones' * self._may_migrate}"
                    raise unavailable(self.url, why) from error
        return await self._begin(await self._new(), begin)

    async def _begin(self, connection: Connection, begin: Begin) -> Connection:
        try:
            await self.on_thread(connection, partial(_begin, connection, begin, self.url))
        except BaseException:
            await settled(self._give_back(connection))
            raise
        return connection

    async def _new(self) -> Connection:
        """Return a new connection; where the task is cancelled meanwhile, it is there for another one later."""
        job = self._threads.submit(self._connected)
        work = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            job.cancel()  # if it has not begun
            work.add_done_callback(self._keep)
            raise

    def _keep(self, made: asyncio.Future[Connection]) -> None:
        if not made.cancelled() and made.exception() is None:
            self._idle.append(made.result())

    def _connected(self) -> Connection:
        connection = connected(self.url)
        try:
            if migrations.checked_version(connection, self.url) != migrations.SCHEMA_VERSION:
                if not self._may_migrate:
                    raise LtmcError(
                        ErrorCode.BACKEND_UNAVAILABLE,
                        "The database has no present schema; start LTMC once without read-only to make it.",
                    )
                limit, connection.seconds = connection.seconds, None
                migrations.migrate(connection, self.url)
                connection.seconds = limit
            database = connection.execute(
                "SELECT oid, CAST(CAST('schema_migrations' AS regclass) AS oid) FROM pg_database "
                "WHERE datname = current_database()"
            ).fetchone()
            if database != self._database:
                if self._database is not None:
                    logger.warning("the database %s is another one than before", shown(self.url))
                self.resident = {}
                self.pgvector = near.found(connection, may_create=self._may_migrate)
                self._database = database
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
        except (LtmcError, psycopg.Error) as error:
            logger.warning("no index of near vectors is made: %s", error)

    async def _give_back(self, connection: Connection) -> None:
        await self.on_thread(None, partial(_end, connection))
        if connection.dropped:  # its server is silent, and the others' is the same
            await self._close_idle()
        elif not connection.closed:
            self._idle.append(connection)

    async def _close_idle(self) -> None:
        while self._idle:
            await self.on_thread(None, self._idle.pop().close)

    async def close(self) -> None:
        """Close those that are idle."""
        await self._close_idle()
        self._threads.shutdown(wait=False)
        self._threads = _threads()


class _Number(Loader):
    """A sum as an int, a mean as a float."""

    def load(self, data: Any) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text or "e" in text.lower() else int(text)


def connected(url: str) -> Connection:
    """Return a new connection, each statement of which is a transaction unless one is begun.

    What the address says of timeouts and the like counts.
    """
    given: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "ltmc",
        **NOTICED,
        **conninfo_to_dict(url),
    }
    connection = Connection.connect(autocommit=True, cursor_factory=psycopg.ClientCursor, **given)
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
        connection.cancel_safe(timeout=DROP_SECONDS)
    except psycopg.Error as error:  # then the statement ends by itself, or the connection is dropped
        logger.info("a statement could not be cancelled: %s", error)


def _begin(connection: Connection, begin: Begin, url: str) -> None:
    connection.seconds = ANSWER_SECONDS
    try:
        if begin.lock_seconds is None:
            statements = begin.statements
        else:
            connection.execute(begin.statements.encode())
            connection.seconds = begin.lock_seconds + ANSWER_SECONDS
            statements = f"SELECT pg_advisory_xact_lock({WRITING})"
        cursor = connection.execute(f"{statements}; SELECT max(version) FROM schema_migrations".encode())
    except psycopg.errors.UndefinedTable:
        connection.close()
        raise
    connection.seconds = Connection.seconds
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    migrations.require_present(row[0] if row and row[0] is not None else 0, url)


def _commit(connection: Connection) -> None:
    connection.seconds = COMMIT_SECONDS
    connection.execute("COMMIT")


def _end(connection: Connection) -> None:
    try:
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.seconds = ANSWER_SECONDS
            connection.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()
    if connection.dropped:
        connection.close()
