"""Blueprints: tasks and code structures, with their lifecycle, dependencies and parts."""

from collections.abc import Sequence
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.blueprints.complexity import (
    MIDPOINTS,
    MINUTES,
    label_rank,
    reasoning,
    score,
    suggested_skills,
)
from ltmc.features.blueprints.dependencies import BlueprintPlanning, needs_parts
from ltmc.features.blueprints.lifecycle import BLOCKING, ids, require, shown, transition
from ltmc.features.blueprints.repository import complexity_columns, insert, reindex
from ltmc.features.code_structure import relationships as blueprint_relationships
from ltmc.features.code_structure import structure as blueprint_structure
from ltmc.features.code_structure.rendering import render
from ltmc.features.measures import percentile
from ltmc.features.performance import taskmaster as blueprint_figures
from ltmc.features.projects.service import ProjectService
from ltmc.files.guard import PathGuard
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT
from ltmc.search.vectors import cosine
from ltmc.storage.engine import Engine, Row, Transaction
from ltmc.storage.tables import blueprints, graph, team
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import project_of

SIMILAR, SIMILAR_COUNT = 0.2, 5
"""Texts count as similar from this cosine on; so many similar completed tasks make an estimate."""


class BlueprintService(BlueprintPlanning):
    """Everything about blueprints; each method is one transaction."""

    def __init__(self, database: Engine, projects: ProjectService) -> None:
        super().__init__(database)
        self._projects = projects

    async def create(
        self,
        *,
        title: str,
        description: str,
        complexity: str | None,
        estimated_duration_minutes: int | None,
        required_skills: Sequence[str],
        priority_score: float,
        tags: Sequence[str],
        resource_requirements: dict[str, Any],
        project_id: str | None,
    ) -> dict[str, Any]:
        """Store a draft; its complexity is computed unless given, and so is its duration."""
        project = project_of(project_id)
        async with self._database.write(project) as tx:
            row = await insert(
                tx,
                project,
                {
                    "title": title,
                    "description": description,
                    "required_skills": list(required_skills),
                    "priority_score": priority_score,
                    "tags": list(tags),
                    "resource_requirements": resource_requirements,
                    "estimated_duration_minutes": estimated_duration_minutes,
                    **complexity_columns(title, description, required_skills, complexity),
                },
            )
        return shown(row)

    async def get(self, blueprint_id: str, project_id: str | None) -> dict[str, Any]:
        """A blueprint with its history, parts, files and assignments."""
        async with self._database.read() as tx:
            row = await require(tx, blueprint_id, project_id)
            return {
                **shown(row),
                "children": ids(await blueprints.children(tx, blueprint_id)),
                "files": await blueprint_structure.files(tx, blueprint_id),
                "assignments": [
                    {
                        key: assignment[key]
                        for key in ("assignment_id", "member_id", "status", "progress_percentage")
                    }
                    for assignment in await team.of_blueprint(tx, blueprint_id)
                ],
                "history": await blueprints.history(tx, blueprint_id),
            }

    async def update(
        self, blueprint_id: str, changes: dict[str, Any], project_id: str | None
    ) -> dict[str, Any]:
        """Change the given fields; text or skills score the task anew unless its label was given by hand.

        Raises:
            LtmcError: INVALID_ARGUMENT when nothing is given; CONFLICT from the lifecycle.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if not given:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"Nothing to change; give at least one of: {', '.join(changes)}.",
                details={"accepted": list(changes)},
            )
        moment = now()
        status = given.pop("status", None)
        label = given.pop("complexity", None)
        async with self._database.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            given |= _rescored(row, given, label)
            changed = {name: value for name, value in given.items() if row[name] != value}
            if changed:
                await reindex(tx, row, row | changed)
                await blueprints.update(tx, blueprint_id, changed, moment)
                rows = [(name, row[name], value) for name, value in changed.items()]
                await blueprints.insert_history(tx, blueprint_id, rows, moment)
            if "title" in changed:
                await graph.relabel(tx, row["project_id"], blueprint_id, changed["title"])
            fields = list(changed)
            if status is not None and status != row["status"]:
                await transition(tx, row, status, moment)
                fields.append("status")
            updated = await require(tx, blueprint_id, None)
        return {**shown(updated), "changed_fields": fields}

    async def transition(
        self, blueprint_id: str, status: str, project_id: str | None = None
    ) -> dict[str, Any]:
        """Change the status alone."""
        return await self.update(blueprint_id, {"status": status}, project_id)

    async def page(
        self,
        *,
        project_id: str | None,
        min_complexity: str | None,
        max_complexity: str | None,
        tags: Sequence[str],
        status: str | None,
        kind: str | None,
        parent_id: str | None,
        limit: int,
        offset: int,
    ) -> dict[str, Any]:
        """A page of blueprints, the highest priority first."""
        low = 0 if min_complexity is None else label_rank(min_complexity)
        high = len(MIDPOINTS) - 1 if max_complexity is None else label_rank(max_complexity)
        if low > high:
            raise invalid("min_complexity", min_complexity, f"at most max_complexity ({max_complexity})")
        where: dict[str, Sequence[str]] = {"project": [project_of(project_id)]}
        if low > 0 or high < len(MIDPOINTS) - 1:
            where["complexity"] = list(MIDPOINTS)[low : high + 1]
        if tags:
            where["tags_any"] = tags
        for name, value in (("status", status), ("kind", kind), ("parent_id", parent_id)):
            if value is not None:
                where[name] = [value]
        async with self._database.read() as tx:
            rows, total = await blueprints.page(tx, where, limit, offset)
        return {
            "blueprints": [shown(row) for row in rows],
            **page_counts(rows, total, offset),
        }

    async def delete(self, blueprint_id: str, *, force: bool, project_id: str | None) -> dict[str, Any]:
        """Delete a blueprint with its parts; open assignments are cancelled if `force`, never erased.

        Raises:
            LtmcError: CONFLICT when assignments are open and `force` is not set.
        """
        moment = now()
        async with self._database.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            family = await blueprints.family(tx, blueprint_id)
            gone = set(ids(family))
            project = row["project_id"]
            is_open = [
                one
                for one in await team.assignments(tx, project, open_only=True)
                if one["blueprint_id"] in gone
            ]
            if is_open and not force:
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"blueprint_id: {len(is_open)} assignments are open; finish them, or set force to cancel "
                    "them.",
                    field="blueprint_id",
                    details={"open_assignments": [one["assignment_id"] for one in is_open]},
                )
            for one in is_open:
                await team.update_assignment(
                    tx,
                    one["assignment_id"],
                    {"status": "cancelled", "updated_at": moment, "completed_at": moment},
                )
            edges = await blueprints.dependencies(tx, project)
            touching = [
                edge
                for edge in edges
                if {edge["dependent_blueprint_id"], edge["prerequisite_blueprint_id"]} & gone
            ]
            needed = [edge["prerequisite_blueprint_id"] for edge in edges]
            done = {
                one
                for one, row in (await blueprints.many(tx, needed)).items()
                if row["status"] == "completed"
            }
            freed = _unblocked(edges, gone, done)
            await index.remove(tx, BLUEPRINT, [one["id"] for one in family])
            links = await graph.remove_nodes(tx, project, await blueprint_structure.node_ids(tx, gone))
            await blueprints.delete(tx, blueprint_id)
            statuses = await blueprints.many(tx, freed)
        return {
            "blueprint_id": blueprint_id,
            "deleted": True,
            "removed": {
                "subtasks": len(family) - 1,
                "dependencies": len(touching),
                "assignments": len(is_open),
                "links": links,
            },
            "unblocked": [one for one in freed if statuses[one]["status"] in ("draft", "active")],
        }

    async def score_complexity(
        self, title: str, description: str, skills: Sequence[str], project_id: str | None
    ) -> dict[str, Any]:
        """How complex a task is, how long such tasks took, and which are like it; stores nothing."""
        scored = score(title, description, skills)
        async with self._database.read() as tx:
            similar = await _similar(tx, project_of(project_id), title, description)
            done = [row for row, _ in similar if row["status"] == "completed"]
            hours = await blueprint_figures.actual_hours(tx, ids(done))
        taken = [value * 60 for value in hours.values()]
        median = MINUTES[scored["complexity"]]
        longer = [minutes for minutes in MINUTES.values() if minutes > median]
        estimate: dict[str, Any] = {
            "p50": median,
            "p90": longer[0] if longer else 2 * median,
            "basis": "label",
        }
        if len(taken) >= SIMILAR_COUNT:
            estimate = {"p50": percentile(taken, 50), "p90": percentile(taken, 90), "basis": "history"}
        return {
            "complexity": scored["complexity"],
            "complexity_score": scored["complexity_score"],
            "factors": scored["factors"],
            "reasoning": reasoning(scored),
            "estimated_duration_minutes": estimate,
            "suggested_skills": suggested_skills(scored, skills),
            "recommend_decomposition": needs_parts(scored["complexity_score"], median),
            "similar_blueprints": [
                {
                    "blueprint_id": row["blueprint_id"],
                    "title": row["title"],
                    "status": row["status"],
                    "complexity": row["complexity"],
                    "similarity": alike,
                }
                for row, alike in similar[:SIMILAR_COUNT]
            ],
        }

    async def required_skills(self, blueprint_id: str, *, recursive: bool) -> dict[str, int]:
        """The skills that a blueprint (and all below it) requires, with how many require each."""
        async with self._database.read() as tx:
            rows = await blueprints.family(tx, (await require(tx, blueprint_id, None))["blueprint_id"])
        counts: dict[str, int] = {}
        for row in rows if recursive else rows[:1]:
            for skill in row["required_skills"]:
                counts[skill] = counts.get(skill, 0) + 1
        return counts

    async def attach_code(
        self, file_path: str, *, title: str | None, project_id: str | None
    ) -> dict[str, Any]:
        """See `blueprint_structure.create_from_code`."""
        guard = await self._projects.guard(project_id)
        return await blueprint_structure.create_from_code(self._database, guard, file_path, title, project_id)

    async def update_code(
        self, blueprint_id: str, file_path: str, *, dry_run: bool, project_id: str | None
    ) -> dict[str, Any]:
        """See `blueprint_structure.update`."""
        guard = await self._guard(blueprint_id, project_id)
        return await blueprint_structure.update(
            self._database, guard, blueprint_id, file_path, dry_run=dry_run, project_id=project_id
        )

    async def compare_code(self, blueprint_id: str, file_path: str, project_id: str | None) -> dict[str, Any]:
        """See `blueprint_structure.validate`."""
        guard = await self._guard(blueprint_id, project_id)
        return await blueprint_structure.validate(self._database, guard, blueprint_id, file_path)

    async def _guard(self, blueprint_id: str, project_id: str | None) -> PathGuard:
        """The guard of the project that the blueprint belongs to."""
        async with self._database.read() as tx:
            row = await require(tx, blueprint_id, project_id)
        return await self._projects.guard(row["project_id"])

    async def relationships(
        self,
        node_id: str,
        *,
        types: Sequence[str] | None,
        max_depth: int,
        direction: str,
        limit: int,
        project_id: str | None,
    ) -> dict[str, Any]:
        """See `blueprint_relationships.relationships`."""
        return await blueprint_relationships.relationships(
            self._database,
            node_id,
            types=types,
            max_depth=max_depth,
            direction=direction,
            limit=limit,
            project_id=project_id,
        )

    async def render(
        self, blueprint_id: str, *, form: str, include_relationships: bool, project_id: str | None
    ) -> dict[str, Any]:
        """See `blueprint_rendering.render`."""
        async with self._database.read() as tx:
            row = await require(tx, blueprint_id, project_id)
            return await render(tx, row, form, include_relationships=include_relationships)

    async def statistics(self, project_id: str | None) -> dict[str, Any]:
        """Counts by status and complexity, and averages (None without blueprints)."""
        async with self._database.read() as tx:
            return await blueprint_figures.statistics(tx, project_of(project_id))

    async def taskmaster_metrics(self, time_range_days: int | None, project_id: str | None) -> dict[str, Any]:
        """See `blueprint_figures.taskmaster`."""
        return await blueprint_figures.taskmaster(self._database, time_range_days, project_id)


def _rescored(row: Row, given: dict[str, Any], label: str | None) -> dict[str, Any]:
    """The columns on complexity that follow from new text, new skills or a new label.

    Code is scored by its own measure when its blueprint is refreshed; of it only the label is set here.
    """
    if row["kind"] == "task":
        if label is None and not given.keys() & {"title", "description", "required_skills"}:
            return {}
        text = row | given
        kept = row["complexity"] if row["complexity_source"] == "manual" else None
        wanted = None if label == "AUTO" else label or kept
        return complexity_columns(text["title"], text["description"], text["required_skills"], wanted)
    factors = row["complexity_factors"]
    measured = factors.get("auto") or {key: row[key] for key in ("complexity", "complexity_score")}
    if label == "AUTO":
        plain = {name: value for name, value in factors.items() if name != "auto"}
        return {**measured, "complexity_source": "auto", "complexity_factors": plain}
    if label is None:
        return {}
    return {
        "complexity": label,
        "complexity_score": MIDPOINTS[label],
        "complexity_source": "manual",
        "complexity_factors": {**factors, "auto": measured},
    }


def _unblocked(edges: Sequence[Row], gone: set[str], done: set[str]) -> list[str]:
    """The blueprints that waited for what is gone and now wait for nothing that blocks."""
    waiting = {
        edge["dependent_blueprint_id"]: True
        for edge in edges
        if edge["prerequisite_blueprint_id"] in gone - done
        and edge["dependent_blueprint_id"] not in gone
        and edge["dependency_type"] == BLOCKING
    }
    still = {
        edge["dependent_blueprint_id"]
        for edge in edges
        if edge["prerequisite_blueprint_id"] not in gone | done and edge["dependency_type"] == BLOCKING
    }
    return [one for one in waiting if one not in still]


async def _similar(tx: Transaction, project: str, title: str, description: str) -> list[tuple[Row, float]]:
    """Stored tasks whose text is like this one, the most alike first."""
    text = f"{title} {description}"
    ranking = await index.search(tx, BLUEPRINT, text[:2000], project_id=project, limit=100)
    found = await index.originals(tx, BLUEPRINT, ranking.hits)
    rows = await blueprints.many(tx, [row.blueprint_id for row, _ in found])
    encode = index.model().encode
    own = encode(text)
    rated = [
        (row, round(cosine(own, encode(f"{row['title']} {row['description']}")), 4))
        for row in rows.values()
        if row["kind"] == "task"
    ]
    return sorted(
        (pair for pair in rated if pair[1] >= SIMILAR), key=lambda pair: (-pair[1], pair[0]["blueprint_id"])
    )
