"""Keys as they are pressed, on POSIX: the event loop is told of them by the terminal."""

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

assert sys.platform != "win32"

Wait = Callable[[float], Awaitable[bool]]
"""Waits some seconds; whether it is to go on then."""


@contextmanager
def until_q() -> Iterator[Wait]:
    """Read keys until q; SIGTERM and the end of the terminal count as one. Without a terminal only time passes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def wait(seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        return not stop.is_set()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if not sys.stdin.isatty():
        yield wait
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)

    def read() -> None:
        if not (keys := os.read(keyboard, 64)) or b"q" in keys.lower():  # nothing: the terminal is gone
            stop.set()

    tty.setcbreak(keyboard)
    loop.add_reader(keyboard, read)
    try:
        yield wait
    finally:
        loop.remove_reader(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
