"""The bearer token of the owner: a private file beside the database."""

import hashlib
import hmac
import logging
import os
import re
import stat
import tempfile
from pathlib import Path

from ltmc.app.tokens import new_token
from ltmc.errors import ErrorCode, LtmcError

SHAPE = re.compile(r"[\x21-\x7e]{32,256}")
"""A token that someone else wrote into the file is at least this long, and fits into a header."""

logger = logging.getLogger(__name__)


def path_of(database: Path) -> Path:
    """Return the token file of a database."""
    return database.with_name(database.name + ".token")


def ensure(path: Path) -> str | None:
    """Create the token file (0600) if it is missing; return the new token, or None where there was one.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE if it cannot be written, or is not private or not a token.
    """
    if path.exists():
        read(path)
        return None
    token, draft = _draft(path)
    try:
        os.link(draft, path)  # unlike a rename it replaces nothing
    except FileExistsError:  # another server was first
        read(path)
        return None
    except OSError as error:
        raise _unusable(path, str(error)) from error
    finally:
        draft.unlink()
    return token


def rotate(path: Path) -> str:
    """Replace the token; running servers refuse the old one from their next request on.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE if it cannot be written.
    """
    token, draft = _draft(path)
    try:
        draft.replace(path)
    except OSError as error:  # on Windows also while a server reads it
        draft.unlink()
        raise _unusable(path, str(error)) from error
    return token


def read(path: Path) -> str:
    """Return the token.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE if it cannot be read, others may read it, or it is not a token.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # reading a pipe would wait for whoever writes into it
            raise _unusable(path, "it is no ordinary file")
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise _unusable(path, "it does not exist; `ltmc token rotate` makes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, str(error)) from error
    if os.name == "posix" and mode & 0o077:
        raise _unusable(path, f"others may read it (mode {mode & 0o777:04o}); chmod 600 it and rotate it")
    if not SHAPE.fullmatch(text):
        raise _unusable(path, "it does not hold a token; rotate it")
    return text


class TokenCheck:
    """Compares what clients present with the token file, as it is at that moment."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def admits(self, presented: bytes) -> bool:
        """Tell whether this is the token; takes the same time for any wrong one."""
        try:
            token = read(self._path)  # each time: an edit need change neither its time nor its size
        except LtmcError as error:
            logger.warning("everyone is refused: %s", error)
            return False
        return hmac.compare_digest(
            hashlib.sha256(presented).digest(), hashlib.sha256(token.encode()).digest()
        )


ADMITTED = "ltmc_admitted"
"""What the state of a request holds that brought the token."""


def _draft(path: Path) -> tuple[str, Path]:
    """Return a new token, and a private file beside `path` that holds it, to be put in its place as a whole."""
    token = new_token()
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(number)
    except OSError as error:
        raise _unusable(path, str(error)) from error
    return token, Path(name)


def _unusable(path: Path, why: str) -> LtmcError:
    return LtmcError(ErrorCode.BACKEND_UNAVAILABLE, f"The token file {path} cannot be used: {why}.")
