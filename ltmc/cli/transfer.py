"""Import of what other programs kept, and export of all that is remembered."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltmc.cli.options import (
    EXIT_NOTHING_FOUND,
    Table,
    load_settings,
    print_json,
    with_database,
    with_json,
    without_secrets,
)
from ltmc.errors import ErrorCode, LtmcError, invalid

if TYPE_CHECKING:
    from ltmc.importing.service import Report


EXIT_BROKEN_PIPE = 128 + 13
"""Of a program whose reader has gone, as shells tell it: SIGPIPE."""


@click.command("import")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--found", is_flag=True, help="What agents and other memories keep in their usual places.")
@click.option("--project", "project_id", help="Put all into this project; else into that of each.")
@click.option("--dry-run", is_flag=True, help="Say what would come in, and store nothing.")
@with_database
@with_json
def import_(
    paths: tuple[Path, ...], found: bool, project_id: str | None, dry_run: bool, as_json: bool, **flags: Any
) -> None:
    """Import PATHS: transcripts of agents, notes, databases of other memories, exports of chats.

    A second run adds what is new. It can be interrupted: the next run goes on. Exits with 3 when nothing is found.
    """
    from ltmc.importing import places, refusals, registry, service
    from ltmc.settings import AUTO
    from ltmc.tools.arguments import PROJECT_ID, PROJECT_WORDS

    if found == bool(paths):
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT,
            f"Give paths or --found; got {'both' if found else 'none'}.",
            field="paths",
        )
    if project_id is not None and not PROJECT_ID.fullmatch(project_id):
        raise invalid("project_id", project_id, PROJECT_WORDS)
    settings = load_settings(**flags)
    if found:
        there = places.found(Path.home())
        for whose, place in there:
            click.echo(f"Found {place} ({whose}).", err=True)
        chosen = [(place, places.has_notes(whose)) for whose, place in there]
    else:
        chosen = [(path, True) for path in paths]
    listed, unknown = registry.sources(chosen)
    if not listed:
        if as_json:
            print_json(service.Report(dry_run, []).as_json())
        where = "the usual places" if found else ", ".join(str(path) for path in paths)
        more = f" ({unknown} files of no known format)" if unknown else ""
        allowed = "" if found else f"; allowed: {refusals.ALLOWED}"
        said = f"Nothing that can be imported was found in {where}{more}{allowed}."
        click.echo(without_secrets(said), err=True)
        sys.exit(0 if found else EXIT_NOTHING_FOUND)
    with click.progressbar(
        length=1, label="Importing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def advance(done: int, of: int) -> None:
            bar.length = max(of, 1)
            bar.update(done - bar.pos)

        report = asyncio.run(
            service.run(settings, listed, project=project_id, dry_run=dry_run, progress=advance)
        )
    if as_json:
        print_json(report.as_json())
    else:
        _show(report)
        if others := [one for one in report.projects if one != settings.project]:
            named = ", ".join(others[:5]) + (" and others" if len(others) > 5 else "")
            click.echo(f"In the projects {named}.")
            if settings.project != AUTO and project_id is None:
                click.echo(
                    f"Servers look in {settings.project!r} alone where calls name no project; with the setting project "
                    "auto they look in that of the repository worked in."
                )
        if unknown:
            click.echo(f"Left alone: {unknown} files of no known format.")
    if any(one.error for one in report.sources):
        sys.exit(1)


def _not_written(output: str, error: Exception) -> LtmcError:
    why = getattr(error.__cause__, "strerror", None) or error.__cause__
    return LtmcError(
        ErrorCode.BACKEND_UNAVAILABLE, f"output: {output} cannot be written: {why}.", field="output"
    )


def _show(report: "Report") -> None:
    rows = Table("Format", "Files", "Unchanged", "Messages", "Memories", "Links", "Others")
    for name in dict.fromkeys(one.format for one in report.sources if one.format):
        of = [one for one in report.sources if one.format == name]
        counts = [sum(one.new[kind] for one in of) for kind in ("messages", "memories", "links", "others")]
        rows.add_row(name, *map(str, (len(of), sum(one.unchanged for one in of), *counts)))
    if any(one.format for one in report.sources):
        rows.show()
    for reason, count in report.skipped.most_common():
        click.echo(f"Left out or changed: {count} {reason}.")
    for one in report.sources:
        if one.error:
            how_far = " to its end" if one.format else ""
            click.echo(without_secrets(f"Not imported{how_far}: {one.path}: {one.error}"), err=True)
    if report.dry_run:
        click.echo("Nothing was stored (--dry-run).")
    if report.pending:
        click.echo(
            f"{report.pending} are found by their words now, and by their meaning when a server has run for a while; "
            "`ltmc reindex` does it at once."
        )


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "markdown"]),
    default="jsonl",
    show_default=True,
    help="jsonl: all, for `ltmc import`; markdown: the current memories, for people.",
)
@click.option("--project", "project_id", help="Only this project; else all.")
@click.option("--output", type=click.Path(path_type=Path), help="A file, else stdout; for markdown a folder.")
@click.option("--force", is_flag=True, help="Replace the file, or write into a folder that holds something.")
@with_database
def export(form: str, project_id: str | None, output: Path | None, force: bool, **flags: Any) -> None:
    """Write all that is remembered to a file, or the memories to a folder of Markdown."""
    from ltmc.exporting import service

    settings = load_settings(existing=True, **flags)
    if form == "markdown":
        if output is None:
            raise invalid("output", None, "a folder, with --format markdown")
        if output.exists() and not (output.is_dir() and (force or not any(output.iterdir()))):
            raise invalid("output", str(output), "a folder that is empty or not there; else --force")
        count = asyncio.run(service.write_markdown(settings, project_id, output))
        click.echo(f"Wrote {count} memories to {output}.", err=True)
    elif output is None:
        try:
            asyncio.run(service.write_lines(settings, project_id, sys.stdout))
        except service.NotWrittenError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is not tried again
            if isinstance(error.__cause__, BrokenPipeError):
                sys.exit(EXIT_BROKEN_PIPE)
            raise _not_written("stdout", error) from None
    else:
        if not output.absolute().parent.is_dir():
            raise invalid("output", str(output), "a file in a folder that is there")
        if output.exists() and (output.is_dir() or not force):
            raise invalid("output", str(output), "a file that is not there yet; else --force")
        try:
            count = service.write_file(settings, project_id, output)
        except service.NotWrittenError as error:
            raise _not_written(str(output), error) from None
        click.echo(f"Wrote {count} rows to {output}.", err=True)
