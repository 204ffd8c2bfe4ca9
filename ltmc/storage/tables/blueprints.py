"""Blueprints, their history and what depends on what."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import NEWLINE, Source, Where, among, any_of, conditions, conjunction

STATUSES = ("draft", "active", "completed", "cancelled")
OPEN_STATUSES = ("draft", "active")
BLOCKING, SOFT, RESOURCE = "blocking", "soft", "resource"
"""The types of dependencies."""


class Blueprint(NamedTuple):
    """A blueprint; `complexity_factors` and `resource_requirements` as they were given."""

    id: int
    blueprint_id: str
    project_id: str
    kind: str
    parent_id: str | None
    title: str
    description: str
    complexity: str
    complexity_score: float
    complexity_source: str
    complexity_factors: dict[str, Any]
    estimated_duration_minutes: int
    required_skills: list[str]
    priority_score: float
    tags: list[str]
    resource_requirements: dict[str, Any]
    status: str
    decomposition_strategy: str | None
    created_at: str
    updated_at: str
    completed_at: str | None


SOURCE = Source(
    kind="blueprint",
    row=Blueprint,
    columns=columns(Blueprint),
    owner="blueprints b",
    key="b.id",
    project="b.project_id",
    created="b.created_at",
    text=f"b.title || {NEWLINE} || b.description",
    filters={
        "project": among("b.project_id"),
        "complexity": among("b.complexity"),
        "tags_any": any_of("b.tags"),
        "status": among("b.status"),
        "kind": among("b.kind"),
        "parent_id": among("b.parent_id"),
    },
    group="b.id",
)


class Dependency(NamedTuple):
    """One blueprint waits for another; `dependency_type`: blocking, soft or resource."""

    dependent_blueprint_id: str
    prerequisite_blueprint_id: str
    dependency_type: str
    is_critical: bool
    created_at: str


class Change(NamedTuple):
    """A change of a blueprint; the values are JSON of any shape."""

    field: str
    old_value: str
    new_value: str
    changed_at: str


async def insert(tx: Transaction, blueprint: Blueprint) -> Blueprint:
    """Store a blueprint; it comes back with its row id."""
    return await insert_row(tx, "blueprints", blueprint)


async def get(tx: Transaction, blueprint_id: str) -> Blueprint | None:
    """Return a blueprint."""
    return await tx.one(
        Blueprint, f"SELECT {columns(Blueprint)} FROM blueprints WHERE blueprint_id = ?", (blueprint_id,)
    )


async def many(tx: Transaction, blueprint_ids: Sequence[str]) -> dict[str, Blueprint]:
    """Return blueprints by blueprint_id."""
    chosen = among("blueprint_id")(blueprint_ids)
    rows = await tx.all(
        Blueprint, f"SELECT {columns(Blueprint)} FROM blueprints WHERE {chosen.sql}", chosen.parameters
    )
    return {row.blueprint_id: row for row in rows}


async def page(tx: Transaction, filters: Where, limit: int, offset: int) -> tuple[list[Blueprint], int]:
    """Blueprints that the filters leave, the highest priority first, then the newest; and how many."""
    where, parameters = conjunction(conditions(SOURCE, filters))
    total = await tx.value(f"SELECT count(*) FROM blueprints b WHERE {where}", parameters)
    rows = await tx.all(
        Blueprint,
        f"SELECT {columns(Blueprint)} FROM blueprints b WHERE {where} "
        "ORDER BY priority_score DESC, id DESC LIMIT ? OFFSET ?",
        [*parameters, limit, offset],
    )
    return rows, int(total)


async def every(tx: Transaction, project_id: str | None, since: str | None = None) -> list[Blueprint]:
    """All blueprints of a project (None: of all), oldest first."""
    return await tx.all(
        Blueprint,
        f"SELECT {columns(Blueprint)} FROM blueprints WHERE (?1 IS NULL OR project_id = ?1) "
        "AND (?2 IS NULL OR created_at >= ?2) ORDER BY id",
        (project_id, since),
    )


async def update(tx: Transaction, blueprint_id: str, changes: dict[str, Any], moment: str) -> None:
    """Set columns, and `updated_at`."""
    changes = changes | {"updated_at": moment}
    await tx.run(
        f"UPDATE blueprints SET {', '.join(f'{column} = ?' for column in changes)} WHERE blueprint_id = ?",
        [*changes.values(), blueprint_id],
    )


async def delete(tx: Transaction, blueprint_id: str) -> None:
    """Delete a blueprint; its children, dependencies, files and symbols go with it."""
    await tx.run("DELETE FROM blueprints WHERE blueprint_id = ?", (blueprint_id,))


async def family(tx: Transaction, blueprint_id: str) -> list[Blueprint]:
    """Return a blueprint and all below it, parents before their children."""
    return await tx.all(
        Blueprint,
        "WITH RECURSIVE below (blueprint_id, depth) AS "
        "(SELECT blueprint_id, 0 FROM blueprints WHERE blueprint_id = ? UNION ALL "
        "SELECT b.blueprint_id, depth + 1 FROM blueprints b JOIN below ON b.parent_id = below.blueprint_id) "
        "SELECT b.*, depth FROM below JOIN blueprints b USING (blueprint_id) ORDER BY depth, b.id",
        (blueprint_id,),
    )


async def ancestors(tx: Transaction, blueprint_id: str) -> list[str]:
    """Return the blueprints above one, the nearest first."""
    found: list[str] = await tx.column(
        "WITH RECURSIVE above (blueprint_id, depth) AS (SELECT parent_id, 1 FROM blueprints "
        "WHERE blueprint_id = ? UNION ALL SELECT b.parent_id, depth + 1 FROM blueprints b "
        "JOIN above USING (blueprint_id)) "
        "SELECT blueprint_id FROM above WHERE blueprint_id IS NOT NULL ORDER BY depth",
        (blueprint_id,),
    )
    return found


async def children(tx: Transaction, blueprint_id: str) -> list[Blueprint]:
    """Return the blueprints directly below one, oldest first."""
    return await tx.all(
        Blueprint,
        f"SELECT {columns(Blueprint)} FROM blueprints WHERE parent_id = ? ORDER BY id",
        (blueprint_id,),
    )


_SHOWN_CHANGES, _SHOWN_VALUE = 100, 1_000
"""How many changes of a blueprint are shown, and how many characters of a value."""


async def insert_history(
    tx: Transaction, blueprint_id: str, changes: Sequence[tuple[str, Any, Any]], moment: str
) -> None:
    """Rows of (field, old value, new value)."""
    await tx.many(
        "INSERT INTO blueprint_history (blueprint_id, field, old_value, new_value, changed_at) "
        "VALUES (?, ?, ?, ?, ?)",
        [
            (
                blueprint_id,
                name,
                json.dumps(old, ensure_ascii=False),
                json.dumps(new, ensure_ascii=False),
                moment,
            )
            for name, old, new in changes
        ],
    )


async def history(tx: Transaction, blueprint_id: str) -> list[dict[str, Any]]:
    """Return the last changes of a blueprint, oldest first; of a long value the beginning, as JSON."""
    rows = await tx.all(
        Change,
        "SELECT field, substr(old_value, 1, ?) AS old_value, substr(new_value, 1, ?) AS new_value, changed_at "
        "FROM blueprint_history WHERE blueprint_id = ? ORDER BY id DESC LIMIT ?",
        (_SHOWN_VALUE + 1, _SHOWN_VALUE + 1, blueprint_id, _SHOWN_CHANGES),
    )
    return [
        {
            "field": row.field,
            "old_value": _shown(row.old_value),
            "new_value": _shown(row.new_value),
            "changed_at": row.changed_at,
        }
        for row in reversed(rows)
    ]


def _shown(value: str) -> Any:
    return json.loads(value) if len(value) <= _SHOWN_VALUE else value[:_SHOWN_VALUE] + "…"


async def upsert_dependency(
    tx: Transaction, dependent: str, prerequisite: str, kind: str, critical: bool, moment: str
) -> None:
    """Store a dependency, or its new type."""
    await tx.run(
        "INSERT INTO blueprint_dependencies (dependent_blueprint_id, prerequisite_blueprint_id, "
        "dependency_type, is_critical, created_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (dependent_blueprint_id, prerequisite_blueprint_id) DO UPDATE SET "
        "dependency_type = excluded.dependency_type, is_critical = excluded.is_critical",
        (dependent, prerequisite, kind, int(critical), moment),
    )


async def dependency(tx: Transaction, dependent: str, prerequisite: str) -> Dependency | None:
    """One dependency."""
    return await tx.one(
        Dependency,
        "SELECT * FROM blueprint_dependencies "
        "WHERE dependent_blueprint_id = ? AND prerequisite_blueprint_id = ?",
        (dependent, prerequisite),
    )


async def dependencies(tx: Transaction, project_id: str) -> list[Dependency]:
    """Every dependency inside a project, oldest first."""
    return await tx.all(
        Dependency,
        "SELECT d.* FROM blueprint_dependencies d "
        "JOIN blueprints b ON b.blueprint_id = d.dependent_blueprint_id "
        "JOIN blueprints p ON p.blueprint_id = d.prerequisite_blueprint_id "
        "WHERE b.project_id = ? ORDER BY d.created_at, b.id, p.id",
        (project_id,),
    )
