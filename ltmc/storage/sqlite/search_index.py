"""The search index's tables, and the queries over them and over the rows.

The functions that take a cursor run synchronously on the connection's own thread (`Transaction.call`), so that
a search is one hop to it and not fifty. The rows of that cursor are tuples.

An entry is known by its `seq`, which grows with every write; its owner is the row that it was made of.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import loader, stored
from ltmc.storage.sources import R, Source, Where, ahead, conditions, conjunction, count
from ltmc.storage.sqlite import index_entries
from ltmc.storage.tables import blueprints, chats, patterns, resources, todos

SINCE_VERSION = 3
"""The version of the schema that brought the index."""


INDEXED = {
    source.kind: source
    for source in (
        resources.SOURCE,
        resources.PAST,
        chats.SOURCE,
        todos.SOURCE,
        patterns.SOURCE,
        blueprints.SOURCE,
    )
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


def set_identity(cursor: sqlite3.Cursor, identity: str) -> None:
    """Record that the whole index was made for `identity` and no reindexing is under way."""
    cursor.execute("UPDATE search_state SET identity = ?, target = NULL, boundary = NULL", (identity,))


def begin_reindexing(cursor: sqlite3.Cursor, identity: str, boundary: int) -> None:
    """Record that every entry up to `boundary` is to be made anew, for `identity`, and those that are missing."""
    cursor.execute("UPDATE search_state SET target = ?, boundary = ?", (identity, boundary))


def damage(cursor: sqlite3.Cursor) -> str | None:
    """Return what is wrong with the index in itself, if anything; in a transaction that writes."""
    try:
        cursor.execute("INSERT INTO search_terms (search_terms) VALUES ('integrity-check')")
        for table, sql in _SOUND.items():
            if not cursor.execute(sql).fetchone()[0]:
                return f"the table {table} does not fit the others of the index"
        sql = "SELECT kind, project_id, count(*) FROM search_entries GROUP BY kind, project_id"
        for kind, project_id, count_of in cursor.execute(sql).fetchall():
            if (
                document_frequency(
                    cursor,
                    index_entries.quote(index_entries.scope_term(index_entries.scope_name(kind, project_id))),
                )
                != count_of
            ):
                return "the table search_terms does not hold every entry"
        sql = "SELECT seq, impacts FROM search_entries WHERE seq % (SELECT 1 + count(*) / ? FROM search_entries) = 0"
        for seq, impacts in cursor.execute(sql, (_SAMPLE,)).fetchall():
            for term in index_entries.terms_of(impacts)[:_SAMPLE_TERMS]:
                sql = "SELECT 1 FROM search_terms WHERE search_terms MATCH ? AND rowid = ?"
                if cursor.execute(sql, (index_entries.quote(term), seq)).fetchone() is None:
                    return "the table search_terms does not hold every term"
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # none for a text that is not UTF-8
        if code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
            raise
        return f"the table search_terms: {error}"
    return None


_SAMPLE, _SAMPLE_TERMS = 100, 10
"""Of how many entries so many terms are looked for; the integrity check of FTS5 misses some that are lost."""

_SOUND = {
    "search_state": "SELECT count(*) = 1 AND min(typeof(identity) || typeof(removed)) = 'textinteger' "
    "FROM search_state",
    "search_entries": "SELECT count(*) = 0 FROM search_entries "
    "WHERE typeof(impacts) <> 'text' OR typeof(vector) <> 'blob' OR seq NOT IN (SELECT seq FROM search_codes)",
    "search_codes": "SELECT count(*) = 0 FROM search_codes "
    "WHERE typeof(code) <> 'blob' OR seq NOT IN (SELECT seq FROM search_entries)",
}
"""What must be true of the index's tables."""


def empty(cursor: sqlite3.Cursor) -> None:
    """Make an index without entries in the place of one that may be damaged, and have all rows indexed anew."""
    statement = cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'search_terms'").fetchone()[0]
    try:
        cursor.execute("DROP TABLE search_terms")
    except sqlite3.DatabaseError:
        # It cannot even be opened before the tables that belong to it hold what those of an empty one do.
        with closing(sqlite3.connect(":memory:")) as other:
            other.execute(statement)
            names = other.execute("SELECT name FROM sqlite_master WHERE name <> 'search_terms'").fetchall()
            for (name,) in names:
                cursor.execute(f"DELETE FROM {name}")
                for row in other.execute(f"SELECT * FROM {name}"):
                    cursor.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
        cursor.execute("DROP TABLE search_terms")
    cursor.execute(statement)
    cursor.execute(
        "INSERT OR REPLACE INTO search_state (id, identity, target, boundary, removed) VALUES (1, '', '', 0, "
        "coalesce((SELECT max(CAST(removed AS INTEGER)) FROM search_state), 0) + (SELECT count(*) FROM search_entries))"
    )
    cursor.execute("DELETE FROM search_entries")
    cursor.execute("DELETE FROM search_codes")


_MERGED_PAGES = 64
"""How many pages of the terms are merged at a time: a few milliseconds."""


def merge(cursor: sqlite3.Cursor, *, anew: bool) -> bool:
    """Merge parts of the terms, which leaves out those of entries that are gone; return whether there may be more.

    Args:
        anew: begin with all of them.
    """
    connection = cursor.connection
    before = connection.total_changes
    pages = -_MERGED_PAGES if anew else _MERGED_PAGES
    cursor.execute("INSERT INTO search_terms (search_terms, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before >= 2


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


def largest_id(cursor: sqlite3.Cursor, source: Source[Any]) -> int:
    """Return the largest id of a kind's rows; 0 when there are none."""
    row = cursor.execute(f"SELECT max({source.key}) FROM {source.owner}").fetchone()
    return row[0] or 0


def move(cursor: sqlite3.Cursor, old: str, new: str, owner_ids: Sequence[int]) -> None:
    """Have the entries of owners be of another kind; unknown ids are ignored."""
    sql = (
        "SELECT owner_id, project_id, group_key, impacts, vector, code FROM search_entries "
        f"JOIN search_codes USING (seq) WHERE kind = '{old}' AND owner_id IN ({{ids}}) ORDER BY owner_id"
    )
    found = index_entries.chosen(cursor, sql, owner_ids)
    index_entries.delete(cursor, old, owner_ids)
    for owner_id, project_id, group_key, impacts, vector, code in found:
        terms = index_entries.terms_of(impacts)
        entry = index_entries.NewEntry(owner_id, project_id, group_key, terms, impacts, vector, code)
        index_entries.insert(cursor, new, entry)


def is_pending(cursor: sqlite3.Cursor, kind: str, project_id: str) -> bool:
    """Return whether an entry of a kind in a project has no vector yet."""
    sql = "SELECT 1 FROM search_entries WHERE vector = x'' AND kind = ? AND project_id = ? LIMIT 1"
    return cursor.execute(sql, (kind, project_id)).fetchone() is not None


def count_pending(cursor: sqlite3.Cursor, kind: str | None = None) -> int:
    """Count the entries, of a kind or all, that have no vector yet."""
    sql = "SELECT count(*) FROM search_entries WHERE vector = x'' AND (:kind IS NULL OR kind = :kind)"
    return int(cursor.execute(sql, {"kind": kind}).fetchone()[0])


def pending(cursor: sqlite3.Cursor, kind: str, first: int, limit: int) -> list[tuple[int, int | None]]:
    """Return entries of a kind without a vector, from the place `first` on, as (owner id, group)."""
    sql = (
        "SELECT owner_id, group_key FROM search_entries WHERE vector = x'' AND kind = ? "
        "ORDER BY project_id, owner_id LIMIT ? OFFSET ?"
    )
    return cursor.execute(sql, (kind, limit, first)).fetchall()


def seqs_of(cursor: sqlite3.Cursor, kind: str, owner_ids: Sequence[int]) -> dict[int, int]:
    """Return the seqs of a kind's entries by owner id."""
    sql = "SELECT owner_id, seq FROM search_entries WHERE kind = ? AND owner_id IN ({ids})"
    return dict(index_entries.chosen(cursor, sql, owner_ids, [kind]))


def fill(cursor: sqlite3.Cursor, kind: str, vectors: Mapping[int, tuple[bytes, bytes]]) -> int:
    """Give entries, by seq, their vector and its code; return how many of them were still there.

    Each gets a new seq, by which other processes notice.
    """
    sql = "SELECT seq, owner_id, project_id, group_key, impacts FROM search_entries WHERE seq IN ({ids})"
    found = index_entries.chosen(cursor, sql, list(vectors))
    index_entries.delete(cursor, kind, [row[1] for row in found])
    for seq, owner_id, project_id, group_key, impacts in sorted(found):
        terms = index_entries.terms_of(impacts)
        entry = index_entries.NewEntry(owner_id, project_id, group_key, terms, impacts, *vectors[seq])
        index_entries.insert(cursor, kind, entry)
    return len(found)


def codes_after(
    cursor: sqlite3.Cursor, seq: int, batch: int = 20_000
) -> Iterator[list[tuple[int, str, bytes]]]:
    """Yield the sign codes of entries past `seq`, in order and in batches, as (seq, scope, code)."""
    rows = cursor.execute("SELECT seq, scope, code FROM search_codes WHERE seq > ? ORDER BY seq", (seq,))
    while found := rows.fetchmany(batch):
        yield found


def codes_of(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> dict[int, bytes]:
    """Return the sign codes of entries by seq."""
    return dict(index_entries.chosen(cursor, "SELECT seq, code FROM search_codes WHERE seq IN ({ids})", seqs))


def document_frequency(cursor: sqlite3.Cursor, expression: str) -> int:
    """Count the entries of the whole index that match an expression of FTS5: about 40 ns each."""
    found = cursor.execute("SELECT count(*) FROM search_terms WHERE search_terms MATCH ?", (expression,))
    return int(found.fetchone()[0])


def owners(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[tuple[int, int, int | None]]:
    """Return entries as (seq, owner id, group), without what is large."""
    sql = "SELECT seq, owner_id, group_key FROM search_entries WHERE seq IN ({ids})"
    return index_entries.chosen(cursor, sql, seqs)


def vectors(cursor: sqlite3.Cursor, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
    """Return entries as (seq, vector)."""
    return index_entries.chosen(cursor, "SELECT seq, vector FROM search_entries WHERE seq IN ({ids})", seqs)


def owner_vectors(cursor: sqlite3.Cursor, kind: str, owner_ids: Sequence[int]) -> dict[int, bytes]:
    """Return the vectors of a kind's entries by owner id."""
    sql = "SELECT owner_id, vector FROM search_entries WHERE kind = ? AND owner_id IN ({ids})"
    return dict(index_entries.chosen(cursor, sql, owner_ids, [kind]))


def chunk_vectors(cursor: sqlite3.Cursor, resource_ids: Sequence[int]) -> list[tuple[int, bytes]]:
    """Return the vectors of the chunks of memories as (resource id, vector)."""
    sql = (
        "SELECT c.resource_id, e.vector FROM resource_chunks c JOIN search_entries e "
        "ON e.kind = 'chunk' AND e.owner_id = c.id WHERE c.resource_id IN ({ids})"
    )
    return index_entries.chosen(cursor, sql, resource_ids)


def permitted(cursor: sqlite3.Cursor, source: Source[Any], where: Where, seqs: Sequence[int]) -> set[int]:
    """Return those of the entries whose owners the filters leave."""
    condition, parameters = _filtered(source, where)
    sql = (
        "SELECT e.seq FROM search_entries e WHERE e.seq IN ({ids}) AND EXISTS "
        f"(SELECT 1 FROM {source.owner} WHERE {source.key} = e.owner_id AND {condition})"
    )
    return {seq for (seq,) in index_entries.chosen(cursor, sql, seqs, parameters)}


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


def outdated(
    cursor: sqlite3.Cursor, source: Source[Any], project_id: str, moment: str, projects: Sequence[str] = ()
) -> set[int]:
    """Return the entries of the index whose owners are not current at a moment.

    Args:
        projects: those that are looked in together, up to this one.
    """
    if source.current is None:
        return set()
    condition = source.current([moment])
    rows = cursor.execute(
        f"SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e WHERE {source.project} = ? "
        f"AND {source.visible} AND {source.bounded} AND NOT ({condition.sql}) "
        f"AND e.kind = ? AND e.owner_id = {source.key}",
        (project_id, *condition.parameters, source.kind),
    )
    found = {seq for (seq,) in rows}
    if source.shadowed is None or not ahead(projects):
        return found
    condition = source.shadowed([moment, *projects])
    rows = cursor.execute(
        f"SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e WHERE {source.project} = ? "
        f"AND {condition.sql} AND e.kind = ? AND e.owner_id = {source.key}",
        (project_id, *map(stored, condition.parameters), source.kind),
    )
    return found | {seq for (seq,) in rows}


def group_owners(cursor: sqlite3.Cursor, group: int) -> list[int]:
    """Return the owners of the entries of a group, in order."""
    rows = cursor.execute(
        "SELECT owner_id FROM search_entries WHERE group_key = ? ORDER BY owner_id", (group,)
    )
    return [owner_id for (owner_id,) in rows]


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
    return dict(index_entries.chosen(cursor, sql, owner_ids))


def _filtered(source: Source[Any], where: Where) -> tuple[str, list[Any]]:
    """Return named filters as one condition and its parameters, as a cursor takes them."""
    sql, parameters = conjunction(conditions(source, where))
    return sql, [stored(value) for value in parameters]
