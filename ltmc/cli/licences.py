"""What LTMC is made of, and under which licences."""

import json
from typing import TYPE_CHECKING

import click

from ltmc.cli.options import Table, fail, with_json

if TYPE_CHECKING:
    from ltmc.distribution.licences import Part


@click.command()
@click.argument("name", required=False)
@click.option("--full", is_flag=True, help="Print the texts too.")
@with_json
def licenses(name: str | None, full: bool, as_json: bool) -> None:
    """List each part of this LTMC with its version and licence; of NAME print the texts."""
    from packaging.utils import canonicalize_name

    from ltmc.distribution import licences

    try:
        found = licences.parts()
    except FileNotFoundError as error:
        fail(str(error), "NOT_FOUND")
    if name is not None:
        wanted = canonicalize_name(name)
        found = [part for part in found if canonicalize_name(part.name) == wanted]
        if not found:
            fail(f"no part of LTMC is named {name}; ltmc licenses lists them", "INVALID_ARGUMENT")
    if as_json:
        click.echo(json.dumps([_as_json(part, texts=full or name is not None) for part in found], indent=1))
        return
    rows = Table("Name", "Version", "Licence")
    for part in found:
        rows.add_row(part.name, part.version, part.licence)
    rows.show()
    if full or name is not None:
        named: dict[str, list[str]] = {}  # many share a text
        for part in found:
            for path in part.texts:
                named.setdefault(path.read_text("utf-8", "replace").strip(), []).append(part.name)
        for text, names in named.items():
            click.echo(f"\n{'=' * 80}\n{', '.join(dict.fromkeys(names))}\n{'=' * 80}\n{text}")


def _as_json(part: "Part", *, texts: bool) -> dict[str, object]:
    shown = {"name": part.name, "version": part.version, "licence": part.licence, "kind": part.kind}
    return shown | ({"texts": [path.read_text("utf-8", "replace") for path in part.texts]} if texts else {})
