"""What the commands share: options, settings, calls of tools, and how answers are shown."""

import asyncio
import functools
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ltmc.errors import ErrorCode, LtmcError
from ltmc.settings import ENV_PREFIX

if TYPE_CHECKING:
    from rich.console import Console

    from ltmc.settings import Settings

EXIT_FAILED, EXIT_USAGE, EXIT_NOTHING_FOUND = 1, 2, 3


class Group(click.Group):
    """Commands, each listed with its whole first sentence, which click would cut."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command."""
        first = " ".join((cmd.help or "").partition("\n\n")[0].split())
        cmd.short_help = first.partition(". ")[0].removesuffix(".")
        super().add_command(cmd, name)


class Program(Group):
    """The group of all commands, for a process in any surroundings."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments up to the name of a command."""
        with _masked_words():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the other arguments and run the command."""
        with _masked_words():
            return super().invoke(ctx)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command."""
        if (
            sys.platform == "win32"
        ):  # where files and pipes would have another encoding than all else reads and writes
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
                    stream.reconfigure(encoding="utf-8")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # what the terminal's encoding lacks
        if os.path.expanduser("~") == "~":  # noqa: PTH111 - no HOME, and no entry in the list of users
            os.environ["HOME"] = os.devnull  # where nothing is; fastmcp asks for a home when imported
        return super().main(*args, **extra)


@contextmanager
def _masked_words() -> Iterator[None]:
    """Take secrets out of what click says about arguments."""
    try:
        yield
    except click.ClickException as error:
        error.message = without_secrets(error.message)  # type: ignore[misc]
        raise


def without_secrets(message: str) -> str:
    """Return a message without secrets, also those of the arguments and settings that it shows cut."""
    from ltmc.app.redaction import found_in, kinds_by_secret, masked_with

    given = [*sys.argv, *(value for name, value in os.environ.items() if name.upper().startswith(ENV_PREFIX))]
    shown: str = masked_with(message, kinds_by_secret(found_in(given, "")))
    return shown


def fail(message: str, code: str) -> NoReturn:
    """Print an error and end the process."""
    click.echo(f"Error: {without_secrets(message)}", err=True)
    sys.exit(EXIT_USAGE if code == "INVALID_ARGUMENT" else EXIT_FAILED)


def with_database(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option ``--db``, and print an LtmcError as one line that names what was typed."""

    @functools.wraps(command)
    def run(*args: Any, **values: Any) -> Any:
        try:
            return command(*args, **values)
        except LtmcError as error:
            message, field = error.message, f"{error.field}:"
            if message.startswith(field):
                message = f"{_typed(error.field)}:{message.removeprefix(field)}"
            fail(_as_typed(message), error.code.value)

    return click.option(
        "--db",
        metavar="FILE",
        help="The database file, or postgresql://user@host/name (else LTMC_DB, the settings file).",
    )(run)


def _typed(field: str | None) -> str | None:
    """Return the option or argument of the running command that fills a field."""
    for parameter in click.get_current_context().command.params:
        if parameter.name == field:
            option = isinstance(parameter, click.Option)
            return parameter.opts[0] if option else parameter.human_readable_name
    return field


with_project = click.option(
    "--project",
    "project_id",
    help="The project; else the setting project, and without one that of the repository that this folder is in.",
)
_ABOUT = (
    ("--valid-from", {"help": "The first day or moment at which it holds, if not now."}),
    ("--valid-until", {"help": "The last day or moment at which it holds, or never."}),
    ("--expires", {"help": "Its last day, in how many days it is forgotten, or never."}),
    (
        "--supersedes",
        {"multiple": True, "help": "The id or name of a memory that it takes the place of; repeat."},
    ),
)


def with_times(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of when a memory holds, and what it takes the place of; what is not given stays out."""

    @functools.wraps(command)
    def run(*args: Any, **values: Any) -> Any:
        names = [name[2:].replace("-", "_") for name, _ in _ABOUT]
        times = {name: value for name in names if (value := values.pop(name))}
        return command(*args, **values, times=times)

    for name, options in reversed(_ABOUT):
        run = click.option(name, **options)(run)
    return run


with_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


def load_settings(*, existing: bool = False, **flags: Any) -> "Settings":
    """Return the settings in force, with logging set up as they say.

    Raises:
        LtmcError: INVALID_ARGUMENT that names a wrong setting; NOT_FOUND if the database must be
            `existing` and is not: a command that reads makes none.
    """
    return load_with_origins(existing=existing, **flags)[0]


def load_with_origins(*, existing: bool = False, **flags: Any) -> tuple["Settings", dict[str, str]]:
    """Return the settings in force, and for each where it came from; see `load_settings`."""
    from ltmc.app.masked_log import MaskedRecord
    from ltmc.app.startup import load

    logging.setLogRecordFactory(MaskedRecord)
    settings, origins = load(**flags)
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("aiosqlite").setLevel(logging.INFO)  # its debug lines repeat every value
    if existing and not settings.has_database():
        raise LtmcError(
            ErrorCode.NOT_FOUND,
            f"db: there is no database {settings.db}; what stores something makes it.",
            field="db",
        )
    return settings, origins


def settings_here(**flags: Any) -> "Settings":
    """Return the settings for a command about this folder, whatever serves it.

    Raises:
        LtmcError: see `load_settings`.
    """
    return load_settings(transport="stdio", **flags)


def call_tool(
    name: str,
    arguments: dict[str, Any],
    *,
    project_id: str | None,
    db: str | None,
    existing: bool = False,
    adds: bool = False,
) -> dict[str, Any]:
    """Call a tool in this process.

    Args:
        existing: there must be a database.
        adds: the tool stores something; its answer says in which project.

    Raises:
        LtmcError: its error.
    """
    from ltmc.app.application import Application
    from ltmc.app.calls import call
    from ltmc.tools import manifest
    from ltmc.tools.project_scope import project_of

    async def once() -> dict[str, Any]:
        app = Application(settings_here(db=db, existing=existing))
        tool = manifest.tool(name)
        try:
            found = await call(app, tool, arguments | {"project_id": project_id})
            return found | {"project_id": project_of(project_id)} if adds else found
        finally:
            await app.close()

    answer = asyncio.run(once())
    if not answer["success"]:
        raise LtmcError(ErrorCode(answer["error_code"]), answer["error"], field=answer.get("field"))
    show_notes(answer.get("warnings", ()))
    return answer


def show_notes(notes: Iterable[str]) -> None:
    """Print notes beside what is shown."""
    for text in notes:
        click.echo(f"Note: {_as_typed(text)}", err=True)


def _as_typed(text: str) -> str:
    """Return a message that tells what to pass as one types it."""
    return text.replace("pass project_id", "pass --project")


def print_json(answer: Any) -> None:
    """Print an answer on one line, as JSON that the terminal's encoding can carry."""
    click.echo(json.dumps(answer, ensure_ascii=sys.stdout.encoding.lower() != "utf-8"))


def local(moment: str) -> str:
    """Return a stored time in the zone of this machine, with its offset."""
    from datetime import datetime

    return datetime.fromisoformat(moment).astimezone().isoformat(" ", "minutes")


class Table:
    """What is shown to a person, or written to a file or another program."""

    def __init__(self, *columns: str) -> None:
        self._columns, self._rows = columns, list[tuple[str, ...]]()

    def add_row(self, *cells: str) -> None:
        """Add a row, of a cell for each column."""
        self._rows.append(cells)

    def show(self) -> None:
        """Print it: on a terminal as wide as that is, else each row whole, with its columns below each other."""
        if sys.stdout and sys.stdout.isatty():
            self._show_on_terminal()
            return
        rows = [[cell.splitlines() or [""] for cell in row] for row in (self._columns, *self._rows)]
        widths = [max(len(line) for cell in column for line in cell) for column in zip(*rows, strict=True)]
        for row in rows:
            for line in zip_longest(*row, fillvalue=""):
                padded = (part.ljust(width) for part, width in zip(line, widths, strict=True))
                click.echo("  ".join(padded).rstrip())

    def _show_on_terminal(self) -> None:
        from rich.table import Table as RichTable
        from rich.text import Text

        shown = RichTable(box=None, header_style="bold", padding=(0, 2, 0, 0))
        for column in self._columns:
            shown.add_column(column, overflow="fold")
        for row in self._rows:
            shown.add_row(*map(Text, row))  # else brackets in it are taken for markup
        terminal().print(shown)


def terminal() -> "Console":
    """Return the terminal; where NO_COLOR is set, without bold text and the like, too."""
    from rich.console import Console

    return Console(color_system=None if os.environ.get("NO_COLOR") else "auto")


def show_found(
    found: list[dict[str, Any]], columns: tuple[str, ...], cells: Callable[[dict[str, Any]], tuple[str, ...]]
) -> None:
    """Print a table of what was found, with the project of what lies in another one than was meant."""
    elsewhere = any("project_id" in one for one in found)
    rows = Table(*columns, *(["Project"] if elsewhere else []))
    for one in found:
        rows.add_row(*cells(one), *([one.get("project_id", "")] if elsewhere else []))
    rows.show()
