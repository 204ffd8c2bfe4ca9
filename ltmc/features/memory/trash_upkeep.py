"""Emptying the trash, so that nothing of what was forgotten is left in the file."""

import asyncio
import logging
import sqlite3
from operator import methodcaller

from ltmc.errors import LtmcError
from ltmc.features.memory.forgetting import KEPT_DAYS, take
from ltmc.storage.engine import Engine
from ltmc.storage.tables import outlived, trash
from ltmc.storage.upkeep import Upkeep
from ltmc.timestamps import days_ago, now

PAUSE_SECONDS = 0.005
"""Waited between two transactions, so that whoever waits to write comes in between."""

MOST_EXPIRED = 100
"""How many expired memories are forgotten in one transaction."""

EVERY_SECONDS = 3600.0
"""How often a server looks for what is old enough."""

logger = logging.getLogger(__name__)


async def purge(engine: Engine, before: str, project_id: str | None = None) -> tuple[int, bool]:
    """Delete for good what was forgotten before a time, of one project or of all, from the file too.

    Returns:
        How many forgettings, and whether the write-ahead log could be emptied; it waits for who reads.
    """
    async with engine.read() as tx:
        if await trash.oldest(tx, before, project_id) is None:
            return 0, True
    first, more = True, True
    while more:  # first, so that an interruption leaves something that brings the next one here
        async with engine.write() as tx:
            more = await tx.call(methodcaller("merge", anew=first))
        first = False
        await asyncio.sleep(PAUSE_SECONDS)
    done = 0
    while True:
        async with engine.write() as tx:
            found = await trash.oldest(tx, before, project_id)
            if found is None:
                break
            await trash.purge(tx, found.token)
        done += 1
        await asyncio.sleep(PAUSE_SECONDS)
    return done, await engine.empty_log()


async def forget_expired(engine: Engine) -> None:
    """Put what has expired into the trash."""
    while True:
        moment = now()
        async with engine.read() as tx:
            if not await outlived.expired(tx, moment, 1):
                return
        async with engine.write() as tx:
            found = await outlived.expired(tx, moment, MOST_EXPIRED)
            for project in {one.project_id for one in found}:
                ids = [one.id for one in found if one.project_id == project]
                await take(tx, project, moment, {"memory": ids})
        await asyncio.sleep(PAUSE_SECONDS)


class TrashUpkeep(Upkeep):
    """Forgets in the background what has expired, and empties the trash of what was forgotten long ago."""

    async def _run(self) -> None:
        emptied = True
        while True:
            try:
                if not emptied:
                    emptied = await self._engine.empty_log()
                await forget_expired(self._engine)
                _, now_emptied = await purge(self._engine, days_ago(KEPT_DAYS))
                emptied = emptied and now_emptied
            except (LtmcError, sqlite3.Error) as error:
                logger.info("the trash is not emptied: %s", error)
            await asyncio.sleep(EVERY_SECONDS)
