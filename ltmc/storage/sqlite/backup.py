"""Copies of the database: made while it is in use, verified, put in place whole or not at all."""

import asyncio
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.storage.sqlite.database import Database, create_private, translated, unavailable
from ltmc.storage.sqlite.migrations import SCHEMA_VERSION
from ltmc.timestamps import now

TABLES = ("resources", "chat_messages", "todos", "code_patterns", "graph_edges", "cache_entries")
"""The tables whose rows are counted in reports."""

BUSY_SECONDS = 30.0


def backup(source: Path, target: Path, *, overwrite: bool = False) -> dict[str, Any]:
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
        try:
            copy_pages(source, Path(name))
            with closing(sqlite3.connect(name)) as copy:
                copy.execute("PRAGMA journal_mode = DELETE")  # one file that needs no other beside it
            found = inspect(Path(name))
            _sync(Path(name))
            Path(name).replace(target)
            _sync(target.parent)
        finally:
            Path(name).unlink(missing_ok=True)
    return {"file": str(target), "bytes": target.stat().st_size, **found}


def restore(source: Path, target: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Put the state of a backup into the database at `target`; servers that have it open see it at once.

    What `target` held is kept beside it as ``<name>.before-restore-<time>``.

    Raises:
        LtmcError: NOT_FOUND without a backup, UNSUPPORTED when it is no LTMC database or a newer one,
            CONFLICT when `target` exists and is not to be overwritten.
    """
    if not source.exists():
        raise not_found("FILE", str(source), "backup")
    found = inspect(source)
    kept: str | None = None
    with translated(target):
        if target.exists() and target.stat().st_size:
            if not overwrite:
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"The database {target} exists; use --force to replace what it holds. It is kept beside it.",
                    field="db",
                )
            kept = f"{target}.before-restore-{now().replace(':', '')}"
            backup(target, Path(kept))
        create_private(target)
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=target.parent) as folder:
            ready = Path(folder) / "ltmc.db"
            copy_pages(source, ready)
            asyncio.run(_bring_forward(ready))  # before servers that use `target` see it
            copy_pages(ready, target)
    return {"db": str(target), "kept": kept, **found}


async def _bring_forward(path: Path) -> None:
    """Migrate a database to the present schema."""
    database = Database(path)
    async with database.read():
        pass
    await database.close()


def copy_pages(source: Path, target: Path) -> None:
    """Copy one database into another through SQLite, under its locks, as one transaction on the target."""
    with (
        closing(sqlite3.connect(source, timeout=BUSY_SECONDS)) as original,
        closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as copy,
    ):
        original.backup(copy)


def inspect(path: Path) -> dict[str, Any]:
    """The schema version and the row counts of a database whose every page has been checked.

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
        rows = {table: copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    return {"schema": version, "rows": rows}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
