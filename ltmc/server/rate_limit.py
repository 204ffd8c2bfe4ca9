"""How many requests a minute each token may send."""

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

MINUTE = 60.0


class RateLimit(Protocol):
    """Counts the requests of each caller."""

    async def seconds_to_wait(self, name: str) -> int:
        """Count a request; return 0, or in how many seconds to come again if it is one too many and was not counted."""


class RateLimitOfProcess:
    """Counts in this process: several servers let in as many each.

    The minute that is looked at slides: of the requests of the full minute before, as many count as it still covers.

    Args:
        most: how many requests a minute.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._minute = 0.0
        self._counts: Counter[str] = Counter()
        self._before: Counter[str] = Counter()

    async def seconds_to_wait(self, name: str) -> int:
        """See `RateLimit`."""
        minute, into = divmod(self._clock(), MINUTE)
        if minute != self._minute:
            self._before = self._counts if minute == self._minute + 1 else Counter()
            self._counts, self._minute = Counter(), minute
        left, before = self._most - self._counts[name], self._before[name]
        if before * (1 - into / MINUTE) < left:
            self._counts[name] += 1
            return 0
        free_at = MINUTE * (1 - left / before) if left > 0 else MINUTE
        return math.floor(free_at - into) + 1
