"""The file of a project that says what hooks may do there: ``.ltmc.toml`` at its root.

Whoever wrote the repository wrote it, so it can only forbid.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ltmc.errors import invalid

NAME = ".ltmc.toml"
LONGEST = 64 * 1024
"""In bytes."""


class Allowed(NamedTuple):
    """What hooks may do in a project, and which files are left out."""

    capture: bool = True
    inject: bool = True
    ignore: Sequence[str] = ()


def allowed_in(root: Path) -> Allowed:
    """Return what the file of a project allows.

    Raises:
        LtmcError: INVALID_ARGUMENT where it cannot be understood.
    """
    path = root / NAME
    if not os.path.isfile(path):  # noqa: PTH113 - False also where it cannot be looked at
        return Allowed()
    import tomllib

    try:
        with path.open("rb") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise ValueError(f"more than {LONGEST} bytes")
        said = tomllib.loads(text.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise invalid(str(path), str(error), "a file of TOML") from None
    capture, inject, ignore = said.get("capture", True), said.get("inject", True), said.get("ignore", [])
    for name, value in (("capture", capture), ("inject", inject)):
        if not isinstance(value, bool):
            raise invalid(f"{path}: {name}", value, "true, false")
    if not isinstance(ignore, list) or not all(isinstance(one, str) for one in ignore):
        raise invalid(f"{path}: ignore", ignore, "a list of patterns like those of .gitignore")
    return Allowed(capture, inject, ignore)
