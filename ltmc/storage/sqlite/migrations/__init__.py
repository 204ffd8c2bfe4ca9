"""The schema as numbered SQL files, applied forward in one transaction."""

import asyncio
import sqlite3
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import aiosqlite

from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.storage.engine import Transaction
from ltmc.storage.half_moved import HALF_MOVED, HalfMovedError
from ltmc.storage.sqlite.errors import unavailable
from ltmc.timestamps import now

FILES = sorted(file.name for file in resources.files(__name__).iterdir() if file.name.endswith(".sql"))
SCHEMA_VERSION = len(FILES)
"""The version of the schema that this program knows: the number of its last migration."""


def script(name: str) -> str:
    """Return the text of one of `FILES`."""
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def require_known(path: Path, version: int) -> None:
    """Refuse the database at `path` when its schema is newer than this program, or it is half moved.

    Raises:
        LtmcError: UNSUPPORTED.
    """
    if version == HALF_MOVED:
        raise HalfMovedError(str(path))
    if version > SCHEMA_VERSION:
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"The database {path} has schema version {version}; this LTMC knows versions up to "
            f"{SCHEMA_VERSION}. Use a newer LTMC, or another file (--db){_way_back(path)}.",
            details={"path": str(path), "version": version, "supported": SCHEMA_VERSION},
        )


def _way_back(path: Path) -> str:
    """Return how to go back to the copy that `migrate` made last of a schema known here; nothing without one."""
    import glob
    import shlex

    kept = [
        (file.stat().st_mtime, file.name)
        for version in range(1, SCHEMA_VERSION + 1)
        for file in path.parent.glob(f"{glob.escape(path.name)}.v{version}-*.backup")
    ]
    if not kept:
        return ""
    command = (
        f"ltmc restore --force --db {shlex.quote(str(path))} {shlex.quote(str(path.with_name(max(kept)[1])))}"
    )
    return f"; or go back to how it was before it was brought forward: {command}"


def require_present(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse, in a transaction, a database that another program has changed the schema of since it was opened.

    Raises:
        LtmcError: UNSUPPORTED when the schema is newer than this program, BACKEND_UNAVAILABLE when it is older.
    """
    version = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()[0]
    require_known(path, version)
    if version != SCHEMA_VERSION:
        raise unavailable(
            path, f"an older LTMC has set it back to schema version {version}; restart this one"
        )


async def schema_version(tx: Transaction) -> int:
    """Return the version of the schema of a database that is open."""
    return int(await tx.value("SELECT max(version) FROM schema_migrations"))


async def migrate(connection: aiosqlite.Connection, path: Path, keep: Callable[[Path, Path], object]) -> None:
    """Bring the schema of the database at `path` up to `SCHEMA_VERSION`; a backup is written beside it first.

    Args:
        keep: copies the database to the second path.

    Raises:
        LtmcError: UNSUPPORTED when the schema is newer than this program.
    """
    if await checked_version(connection, path) == SCHEMA_VERSION:
        return
    await connection.execute("BEGIN IMMEDIATE")
    try:
        version = await checked_version(connection, path)  # another process may have been faster
        if 0 < version < SCHEMA_VERSION:
            target = path.with_name(f"{path.name}.v{version}-{now().replace(':', '')}.backup")
            await asyncio.to_thread(keep, path, target)
        for number, name in enumerate(FILES[version:], start=version + 1):
            for statement in statements(script(name)):
                await connection.execute(statement)
            await connection.execute("INSERT INTO schema_migrations VALUES (?, ?)", (number, now()))
        await connection.execute("COMMIT")
    except BaseException:
        await connection.execute("ROLLBACK")
        raise


async def checked_version(connection: aiosqlite.Connection, path: Path) -> int:
    """Return the version of the schema in the file; 0 when it is empty."""
    tables = [
        row[0] for row in await connection.execute_fetchall("SELECT name FROM sqlite_master LIMIT 1000")
    ]
    if not tables:
        return 0
    version: Any = None
    if "schema_migrations" in tables:
        rows = await connection.execute_fetchall("SELECT max(version) FROM schema_migrations")
        version = next(iter(rows))[0]
    if not isinstance(version, int) or version < 1:
        why = (
            f"schema version {shorten(version)}"
            if "schema_migrations" in tables
            else "tables of another program"
        )
        raise LtmcError(ErrorCode.UNSUPPORTED, f"The database {path} has {why}: it is not one of LTMC's.")
    require_known(path, version)
    return version


def statements(script: str) -> list[str]:
    """Split `script` into its statements; `executescript` would commit the transaction around them."""
    found, lines = [], ""
    for line in script.splitlines(keepends=True):
        lines += line
        if sqlite3.complete_statement(lines):
            found.append(lines.strip())
            lines = ""
    return found
