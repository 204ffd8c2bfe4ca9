"""The settings that a server or a command starts with."""

from importlib.util import find_spec
from typing import Any

from ltmc import settings
from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.settings import Settings
from ltmc.tools import selection


def load(**flags: Any) -> tuple[Settings, dict[str, str]]:
    """Return the settings in force and their origins; see `ltmc.settings.load`.

    Raises:
        LtmcError: INVALID_ARGUMENT also for a profile that names what is not there, and PostgreSQL without its driver.
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
    if found.postgres_url is not None and not _has_driver():
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT,
            f"Setting db ({origins['db']}) names a PostgreSQL database; its driver psycopg is not installed here: "
            "install ltmc[postgres], or name a file.",
            field="db",
        )
    return found, origins


def _has_driver() -> bool:
    try:
        return find_spec("psycopg") is not None
    except ValueError:  # its import was stopped
        return False
