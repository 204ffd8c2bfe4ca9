"""What waits for what among blueprints, in which order they are done, and how one is cut into parts."""

from collections.abc import Sequence
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.blueprints import decomposition as blueprint_parts
from ltmc.features.blueprints.lifecycle import BLOCKING, RESOURCE, ids, require
from ltmc.features.blueprints.ordering import Edge, cycle_detected, order, path_between, reach
from ltmc.features.blueprints.repository import complexity_columns, depend, insert
from ltmc.features.code_structure import structure as blueprint_structure
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT
from ltmc.storage.engine import Engine, Row, Transaction
from ltmc.storage.tables import blueprints, graph, team
from ltmc.timestamps import now

AUTO = "auto"
"""The strategy that takes what fits."""
DECOMPOSE_SCORE, DECOMPOSE_MINUTES = 0.7, 240
"""A task of at least this score or of more than these minutes should be cut into parts."""

MAX_DEPTH = 3


class BlueprintPlanning:
    """The part of `BlueprintService` that plans."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    async def add_dependency(
        self, dependent_id: str, prerequisite_id: str, kind: str, *, critical: bool, project_id: str | None
    ) -> dict[str, Any]:
        """Have one blueprint wait for another; a known pair gets the new type.

        Raises:
            LtmcError: CYCLE_DETECTED with the path; INVALID_ARGUMENT for itself, a relative above or below,
                or another project.
        """
        moment = now()
        async with self._database.write() as tx:
            dependent = await require(tx, dependent_id, project_id, "dependent_blueprint_id")
            prerequisite = await require(tx, prerequisite_id, project_id, "prerequisite_blueprint_id")
            field, project = "prerequisite_blueprint_id", dependent["project_id"]
            if dependent_id == prerequisite_id:
                raise invalid(field, prerequisite_id, "another blueprint than dependent_blueprint_id")
            if prerequisite["project_id"] != project:
                raise invalid(field, prerequisite_id, f"a blueprint of the same project ({project})")
            above = [await blueprints.ancestors(tx, one) for one in (dependent_id, prerequisite_id)]
            if prerequisite_id in above[0] or dependent_id in above[1]:
                raise invalid(field, prerequisite_id, "no blueprint above or below the dependent one")
            known = await blueprints.dependency(tx, dependent_id, prerequisite_id)
            back = path_between(await _edges(tx, project), prerequisite_id, dependent_id)
            if back is not None:
                raise cycle_detected(field, [dependent_id, *back])
            await depend(tx, project, dependent_id, prerequisite_id, kind, critical, moment)
        return {
            "dependent_blueprint_id": dependent_id,
            "prerequisite_blueprint_id": prerequisite_id,
            "dependency_type": kind,
            "is_critical": critical,
            "created": known is None,
            "updated": known is not None
            and (known["dependency_type"], bool(known["is_critical"])) != (kind, critical),
        }

    async def remove_dependency(self, dependent_id: str, prerequisite_id: str) -> bool:
        """Have one blueprint no longer wait for another; whether it did."""
        async with self._database.write() as tx:
            known = await blueprints.dependency(tx, dependent_id, prerequisite_id)
            if known is not None:
                row = await require(tx, dependent_id, None)
                await blueprints.delete_dependency(tx, dependent_id, prerequisite_id)
                await graph.remove_edge(tx, row["project_id"], dependent_id, prerequisite_id, "depends_on")
        return known is not None

    async def dependencies(
        self, blueprint_id: str, *, include_transitive: bool, project_id: str | None
    ) -> dict[str, Any]:
        """What a blueprint waits for, what waits for it, and whether it can begin."""
        async with self._database.read() as tx:
            row = await require(tx, blueprint_id, project_id)
            stored = await blueprints.dependencies(tx, row["project_id"])
            edges = _as_edges(stored)
            needs = reach(edges, blueprint_id, backwards=False, deep=include_transitive)
            needed_by = reach(edges, blueprint_id, backwards=True, deep=include_transitive)
            found = await blueprints.many(tx, [*needs, *needed_by])
        critical = {
            (edge["dependent_blueprint_id"], edge["prerequisite_blueprint_id"]): bool(edge["is_critical"])
            for edge in stored
        }

        def listed(name: str, one: str, depth: int, edge: Edge) -> dict[str, Any]:
            return {
                name: one,
                "title": found[one]["title"],
                "status": found[one]["status"],
                "dependency_type": edge.kind,
                "is_critical": critical[edge.dependent, edge.prerequisite],
                "depth": depth,
            }

        holding = [
            one
            for one, (depth, edge) in needs.items()
            if depth == 1 and not _satisfied(edge.kind, found[one]["status"])
        ]
        return {
            "blueprint_id": blueprint_id,
            "dependencies": [
                {
                    **listed("prerequisite_blueprint_id", one, depth, edge),
                    "satisfied": _satisfied(edge.kind, found[one]["status"]),
                }
                for one, (depth, edge) in needs.items()
            ],
            "dependents": [
                listed("dependent_blueprint_id", one, depth, edge) for one, (depth, edge) in needed_by.items()
            ],
            "ready": not holding,
            "blocking_open": holding,
        }

    async def execution_order(
        self, blueprint_ids: Sequence[str], *, include_prerequisites: bool, project_id: str | None
    ) -> dict[str, Any]:
        """In which order to do blueprints, what can go side by side, and the chain that takes longest.

        Raises:
            LtmcError: NOT_FOUND with all unknown ids; CYCLE_DETECTED with the path.
        """
        wanted = list(dict.fromkeys(blueprint_ids))
        async with self._database.read() as tx:
            found = await blueprints.many(tx, wanted)
            project = (
                project_id if project_id is not None else next(iter(found.values()), {}).get("project_id")
            )
            missing = [one for one in wanted if one not in found or found[one]["project_id"] != project]
            if missing:
                raise LtmcError(
                    ErrorCode.NOT_FOUND,
                    f"blueprint_ids: no blueprints {', '.join(missing)} in project {project or 'default'}.",
                    field="blueprint_ids",
                    details={"missing": missing},
                )
            edges = await _edges(tx, str(project))
            if include_prerequisites:
                for one in list(wanted):
                    wanted += reach(edges, one, backwards=False, deep=True)
                wanted = list(dict.fromkeys(wanted))
            needed = [edge.prerequisite for edge in edges if edge.dependent in set(wanted)]
            found = await blueprints.many(tx, [*wanted, *needed])
        live = {
            one: found[one]
            | {
                "minutes": 0
                if found[one]["status"] == "completed"
                else found[one]["estimated_duration_minutes"]
            }
            for one in wanted
            if found[one]["status"] != "cancelled"
        }
        inner = [edge for edge in edges if edge.dependent in live and edge.prerequisite in live]
        ordered = order(live, inner)
        outside: dict[str, list[str]] = {}
        for edge in edges:
            if edge.dependent in live and edge.prerequisite not in live and edge.prerequisite not in wanted:
                outside.setdefault(edge.prerequisite, []).append(edge.dependent)
        return {
            "execution_order": ordered.linear,
            "parallel_groups": ordered.groups,
            "critical_path": ordered.critical_path,
            "critical_path_minutes": ordered.critical_minutes,
            "total_minutes": ordered.total_minutes,
            "external_prerequisites": [
                {"id": one, "required_by": by, "status": found[one]["status"]} for one, by in outside.items()
            ],
            "already_completed": [one for one in ordered.linear if live[one]["status"] == "completed"],
            "skipped": [one for one in wanted if one not in live],
        }

    async def decompose(
        self,
        blueprint_id: str,
        *,
        strategy: str,
        template: str | None,
        max_subtasks: int,
        target_duration_minutes: int,
        force: bool,
        replace: bool,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Cut a task into child blueprints whose minutes sum to its own.

        Raises:
            LtmcError: CONFLICT when it has children already and `replace` is not set, is not open, or
                stands too deep; INVALID_ARGUMENT for an unknown template.
        """
        moment = now()
        async with self._database.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            if row["status"] not in ("draft", "active"):
                raise _conflict("blueprint_id", f"a {row['status']} blueprint is not decomposed")
            if len(await blueprints.ancestors(tx, blueprint_id)) >= MAX_DEPTH:
                raise _conflict("blueprint_id", f"it stands {MAX_DEPTH} levels deep, which is the most")
            children = await blueprints.children(tx, blueprint_id)
            if children and not replace:
                raise _conflict("replace", f"it has {len(children)} subtasks; set replace to make new ones")
            minutes = row["estimated_duration_minutes"]
            needed = needs_parts(row["complexity_score"], minutes)
            used, parts = _cut(row, strategy, template)
            result = {"blueprint_id": blueprint_id, "requires_decomposition": needed, "strategy_used": used}
            if not needed and not force:
                return {
                    **result,
                    "strategy_used": None,
                    "subtasks": [],
                    "parallel_minutes": minutes,
                    "sequential_minutes": minutes,
                }
            for child in children:
                await self._delete_child(tx, child)
            planned = blueprint_parts.plan(
                parts,
                minutes,
                most=max_subtasks,
                target=target_duration_minutes,
                skills=row["required_skills"],
            )
            made = [await _insert_part(tx, row, part) for part in planned]
            edges: list[Edge] = []
            for child, part in zip(made, planned, strict=True):
                for one in part.after:
                    edges.append(Edge(child["blueprint_id"], made[one]["blueprint_id"]))
                    await depend(
                        tx,
                        row["project_id"],
                        child["blueprint_id"],
                        made[one]["blueprint_id"],
                        BLOCKING,
                        False,
                        moment,
                    )
            await blueprints.update(tx, blueprint_id, {"decomposition_strategy": used}, moment)
        timed = {
            child["blueprint_id"]: child | {"minutes": child["estimated_duration_minutes"]} for child in made
        }
        ordered = order(timed, edges)
        keys = (
            "blueprint_id title description complexity complexity_score estimated_duration_minutes required_skills"
        ).split()
        return {
            **result,
            "subtasks": [
                {
                    **{key: child[key] for key in keys},
                    "depends_on": [made[one]["blueprint_id"] for one in part.after],
                }
                for child, part in zip(made, planned, strict=True)
            ],
            "parallel_minutes": ordered.critical_minutes,
            "sequential_minutes": ordered.total_minutes,
        }

    async def _delete_child(self, tx: Transaction, child: Row) -> None:
        family = await blueprints.family(tx, child["blueprint_id"])
        gone = set(ids(family))
        for one in await team.assignments(tx, child["project_id"], open_only=True):
            if one["blueprint_id"] in gone:
                raise _conflict("replace", f"the subtask {one['blueprint_id']} has an open assignment")
        await index.remove(tx, BLUEPRINT, [one["id"] for one in family])
        await graph.remove_nodes(tx, child["project_id"], await blueprint_structure.node_ids(tx, gone))
        await blueprints.delete(tx, child["blueprint_id"])


async def _insert_part(tx: Transaction, parent: Row, part: blueprint_parts.Part) -> Row:
    scored = complexity_columns(part.title, part.description, part.skills, None)
    return await insert(
        tx,
        parent["project_id"],
        {
            "parent_id": parent["blueprint_id"],
            "title": part.title,
            "description": part.description,
            "required_skills": part.skills,
            "priority_score": parent["priority_score"],
            "tags": parent["tags"],
            "estimated_duration_minutes": part.minutes,
            **scored,
        },
    )


def _cut(row: Row, strategy: str, template: str | None) -> tuple[str, list[blueprint_parts.Part]]:
    """The strategy that fits and its parts; one that finds no parts gives way to the phases of a template."""
    title, description = row["title"], row["description"]
    if template is None and strategy in (AUTO, "feature_based"):
        parts = blueprint_parts.from_description(description)
        if parts:
            return "feature_based", parts
    if template is None and strategy == "skill_based":
        parts = blueprint_parts.from_skills(title, row["required_skills"])
        if parts:
            return strategy, parts
    layered = strategy == "layer_based" and template is None
    chosen = blueprint_parts.choose_template(
        title, description, blueprint_parts.LAYERS if layered else template
    )
    return "layer_based" if layered else "phase_based", blueprint_parts.from_template(chosen, title)


def needs_parts(complexity_score: float, minutes: int) -> bool:
    """Whether a task is so complex or long that it should be cut."""
    return complexity_score >= DECOMPOSE_SCORE or minutes > DECOMPOSE_MINUTES


def _satisfied(kind: str, status: str) -> bool:
    """Whether a prerequisite of this status lets its dependents begin."""
    if kind == BLOCKING:
        return status == "completed"
    return status != "active" if kind == RESOURCE else True


async def _edges(tx: Transaction, project: str) -> list[Edge]:
    return _as_edges(await blueprints.dependencies(tx, project))


def _as_edges(rows: Sequence[Row]) -> list[Edge]:
    return [
        Edge(row["dependent_blueprint_id"], row["prerequisite_blueprint_id"], row["dependency_type"])
        for row in rows
    ]


def _conflict(field: str, why: str) -> LtmcError:
    return LtmcError(ErrorCode.CONFLICT, f"{field}: {why}.", field=field, details={"reason": why})
