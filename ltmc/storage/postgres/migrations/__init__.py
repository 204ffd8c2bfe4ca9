"""The schema as numbered SQL files, applied forward in one transaction."""

import re
from importlib import resources
from typing import Any

import psycopg

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.half_moved import HALF_MOVED, HalfMovedError
from ltmc.storage.postgres.address import shown
from ltmc.storage.postgres.errors import unavailable
from ltmc.timestamps import now

FILES = sorted(file.name for file in resources.files(__name__).iterdir() if file.name.endswith(".sql"))
SCHEMA_VERSION = len(FILES)
"""The version of the schema that this program knows: the number of its last file. SQLite's has other numbers."""

MIGRATING = 0x6C746D63_00000001
"""The number of the advisory lock of who brings the schema forward."""

_TEXT_COLUMN = re.compile(r"^(    \w+ TEXT)\b", re.MULTILINE)


def script(name: str) -> str:
    """Return the text of one of `FILES`; columns of texts are compared by their bytes, as in SQLite."""
    text = resources.files(__name__).joinpath(name).read_text("utf-8")
    return _TEXT_COLUMN.sub(r'\1 COLLATE "C"', text)


def require_present(version: Any, url: str) -> None:
    """Refuse a database of another version of the schema than this program's.

    Raises:
        LtmcError: UNSUPPORTED when it is newer than this program or half moved, BACKEND_UNAVAILABLE when it is older.
    """
    _require_known(version, url)
    if version != SCHEMA_VERSION:
        raise unavailable(
            url, f"its schema has version {version}, this LTMC uses {SCHEMA_VERSION}: restart it"
        )


def _require_known(version: Any, url: str) -> None:
    if version == HALF_MOVED:
        raise HalfMovedError(shown(url))
    if version > SCHEMA_VERSION:
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"The database {shown(url)} has schema version {version}; this LTMC knows versions up to "
            f"{SCHEMA_VERSION}. Use a newer LTMC, or another database (--db).",
            details={"url": shown(url), "version": version, "supported": SCHEMA_VERSION},
        )


def checked_version(connection: psycopg.Connection[Any], url: str) -> int:
    """Return the version of the schema; 0 where there is none yet.

    Raises:
        LtmcError: UNSUPPORTED when it is newer than this program, or another program's.
    """
    found = connection.execute(
        "SELECT to_regclass('schema_migrations') IS NOT NULL, to_regclass('projects') IS NOT NULL "
        "OR to_regclass('resources') IS NOT NULL, current_schema() IS NOT NULL"
    ).fetchone()
    known, others, has_schema = found or (False, False, True)
    if not has_schema:
        raise unavailable(url, "the schema in its search_path does not exist")
    version: Any = 0
    if known:
        row = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()
        version = row[0] if row else None
    if not isinstance(version, int) or (known or others) > (version > 0):
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"The database {shown(url)} has tables of another program: use one of its own.",
        )
    _require_known(version, url)
    return version


def migrate(connection: psycopg.Connection[Any], url: str) -> None:
    """Bring the schema up to `SCHEMA_VERSION`; of several servers that start together one does.

    Raises:
        LtmcError: see `checked_version`.
    """
    if checked_version(connection, url) == SCHEMA_VERSION:
        return
    with connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock({MIGRATING})")
        version = checked_version(connection, url)  # another server may have been faster
        for number, name in enumerate(FILES[version:], start=version + 1):
            connection.execute(script(name).encode())
            connection.execute("INSERT INTO schema_migrations VALUES (%s, %s)", (number, now()))
