"""The rows of an export: read table by table, and stored again in another database under ids that are free there."""

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.index_entries import IndexEntries
from ltmc.storage.rows import stored as as_stored

PAGE = 250
"""How many rows are read at a time."""

LARGEST_ID = 2**40
"""An id beyond is not kept, so that many more can follow."""

_JSON = frozenset(
    "tags metadata files properties complexity_factors required_skills resource_requirements metrics bases skills "
    "score_breakdown working_days days_off agrees_with".split()
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_MOMENTS = ("_at", "valid_from", "valid_until", "estimated_completion")
_LONGEST = 1_000_000

_BLUEPRINT = "t.blueprint_id IN (SELECT blueprint_id FROM blueprints WHERE project_id = :project)"


class Table(NamedTuple):
    """A table of an export.

    Attributes:
        numbered: whether its rows are known by their ids.
        place: the column that its rows are read in the order of.
        project: which of its rows, as t, are of a project.
        left_out: columns that belong to the machine, or number rows that are known by other columns.
        nodes: columns that name a node of the graph, which may be ``resource:<id>``.
    """

    name: str
    numbered: bool = False
    place: str = "rowid"
    project: str = "t.project_id = :project"
    left_out: frozenset[str] = frozenset()
    nodes: Sequence[str] = ()


TABLES = {
    table.name: table
    for table in (
        Table("projects", left_out=frozenset({"root_path", "allowed_paths", "settings"})),
        Table("resources", numbered=True, place="id", left_out=frozenset({"superseded_by"})),
        Table("chat_messages", numbered=True, place="id"),
        Table("todos", numbered=True, place="id"),
        Table("code_patterns", numbered=True, place="id"),
        Table("graph_nodes", nodes=("node_id",)),
        Table("graph_edges", place="id", left_out=frozenset({"id"}), nodes=("source_id", "target_id")),
        Table("blueprints", place="id", left_out=frozenset({"id"})),
        Table("blueprint_history", numbered=True, place="id", project=_BLUEPRINT),
        Table(
            "blueprint_dependencies", project=_BLUEPRINT.replace("t.blueprint_id", "t.dependent_blueprint_id")
        ),
        Table("blueprint_files", project=_BLUEPRINT),
        Table("blueprint_symbols", project=_BLUEPRINT),
        Table("team_members"),
        Table("assignments"),
        Table(
            "assignment_progress",
            numbered=True,
            place="id",
            project="t.assignment_id IN (SELECT assignment_id FROM assignments WHERE project_id = :project)",
        ),
        Table("doc_links"),
    )
}
"""What is exported, in the order in which it can be stored again."""

HEIRS, AGREEING, INFORMED = "superseded_by", "agreements", "context_links"
"""What is exported besides: what took the place of memories, which of them are said to agree, and which parts of
memories informed messages."""

_LINKS = (
    "context_links t JOIN resource_chunks c ON c.id = t.chunk_id JOIN chat_messages m ON m.id = t.message_id "
    "WHERE TRUE"
)
_AGREED = "(SELECT json_group_array(a.higher_id) FROM agreements a WHERE a.lower_id = t.id)"
_AGREEING = "(SELECT lower_id FROM agreements)"
_MADE_OF: dict[str, tuple[str, str]] = {
    HEIRS: (
        "SELECT t.id AS place, t.id, t.superseded_by FROM resources t WHERE t.superseded_by IS NOT NULL",
        "t.project_id = :project",
    ),
    AGREEING: (
        f"SELECT t.id AS place, t.id, {_AGREED} AS agrees_with FROM resources t WHERE t.id IN {_AGREEING}",
        "t.project_id = :project",
    ),
    INFORMED: (
        f"SELECT t.id AS place, t.message_id, c.resource_id, c.ordinal, t.rank, t.score, t.created_at FROM {_LINKS}",
        "m.project_id = :project",
    ),
}
NAMES = (*TABLES, *_MADE_OF)
"""The names of all parts of an export, in its order."""

NOT_EXPORTED = frozenset(
    "schema_migrations resource_chunks retrieval_events cache_entries cache_stats routing_log routing_priors "
    "usage_events tool_calls file_snapshots sync_sessions sync_events tags search_entries search_codes search_state "
    "forgettings trash import_sources imported tokens requests".split()
)
"""Logs of use, the cache, the search index, the tags of rows, the trash, tokens, and what belongs to this machine."""


async def origin(tx: Transaction) -> str:
    """Return what tells this database from others: the moment at which it was made."""
    return str(await tx.value("SELECT applied_at FROM schema_migrations ORDER BY version LIMIT 1"))


async def page(
    tx: Transaction, name: str, project_id: str | None, after: int
) -> tuple[list[dict[str, Any]], int]:
    """Return the next rows of a part of an export, and the place of the last one; values that are NULL are left out."""
    return await tx.call(partial(_page, name=name, project=project_id, after=after))


def _page(
    stored: IndexEntries, name: str, project: str | None, after: int
) -> tuple[list[dict[str, Any]], int]:
    if name in _MADE_OF:
        (select, of_project), place = _MADE_OF[name], "id"
    else:
        place = TABLES[name].place
        names = [one for one in _columns(stored, name) if one not in TABLES[name].left_out]
        select = (
            f"SELECT t.{place} AS place, {', '.join(f't.{one}' for one in names)} FROM {name} t WHERE TRUE"
        )
        of_project = TABLES[name].project
    chosen = f" AND {of_project}" if project is not None else ""
    sql = f"{select}{chosen} AND t.{place} > :after ORDER BY t.{place} LIMIT {PAGE}"
    found = stored.cursor.execute(sql, {"project": project, "after": after})
    rows, labels = found.fetchall(), [column[0] for column in found.description]
    return [_values(labels[1:], row[1:]) for row in rows], rows[-1][0] if rows else after


def _values(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return {
        name: json.loads(value) if name in _JSON else value
        for name, value in zip(names, row, strict=True)
        if value is not None
    }


def _columns(stored: IndexEntries, table: str) -> dict[str, tuple[str, bool, Any]]:
    """Return the columns of a table, each with its type, whether it must be given, and its default."""
    found = stored.cursor.execute(
        'SELECT name, type, "notnull", dflt_value FROM pragma_table_info(?)', (table,)
    )
    return {name: (kind, bool(must) and default is None, default) for name, kind, must, default in found}


async def columns(tx: Transaction, table: str) -> dict[str, tuple[str, bool, Any]]:
    """Return the columns of a table of an export; see `fitting`."""
    return await tx.call(partial(_columns, table=table))


def fitting(
    known: Mapping[str, tuple[str, bool, Any]], table: str, given: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the values of a row that its table has columns for; None where one is missing or of the wrong kind."""
    of = TABLES[table]
    values = {
        name: value
        for name, value in given.items()
        if value is not None and name in known and name not in of.left_out
    }
    if any(
        must and name not in values
        for name, (_, must, _) in known.items()
        if name not in ("id", *of.left_out)
    ):
        return None
    return values if all(_fits(name, *known[name][::2], value) for name, value in values.items()) else None


def _fits(name: str, kind: str, default: Any, value: Any) -> bool:
    if name in _JSON:
        wanted = list if default == "'[]'" else dict if default == "'{}'" else (list, dict)
        return isinstance(value, wanted) and len(as_stored(value)) <= _LONGEST
    if name.endswith(_MOMENTS):
        return is_moment(value)
    if kind == "TEXT":
        return isinstance(value, str) and len(value) <= _LONGEST
    return (
        isinstance(value, int | float)
        and (kind != "INTEGER" or isinstance(value, int))
        and abs(value) < 2**62
    )


def is_moment(value: Any) -> bool:
    """Return whether a value is a timestamp."""
    return isinstance(value, str) and _MOMENT.fullmatch(value) is not None


async def same(tx: Transaction, table: str, row_id: int, created_at: Any) -> bool:
    """Return whether a table has a row of this id that was made at the same moment: it is that row."""
    made = "changed_at" if table == "blueprint_history" else "created_at"
    return bool(await tx.value(f"SELECT 1 FROM {table} WHERE id = ? AND {made} = ?", (row_id, created_at)))


async def insert(tx: Transaction, table: str, values: Mapping[str, Any]) -> int | None:
    """Store a row, under its id where that was never given; return its place.

    Returns:
        None where the row is there, or the database refuses it.
    """
    row = dict(values)
    if TABLES[table].numbered:
        given = row.pop("id")
        last = await tx.value(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)", (table,)
        )
        if last < given < LARGEST_ID:
            row["id"] = given
    if table == "resources":
        row["version"] = await _free_version(tx, row)
    names = [*row]
    sql = (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT DO NOTHING RETURNING {TABLES[table].place}"
    )
    await tx.run("SAVEPOINT imported_row")
    try:
        found = await tx.value(sql, [row[name] for name in names])
        await tx.run("RELEASE imported_row")
    except (sqlite3.IntegrityError, sqlite3.DataError):
        await tx.run("ROLLBACK TO imported_row")
        await tx.run("RELEASE imported_row")
        return None
    if found is not None and "id" in row:
        await tx.note_id(table, row["id"])
    return None if found is None else int(found)


async def _free_version(tx: Transaction, row: Mapping[str, Any]) -> int:
    chosen = (row["project_id"], row["file_name"])
    where = "project_id = ? AND file_name = ?"
    if await tx.value(f"SELECT 1 FROM resources WHERE {where} AND version = ?", (*chosen, row["version"])):
        return 1 + int(await tx.value(f"SELECT max(version) FROM resources WHERE {where}", chosen))
    return int(row["version"])


async def put_heir(tx: Transaction, resource_id: int, heir_id: int) -> None:
    """Say what took the place of a memory, where it is not said."""
    await tx.run(
        "UPDATE resources SET superseded_by = ? WHERE id = ? AND superseded_by IS NULL",
        (heir_id, resource_id),
    )


async def link_chunk(
    tx: Transaction,
    message_id: int,
    resource_id: int,
    ordinal: int,
    rank: int,
    score: float | None,
    moment: str,
) -> None:
    """Say which part of a memory informed a message, where it is not said."""
    await tx.run(
        "INSERT INTO context_links (message_id, chunk_id, rank, score, created_at) "
        "SELECT :message, c.id, :rank, :score, :moment FROM resource_chunks c "
        "WHERE c.resource_id = :resource AND c.ordinal = :ordinal AND NOT EXISTS (SELECT 1 FROM context_links l "
        "WHERE l.message_id = :message AND l.chunk_id = c.id AND l.rank = :rank)",
        {
            "message": message_id,
            "resource": resource_id,
            "ordinal": ordinal,
            "rank": rank,
            "score": score,
            "moment": moment,
        },
    )
