"""How this very LTMC is started again: from source, from the .pyz or as the frozen program."""

import sys
from pathlib import Path
from typing import Literal

Form = Literal["source", "pyz", "frozen"]


def form() -> Form:
    """Return the form that is running."""
    if getattr(sys, "frozen", False):
        return "frozen"
    return "pyz" if "_unpacking" in sys.modules else "source"


def unpacks_at_each_start() -> bool:
    """Whether this is the program of one file."""
    if form() != "frozen":
        return False
    return not Path(sys._MEIPASS).is_relative_to(Path(sys.executable).parent)  # type: ignore[attr-defined]


def own_archive() -> Path:
    """Return the ltmc.pyz that is running."""
    return Path(sys.argv[0]).resolve()


def own_command() -> list[str]:
    """Return the program and arguments to which a command such as ``serve`` is added."""
    running = form()
    if running == "frozen":
        return [sys.executable]
    if running == "pyz":
        return [sys.executable, str(own_archive())]
    return [sys.executable, "-P", "-m", "ltmc"]  # nothing is imported from the current folder
