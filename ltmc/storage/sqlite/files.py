"""The database as a file: private, copied page by page, forced to the disk."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

COPY_SECONDS = 30.0
"""How long a copy waits for the locks of others."""


def create_private(path: Path) -> None:
    """Create the folder (0700) and the empty file (0600) where they are missing."""
    missing = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    if missing:
        path.parent.chmod(0o700)
    path.touch(0o600, exist_ok=True)


def copy_pages(source: Path, target: Path) -> None:
    """Copy one database into another through SQLite, under its locks, as one transaction on the target."""
    with (
        closing(sqlite3.connect(source, timeout=COPY_SECONDS)) as row,
        closing(sqlite3.connect(target, timeout=COPY_SECONDS)) as copy,
    ):
        row.backup(copy)


def force_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
