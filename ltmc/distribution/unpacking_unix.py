"""Where ltmc.pyz unpacks itself on POSIX, to whom that must belong, and the locks on it.

A folder is the user's by its owner and its mode, and all above it are looked at; what uses one holds a shared `flock`
on it, which ends with the process.
"""

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

assert sys.platform != "win32"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def usual_roots() -> list[Path]:
    """Return ``ltmc`` in the user's cache folder, and for a home that is read-only, full or absent a folder of this
    user in the temporary folder.
    """
    cache = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(cache if cache.startswith("/") else os.path.expanduser("~/.cache"), "ltmc")  # noqa: PTH111 (never raises)
    temporary = Path(os.environ.get("TMPDIR") or "/tmp", f"ltmc-{os.geteuid()}")  # noqa: S108 (see enter)
    return [home, temporary]


def enter(root: Path, *, make: bool = False) -> None:
    """Go down to `root` and see that nobody but this user and root can change it, or what is put into it.

    The folders above may be those of everyone in which only owners rename (``/tmp``). A link among them is
    followed only where this user or root made it, and `root` itself may be none.

    Args:
        make: make what is missing, for this user alone.

    Raises:
        OSError: it is absent, is no folder, or others can change it.
    """
    ours = {0, os.geteuid()}
    ahead = [*reversed(root.parts[1:])] or ["."]
    handle = os.open("/", _FOLDER)
    above = ours | {os.fstat(handle).st_uid}  # in a user namespace root is nobody
    try:
        for _ in range(256):  # links may form a circle
            name = ahead.pop()
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=handle)
            about = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if stat.S_ISLNK(about.st_mode) and about.st_uid in above and ahead:
                target = os.readlink(name, dir_fd=handle)
                ahead += [part for part in reversed(target.split("/")) if part]
                inner = os.open("/" if target.startswith("/") else ".", _FOLDER, dir_fd=handle)
            else:
                inner = os.open(name, _FOLDER, dir_fd=handle)
                about = os.fstat(inner)
            os.close(handle)
            handle = inner
            shared = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(about.st_mode)
            if not ahead:
                if shared or about.st_uid not in ours:
                    raise PermissionError(errno.EACCES, "others can change what is in it")
                return
            if about.st_uid not in above or (shared and not about.st_mode & stat.S_ISVTX):
                raise PermissionError(errno.EACCES, f"others can change {name}, above it")
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    finally:
        os.close(handle)


def hold(folder: Path) -> int:
    """Lock a folder against its removal, and set its time of change; the handle.

    Raises:
        OSError: it is absent, is no folder, was removed meanwhile, or others can change it.
    """
    handle = os.open(folder, _FOLDER)
    with suppress(OSError):  # a file system without locks; there `prune` gets none either
        fcntl.flock(handle, fcntl.LOCK_SH)
    with suppress(OSError):  # it is root's
        os.utime(handle)
    about = os.fstat(handle)
    trusted = about.st_uid in (0, os.geteuid()) and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    try:  # `prune` may have moved it away between open and lock
        if not (trusted and os.path.samestat(about, folder.stat())):
            raise PermissionError(errno.EACCES, "others can change it")
    except OSError:
        os.close(handle)
        raise
    return handle


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of a root, under which folders come and go in it."""
    lock = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def exclusive(folder: Path) -> Iterator[bool]:
    """Whether the exclusive lock on `folder` could be had; if so it is held meanwhile."""
    try:
        handle = os.open(folder, _FOLDER)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
