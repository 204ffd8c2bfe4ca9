"""Whose write-ahead log it is that lies beside a database.

SQLite knows a log by its name alone. When another file takes the place of the database, it would take the log of the
old one for the new one's, and mix its pages in. So who opens a database notes beside it which file the log is of, and
a log that is known to be of another file is given another name.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ltmc.errors import LtmcError
from ltmc.storage.sqlite.errors import unavailable
from ltmc.storage.sqlite.files import OF_REPLACED, Identity, identity, locked, log_of
from ltmc.storage.sqlite.log_note import is_foreign, note_of, noted
from ltmc.timestamps import now

POLL_SECONDS = 0.01
"""How often the lock of a folder is tried, which others hold for the moment in which they open a database."""

logger = logging.getLogger(__name__)


class ReplacedError(LtmcError):
    """Another file took the place of a database."""

    def __init__(self, path: Path, when: str) -> None:
        error = unavailable(path, f"another file took its place {when}; call again")
        super().__init__(error.code, error.message, details=error.details)


def note(path: Path, database: Identity, log: Identity) -> None:
    """Note that the log beside `path` is of the file `database`."""
    if noted(path) == (database, log):
        return
    note_of(path).unlink(missing_ok=True)
    with suppress(OSError):  # on a full disk it is done without
        note_of(path).touch(0o600)
        note_of(path).write_text(" ".join(map(str, (*database, *log))), "ascii")


def forget(path: Path) -> None:
    """Remove the note once SQLite has removed the log, unless someone is opening the database."""
    with suppress(OSError), locked(path.parent, wait=False):
        if not log_of(path).exists():
            note_of(path).unlink(missing_ok=True)


def set_aside(path: Path, written_back: Identity | None = None) -> None:
    """Take away a log that is known to be of another file. To be called under the lock of the folder.

    Args:
        written_back: a log that the caller has written back into the file that it is of, or will: this one goes.
    """
    if not is_foreign(path):
        return
    log = log_of(path)
    kept = path.with_name(f"{path.name}{OF_REPLACED}{now().replace(':', '')}")
    is_written_back = identity(log) == written_back
    log.rename(kept)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    note_of(path).unlink()
    if is_written_back:
        kept.unlink()
    else:
        logger.warning("%s was put in the place of another file, whose log is kept as %s", path, kept.name)


@contextmanager
def own_log(path: Path) -> Iterator[None]:
    """Have a database that is opened meanwhile take no log for its own that is another file's.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when another file took its place meanwhile.
    """
    with locked(path.parent):
        opened = identity(path)
        set_aside(path)
    yield
    if identity(path) != opened:
        raise ReplacedError(path, "meanwhile")


async def lock(stack: ExitStack, path: Path, deadline: float) -> None:
    """Hold the lock of the folder of a database until `stack` ends.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE when another process holds it until the deadline.
    """
    while True:
        try:
            stack.enter_context(locked(path.parent, wait=False))
        except BlockingIOError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise unavailable(path, "another process does not end opening it") from error
            await asyncio.sleep(POLL_SECONDS)
        except OSError:  # a file system without such locks
            return
        else:
            return
