"""The model files of a database: those that were added lie in a folder beside it, and one is shipped."""

import os
import re
import struct
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found
from ltmc.search.sentence_model import HEADER, MAGIC, SIZES, VERSION

SHIPPED = "minilm"
SHIPPED_FILE = Path(str(resources.files("ltmc.search").joinpath("minilm.ltms")))
SUFFIX, DRAFT_SUFFIX = ".ltms", ".draft"

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

LEFT_OVER_SECONDS = 24 * 3600
"""A draft that was not written to for so long is nobody's: whoever made it was ended half-way."""


def folder(database: Path) -> Path:
    """Return where the models of a database are."""
    return database.with_name("ltmc-models")


def files(database: Path) -> list[Path]:
    """Return the model files that were added, by name; drafts are none."""
    try:
        found = sorted(folder(database).iterdir())
    except OSError:
        return []
    return [file for file in found if file.suffix == SUFFIX and NAME.fullmatch(file.stem) and file.is_file()]


def by_name(database: Path) -> dict[str, Path]:
    """Return all model files by name, the shipped one first."""
    return {SHIPPED: SHIPPED_FILE} | {file.stem: file for file in files(database)}


def file_of(database: Path, name: str) -> Path:
    """Return the file of a model.

    Raises:
        LtmcError: NOT_FOUND.
    """
    known = by_name(database)
    if name not in known:
        raise not_found("name", name, "model", f"There are: {', '.join(known)}.")
    return known[name]


def described(file: Path) -> tuple[str, int]:
    """Return the checksum and the dims that a file says it has, unproved; none where it is no model."""
    try:
        with file.open("rb") as content:
            magic, version, found = HEADER.unpack(content.read(HEADER.size))
            dims = SIZES.unpack(content.read(SIZES.size))[1]
    except (OSError, struct.error):
        return "", 0
    return (found.hex(), dims) if (magic, version) == (MAGIC, VERSION) else ("", 0)


def require_free(database: Path, name: str) -> None:
    """Refuse a name that is none, or is taken.

    Raises:
        LtmcError: INVALID_ARGUMENT or CONFLICT.
    """
    if not NAME.fullmatch(name):
        allowed = (
            "up to 64 small letters, digits, dots, hyphens and underscores, with a letter or digit first"
        )
        raise invalid("name", name, allowed)
    if name == SHIPPED or folder(database).joinpath(name + SUFFIX).exists():
        raise _taken(name)


def add(database: Path, name: str, content: bytes, check: Callable[[Path], None]) -> Path:
    """Put a model in the folder: whole and checked, or not at all.

    Args:
        check: is given the file before it has its name, and raises if it is not to have it.

    Raises:
        LtmcError: CONFLICT when the name was taken meanwhile; BACKEND_UNAVAILABLE when it cannot be written.
    """
    where = folder(database)
    try:
        where.mkdir(0o700, parents=True, exist_ok=True)
        _clear(where)
        handle, draft = tempfile.mkstemp(prefix=f"{name}.", suffix=DRAFT_SUFFIX, dir=where)  # 0600
    except OSError as error:
        raise _unwritable(where, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        check(Path(draft))
        target = where / (name + SUFFIX)
        os.link(draft, target)  # unlike a rename it replaces nothing
    except FileExistsError:
        raise _taken(name) from None
    except OSError as error:
        raise _unwritable(where, error) from error
    finally:
        Path(draft).unlink(missing_ok=True)
    return target


def remove(file: Path) -> None:
    """Remove a model that was added.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when the system does not let go of it.
    """
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise LtmcError(ErrorCode.BACKEND_UNAVAILABLE, f"Cannot remove {file}: {error.strerror}.") from error


def _clear(where: Path) -> None:
    for draft in where.glob(f"*{DRAFT_SUFFIX}"):
        if draft.stat().st_mtime < time.time() - LEFT_OVER_SECONDS:
            draft.unlink(missing_ok=True)


def _taken(name: str) -> LtmcError:
    return LtmcError(
        ErrorCode.CONFLICT,
        f"name: there is a model {name} already; `ltmc model remove {name}` takes it away, --name gives another name.",
        field="name",
    )


def _unwritable(where: Path, error: OSError) -> LtmcError:
    return LtmcError(
        ErrorCode.BACKEND_UNAVAILABLE,
        f"Cannot write the model to {where}: {error.strerror}. Nothing was added.",
    )
