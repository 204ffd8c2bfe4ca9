"""`ltmc top`: what goes on, in a terminal, until q or Ctrl-C."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from ltmc.cli.options import fail, settings_here, terminal, with_database

if TYPE_CHECKING:
    from rich.console import Console

    from ltmc.settings import Settings

Wait = Callable[[float], Awaitable[bool]]
"""Waits some seconds; whether it is to go on then."""

KEY_SECONDS = 0.1
"""How often it is looked for a key where the system does not tell of one."""


@click.command()
@click.option(
    "--range",
    "chosen",
    default="hour",
    show_default=True,
    type=click.Choice(["hour", "day", "week", "all"]),
    help="What the figures are of.",
)
@click.option("--project", "project_id", help="Of this project alone; else of all.")
@click.option(
    "--every",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.5, 3600),
    help="Seconds from look to look.",
)
@click.option("--once", is_flag=True, help="Print it once, also where stdout is no terminal.")
@with_database
def top(chosen: str, project_id: str | None, every: float, once: bool, **flags: Any) -> None:
    """Show what goes on: calls, errors, searches and what they found, of every process that uses the database.

    It refreshes until q or Ctrl-C.
    """
    console = terminal()
    if not once and (not console.is_terminal or console.is_dumb_terminal):
        fail("stdout is no terminal that can be redrawn; --once prints it once.", "INVALID_ARGUMENT")
    settings = settings_here(existing=True, **flags)
    with suppress(KeyboardInterrupt):
        asyncio.run(_show(settings, console, chosen, project_id, every=None if once else every))


async def _show(
    settings: "Settings", console: "Console", chosen: str, project_id: str | None, *, every: float | None
) -> None:
    from rich.live import Live

    from ltmc.app.application import Application
    from ltmc.cli.top_view import look

    app = Application(settings)
    try:
        if every is None:
            console.print(await look(app, console, chosen, project_id, whole=True))
            return
        with (
            _keys() as wait,
            Live(console=console, screen=True, auto_refresh=False) as live,
        ):
            go_on = True
            while go_on:
                live.update(await look(app, console, chosen, project_id, whole=False), refresh=True)
                go_on = await wait(every)
    finally:
        await app.close()


@contextmanager
def _keys() -> Iterator[Wait]:
    """Read keys as they are pressed, until q; SIGTERM counts as one."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def wait(seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        return not stop.is_set()

    if sys.platform == "win32":  # pragma: no cover - there is no such terminal in CI
        import msvcrt

        async def wait_for_key(seconds: float) -> bool:
            end = loop.time() + seconds
            while loop.time() < end:
                if msvcrt.kbhit() and msvcrt.getwch() in "qQ":
                    return False
                await asyncio.sleep(KEY_SECONDS)
            return True

        yield wait_for_key
        return

    import os
    import termios
    import tty

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
