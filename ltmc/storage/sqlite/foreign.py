"""Reading the SQLite databases of other programs, which may be at work: nothing of theirs is changed."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

LONGEST_VALUE = 4_000_000
"""In characters or bytes; what is longer is read as NULL."""

WAIT_SECONDS = 5.0
"""How long the locks of the other program are waited for."""

_MAGIC = b"SQLite format 3\x00"


class ForeignDatabase:
    """The tables of a database, whichever columns they have."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def tables(self, most: int) -> list[str]:
        """Return the first tables by their names."""
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT ?"
        with closing(self._connection.execute(sql, (most,))) as found:
            return [str(name) for (name,) in found]

    def columns(self, table: str) -> list[str]:
        """Return the columns of a table; none where it is not there."""
        with closing(self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,))) as found:
            return [name for (name,) in found]

    def rows(
        self,
        table: str,
        *,
        order: str = "rowid",
        where: tuple[str, Any] | None = None,
        between: tuple[str, str, str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table, none where it is not there.

        Args:
            where: a column and its value.
            between: a column, the least value, and the first that is too much.
        """
        names = self.columns(table)
        if not names:
            return
        chosen: list[str] = []
        values: list[Any] = []
        if where is not None:
            chosen.append(f"{_quoted(where[0])} = ?")
            values.append(where[1])
        if between is not None:
            chosen.append(f"{_quoted(between[0])} >= ? AND {_quoted(between[0])} < ?")
            values += between[1:]
        read = ", ".join(
            f"CASE WHEN length({name}) > {LONGEST_VALUE} THEN NULL ELSE {name} END"
            for name in map(_quoted, names)
        )
        by = _quoted(order) if order in names else "rowid"
        sql = f"SELECT {read} FROM {_quoted(table)} WHERE {' AND '.join(chosen) or 'TRUE'} ORDER BY {by}"
        with closing(self._connection.execute(sql, values)) as found:
            for row in found:
                yield dict(zip(names, row, strict=True))

    def row(self, table: str, column: str, value: Any) -> dict[str, Any] | None:
        """Return the first row of a table that has a value in a column."""
        return next(self.rows(table, where=(column, value)), None)


def is_sqlite(path: Path) -> bool:
    """Return whether a file is an SQLite database."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
    return False


@contextmanager
def opened(path: Path) -> Iterator[ForeignDatabase]:
    """Open a database for reading, as it is, and make no file beside it.

    One that has a log is read with it: together with the program that keeps the log, or else from a copy.

    Raises:
        sqlite3.Error: it cannot be read, or was changed meanwhile.
    """
    log, shared = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if not log.exists() or log.stat().st_size == 0:
        before = _state(path)
        with _connected(path, "immutable=1") as database:
            yield database
        if _state(path) != before:
            raise sqlite3.OperationalError("it was changed while it was read; import it again")
    elif shared.exists():
        with _connected(path, "readonly_shm=1") as database:
            yield database
    else:
        with tempfile.TemporaryDirectory(prefix="ltmc-import-") as folder:
            copy = Path(folder) / "copy.db"
            shutil.copyfile(path, copy)
            shutil.copyfile(log, copy.with_name("copy.db-wal"))
            with _connected(copy, "") as database:
                yield database


def _state(path: Path) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116
    return status.st_mtime_ns, status.st_size


@contextmanager
def _connected(path: Path, options: str) -> Iterator[ForeignDatabase]:
    uri = f"{path.absolute().as_uri()}?mode=ro&{options}"
    with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("BEGIN")  # one state for all tables
        yield ForeignDatabase(connection)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def has_tables(path: Path, **needed: str) -> bool:
    """Return whether a file is a database that has each of these tables with a column."""
    if not is_sqlite(path):
        return False
    with suppress(sqlite3.Error, OSError), opened(path) as database:
        return all(column in database.columns(table) for table, column in needed.items())
    return False
