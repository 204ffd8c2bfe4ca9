"""Figures over blueprints, assignments and the team, all from stored rows; None where nothing is stored."""

import statistics as stats
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from ltmc.code.traits import LABELS
from ltmc.features.measures import mean, percentile, ratio
from ltmc.features.team.scoring import HOURS_PER_WEEK, committed_hours
from ltmc.storage.engine import Engine, Row, Transaction
from ltmc.storage.tables import blueprints, team
from ltmc.storage.tables import usage_log as telemetry
from ltmc.timestamps import days_ago, now, parse
from ltmc.tools.project_scope import scope_of

ASSIGNING = "assign_task_to_team"
"""The tool whose calls are the routing of tasks."""

STATUSES = ("draft", "active", "completed", "cancelled")


async def statistics(tx: Transaction, project: str) -> dict[str, Any]:
    """The blueprints of a project: counts by status and complexity, averages."""
    rows = await blueprints.every(tx, project)
    return {
        "total": len(rows),
        "status_distribution": _counts(rows, "status", STATUSES),
        "complexity_distribution": _counts(rows, "complexity", LABELS),
        "average_complexity": mean([row["complexity_score"] for row in rows], 4),
        "average_duration_minutes": mean([row["estimated_duration_minutes"] for row in rows]),
    }


async def actual_hours(tx: Transaction, blueprint_ids: Sequence[str]) -> dict[str, float]:
    """For each blueprint with hours reported, their sum over its assignments."""
    found: dict[str, float] = defaultdict(float)
    for blueprint_id in blueprint_ids:
        for row in await team.of_blueprint(tx, blueprint_id):
            if row["actual_hours_worked"]:
                found[blueprint_id] += row["actual_hours_worked"]
    return dict(found)


async def taskmaster(database: Engine, time_range_days: int | None, project_id: str | None) -> dict[str, Any]:
    """How planned work goes: completion, punctuality, estimates, skills and load."""
    await database.settle()
    scope = scope_of(project_id)
    since = None if time_range_days is None else days_ago(time_range_days)
    async with database.read() as tx:
        rows = [row for row in await blueprints.every(tx, scope, since) if row["kind"] == "task"]
        assignments = await team.assignments(tx, scope, since=since)
        open_now = await team.assignments(tx, scope, open_only=True)
        members = await team.members(tx, scope)
        calls = await telemetry.calls(tx, project_id=scope, since=since)
    latencies = [call.duration_ms for call in calls if call.tool == ASSIGNING and call.ok]
    moment = now()
    by_id = {row["blueprint_id"]: row for row in rows}
    completed = [row for row in rows if row["status"] == "completed"]
    counted = [row for row in rows if row["status"] != "cancelled"]
    finished = [row for row in assignments if row["status"] == "completed"]
    on_time = [row for row in finished if row["completed_at"] <= row["estimated_completion"]]
    ratios = [
        row["actual_hours_worked"] * 60 / row["estimated_minutes"]
        for row in finished
        if row["actual_hours_worked"] is not None
    ]
    cycles = [
        (parse(row["completed_at"]) - parse(row["created_at"])).total_seconds() / 3600 for row in completed
    ]
    skills = _skills(by_id.values(), assignments, members)
    capacity = sum(member["capacity"] for member in members) * HOURS_PER_WEEK
    result = {
        "blueprints": {
            "total": len(rows),
            "by_status": _counts(rows, "status", STATUSES),
            "by_complexity": _counts(rows, "complexity", LABELS),
        },
        "completion_rate": ratio(len(completed), len(counted)),
        "on_time_rate": ratio(len(on_time), len(finished)),
        "estimate_ratio": {
            "mean": mean(ratios, 4),
            "median": round(stats.median(ratios), 4) if ratios else None,
        },
        "avg_cycle_hours": mean(cycles),
        "assignments": {
            "active": len(open_now),
            "blocked": sum(row["status"] == "blocked" for row in open_now),
            "overdue": sum(row["estimated_completion"] < moment for row in open_now),
            "avg_confidence": mean([row["confidence_score"] for row in assignments], 4),
        },
        "skills": skills,
        "team_utilization": round(committed_hours(open_now) / capacity, 4) if capacity else None,
        "routing_ms": {"p50": percentile(latencies, 50), "p95": percentile(latencies, 95)},
        "time_range_days": time_range_days,
    }
    return {**result, "insights": _insights(result)}


def _counts(rows: Sequence[Row], column: str, names: Sequence[str]) -> dict[str, int]:
    counts = Counter(row[column] for row in rows)
    return {name: counts[name] for name in names}


def _skills(rows: Any, assignments: Sequence[Row], members: Sequence[Row]) -> dict[str, Any]:
    """The skill with most open minutes for the minutes that its members have in a week, and the one whose
    finished work took least of its estimate."""
    waiting: dict[str, float] = defaultdict(float)
    for row in rows:
        if row["status"] in ("draft", "active"):
            for skill in row["required_skills"]:
                waiting[skill] += row["estimated_duration_minutes"]
    have: dict[str, float] = defaultdict(float)
    for member in members:
        for skill in member["skills"]:
            have[skill] += member["capacity"] * HOURS_PER_WEEK * 60
    loads: list[dict[str, Any]] = [
        {
            "skill": skill,
            "open_minutes": minutes,
            "available_minutes": have[skill],
            "ratio": round(minutes / have[skill], 4) if have[skill] else None,
        }
        for skill, minutes in waiting.items()
    ]
    loads.sort(
        key=lambda load: (
            load["ratio"] is not None,
            -(load["ratio"] or 0),
            -load["open_minutes"],
            load["skill"],
        )
    )
    taken: dict[str, list[float]] = defaultdict(list)
    for row in assignments:
        if row["status"] == "completed" and row["actual_hours_worked"] is not None:
            for skill in row["skills"]:
                taken[skill].append(row["actual_hours_worked"] * 60 / row["estimated_minutes"])
    best = min(taken, key=lambda skill: (sum(taken[skill]) / len(taken[skill]), skill), default=None)
    return {
        "bottleneck": loads[0] if loads else None,
        "most_efficient": None
        if best is None
        else {"skill": best, "actual_per_estimate": mean(taken[best], 4), "assignments": len(taken[best])},
    }


def _insights(result: dict[str, Any]) -> list[str]:
    """What the figures suggest; nothing when they suggest nothing."""
    found = []
    bottleneck = result["skills"]["bottleneck"]
    if bottleneck is not None and bottleneck["ratio"] is None:
        found.append(f"No known member has the skill {bottleneck['skill']} that open work requires.")
    elif bottleneck is not None and bottleneck["ratio"] > 1:
        found.append(
            f"{bottleneck['skill']}: {bottleneck['open_minutes']:g} minutes are open, "
            f"{bottleneck['available_minutes']:g} a week are available."
        )
    median = result["estimate_ratio"]["median"]
    if median is not None and not 0.8 <= median <= 1.25:
        found.append(f"Work takes {median:g} times its estimate (median); correct the estimates.")
    if result["assignments"]["overdue"]:
        found.append(f"{result['assignments']['overdue']} open assignments are overdue.")
    if result["assignments"]["blocked"]:
        found.append(f"{result['assignments']['blocked']} assignments are blocked.")
    return found
