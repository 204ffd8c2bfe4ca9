"""Files of others: read with care, written whole or not at all, with their mode, their links and a backup."""

import codecs
import errno
import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path

from ltmc.agents.text import EditError

BACKUP, EDITED = ".ltmc-backup", ".ltmc-edited"
"""What is added to the name of a file: for how it was before LTMC, and how it was when LTMC's edited part went."""

LONGEST_FILE = 16 * 1024 * 1024
"""In bytes."""


def read(path: Path) -> bytes | None:
    """Return what is in a file; None where there is none.

    Raises:
        EditError: it is no ordinary file, or too long for one of settings.
        OSError: it cannot be read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for whoever writes into it
            raise EditError(1, "it is no ordinary file")
        if status.st_size > LONGEST_FILE:
            raise EditError(1, f"it has {status.st_size} bytes; at most {LONGEST_FILE} are edited")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def decode(content: bytes | None) -> str:
    """Return the text of a file without a byte order mark.

    Raises:
        EditError: it is not UTF-8.
    """
    content = (content or b"").removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise EditError(content.count(b"\n", 0, error.start) + 1, "it is not UTF-8") from None


def encode(text: str, before: bytes | None) -> bytes:
    """Return the bytes of a text, with a byte order mark if there was one before."""
    marked = before is not None and before.startswith(codecs.BOM_UTF8)
    return (codecs.BOM_UTF8 if marked else b"") + text.encode()


def digest(content: bytes | None) -> str | None:
    """Return the sha256 of a file's content; None for no file."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes, *, like: Path | None = None, executable: bool = False) -> None:
    """Put content into a file in one step; a link keeps pointing where it did.

    Args:
        like: whose mode the file gets; by default its own, or what a new file gets.
        executable: a new file is one that can be run.

    Raises:
        OSError: it cannot be written, or is read-only; then nothing is changed.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.stat().st_mode & 0o222:  # it would be replaced whatever its mode
        raise PermissionError(errno.EACCES, "it is read-only")
    like = target if like is None else like
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(
            stat.S_IMODE(like.stat().st_mode)
            if like.exists()
            else (0o777 if executable else 0o666) & ~_umask()
        )
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def remove(path: Path) -> None:
    """Remove a file; of a link, what it points to."""
    Path(os.path.realpath(path)).unlink(missing_ok=True)


def backup_of(path: Path) -> Path:
    """Return where the content from before LTMC is kept."""
    return path.with_name(path.name + BACKUP)


def free_name(path: Path) -> Path:
    """Return a name beside a file under which nothing is."""
    names = (f"{path.name}{EDITED}{number or ''}" for number in count())
    return next(free for name in names if not os.path.lexists(free := path.with_name(name)))


def missing_folders(path: Path) -> list[Path]:
    """Return the folders above a file that are not there, the outermost first."""
    return [folder for folder in reversed(path.parents) if not os.path.lexists(folder)]


def remove_folders(folders: list[Path]) -> None:
    """Remove folders, the innermost first, as far as they are empty."""
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
