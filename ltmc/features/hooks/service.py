"""Hooks that a server answers, for clients that call a tool in place of a command."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from ltmc.errors import LtmcError
from ltmc.features.hooks.answers import answer, can_inject
from ltmc.features.hooks.handling import RECALLED, Place, Recall, Recalled, clean, handle, known_place
from ltmc.features.hooks.payloads import Event, event_of
from ltmc.features.hooks.small_talk import asks_for_something
from ltmc.search import index
from ltmc.search.kinds import CHUNK
from ltmc.search.reindexing import IndexUpkeep
from ltmc.search.requests import Mode
from ltmc.storage.engine import Engine
from ltmc.storage.sqlite.hook_store import HookStore, Quoted

SHARE_OF_BEST = 0.6
"""Of the score of the best memory: others with less are left out."""

logger = logging.getLogger(__name__)


class HookAnswer(TypedDict):
    """What the client is told, in its own form."""

    output: str


class HookService:
    """Does what `ltmc hook` does, in a process that runs; it also finds by meaning."""

    def __init__(
        self, engine: Engine, upkeep: IndexUpkeep, mode: Mode, place: Callable[[Event], Place]
    ) -> None:
        self._engine, self._upkeep, self._mode, self._place = engine, upkeep, mode, place

    async def take(self, name: str, agent: str | None, payload: dict[str, Any]) -> HookAnswer:
        """Keep what happened and return the answer; what fails is logged, and the answer changes nothing then.

        Raises:
            LtmcError: INVALID_ARGUMENT for an unknown event or agent.
        """
        event = await asyncio.to_thread(event_of, name, agent, payload)
        event.cwd = event.cwd or str(Path.cwd())
        told = ""
        try:
            told = await self.told(event)
        except LtmcError as error:
            logger.warning("the hook %s of %s: %s", event.name, event.agent, error)
        return {"output": answer(event, told)}

    async def told(self, event: Event) -> str:
        """Keep what happened; return what is to be told.

        Raises:
            LtmcError: the database cannot be used.
        """
        place = await asyncio.to_thread(self._place, event)
        event = await asyncio.to_thread(clean, event, place)
        inject = place.rules.inject and can_inject(event)
        if not (place.rules.capture or inject):
            return ""
        async with self._engine.read() as tx:
            known = place
            place = await tx.call(lambda rows: known_place(known, HookStore(rows)))
        recall = Recall()
        if inject and event.name == "prompt" and asks_for_something(event.prompt):
            recall = await self._recall(place.projects, event.prompt)
        async with self._engine.write() as tx:
            told = await tx.call(lambda rows: handle(event, place, HookStore(rows), recall))
        if place.rules.capture:
            self._upkeep.start()  # it embeds what was kept
        return told

    async def _recall(self, projects: Sequence[str], prompt: str) -> Recall:
        """Return the memories that a prompt surely means, by words and meaning."""
        started = time.perf_counter()
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx, CHUNK, prompt, projects=projects, mode=self._mode, per_group=1, limit=4 * RECALLED
            )
            found = [] if ranking.weak else await index.load_rows(tx, CHUNK, ranking.hits)
        least = SHARE_OF_BEST * found[0][1].score if found else 0.0
        recalled = [
            Recalled(row.id, hit.score, Quoted(row.resource_id, row.file_name, row.text))
            for row, hit in found
            if hit.score >= least
        ]
        return Recall(recalled, ranking.mode, round((time.perf_counter() - started) * 1000, 3))
