"""Keys as they are pressed, on Windows, where they are looked for: nothing tells the event loop of them."""

import asyncio
import msvcrt
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

assert sys.platform == "win32"

Wait = Callable[[float], Awaitable[bool]]
"""Waits some seconds; whether it is to go on then."""

KEY_SECONDS = 0.1
"""How often it is looked for a key."""


@contextmanager
def until_q() -> Iterator[Wait]:
    """Read keys until q. Without a console only time passes."""
    loop = asyncio.get_running_loop()

    async def wait(seconds: float) -> bool:
        end = loop.time() + seconds
        while loop.time() < end:
            if msvcrt.kbhit() and msvcrt.getwch() in "qQ":
                return False
            await asyncio.sleep(KEY_SECONDS)
        return True

    yield wait
