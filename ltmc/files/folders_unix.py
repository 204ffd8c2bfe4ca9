"""A folder reached from the root of the file system on without following a link, on POSIX.

All that is done in it is done relative to its handle, so whatever is put in the way of its path later is not followed.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

assert sys.platform != "win32"

Folder = int
"""A folder that is open."""

_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def reached(path: Path, is_made: Callable[[Path], bool]) -> Iterator[Folder]:
    """Give a folder by its resolved path.

    Args:
        is_made: whether a folder on the way is made where it is missing.

    Raises:
        OSError: it is absent, is no folder, or a link is in its way.
    """
    here = Path(path.anchor)
    handle = os.open(here, _FOLDER)
    try:
        for part in path.parts[1:]:
            here /= part
            if is_made(here):
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            inner = os.open(part, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def open_file(folder: Folder, name: str) -> int:
    """Open a file for reading; a link is not followed, and a pipe not waited for."""
    return os.open(name, _FILE, dir_fd=folder)


def make_file(folder: Folder, name: str, mode: int) -> int:
    """Make a file that must not be there yet, and open it for writing."""
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=folder)


def status(folder: Folder, name: str) -> os.stat_result:
    """Return what is known of a file, or of a link itself."""
    return os.lstat(name, dir_fd=folder)


def names(folder: Folder) -> list[str]:
    """Return the names of what lies in it."""
    here = os.open(".", os.O_RDONLY, dir_fd=folder)
    try:
        return os.listdir(here)  # noqa: PTH208 - of a handle
    finally:
        os.close(here)


def rename(folder: Folder, source: str, target: str) -> None:
    """Give a file the name of another one, in whose place it is then."""
    os.replace(source, target, src_dir_fd=folder, dst_dir_fd=folder)


def remove(folder: Folder, name: str) -> None:
    """Remove a file."""
    os.unlink(name, dir_fd=folder)
