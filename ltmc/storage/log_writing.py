"""The log of use, written in the background whichever engine is in use."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from ltmc.errors import LtmcError
from ltmc.storage.engine import Transaction

SETTLE_SECONDS = 5.0
"""How long the log of use is waited for, which takes longer while another process holds the lock."""

LOG_BACKLOG, LOG_BATCH = 10_000, 1_000
"""How many rows of the log of use wait in memory at most, beyond which the oldest are dropped, and how many are
written at a time."""

LogWork = Callable[[Transaction], Awaitable[None]]
"""Writes a row of a log of use."""

logger = logging.getLogger(__name__)


class LogWriter:
    """Writes rows of a log of use in order.

    Args:
        begin: opens a transaction that commits on leaving its block and is not waited for on the disk.
    """

    def __init__(self, begin: Callable[[], AbstractAsyncContextManager[Transaction]]) -> None:
        self._begin_transaction = begin
        self._work: deque[LogWork] = deque(maxlen=LOG_BACKLOG)
        self._task: asyncio.Task[None] | None = None
        self._added = self._done = 0
        self._waits = False
        self._progress = asyncio.Condition()

    def add(self, work: LogWork) -> None:
        """Have rows of a log of use written soon, in the background and in order.

        They survive the death of the process once written, but are not waited for on the disk, and a
        failure to write them is itself only logged: no answer waits for them or fails with them. While the
        database cannot be used they wait, and are tried again with the next.
        """
        self._added += 1
        self._work.append(work)
        self._start()

    def _start(self) -> None:
        if self._work and not self._is_writing():
            self._task = asyncio.create_task(self._write_all())

    def _is_writing(self) -> bool:
        return self._task is not None and not self._task.done()

    async def settle(self) -> None:
        """Wait until what `add` was given before is written or cannot be, at most for `SETTLE_SECONDS`."""
        wanted = self._added
        self._start()
        try:
            async with asyncio.timeout(SETTLE_SECONDS), self._progress:
                await self._progress.wait_for(lambda: self._done >= wanted or not self._is_writing())
        except TimeoutError:
            logger.warning("the log of use could not be written within %g s", SETTLE_SECONDS)

    async def _write_all(self) -> None:
        waiting: list[LogWork] = []
        while self._work and not waiting:
            batch = [self._work.popleft() for _ in range(min(len(self._work), LOG_BATCH))]
            waiting = await self._write(batch)
            if waiting:
                self._work = deque((*waiting, *self._work), LOG_BACKLOG)
            elif self._waits:
                logger.info("the log of use is written again")
            self._waits = bool(waiting)
            async with self._progress:
                self._done = self._added - len(self._work)
                self._progress.notify_all()

    async def _write(self, batch: list[LogWork]) -> list[LogWork]:
        """Write rows of a log; where one of them cannot be written, the others are.

        Returns:
            Those that wait, since the database cannot be used.
        """
        try:
            async with self._begin_transaction() as transaction:
                for work in batch:
                    await work(transaction)
        except LtmcError as error:  # the database cannot be used
            if not self._waits:
                self._waits = True  # said once
                logger.warning("the log of use waits, its last %d rows at most: %s", LOG_BACKLOG, error)
            return batch
        except Exception as error:  # noqa: BLE001 - one row's fault, whatever it is
            if len(batch) == 1:
                logger.warning("a row of the log of use was lost: %s", error)
                return []
            middle = len(batch) // 2
            return [*await self._write(batch[:middle]), *await self._write(batch[middle:])]
        return []

    async def close(self) -> None:
        """Write what is left."""
        await self.settle()
        if self._work:
            logger.warning("%d rows of the log of use were lost", len(self._work))
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
