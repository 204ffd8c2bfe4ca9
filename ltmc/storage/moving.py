"""A whole memory copied from one database into another, whichever their engines: rows, ids and index as they are.

The source is read as one snapshot. The target is marked (`ltmc.storage.half_moved`), and notes in a table how far it
is, so that a copy that was killed goes on. Each page of rows is one transaction, which moves the note too.
"""

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.engine import Transaction
from ltmc.storage.half_moved import HALF_MOVED
from ltmc.storage.index_entries import IndexEntries
from ltmc.timestamps import now

MOST_ROWS, USUAL_BYTES = 2_000, 4_000_000
"""How many rows a page has at most, and about how many bytes."""

Row = tuple[Any, ...]


class Table(NamedTuple):
    """A table whose rows are copied.

    Attributes:
        key: the columns that its rows are read in the order of.
        later: columns that name rows of the same table, which have to be there first.
        there: how its rows come about: they are written, filled in where each database has one, or made by triggers.
    """

    name: str
    key: Sequence[str] = ("id",)
    later: Sequence[str] = ()
    there: str = "written"


_ROWID = ("rowid",)
TABLES = (
    Table("projects", _ROWID),
    Table("resources", later=("superseded_by",)),
    Table("resource_chunks"),
    Table("chat_messages"),
    Table("retrieval_events"),
    Table("context_links"),
    Table("todos"),
    Table("graph_nodes", _ROWID),
    Table("graph_edges"),
    Table("code_patterns"),
    Table("tags", ("place", "tag", "owner_id"), there="made"),
    Table("cache_entries", ("namespace", "key")),
    Table("cache_stats", ("namespace",)),
    Table("routing_log"),
    Table("routing_priors", ("method",)),
    Table("usage_events"),
    Table("tool_calls"),
    Table("blueprints", later=("parent_id",)),
    Table("blueprint_history"),
    Table("blueprint_dependencies", _ROWID),
    Table("blueprint_files", _ROWID),
    Table("blueprint_symbols", _ROWID),
    Table("team_members", _ROWID),
    Table("assignments", _ROWID),
    Table("assignment_progress"),
    Table("doc_links", _ROWID),
    Table("file_snapshots", ("project_id", "file_path")),
    Table("forgettings", _ROWID),
    Table("trash"),
    Table("agreements", ("lower_id", "higher_id")),
    Table("import_sources", ("path",)),
    Table("imported", ("key",)),
    Table("tokens", ("name",)),
    Table("search_entries", ("seq",)),
    Table("search_codes", ("scope", "seq")),
    Table("search_state", there="filled in"),
)
"""What is copied, in an order in which each row comes after those that it names."""

NOT_MOVED = frozenset({"schema_migrations", "sync_sessions", "sync_events", "requests"})
"""The history of the schema, the folders that processes of one machine watch, and the requests of the last minutes."""

_OF_ONE_ENGINE = {("search_entries", "terms"), ("search_state", "last_seq")}
"""Columns that only PostgreSQL has: made of others, and a number that SQLite keeps elsewhere."""


class Column(NamedTuple):
    """A column: its name, its type as SQLite calls it, and its default."""

    name: str
    kind: str
    default: str | None


class Step(NamedTuple):
    """Rows that are copied page by page.

    Attributes:
        name: the table, or one of its columns that is filled in later.
        columns: what is read and written, the key first.
        update: whether rows that are there get these values, else new ones are written.
        where: which rows.
    """

    name: str
    table: str
    key: Sequence[str]
    columns: Sequence[str]
    update: bool
    where: str = "TRUE"


Columns = Mapping[str, Sequence[Column]]


def columns(stored: IndexEntries) -> Columns:
    """Return the columns of each table, those of its key first."""
    found = {}
    for table in TABLES:
        sql = "SELECT name, type, dflt_value FROM pragma_table_info(?)"
        known = [Column(*row) for row in stored.cursor.execute(sql, (table.name,)).fetchall()]
        if table.key == _ROWID:
            known.append(Column("rowid", "INTEGER", None))
        known = [one for one in known if (table.name, one.name) not in _OF_ONE_ENGINE]
        found[table.name] = sorted(known, key=lambda one: (one.name not in table.key, one.name))
    return found


def steps(known: Columns) -> list[Step]:
    """Return what is copied, in order."""
    found = []
    for table in TABLES:
        names = [one.name for one in known[table.name] if one.name not in table.later]
        if table.there != "made":
            found.append(Step(table.name, table.name, _key(names, table), names, table.there == "filled in"))
        for later in table.later:
            chosen = [*table.key, later]
            found.append(
                Step(f"{table.name}.{later}", table.name, table.key, chosen, True, f"{later} IS NOT NULL")
            )
    return found


def _key(names: Sequence[str], table: Table) -> Sequence[str]:
    return [name for name in names if name in table.key]


def compared(known: Columns) -> list[Step]:
    """Return what is hashed: every table with all its columns."""
    found = []
    for table in TABLES:
        names = [one.name for one in known[table.name]]
        found.append(Step(table.name, table.name, _key(names, table), names, False))
    return found


class Page:
    """Reads the rows of a step in the order of their keys, about as many bytes at a time."""

    def __init__(self, step: Step, after: Sequence[Any] | None = None) -> None:
        self.step, self.after = step, after
        self._limit = min(100, MOST_ROWS)

    def next(self, stored: IndexEntries) -> list[Row]:
        """Return the next rows; none at the end."""
        step, key = self.step, ", ".join(self.step.key)
        marks = ", ".join("?" * len(step.key))
        beyond = f" AND ({key}) > ({marks})" if self.after is not None else ""
        sql = (
            f"SELECT {', '.join(step.columns)} FROM {step.table} WHERE {step.where}{beyond} "
            f"ORDER BY {key} LIMIT ?"
        )
        rows = stored.cursor.execute(sql, [*(self.after or ()), self._limit]).fetchall()
        if rows:
            self.after = rows[-1][: len(step.key)]
            size = sum(len(value) for row in rows for value in row if isinstance(value, str | bytes))
            fitting = len(rows) * USUAL_BYTES // max(size, 1)
            self._limit = max(1, min(2 * self._limit, fitting, MOST_ROWS))
        return rows


class Sum(NamedTuple):
    """How many rows a table has, and the SHA-256 of them in the order of their keys."""

    rows: int
    hash: str


class Hasher:
    """Makes the sum of one table. Rows are hashed as Python writes them, in ASCII: floats and bytes are exact."""

    def __init__(self, step: Step, known: Columns) -> None:
        self._page = Page(step)
        self._rows, self._hash = 0, sha256()
        of = known[step.table]
        self._floats = [place for place, column in enumerate(of) if column.kind == "REAL"]

    def more(self, stored: IndexEntries, check: Callable[[Row], object] | None = None) -> int:
        """Hash the next rows and return how many they are; 0 at the end.

        Args:
            check: is called with each row.
        """
        rows = self._page.next(stored)
        self._rows += len(rows)
        for row in rows:
            if check is not None:
                check(row)
            given = row
            if self._floats:  # SQLite keeps no negative zero
                values = list(row)
                for place in self._floats:
                    if isinstance(values[place], float):
                        values[place] += 0.0
                given = tuple(values)
            self._hash.update(ascii(given).encode())
        return len(rows)

    @property
    def sum(self) -> Sum:
        """Of what was hashed."""
        return Sum(self._rows, self._hash.hexdigest())


def numbers(stored: IndexEntries) -> dict[str, int]:
    """Return the largest number that each table that numbers its rows ever gave."""
    found = dict(stored.cursor.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    found["search_entries"] = stored.last_seq()
    names = {table.name for table in TABLES}
    return {name: int(found[name]) for name in sorted(found) if name in names and found[name]}


def outline(stored: IndexEntries) -> tuple[dict[str, int], dict[str, int]]:
    """Return what tells soon that something was written: the numbers given, and how many rows each table has."""
    counts = {
        table.name: int(stored.cursor.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])
        for table in TABLES
    }
    return numbers(stored), counts


async def require_empty(tx: Transaction) -> None:
    """Refuse a database that holds something.

    Raises:
        LtmcError: CONFLICT.
    """
    _, held = await tx.call(outline)
    del held["search_state"]
    if found := [f"{count:,} in {name}" for name, count in held.items() if count]:
        shown = ", ".join(found[:6]) + (" and more" if len(found) > 6 else "")
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"TARGET: it is not empty, it holds rows: {shown}. Name an empty database, or a file that is not there.",
            field="TARGET",
        )


async def mark(tx: Transaction, origin: str, known: Columns) -> None:
    """Mark a database as half moved, in a transaction that writes.

    Args:
        origin: what tells which state of which source is copied.

    Raises:
        LtmcError: CONFLICT when it holds something.
    """
    await require_empty(tx)
    await tx.run("CREATE TABLE half_moved (step TEXT PRIMARY KEY, place TEXT NOT NULL)")
    places = [("", origin), *((step.name, "") for step in steps(known))]
    await tx.many("INSERT INTO half_moved (step, place) VALUES (?, ?)", places)
    await tx.run("INSERT INTO schema_migrations (version, applied_at) VALUES (?, ?)", (HALF_MOVED, now()))


class Target(ABC):
    """A database that is marked as half moved, on a connection that knows that."""

    begin = "BEGIN"
    present: int
    """The version of the schema that this program knows."""

    refusals: tuple[type[Exception], ...] = (sqlite3.IntegrityError, sqlite3.DataError)
    """What is raised for a row that the schema does not allow."""

    def __init__(self, stored: IndexEntries) -> None:
        self.stored, self.cursor = stored, stored.cursor

    @abstractmethod
    def insert(self, step: Step, rows: Sequence[Row]) -> None:
        """Write new rows, with what the search index of this engine makes of them."""

    @abstractmethod
    def empty(self) -> None:
        """Take out all rows."""

    @abstractmethod
    def number(self, numbers: Mapping[str, int]) -> None:
        """Have the next rows of tables get larger numbers than these."""

    @abstractmethod
    def finished(self) -> None:
        """Do what is good to do once it is finished."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block does, or nothing of it.

        Raises:
            LtmcError: CONFLICT when the mark is gone.
        """
        self.cursor.execute(self.begin)
        try:
            sql = "SELECT 1 FROM schema_migrations WHERE version = ?"
            if not self.cursor.execute(sql, (HALF_MOVED,)).fetchall():
                raise LtmcError(ErrorCode.CONFLICT, "TARGET: another `ltmc migrate-to` has finished it.")
            yield
            self.cursor.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    @abstractmethod
    def _roll_back(self) -> None: ...

    def version(self) -> int:
        """Return the version of its schema, below the mark."""
        sql = "SELECT max(version) FROM schema_migrations WHERE version < ?"
        return int(self.cursor.execute(sql, (HALF_MOVED,)).fetchone()[0])

    def places(self) -> dict[str, str]:
        """Return how far each step is, and under an empty name what is copied."""
        with self.transaction():
            return dict(self.cursor.execute("SELECT step, place FROM half_moved").fetchall())

    def begin_anew(self, origin: str) -> None:
        """Forget what was copied; another state of the source is to be."""
        with self.transaction():
            self.empty()
            self.cursor.execute("UPDATE half_moved SET place = ''")
            self.cursor.execute("UPDATE half_moved SET place = ? WHERE step = ''", (origin,))

    def write(self, step: Step, rows: Sequence[Row], before: str) -> str:
        """Write a page of rows and note that; return the new place.

        Args:
            before: the place that is noted.

        Raises:
            LtmcError: CONFLICT when another process writes into it too, or a row is refused.
        """
        place = json.dumps(rows[-1][: len(step.key)])
        with self.transaction():
            sql = "UPDATE half_moved SET place = ? WHERE step = ? AND place = ? RETURNING step"
            if not self.cursor.execute(sql, (place, step.name, before)).fetchall():
                raise LtmcError(ErrorCode.CONFLICT, "TARGET: another `ltmc migrate-to` writes into it, too.")
            try:
                if step.update:
                    self._update(step, rows)
                else:
                    self.insert(step, rows)
            except self.refusals as error:
                first, last = rows[0][: len(step.key)], rows[-1][: len(step.key)]
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"TARGET: it refuses a row of {step.table} from {first} to {last}: {error}. `ltmc doctor` shows "
                    "what is wrong with the source.",
                ) from error
        return place

    def _update(self, step: Step, rows: Sequence[Row]) -> None:
        width = len(step.key)
        names = ", ".join(f"{name} = ?" for name in step.columns[width:])
        which = " AND ".join(f"{name} = ?" for name in step.key)
        sql = f"UPDATE {step.table} SET {names} WHERE {which}"
        self.cursor.executemany(sql, [(*row[width:], *row[:width]) for row in rows])

    def finish(self, numbers: Mapping[str, int], made_at: str, index_for: str | None) -> None:
        """Take off the mark: from now on it is a database like any other.

        Args:
            made_at: when the source was made, which tells it from others.
            index_for: what the search index is to be made anew for, if it cannot stay as it is.
        """
        with self.transaction():
            self.number(numbers)
            if index_for is not None:
                sql = "UPDATE search_state SET target = ?, boundary = ?"
                self.cursor.execute(sql, (index_for, numbers.get("search_entries", 0)))
            self.cursor.execute("UPDATE schema_migrations SET applied_at = ? WHERE version = 1", (made_at,))
            self.cursor.execute("DELETE FROM schema_migrations WHERE version = ?", (HALF_MOVED,))
            self.cursor.execute("DROP TABLE half_moved")
        self.finished()
