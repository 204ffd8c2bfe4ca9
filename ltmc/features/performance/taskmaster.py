"""How planned work goes, from stored rows; None where nothing is stored."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TypedDict

from ltmc.code.traits import LABELS
from ltmc.features.blueprints.dependencies import own_minutes
from ltmc.features.blueprints.lexicon import canonical
from ltmc.features.measures import mean, percentile, ratio
from ltmc.features.team.calendar import week_hours
from ltmc.features.team.scoring import committed_hours, given_away
from ltmc.storage.engine import Engine
from ltmc.storage.tables import blueprints, team, usage_log
from ltmc.storage.tables.blueprints import OPEN_STATUSES, STATUSES, Blueprint
from ltmc.storage.tables.team import Assignment, Member
from ltmc.timestamps import days_ago, now, parse
from ltmc.tools.project_scope import scope_of

ASSIGNING = "assign_task_to_team"
"""The tool whose calls are the routing of tasks."""


class BlueprintCounts(TypedDict):
    """How many blueprints there are."""

    total: int
    by_status: dict[str, int]
    by_complexity: dict[str, int]


class EstimateRatio(TypedDict):
    """Minutes worked ÷ minutes estimated."""

    mean: float | None
    median: float | None


class AssignmentCounts(TypedDict):
    """How many assignments there are, and how sure their choice was."""

    active: int
    blocked: int
    overdue: int
    avg_confidence: float | None


class SkillLoad(TypedDict):
    """Minutes that open work needs of a skill, and that its members have in a week."""

    skill: str
    open_minutes: float
    available_minutes: float
    ratio: float | None


class SkillEfficiency(TypedDict):
    """Minutes worked ÷ minutes estimated of the finished work of a skill."""

    skill: str
    actual_per_estimate: float | None
    assignments: int


class Skills(TypedDict):
    """The scarcest skill, and the one whose work took least of its estimate."""

    bottleneck: SkillLoad | None
    most_efficient: SkillEfficiency | None


class Routing(TypedDict):
    """How long assigning a task takes, in ms."""

    p50: float | None
    p95: float | None


class TaskmasterMetrics(TypedDict):
    """How planned work goes: rates are from 0 to 1."""

    blueprints: BlueprintCounts
    completion_rate: float | None
    on_time_rate: float | None
    estimate_ratio: EstimateRatio
    avg_cycle_hours: float | None
    assignments: AssignmentCounts
    skills: Skills
    team_utilization: float | None
    routing_ms: Routing
    time_range_days: int | None
    insights: list[str]


class TaskmasterService:
    """Measures how planned work goes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def metrics(self, time_range_days: int | None, project_id: str | None) -> TaskmasterMetrics:
        """Measure completion, punctuality, estimates, skills and load."""
        await self._engine.settle()
        scope = scope_of(project_id)
        since = None if time_range_days is None else days_ago(time_range_days)
        async with self._engine.read() as tx:
            rows = [row for row in await blueprints.every(tx, scope, since) if row.kind == "task"]
            assignments = await team.assignments(tx, scope, since=since)
            ever = await team.assignments(tx, scope)
            given = given_away(ever, {row.blueprint_id: row for row in await blueprints.every(tx, scope)})
            members = await team.members(tx, scope)
            latencies = await usage_log.durations(tx, ASSIGNING, project_id=scope, since=since)
        opened = [row for row in ever if row.status in team.OPEN_STATUSES]
        moment = now()
        completed = [row for row in rows if row.status == "completed"]
        finished = [row for row in assignments if row.status == "completed"]
        on_time = [row for row in finished if (row.completed_at or "") <= row.estimated_completion]
        ratios = [each for row in finished if (each := _actual_per_estimate(row)) is not None]
        cycles = [
            (parse(str(row.completed_at)) - parse(row.created_at)).total_seconds() / 3600 for row in completed
        ]
        capacity = sum(map(week_hours, members))
        result: TaskmasterMetrics = {
            "blueprints": {
                "total": len(rows),
                "by_status": _counts((row.status for row in rows), STATUSES),
                "by_complexity": _counts((row.complexity for row in rows), LABELS),
            },
            "completion_rate": ratio(len(completed), sum(row.status != "cancelled" for row in rows)),
            "on_time_rate": ratio(len(on_time), len(finished)),
            "estimate_ratio": {
                "mean": mean(ratios, 4),
                "median": round(statistics.median(ratios), 4) if ratios else None,
            },
            "avg_cycle_hours": mean(cycles),
            "assignments": {
                "active": len(opened),
                "blocked": sum(row.status == "blocked" for row in opened),
                "overdue": sum(row.estimated_completion < moment for row in opened),
                "avg_confidence": mean([row.confidence_score for row in assignments], 4),
            },
            "skills": _skills(rows, assignments, members),
            "team_utilization": ratio(committed_hours(opened, given), capacity),
            "routing_ms": {"p50": percentile(latencies, 50), "p95": percentile(latencies, 95)},
            "time_range_days": time_range_days,
            "insights": [],
        }
        result["insights"] = _insights(result)
        return result


def _counts(values: Iterable[str], names: Sequence[str]) -> dict[str, int]:
    counts = Counter(values)
    return {name: counts[name] for name in names}


def _actual_per_estimate(row: Assignment) -> float | None:
    return None if row.actual_hours_worked is None else row.actual_hours_worked * 60 / row.estimated_minutes


def _skills(
    rows: Sequence[Blueprint], assignments: Sequence[Assignment], members: Sequence[Member]
) -> Skills:
    waiting: dict[str, float] = defaultdict(float)
    for row, minutes in zip(rows, own_minutes({row.blueprint_id: row for row in rows}), strict=True):
        if row.status in OPEN_STATUSES:
            for skill in row.required_skills:
                waiting[canonical(skill)] += minutes
    have: dict[str, float] = defaultdict(float)
    for member in members:
        for skill in {canonical(skill) for skill in member.skills}:
            have[skill] += week_hours(member) * 60
    loads: list[SkillLoad] = [
        {
            "skill": skill,
            "open_minutes": minutes,
            "available_minutes": have[skill],
            "ratio": ratio(minutes, have[skill]),
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
    for assignment in assignments:
        part = _actual_per_estimate(assignment)
        if assignment.status == "completed" and part is not None:
            for skill in assignment.skills:
                taken[canonical(skill)].append(part)
    best = min(taken, key=lambda skill: (sum(taken[skill]) / len(taken[skill]), skill), default=None)
    return {
        "bottleneck": loads[0] if loads else None,
        "most_efficient": None
        if best is None
        else {"skill": best, "actual_per_estimate": mean(taken[best], 4), "assignments": len(taken[best])},
    }


def _insights(result: TaskmasterMetrics) -> list[str]:
    """Say what the metrics suggest; nothing when they suggest nothing."""
    found = []
    bottleneck = result["skills"]["bottleneck"]
    if bottleneck is not None and bottleneck["ratio"] is None:
        found.append(f"No known member has the skill {bottleneck['skill']} that open work requires.")
    elif bottleneck is not None and (bottleneck["ratio"] or 0) > 1:
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
