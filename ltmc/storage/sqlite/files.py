"""The database as a file: private, copied page by page, forced to the disk, replaced by another."""

import os
import re
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path

from ltmc.errors import invalid
from ltmc.storage.sqlite.errors import unavailable
from ltmc.timestamps import days_ago

if sys.platform == "win32":
    from ltmc.system import locks_windows as locks
else:
    from ltmc.system import locks_unix as locks

COPY_SECONDS = 30.0
"""How long a copy waits for the locks of others."""

OPENED = "-opened"
"""What follows the name of a database in that of the note of whose log lies beside it."""

BESIDE = ("-wal", "-shm", "-journal", OPENED)
"""What SQLite and LTMC add to the name of a database for the files that belong to it."""

Identity = tuple[int, int]
"""The device and inode of a file."""

_SCRATCH = ".ltmc-scratch-"
_SCRATCH_NAME = re.compile(re.escape(_SCRATCH) + "[a-z0-9_]{8}")
"""The folders of files that are being made."""

KEPT_DAYS = 30
"""How long is kept what a restore replaced, and a log whose database was replaced."""

BEFORE_RESTORE, OF_REPLACED = ".before-restore-", "-wal.of-replaced-"
"""What follows the name of a database, before the time, in the names of what is kept of it."""

_KEPT_NAME = re.compile(
    rf"(?:{re.escape(BEFORE_RESTORE)}|{re.escape(OF_REPLACED)})"
    r"(\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z)(?:-wal|-shm|-journal|-opened)?"
)


def create_private(path: Path) -> None:
    """Create the folder (0700) and the empty file (0600) where they are missing."""
    missing = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    if missing:
        path.parent.chmod(0o700)
    path.touch(0o600, exist_ok=True)


def require_ordinary(field: str, path: Path) -> None:
    """Refuse a path where something else than a file is; from a pipe one could wait for ever.

    Raises:
        LtmcError: INVALID_ARGUMENT.
    """
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise invalid(field, str(path), "the path of a file, not of a folder, pipe or device")


def require_apart(path: Path, database: Path) -> None:
    """Refuse, as FILE, a path that is the database or belongs to it, by whatever name or link.

    Raises:
        LtmcError: INVALID_ARGUMENT.
    """
    for suffix in ("", *BESIDE):
        own = database.resolve().with_name(database.resolve().name + suffix)
        is_own = path.resolve().as_posix().casefold() == own.as_posix().casefold()
        if is_own or (path.exists() and own.exists() and path.samefile(own)):
            raise invalid("FILE", str(path), f"a file that does not belong to the database {database} itself")


@contextmanager
def scratch_file(folder: Path) -> Iterator[Path]:
    """Give a private, empty file on the file system of `folder`, to be filled and moved to its place.

    What is left is removed, and what processes that were killed left of theirs.
    """
    remove_left_over(folder)
    with ExitStack() as held:
        while True:
            import tempfile

            scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=folder))
            with suppress(FileNotFoundError):  # another process took it for left over before it was locked
                held.enter_context(locked(scratch))
                if scratch.exists():
                    break
        try:
            folder = scratch / "one"  # whose lock is free: who opens a database takes that of its folder
            folder.mkdir(0o700)
            folder.joinpath("copy.db").touch(0o600)
            yield folder / "copy.db"
        finally:
            import shutil

            shutil.rmtree(scratch)


def remove_left_over(folder: Path) -> None:
    """Remove the scratch files of processes that were killed, and nothing that belongs to a living one."""
    with suppress(OSError):
        for entry in [*os.scandir(folder)]:
            if _SCRATCH_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError), locked(Path(entry.path), wait=False):
                    import shutil

                    shutil.rmtree(entry.path)


def remove_old(path: Path) -> None:
    """Remove what was kept of a database `KEPT_DAYS` ago, when a restore or another file took its place."""
    oldest = days_ago(KEPT_DAYS).replace(":", "")
    with suppress(OSError):
        for entry in [*os.scandir(path.parent)]:
            rest = entry.name.removeprefix(path.name)
            found = None if rest == entry.name else _KEPT_NAME.fullmatch(rest)
            if found and found[1] < oldest and entry.is_file(follow_symlinks=False):
                Path(entry.path).unlink(missing_ok=True)


Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


def copy_pages(
    source: Path,
    target: Path,
    when_locked: Callable[[], None] | None = None,
    *,
    options: str = "mode=rw",
    progress: Progress | None = None,
) -> None:
    """Copy one database into another through SQLite, under its locks, as one transaction on the target.

    Args:
        options: how SQLite opens `source`, as the query of its URI.
        when_locked: called when no other process can write to `target` any more, and others still read what it
            held; if it raises, `target` stays as it was. `target` must be in WAL mode then.
        progress: told how many pages are copied, and of how many.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when one of the two stays locked.
    """
    give_up = time.monotonic() + COPY_SECONDS
    begun = False

    def stepped(status: int, remaining: int, total: int) -> None:
        nonlocal begun
        if progress is not None:
            progress(total - remaining, total)
        if status & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            if time.monotonic() > give_up:  # SQLite would try again for ever
                raise unavailable(target if when_locked else source, "it is locked by another process")
        elif when_locked is not None and not begun:
            begun = True
            when_locked()

    with (
        closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?{options}", uri=True, timeout=COPY_SECONDS)
        ) as row,
        closing(sqlite3.connect(target, timeout=COPY_SECONDS)) as copy,
    ):
        pages = row.execute("PRAGMA page_count").fetchone()[0]
        copy.execute("PRAGMA synchronous = FULL")
        if when_locked is not None:
            copy.execute("PRAGMA journal_mode = WAL")
        if (
            progress is not None
        ):  # hold one state over all steps, else each write of others would begin it anew
            row.execute("BEGIN")
            row.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # The first step takes the lock, the last one commits: with `when_locked` there must be several.
        steps = 16 if when_locked else 100 if progress else None
        row.backup(copy, pages=max(1, pages // steps) if steps else -1, progress=stepped)


def identity(path: Path) -> Identity | None:
    """Return the device and inode of a file; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def log_of(path: Path) -> Path:
    """Return the write-ahead log of a database."""
    return path.with_name(path.name + "-wal")


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a folder, which ends with the process; others that call this wait meanwhile.

    Raises:
        OSError: it is no folder, or another process has the lock and is not waited for (BlockingIOError).
    """
    handle = locks.open_lock(folder)
    try:
        # On a file system without such locks who waits goes on, and nobody gets one without waiting.
        with suppress(OSError) if wait else nullcontext():
            locks.lock(handle, wait=wait)
        yield
    finally:
        locks.release(handle)
