"""What ltmc.pyz unpacked at its first start."""

import json

import click

from ltmc.cli.options import with_json


@click.group()
def cache() -> None:
    """Look after what ltmc.pyz unpacked at its first start."""


@cache.command("prune")
@with_json
def cache_prune(as_json: bool) -> None:
    """Remove the unpacked versions of ltmc.pyz that no running process uses.

    A version that is needed again unpacks itself again.
    """
    from ltmc.distribution import unpacking as unpacked

    removed, kept = unpacked.prune()
    if as_json:
        report = {
            name: [{"path": str(entry.path), "bytes": entry.size} for entry in group]
            for name, group in (("removed", removed), ("kept", kept))
        }
        click.echo(json.dumps(report, indent=1))
        return
    for entry in removed:
        click.echo(f"Removed {entry.path} ({entry.size / 1e6:.0f} MB).")
    for entry in kept:
        click.echo(f"Kept {entry.path}: a process uses it.")
    if not removed and not kept:
        click.echo("Nothing is unpacked.")
