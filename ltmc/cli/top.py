"""`ltmc top`: what goes on, in a terminal, until q or Ctrl-C."""

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ltmc.cli.options import fail, settings_here, terminal, with_database

if TYPE_CHECKING:
    from rich.console import Console

    from ltmc.settings import Settings


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

    if sys.platform == "win32":
        from ltmc.cli import keys_windows as keys
    else:
        from ltmc.cli import keys_unix as keys

    app = Application(settings)
    try:
        if every is None:
            console.print(await look(app, console, chosen, project_id, whole=True))
            return
        with (
            keys.until_q() as wait,
            Live(console=console, screen=True, auto_refresh=False) as live,
        ):
            go_on = True
            while go_on:
                live.update(await look(app, console, chosen, project_id, whole=False), refresh=True)
                go_on = await wait(every)
    finally:
        await app.close()
