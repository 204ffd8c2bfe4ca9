"""The team: who does which task, how far it is, and who has how much to do."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found
from ltmc.features.blueprints.lifecycle import open_prerequisites, require, transition, try_complete
from ltmc.features.blueprints.repository import link
from ltmc.features.measures import mean
from ltmc.features.team.scoring import (
    HOURS_PER_WEEK,
    Candidate,
    Preferences,
    committed_hours,
    completion,
    confidence,
    preferred_skill,
    ranked,
    rate,
)
from ltmc.storage.engine import Engine, Row
from ltmc.storage.tables import blueprints, graph, team
from ltmc.timestamps import format_utc, now, parse
from ltmc.tools.project_scope import scope_of

HIGH_UTILIZATION = 0.8
"""From this share of a week's capacity on a member's load is high; above 1 they are overloaded."""

FINAL = ("completed", "failed", "cancelled")
ALTERNATIVES = 5


class TeamService:
    """Members are known by what assignments last said of them."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    async def assign(
        self,
        blueprint_id: str,
        members: Sequence[dict[str, Any]],
        preferences: dict[str, Any],
        project_id: str | None,
    ) -> dict[str, Any]:
        """Give a task to the member with the best score, and activate it.

        Raises:
            LtmcError: NO_SUITABLE_MEMBER with the best candidates and what they lack; CONFLICT when the task
                has an open assignment or is not open.
        """
        described = checked_members("available_members", members)
        wishes = parse_preferences(preferences)
        moment = now()
        async with self._database.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            project = row["project_id"]
            if row["status"] not in ("draft", "active"):
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"blueprint_id: a {row['status']} blueprint cannot be assigned.",
                    field="blueprint_id",
                    details={"status": row["status"]},
                )
            for one in await team.of_blueprint(tx, blueprint_id):
                if one["status"] in team.OPEN:
                    raise LtmcError(
                        ErrorCode.CONFLICT,
                        f"blueprint_id: {one['assignment_id']} of {one['member_id']} is open for it.",
                        field="blueprint_id",
                        details={"assignment_id": one["assignment_id"], "member_id": one["member_id"]},
                    )
            for member in described:
                await team.upsert_member(
                    tx,
                    project,
                    member["member_id"],
                    member["name"],
                    member["skills"],
                    member["capacity"],
                    member["status"],
                    moment,
                )
            every = await team.assignments(tx, project)
            candidates = ranked(
                rate(
                    member,
                    row["required_skills"],
                    [one for one in _of(every, member) if one["status"] in ("completed", "failed")],
                    committed_hours(one for one in _of(every, member) if one["status"] in team.OPEN),
                    wishes,
                )
                for member in described
                if member["status"] == "available" and member["member_id"] not in wishes.exclude_member_ids
            )
            eligible = [one for one in candidates if one.parts["coverage"] >= wishes.min_skill_coverage]
            if not eligible:
                raise _nobody(candidates, wishes, row)
            chosen = eligible[0]
            member = next(one for one in described if one["member_id"] == chosen.member_id)
            hours = row["estimated_duration_minutes"] / 60
            assignment = {
                "assignment_id": f"assign_{secrets.token_hex(6)}",
                "project_id": project,
                "blueprint_id": blueprint_id,
                "member_id": chosen.member_id,
                "status": "assigned",
                "estimated_minutes": row["estimated_duration_minutes"],
                "confidence_score": confidence(eligible),
                "score_breakdown": {**chosen.parts, "total": chosen.score},
                "skills": row["required_skills"],
                "estimated_completion": format_utc(
                    completion(datetime.now(UTC), chosen.load + hours, member["capacity"])
                ),
                "assigned_at": moment,
                "updated_at": moment,
            }
            await team.insert_assignment(tx, assignment)
            await team.insert_progress(tx, assignment["assignment_id"], 0, "assigned", None, None, moment)
            node = assignment["assignment_id"]
            label = f"{row['title']}: {member['name'] or chosen.member_id}"
            await graph.insert_node(tx, project, node, "assignment", blueprint_id, label, moment)
            await link(tx, project, blueprint_id, node, "assigned_to", moment)
            waiting = await open_prerequisites(tx, row)
            if row["status"] == "draft":
                await transition(tx, row, "active", moment)
        return {
            **{key: assignment[key] for key in ("assignment_id", "blueprint_id", "confidence_score")},
            "assigned_member": {"id": chosen.member_id, "name": member["name"]},
            "score_breakdown": assignment["score_breakdown"],
            "matched_skills": chosen.matched,
            "missing_skills": chosen.missing,
            "estimated_completion": assignment["estimated_completion"],
            "alternatives": [
                {"member_id": one.member_id, "score": one.score} for one in eligible[1 : 1 + ALTERNATIVES]
            ],
            "warnings": [
                f"The prerequisite {one['blueprint_id']} ({one['title']}) is {one['status']}."
                for one in waiting
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
    ) -> dict[str, Any]:
        """Record how far an assignment is; its blueprint follows when it is done.

        Raises:
            LtmcError: INVALID_ARGUMENT when status and progress contradict each other, hours fall, or
                progress falls without notes; CONFLICT for a finished assignment.
        """
        new = _status(progress, status)
        moment = now()
        async with self._database.write() as tx:
            row = await team.assignment(tx, assignment_id, project_id)
            if row is None:
                raise not_found("assignment_id", assignment_id, "assignment")
            if row["status"] in FINAL:
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"assignment_id: it is {row['status']}, which is final.",
                    field="assignment_id",
                    details={"status": row["status"]},
                )
            hours = row["actual_hours_worked"]
            if actual_hours_worked is not None and actual_hours_worked < (hours or 0):
                raise invalid(
                    "actual_hours_worked", actual_hours_worked, f"the total so far, at least {hours:g} hours"
                )
            if progress < row["progress_percentage"] and not (notes or "").strip():
                raise invalid(
                    "progress_percentage",
                    progress,
                    f"at least {row['progress_percentage']:g}, or less together with notes that say why",
                )
            hours = hours if actual_hours_worked is None else actual_hours_worked
            changes = {
                "progress_percentage": progress,
                "status": new,
                "actual_hours_worked": hours,
                "notes": row["notes"] if notes is None else notes,
                "updated_at": moment,
                "completed_at": moment if new in FINAL else None,
            }
            await team.update_assignment(tx, assignment_id, changes)
            await team.insert_progress(tx, assignment_id, progress, new, hours, notes, moment)
            blueprint = None
            if row["blueprint_id"] is not None:
                blueprint = await require(tx, row["blueprint_id"], None)
                if new == "completed":
                    blueprint["status"] = await try_complete(tx, blueprint, moment)
        updated = row | changes
        predicted = _predicted(updated, moment)
        expected = row["estimated_minutes"] / 60 * progress / 100
        keys = (
            "assignment_id blueprint_id member_id status progress_percentage actual_hours_worked notes "
            "confidence_score estimated_completion assigned_at updated_at completed_at"
        )
        return {
            **{key: updated[key] for key in keys.split()},
            "previous": {"progress": row["progress_percentage"], "status": row["status"]},
            "predicted_completion": predicted,
            "on_track": None if predicted is None else predicted <= row["estimated_completion"],
            "hours_variance": None if hours is None else round(hours - expected, 2),
            "blueprint_status": blueprint["status"] if blueprint else None,
        }

    async def workload(
        self, members: Sequence[dict[str, Any]] | None, project_id: str | None
    ) -> dict[str, Any]:
        """Who has how much to do, against a week's capacity."""
        scope, moment = scope_of(project_id), now()
        async with self._database.read() as tx:
            known = {row["member_id"]: row for row in await team.members(tx, scope)}
            assignments = await team.assignments(tx, scope, open_only=True)
            rows = await blueprints.every(tx, scope)
        asked = list(known.values()) if members is None else checked_members("team_members", members, known)
        shown = [
            _load(member, _of(assignments, member), moment, member["member_id"] in known) for member in asked
        ]
        taken = {row["blueprint_id"] for row in assignments}
        parents = {row["parent_id"] for row in rows}
        unassigned = [
            row["blueprint_id"]
            for row in rows
            if row["kind"] == "task"
            and row["status"] in ("draft", "active")
            and row["blueprint_id"] not in taken | parents
        ]
        free = [one["member_id"] for one in shown if one["status"] in ("idle", "ok")]
        overloaded = [one["member_id"] for one in shown if one["status"] == "overloaded"]
        advice = [
            f"Move work from {name} to {', '.join(free[:3])}."
            if free
            else f"{name} has too much, nobody has room."
            for name in overloaded
        ]
        if unassigned and free:
            advice.append(f"{len(unassigned)} blueprints wait for someone; {', '.join(free[:3])} have room.")
        advice += [f"{one['member_id']} is late with {one['overdue']}." for one in shown if one["overdue"]]
        return {
            "members": shown,
            "average_utilization": mean([one["utilization"] for one in shown], 4),
            "overloaded": overloaded,
            "available": free,
            "unassigned_blueprints": len(unassigned),
            "recommendations": advice,
        }


def checked_members(
    field: str, members: Sequence[dict[str, Any]], known: dict[str, Row] | None = None
) -> list[dict[str, Any]]:
    """The members with all their columns; what is left out comes from `known`.

    Raises:
        LtmcError: INVALID_ARGUMENT for a member without id, or with one given twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for place, member in enumerate(members):
        given = [member[key] for key in ("id", "member_id") if member.get(key) is not None]
        if len(set(given)) != 1:
            raise invalid(f"{field}[{place}].id", given, "one id that is not blank (id or member_id)")
        member_id = str(given[0])
        if member_id in found:
            raise invalid(f"{field}[{place}].id", member_id, "each id once")
        stored = (known or {}).get(member_id, {})

        def value(key: str, default: Any, member: dict[str, Any] = member, stored: Row = stored) -> Any:
            return member[key] if member.get(key) is not None else stored.get(key, default)

        found[member_id] = {
            "member_id": member_id,
            "name": value("name", None),
            "skills": list(value("skills", [])),
            "capacity": float(value("capacity", 1.0)),
            "status": value("status", "available"),
        }
    return list(found.values())


def parse_preferences(preferences: dict[str, Any]) -> Preferences:
    """The preferences of a call.

    Raises:
        LtmcError: INVALID_ARGUMENT that names the key and what is allowed.
    """
    skills: list[str] = []
    given: dict[str, Any] = {}
    for key, value in preferences.items():
        field = f"preferences.{key}"
        if key == "preferred_member_id":
            given[key] = _text(field, value)
        elif key in ("exclude_member_ids", "prefer_skills"):
            if not isinstance(value, list):
                raise invalid(field, value, "a list of text")
            texts = [_text(field, one) for one in value]
            if key == "prefer_skills":
                skills += texts
            else:
                given[key] = tuple(texts)
        elif key == "min_skill_coverage":
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise invalid(field, value, "a number from 0 to 1")
            given[key] = float(value)
        elif key == "balance_workload" or preferred_skill(key) is not None:
            if not isinstance(value, bool):
                raise invalid(field, value, "true or false")
            if key == "balance_workload":
                given[key] = value
            elif value:
                skills.append(str(preferred_skill(key)))
        else:
            raise invalid(
                "preferences",
                key,
                "preferred_member_id, exclude_member_ids, prefer_skills, balance_workload, min_skill_coverage, "
                "prefer_<skill>",
            )
    return Preferences(skills=tuple(dict.fromkeys(skills)), **given)


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(field, value, "text that is not blank")
    return value.strip()


def _of(assignments: Sequence[Row], member: dict[str, Any]) -> list[Row]:
    return [row for row in assignments if row["member_id"] == member["member_id"]]


def _nobody(candidates: Sequence[Candidate], wishes: Preferences, row: Row) -> LtmcError:
    best = [
        {"member_id": one.member_id, "coverage": one.parts["coverage"], "missing_skills": one.missing}
        for one in candidates[:ALTERNATIVES]
    ]
    near = f"; the best, {best[0]['member_id']}, lacks {best[0]['missing_skills']}" if best else ""
    return LtmcError(
        ErrorCode.NO_SUITABLE_MEMBER,
        f"available_members: nobody who is available has {wishes.min_skill_coverage:.0%} of the skills "
        f"{row['required_skills']}{near}.",
        field="available_members",
        details={
            "required_skills": row["required_skills"],
            "min_skill_coverage": wishes.min_skill_coverage,
            "best_candidates": best,
        },
    )


def _status(progress: float, status: str | None) -> str:
    if status is None:
        return "assigned" if progress == 0 else "completed" if progress == 100 else "in_progress"
    if status == "completed" and progress < 100:
        raise invalid("status", status, f"not completed at {progress:g} %, only at 100 %")
    if status in team.OPEN and progress == 100:
        raise invalid("status", status, "completed, failed or cancelled at 100 %")
    return status


def _predicted(row: Row, moment: str) -> str | None:
    """When it will be done at the pace so far; None where there is no pace yet."""
    if row["status"] in FINAL:
        return str(moment) if row["status"] == "completed" else None
    if not row["progress_percentage"]:
        return None
    start = parse(row["assigned_at"])
    return format_utc(start + (parse(moment) - start) / (row["progress_percentage"] / 100))


def _load(member: dict[str, Any], rows: Sequence[Row], moment: str, known: bool) -> dict[str, Any]:
    hours = committed_hours(rows)
    used = round(hours / (member["capacity"] * HOURS_PER_WEEK), 4)
    status = "overloaded" if used > 1 else "high" if used >= HIGH_UTILIZATION else "ok" if rows else "idle"
    return {
        "member_id": member["member_id"],
        "name": member["name"],
        "capacity": member["capacity"],
        "active_assignments": len(rows),
        "remaining_hours": round(hours, 2),
        "utilization": used,
        "status": status,
        "next_free": format_utc(completion(parse(moment), hours, member["capacity"])),
        "overdue": sum(row["estimated_completion"] < moment for row in rows),
        "known": known,
    }
