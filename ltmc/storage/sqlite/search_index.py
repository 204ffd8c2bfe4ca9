"""The search index's tables, and the queries over them and over the rows.

The functions that take a cursor run synchronously on the connection's own thread (`Transaction.call`), so that
a search is one hop to it and not fifty. The rows of that cursor are tuples.

An entry is known by its `seq`, which grows with every write; its owner is the row that it was made of.
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
    """Count, for each kind, the rows that there are and those that are indexed."""
    sql = "SELECT count(*) FROM search_entries WHERE kind = ?"
    return {
        kind: (await count(tx, source, {}), await tx.value(sql, [kind])) for kind, source in INDEXED.items()
    }


async def storage_counts(tx: Transaction) -> dict[str, int]:
    """Count the rows of the main tables."""
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
    """The state of the index; see the table search_state."""

    identity: str
    target: str | None
    boundary: int
    removed: int


def state(cursor: sqlite3.Cursor) -> State:
    """Return the state of the index."""
    row = cursor.execute("SELECT identity, target, boundary, removed FROM search_state").fetchone()
    return State(row[0], row[1], row[2] or 0, row[3])


def set_identity(cursor: sqlite3.Cursor, identity: str) -> None:
    """Record that the whole index was made for `identity` and no reindexing is under way."""
    cursor.execute("UPDATE search_state SET identity = ?, target = NULL, boundary = NULL", (identity,))


def begin_reindexing(cursor: sqlite3.Cursor, identity: str) -> None:
    """Record that every entry up to the last is to be made anew, for `identity`."""
    cursor.execute("UPDATE search_state SET target = ?, boundary = ?", (identity, last_seq(cursor)))


def last_seq(cursor: sqlite3.Cursor) -> int:
    """Return the largest seq ever given."""
    row = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'search_entries'").fetchone()
    return row[0] if row else 0


def not_indexed(cursor: sqlite3.Cursor, source: Source[R], boundary: int, after: int, limit: int) -> list[R]:
    """Return the next rows past the id `after`, by id, that have no entry newer than `boundary`."""
    found = cursor.execute(
        f"SELECT {source.columns} FROM {source.owner} WHERE {source.visible} AND {source.key} > ? "
        "AND NOT EXISTS (SELECT 1 FROM search_entries e "
        f"WHERE e.kind = ? AND e.owner_id = {source.key} AND e.seq > ?) ORDER BY {source.key} LIMIT ?",
        (after, source.kind, boundary, limit),
    )
    load = loader(source.row, [column[0] for column in found.description])
    return [load(row) for row in found]


def orphans(cursor: sqlite3.Cursor, source: Source[Any], limit: int) -> list[int]:
    """Return the owner ids of entries whose row is gone."""
    rows = cursor.execute(
        "SELECT owner_id FROM search_entries WHERE kind = ? AND owner_id NOT IN "
        f"(SELECT {source.key} FROM {source.owner} WHERE {source.visible}) LIMIT ?",
        (source.kind, limit),
    )
    return [owner_id for (owner_id,) in rows]


@dataclass(frozen=True, slots=True)
class NewEntry:
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


def scope_term(scope: str) -> str:
    """Return the scope as a term; the index folds case, so capitals are marked."""
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
    """Remove the entries of owners; unknown ids are ignored."""
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
    """Return a number that changes when another connection has written."""
    return int(cursor.execute("PRAGMA data_version").fetchone()[0])


def codes_after(
    cursor: sqlite3.Cursor, seq: int, batch: int = 20_000
) -> Iterator[list[tuple[int, str, bytes]]]:
    """Yield the sign codes of entries past `seq`, in order and in batches, as (seq, scope, code)."""
    rows = cursor.execute("SELECT seq, scope, code FROM search_codes WHERE seq > ? ORDER BY seq", (seq,))
    while found := rows.fetchmany(batch):
        yield found


def codes_of(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> dict[int, bytes]:
    """Return the sign codes of entries by seq."""
    return dict(_chosen(cursor, "SELECT seq, code FROM search_codes WHERE seq IN ({ids})", seqs))


def document_frequency(cursor: sqlite3.Cursor, expression: str) -> int:
    """Count the entries of the whole index that match an expression of FTS5: about 40 ns each."""
    found = cursor.execute("SELECT count(*) FROM search_terms WHERE search_terms MATCH ?", (expression,))
    return int(found.fetchone()[0])


def postings(cursor: sqlite3.Cursor, expression: str, limit: int) -> list[int]:
    """Return the seqs of entries that match, the newest first: about 0.3 us each."""
    found = cursor.execute(
        "SELECT rowid FROM search_terms WHERE search_terms MATCH ? ORDER BY rowid DESC LIMIT ?",
        (expression, limit),
    )
    return [seq for (seq,) in found]


def owners(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[tuple[int, int, int | None]]:
    """Return entries as (seq, owner id, group), without what is large."""
    sql = "SELECT seq, owner_id, group_key FROM search_entries WHERE seq IN ({ids})"
    return _chosen(cursor, sql, seqs)


def impacts(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[tuple[int, int, int | None, str]]:
    """Return entries as (seq, owner id, group, impacts)."""
    sql = "SELECT seq, owner_id, group_key, impacts FROM search_entries WHERE seq IN ({ids})"
    return _chosen(cursor, sql, seqs)


def vectors(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
    """Return entries as (seq, vector)."""
    return _chosen(cursor, "SELECT seq, vector FROM search_entries WHERE seq IN ({ids})", seqs)


def owner_vectors(cursor: sqlite3.Cursor, kind: str, owner_ids: Sequence[int]) -> dict[int, bytes]:
    """Return the vectors of a kind's entries by owner id."""
    sql = "SELECT owner_id, vector FROM search_entries WHERE kind = ? AND owner_id IN ({ids})"
    return dict(_chosen(cursor, sql, owner_ids, [kind]))


def permitted(cursor: sqlite3.Cursor, source: Source[Any], where: Where, seqs: Sequence[int]) -> set[int]:
    """Return those of the entries whose owners the filters leave."""
    condition, parameters = _filtered(source, where)
    sql = (
        "SELECT e.seq FROM search_entries e WHERE e.seq IN ({ids}) AND EXISTS "
        f"(SELECT 1 FROM {source.owner} WHERE {source.key} = e.owner_id AND {condition})"
    )
    return {seq for (seq,) in _chosen(cursor, sql, seqs, parameters)}


def permitted_if_few(
    cursor: sqlite3.Cursor, source: Source[Any], project_id: str, where: Where, most: int
) -> set[int] | None:
    """Return every entry whose owner the filters leave, or None when they are more than `most`."""
    condition, parameters = _filtered(source, where)
    rows = cursor.execute(
        f"SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e "
        f"WHERE {source.project} = ? AND {condition} AND e.kind = ? AND e.owner_id = {source.key} LIMIT ?",
        (project_id, *parameters, source.kind, most + 1),
    ).fetchall()
    return {seq for (seq,) in rows} if len(rows) <= most else None


def group_members(cursor: sqlite3.Cursor, group: int) -> list[int]:
    """Return the entries of a group in the order of their owners."""
    rows = cursor.execute("SELECT seq FROM search_entries WHERE group_key = ? ORDER BY owner_id", (group,))
    return [seq for (seq,) in rows]


_NEIGHBOURS = """SELECT seq, 0 FROM (SELECT seq FROM search_entries
  WHERE group_key = :group_key AND owner_id < :owner_id ORDER BY owner_id DESC LIMIT :reach)
UNION ALL SELECT seq, 1 FROM (SELECT seq FROM search_entries
  WHERE group_key = :group_key AND owner_id > :owner_id ORDER BY owner_id LIMIT :reach)"""


def neighbours(cursor: sqlite3.Cursor, group: int, owner_id: int, reach: int) -> tuple[list[int], list[int]]:
    """Return up to `reach` entries before an owner in its group, and after it, both in order."""
    values = {"group_key": group, "owner_id": owner_id, "reach": reach}
    rows = cursor.execute(_NEIGHBOURS, values).fetchall()
    before = [seq for seq, after in rows if not after]
    return before[::-1], [seq for seq, after in rows if after]


def created(cursor: sqlite3.Cursor, source: Source[Any], owner_ids: Sequence[int]) -> dict[int, str]:
    """Return the timestamps at which rows were made, by id."""
    return _by_id(cursor, source, source.created, owner_ids)


def texts(cursor: sqlite3.Cursor, source: Source[Any], owner_ids: Sequence[int]) -> dict[int, str]:
    """Return the texts of rows by id."""
    return _by_id(cursor, source, source.text, owner_ids)


def _by_id(
    cursor: sqlite3.Cursor, source: Source[Any], expression: str, owner_ids: Sequence[int]
) -> dict[int, str]:
    sql = f"SELECT {source.key}, {expression} FROM {source.owner} WHERE {source.key} IN ({{ids}})"
    return dict(_chosen(cursor, sql, owner_ids))


def _filtered(source: Source[Any], where: Where) -> tuple[str, list[Any]]:
    """Return named filters as one condition and its parameters, as a cursor takes them."""
    sql, parameters = conjunction(conditions(source, where))
    return sql, [stored(value) for value in parameters]


def _chosen(
    cursor: sqlite3.Cursor, sql: str, ids: Sequence[int], parameters: Sequence[Any] = ()
) -> list[Any]:
    """Return the rows of `sql` with ``{ids}`` filled in, a thousand at a time: such a text is parsed fast."""
    rows: list[Any] = []
    for start in range(0, len(ids), 1000):
        chosen = ",".join(map(str, ids[start : start + 1000]))
        rows += cursor.execute(sql.replace("{ids}", chosen), parameters).fetchall()
    return rows
