"""The note that says which file the write-ahead log beside a database is of, see `ltmc.storage.sqlite.log_owner`."""

from pathlib import Path

from ltmc.storage.sqlite.files import OPENED, Identity, identity, log_of


def is_foreign(path: Path) -> bool:
    """Return whether the log beside the database at `path` is known to be of another file."""
    said = noted(path)
    return said is not None and said[0] != identity(path) and said[1] == identity(log_of(path))


def note_of(path: Path) -> Path:
    """Return the file of the note."""
    return path.with_name(path.name + OPENED)


def noted(path: Path) -> tuple[Identity, Identity] | None:
    """Return the database and the log that the note names; None where there is none."""
    try:
        device, inode, log_device, log_inode = map(int, note_of(path).read_text("ascii").split())
    except (OSError, ValueError):
        return None
    return (device, inode), (log_device, log_inode)
