"""A PostgreSQL database that another memory is copied into."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from ltmc.storage import moving
from ltmc.storage.index_entries import scope_name, scope_term, terms_of
from ltmc.storage.moving import Column, Row, Step, Target
from ltmc.storage.postgres.connections import connected
from ltmc.storage.postgres.database import Cursor
from ltmc.storage.postgres.errors import translated
from ltmc.storage.postgres.migrations import SCHEMA_VERSION, checked_version
from ltmc.storage.postgres.search_index import PostgresSearchIndex, fitting

FAULTS_SHOWN = 20

LONGEST_KEY = 2_600
"""In bytes, of a text in an index."""

_IN_AN_INDEX = {"file_path", "doc_path", "ref", "key", "path", "node_id", "source_id", "target_id", "tag"}
"""The columns with an index whose texts may be longer than that."""

_JSON = {("trash", "content"), ("routing_log", "features"), ("routing_log", "alternatives")}
"""Columns of JSON whose default does not tell."""

WHICH = (
    "SELECT concat_ws(' ', pg_postmaster_start_time(), oid, current_schema()) FROM pg_database "
    "WHERE datname = current_database()"
)
"""Tells a database and the schema in it from others, whatever its address; the same until its server restarts."""

Check = Callable[[Any], str | None]


class PostgresTarget(Target):
    """See `Target`."""

    present = SCHEMA_VERSION
    refusals = (psycopg.IntegrityError, psycopg.DataError)

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        super().__init__(PostgresSearchIndex(Cursor(psycopg.ClientCursor(connection))))

    def insert(self, step: Step, rows: Sequence[Row]) -> None:
        """Write new rows, and the terms of entries."""
        names, given = list(step.columns), rows
        if step.table == "search_entries":
            kind, project, impacts = map(names.index, ("kind", "project_id", "impacts"))
            names = [*names, "terms"]
            given = [(*row, _terms(row[kind], row[project], row[impacts])) for row in rows]
        sql = f"COPY {step.table} ({', '.join(names)}) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            for row in given:
                copy.write_row(row)

    def empty(self) -> None:
        """Take out all rows."""
        names = ", ".join(table.name for table in moving.TABLES if table.there != "filled in")
        self.cursor.execute(f"TRUNCATE {names}")

    def number(self, numbers: Mapping[str, int]) -> None:
        """Have the next rows of tables get larger numbers than these."""
        for name, number in numbers.items():
            if name == "search_entries":
                self.cursor.execute("UPDATE search_state SET last_seq = ?", (number,))
            else:
                self.cursor.execute("SELECT setval(pg_get_serial_sequence(?, 'id'), ?)", (name, number))
        for table in moving.TABLES:
            if table.key == ("rowid",):
                self.cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(?, 'rowid'), max(rowid)) "
                    f"FROM {table.name} HAVING max(rowid) > 0",
                    (table.name,),
                )

    def finished(self) -> None:
        """Have PostgreSQL plan with what is there now."""
        self.cursor.execute("ANALYZE")

    def _roll_back(self) -> None:
        if not self._connection.closed:
            self._connection.rollback()


def _terms(kind: str, project_id: str, impacts: str) -> str:
    """Return the terms of an entry, as PostgreSQL reads a tsvector."""
    terms = fitting([scope_term(scope_name(kind, project_id)), *terms_of(impacts)])
    return " ".join("'" + term.replace("\\", "\\\\").replace("'", "''") + "'" for term in terms)


def is_there(url: str) -> bool:
    """Return whether a database has LTMC's tables; it is only looked at.

    Raises:
        LtmcError: see `checked_version`.
    """
    with translated(url), closing(connected(url)) as connection:
        return checked_version(connection, url) > 0


@contextmanager
def opened(url: str) -> Iterator[PostgresTarget]:
    """Open a database that is marked as half moved."""
    with translated(url), closing(connected(url)) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.seconds = None
        yield PostgresTarget(connection)


class Unfit:
    """Collects what PostgreSQL cannot keep.

    Attributes:
        found: the first such values and why.
        more: how many follow.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self.more = 0
        self._checks: dict[str, list[Check]] = {}

    def __call__(self, table: str, columns: Sequence[Column], row: Row) -> None:
        """Look at a row."""
        if table not in self._checks:
            self._checks[table] = [_check_of(table, column) for column in columns]
        for value, check, column in zip(row, self._checks[table], columns, strict=True):
            if value is not None and (why := check(value)):
                if len(self.found) < FAULTS_SHOWN:
                    self.found.append(f"table {table}, {columns[0].name} {row[0]}: its {column.name} {why}")
                else:
                    self.more += 1


def _check_of(table: str, column: Column) -> Check:
    if column.kind == "TEXT":
        if (table, column.name) in _JSON or (column.default or "")[:2] in ("'[", "'{"):
            return _why_no_json
        if column.name in _IN_AN_INDEX:
            return _why_no_key
    return _CHECKS[column.kind]


def _why_no_text(value: Any) -> str | None:
    if not isinstance(value, str):
        return "is no text"
    return "holds a NUL character" if "\0" in value else None


def _why_no_key(value: Any) -> str | None:
    if isinstance(value, str) and len(value) > LONGEST_KEY // 4 and len(value.encode()) > LONGEST_KEY:
        return f"is longer than {LONGEST_KEY} bytes"
    return _why_no_text(value)


def _why_no_json(value: Any) -> str | None:
    if why := _why_no_text(value):
        return why
    if len(value) == 2:  # an empty list or object
        return None
    try:
        shown = json.dumps(json.loads(value), ensure_ascii=False) if "\\u" in value else json.loads(value)
    except (ValueError, RecursionError):
        return "is no JSON"
    if not isinstance(shown, str):
        return None
    if "\\u0000" in shown.replace("\\\\", ""):
        return "holds a NUL character"
    try:
        shown.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair"
    return None


def _why_no_number(value: Any) -> str | None:
    return None if isinstance(value, int) else "is no whole number"


def _why_no_float(value: Any) -> str | None:
    return None if isinstance(value, int | float) else "is no number"


def _why_no_bytes(value: Any) -> str | None:
    return None if isinstance(value, bytes) else "is no bytes"


_CHECKS: dict[str, Check] = {
    "TEXT": _why_no_text,
    "INTEGER": _why_no_number,
    "REAL": _why_no_float,
    "BLOB": _why_no_bytes,
}
