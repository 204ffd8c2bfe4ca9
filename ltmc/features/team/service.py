"""The team: who does which task, how far it is, and who has how much to do."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.blueprints.lifecycle import open_prerequisites, require, transition, try_complete
from ltmc.features.blueprints.readiness import now_ready
from ltmc.features.blueprints.repository import link
from ltmc.features.measures import mean
from ltmc.features.team.calendar import completion, local_time, week_hours
from ltmc.features.team.members import checked_members, parse_preferences
from ltmc.features.team.results import Assigned, Load, Progress, Workload
from ltmc.features.team.scoring import (
    Candidate,
    Preferences,
    committed_hours,
    confidence,
    given_away,
    ranked,
    rate,
)
from ltmc.features.team.waiting import Outlook
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import blueprints, graph, team
from ltmc.storage.tables.blueprints import Blueprint
from ltmc.storage.tables.team import OPEN_STATUSES, Assignment, Member
from ltmc.timestamps import format_utc, now, parse
from ltmc.tools.arguments import TeamMember
from ltmc.tools.project_scope import owned, project_of, scope_of

HIGH_UTILIZATION = 0.8
"""From this share of a week's capacity on a member's load is high; above 1 they are overloaded."""

FINAL = ("completed", "failed", "cancelled")
"""The statuses in which an assignment stays."""

ALTERNATIVES = 5
"""How many other candidates are named."""


class TeamService:
    """Members are known by what assignments last said of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def assign(
        self,
        blueprint_id: str,
        members: Sequence[TeamMember],
        preferences: dict[str, Any],
        project_id: str | None,
    ) -> Assigned:
        """Give a task to the member with the best score, and activate it.

        Raises:
            LtmcError: NO_SUITABLE_MEMBER with the best candidates and what they lack; CONFLICT when the task
                has an open assignment or is not open.
        """
        wishes = parse_preferences(preferences)
        moment = now()
        async with self._engine.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            await _require_assignable(tx, row)
            known = {one.member_id: one for one in await team.members(tx, row.project_id)}
            described = checked_members("available_members", members, row.project_id, known)
            for member in described:
                await team.upsert_member(tx, member, moment)
            assignments = await team.assignments(tx, row.project_id)
            given = given_away(assignments, await _rows_of(tx, assignments, row), row)
            candidates = _candidates(described, row, assignments, given, wishes)
            eligible = [one for one in candidates if one.parts["coverage"] >= wishes.min_skill_coverage]
            if not eligible:
                raise _nobody(candidates, wishes, row)
            chosen = eligible[0]
            member = next(one for one in described if one.member_id == chosen.member_id)
            own = max(0, row.estimated_duration_minutes - given.get(blueprint_id, 0)) / 60
            waiting = await open_prerequisites(tx, row)
            team_members = known | {one.member_id: one for one in described}
            begin = await _begin(tx, row, waiting, team_members, assignments, given, moment)
            done_at = _likely_end(moment, begin, chosen.load + own, own, member)
            assignment = _assignment(row, member, chosen, done_at, confidence(eligible), moment)
            await _store(tx, assignment, row, member)
            if row.status == "draft":
                await transition(tx, row, "active", moment)
        return {
            "assignment_id": assignment.assignment_id,
            "blueprint_id": blueprint_id,
            "confidence_score": assignment.confidence_score,
            "assigned_member": {"id": chosen.member_id, "name": member.name},
            "score_breakdown": assignment.score_breakdown,
            "matched_skills": chosen.matched,
            "missing_skills": chosen.missing,
            "estimated_completion": assignment.estimated_completion,
            **local_time(assignment.estimated_completion, member),
            "alternatives": [
                {"member_id": one.member_id, "score": one.score} for one in eligible[1 : 1 + ALTERNATIVES]
            ],
            "warnings": [
                f"The prerequisite {one.blueprint_id} ({one.title}) is {one.status}." for one in waiting
            ],
        }

    async def update_progress(
        self,
        assignment_id: str,
        progress: float,
        *,
        status: str | None,
        actual_hours_worked: float | None,
        notes: str | None,
        project_id: str | None,
    ) -> Progress:
        """Record how far an assignment is; its blueprint follows when it is done.

        Raises:
            LtmcError: INVALID_ARGUMENT when status and progress contradict each other, hours fall, or
                progress falls without notes; CONFLICT for a finished assignment.
        """
        new = _status(progress, status)
        moment = now()
        async with self._engine.write() as tx:
            found = await team.assignment(tx, assignment_id)
            row = owned(found, project_id, "assignment_id", assignment_id, "assignment")
            _check_progress(row, progress, new, actual_hours_worked, notes)
            hours = row.actual_hours_worked if actual_hours_worked is None else actual_hours_worked
            changes: dict[str, Any] = {
                "progress_percentage": progress,
                "status": new,
                "actual_hours_worked": hours,
                "notes": row.notes if notes is None else notes,
                "updated_at": moment,
                "completed_at": row.completed_at or (moment if new in FINAL else None),
            }
            await team.update_assignment(tx, assignment_id, changes)
            await team.insert_progress(tx, assignment_id, progress, new, hours, notes, moment)
            blueprint_status = None
            blueprint: Blueprint | None = None
            released: list[Blueprint] = []
            if row.blueprint_id is not None:
                blueprint = await require(tx, row.blueprint_id, row.project_id)
                blueprint_status = blueprint.status
                if new == "completed":
                    blueprint_status, released = await try_complete(tx, blueprint, moment)
            ready = await now_ready(tx, released)
            members = {one.member_id: one for one in await team.members(tx, row.project_id)}
            assignments = await team.assignments(tx, row.project_id)
            given = given_away(assignments, await _rows_of(tx, assignments))
            begin = parse(moment)
            if blueprint is not None:
                waiting = await open_prerequisites(tx, blueprint)
                begin = await _begin(tx, blueprint, waiting, members, assignments, given, moment)
        updated = row._replace(**changes)
        predicted = _predicted(updated, members[row.member_id], assignments, given, moment, begin)
        expected = row.estimated_minutes / 60 * progress / 100
        return {
            "assignment_id": assignment_id,
            "blueprint_id": updated.blueprint_id,
            "member_id": updated.member_id,
            "status": updated.status,
            "progress_percentage": updated.progress_percentage,
            "actual_hours_worked": hours,
            "notes": updated.notes,
            "confidence_score": updated.confidence_score,
            "estimated_completion": updated.estimated_completion,
            "assigned_at": updated.assigned_at,
            "updated_at": updated.updated_at,
            "completed_at": updated.completed_at,
            "previous": {"progress": row.progress_percentage, "status": row.status},
            "predicted_completion": predicted,
            **local_time(predicted, members[row.member_id]),
            "on_track": None if predicted is None else predicted <= row.estimated_completion,
            "hours_variance": None if hours is None else round(hours - expected, 2),
            "blueprint_status": blueprint_status,
            **ready,
        }

    async def workload(self, members: Sequence[TeamMember] | None, project_id: str | None) -> Workload:
        """Show who has how much to do, against a week's capacity."""
        scope, moment = scope_of(project_id), now()
        async with self._engine.read() as tx:
            known = {row.member_id: row for row in await team.members(tx, scope)}
            every = await team.assignments(tx, scope)
            rows = await blueprints.every(tx, scope)
        assignments = [row for row in every if row.status in OPEN_STATUSES]
        given = given_away(every, {row.blueprint_id: row for row in rows})
        titles = {row.blueprint_id: row.title for row in rows}
        asked = list(known.values())
        if members is not None:
            asked = checked_members("team_members", members, project_of(project_id), known)
        shown = [
            _load(member, _of(assignments, member), titles, given, moment, known=member.member_id in known)
            for member in asked
        ]
        taken = {row.blueprint_id for row in assignments} | {row.parent_id for row in rows}
        unassigned = sum(
            row.kind == "task" and row.status in blueprints.OPEN_STATUSES and row.blueprint_id not in taken
            for row in rows
        )
        available = [load["member_id"] for load in shown if load["status"] in ("idle", "ok")]
        overloaded = [load["member_id"] for load in shown if load["status"] == "overloaded"]
        return {
            "members": shown,
            "average_utilization": mean([load["utilization"] for load in shown], 4),
            "overloaded": overloaded,
            "available": available,
            "unassigned_blueprints": unassigned,
            "recommendations": _advice(shown, available, overloaded, unassigned),
        }


async def _rows_of(
    tx: Transaction, assignments: Sequence[Assignment], new: Blueprint | None = None
) -> dict[str, Blueprint]:
    """Return the blueprints of assignments, and a new one's, with those above them."""
    wanted = {row.blueprint_id for row in assignments if row.blueprint_id}
    found: dict[str, Blueprint] = {} if new is None else {new.blueprint_id: new}
    while wanted := (wanted | {row.parent_id for row in found.values() if row.parent_id}) - found.keys():
        rows = await blueprints.many(tx, list(wanted))
        if not rows:
            break
        found |= rows
    return found


async def _begin(
    tx: Transaction,
    row: Blueprint,
    waiting: Sequence[Blueprint],
    members: Mapping[str, Member],
    assignments: Sequence[Assignment],
    given: Mapping[str, int],
    moment: str,
) -> datetime:
    """Return when what a task waits for is likely to be done; `waiting`: its open prerequisites."""
    if not waiting:
        return parse(moment)
    rows = await blueprints.every(tx, row.project_id)
    needs = await blueprints.dependencies(tx, row.project_id)
    return Outlook(rows, needs, assignments, members, given, parse(moment)).begin(row.blueprint_id)


def _likely_end(moment: str, begin: datetime, hours: float, own: float, member: Member) -> datetime:
    """Return when a task is likely to be done.

    Args:
        begin: when what it waits for is likely to be done.
        hours: what the member has to do from now on until it is done; `own`: of that, its own.
    """
    return max(completion(parse(moment), hours, member), completion(begin, own, member))


async def _require_assignable(tx: Transaction, row: Blueprint) -> None:
    """Raise CONFLICT for a blueprint that is not open or has an open assignment."""
    if row.status not in blueprints.OPEN_STATUSES:
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"blueprint_id: a {row.status} blueprint cannot be assigned.",
            field="blueprint_id",
            details={"status": row.status},
        )
    for assignment in await team.of_blueprint(tx, row.blueprint_id):
        if assignment.status in OPEN_STATUSES:
            raise LtmcError(
                ErrorCode.CONFLICT,
                f"blueprint_id: {assignment.assignment_id} of {assignment.member_id} is open for it.",
                field="blueprint_id",
                details={"assignment_id": assignment.assignment_id, "member_id": assignment.member_id},
            )


def _candidates(
    members: Sequence[Member],
    row: Blueprint,
    assignments: Sequence[Assignment],
    given: Mapping[str, int],
    wishes: Preferences,
) -> list[Candidate]:
    """Rate the members who are available, the best first."""
    return ranked(
        rate(
            member,
            row.required_skills,
            [one for one in _of(assignments, member) if one.status in ("completed", "failed")],
            committed_hours((one for one in _of(assignments, member) if one.status in OPEN_STATUSES), given),
            wishes,
        )
        for member in members
        if member.status == "available" and member.member_id not in wishes.exclude_member_ids
    )


def _assignment(
    row: Blueprint, member: Member, chosen: Candidate, done_at: datetime, sure: float, moment: str
) -> Assignment:
    return Assignment(
        assignment_id=f"assign_{secrets.token_hex(6)}",
        project_id=row.project_id,
        blueprint_id=row.blueprint_id,
        member_id=member.member_id,
        status="assigned",
        progress_percentage=0,
        estimated_minutes=row.estimated_duration_minutes,
        actual_hours_worked=None,
        confidence_score=sure,
        score_breakdown={**chosen.parts, "total": chosen.score},
        skills=row.required_skills,
        estimated_completion=format_utc(done_at),
        notes=None,
        assigned_at=moment,
        updated_at=moment,
        completed_at=None,
    )


async def _store(tx: Transaction, assignment: Assignment, row: Blueprint, member: Member) -> None:
    """Store an assignment with its first step, its node and its edge in the graph."""
    node, moment = assignment.assignment_id, assignment.assigned_at
    await team.insert_assignment(tx, assignment)
    await team.insert_progress(tx, node, 0, "assigned", None, None, moment)
    label = f"{row.title}: {member.name or member.member_id}"
    await graph.insert_node(tx, row.project_id, node, "assignment", row.blueprint_id, label, moment)
    await link(tx, row.project_id, row.blueprint_id, node, "assigned_to", moment)


def _of(assignments: Sequence[Assignment], member: Member) -> list[Assignment]:
    return [row for row in assignments if row.member_id == member.member_id]


def _nobody(candidates: Sequence[Candidate], wishes: Preferences, row: Blueprint) -> LtmcError:
    best = [
        {"member_id": one.member_id, "coverage": one.parts["coverage"], "missing_skills": one.missing}
        for one in candidates[:ALTERNATIVES]
    ]
    near = f"; the best, {candidates[0].member_id}, lacks {candidates[0].missing}" if candidates else ""
    return LtmcError(
        ErrorCode.NO_SUITABLE_MEMBER,
        f"available_members: nobody who is available has {wishes.min_skill_coverage:.0%} of the skills "
        f"{row.required_skills}{near}.",
        field="available_members",
        details={
            "required_skills": row.required_skills,
            "min_skill_coverage": wishes.min_skill_coverage,
            "best_candidates": best,
        },
    )


def _status(progress: float, status: str | None) -> str:
    """Return the status of an assignment at so many per cent."""
    if status is None:
        return "assigned" if progress == 0 else "completed" if progress == 100 else "in_progress"
    if status == "completed" and progress < 100:
        raise invalid("status", status, f"not completed at {progress:g} %, only at 100 %")
    if status in OPEN_STATUSES and progress == 100:
        raise invalid("status", status, "completed, failed or cancelled at 100 %")
    return status


def _check_progress(
    row: Assignment, progress: float, new: str, hours: float | None, notes: str | None
) -> None:
    """Raise where a report contradicts what is known of an assignment; one that is completed may get its hours."""
    if row.status in FINAL and not row.status == new == "completed":
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"assignment_id: it is {row.status}, which is final.",
            field="assignment_id",
            details={"status": row.status},
        )
    known = row.actual_hours_worked
    if hours is not None and hours < (known or 0):
        raise invalid("actual_hours_worked", hours, f"the total so far, at least {known:g} hours")
    if progress < row.progress_percentage and not (notes or "").strip():
        raise invalid(
            "progress_percentage",
            progress,
            f"at least {row.progress_percentage:g}, or less together with notes that say why",
        )


def _predicted(
    row: Assignment,
    member: Member,
    assignments: Sequence[Assignment],
    given: Mapping[str, int],
    moment: str,
    begin: datetime,
) -> str | None:
    """Return when it will be done, after what the member began before it; None before it is begun.

    Args:
        begin: when what it waits for is likely to be done.
    """
    if row.status in FINAL:
        return row.completed_at if row.status == "completed" else None
    if not row.progress_percentage:
        return None
    before = [
        one
        for one in _of(assignments, member)
        if one.status == "in_progress"
        and (one.assigned_at, one.assignment_id) < (row.assigned_at, row.assignment_id)
    ]
    hours = committed_hours([*before, row], given)
    own = committed_hours([row], given)
    return format_utc(_likely_end(moment, begin, hours, own, member))


def _load(
    member: Member,
    rows: Sequence[Assignment],
    titles: Mapping[str, str],
    given: Mapping[str, int],
    moment: str,
    *,
    known: bool,
) -> Load:
    hours = committed_hours(rows, given)
    used = round(hours / week_hours(member), 4)
    status = "overloaded" if used > 1 else "high" if used >= HIGH_UTILIZATION else "ok" if rows else "idle"
    load: Load = {
        "member_id": member.member_id,
        "name": member.name,
        "capacity": member.capacity,
        "active_assignments": len(rows),
        "remaining_hours": round(hours, 2),
        "utilization": used,
        "status": status,
        "next_free": format_utc(completion(parse(moment), hours, member)),
        "overdue": sum(row.estimated_completion < moment for row in rows),
        "known": known,
        "assignments": [
            {
                "assignment_id": row.assignment_id,
                "blueprint_id": row.blueprint_id,
                "title": titles.get(row.blueprint_id or ""),
                "status": row.status,
                "progress_percentage": row.progress_percentage,
            }
            for row in rows
        ],
    }
    zone = local_time(None, member)["timezone"]
    return load if zone == "UTC" else {**load, "timezone": zone}


def _advice(
    loads: Sequence[Load], available: Sequence[str], overloaded: Sequence[str], unassigned: int
) -> list[str]:
    free = ", ".join(available[:3])
    found = [
        f"Move work from {name} to {free}." if available else f"{name} has too much, nobody has room."
        for name in overloaded
    ]
    if unassigned and available:
        found.append(f"{unassigned} blueprints wait for someone; {free} have room.")
    return found + [
        f"{load['member_id']} is late with {load['overdue']}." for load in loads if load["overdue"]
    ]
