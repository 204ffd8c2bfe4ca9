"""The entries of the search index: how they are written, and found by their terms.

It imports little, for commands that run in an instant. An entry is known by its `seq`, which grows with every write;
its owner is the row that it was made of.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

_CAPITAL = re.compile("[A-Z]")


class Cursor(Protocol):
    """What executes SQL with ``?`` and ``:name`` for values; its rows are tuples."""

    @property
    def description(self) -> Any:
        """The columns of what was found, each a sequence that its name is the first of."""

    def execute(self, sql: str, parameters: Any = ..., /) -> "Cursor":
        """Execute a statement."""

    def executemany(self, sql: str, rows: Iterable[Any], /) -> "Cursor":
        """Execute a statement once for each of `rows`."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchmany(self, size: int, /) -> list[Any]:
        """Return the next rows, up to `size`."""

    def fetchall(self) -> list[Any]:
        """Return the other rows."""

    def __iter__(self) -> Iterator[Any]: ...


class State(NamedTuple):
    """The state of the index; see the table search_state."""

    identity: str
    target: str | None
    boundary: int
    left_out: int
    removed: int

    @property
    def aim(self) -> str:
        """What entries are to be made for."""
        return self.identity if self.target is None else self.target

    def agrees(self, other: "State") -> bool:
        """Whether nothing but removals came between two states."""
        return self._replace(removed=other.removed) == other


class NewEntry(NamedTuple):
    """An entry for the index; `terms`: those of its impacts."""

    owner_id: int
    project_id: str
    group_key: int | None
    terms: Sequence[str]
    impacts: str
    vector: bytes
    code: bytes


def scope_name(kind: str, project_id: str) -> str:
    """Return the name of a scope: the entries of one kind in one project."""
    return f"{kind}:{project_id}"


def group_key(scope: str, group: str) -> int:
    """Return the number of a conversation or document in a scope."""
    return int.from_bytes(blake2b(f"{scope}\0{group}".encode(), digest_size=8).digest(), "big", signed=True)


def scope_term(scope: str) -> str:
    """Return the scope as a term; the index folds case, so capitals are marked."""
    return _CAPITAL.sub(lambda found: "^" + found.group().lower(), scope)


def quote(term: str) -> str:
    """Return a term as an expression takes it, whatever it holds."""
    return '"' + term.replace('"', '""') + '"'


def terms_of(impacts: str) -> list[str]:
    """Return the terms of an entry; its impacts are `` term=L term=L``."""
    return [item[:-2] for item in impacts.split()]


class IndexEntries(ABC):
    """The entries of one database, inside a transaction. The functions run on the thread of its connection.

    What entries are found by is an expression in the language of FTS5: terms in quotes, ``*`` after one that is a
    beginning, AND, OR and brackets.
    """

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor

    def state(self) -> State:
        """Return the state of the index."""
        row = self.cursor.execute(
            "SELECT identity, target, boundary, left_out, removed FROM search_state"
        ).fetchone()
        return State(row[0], row[1], row[2] or 0, row[3], row[4])

    def leave_out(self) -> None:
        """Record that a row has no entry, for a program to make that may."""
        self.cursor.execute(
            "UPDATE search_state SET left_out = left_out + 1, boundary = coalesce(boundary, 0), "
            "target = coalesce(target, identity)"
        )

    @abstractmethod
    def last_seq(self) -> int:
        """Return the largest seq ever given."""

    @abstractmethod
    def insert(self, kind: str, entries: Iterable[NewEntry]) -> None:
        """Add entries."""

    @abstractmethod
    def delete(self, kind: str, owner_ids: Iterable[int]) -> None:
        """Remove the entries of owners; unknown ids are ignored."""

    @abstractmethod
    def postings(self, expression: str, limit: int) -> list[int]:
        """Return the seqs of entries that match, the newest first."""

    def impacts(self, seqs: Sequence[int]) -> list[tuple[int, int, int | None, str]]:
        """Return entries as (seq, owner id, group, impacts)."""
        sql = "SELECT seq, owner_id, group_key, impacts FROM search_entries WHERE seq IN ({ids})"
        return self.chosen(sql, seqs)

    def chosen(self, sql: str, ids: Sequence[int], parameters: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of `sql` with ``{ids}`` filled in, a thousand at a time: such a text is parsed fast."""
        rows: list[Any] = []
        for start in range(0, len(ids), 1000):
            listed = ",".join(map(str, ids[start : start + 1000]))
            rows += self.cursor.execute(sql.replace("{ids}", listed), parameters).fetchall()
        return rows
