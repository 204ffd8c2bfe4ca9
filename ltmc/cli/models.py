"""The models that search can go by."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from ltmc.cli.options import Group, Table, load_settings, print_json, with_database, with_json


@click.group(cls=Group)
def model() -> None:
    """Choose the model that search goes by: the shipped one, or another sentence transformer.

    A model is used by one database, which keeps it in the folder `ltmc-models` beside it.
    """


@model.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="What to call it; else the name of FOLDER.")
@click.option("--pooling", type=click.Choice(["mean", "cls"]), help="Else as FOLDER says.")
@click.option("--query-prefix", help="What stands before each query, such as 'query: '; else as FOLDER says.")
@click.option("--document-prefix", help="What stands before each text that is stored; else as FOLDER says.")
@with_database
@with_json
def add(folder: Path, as_json: bool, db: str | None, **options: Any) -> None:
    """Make a published sentence transformer, in FOLDER, one that `ltmc model use` can choose.

    FOLDER holds model.safetensors, config.json and vocab.txt of a model shaped as BERT or MPNet. Its weights are
    rounded to 8 bits, and what they give is compared with what they give in floats.
    """
    from ltmc.app import models

    with click.progressbar(
        length=1, label="Rounding", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def advance(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        added = models.add(load_settings(db=db), folder, progress=advance, **options)
    if as_json:
        print_json(added)
        return
    click.echo(
        f"Added {added['name']}: {added['dims']} dims, {added['bytes']:,} bytes. Cosine with its float run: mean "
        f"{added['mean_cosine']:.4f}, least {added['least_cosine']:.4f}. "
        f"`ltmc model use {added['name']}` chooses it."
    )


@model.command("list")
@with_database
@with_json
def list_models(as_json: bool, **flags: Any) -> None:
    """List the models of the database and which it is made with."""
    from ltmc.app import models

    listed = models.listing(load_settings(**flags))
    if as_json:
        click.echo(json.dumps(listed))
        return
    rows = Table("Name", "Dims", "Bytes", "")
    for one in listed:
        said = [word for word, so in (("shipped", one["shipped"]), ("in use", one["in_use"])) if so]
        rows.add_row(one["name"], str(one["dims"]), f"{one['bytes']:,}", ", ".join(said))
    rows.show()


@model.command()
@click.argument("name")
@with_database
@with_json
def use(name: str, as_json: bool, **flags: Any) -> None:
    """Make the search index anew with a model; `minilm` is the shipped one.

    Servers that run go by words alone, and say so, until they are restarted. The next one embeds everything in the
    background; `ltmc reindex` does it at once.
    """
    from ltmc.app import models

    chosen = models.use(load_settings(**flags), name)
    if as_json:
        click.echo(json.dumps(chosen))
    elif not chosen["changed"]:
        click.echo(f"{name} is in use already.")
    else:
        click.echo(
            f"{name} is chosen. Restart running servers; the next one embeds the {chosen['entries']} entries in the "
            "background (`ltmc doctor` shows the progress), `ltmc reindex` does it at once."
        )


@model.command()
@click.argument("name")
@with_database
def remove(name: str, **flags: Any) -> None:
    """Remove a model that is not in use."""
    from ltmc.app import models

    models.remove(load_settings(**flags), name)
    click.echo(f"Removed {name}.")
