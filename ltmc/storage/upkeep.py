"""Work in the background that a server begins and stops."""

import asyncio
from abc import ABC, abstractmethod

from ltmc.storage.engine import Engine


class Upkeep(ABC):
    """One task of a process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, if it is not at work."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    @abstractmethod
    async def _run(self) -> None:
        """Do the work."""

    async def close(self) -> None:
        """Stop; the next start goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
