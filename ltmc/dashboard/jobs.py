"""Long work in the background: one piece at a time, which goes on whether or not anybody looks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ltmc.errors import ErrorCode, LtmcError
from ltmc.timestamps import now

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Job:
    """A piece of work.

    Attributes:
        kind: what is done; the template job.html has the words for it.
        about: what it is done to, if that needs to be said.
        done: how much of it is done, in steps of its own kind.
        of: how many steps there are; 0 while that is not known.
        result: what came of it.
        error: why it failed.
    """

    kind: str
    about: str = ""
    began: str = field(default_factory=now)
    ended: str | None = None
    done: int = 0
    of: int = 0
    result: Any = None
    error: str | None = None

    def advance(self, done: int, of: int) -> None:
        """Note how far it is."""
        self.done, self.of = done, of


class Jobs:
    """The work of one server; the last job is kept until the next."""

    def __init__(self) -> None:
        self.last: Job | None = None
        self._task: asyncio.Task[None] | None = None

    def require_free(self) -> None:
        """Refuse while something is at work.

        Raises:
            LtmcError: CONFLICT.
        """
        if self.last is not None and self.last.ended is None:
            raise LtmcError(ErrorCode.CONFLICT, "Something else is at work: wait until it is done.")

    def start(self, kind: str, work: Callable[[Progress], Awaitable[Any]], about: str = "") -> None:
        """Begin.

        Raises:
            LtmcError: CONFLICT while something is at work.
        """
        self.require_free()
        self.last = Job(kind, about)
        self._task = asyncio.create_task(self._run(self.last, work))

    async def _run(self, job: Job, work: Callable[[Progress], Awaitable[Any]]) -> None:
        try:
            job.result = await work(job.advance)
        except LtmcError as error:
            job.error = error.message
        except Exception:
            logger.exception("%s failed", job.kind)
            job.error = "It failed inside LTMC; its log on stderr says why."
        finally:
            job.ended = now()

    def clear(self) -> None:
        """Forget the last job.

        Raises:
            LtmcError: CONFLICT while it is at work.
        """
        self.require_free()
        self.last = None

    async def close(self) -> None:
        """Stop: the server ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
