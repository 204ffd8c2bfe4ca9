"""Backup, restore and the search index."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ltmc.cli.options import load_settings, with_database, with_json


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@with_database
@with_json
def backup(file: Path, force: bool, as_json: bool, **flags: Any) -> None:
    """Copy the database to FILE while it is in use; the copy is read back and checked.

    Rows that tools cannot read are copied as they are, and named.
    """
    from ltmc.app.maintenance import backup as write

    settings = load_settings(existing=True, **flags)
    with _bar("Copying") as advance:
        report = write(settings, file, overwrite=force, progress=advance)
    _warn_of(report["bad_rows"], report["file"])
    damage = report["index_damage"]
    hint = f" The search index is damaged ({damage}): `ltmc reindex --all` makes it anew." if damage else ""
    click.echo(
        json.dumps(report) if as_json else f"Wrote {report['file']} ({report['bytes']} bytes), checked.{hint}"
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what the database holds; that is kept beside it.")
@click.option("--accept-bad-rows", is_flag=True, help="Take FILE also with rows that tools cannot read.")
@with_database
@with_json
def restore(file: Path, force: bool, accept_bad_rows: bool, as_json: bool, **flags: Any) -> None:
    """Put the state of a backup FILE into the database, also while servers use it."""
    from ltmc.app.maintenance import restore as put

    report = put(load_settings(**flags), file, overwrite=force, accept_bad_rows=accept_bad_rows)
    _warn_of(report["bad_rows"], report["db"])
    kept = f" What it held is in {report['kept']} for 30 days." if report["kept"] else ""
    damage = report["index_damage"]
    anew = f" Its search index was damaged ({damage}) and was made anew." if damage else ""
    click.echo(json.dumps(report) if as_json else f"Restored {report['db']} from {file}.{kept}{anew}")


def _warn_of(bad_rows: list[str], file: str) -> None:
    for row in bad_rows:
        click.echo(f"Warning: {file} has a row that tools cannot read: {row}.", err=True)


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, if that is a terminal; give what advances it."""
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def advance(done: int, of: int) -> None:
            bar.length = max(of, 1)
            bar.update(done - bar.pos)

        yield advance


@click.command()
@click.option("--all", "everything", is_flag=True, help="Index everything anew, also what is in step.")
@with_database
@with_json
def reindex(everything: bool, as_json: bool, **flags: Any) -> None:
    """Bring the search index in step with what is stored, also while servers use it.

    An index of another version of the search is made anew. It can be interrupted: the next run goes on.
    """
    from ltmc.app.maintenance import reindex as run

    settings = load_settings(existing=True, **flags)
    with _bar("Indexing") as advance:
        report = asyncio.run(run(settings, everything=everything, progress=advance))
    click.echo(
        json.dumps(report)
        if as_json
        else f"Indexed {report['indexed']}, removed {report['removed']}; "
        f"the index holds {sum(report['entries'].values())}."
    )
