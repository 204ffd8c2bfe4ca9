"""Answers that go on for long: how many there may be, and that they end with the server."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MOST_STREAMS = 16
"""How many may be open at a time; a browser opens one for each window that shows a live page."""


class Streams:
    """The open streams of one server."""

    def __init__(self) -> None:
        self._open = 0
        self._ended = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether no further one may be opened."""
        return self._open >= MOST_STREAMS

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Count one while it is open."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    async def goes_on(self, seconds: float) -> bool:
        """Wait; return whether streams are to go on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        return not self._ended.is_set()

    def end(self) -> None:
        """End all of them: the server ends, and would wait for them."""
        self._ended.set()
