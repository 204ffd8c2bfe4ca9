"""What is there, what is in force, and what was used."""

import asyncio
import json
import sys
from typing import Any

import click

from ltmc import __version__
from ltmc.cli.options import (
    EXIT_FAILED,
    Table,
    load_settings,
    settings_here,
    with_database,
    with_json,
    with_project,
)


@click.command()
@click.option("--deep", is_flag=True, help="ltmc.pyz: compare what it unpacked with it first, and mend that.")
@with_json
def check(deep: bool, as_json: bool) -> None:
    """Prove that every module, tool, data file and package of LTMC is present and loads.

    Exits with 1 and names what is missing if anything is.
    """
    from ltmc.distribution.check import run
    from ltmc.distribution.form import form, known_as

    def open_scratch_database() -> None:
        from ltmc.app import diagnosis  # what it imports may be missing, which is then a finding too

        diagnosis.open_scratch_database()

    entries = run(open_scratch_database, deep=deep)
    broken = [entry for entry in entries if entry.error]
    if as_json:
        report = {
            "form": form(),
            "version": __version__,
            "ok": not broken,
            "entries": [entry.as_json() for entry in entries],
        }
        click.echo(json.dumps(report, indent=1))
    else:
        rows = Table("Kind", "Entries", "Broken")
        for kind in dict.fromkeys(entry.kind for entry in entries):
            members = [entry for entry in entries if entry.kind == kind]
            rows.add_row(kind, str(len(members)), str(sum(bool(one.error) for one in members)))
        rows.show()
        click.echo(f"LTMC {__version__} ({known_as()}): {len(entries) - len(broken)} of {len(entries)} load.")
    for entry in broken:
        click.echo(f"Missing {entry.kind} {entry.name}: {entry.error}", err=True)
    if broken:
        sys.exit(EXIT_FAILED)


@click.command()
@click.option("--service", help="Probe this part alone, such as sqlite.")
@with_database
@with_json
def doctor(service: str | None, as_json: bool, **flags: Any) -> None:
    """Print the settings in force and where each came from, the database, its sizes, health, and the agents.

    Where ltmc.pyz has unpacked itself on this host, the versions are listed too.

    Exits with 1 if a part that LTMC needs is down, or the database holds what tools cannot read.
    """
    from ltmc.agents import report as agents
    from ltmc.app import startup
    from ltmc.app.diagnosis import examine, probe
    from ltmc.app.hooks import last_failure

    if service is not None:
        result = asyncio.run(probe(load_settings(existing=True, **flags), service))
        click.echo(json.dumps(result) if as_json else ", ".join(f"{key}: {result[key]}" for key in result))
        sys.exit(EXIT_FAILED if result["status"] == "down" else 0)
    settings, origins = startup.load(**flags)
    report = asyncio.run(examine(settings, origins)) | {"agents": agents.report()}
    report["hooks"] = {"last failure": failure} if (failure := last_failure(settings.db)) else {}
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        columns = {
            "settings": ["Value", "From"],
            "unpacked": ["Bytes", "State"],
            "plugins": ["Package", "Tools"],
            "agents": ["State", "Starts"],
        }
        headings = (
            "settings",
            "this folder",
            "database",
            "search",
            "unpacked",
            "plugins",
            "health",
            "agents",
            "hooks",
        )
        for heading in headings:
            if not report[heading]:
                continue
            rows = Table(heading.capitalize(), *columns.get(heading, ["Value"]))
            for name, value in report[heading].items():
                shown = value if isinstance(value, list) else [value]
                rows.add_row(name, *(str(part) for part in shown))
            rows.show()
        if not report["agents"]:
            click.echo("Agents: none is here that LTMC can be installed into.")
    if report["status"] == "unhealthy":
        sys.exit(EXIT_FAILED)


with_days = click.option(
    "--days", default=30, show_default=True, type=click.IntRange(1, 36_500), help="Since when."
)


@click.command()
@click.option(
    "--by",
    "group_by",
    default="tool",
    show_default=True,
    type=click.Choice(["tool", "project", "caller", "day", "agent"]),
)
@with_days
@with_project
@with_database
@with_json
def usage(group_by: str, days: int, project_id: str | None, as_json: bool, **flags: Any) -> None:
    """Count the calls of the last days, with their times and errors; --project '*' for all projects."""
    from ltmc.app import usage as log

    report = asyncio.run(
        log.usage(settings_here(existing=True, **flags), group_by=group_by, days=days, project_id=project_id)
    )
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    rows = Table(group_by.capitalize(), "Calls", "Errors", "p50 ms", "p95 ms", "p99 ms")
    for row in report["calls"]:
        figures = (row[key] for key in (group_by, "count", "error_rate", "p50_ms", "p95_ms", "p99_ms"))
        rows.add_row(*(_shown(value) for value in figures))
    rows.show()
    total = report["total"]
    click.echo(f"Errors: {_shown(total['error_rate'])}. A minute: {_shown(total['throughput_per_minute'])}.")


@click.command()
@with_days
@with_project
@with_database
@with_json
def routing(days: int, project_id: str | None, as_json: bool, **flags: Any) -> None:
    """Show how queries were routed in the last days, and what came of it; --project '*' for all projects."""
    from ltmc.app import usage as log

    report = asyncio.run(log.routing(settings_here(existing=True, **flags), days=days, project_id=project_id))
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    rows = Table("Method", "Routes", "Empty")
    for method, routes in report["method_distribution"].items():
        rows.add_row(method, str(routes), _shown(report["empty_rate_by_method"][method]))
    rows.show()
    click.echo(
        f"{report['total_routes']} routes; another method was needed for {_shown(report['fallback_rate'])}."
    )


def _shown(value: object) -> str:
    return "-" if value is None else str(value)
