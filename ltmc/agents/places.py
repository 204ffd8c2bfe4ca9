"""Where agents keep their files: the home, the variables that move them, and each platform's folders."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The folders from which those of the agents are found."""

    home: Path

    def moved(self, variable: str, *default: str) -> Path:
        """Return the folder that a variable names, else one below the home."""
        named = os.environ.get(variable)
        if not named:
            return self.home.joinpath(*default)
        return Path(os.path.expanduser(named)).absolute()  # noqa: PTH111 (never raises)

    @property
    def config(self) -> Path:
        """The folder of settings by the XDG rules, which some agents follow on every system."""
        named = os.environ.get("XDG_CONFIG_HOME", "")
        return Path(named) if os.path.isabs(named) else self.home / ".config"  # noqa: PTH117

    @property
    def application(self) -> Path:
        """The folder in which desktop applications keep their settings."""
        if sys.platform == "win32":
            return self.roaming
        return self.home / "Library" / "Application Support" if sys.platform == "darwin" else self.config

    @property
    def roaming(self) -> Path:
        """``%APPDATA%`` of Windows."""
        return self.moved("APPDATA", "AppData", "Roaming")


def places() -> Places:
    """Return those of the user."""
    return Places(Path.home())


def is_here(folder: Path) -> bool:
    """Whether a folder is there and can be looked at."""
    return os.path.isdir(folder)  # noqa: PTH112 (never raises)


def project_folder() -> Path:
    """Return the repository that the current folder is in, else the current folder."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
