"""The search index's tables, the originals behind it, and the queries over both.

The index itself is read and written synchronously, on the connection's own thread
(`Transaction.call`), so that a search is one hop to it and not fifty. `Cursor` rows are tuples.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.storage.engine import Row, Transaction

_CAPITAL = re.compile("[A-Z]")


@dataclass(frozen=True, slots=True)
class Source:
    """What of one kind can be found.

    Attributes:
        owner: the tables that hold the originals, with aliases.
        key: the owner's id.
        project: the column of the owner's project.
        group: the column whose equal values count as one thing for `per_group`.
        created: the column of the time of its making.
        visible: a condition that every original in the index meets.
        columns: what the index takes of an original.
        text: an expression for its text, for phrases.
    """

    owner: str
    key: str
    project: str
    group: str
    created: str
    columns: str
    text: str
    visible: str = "1"


SOURCES = {
    "chunk": Source(
        "resource_chunks c JOIN resources r ON r.id = c.resource_id",
        "c.id",
        "r.project_id",
        "c.resource_id",
        "r.created_at",
        "c.id, r.project_id, c.resource_id, c.text, r.file_name, r.tags",
        "c.text",
        "r.archived = 0",
    ),
    "message": Source(
        "chat_messages m",
        "m.id",
        "m.project_id",
        "m.id",
        "m.created_at",
        "m.id, m.project_id, m.conversation_id, m.content, m.agent_name, m.metadata",
        "m.content",
    ),
    "todo": Source(
        "todos t",
        "t.id",
        "t.project_id",
        "t.id",
        "t.created_at",
        "t.*",
        "t.title || char(10) || t.description",
    ),
    "pattern": Source(
        "code_patterns p",
        "p.id",
        "p.project_id",
        "p.id",
        "p.created_at",
        "p.*",
        "p.input_prompt || char(10) || p.generated_code",
    ),
    "blueprint": Source(
        "blueprints b",
        "b.id",
        "b.project_id",
        "b.id",
        "b.created_at",
        "b.*",
        "b.title || char(10) || b.description",
    ),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL condition on the owner's tables (aliases as in `SOURCES`) and its parameters."""

    sql: str
    parameters: Sequence[Any] = ()


def is_in(column: str, values: Sequence[Any]) -> Condition:
    """`column` has one of `values`."""
    return Condition(f"{column} IN ({', '.join('?' * len(values))})", values)


def tags_condition(column: str, tags: Sequence[str], *, every: bool) -> Condition:
    """The JSON list in `column` holds one of `tags`, or every one of them."""
    marks = ", ".join("?" * len(tags))
    found = f"SELECT count(DISTINCT value) FROM json_each({column}) WHERE value IN ({marks})"
    return Condition(f"({found}) >= ?", [*tags, len(set(tags)) if every else 1])


def conjunction(conditions: Iterable[Condition]) -> tuple[str, list[Any]]:
    """All of `conditions` as one SQL text with its parameters."""
    conditions = list(conditions)
    sql = " AND ".join(f"({condition.sql})" for condition in conditions) or "1"
    return sql, [value for condition in conditions for value in condition.parameters]


def matching(kind: str, match_expression: str) -> Condition:
    """The condition that an owner's terms match."""
    found = "SELECT rowid FROM search_terms WHERE search_terms MATCH ?"
    owners = f"SELECT owner_id FROM search_entries WHERE kind = ? AND seq IN ({found})"
    return Condition(f"{SOURCES[kind].key} IN ({owners})", [kind, match_expression])


async def count(tx: Transaction, kind: str, conditions: Sequence[Condition]) -> int:
    """How many of `kind` meet the conditions."""
    source = SOURCES[kind]
    where, parameters = conjunction([Condition(source.visible), *conditions])
    return int(await tx.value(f"SELECT count(*) FROM {source.owner} WHERE {where}", parameters))


async def newest(
    tx: Transaction, kind: str, conditions: Sequence[Condition], *, per_group: int, limit: int, offset: int
) -> list[Row]:
    """The newest that meet the conditions, as rows of id and total (how many there are in all)."""
    source = SOURCES[kind]
    where, parameters = conjunction([Condition(source.visible), *conditions])
    sql = f"""
        WITH ranked AS (
            SELECT {source.key} AS id, {source.group} AS grp,
                   row_number() OVER (PARTITION BY {source.group} ORDER BY {source.key}) AS nth
            FROM {source.owner} WHERE {where}
        )
        SELECT id, count(*) OVER () AS total FROM ranked WHERE nth <= ?
        ORDER BY grp DESC, id LIMIT ? OFFSET ?"""
    return await tx.all(sql, [*parameters, per_group, limit, offset])


async def counts(tx: Transaction) -> dict[str, tuple[int, int]]:
    """For each kind how many rows there are, and how many are indexed."""
    indexed = {
        row["kind"]: row["n"]
        for row in await tx.all("SELECT kind, count(*) AS n FROM search_entries GROUP BY kind")
    }
    return {kind: (await count(tx, kind, []), indexed.get(kind, 0)) for kind in SOURCES}


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


def to_index(cursor: sqlite3.Cursor, kind: str, boundary: int, after: int, limit: int) -> list[Row]:
    """The next originals past the id `after`, in its order, without an entry newer than `boundary`."""
    source = SOURCES[kind]
    found = cursor.execute(
        f"SELECT {source.columns} FROM {source.owner} WHERE {source.visible} AND {source.key} > ? "
        "AND NOT EXISTS (SELECT 1 FROM search_entries e "
        f"WHERE e.kind = ? AND e.owner_id = {source.key} AND e.seq > ?) ORDER BY {source.key} LIMIT ?",
        (after, kind, boundary, limit),
    )
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def orphans(cursor: sqlite3.Cursor, kind: str, limit: int) -> list[int]:
    """The owner ids of entries whose original is gone."""
    source = SOURCES[kind]
    return [
        owner
        for (owner,) in cursor.execute(
            "SELECT owner_id FROM search_entries WHERE kind = ? AND owner_id NOT IN "
            f"(SELECT {source.key} FROM {source.owner} WHERE {source.visible}) LIMIT ?",
            (kind, limit),
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


def permitted(
    cursor: sqlite3.Cursor, kind: str, conditions: Sequence[Condition], seqs: Sequence[int]
) -> set[int]:
    """Those of the entries whose owners meet the conditions."""
    source = SOURCES[kind]
    where, parameters = conjunction(conditions)
    found: set[int] = set()
    for part in _parts(seqs):
        rows = cursor.execute(
            f"SELECT e.seq FROM search_entries e WHERE e.seq IN ({part}) AND EXISTS "
            f"(SELECT 1 FROM {source.owner} WHERE {source.key} = e.owner_id AND {where})",
            parameters,
        )
        found.update(seq for (seq,) in rows)
    return found


def small_set(
    cursor: sqlite3.Cursor, kind: str, project_id: str, conditions: Sequence[Condition], most: int
) -> set[int] | None:
    """The entries whose owners meet the conditions; None when they are more than `most`."""
    source = SOURCES[kind]
    where, parameters = conjunction(conditions)
    rows = cursor.execute(
        f"SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e "
        f"WHERE {source.project} = ? AND {where} AND e.kind = ? AND e.owner_id = {source.key} LIMIT ?",
        (project_id, *parameters, kind, most + 1),
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


def created(cursor: sqlite3.Cursor, kind: str, owner_ids: Sequence[int]) -> dict[int, str]:
    """When the originals were made."""
    return _column(cursor, kind, SOURCES[kind].created, owner_ids)


def texts(cursor: sqlite3.Cursor, kind: str, owner_ids: Sequence[int]) -> dict[int, str]:
    """The texts of originals."""
    return _column(cursor, kind, SOURCES[kind].text, owner_ids)


def _column(cursor: sqlite3.Cursor, kind: str, column: str, owner_ids: Sequence[int]) -> dict[int, str]:
    """A column of originals by their ids."""
    source = SOURCES[kind]
    found: dict[int, str] = {}
    for part in _parts(owner_ids):
        sql = f"SELECT {source.key}, {column} FROM {source.owner} WHERE {source.key} IN ({part})"
        found.update(cursor.execute(sql))
    return found


def _parts(ids: Sequence[int]) -> Iterator[str]:
    """The ids as lists for SQL's IN; each text is short enough to parse fast."""
    for start in range(0, len(ids), 1000):
        yield ",".join(map(str, ids[start : start + 1000]))
