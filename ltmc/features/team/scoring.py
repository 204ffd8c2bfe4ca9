"""Who should do a task: a published score over skills, record, load and preferences. Pure functions.

score = 0.50 coverage + 0.20 history + 0.20 headroom + 0.10 preference; confidence = 0.7 score + 0.3 min(1,
lead over the runner-up / 0.2). Both are the formulas of LTMC's contract.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ltmc.features.blueprints.lexicon import canonical, groups
from ltmc.features.team.calendar import week_hours
from ltmc.storage.tables.blueprints import OPEN_STATUSES, Blueprint
from ltmc.storage.tables.team import Assignment, Member

WEIGHTS = {"coverage": 0.50, "history": 0.20, "headroom": 0.20, "preference": 0.10}
MIN_SKILL_COVERAGE = 0.5
FULL_LEAD = 0.2
RELATED = 0.5
"""What a related skill counts."""

UNKNOWN_HISTORY = 0.5

_PREFERS = re.compile(r"prefer_(.+?)(?:_expert|_experience)?")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the caller would like.

    Attributes:
        skills: skills that the member should have beside those required.
    """

    preferred_member_id: str | None = None
    exclude_member_ids: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    balance_workload: bool = False
    min_skill_coverage: float = MIN_SKILL_COVERAGE


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member rated for a task.

    Attributes:
        parts: coverage, history, headroom and preference, each 0 to 1.
        load: hours committed.
    """

    member_id: str
    score: float
    parts: dict[str, float]
    matched: list[str]
    missing: list[str]
    load: float


def preferred_skill(key: str) -> str | None:
    """Return the skill that a preference such as ``prefer_python_expert`` names; None for another key."""
    match = _PREFERS.fullmatch(key)
    return None if match is None else canonical(match.group(1).replace("_", " "))


def coverage(required: Sequence[str], has: Iterable[str]) -> tuple[float, list[str], list[str]]:
    """Return the share of the required skills that a member has, those had, and those missing.

    An alias counts 1, a related skill 0.5 (and stays missing); nothing required counts as all.
    """
    own = {canonical(skill) for skill in has}
    akin = {groups()[skill] for skill in own if skill in groups()}
    matched = [skill for skill in required if canonical(skill) in own]
    missing = [skill for skill in required if skill not in matched]
    related = sum(groups().get(canonical(skill), -1) in akin for skill in missing)
    if not required:
        return 1.0, [], []
    return (len(matched) + RELATED * related) / len(required), matched, missing


def history(finished: Sequence[Assignment]) -> float:
    """Return the share of finished assignments that were completed on time, smoothed by one success and one failure."""
    if not finished:
        return UNKNOWN_HISTORY
    on_time = sum(
        row.status == "completed" and (row.completed_at or "") <= row.estimated_completion for row in finished
    )
    return float(on_time + 1) / (len(finished) + 2)


def given_away(
    assignments: Iterable[Assignment], rows: Mapping[str, Blueprint], new: Blueprint | None = None
) -> dict[str, int]:
    """Return for each assigned task the minutes of those of its parts that are assigned on their own, each part once.

    Of a task that is completed or cancelled nothing is left.

    Args:
        rows: the blueprints of the assignments and those above them, by id.
        new: what is about to be assigned.
    """
    parts = {
        row.blueprint_id: row.estimated_minutes
        for row in assignments
        if row.blueprint_id is not None and row.status not in ("failed", "cancelled")
    }
    if new is not None:
        parts[new.blueprint_id] = new.estimated_duration_minutes
    minutes: dict[str, int] = defaultdict(int)
    for part, estimate in parts.items():
        if part in rows and rows[part].status not in OPEN_STATUSES:
            minutes[part] += estimate
        above = rows[part].parent_id if part in rows else None
        while above is not None and above not in parts:
            above = rows[above].parent_id if above in rows else None
        if above is not None:
            minutes[above] += estimate
    return minutes


def committed_hours(assignments: Iterable[Assignment], given: Mapping[str, int]) -> float:
    """Return the hours that open assignments still need, without those of parts that are assigned on their own.

    Args:
        given: see `given_away`.
    """
    return float(sum(remaining_hours(row, given.get(row.blueprint_id or "", 0)) for row in assignments))


def remaining_hours(row: Assignment, given: int = 0) -> float:
    """Return the hours that an assignment still needs: at the pace of those worked, else by its estimate."""
    done = row.progress_percentage / 100
    whole = row.actual_hours_worked / done if row.actual_hours_worked and done else row.estimated_minutes / 60
    return whole * (1 - done) * max(0, row.estimated_minutes - given) / max(1, row.estimated_minutes)


def rate(
    member: Member,
    required: Sequence[str],
    finished: Sequence[Assignment],
    committed: float,
    preferences: Preferences,
) -> Candidate:
    """Return a member's score for a task.

    Args:
        finished: the member's completed and failed assignments.
        committed: the hours of the member's open ones.
    """
    covered, matched, missing = coverage(required, member.skills)
    headroom = max(0.0, 1 - committed / week_hours(member))
    parts = {
        "coverage": covered,
        "history": history(finished),
        "headroom": headroom,
        "preference": _preference(member, headroom, preferences),
    }
    total = sum(WEIGHTS[name] * value for name, value in parts.items())
    return Candidate(
        member.member_id,
        round(total, 4),
        {name: round(value, 4) for name, value in parts.items()},
        matched,
        missing,
        committed,
    )


def _preference(member: Member, headroom: float, preferences: Preferences) -> float:
    """Return the mean of how far each wish is met; without wishes 1, as for required skills."""
    wishes: list[float] = []
    if preferences.preferred_member_id is not None:
        wishes.append(float(member.member_id == preferences.preferred_member_id))
    if preferences.skills:
        wishes.append(coverage(preferences.skills, member.skills)[0])
    if preferences.balance_workload:
        wishes.append(headroom)
    return sum(wishes) / len(wishes) if wishes else 1.0


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the best first; ties go to the lower load, then by id."""
    return sorted(candidates, key=lambda one: (-one.score, one.load, one.member_id))


def confidence(order: Sequence[Candidate]) -> float:
    """How sure the choice of the first is; alone, it leads in full."""
    lead = order[0].score - order[1].score if len(order) > 1 else FULL_LEAD
    return round(0.7 * order[0].score + 0.3 * min(1, lead / FULL_LEAD), 4)
