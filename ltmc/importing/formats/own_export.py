"""What `ltmc export` writes: a line of JSON for each row."""

from collections.abc import Iterator
from pathlib import Path

from ltmc.importing.items import Item, Position, Row
from ltmc.importing.streams import head, objects
from ltmc.importing.texts import mapping, string
from ltmc.storage.tables import transfer

NAME = "ltmc"

_KNOWN = 1
"""The newest version of the lines that can be read."""


def detect(path: Path) -> bool:
    """Return whether a file is an export of LTMC."""
    return any("ltmc_export" in one for one in head(path)[:1])


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield the rows."""
    about = head(path)[0]
    version, origin = about["ltmc_export"], string(about.get("origin"))
    if version != _KNOWN or origin is None:
        raise ValueError(f"it is an export of version {version}; this LTMC reads version {_KNOWN}")
    for start, record in objects(path, position):
        if start == 0:
            continue
        table = record.get("table")
        if table in transfer.NAMES:
            yield Row(str(table), mapping(record.get("row")), origin)
        else:
            position.skip("rows of tables that are not known")
