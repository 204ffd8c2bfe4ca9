"""The settings that a server or a command starts with."""

from typing import Any

from ltmc import settings
from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.settings import Settings
from ltmc.tools import selection


def load(**flags: Any) -> tuple[Settings, dict[str, str]]:
    """Return the settings in force and their origins; see `ltmc.settings.load`.

    Raises:
        LtmcError: INVALID_ARGUMENT also for a profile that names what is not there, and see `require_address`.
    """
    found, origins = settings.load(**flags)
    try:
        selection.select(found.profile)
    except ValueError as error:
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT,
            f"Setting profile ({origins['profile']}) got {shorten(found.profile)}: {error}",
            field="profile",
        ) from None
    if found.postgres_url is not None:
        require_address(found.postgres_url, origins["db"])
    return found, origins


def require_address(url: str, origin: str) -> None:
    """Refuse what is no address of a PostgreSQL database, or one whose driver is not there.

    Raises:
        LtmcError: INVALID_ARGUMENT, without what may be a password.
    """
    try:
        from ltmc.storage.postgres import address
    except ImportError:
        why = (
            "names a PostgreSQL database; its driver psycopg is not installed here: install ltmc[postgres], or name a "
            "file"
        )
    else:
        if (fault := address.fault(url)) is None:
            return
        why = f"got postgresql://…: {fault}; {address.ALLOWED}"
    raise LtmcError(ErrorCode.INVALID_ARGUMENT, f"Setting db ({origin}) {why}.", field="db")
