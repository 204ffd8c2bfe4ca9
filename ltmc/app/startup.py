"""The settings that a server or a command starts with."""

from typing import Any

from ltmc import settings
from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.settings import Settings
from ltmc.tools import selection


def load(**flags: Any) -> tuple[Settings, dict[str, str]]:
    """Return the settings in force and their origins; see `ltmc.settings.load`.

    Raises:
        LtmcError: INVALID_ARGUMENT also for a profile that names what is not there.
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
    return found, origins
