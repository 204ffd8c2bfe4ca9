"""The full-text tables and the queries over them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.storage.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Source:
    """What of one kind can be found.

    Attributes:
        fts: the full-text table; its rowid is `key`.
        owner: the tables that hold the originals, with aliases.
        key: the owner's id.
        project: the column of the owner's project.
        group: the column whose equal values count as one thing for `per_group`.
        visible: a condition that every result meets.
    """

    fts: str
    owner: str
    key: str
    project: str
    group: str
    visible: str = "1"


SOURCES = {
    "chunk": Source(
        "chunk_fts",
        "resource_chunks c JOIN resources r ON r.id = c.resource_id",
        "c.id",
        "r.project_id",
        "c.resource_id",
        "r.archived = 0",
    ),
    "message": Source("message_fts", "chat_messages m", "m.id", "m.project_id", "m.id"),
    "todo": Source("todo_fts", "todos t", "t.id", "t.project_id", "t.id"),
    "pattern": Source("pattern_fts", "code_patterns p", "p.id", "p.project_id", "p.id"),
    "blueprint": Source("blueprint_fts", "blueprints b", "b.id", "b.project_id", "b.id"),
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


async def add(tx: Transaction, kind: str, rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Index rows of (owner id, title, tags, text), each already analysed."""
    fts = SOURCES[kind].fts
    await tx.many(f"INSERT INTO {fts} (rowid, title, tags, text) VALUES (?, ?, ?, ?)", rows)


async def remove(tx: Transaction, kind: str, rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Take rows out of the index; they must be given as they were added."""
    fts = SOURCES[kind].fts
    await tx.many(f"INSERT INTO {fts} ({fts}, rowid, title, tags, text) VALUES ('delete', ?, ?, ?, ?)", rows)


async def count(tx: Transaction, kind: str, conditions: Sequence[Condition]) -> int:
    """How many of `kind` meet the conditions."""
    source = SOURCES[kind]
    where, parameters = conjunction([Condition(source.visible), *conditions])
    return int(await tx.value(f"SELECT count(*) FROM {source.owner} WHERE {where}", parameters))


async def match(
    tx: Transaction,
    kind: str,
    match_expression: str,
    conditions: Sequence[Condition],
    *,
    weights: tuple[float, float, float],
    half_score: float,
    min_score: float,
    per_group: int,
    limit: int,
    offset: int,
) -> list[Row]:
    """The best matches as rows of id, score (0 to 1) and total (how many match in all).

    The score is b / (b + half_score) for a bm25 of b. Filters, `min_score` and `per_group` apply before
    the cut; equal scores go newest first.
    """
    source = SOURCES[kind]
    where, parameters = conjunction([Condition(source.visible), *conditions])
    sql = f"""
        WITH found AS MATERIALIZED (
            SELECT {source.key} AS id, {source.group} AS grp, -bm25({source.fts}, ?, ?, ?) AS strength
            FROM {source.owner} JOIN {source.fts} ON {source.fts}.rowid = {source.key}
            WHERE {source.fts} MATCH ? AND {where}
        ), scored AS (
            SELECT id, grp, round(max(strength, 0) / (max(strength, 0) + ?), 4) AS score FROM found
        ), ranked AS (
            SELECT id, score, row_number() OVER (PARTITION BY grp ORDER BY score DESC, id DESC) AS nth
            FROM scored WHERE score >= ?
        )
        SELECT id, score, count(*) OVER () AS total FROM ranked WHERE nth <= ?
        ORDER BY score DESC, id DESC LIMIT ? OFFSET ?"""
    return await tx.all(
        sql,
        [*weights, match_expression, *parameters, half_score, min_score, per_group, limit, offset],
    )


def matching(kind: str, match_expression: str) -> Condition:
    """The condition that an owner's full text matches."""
    source = SOURCES[kind]
    return Condition(
        f"{source.key} IN (SELECT rowid FROM {source.fts} WHERE {source.fts} MATCH ?)", [match_expression]
    )


async def newest(
    tx: Transaction, kind: str, conditions: Sequence[Condition], *, per_group: int, limit: int, offset: int
) -> list[Row]:
    """The newest that meet the conditions, as rows like those of `match`, with score 0."""
    source = SOURCES[kind]
    where, parameters = conjunction([Condition(source.visible), *conditions])
    sql = f"""
        WITH ranked AS (
            SELECT {source.key} AS id, {source.group} AS grp,
                   row_number() OVER (PARTITION BY {source.group} ORDER BY {source.key}) AS nth
            FROM {source.owner} WHERE {where}
        )
        SELECT id, 0.0 AS score, count(*) OVER () AS total FROM ranked WHERE nth <= ?
        ORDER BY grp DESC, id LIMIT ? OFFSET ?"""
    return await tx.all(sql, [*parameters, per_group, limit, offset])


async def counts(tx: Transaction) -> dict[str, tuple[int, int]]:
    """For each kind how many rows there are, and how many are indexed."""
    found = {}
    for kind, source in SOURCES.items():
        table = source.owner.split()[0]
        rows = await tx.value(f"SELECT count(*) FROM {table}")
        found[kind] = (rows, await tx.value(f"SELECT count(*) FROM {source.fts}_docsize"))
    return found


async def storage_counts(tx: Transaction) -> dict[str, int]:
    """How many rows the main tables hold."""
    tables = {
        "resources": "resources",
        "chunks": "resource_chunks",
        "messages": "chat_messages",
        "todos": "todos",
        "patterns": "code_patterns",
    }
    return {name: await tx.value(f"SELECT count(*) FROM {table}") for name, table in tables.items()}
