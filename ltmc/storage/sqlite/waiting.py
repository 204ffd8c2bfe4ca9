"""Waiting for SQLite's thread and for locks: with a limit, and so that a task that is cancelled ends soon."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import aiosqlite
import anyio

from ltmc.storage.engine import T

LOCK_SECONDS = 30.0
"""How long a transaction waits to begin, for everything together: the opening of the file, other tasks of this
process, the locks of other processes."""

STATEMENT_SECONDS = 60.0
"""How long one statement may run; then it is interrupted."""

INTERRUPT_SECONDS = 0.05
"""How often an interruption is repeated: one that comes between two statements does nothing."""


def deadline_in(seconds: float) -> float:
    """Return the moment in `seconds`, in the time of the event loop."""
    return asyncio.get_running_loop().time() + seconds


async def settled(work: Awaitable[T]) -> T:
    """Await `work` to its end even when the task is cancelled meanwhile; the cancellation comes after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):  # a scope that is cancelled would raise at each turn of the loop
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # seen: the cancellation matters more
        raise cancelled
    return task.result()


async def on_thread(connection: aiosqlite.Connection, function: Callable[[sqlite3.Connection], T]) -> T:
    """Return the result of `function`, called with the connection on its thread.

    What it executes is interrupted when the task is cancelled or it takes too long, and has ended when this
    returns or raises.

    Raises:
        TimeoutError: it took too long.
    """
    try:
        async with asyncio.timeout(STATEMENT_SECONDS):
            return await _queued(connection, partial(function, connection._conn))
    except TimeoutError:
        await settled(_interrupted(connection))
        raise TimeoutError(f"a query ran for {STATEMENT_SECONDS:g} s and was interrupted") from None
    except asyncio.CancelledError:
        await settled(_interrupted(connection))
        raise


async def _interrupted(connection: aiosqlite.Connection) -> None:
    ended = asyncio.ensure_future(_queued(connection, lambda: None))  # the thread's next work
    while not ended.done():
        await connection.interrupt()
        await asyncio.wait([ended], timeout=INTERRUPT_SECONDS)


async def _queued(connection: aiosqlite.Connection, function: Callable[[], T]) -> T:
    return cast("T", await connection._execute(function))  # type: ignore[no-untyped-call]


async def while_busy(attempt: Callable[[], Awaitable[Any]], deadline: float) -> None:
    """Await ``attempt()`` again, after a random pause, while another process holds the lock."""
    while True:
        try:
            await attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - not for secrets
        else:
            return


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether a statement failed because another connection holds a lock."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@asynccontextmanager
async def turn(lock: asyncio.Lock | asyncio.Semaphore, deadline: float) -> AsyncIterator[None]:
    """Hold a lock of this process.

    Raises:
        TimeoutError: others held it until the deadline.
    """
    try:
        async with asyncio.timeout_at(deadline):
            await lock.acquire()
    except TimeoutError:
        raise TimeoutError("other calls of this process, which wait for it too, came first") from None
    try:
        yield
    finally:
        lock.release()
