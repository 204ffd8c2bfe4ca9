"""The failures of SQLite as errors that callers understand."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn failures of the file or of SQLite into BACKEND_UNAVAILABLE; mistakes of the program stay as they are.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE.
    """
    try:
        yield
    except OSError as error:
        raise unavailable(path, error.strerror or str(error)) from error
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError):
        raise
    except sqlite3.DatabaseError as error:
        if _is_of_index(error):
            why = f"its search index is damaged ({error}); `ltmc reindex --all` makes it anew"
            raise unavailable(path, why) from error
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:  # a mistake in the SQL
            raise
        raise unavailable(path, str(error)) from error


def _is_of_index(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT_VTAB or "fts5" in str(error)


def unavailable(path: Path, why: str) -> LtmcError:
    """Return the error for a database that cannot be used now."""
    return LtmcError(
        ErrorCode.BACKEND_UNAVAILABLE,
        f"The database {path} cannot be used: {why}.",
        details={"backend": "sqlite", "path": str(path), "reason": why},
    )
