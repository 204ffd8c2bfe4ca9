"""What waits for what among blueprints, and in which order they are done."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.blueprints.lifecycle import require
from ltmc.features.blueprints.ordering import Edge, cycle_detected, order, path_between, reach
from ltmc.features.blueprints.readiness import satisfied
from ltmc.features.blueprints.repository import depend
from ltmc.features.blueprints.results import (
    Dependencies,
    DependencyAdded,
    Dependent,
    ExecutionOrder,
    Prerequisite,
)
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import blueprints
from ltmc.storage.tables.blueprints import BLOCKING, Blueprint, Dependency
from ltmc.timestamps import now


@dataclass(frozen=True, slots=True)
class Task:
    """A blueprint to be ordered; see `ltmc.features.blueprints.ordering.Work`."""

    priority_score: float
    created_at: str
    minutes: int

    @classmethod
    def of(cls, row: Blueprint, minutes: int) -> "Task":
        """Return a blueprint with what is left of its minutes."""
        return cls(row.priority_score, row.created_at, 0 if row.status == "completed" else minutes)


def own_minutes(rows: Mapping[str, Blueprint]) -> list[int]:
    """Return the minutes of each of the blueprints less those of its parts among them."""
    parts: dict[str | None, int] = defaultdict(int)
    for row in rows.values():
        parts[row.parent_id] += row.estimated_duration_minutes
    return [max(0, row.estimated_duration_minutes - parts[row.blueprint_id]) for row in rows.values()]


def _with_parts(edges: Sequence[Edge], rows: Mapping[str, Blueprint]) -> list[Edge]:
    """Return the edges, and those from each parent to its parts, unless some part waits for its parent."""
    implied = [
        Edge(row.parent_id, one) for one, row in rows.items() if row.parent_id and row.parent_id in rows
    ]
    whole = [*edges, *implied]
    graph: TopologicalSorter[str] = TopologicalSorter()
    for edge in whole:
        graph.add(edge.dependent, edge.prerequisite)
    try:
        graph.prepare()
    except CycleError:
        return list(edges)
    return whole


class DependencyService:
    """Dependencies of blueprints inside a project."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(
        self,
        dependent_id: str,
        prerequisite_id: str,
        kind: str | None,
        *,
        critical: bool | None,
        project_id: str | None,
    ) -> DependencyAdded:
        """Have one blueprint wait for another; of a known pair what is given changes.

        Raises:
            LtmcError: CYCLE_DETECTED with the path; INVALID_ARGUMENT for itself, a relative above or below,
                or another project.
        """
        async with self._engine.write() as tx:
            dependent = await require(tx, dependent_id, project_id, "dependent_blueprint_id")
            prerequisite = await require(tx, prerequisite_id, project_id, "prerequisite_blueprint_id")
            field, project = "prerequisite_blueprint_id", dependent.project_id
            if dependent_id == prerequisite_id:
                raise invalid(field, prerequisite_id, "another blueprint than dependent_blueprint_id")
            if prerequisite.project_id != project:
                raise invalid(field, prerequisite_id, f"a blueprint of the same project ({project})")
            above_dependent = await blueprints.ancestors(tx, dependent_id)
            above_prerequisite = await blueprints.ancestors(tx, prerequisite_id)
            if prerequisite_id in above_dependent or dependent_id in above_prerequisite:
                raise invalid(field, prerequisite_id, "no blueprint above or below the dependent one")
            known = await blueprints.dependency(tx, dependent_id, prerequisite_id)
            edges = _as_edges(await blueprints.dependencies(tx, project))
            back = path_between(edges, prerequisite_id, dependent_id)
            if back is not None:
                raise cycle_detected(field, [dependent_id, *back])
            if kind is None:
                kind = known.dependency_type if known else BLOCKING
            if critical is None:
                critical = known is not None and known.is_critical
            await depend(tx, project, dependent_id, prerequisite_id, kind, critical, now())
        return {
            "dependent_blueprint_id": dependent_id,
            "prerequisite_blueprint_id": prerequisite_id,
            "dependency_type": kind,
            "is_critical": critical,
            "created": known is None,
            "updated": known is not None and (known.dependency_type, known.is_critical) != (kind, critical),
        }

    async def of(
        self, blueprint_id: str, *, include_transitive: bool, project_id: str | None
    ) -> Dependencies:
        """List what a blueprint waits for and what waits for it, and say whether it can begin."""
        async with self._engine.read() as tx:
            row = await require(tx, blueprint_id, project_id)
            stored = await blueprints.dependencies(tx, row.project_id)
            edges = _as_edges(stored)
            needs = reach(edges, [blueprint_id], backwards=False, deep=include_transitive)
            needed_by = reach(edges, [blueprint_id], backwards=True, deep=include_transitive)
            found = await blueprints.many(tx, [*needs, *needed_by])
        critical = {
            (edge.dependent_blueprint_id, edge.prerequisite_blueprint_id): edge.is_critical for edge in stored
        }
        prerequisites: list[Prerequisite] = [
            {
                "prerequisite_blueprint_id": other,
                "title": found[other].title,
                "status": found[other].status,
                "dependency_type": edge.kind,
                "is_critical": critical[edge.dependent, edge.prerequisite],
                "depth": depth,
                "satisfied": satisfied(edge.kind, found[other].status),
            }
            for other, (depth, edge) in needs.items()
        ]
        dependents: list[Dependent] = [
            {
                "dependent_blueprint_id": other,
                "title": found[other].title,
                "status": found[other].status,
                "dependency_type": edge.kind,
                "is_critical": critical[edge.dependent, edge.prerequisite],
                "depth": depth,
            }
            for other, (depth, edge) in needed_by.items()
        ]
        blocking = [
            other
            for other, (depth, edge) in needs.items()
            if depth == 1 and not satisfied(edge.kind, found[other].status)
        ]
        return {
            "blueprint_id": blueprint_id,
            "dependencies": prerequisites,
            "dependents": dependents,
            "ready": not blocking,
            "blocking_open": blocking,
        }

    async def execution_order(
        self, blueprint_ids: Sequence[str], *, include_prerequisites: bool, project_id: str | None
    ) -> ExecutionOrder:
        """Order blueprints, with what can go side by side and the chain that takes longest.

        Raises:
            LtmcError: NOT_FOUND with all unknown ids; CYCLE_DETECTED with the path.
        """
        wanted = list(dict.fromkeys(blueprint_ids))
        async with self._engine.read() as tx:
            project = await self._project_of(tx, wanted, project_id)
            edges = _as_edges(await blueprints.dependencies(tx, project))
            if include_prerequisites:
                wanted += reach(edges, wanted, backwards=False, deep=True)
            inside = set(wanted)
            needed = [edge.prerequisite for edge in edges if edge.dependent in inside]
            found = await blueprints.many(tx, [*wanted, *needed])
        chosen = {one: found[one] for one in wanted if found[one].status != "cancelled"}
        live = {
            one: Task.of(row, left)
            for (one, row), left in zip(chosen.items(), own_minutes(chosen), strict=True)
        }
        inner = [edge for edge in edges if edge.dependent in live and edge.prerequisite in live]
        ordered = order(live, _with_parts(inner, chosen))
        outside: dict[str, list[str]] = {}
        for edge in edges:
            if edge.dependent in live and edge.prerequisite not in inside:
                outside.setdefault(edge.prerequisite, []).append(edge.dependent)
        return {
            "execution_order": ordered.linear,
            "titles": {one: found[one].title for one in [*wanted, *outside]},
            "parallel_groups": ordered.groups,
            "critical_path": ordered.critical_path,
            "critical_path_minutes": ordered.critical_minutes,
            "total_minutes": ordered.total_minutes,
            "external_prerequisites": [
                {"id": one, "required_by": by, "status": found[one].status} for one, by in outside.items()
            ],
            "already_completed": [one for one in ordered.linear if found[one].status == "completed"],
            "skipped": [one for one in wanted if one not in live],
        }

    async def _project_of(self, tx: Transaction, wanted: Sequence[str], project_id: str | None) -> str:
        """Return the project of blueprints, which must all belong to one."""
        found = await blueprints.many(tx, wanted)
        first = next(iter(found.values()), None)
        project = project_id if project_id is not None else first and first.project_id
        missing = [one for one in wanted if one not in found or found[one].project_id != project]
        if missing:
            raise LtmcError(
                ErrorCode.NOT_FOUND,
                f"blueprint_ids: no blueprints {', '.join(missing)} in project {project or 'default'}.",
                field="blueprint_ids",
                details={"missing": missing},
            )
        return str(project)


def _as_edges(rows: Sequence[Dependency]) -> list[Edge]:
    return [
        Edge(row.dependent_blueprint_id, row.prerequisite_blueprint_id, row.dependency_type) for row in rows
    ]
