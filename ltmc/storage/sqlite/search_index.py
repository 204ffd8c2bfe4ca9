"""The search index's tables, and the queries over them and the originals behind.

The index itself is read and written synchronously, on the connection's own thread
(`Transaction.call`), so that a search is one hop to it and not fifty. `Cursor` rows are tuples.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import loader, stored
from ltmc.storage.sources import R, Source, Where, conditions, conjunction, count
from ltmc.storage.tables import blueprints, chats, patterns, resources, todos

_CAPITAL = re.compile("[A-Z]")


INDEXED = {
    source.kind: source
    for source in (resources.SOURCE, chats.SOURCE, todos.SOURCE, patterns.SOURCE, blueprints.SOURCE)
}
"""What the index holds, by kind."""


async def counts(tx: Transaction) -> dict[str, tuple[int, int]]:
    """For each kind how many rows there are, and how many are indexed."""
    sql = "SELECT count(*) FROM search_entries WHERE kind = ?"
    return {
        kind: (await count(tx, source, {}), await tx.value(sql, [kind])) for kind, source in INDEXED.items()
    }


async def storage_counts(tx: Transaction) -> dict[str, int]:
    """How many rows the main tables hold."""
    tables = {
        "resources": "resources",
        "chunks": "resource_chunks",
        "messages": "chat_messages",
        "todos": "todos",
        "patterns": "code_patterns",
        "blueprints": "blueprints",
        "vectors": "search_entries",
    }
    return {name: await tx.value(f"SELECT count(*) FROM {table}") for name, table in tables.items()}


@dataclass(frozen=True, slots=True)
class State:
    """See the table search_state."""

    identity: str
    target: str | None
    boundary: int
    removed: int


def state(cursor: sqlite3.Cursor) -> State:
    """The state of the index."""
    row = cursor.execute("SELECT identity, target, boundary, removed FROM search_state").fetchone()
    return State(row[0], row[1], row[2] or 0, row[3])


def set_identity(cursor: sqlite3.Cursor, identity: str) -> None:
    """Say that the whole index is of `identity`; no reindexing is under way."""
    cursor.execute("UPDATE search_state SET identity = ?, target = NULL, boundary = NULL", (identity,))


def begin_reindexing(cursor: sqlite3.Cursor, identity: str) -> None:
    """Say that every entry up to the last is to be made anew, for `identity`."""
    cursor.execute("UPDATE search_state SET target = ?, boundary = ?", (identity, last_seq(cursor)))


def last_seq(cursor: sqlite3.Cursor) -> int:
    """The largest seq ever given."""
    row = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'search_entries'").fetchone()
    return row[0] if row else 0


def to_index(cursor: sqlite3.Cursor, source: Source[R], boundary: int, after: int, limit: int) -> list[R]:
    """The next originals past the id `after`, in its order, without an entry newer than `boundary`."""
    found = cursor.execute(
        f"SELECT {source.columns} FROM {source.owner} WHERE {source.visible} AND {source.key} > ? "
        "AND NOT EXISTS (SELECT 1 FROM search_entries e "
        f"WHERE e.kind = ? AND e.owner_id = {source.key} AND e.seq > ?) ORDER BY {source.key} LIMIT ?",
        (after, source.kind, boundary, limit),
    )
    load = loader(source.row, [column[0] for column in found.description])
    return [load(row) for row in found]


def orphans(cursor: sqlite3.Cursor, source: Source[Any], limit: int) -> list[int]:
    """The owner ids of entries whose original is gone."""
    return [
        owner
        for (owner,) in cursor.execute(
            "SELECT owner_id FROM search_entries WHERE kind = ? AND owner_id NOT IN "
            f"(SELECT {source.key} FROM {source.owner} WHERE {source.visible}) LIMIT ?",
            (source.kind, limit),
        )
    ]


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A row for the index; `terms` are those of its impacts."""

    owner_id: int
    project_id: str
    group_key: int | None
    terms: Sequence[str]
    impacts: str
    vector: bytes
    code: bytes


def scope_name(kind: str, project_id: str) -> str:
    """The name of a kind's part of a project in the index."""
    return f"{kind}:{project_id}"


def scope_term(scope: str) -> str:
    """The scope as a term: the index folds case, so capitals are marked."""
    return _CAPITAL.sub(lambda found: "^" + found.group().lower(), scope)


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
    """Take entries out; unknown ids are ignored."""
    removed = 0
    for owner_id in owner_ids:
        found = cursor.execute(
            "DELETE FROM search_entries WHERE kind = ? AND owner_id = ? RETURNING seq, project_id, impacts",
            (kind, owner_id),
        ).fetchall()
        for seq, project_id, impacts in found:
            terms = [item[:-2] for item in impacts.split()]  # a contentless row goes by its terms
            cursor.execute(
                "INSERT INTO search_terms (search_terms, rowid, terms) VALUES ('delete', ?, ?)",
                (seq, " ".join([scope_term(scope_name(kind, project_id)), *terms])),
            )
            cursor.execute("DELETE FROM search_codes WHERE seq = ?", (seq,))
            removed += 1
    if removed:
        cursor.execute("UPDATE search_state SET removed = removed + ?", (removed,))


def data_version(cursor: sqlite3.Cursor) -> int:
    """A number that changes when another connection has written."""
    return int(cursor.execute("PRAGMA data_version").fetchone()[0])


def codes_after(
    cursor: sqlite3.Cursor, seq: int, batch: int = 20_000
) -> Iterator[list[tuple[int, str, bytes]]]:
    """The sign codes of entries past `seq`, in order, as (seq, scope, code)."""
    rows = cursor.execute("SELECT seq, scope, code FROM search_codes WHERE seq > ? ORDER BY seq", (seq,))
    while found := rows.fetchmany(batch):
        yield found


def codes_of(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> dict[int, bytes]:
    """The sign codes of some entries."""
    found: dict[int, bytes] = {}
    for part in _parts(seqs):
        found.update(cursor.execute(f"SELECT seq, code FROM search_codes WHERE seq IN ({part})"))
    return found


def holding(cursor: sqlite3.Cursor, match_expression: str) -> int:
    """How many entries of the whole index match: about 40 ns each."""
    found = cursor.execute(
        "SELECT count(*) FROM search_terms WHERE search_terms MATCH ?", (match_expression,)
    )
    return int(found.fetchone()[0])


def postings(cursor: sqlite3.Cursor, match_expression: str, limit: int) -> list[int]:
    """The seqs of entries that match, the newest first: about 0.3 us each."""
    found = cursor.execute(
        "SELECT rowid FROM search_terms WHERE search_terms MATCH ? ORDER BY rowid DESC LIMIT ?",
        (match_expression, limit),
    )
    return [seq for (seq,) in found]


Plain = tuple[int, int, int | None]  # seq, owner_id, group_key


def plain(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[Plain]:
    """Entries without what is large."""
    found: list[Plain] = []
    for part in _parts(seqs):
        found += cursor.execute(
            f"SELECT seq, owner_id, group_key FROM search_entries WHERE seq IN ({part})"
        ).fetchall()
    return found


def with_impacts(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[tuple[int, int, int | None, str]]:
    """Entries with their impacts."""
    found: list[tuple[int, int, int | None, str]] = []
    for part in _parts(seqs):
        found += cursor.execute(
            f"SELECT seq, owner_id, group_key, impacts FROM search_entries WHERE seq IN ({part})"
        ).fetchall()
    return found


def vectors(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
    """Vectors of entries."""
    found: list[tuple[int, bytes]] = []
    for part in _parts(seqs):
        found += cursor.execute(f"SELECT seq, vector FROM search_entries WHERE seq IN ({part})").fetchall()
    return found


def permitted(cursor: sqlite3.Cursor, source: Source[Any], where: Where, seqs: Sequence[int]) -> set[int]:
    """Those of the entries whose owners the filters leave."""
    condition, parameters = _filtered(source, where)
    found: set[int] = set()
    for part in _parts(seqs):
        rows = cursor.execute(
            f"SELECT e.seq FROM search_entries e WHERE e.seq IN ({part}) AND EXISTS "
            f"(SELECT 1 FROM {source.owner} WHERE {source.key} = e.owner_id AND {condition})",
            parameters,
        )
        found.update(seq for (seq,) in rows)
    return found


def small_set(
    cursor: sqlite3.Cursor, source: Source[Any], project_id: str, where: Where, most: int
) -> set[int] | None:
    """The entries whose owners the filters leave; None when they are more than `most`."""
    condition, parameters = _filtered(source, where)
    rows = cursor.execute(
        f"SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e "
        f"WHERE {source.project} = ? AND {condition} AND e.kind = ? AND e.owner_id = {source.key} LIMIT ?",
        (project_id, *parameters, source.kind, most + 1),
    ).fetchall()
    return {seq for (seq,) in rows} if len(rows) <= most else None


def members(cursor: sqlite3.Cursor, group_key: int) -> list[int]:
    """The entries of a group in the order of their owners."""
    rows = cursor.execute(
        "SELECT seq FROM search_entries WHERE group_key = ? ORDER BY owner_id", (group_key,)
    )
    return [seq for (seq,) in rows]


_BESIDE = """SELECT seq, 0 FROM (SELECT seq FROM search_entries
  WHERE group_key = :group_key AND owner_id < :owner_id ORDER BY owner_id DESC LIMIT :reach)
UNION ALL SELECT seq, 1 FROM (SELECT seq FROM search_entries
  WHERE group_key = :group_key AND owner_id > :owner_id ORDER BY owner_id LIMIT :reach)"""


def beside(cursor: sqlite3.Cursor, group_key: int, owner_id: int, reach: int) -> tuple[list[int], list[int]]:
    """Up to `reach` entries before and after an owner in its group, both in order."""
    rows = cursor.execute(_BESIDE, {"group_key": group_key, "owner_id": owner_id, "reach": reach}).fetchall()
    before = [seq for seq, side in rows if not side]
    return before[::-1], [seq for seq, side in rows if side]


def created(cursor: sqlite3.Cursor, source: Source[Any], owner_ids: Sequence[int]) -> dict[int, str]:
    """When the originals were made."""
    return _column(cursor, source, source.created, owner_ids)


def texts(cursor: sqlite3.Cursor, source: Source[Any], owner_ids: Sequence[int]) -> dict[int, str]:
    """The texts of originals."""
    return _column(cursor, source, source.text, owner_ids)


def _filtered(source: Source[Any], where: Where) -> tuple[str, list[Any]]:
    sql, parameters = conjunction(conditions(source, where))
    return sql, [stored(value) for value in parameters]


def _column(
    cursor: sqlite3.Cursor, source: Source[Any], column: str, owner_ids: Sequence[int]
) -> dict[int, str]:
    """A column of originals by their ids."""
    found: dict[int, str] = {}
    for part in _parts(owner_ids):
        sql = f"SELECT {source.key}, {column} FROM {source.owner} WHERE {source.key} IN ({part})"
        found.update(cursor.execute(sql))
    return found


def _parts(ids: Sequence[int]) -> Iterator[str]:
    """The ids as lists for SQL's IN; each text is short enough to parse fast."""
    for start in range(0, len(ids), 1000):
        yield ",".join(map(str, ids[start : start + 1000]))
