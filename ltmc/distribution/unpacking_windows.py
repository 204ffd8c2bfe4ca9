"""Where ltmc.pyz unpacks itself on Windows, and the locks on it.

A folder below the user's profile is the user's by the access list that it inherits, so no owner and no mode is looked
at; who names another with ``LTMC_ROOT`` sees to that. What uses a folder has its lock file open
(`ltmc.system.locks_windows`) and, sooner or later, libraries in it: Windows lets nobody rename or remove it then.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ltmc.system import locks_windows as locks

assert sys.platform == "win32"


def usual_roots() -> list[Path]:
    """Return the folder that platformdirs has for what a program can make again."""
    local = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")  # noqa: PTH111 (never raises)
    return [Path(local, "ltmc", "Cache")]


def enter(root: Path, *, make: bool = False) -> None:
    """See that `root` is there.

    Args:
        make: make what is missing.

    Raises:
        OSError: it is absent, or is no folder.
    """
    if make:
        root.mkdir(parents=True, exist_ok=True)
    os.scandir(root).close()


def hold(folder: Path) -> int:
    """Lock a folder against its removal, and set its time of change; the handle.

    Raises:
        OSError: it is absent, or another process removes it just now.
    """
    handle = locks.open_lock(folder)
    try:
        locks.lock(handle, wait=False, shared=True)
    except OSError:
        locks.release(handle)
        raise
    with suppress(OSError):  # another user's
        os.utime(folder)
    return handle


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of a root, under which folders come and go in it."""
    handle = locks.open_lock(root)
    try:
        locks.lock(handle, wait=True)
        yield
    finally:
        locks.release(handle)


@contextmanager
def exclusive(folder: Path) -> Iterator[bool]:
    """Whether nobody uses `folder`. Nothing is held meanwhile, for then it could not be renamed; nor can it be by
    then where somebody began to use it.
    """
    try:
        handle = locks.open_lock(folder)
    except OSError:
        yield False
        return
    try:
        locks.lock(handle, wait=False)
        free = True
    except OSError:
        free = False
    locks.release(handle)
    yield free
