"""What the commands share: options, settings, calls of tools, and how answers are shown."""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ltmc.errors import LtmcError

if TYPE_CHECKING:
    from rich.table import Table

    from ltmc.settings import Settings

EXIT_FAILED, EXIT_USAGE, EXIT_NOTHING_FOUND = 1, 2, 3


class Group(click.Group):
    """A group whose commands print an LtmcError as one line and exit with 1, or 2 for a bad argument."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except LtmcError as error:
            fail(error.message, error.code.value)


def fail(message: str, code: str) -> NoReturn:
    """Print an error and end the process."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(EXIT_USAGE if code == "INVALID_ARGUMENT" else EXIT_FAILED)


def with_database(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option ``--db``."""
    return click.option(
        "--db", type=click.Path(path_type=Path), help="The database file (else LTMC_DB, the settings file)."
    )(command)


with_project = click.option("--project", "project_id", help="The project; else 'default'.")
with_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


def load_settings(**flags: Any) -> "Settings":
    """Return the settings in force, with logging set up as they say."""
    from ltmc.app.startup import load

    settings, _ = load(**flags)
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    return settings


def call_tool(
    name: str, arguments: dict[str, Any], *, project_id: str | None, db: Path | None
) -> dict[str, Any]:
    """Call a tool in this process; its error ends the command."""
    from ltmc.app.application import Application
    from ltmc.app.calls import call
    from ltmc.tools import manifest

    async def once() -> dict[str, Any]:
        app = Application(load_settings(db=db))
        tool = manifest.tool(name)
        try:
            return await call(app, tool, arguments | {"project_id": project_id})
        finally:
            await app.close()

    answer = asyncio.run(once())
    if not answer["success"]:
        fail(answer["error"], answer["error_code"])
    return answer


def table(*columns: str) -> "Table":
    """Return a table for the terminal."""
    from rich.table import Table

    rows = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        rows.add_column(column, overflow="fold")
    return rows


def show(rows: "Table") -> None:
    """Print a table."""
    from rich.console import Console

    Console().print(rows)
