"""Installing LTMC into coding agents, and taking it out again."""

import functools
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltmc.cli.options import EXIT_FAILED, fail
from ltmc.errors import LtmcError

if TYPE_CHECKING:
    from ltmc.agents.model import Client, Scope


def _with_agents(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments that choose agents; the command gets them with the scope."""

    @click.argument("names", nargs=-1, metavar="[AGENT]...")
    @click.option("--all", "everything", is_flag=True, help="Every agent that is here.")
    @click.option("--project", is_flag=True, help="In the files of the current repository, not in yours.")
    @functools.wraps(command)
    def run(names: tuple[str, ...], everything: bool, project: bool, **flags: Any) -> None:
        from ltmc.agents.model import Scope
        from ltmc.agents.places import places, project_folder

        scope = Scope(places(), project_folder() if project else None)
        command(_chosen(names, everything, scope), scope, **flags)

    return run


def _chosen(names: tuple[str, ...], everything: bool, scope: "Scope") -> "list[Client]":
    from ltmc.agents.registry import CLIENTS

    if bool(names) == everything:
        fail(f"name agents or give --all; the agents: {', '.join(CLIENTS)}.", "INVALID_ARGUMENT")
    for name in names:
        if name not in CLIENTS:
            fail(f"AGENT: got {name!r}; allowed: {', '.join(CLIENTS)}.", "INVALID_ARGUMENT")
        if scope.project and not CLIENTS[name].project:
            fail(f"AGENT: {CLIENTS[name].title} has no settings in a project.", "INVALID_ARGUMENT")
    clients = list(CLIENTS.values()) if everything else [CLIENTS[name] for name in dict.fromkeys(names)]
    return [client for client in clients if client.project or not scope.project]


@click.command()
@_with_agents
@click.option("--dry-run", is_flag=True, help="Show what would change in which file, and change nothing.")
def install(clients: "list[Client]", scope: "Scope", dry_run: bool) -> None:
    """Install LTMC into coding agents: its server, and hooks or guidance that have it used.

    Files of yours are edited so that all else in them stays as it is, with a backup beside them. `ltmc uninstall`
    puts everything back.
    """
    from ltmc.agents import installing, ledger

    everything = click.get_current_context().params["everything"]
    absent = [client for client in clients if not client.present(scope.places)]
    if everything:
        clients = [client for client in clients if client not in absent]
        if not clients:
            click.echo("None of the agents is here that LTMC can be installed into. It looked for:")
        for client in [] if clients else absent:
            folders = " or ".join(str(folder) for folder in client.folders(scope.places))
            click.echo(f"  {client.title}: {folders}")
    if clients and not dry_run:
        _require_ledger()
    failed = False
    for client in clients:
        try:
            if client in absent and not scope.project:
                raise _absent(client, scope)
            with nullcontext() if dry_run else ledger.opened() as noted:
                drafts = installing.plan(scope.pieces(client))
                if noted:
                    installing.install(scope.owner(client), drafts, noted)
        except LtmcError as error:
            failed = True
            click.echo(f"Error: {client.title}: {error.message}", err=True)
            continue
        changed = [draft for draft in drafts if draft.changed]
        if dry_run:
            click.echo("".join(draft.diff() for draft in changed), nl=False)
            continue
        click.echo(f"{client.title}: {'installed.' if changed else 'is installed already.'}")
        for draft in changed:
            click.echo(f"  {draft.path}")
        told = (client.afterwards, client.remark(scope.places)) if changed and not scope.project else ()
        for line in filter(None, told):
            click.echo(f"  {line[0].upper()}{line[1:]}")
    if failed:
        sys.exit(EXIT_FAILED)


def _absent(client: "Client", scope: "Scope") -> LtmcError:
    from ltmc.errors import ErrorCode

    folders = " or ".join(str(folder) for folder in client.folders(scope.places))
    return LtmcError(ErrorCode.NOT_FOUND, f"it is not here: there is no folder {folders}.")


def _require_ledger() -> None:
    """End the command where what was done to the files is not known, which is the same for all agents."""
    from ltmc.agents import ledger

    try:
        with ledger.opened():
            pass
    except LtmcError as error:
        fail(error.message, error.code.value)


def _unrecorded(path: Path) -> str:
    from ltmc.agents import files

    backup = files.backup_of(path)
    said = (
        "How the file was before LTMC is not noted (agents.json is missing): only LTMC's part was taken out"
    )
    return f"{said}; a copy from before LTMC stays: {backup}" if backup.exists() else f"{said}."


@click.command()
@_with_agents
def uninstall(clients: "list[Client]", scope: "Scope") -> None:
    """Take LTMC out of coding agents again.

    A file that only LTMC has changed becomes byte for byte what it was; of one that others have changed since, only
    LTMC's parts go, and a copy stays beside it if these had been edited. Memories stay.
    """
    from ltmc.agents import installing, ledger

    _require_ledger()
    failed = found = False
    for client in clients:
        try:
            with ledger.opened() as noted:
                changed = installing.uninstall(scope.owner(client), scope.pieces(client), noted)
        except LtmcError as error:
            failed = True
            click.echo(f"Error: {client.title}: {error.message}", err=True)
            continue
        if changed:
            found = True
            click.echo(f"{client.title}: taken out of")
            for draft in changed:
                click.echo(f"  {draft.path}")
                if draft.kept:
                    click.echo(
                        f"    LTMC's part of it had been edited; the file as it was is kept: {draft.kept}"
                    )
                if draft.unrecorded:
                    click.echo(f"    {_unrecorded(draft.path)}")
        elif not click.get_current_context().params["everything"]:
            click.echo(f"{client.title}: there was nothing to take out.")
            found = True
    if failed:
        sys.exit(EXIT_FAILED)
    if not found:
        click.echo("There was nothing to take out.")
