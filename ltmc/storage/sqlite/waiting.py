"""Waiting for SQLite's thread and for its locks."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

LOCK_SECONDS = 30.0
"""How long a lock is waited for in all."""


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


async def while_busy(attempt: Callable[[], Awaitable[Any]]) -> None:
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
