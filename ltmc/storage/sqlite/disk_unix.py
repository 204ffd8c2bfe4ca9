"""A database file on the disk, on POSIX: forced there, and kept from being opened while another takes its place."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ltmc.storage.sqlite.errors import unavailable
from ltmc.storage.sqlite.files import COPY_SECONDS

assert sys.platform != "win32"

_PENDING_BYTE = 0x40000000
"""The byte of a database file that SQLite locks before it reads it for the first time."""


@contextmanager
def kept_from_opening(path: Path) -> Iterator[None]:
    """Keep other processes, a second restore among them, from opening the database at `path`.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when another process has it locked, or put another file in its place.
    """
    give_up = time.monotonic() + COPY_SECONDS
    with path.open("r+b") as file:
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _PENDING_BYTE)
                break
            except OSError as error:
                if time.monotonic() > give_up:
                    raise unavailable(path, "it is locked by another process") from error
                time.sleep(0.05)
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise unavailable(path, "another process replaced it meanwhile; try again")
        yield


def force_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
