"""When what a task waits for is likely to be done."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ltmc.features.team.calendar import completion
from ltmc.features.team.scoring import remaining_hours
from ltmc.storage.tables.blueprints import BLOCKING, OPEN_STATUSES, Blueprint, Dependency
from ltmc.storage.tables.team import OPEN_STATUSES as OPEN_ASSIGNMENTS
from ltmc.storage.tables.team import Assignment, Member


class Outlook:
    """The open tasks of a project, with who does them and what they wait for.

    Args:
        given: see `ltmc.features.team.scoring.given_away`.
    """

    def __init__(
        self,
        rows: Iterable[Blueprint],
        needs: Iterable[Dependency],
        assignments: Iterable[Assignment],
        members: Mapping[str, Member],
        given: Mapping[str, int],
        moment: datetime,
    ) -> None:
        self._rows = {row.blueprint_id: row for row in rows if row.status in OPEN_STATUSES}
        self._needs, self._parts = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
        for edge in needs:
            if edge.dependency_type == BLOCKING and edge.prerequisite_blueprint_id in self._rows:
                self._needs[edge.dependent_blueprint_id].append(edge.prerequisite_blueprint_id)
        for row in self._rows.values():
            if row.parent_id is not None:
                self._parts[row.parent_id].append(row.blueprint_id)
        self._assigned = {
            row.blueprint_id: row
            for row in assignments
            if row.status in OPEN_ASSIGNMENTS and row.blueprint_id
        }
        self._members, self._given, self._moment = members, given, moment
        self._ends: dict[str, datetime] = {}

    def begin(self, blueprint_id: str) -> datetime:
        """Return when the last of what a task waits for is likely to be done; now if nothing is open."""
        self._reckon(self._needs[blueprint_id])
        return self._latest(self._needs[blueprint_id])

    def end(self, blueprint_id: str) -> datetime:
        """Return when an open task is likely to be done."""
        self._reckon([blueprint_id])
        return self._ends[blueprint_id]

    def _reckon(self, ids: Sequence[str]) -> None:
        waiting = [*ids]
        while waiting:  # no recursion: chains may be long
            one = waiting[-1]
            before = [*self._needs[one], *self._parts[one]]
            if one in self._ends or not (lacking := [each for each in before if each not in self._ends]):
                self._ends.setdefault(one, self._end(one, before))
                waiting.pop()
            else:
                waiting += lacking

    def _latest(self, ids: Sequence[str]) -> datetime:
        return max([self._moment, *(self._ends[one] for one in ids)])

    def _end(self, blueprint_id: str, before: Sequence[str]) -> datetime:
        """Return when a task is likely to be done, by who has it, else by its estimate."""
        row, ready = self._rows[blueprint_id], self._latest(before)
        assignment = self._assigned.get(blueprint_id)
        if assignment is None:
            hours = 0.0 if self._parts[blueprint_id] else row.estimated_duration_minutes / 60
            return completion(ready, hours, Member(row.project_id, "", None, [], 1, "available"))
        hours = remaining_hours(assignment, self._given.get(blueprint_id, 0))
        return completion(ready, hours, self._members[assignment.member_id])
