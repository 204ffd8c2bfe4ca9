"""Blueprints, their history and what depends on what."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.storage.engine import Row, Transaction
from ltmc.storage.rows import columns
from ltmc.storage.sources import Source, Where, among, any_of, conditions, conjunction


@dataclass(frozen=True, slots=True)
class Blueprint:
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
    text="b.title || char(10) || b.description",
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


COLUMNS = (
    "blueprint_id",
    "project_id",
    "kind",
    "parent_id",
    "title",
    "description",
    "complexity",
    "complexity_score",
    "complexity_source",
    "complexity_factors",
    "estimated_duration_minutes",
    "required_skills",
    "priority_score",
    "tags",
    "resource_requirements",
    "status",
    "decomposition_strategy",
    "created_at",
    "updated_at",
    "completed_at",
)
JSON_COLUMNS = ("complexity_factors", "required_skills", "tags", "resource_requirements")


def as_stored(column: str, value: Any) -> Any:
    """A value as its column holds it."""
    return json.dumps(value, ensure_ascii=False) if column in JSON_COLUMNS else value


def _loaded(row: Row) -> Row:
    return row | {column: json.loads(row[column]) for column in JSON_COLUMNS}


async def insert(tx: Transaction, values: dict[str, Any]) -> int:
    """A blueprint from all of `COLUMNS`; its row id."""
    marks = ", ".join("?" * len(COLUMNS))
    return int(
        await tx.value(
            f"INSERT INTO blueprints ({', '.join(COLUMNS)}) VALUES ({marks}) RETURNING id",
            [as_stored(column, values[column]) for column in COLUMNS],
        )
    )


async def get(tx: Transaction, blueprint_id: str, project_id: str | None) -> Row | None:
    """A blueprint; with a project, only if it is that project's."""
    row = await tx.one(
        "SELECT * FROM blueprints WHERE blueprint_id = ?1 AND (?2 IS NULL OR project_id = ?2)",
        (blueprint_id, project_id),
    )
    return _loaded(row) if row else None


async def many(tx: Transaction, blueprint_ids: Sequence[str]) -> dict[str, Row]:
    """Blueprints by blueprint_id."""
    rows = await tx.all(
        "SELECT * FROM blueprints WHERE blueprint_id IN (SELECT value FROM json_each(?))",
        (json.dumps(blueprint_ids),),
    )
    return {row["blueprint_id"]: _loaded(row) for row in rows}


async def page(tx: Transaction, filters: Where, limit: int, offset: int) -> tuple[list[Row], int]:
    """Blueprints that the filters leave, the highest priority first, then the newest; and how many."""
    where, parameters = conjunction(conditions(SOURCE, filters))
    total = await tx.value(f"SELECT count(*) FROM blueprints b WHERE {where}", parameters)
    rows = await tx.all(
        f"SELECT * FROM blueprints b WHERE {where} ORDER BY priority_score DESC, id DESC LIMIT ? OFFSET ?",
        [*parameters, limit, offset],
    )
    return [_loaded(row) for row in rows], int(total)


async def every(tx: Transaction, project_id: str | None, since: str | None = None) -> list[Row]:
    """All blueprints of a project (None: of all), oldest first."""
    rows = await tx.all(
        "SELECT * FROM blueprints WHERE (?1 IS NULL OR project_id = ?1) "
        "AND (?2 IS NULL OR created_at >= ?2) ORDER BY id",
        (project_id, since),
    )
    return [_loaded(row) for row in rows]


async def update(tx: Transaction, blueprint_id: str, changes: dict[str, Any], moment: str) -> None:
    """Set columns, and `updated_at`."""
    changes = changes | {"updated_at": moment}
    await tx.run(
        f"UPDATE blueprints SET {', '.join(f'{column} = ?' for column in changes)} WHERE blueprint_id = ?",
        [*(as_stored(column, value) for column, value in changes.items()), blueprint_id],
    )


async def delete(tx: Transaction, blueprint_id: str) -> None:
    """Delete a blueprint; its children, dependencies, files and symbols go with it."""
    await tx.run("DELETE FROM blueprints WHERE blueprint_id = ?", (blueprint_id,))


async def family(tx: Transaction, blueprint_id: str) -> list[Row]:
    """A blueprint and all below it, parents before their children."""
    rows = await tx.all(
        "WITH RECURSIVE below (blueprint_id, depth) AS (SELECT ?, 0 UNION ALL "
        "SELECT b.blueprint_id, depth + 1 FROM blueprints b JOIN below ON b.parent_id = below.blueprint_id) "
        "SELECT b.*, depth FROM below JOIN blueprints b USING (blueprint_id) ORDER BY depth, b.id",
        (blueprint_id,),
    )
    return [_loaded(row) for row in rows]


async def ancestors(tx: Transaction, blueprint_id: str) -> list[str]:
    """The blueprints above one, the nearest first."""
    rows = await tx.all(
        "WITH RECURSIVE above (blueprint_id, depth) AS (SELECT parent_id, 1 FROM blueprints "
        "WHERE blueprint_id = ? UNION ALL SELECT b.parent_id, depth + 1 FROM blueprints b "
        "JOIN above USING (blueprint_id)) "
        "SELECT blueprint_id FROM above WHERE blueprint_id IS NOT NULL ORDER BY depth",
        (blueprint_id,),
    )
    return [row["blueprint_id"] for row in rows]


async def children(tx: Transaction, blueprint_id: str) -> list[Row]:
    """The blueprints directly below one, oldest first."""
    rows = await tx.all("SELECT * FROM blueprints WHERE parent_id = ? ORDER BY id", (blueprint_id,))
    return [_loaded(row) for row in rows]


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


async def history(tx: Transaction, blueprint_id: str) -> list[Row]:
    """The changes of a blueprint, oldest first."""
    rows = await tx.all(
        "SELECT field, old_value, new_value, changed_at FROM blueprint_history WHERE blueprint_id = ? "
        "ORDER BY id",
        (blueprint_id,),
    )
    return [
        {
            **row,
            "old_value": json.loads(row["old_value"]),
            "new_value": json.loads(row["new_value"]),
        }
        for row in rows
    ]


async def upsert_dependency(
    tx: Transaction, dependent: str, prerequisite: str, kind: str, critical: bool, moment: str
) -> None:
    """A dependency, or its new type."""
    await tx.run(
        "INSERT INTO blueprint_dependencies (dependent_blueprint_id, prerequisite_blueprint_id, "
        "dependency_type, is_critical, created_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (dependent_blueprint_id, prerequisite_blueprint_id) DO UPDATE SET "
        "dependency_type = excluded.dependency_type, is_critical = excluded.is_critical",
        (dependent, prerequisite, kind, int(critical), moment),
    )


async def dependency(tx: Transaction, dependent: str, prerequisite: str) -> Row | None:
    """One dependency."""
    return await tx.one(
        "SELECT * FROM blueprint_dependencies "
        "WHERE dependent_blueprint_id = ? AND prerequisite_blueprint_id = ?",
        (dependent, prerequisite),
    )


async def delete_dependency(tx: Transaction, dependent: str, prerequisite: str) -> None:
    """Remove one dependency."""
    await tx.run(
        "DELETE FROM blueprint_dependencies "
        "WHERE dependent_blueprint_id = ? AND prerequisite_blueprint_id = ?",
        (dependent, prerequisite),
    )


async def dependencies(tx: Transaction, project_id: str) -> list[Row]:
    """Every dependency inside a project, oldest first."""
    return await tx.all(
        "SELECT d.* FROM blueprint_dependencies d "
        "JOIN blueprints b ON b.blueprint_id = d.dependent_blueprint_id "
        "WHERE b.project_id = ? ORDER BY d.created_at, d.rowid",
        (project_id,),
    )
