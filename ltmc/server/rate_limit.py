"""How many requests a minute each token may send, to all servers together."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from ltmc.errors import LtmcError

MINUTE = 60
SHARE_SECONDS = 1.0
"""How often a server tells the others what it counted: together they may let in what comes in that time."""

Share = Callable[[int, Mapping[str, int]], Awaitable[Mapping[str, int]]]
"""Adds to the requests that callers sent in a minute (since 1970), and returns how many each sent to all servers.

Raises:
    LtmcError: it cannot be reached.
"""

logger = logging.getLogger(__name__)


class RateLimit:
    """Counts the requests of each caller, and shares the counts with the other servers.

    The minute that is looked at slides: of the requests of the full minute before, as many count as it still covers.
    While nothing can be shared, each server counts for itself.

    Args:
        most: how many requests a minute.
    """

    def __init__(self, most: int, share: Share, clock: Callable[[], float] = time.time) -> None:
        self._most, self._share, self._clock = most, share, clock
        self._minute = self._warned_of = 0
        self._before: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._unshared: Counter[str] = Counter()
        self._shared_at = 0.0
        self._sharing: asyncio.Task[None] | None = None

    async def seconds_to_wait(self, name: str) -> int:
        """Count a request; return 0, or in how many seconds to come again if it is one too many and was not counted."""
        minute, into = divmod(self._clock(), MINUTE)
        if minute != self._minute:
            self._before = self._counts if minute == self._minute + 1 else Counter()
            self._counts, self._unshared, self._minute = Counter(), Counter(), int(minute)
            self._shared_at = 0.0
        if self._sharing is None and time.monotonic() >= self._shared_at + SHARE_SECONDS:
            self._sharing = asyncio.create_task(self._share_counts())
        left, before = self._most - self._counts[name], self._before[name]
        if before * (1 - into / MINUTE) < left:
            self._counts[name] += 1
            self._unshared[name] += 1
            return 0
        free_at = MINUTE * (1 - left / before) if left > 0 else MINUTE
        return math.floor(free_at - into) + 1

    async def _share_counts(self) -> None:
        minute, mine = self._minute, self._unshared
        self._unshared = Counter()
        try:
            of_all = await self._share(minute, mine)
        except LtmcError as error:
            if minute != self._warned_of:
                logger.warning("requests are counted by each server for itself: %s", error)
            self._warned_of = minute
            if minute == self._minute:
                self._unshared += mine
        else:
            if minute == self._minute:
                # What was kept of them may be lost there: what is known here counts nevertheless.
                self._counts |= Counter(of_all) + self._unshared
        finally:
            self._shared_at, self._sharing = time.monotonic(), None
