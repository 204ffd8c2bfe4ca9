"""Copies of the database, made while it is in use and verified."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypedDict, TypeVar

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.storage.search_index import SINCE_VERSION
from ltmc.storage.sqlite import schema
from ltmc.storage.sqlite.errors import translated, unavailable
from ltmc.storage.sqlite.files import (
    BESIDE,
    Progress,
    copy_pages,
    require_apart,
    require_ordinary,
    scratch_file,
)
from ltmc.storage.sqlite.log_owner import own_log
from ltmc.storage.sqlite.search_index import SqliteSearchIndex
from ltmc.storage.sqlite.stored_values import first_faults

if sys.platform == "win32":
    from ltmc.storage.sqlite import disk_windows as disk
else:
    from ltmc.storage.sqlite import disk_unix as disk

T = TypeVar("T")

COUNTED_TABLES = ("resources", "chat_messages", "todos", "code_patterns", "graph_edges", "cache_entries")
"""The tables whose rows are counted in reports."""


class Contents(TypedDict):
    """What a database holds: the version of its schema, and the rows of `COUNTED_TABLES` by table; `index_damage`:
    what was wrong with its search index, which was emptied then, to be made anew; `bad_rows`: which rows hold what
    tools cannot read, and why, the first of them."""

    schema: int
    rows: dict[str, int]
    index_damage: str | None
    bad_rows: list[str]


class BackupReport(Contents):
    """A backup that was written."""

    file: str
    bytes: int


def copy_in_use(source: Path, target: Path, progress: Progress | None = None) -> None:
    """Copy a database that others may have open."""
    with own_log(source):
        copy_pages(source, target, progress=progress)


def backup(
    source: Path, target: Path, *, overwrite: bool = False, copy: Callable[[Path, Path], None] = copy_in_use
) -> BackupReport:
    """Copy the database to `target`: one moment's state, read back and checked before it takes its name.

    Args:
        copy: copies the database at the first path to the second.

    Raises:
        LtmcError: NOT_FOUND when there is no database, INVALID_ARGUMENT when `target` is the database itself or
            no file, CONFLICT when it exists and is not to be overwritten, or is a database in use, UNSUPPORTED
            when the copy could not be restored, BACKEND_UNAVAILABLE when reading or writing fails.
    """
    with translated(target):
        if not source.exists():
            raise not_found("db", str(source), "database")
        require_ordinary("db", source)
        require_ordinary("FILE", target)
        require_apart(target, source)
        if target.exists() and not overwrite:
            raise LtmcError(
                ErrorCode.CONFLICT, f"FILE: {target} exists; use --force to replace it.", field="FILE"
            )
        for suffix in BESIDE:
            if target.with_name(target.name + suffix).exists():
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"FILE: {target} is a database in use, for {target.name}{suffix} is beside it; choose another "
                    "name, or put a backup into it with 'ltmc restore'.",
                    field="FILE",
                )
        target.parent.mkdir(parents=True, exist_ok=True)
        contents = write_copy(source, target, lambda made: verified(made, source), copy)
        return {"file": str(target), "bytes": target.stat().st_size, **contents}


def write_copy(
    source: Path,
    target: Path,
    check: Callable[[Path], T],
    copy: Callable[[Path, Path], None] = copy_pages,
) -> T:
    """Copy a database to `target`, which becomes one whole file once `check` has returned; return what that does.

    Args:
        check: called with the copy.
    """
    with scratch_file(target.parent) as scratch:
        copy(source, scratch)
        with closing(sqlite3.connect(scratch)) as made:
            made.execute("PRAGMA journal_mode = DELETE")  # one file that needs no other beside it
        result = check(scratch)
        disk.force_to_disk(scratch)
        scratch.replace(target)
        disk.force_to_disk(target.parent)
    return result


def keep(source: Path, target: Path) -> None:
    """Copy a database that is to be changed, whatever LTMC made it.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when it is damaged.
    """

    def check(copy: Path) -> None:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            _require_whole(connection, source)

    write_copy(source, target, check)


def verified(path: Path, named: Path) -> Contents:
    """Compare a database's schema with that of its version, check every page and row, and return what it holds.

    A search index that is damaged is emptied, since it can be made anew of the rows.

    Args:
        path: a copy, which may be changed.
        named: the file that errors name.

    Raises:
        LtmcError: UNSUPPORTED when it is not what an LTMC makes or a newer one, BACKEND_UNAVAILABLE when damaged.
    """
    with translated(named), closing(sqlite3.connect(path, isolation_level=None)) as copy:
        version = schema.checked_version(copy, named)
        index_damage = _mend_index(copy) if version >= SINCE_VERSION else None
        _require_whole(copy, named)
        bad_rows = first_faults(copy)
        rows = {
            table: copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED_TABLES
        }
    return {"schema": version, "rows": rows, "index_damage": index_damage, "bad_rows": bad_rows}


def _mend_index(connection: sqlite3.Connection) -> str | None:
    """Empty the search index where it is damaged; return what was wrong with it."""
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    index = SqliteSearchIndex(cursor)
    if (why := index.damage()) is not None:
        index.empty()
    cursor.execute("COMMIT")
    return why


def _require_whole(connection: sqlite3.Connection, path: Path) -> None:
    for (verdict,) in connection.execute("PRAGMA integrity_check(100)"):
        # Since SQLite 3.44 it speaks of the search index too, which can be made anew.
        if verdict != "ok" and "FTS5" not in verdict:
            raise unavailable(path, f"it is damaged ({verdict})")
