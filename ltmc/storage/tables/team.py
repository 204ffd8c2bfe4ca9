"""Team members, assignments and their progress."""

import json
from typing import Any

from ltmc.storage.engine import Row, Transaction

OPEN = ("assigned", "in_progress", "blocked")
_OPEN_SQL = "status IN ('assigned', 'in_progress', 'blocked')"


def _assignment(row: Row) -> Row:
    return row | {"score_breakdown": json.loads(row["score_breakdown"]), "skills": json.loads(row["skills"])}


async def upsert_member(
    tx: Transaction,
    project_id: str,
    member_id: str,
    name: str | None,
    skills: list[str],
    capacity: float,
    status: str,
    moment: str,
) -> None:
    """A member as last described."""
    await tx.run(
        "INSERT INTO team_members (project_id, member_id, name, skills, capacity, status, created_at, "
        "updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (project_id, member_id) DO UPDATE SET "
        "name = coalesce(excluded.name, name), skills = excluded.skills, capacity = excluded.capacity, "
        "status = excluded.status, updated_at = excluded.updated_at",
        (project_id, member_id, name, json.dumps(skills, ensure_ascii=False), capacity, status, moment),
    )


async def members(tx: Transaction, project_id: str | None) -> list[Row]:
    """The members of a project (None: of all), by id."""
    rows = await tx.all(
        "SELECT * FROM team_members WHERE (?1 IS NULL OR project_id = ?1) ORDER BY member_id, project_id",
        (project_id,),
    )
    return [row | {"skills": json.loads(row["skills"])} for row in rows]


ASSIGNMENT_COLUMNS = (
    "assignment_id",
    "project_id",
    "blueprint_id",
    "member_id",
    "status",
    "estimated_minutes",
    "confidence_score",
    "score_breakdown",
    "skills",
    "estimated_completion",
    "assigned_at",
    "updated_at",
)


async def insert_assignment(tx: Transaction, values: dict[str, Any]) -> None:
    """An open assignment from all of `ASSIGNMENT_COLUMNS`."""
    marks = ", ".join("?" * len(ASSIGNMENT_COLUMNS))
    await tx.run(
        f"INSERT INTO assignments ({', '.join(ASSIGNMENT_COLUMNS)}) VALUES ({marks})",
        [
            json.dumps(values[column], ensure_ascii=False)
            if isinstance(values[column], dict | list)
            else values[column]
            for column in ASSIGNMENT_COLUMNS
        ],
    )


async def assignment(tx: Transaction, assignment_id: str, project_id: str | None) -> Row | None:
    """An assignment; with a project, only if it is that project's."""
    row = await tx.one(
        "SELECT * FROM assignments WHERE assignment_id = ?1 AND (?2 IS NULL OR project_id = ?2)",
        (assignment_id, project_id),
    )
    return _assignment(row) if row else None


async def of_blueprint(tx: Transaction, blueprint_id: str) -> list[Row]:
    """The assignments of a blueprint, oldest first."""
    rows = await tx.all(
        "SELECT * FROM assignments WHERE blueprint_id = ? ORDER BY assigned_at, assignment_id",
        (blueprint_id,),
    )
    return [_assignment(row) for row in rows]


async def assignments(
    tx: Transaction, project_id: str | None, *, open_only: bool = False, since: str | None = None
) -> list[Row]:
    """The assignments of a project (None: of all), oldest first."""
    rows = await tx.all(
        "SELECT * FROM assignments WHERE (?1 IS NULL OR project_id = ?1) "
        f"AND (?2 IS NULL OR assigned_at >= ?2) {f'AND {_OPEN_SQL}' if open_only else ''} "
        "ORDER BY assigned_at, assignment_id",
        (project_id, since),
    )
    return [_assignment(row) for row in rows]


async def update_assignment(tx: Transaction, assignment_id: str, changes: dict[str, Any]) -> None:
    """Set columns of an assignment."""
    await tx.run(
        f"UPDATE assignments SET {', '.join(f'{column} = ?' for column in changes)} WHERE assignment_id = ?",
        [*changes.values(), assignment_id],
    )


async def insert_progress(
    tx: Transaction,
    assignment_id: str,
    progress: float,
    status: str,
    hours: float | None,
    notes: str | None,
    moment: str,
) -> None:
    """One step of an assignment."""
    await tx.run(
        "INSERT INTO assignment_progress (assignment_id, progress_percentage, status, actual_hours_worked, "
        "notes, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (assignment_id, progress, status, hours, notes, moment),
    )


async def progress(tx: Transaction, assignment_id: str) -> list[Row]:
    """The steps of an assignment, oldest first."""
    return await tx.all(
        "SELECT progress_percentage, status, actual_hours_worked, notes, created_at "
        "FROM assignment_progress WHERE assignment_id = ? ORDER BY id",
        (assignment_id,),
    )
