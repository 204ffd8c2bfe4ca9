"""What LTMC did to the files of agents, so that it can be undone: kept in LTMC's own folder of data."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import platformdirs

from ltmc.agents import files
from ltmc.errors import ErrorCode, LtmcError

if sys.platform == "win32":
    from ltmc.system import locks_windows as locks
else:
    from ltmc.system import locks_unix as locks


@dataclass(slots=True)
class Record:
    """What was done to a file.

    Attributes:
        found: the sha256 of what was there before; None if there was no file.
        left: the sha256 of what LTMC made of it; None once somebody else had changed it before LTMC did again.
        owners: for whom it was done, see `Scope.owner`.
        folders: those that were made for it.
    """

    found: str | None
    left: str | None
    owners: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


class Ledger:
    """The records by the file's path, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            stored = json.loads(path.read_bytes()) if path.exists() else {}
            self.records = {name: Record(**values) for name, values in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise LtmcError(
                ErrorCode.PARSE_ERROR,
                f"{path}: what LTMC noted of the files it edited cannot be read ({error}); without this file "
                "uninstalling finds LTMC's parts by their marks and names.",
            ) from None

    def save(self) -> None:
        """Write the records, or remove the file when there are none.

        Raises:
            LtmcError: BACKEND_UNAVAILABLE if it cannot be written.
        """
        records = {name: asdict(record) for name, record in sorted(self.records.items())}
        try:
            if records:
                files.write(self._path, (json.dumps(records, indent=1) + "\n").encode())
                self._path.chmod(0o600)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self._path, error) from None


def _unusable(path: Path, error: OSError) -> LtmcError:
    return LtmcError(
        ErrorCode.BACKEND_UNAVAILABLE,
        f"{path}: LTMC notes there what it edits, and cannot: {error.strerror or error}.",
    )


@contextmanager
def opened() -> Iterator[Ledger]:
    """Give the ledger to this process alone until the end of the block.

    Raises:
        LtmcError: BACKEND_UNAVAILABLE if its folder cannot be used, PARSE_ERROR if it is damaged.
    """
    folder = Path(platformdirs.user_data_dir("ltmc", appauthor=False))
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        lock = locks.open_lock(folder)
    except OSError as error:
        raise _unusable(folder, error) from None
    try:
        locks.lock(lock, wait=True)
        yield Ledger(folder / "agents.json")
    finally:
        locks.release(lock)
