"""Copies of the database, made while it is in use and verified."""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TypedDict

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.storage.sqlite.errors import translated, unavailable
from ltmc.storage.sqlite.files import copy_pages, force_to_disk
from ltmc.storage.sqlite.migrations import SCHEMA_VERSION

COUNTED_TABLES = ("resources", "chat_messages", "todos", "code_patterns", "graph_edges", "cache_entries")
"""The tables whose rows are counted in reports."""


class Contents(TypedDict):
    """What a database holds: the version of its schema, and the rows of `COUNTED_TABLES` by table."""

    schema: int
    rows: dict[str, int]


class BackupReport(Contents):
    """A backup that was written."""

    file: str
    bytes: int


def backup(source: Path, target: Path, *, overwrite: bool = False) -> BackupReport:
    """Copy the database to `target`: one moment's state, read back and checked before it takes its name.

    Raises:
        LtmcError: NOT_FOUND when there is no database, CONFLICT when `target` exists and is not to be
            overwritten, BACKEND_UNAVAILABLE when reading or writing fails.
    """
    if not source.exists():
        raise not_found("db", str(source), "database")
    if target.exists() and not overwrite:
        raise LtmcError(
            ErrorCode.CONFLICT, f"FILE: {target} exists; use --force to replace it.", field="FILE"
        )
    with translated(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        os.close(handle)
        scratch = Path(name)
        try:
            copy_pages(source, scratch)
            with closing(sqlite3.connect(scratch)) as copy:
                copy.execute("PRAGMA journal_mode = DELETE")  # one file that needs no other beside it
            contents = verified(scratch)
            force_to_disk(scratch)
            scratch.replace(target)
            force_to_disk(target.parent)
        finally:
            scratch.unlink(missing_ok=True)
    return {"file": str(target), "bytes": target.stat().st_size, **contents}


def verified(path: Path) -> Contents:
    """Check every page of a database and return what it holds.

    Raises:
        LtmcError: UNSUPPORTED when it is no LTMC database or a newer one, BACKEND_UNAVAILABLE when damaged.
    """
    with translated(path), closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as copy:
        verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise unavailable(path, f"it is damaged ({verdict})")
        tables = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "schema_migrations" not in tables:
            raise LtmcError(ErrorCode.UNSUPPORTED, f"{path} is not an LTMC database.", field="FILE")
        version = copy.execute("SELECT max(version) FROM schema_migrations").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise LtmcError(
                ErrorCode.UNSUPPORTED,
                f"{path} has schema version {version}; this LTMC knows versions up to {SCHEMA_VERSION}.",
                field="FILE",
            )
        rows = {
            table: copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED_TABLES
        }
    return {"schema": version, "rows": rows}
