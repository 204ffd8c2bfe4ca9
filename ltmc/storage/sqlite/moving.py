"""A database file that another memory is copied into."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ltmc.storage import moving
from ltmc.storage.index_entries import scope_name, scope_term, terms_of
from ltmc.storage.moving import Row, Step, Target
from ltmc.storage.sqlite import log_owner
from ltmc.storage.sqlite.errors import translated
from ltmc.storage.sqlite.files import identity, log_of
from ltmc.storage.sqlite.index_entries import SqliteEntries
from ltmc.storage.sqlite.migrations import SCHEMA_VERSION
from ltmc.storage.sqlite.waiting import LOCK_SECONDS


class SqliteTarget(Target):
    """See `Target`."""

    begin = "BEGIN IMMEDIATE"
    present = SCHEMA_VERSION

    cursor: sqlite3.Cursor

    def insert(self, step: Step, rows: Sequence[Row]) -> None:
        """Write new rows, and the terms of entries."""
        marks = ", ".join("?" * len(step.columns))
        self.cursor.executemany(
            f"INSERT INTO {step.table} ({', '.join(step.columns)}) VALUES ({marks})", rows
        )
        if step.table == "search_entries":
            seq, kind, project, impacts = map(step.columns.index, ("seq", "kind", "project_id", "impacts"))
            self.cursor.executemany(
                "INSERT INTO search_terms (rowid, terms) VALUES (?, ?)",
                [
                    (
                        row[seq],
                        " ".join([scope_term(scope_name(row[kind], row[project])), *terms_of(row[impacts])]),
                    )
                    for row in rows
                ],
            )

    def empty(self) -> None:
        """Take out all rows."""
        for table in reversed(moving.TABLES):
            if table.there == "written":
                self.cursor.execute(f"DELETE FROM {table.name}")
        self.cursor.execute("INSERT INTO search_terms (search_terms) VALUES ('delete-all')")

    def number(self, numbers: Mapping[str, int]) -> None:
        """Have the next rows of tables get larger numbers than these."""
        for name, number in numbers.items():
            self.cursor.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            self.cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, number))

    def finished(self) -> None:
        """Have all of it on the disk, in one file."""
        self.cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _roll_back(self) -> None:
        if self.cursor.connection.in_transaction:
            self.cursor.execute("ROLLBACK")


@contextmanager
def opened(path: Path) -> Iterator[SqliteTarget]:
    """Open a file that is marked as half moved."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with (
        translated(path),
        log_owner.own_log(path),
        closing(
            sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=LOCK_SECONDS, check_same_thread=False
            )
        ) as connection,
    ):
        for pragma in (
            "foreign_keys = ON",
            "secure_delete = ON",
            "synchronous = FULL",
            "cache_size = -64000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        file, log = identity(path), identity(log_of(path))
        if file is not None and log is not None:
            log_owner.note(path, file, log)
        yield SqliteTarget(SqliteEntries(connection.cursor()))
    log_owner.forget(path)
