"""What this very LTMC is, and how it is started again: from source, from the .pyz or as the frozen program."""

import os
import sys
from pathlib import Path
from typing import Literal

COMMIT_FILE = "commit.txt"
"""Written beside this file where LTMC is built (`setup.py`)."""

DESCRIBE = ("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
"""How git names a commit; `-dirty` where files differ from it."""

Form = Literal["source", "pyz", "frozen"]

ONE_FILE = os.environ.pop("LTMC_ONE_FILE", None)
"""The program in one file, where that has unpacked and become this program (`freeze/launcher/launcher.c`)."""


def form() -> Form:
    """Return the form that is running."""
    if getattr(sys, "frozen", False):
        return "frozen"
    return "pyz" if "_unpacking" in sys.modules else "source"


def known_as() -> str:
    """Return what is running as people know it: source, wheel, pyz, frozen or one file."""
    if form() == "source":
        return "source" if Path(__file__).parents[2].joinpath("pyproject.toml").exists() else "wheel"
    return "one file" if ONE_FILE else form()


def commit() -> str:
    """Return the commit that this was built from, as git abbreviates it; `unknown` where nothing tells."""
    noted = Path(__file__).with_name(COMMIT_FILE)
    if noted.exists():
        return noted.read_text("ascii").strip()
    import subprocess

    command = ["git", "-C", str(Path(__file__).parents[2]), *DESCRIBE]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return told.stdout.strip()


def platform() -> str:
    """Return the system, the processor and the Python."""
    import platform as host

    return f"{sys.platform}-{host.machine().lower()}, Python {host.python_version()}"


def own_archive() -> Path:
    """Return the ltmc.pyz that is running."""
    return Path(sys.argv[0]).resolve()


def typed_command() -> str:
    """Return what a person types to start this LTMC again, as far as it can be told."""
    import shlex
    import shutil

    program, running = sys.argv[0], form()
    if running == "pyz":
        return shlex.join(["python3", program])
    if running == "frozen":
        program = ONE_FILE or program
    name = Path(program).stem
    if name == "__main__":
        return "python -m ltmc"
    found = shutil.which(name)
    return name if found and Path(found).resolve() == Path(program).resolve() else shlex.quote(program)


def own_command() -> list[str]:
    """Return the program and arguments to which a command such as ``serve`` is added."""
    running = form()
    if running == "frozen":
        return [ONE_FILE or sys.executable]
    if running == "pyz":
        return [sys.executable, str(own_archive())]
    return [sys.executable, "-P", "-m", "ltmc"]  # nothing is imported from the current folder
