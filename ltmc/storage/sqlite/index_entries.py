"""The entries of the search index: how they are written, and found by their terms.

It imports little, for commands that run in an instant. The functions run synchronously on a cursor whose rows are
tuples. An entry is known by its `seq`, which grows with every write; its owner is the row that it was made of.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

_CAPITAL = re.compile("[A-Z]")


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


def state(cursor: sqlite3.Cursor) -> State:
    """Return the state of the index."""
    row = cursor.execute("SELECT identity, target, boundary, left_out, removed FROM search_state").fetchone()
    return State(row[0], row[1], row[2] or 0, row[3], row[4])


def leave_out(cursor: sqlite3.Cursor) -> None:
    """Record that a row has no entry, for a program to make that may."""
    cursor.execute(
        "UPDATE search_state SET left_out = left_out + 1, boundary = coalesce(boundary, 0), "
        "target = coalesce(target, identity)"
    )


def last_seq(cursor: sqlite3.Cursor) -> int:
    """Return the largest seq ever given."""
    row = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'search_entries'").fetchone()
    return row[0] if row else 0


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
    """Return a term as FTS5 takes it, whatever it holds."""
    return '"' + term.replace('"', '""') + '"'


def terms_of(impacts: str) -> list[str]:
    """Return the terms of an entry; its impacts are `` term=L term=L``."""
    return [item[:-2] for item in impacts.split()]


def insert(cursor: sqlite3.Cursor, kind: str, entry: NewEntry) -> None:
    """Add an entry."""
    scope = scope_name(kind, entry.project_id)
    seq = cursor.execute(
        "INSERT INTO search_entries (kind, owner_id, project_id, group_key, impacts, vector) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (kind, entry.owner_id, entry.project_id, entry.group_key, entry.impacts, entry.vector),
    ).lastrowid
    cursor.execute("INSERT INTO search_codes (seq, scope, code) VALUES (?, ?, ?)", (seq, scope, entry.code))
    cursor.execute(
        "INSERT INTO search_terms (rowid, terms) VALUES (?, ?)",
        (seq, " ".join([scope_term(scope), *entry.terms])),
    )


def delete(cursor: sqlite3.Cursor, kind: str, owner_ids: Iterable[int]) -> None:
    """Remove the entries of owners; unknown ids are ignored."""
    removed = 0
    for owner_id in owner_ids:
        found = cursor.execute(
            "DELETE FROM search_entries WHERE kind = ? AND owner_id = ? RETURNING seq, project_id, impacts",
            (kind, owner_id),
        ).fetchall()
        for seq, project_id, impacts in found:
            terms = terms_of(impacts)  # a contentless row goes by its terms
            cursor.execute(
                "INSERT INTO search_terms (search_terms, rowid, terms) VALUES ('delete', ?, ?)",
                (seq, " ".join([scope_term(scope_name(kind, project_id)), *terms])),
            )
            cursor.execute("DELETE FROM search_codes WHERE seq = ?", (seq,))
            removed += 1
    if removed:
        cursor.execute("UPDATE search_state SET removed = removed + ?", (removed,))


def postings(cursor: sqlite3.Cursor, expression: str, limit: int) -> list[int]:
    """Return the seqs of entries that match, the newest first: about 0.3 us each."""
    found = cursor.execute(
        "SELECT rowid FROM search_terms WHERE search_terms MATCH ? ORDER BY rowid DESC LIMIT ?",
        (expression, limit),
    )
    return [seq for (seq,) in found]


def impacts(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[tuple[int, int, int | None, str]]:
    """Return entries as (seq, owner id, group, impacts)."""
    sql = "SELECT seq, owner_id, group_key, impacts FROM search_entries WHERE seq IN ({ids})"
    return chosen(cursor, sql, seqs)


def chosen(cursor: sqlite3.Cursor, sql: str, ids: Sequence[int], parameters: Sequence[Any] = ()) -> list[Any]:
    """Return the rows of `sql` with ``{ids}`` filled in, a thousand at a time: such a text is parsed fast."""
    rows: list[Any] = []
    for start in range(0, len(ids), 1000):
        listed = ",".join(map(str, ids[start : start + 1000]))
        rows += cursor.execute(sql.replace("{ids}", listed), parameters).fetchall()
    return rows
