"""A database file on the disk, on Windows, which keeps from replacing files that are open and forces no folder.

So a power cut may take back a rename, as a whole: NTFS notes in its journal what it does to names.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

assert sys.platform == "win32"


@contextmanager
def kept_from_opening(path: Path) -> Iterator[None]:  # noqa: ARG001 - the interface of its twin
    """Do nothing: the file at `path` cannot be replaced while another process has it open."""
    yield


def force_to_disk(path: Path) -> None:
    """Wait until a file would survive a power cut; for a folder do nothing."""
    if path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR | os.O_BINARY)  # what is only read cannot be forced
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
