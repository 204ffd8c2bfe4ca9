"""What was forgotten: the rows that went, as JSON, until they are put back or purged.

`forget` and what deletes one thing keep rows here first. A row comes back as it was, under its old id: ids are never
given twice.
"""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.sources import R, Source, forms_of
from ltmc.storage.tables.blueprints import Dependency


def _value(name: str, kind: str) -> str:
    """Return a kept value as a column of its type holds it."""
    found = f"json_extract(content, '$.{name}')"
    return found if kind == "TEXT" else f"CAST({found} AS {_TYPES[kind]})"


_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION"}
_ID, _HEIR = _value("id", "INTEGER"), _value("superseded_by", "INTEGER")

_IDS = "(SELECT value FROM json_each(:ids))"
_NODES = "(SELECT 'resource:' || value FROM json_each(:ids))"
_FAMILY = f"blueprint_id IN {_IDS}"
_SYMBOLS = f"(SELECT node_id FROM blueprint_symbols WHERE {_FAMILY})"
_PAIR = "dependent_blueprint_id || '>' || prerequisite_blueprint_id"

_ROWS: dict[str, dict[str, str]] = {
    "memory": {
        "resources": f"id IN {_IDS}",
        "resource_chunks": f"resource_id IN {_IDS}",
        "agreements": f"lower_id IN {_IDS} OR higher_id IN {_IDS}",
        "context_links": "message_id IS NOT NULL AND chunk_id IN "
        f"(SELECT id FROM resource_chunks WHERE resource_id IN {_IDS})",
        "graph_nodes": f"project_id = :project AND node_id IN {_NODES}",
        "graph_edges": f"project_id = :project AND (source_id IN {_NODES} OR target_id IN {_NODES})",
    },
    "chat": {"chat_messages": f"id IN {_IDS}", "context_links": f"message_id IN {_IDS}"},
    "todo": {"todos": f"id IN {_IDS}"},
    "pattern": {"code_patterns": f"id IN {_IDS}"},
    "link": {
        "graph_edges": f"id IN {_IDS}",
        # entities that nothing else is linked to
        "graph_nodes": "project_id = :project AND kind = 'entity' AND node_id IN "
        f"(SELECT source_id FROM graph_edges WHERE id IN {_IDS} "
        f"UNION SELECT target_id FROM graph_edges WHERE id IN {_IDS}) "
        "AND node_id NOT IN (SELECT source_id FROM graph_edges "
        f"WHERE project_id = :project AND id NOT IN {_IDS}) AND node_id NOT IN "
        f"(SELECT target_id FROM graph_edges WHERE project_id = :project AND id NOT IN {_IDS})",
    },
    "dependency": {
        "blueprint_dependencies": f"{_PAIR} IN {_IDS}",
        "graph_edges": "project_id = :project AND relation = 'depends_on' AND auto = 1 "
        f"AND source_id || '>' || target_id IN {_IDS}",
    },
    "blueprint": {
        "blueprints": _FAMILY,
        "blueprint_history": _FAMILY,
        "blueprint_files": _FAMILY,
        "blueprint_symbols": _FAMILY,
        "blueprint_dependencies": f"dependent_blueprint_id IN {_IDS} OR prerequisite_blueprint_id IN {_IDS}",
        "graph_nodes": f"project_id = :project AND (node_id IN {_IDS} OR node_id IN {_SYMBOLS})",
        "graph_edges": f"project_id = :project AND (source_id IN {_IDS} OR target_id IN {_IDS} "
        f"OR source_id IN {_SYMBOLS} OR target_id IN {_SYMBOLS})",
    },
}
"""The rows of things by kind, table by table; with :ids and :project."""

_NODE = "EXISTS (SELECT 1 FROM graph_nodes n WHERE n.project_id = kept.project_id AND n.node_id = kept.{end})"
_RETURN = {
    "resources": "TRUE",
    "resource_chunks": "TRUE",
    "agreements": "lower_id IN (SELECT id FROM resources) AND higher_id IN (SELECT id FROM resources)",
    "chat_messages": "TRUE",
    "todos": "TRUE",
    "code_patterns": "TRUE",
    "blueprints": "TRUE",
    "blueprint_history": "TRUE",
    "blueprint_files": "TRUE",
    "blueprint_symbols": "TRUE",
    "context_links": "message_id IN (SELECT id FROM chat_messages) "
    "AND chunk_id IN (SELECT id FROM resource_chunks)",
    "graph_nodes": "TRUE",
    "graph_edges": f"{_NODE.format(end='source_id')} AND {_NODE.format(end='target_id')}",
    "blueprint_dependencies": "dependent_blueprint_id IN (SELECT blueprint_id FROM blueprints) "
    "AND prerequisite_blueprint_id IN (SELECT blueprint_id FROM blueprints)",
}
"""The tables in the order in which rows come back, and of which rows the ends are still there."""

_LEFT_OUT = {
    "superseded_by": "NULL",
    "parent_id": "CASE WHEN parent_id IN (SELECT blueprint_id FROM blueprints UNION ALL "
    "SELECT json_extract(content, '$.blueprint_id') FROM trash WHERE token = :token AND place = 'blueprints') "
    "THEN parent_id END",
}
"""What comes back later, or only where what it points to is there."""

_OWNERS = {
    "chunk": ("resources", "resource_chunks"),
    "superseded": ("resources", "resource_chunks"),
    "message": ("chat_messages",),
    "todo": ("todos",),
    "pattern": ("code_patterns",),
    "blueprint": ("blueprints",),
}
"""The tables of a kind of the index."""


class Forgetting(NamedTuple):
    """What was forgotten at one time; `kinds`: how many things of each kind."""

    token: str
    project_id: str
    forgotten_at: str
    kinds: dict[str, int]


async def begin(tx: Transaction, project_id: str, moment: str, kinds: dict[str, int]) -> Forgetting:
    """Begin to keep what is forgotten."""
    forgetting = Forgetting(f"fg_{secrets.token_hex(6)}", project_id, moment, kinds)
    await tx.run(
        "INSERT INTO forgettings (token, project_id, forgotten_at, kinds) VALUES (?, ?, ?, ?)",
        (forgetting.token, project_id, moment, kinds),
    )
    return forgetting


async def keep(
    tx: Transaction, forgetting: Forgetting, kind: str, ids: Sequence[int | str], *, delete: bool
) -> None:
    """Keep the rows of things, and delete them too; else the caller does, which has more to do."""
    parameters = {"ids": list(ids), "project": forgetting.project_id, "token": forgetting.token}
    tables = _ROWS[kind]
    for table, condition in tables.items():
        pairs = ", ".join(f"'{name}', {name}" for name in await _columns(tx, table))
        await tx.run(
            f"INSERT INTO trash (token, place, content) SELECT :token, '{table}', json_object({pairs}) "
            f"FROM {table} WHERE {condition}",
            parameters,
        )
    if kind == "memory":
        await tx.run(
            "INSERT INTO trash (token, place, content) SELECT :token, 'superseded', json_object("
            "'id', id, 'superseded_at', superseded_at, 'superseded_by', superseded_by) "
            f"FROM resources WHERE superseded_by IN {_IDS} AND id NOT IN {_IDS}",
            parameters,
        )
    if kind == "blueprint":
        await tx.run(
            "INSERT INTO trash (token, place, content) SELECT :token, 'assigned', json_object("
            "'id', assignment_id, 'blueprint_id', blueprint_id, 'status', status, 'updated_at', updated_at, "
            f"'completed_at', completed_at) FROM assignments WHERE {_FAMILY}",
            parameters,
        )
    if delete:
        for table, condition in reversed(tables.items()):
            await tx.run(f"DELETE FROM {table} WHERE {condition}", parameters)


async def find(tx: Transaction, token: str) -> Forgetting | None:
    """Return a forgetting that is not undone or purged yet."""
    return await tx.one(Forgetting, "SELECT * FROM forgettings WHERE token = ?", (token,))


async def kept(tx: Transaction, source: Source[R], token: str) -> list[R]:
    """Return what is kept of the rows of a kind, those that belong in the index."""
    # What is kept stands in the place of the tables of these names.
    parts = [f"{table} AS ({await _from_json(tx, table)})" for table in _OWNERS[source.kind]]
    sql = f"WITH {', '.join(parts)} SELECT {source.columns} FROM {source.owner} WHERE {source.visible}"
    return await tx.all(source.row, sql, {"token": token})


async def dependencies(tx: Transaction, token: str) -> list[Dependency]:
    """Return the dependencies that are kept."""
    return await tx.all(Dependency, await _from_json(tx, "blueprint_dependencies"), {"token": token})


async def name_taken(tx: Transaction, token: str) -> str | None:
    """Return the name of a memory that is kept and that something was stored under since."""
    found = await tx.value(
        "SELECT r.file_name FROM trash t JOIN forgettings f ON f.token = t.token JOIN resources r "
        "ON r.project_id = f.project_id AND r.file_name = json_extract(t.content, '$.file_name') "
        "WHERE t.token = ? AND t.place = 'resources' "
        "AND (r.created_at >= f.forgotten_at "
        "OR r.version = CAST(json_extract(t.content, '$.version') AS BIGINT)) LIMIT 1",
        (token,),
    )
    return None if found is None else str(found)


class _Numbered(NamedTuple):
    file_name: str
    version: int


async def last_versions(tx: Transaction, project_id: str, *names: str) -> dict[str, int]:
    """Return the highest number of a version that is kept of each of some names, or of all, by their usual form."""
    name = "json_extract(t.content, '$.file_name')"
    asked = f"AND {name} IN ({', '.join(['?, ?'] * len(names))})" if names else ""
    found = await tx.all(
        _Numbered,
        f"SELECT {name} AS file_name, max(CAST(json_extract(t.content, '$.version') AS BIGINT)) AS version "
        "FROM forgettings f CROSS JOIN trash t "
        f"WHERE t.token = f.token AND t.place = 'resources' AND f.project_id = ? {asked} GROUP BY 1 ORDER BY 2",
        (project_id, *(form for one in names for form in forms_of(one))),
    )
    return {forms_of(one.file_name)[0]: one.version for one in found}


async def put_back(tx: Transaction, token: str, moment: str) -> None:
    """Put rows back; a link of which an end is gone is lost, and what has expired does not expire again."""
    for table, condition in _RETURN.items():
        known = await tx.column(
            "SELECT DISTINCT k.key FROM trash t, json_each(t.content) k WHERE t.token = ? AND t.place = ?",
            (token, table),
        )
        names = [name for name in await _columns(tx, table) if name in known]
        if names:
            values = ", ".join(_LEFT_OUT.get(name, name) for name in names)
            await tx.run(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} "
                f"FROM ({await _from_json(tx, table)}) kept WHERE {condition} ON CONFLICT DO NOTHING",
                {"token": token},
            )
    await tx.run(
        "UPDATE resources SET superseded_at = k.superseded_at, superseded_by = k.superseded_by FROM ("
        f"SELECT {_ID} AS id, json_extract(content, '$.superseded_at') AS superseded_at, {_HEIR} AS superseded_by "
        "FROM trash WHERE token = ? AND place IN ('resources', 'superseded')) k "
        "WHERE resources.id = k.id AND resources.superseded_by IS NULL "
        "AND (k.superseded_by IS NULL OR k.superseded_by IN (SELECT id FROM resources))",
        (token,),
    )
    await tx.run(  # what was superseded and then forgotten has it when it comes back
        f"WITH k AS MATERIALIZED (SELECT {_ID} AS id, "
        f"json_extract(content, '$.superseded_at') AS superseded_at, {_HEIR} AS superseded_by "
        "FROM trash WHERE token = ?1 AND place = 'superseded'), "
        "found AS MATERIALIZED (SELECT t.id, k.superseded_at, k.superseded_by FROM trash t CROSS JOIN k "
        "WHERE t.token IN (SELECT token FROM forgettings WHERE token <> ?1) AND t.place = 'resources' "
        f"AND {_ID} = k.id AND json_extract(t.content, '$.superseded_by') IS NULL) "
        "UPDATE trash SET content = json_set(content, '$.superseded_at', found.superseded_at, "
        "'$.superseded_by', found.superseded_by) FROM found WHERE trash.id = found.id",
        (token,),
    )
    await tx.run(
        "UPDATE resources SET expires_at = NULL WHERE expires_at <= ? AND id IN "
        f"(SELECT {_ID} FROM trash WHERE token = ? AND place = 'resources')",
        (moment, token),
    )
    await tx.run(
        "UPDATE assignments SET blueprint_id = k.blueprint_id, status = k.status, updated_at = k.updated_at, "
        "completed_at = k.completed_at FROM (SELECT json_extract(content, '$.id') AS id, "
        "json_extract(content, '$.blueprint_id') AS blueprint_id, json_extract(content, '$.status') AS status, "
        "json_extract(content, '$.updated_at') AS updated_at, "
        "json_extract(content, '$.completed_at') AS completed_at "
        "FROM trash WHERE token = ? AND place = 'assigned') k WHERE assignments.assignment_id = k.id",
        (token,),
    )
    await drop(tx, token)


_OF_PROJECT = "project_id = coalesce(:project, project_id)"


async def oldest(tx: Transaction, before: str, project_id: str | None = None) -> Forgetting | None:
    """Return the oldest forgetting before a time, of one project or of all."""
    return await tx.one(
        Forgetting,
        f"SELECT * FROM forgettings WHERE forgotten_at < :before AND {_OF_PROJECT} ORDER BY forgotten_at LIMIT 1",
        {"before": before, "project": project_id},
    )


async def every(tx: Transaction, project_id: str | None = None) -> list[Forgetting]:
    """Return what can be undone, the newest first, of one project or of all."""
    return await tx.all(
        Forgetting,
        f"SELECT * FROM forgettings WHERE {_OF_PROJECT} ORDER BY forgotten_at DESC, rowid DESC",
        {"project": project_id},
    )


_SAME = "c.project_id = k.project_id AND c.conversation_id = k.conversation_id"
_GONE = (
    "SELECT DISTINCT f.project_id, json_extract(t.content, '$.conversation_id') AS conversation_id "
    "FROM trash t JOIN forgettings f ON f.token = t.token WHERE t.token = ? AND t.place = 'chat_messages'"
)


async def purge(tx: Transaction, token: str) -> None:
    """Delete what is kept of a forgetting for good, and from the logs of use the ids of conversations that are gone."""
    for table in ("tool_calls", "retrieval_events"):
        await tx.run(
            f"UPDATE {table} AS c SET conversation_id = NULL FROM ({_GONE}) k WHERE {_SAME} "
            f"AND NOT EXISTS (SELECT 1 FROM chat_messages c WHERE {_SAME})",
            (token,),
        )
    await drop(tx, token)


async def drop(tx: Transaction, token: str) -> None:
    """Delete what is kept of a forgetting."""
    await tx.run("DELETE FROM forgettings WHERE token = ?", (token,))


async def _columns(tx: Transaction, table: str) -> list[str]:
    return [row.name for row in await _typed_columns(tx, table)]


class _Column(NamedTuple):
    name: str
    type: str


async def _typed_columns(tx: Transaction, table: str) -> list[_Column]:
    return await tx.all(_Column, "SELECT name, type FROM pragma_table_info(?)", (table,))


async def _from_json(tx: Transaction, table: str) -> str:
    """Return a query for the rows of a table that are kept under a token."""
    values = ", ".join(
        f"{_value(column.name, column.type)} AS {column.name}" for column in await _typed_columns(tx, table)
    )
    return f"SELECT {values} FROM trash WHERE token = :token AND place = '{table}'"
