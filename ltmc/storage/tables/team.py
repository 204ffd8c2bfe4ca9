"""Team members, assignments and their progress."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns

OPEN_STATUSES = ("assigned", "in_progress", "blocked")
_OPEN_SQL = "status IN ('assigned', 'in_progress', 'blocked')"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the team; a capacity of 1 is 8 hours on each working day."""

    project_id: str
    member_id: str
    name: str | None
    skills: list[str]
    capacity: float
    status: str
    working_days: list[str] = field(default_factory=lambda: ["mon", "tue", "wed", "thu", "fri"])
    timezone: str = "UTC"
    days_off: list[str] = field(default_factory=list)


class Assignment(NamedTuple):
    """A task given to a member; `score_breakdown`: the parts of the member's score."""

    assignment_id: str
    project_id: str
    blueprint_id: str | None
    member_id: str
    status: str
    progress_percentage: float
    estimated_minutes: int
    actual_hours_worked: float | None
    confidence_score: float
    score_breakdown: dict[str, float]
    skills: list[str]
    estimated_completion: str
    notes: str | None
    assigned_at: str
    updated_at: str
    completed_at: str | None


async def upsert_member(tx: Transaction, member: Member, moment: str) -> None:
    """Store a member as last described."""
    await tx.run(
        "INSERT INTO team_members (project_id, member_id, name, skills, capacity, status, working_days, "
        "timezone, days_off, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) "
        "ON CONFLICT (project_id, member_id) DO UPDATE SET "
        "name = coalesce(excluded.name, team_members.name), skills = excluded.skills, "
        "capacity = excluded.capacity, status = excluded.status, working_days = excluded.working_days, "
        "timezone = excluded.timezone, days_off = excluded.days_off, updated_at = excluded.updated_at",
        (
            member.project_id,
            member.member_id,
            member.name,
            member.skills,
            member.capacity,
            member.status,
            member.working_days,
            member.timezone,
            member.days_off,
            moment,
        ),
    )


async def members(tx: Transaction, project_id: str | None) -> list[Member]:
    """Return the members of a project (None: of all), by id."""
    return await tx.all(
        Member,
        "SELECT * FROM team_members WHERE (?1 IS NULL OR project_id = ?1) ORDER BY member_id, project_id",
        (project_id,),
    )


async def insert_assignment(tx: Transaction, assignment: Assignment) -> None:
    """Store an assignment."""
    marks = ", ".join(f":{name}" for name in Assignment._fields)
    await tx.run(f"INSERT INTO assignments ({columns(Assignment)}) VALUES ({marks})", assignment._asdict())


async def assignment(tx: Transaction, assignment_id: str) -> Assignment | None:
    """Return an assignment."""
    return await tx.one(Assignment, "SELECT * FROM assignments WHERE assignment_id = ?", (assignment_id,))


async def of_blueprint(tx: Transaction, blueprint_id: str) -> list[Assignment]:
    """Return the assignments of a blueprint, oldest first."""
    return await tx.all(
        Assignment,
        "SELECT * FROM assignments WHERE blueprint_id = ? ORDER BY assigned_at, assignment_id",
        (blueprint_id,),
    )


async def assignments(
    tx: Transaction, project_id: str | None, *, open_only: bool = False, since: str | None = None
) -> list[Assignment]:
    """Return the assignments of a project (None: of all), oldest first."""
    return await tx.all(
        Assignment,
        "SELECT * FROM assignments WHERE (?1 IS NULL OR project_id = ?1) "
        f"AND (?2 IS NULL OR assigned_at >= ?2) {f'AND {_OPEN_SQL}' if open_only else ''} "
        "ORDER BY assigned_at, assignment_id",
        (project_id, since),
    )


class Worked(NamedTuple):
    """The minutes that were worked on a completed task."""

    blueprint_id: str
    complexity: str
    minutes: float


async def worked(tx: Transaction, project_id: str) -> list[Worked]:
    """Return the completed tasks of a project for which hours were reported."""
    return await tx.all(
        Worked,
        "SELECT b.blueprint_id, b.complexity, sum(a.actual_hours_worked * 60) AS minutes FROM assignments a "
        "JOIN blueprints b ON b.blueprint_id = a.blueprint_id WHERE a.project_id = ?1 AND b.project_id = ?1 "
        "AND b.status = 'completed' GROUP BY b.blueprint_id, b.complexity "
        "HAVING sum(a.actual_hours_worked) > 0",
        (project_id,),
    )


async def update_assignment(tx: Transaction, assignment_id: str, changes: dict[str, Any]) -> None:
    """Set columns of an assignment."""
    await tx.run(
        f"UPDATE assignments SET {', '.join(f'{column} = ?' for column in changes)} WHERE assignment_id = ?",
        [*changes.values(), assignment_id],
    )


class Report(NamedTuple):
    """What was reported of an assignment, and when."""

    notes: str | None
    created_at: str


async def reports_of_block(tx: Transaction, assignment_id: str) -> list[Report]:
    """Return the reports since an assignment is blocked, the one that said so first."""
    return await tx.all(
        Report,
        "SELECT notes, created_at FROM assignment_progress WHERE assignment_id = ?1 AND id > (SELECT max(id) "
        "FROM assignment_progress WHERE assignment_id = ?1 AND status <> 'blocked') ORDER BY id",
        (assignment_id,),
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
