"""Moving a whole memory from one database into another."""

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from ltmc.cli.options import Table, load_settings, print_json, with_database, with_json
from ltmc.errors import ErrorCode, LtmcError

if TYPE_CHECKING:
    from ltmc.settings import Settings

ON_TERMINAL_SECONDS, ELSEWHERE_SECONDS = 0.2, 5.0
"""How often it is said how far it is."""


@click.command("migrate-to")
@click.argument("target", metavar="TARGET")
@click.option("--verify", is_flag=True, help="Compare both databases, and change nothing.")
@with_database
@with_json
def migrate_to(target: str, verify: bool, as_json: bool, **flags: Any) -> None:
    """Copy the whole memory into TARGET, a file or postgresql://user@host/name, and verify the copy.

    TARGET is empty, or a file that is not there. Ids, times, versions and the search index stay as they are. Stop what
    writes to the memory first. When it is interrupted, run it again: it goes on.
    """
    from ltmc.app import moving
    from ltmc.app.diagnosis import database_of

    source = load_settings(existing=True, **flags)
    there = _target(target)
    progress = _Progress()
    try:
        report = asyncio.run((moving.compare if verify else moving.move)(source, there, progress))
    finally:
        progress.end()
    if as_json:
        print_json(report.as_json())
    else:
        rows = Table("Table", "Rows", "SHA-256", "")
        for one in report.tables:
            if one.source.rows or one.target.rows:
                state = "equal" if one.equal else f"differs: {one.target.rows} rows, {one.target.hash[:16]}"
                rows.add_row(one.table, str(one.source.rows), one.source.hash[:16], state)
        rows.show()
    if not report.equal:
        what = (
            "They differ." if verify else "The copy differs from the source: remove it, and run this again."
        )
        raise LtmcError(ErrorCode.CONFLICT, what)
    if not as_json and not verify:
        went_on = {
            "again": " The source had changed since the last run, so it was copied from the beginning.",
            "where it was": " It went on where the last run had ended.",
        }.get(report.begun, "")
        where = database_of(there)
        click.echo(f"Copied {report.copied} rows to {where}; the copy is verified and ready.{went_on}")
        if report.anew:
            click.echo(
                "Another model made its search index: servers, or `ltmc reindex`, make it anew with the shipped one."
            )


def _target(named: str) -> "Settings":
    try:
        return load_settings(db=named)
    except LtmcError as error:
        if error.field != "db":
            raise
        said = error.message.replace("Setting db (flag)", "TARGET:")
        raise LtmcError(error.code, said, field="target") from None


class _Progress:
    """A line on stderr that says how far it is."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._said = time.monotonic()
        self._shown = False

    def __call__(self, doing: str, done: int, of: int) -> None:
        """Say so, unless it was just said."""
        if time.monotonic() - self._said < (ON_TERMINAL_SECONDS if self._is_terminal else ELSEWHERE_SECONDS):
            return
        self._said, self._shown = time.monotonic(), True
        text = f"{doing}, {done:,} of {of:,} rows"
        click.echo(f"\r\x1b[K{text}" if self._is_terminal else text, nl=not self._is_terminal, err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._shown and self._is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)
