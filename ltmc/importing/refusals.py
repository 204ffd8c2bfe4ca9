"""What is said of a path at which nothing can be imported: what is there, and what there may be."""

import os
import sqlite3
import stat
import zipfile
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.storage.sqlite.foreign import is_sqlite, opened

ALLOWED = (
    "transcripts of agents, Markdown (.md), databases of other memories, exports of ChatGPT and Claude (.zip), "
    "what `ltmc export` wrote; docs/import.md lists them"
)
HEAD_BYTES, MOST_TABLES, LONGEST_PATH = 4_096, 5, 4_096
"""How much is looked at of a file, how many tables of a database are named, and how much of a path is shown."""


def require_readable(path: Path) -> None:
    """Check that a path is a file or folder that can be read.

    Raises:
        LtmcError: NOT_FOUND or BACKEND_UNAVAILABLE that names the path and what is allowed.
    """
    got, allowed = (
        f"paths: got {shorten(str(path), LONGEST_PATH)}",
        f"allowed: files and folders with {ALLOWED}.",
    )
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            with os.scandir(path) as entries:
                next(entries, None)
        elif stat.S_ISREG(mode):
            path.open("rb").close()
        else:
            message = f"{got}, which is neither a file nor a folder; {allowed}"
            raise LtmcError(ErrorCode.NOT_FOUND, message, field="paths")
    except (FileNotFoundError, NotADirectoryError):
        message = f"{got}, where nothing is; {allowed}"
        raise LtmcError(ErrorCode.NOT_FOUND, message, field="paths") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        message = f"{got}, which cannot be read ({why}); {allowed}"
        raise LtmcError(ErrorCode.BACKEND_UNAVAILABLE, message, field="paths") from None


def why_not(path: Path) -> str:
    """Return what a file is that no format knows, and what is allowed, on one line."""
    try:
        found = _found(path)
    except (OSError, ValueError) as error:
        found = f"a file that cannot be read ({getattr(error, 'strerror', None) or error})"
    return f"found {found}; allowed: {ALLOWED}"


def _found(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return "an empty file"
    if is_sqlite(path):
        return _database(path)
    if head.startswith(b"PK") or path.suffix.lower() == ".zip":
        whole = zipfile.is_zipfile(path)
        return "a zip file without conversations.json" if whole else "a zip file that is damaged or cut off"
    text = head.decode("utf-8", "replace").strip("\ufeff \t\r\n")
    if text.startswith(("{", "[")):
        return "JSON of no known kind, or cut off"
    return (
        "binary data of no known format"
        if "\0" in text or "\ufffd" in text[:-1]
        else "text of no known format"
    )


def _database(path: Path) -> str:
    try:
        with opened(path) as database:
            names = [shorten(name) for name in database.tables(MOST_TABLES + 1)]
    except sqlite3.Error as error:
        return f"a database of SQLite that cannot be read ({error})"
    more = " and others" if len(names) > MOST_TABLES else ""
    held = f"with the tables {', '.join(names[:MOST_TABLES])}{more}" if names else "without tables"
    return f"a database of SQLite {held}, which is no known memory"
