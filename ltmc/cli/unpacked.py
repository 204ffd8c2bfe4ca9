"""What ltmc.pyz unpacked at its first start."""

import json
import os
import threading

import click

from ltmc.cli.options import Group, with_json

UNUSED_DAYS = 30
"""What was not started for so long is removed by a server that runs another version."""
PRUNE_AFTER_SECONDS = 10.0
"""Then a server has started, and its first calls are answered."""


def prune_later() -> None:
    """Have this process, if it was unpacked, remove unpacked versions that are not used any more; on a thread.

    Not where the user chose the folder (LTMC_ROOT): others may have put theirs there.
    """
    from ltmc.distribution import form

    def prune() -> None:
        from ltmc.distribution import unpacking

        unpacking.prune(unused_days=UNUSED_DAYS)

    if (form.form() == "pyz" or form.ONE_FILE) and not os.environ.get("LTMC_ROOT"):
        timer = threading.Timer(PRUNE_AFTER_SECONDS, prune)
        timer.daemon = True
        timer.start()


@click.group(cls=Group)
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
