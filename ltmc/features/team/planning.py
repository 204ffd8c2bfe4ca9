"""Plans as a person looks at them: how far each task is, who has it, and when it is likely to be done."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from ltmc.features.blueprints.lifecycle import require
from ltmc.features.blueprints.ordering import Edge, reach
from ltmc.features.team.results import MemberView, Plan, PlannedNeed, PlannedTask, PlanPage
from ltmc.features.team.scoring import given_away
from ltmc.features.team.waiting import Outlook
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import blueprints, team
from ltmc.storage.tables.blueprints import BLOCKING, OPEN_STATUSES, Blueprint, Dependency
from ltmc.storage.tables.team import Assignment, Member
from ltmc.timestamps import format_utc, now, parse

MOST_TASKS = 200
"""In one plan."""


class _Project:
    """All tasks of a project, with what is reckoned of them."""

    def __init__(
        self,
        rows: Sequence[Blueprint],
        needs: Sequence[Dependency],
        assignments: Sequence[Assignment],
        members: dict[str, Member],
    ) -> None:
        self.rows = {row.blueprint_id: row for row in rows}
        self.needs, self.members = needs, members
        self.parts = defaultdict[str, list[str]](list)
        for row in rows:
            if row.parent_id is not None:
                self.parts[row.parent_id].append(row.blueprint_id)
        self.latest = {
            row.blueprint_id: row
            for row in sorted(assignments, key=lambda row: row.assigned_at)
            if row.blueprint_id and row.status not in ("failed", "cancelled")
        }
        self._moment = now()
        given = given_away(assignments, self.rows)
        self._outlook = Outlook(rows, needs, assignments, members, given, parse(self._moment))
        self._spans: dict[str, tuple[str | None, str | None]] = {}

    def below(self, blueprint_id: str) -> list[str]:
        """Return a task and all below it, those below before their parent."""
        found = [blueprint_id]
        for one in found:
            found += self.parts[one]
        return found[::-1]

    def shown(self, blueprint_id: str) -> PlannedTask:
        """Return a task as a plan shows it."""
        row = self.rows[blueprint_id]
        begin, end = self._span(blueprint_id)
        needed = [edge for edge in self.needs if edge.dependent_blueprint_id == blueprint_id]
        parts_minutes = sum(self.rows[one].estimated_duration_minutes for one in self.parts[blueprint_id])
        task: PlannedTask = {
            "blueprint_id": blueprint_id,
            "parent_id": row.parent_id,
            "title": row.title,
            "status": row.status,
            "kind": row.kind,
            "complexity": row.complexity,
            "priority": row.priority_score,
            "tags": row.tags,
            "minutes": max(0, row.estimated_duration_minutes - parts_minutes),
            "whole_minutes": row.estimated_duration_minutes,
            "progress": self._progress(blueprint_id),
            "begin": begin,
            "end": end,
            "late": False,
            "blocked_by": [
                self.rows[edge.prerequisite_blueprint_id].title
                for edge in needed
                if edge.dependency_type == BLOCKING
                and self.rows[edge.prerequisite_blueprint_id].status in OPEN_STATUSES
            ],
            "parts": len(self.parts[blueprint_id]),
            "doer": None,
        }
        if (assignment := self.latest.get(blueprint_id)) is not None:
            open_ = assignment.status in team.OPEN_STATUSES
            task["late"] = open_ and max(self._moment, end or "") > assignment.estimated_completion
            task["doer"] = {
                "assignment_id": assignment.assignment_id,
                "member_id": assignment.member_id,
                "name": self.members[assignment.member_id].name,
                "status": assignment.status,
                "progress": assignment.progress_percentage,
                "hours": assignment.actual_hours_worked,
                "due": assignment.estimated_completion,
            }
        return task

    def _progress(self, blueprint_id: str) -> float:
        """Return how far a task is, in per cent: the done share of the minutes of what is below it."""
        done: dict[str, float] = {}
        for one in self.below(blueprint_id):
            parts = [part for part in self.parts[one] if self.rows[part].status != "cancelled"]
            minutes = sum(self.rows[part].estimated_duration_minutes for part in parts)
            if self.rows[one].status == "completed":
                done[one] = 100.0
            elif minutes:
                done[one] = (
                    sum(done[part] * self.rows[part].estimated_duration_minutes for part in parts) / minutes
                )
            else:
                done[one] = self.latest[one].progress_percentage if one in self.latest else 0.0
        return round(done[blueprint_id], 1)

    def _span(self, blueprint_id: str) -> tuple[str | None, str | None]:
        """Return from when until when a task is likely to be worked on, or was; nothing for one that was cancelled."""
        for one in self.below(blueprint_id):
            if one not in self._spans:
                self._spans[one] = self._own_span(one)
        return self._spans[blueprint_id]

    def _own_span(self, blueprint_id: str) -> tuple[str | None, str | None]:
        row, assignment = self.rows[blueprint_id], self.latest.get(blueprint_id)
        inner = [self._spans[part] for part in self.parts[blueprint_id]]
        begins = [begin for begin, _ in inner if begin]
        if row.status == "cancelled":
            return None, None
        if row.status == "completed":
            ends = row.completed_at or row.updated_at
            return min([*begins, assignment.assigned_at if assignment else row.created_at, ends]), ends
        likely = format_utc(self._outlook.begin(blueprint_id))
        if assignment is not None and assignment.status == "in_progress":
            likely = min(likely, assignment.assigned_at)
        return (min(begins) if begins else likely), format_utc(self._outlook.end(blueprint_id))


class PlanningService:
    """Reads plans; what changes them are the tools."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def page(
        self, project: str, *, status: str | None, parts: bool, kind: str | None, limit: int, offset: int
    ) -> PlanPage:
        """Return a page of blueprints, the open ones first, then by priority.

        Args:
            parts: parts of others are listed too.
        """
        async with self._engine.read() as tx:
            whole = await _project(tx, project)
        found = [
            row
            for row in whole.rows.values()
            if (parts or row.parent_id is None) and kind in (None, row.kind)
        ]
        kept = [row for row in found if status in (None, row.status)]
        kept.sort(key=lambda row: (row.status not in OPEN_STATUSES, -row.priority_score, -row.id))
        return {
            "tasks": [whole.shown(row.blueprint_id) for row in kept[offset : offset + limit]],
            "counts": dict(Counter(row.status for row in found)),
            "total": len(kept),
        }

    async def plan(self, project: str, blueprint_id: str) -> Plan:
        """Return a blueprint, its parts, and what they wait for or what waits for them, however far.

        Raises:
            LtmcError: NOT_FOUND.
        """
        async with self._engine.read() as tx:
            await require(tx, blueprint_id, project)
            whole = await _project(tx, project)
        family = whole.below(blueprint_id)[::-1]
        edges = [
            Edge(need.dependent_blueprint_id, need.prerequisite_blueprint_id, need.dependency_type)
            for need in whole.needs
        ]
        around = dict.fromkeys(family)
        for backwards in (False, True):
            around |= dict.fromkeys(reach(edges, family, backwards=backwards, deep=True))
        shown = list(around)[:MOST_TASKS]
        inside = set(shown)
        needs: list[PlannedNeed] = [
            {
                "dependent": need.dependent_blueprint_id,
                "prerequisite": need.prerequisite_blueprint_id,
                "kind": need.dependency_type,
                "is_critical": need.is_critical,
            }
            for need in whole.needs
            if {need.dependent_blueprint_id, need.prerequisite_blueprint_id} <= inside
        ]
        return {
            "tasks": [whole.shown(one) for one in shown],
            "needs": needs,
            "left": len(around) - len(shown),
        }

    async def titles(self, project: str) -> dict[str, str]:
        """Return the titles of the open blueprints by id, the newest first."""
        async with self._engine.read() as tx:
            rows = await blueprints.every(tx, project)
        return {row.blueprint_id: row.title for row in reversed(rows) if row.status in OPEN_STATUSES}

    async def members(self, project: str) -> list[MemberView]:
        """Return who is known of a team."""
        async with self._engine.read() as tx:
            return [
                {
                    "member_id": row.member_id,
                    "name": row.name,
                    "skills": row.skills,
                    "capacity": row.capacity,
                    "status": row.status,
                }
                for row in await team.members(tx, project)
            ]


async def _project(tx: Transaction, project: str) -> _Project:
    rows = await blueprints.every(tx, project)
    needs = await blueprints.dependencies(tx, project)
    members = {row.member_id: row for row in await team.members(tx, project)}
    return _Project(rows, needs, await team.assignments(tx, project), members)
