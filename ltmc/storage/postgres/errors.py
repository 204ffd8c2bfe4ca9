"""The failures of PostgreSQL as errors that callers understand."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.postgres.address import shown


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn failures of the server into BACKEND_UNAVAILABLE, and refused rows into the errors that callers know.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE.
        sqlite3.IntegrityError, sqlite3.DataError: a row is not what the schema allows, whichever the engine.
    """
    try:
        yield
    except (TimeoutError, psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise unavailable(url, _reason(error)) from error
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
        raise unavailable(url, _reason(error)) from error
    except psycopg.IntegrityError as error:
        raise sqlite3.IntegrityError(_reason(error)) from error
    except psycopg.DataError as error:
        raise sqlite3.DataError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "others write at length"
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def unavailable(url: str, why: str) -> LtmcError:
    """Return the error for a database that cannot be used now."""
    return LtmcError(
        ErrorCode.BACKEND_UNAVAILABLE,
        f"The database {shown(url)} cannot be used: {why}. What is stored is safe there; call again when the server "
        "answers, or check LTMC_DB.",
        details={"backend": "postgresql", "url": shown(url), "reason": why},
    )


def uncertain(url: str, error: Exception) -> LtmcError:
    """Return the error for a transaction of which nobody knows whether it was committed."""
    reason = _reason(error)
    return LtmcError(
        ErrorCode.BACKEND_UNAVAILABLE,
        f"The connection to the database {shown(url)} was lost while this call was being stored ({reason}): it may or "
        "may not be stored. Look before you call again.",
        details={"backend": "postgresql", "url": shown(url), "reason": reason, "stored": "unknown"},
    )
