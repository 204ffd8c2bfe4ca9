"""Where git keeps the repository of a folder, and reading its files without running git.

They may be anybody's: each is an ordinary file and read in part, no reference is followed twice, and nothing raises.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

POINTER_BYTES = 8_192
"""How much is read of a file that names one thing."""


class Repository(NamedTuple):
    """A repository.

    Attributes:
        top: the folder in which it was found, as the one asked about is written: that of the working tree.
        git: the folder of this working tree's own state; `common`: the one that its worktrees share.
    """

    top: Path
    git: Path
    common: Path


def repository_of(folder: Path) -> Repository | None:
    """Return the repository that a folder lies in."""
    for place in (folder, *folder.parents):
        git = place / ".git"
        if pointer := first_line(git):
            git = place / pointer.removeprefix("gitdir:").strip()
        for candidate in (git, place):  # the folder itself: a repository without a working tree
            found = real(candidate)
            if found and _is(stat.S_ISREG, found / "HEAD"):
                common = real(found / (first_line(found / "commondir") or "."))
                if common and _is(stat.S_ISDIR, common / "objects") and _is(stat.S_ISDIR, common / "refs"):
                    return Repository(place, found, common)
    return None


def real(folder: Path) -> Path | None:
    """Return where a path leads; None where it cannot be followed."""
    try:
        return Path(os.path.realpath(folder))
    except (OSError, ValueError):
        return None


def first_line(path: Path) -> str:
    """Return the first line of a file; empty where it cannot be read."""
    return text(path, POINTER_BYTES).partition("\n")[0].strip()


def text(path: Path, most: int) -> str:
    """Return the beginning of a file as text; see `beginning`."""
    return beginning(path, most).decode("utf-8", "surrogateescape")


def beginning(path: Path, most: int) -> bytes:
    """Return so many bytes of an ordinary file; none where it cannot be read."""
    try:
        # A pipe would wait for whoever writes into it.
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError):
        return b""
    try:
        return os.read(file, most) if stat.S_ISREG(os.fstat(file).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(file)


def _is(kind: Callable[[int], bool], path: Path) -> bool:
    try:
        return kind(path.stat().st_mode)
    except (OSError, ValueError):
        return False
