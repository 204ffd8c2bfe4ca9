"""How this very LTMC is started again: from source, from the .pyz or as the frozen program."""

import os
import sys
from pathlib import Path
from typing import Literal

Form = Literal["source", "pyz", "frozen"]

ONE_FILE = os.environ.pop("LTMC_ONE_FILE", None)
"""The program in one file, where that has unpacked and become this program (`freeze/launcher/launcher.c`)."""


def form() -> Form:
    """Return the form that is running."""
    if getattr(sys, "frozen", False):
        return "frozen"
    return "pyz" if "_unpacking" in sys.modules else "source"


def own_archive() -> Path:
    """Return the ltmc.pyz that is running."""
    return Path(sys.argv[0]).resolve()


def own_command() -> list[str]:
    """Return the program and arguments to which a command such as ``serve`` is added."""
    running = form()
    if running == "frozen":
        return [ONE_FILE or sys.executable]
    if running == "pyz":
        return [sys.executable, str(own_archive())]
    return [sys.executable, "-P", "-m", "ltmc"]  # nothing is imported from the current folder
