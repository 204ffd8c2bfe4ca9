"""Which server watches which session, told by locks that end with their process.

A process id would not do: another process may have it later, and in a container the next server nearly always has.
"""

import asyncio
import os
import sys
import zlib
from contextlib import suppress
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError

if sys.platform == "win32":
    from ltmc.system import locks_windows as locks
else:
    from ltmc.system import locks_unix as locks

TRIES, PAUSE_SECONDS = 5, 0.02
"""How often a lock is tried for that someone may hold for a moment, only to see whether it is free."""


class WatchLocks:
    """A byte for each session in an empty file beside the database."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + "-watches")
        self._file: int | None = None  # stays open: closing any handle would end every lock of the process
        self._mine: set[str] = set()

    async def take(self, sync_id: str) -> bool:
        """Lock a session for this process until it ends; False when another one has it.

        Raises:
            LtmcError: BACKEND_UNAVAILABLE when the file cannot be used.
        """
        if self._file is None:
            try:
                self._path.parent.mkdir(0o700, parents=True, exist_ok=True)  # the database may be elsewhere
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                message = f"The file {self._path} cannot be used: {error.strerror}."
                raise LtmcError(ErrorCode.BACKEND_UNAVAILABLE, message) from error
        for _ in range(TRIES):
            if locks.lock_byte(self._file, _byte(sync_id), shared=False):
                self._mine.add(sync_id)
                return True
            await asyncio.sleep(PAUSE_SECONDS)
        return False

    def release(self, sync_id: str) -> None:
        """Let others have a session."""
        self._mine.discard(sync_id)
        if self._file is not None:
            locks.unlock_byte(self._file, _byte(sync_id))

    def is_elsewhere(self, sync_id: str) -> bool:
        """Tell whether another process has a session; nothing is written to find out."""
        for mode in (os.O_RDWR, os.O_RDONLY):
            if self._file is None:
                with suppress(OSError):
                    self._file = os.open(self._path, mode)
        if self._file is None or sync_id in self._mine:  # asking for a lock of one's own would change it
            return False
        free = locks.lock_byte(self._file, _byte(sync_id), shared=True)
        if free:
            self.release(sync_id)
        return not free

    def close(self) -> None:
        """Let go of everything."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._mine = None, set()


def _byte(sync_id: str) -> int:
    return zlib.crc32(sync_id.encode()) >> 1
