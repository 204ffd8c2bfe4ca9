"""The schema as numbered SQL files, applied forward in one transaction."""

import asyncio
import sqlite3
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import aiosqlite

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.engine import Transaction
from ltmc.timestamps import now

FILES = sorted(file.name for file in resources.files(__name__).iterdir() if file.name.endswith(".sql"))
SCHEMA_VERSION = len(FILES)
"""The version of the schema that this program knows: the number of its last migration."""


async def current_version(connection: aiosqlite.Connection) -> int:
    """Return the version of the schema in the file; 0 when it is empty."""
    known = await connection.execute_fetchall("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'")
    if not list(known):
        return 0
    rows = list(await connection.execute_fetchall("SELECT max(version) FROM schema_migrations"))
    return int(rows[0][0] or 0)


async def schema_version(tx: Transaction) -> int:
    """Return the version of the schema of a database that is open."""
    return int(await tx.value("SELECT max(version) FROM schema_migrations"))


async def migrate(
    connection: aiosqlite.Connection, path: Path, backup: Callable[[Path, Path], object]
) -> None:
    """Bring the schema of the database at `path` up to `SCHEMA_VERSION`; a backup is written beside it first.

    Args:
        backup: copies the database to the second path.

    Raises:
        LtmcError: UNSUPPORTED when the schema is newer than this program.
    """
    if await _checked_version(connection, path) == SCHEMA_VERSION:
        return
    await connection.execute("BEGIN IMMEDIATE")
    try:
        version = await _checked_version(connection, path)  # another process may have been faster
        if 0 < version < SCHEMA_VERSION:
            target = path.with_name(f"{path.name}.v{version}-{now().replace(':', '')}.backup")
            await asyncio.to_thread(backup, path, target)
        for number, name in enumerate(FILES[version:], start=version + 1):
            for statement in statements(resources.files(__name__).joinpath(name).read_text("utf-8")):
                await connection.execute(statement)
            await connection.execute("INSERT INTO schema_migrations VALUES (?, ?)", (number, now()))
        await connection.execute("COMMIT")
    except BaseException:
        await connection.execute("ROLLBACK")
        raise


async def _checked_version(connection: aiosqlite.Connection, path: Path) -> int:
    version = await current_version(connection)
    if version > SCHEMA_VERSION:
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"The database {path} has schema version {version}; this LTMC knows versions up to "
            f"{SCHEMA_VERSION}. Use a newer LTMC, or another file (--db).",
            details={"path": str(path), "version": version, "supported": SCHEMA_VERSION},
        )
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
