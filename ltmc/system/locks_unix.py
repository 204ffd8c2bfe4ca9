"""Locks that end with their process, on POSIX: `flock` on a folder, `lockf` on a byte of a file.

Others that lock are kept out, and nobody else: a folder or file that is locked can be read, changed and removed. On a
file system without locks, `lock` raises.
"""

import fcntl
import os
import sys
from pathlib import Path

assert sys.platform != "win32"


def open_lock(folder: Path) -> int:
    """Return a handle on the lock of a folder, to be locked and then released.

    Raises:
        OSError: it is no folder.
    """
    return os.open(folder, os.O_RDONLY)


def lock(handle: int, *, wait: bool, shared: bool = False) -> None:
    """Take the lock.

    Raises:
        BlockingIOError: another one has it, and is not waited for.
        OSError: the file system has no such locks.
    """
    fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))


def release(handle: int) -> None:
    """Let go of a lock, if it was taken, and close its handle."""
    os.close(handle)


def lock_byte(file: int, place: int, *, shared: bool) -> bool:
    """Take the lock of a byte of an open file, at once; False when another process has it.

    A lock that this process has itself is turned into the other kind. Closing any handle of the file ends all of them.
    """
    try:
        fcntl.lockf(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, 1, place)
    except (BlockingIOError, PermissionError):
        return False
    return True


def unlock_byte(file: int, place: int) -> None:
    """Let go of the lock of a byte."""
    fcntl.lockf(file, fcntl.LOCK_UN, 1, place)
