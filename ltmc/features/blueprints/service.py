"""Blueprints: tasks and code structures, made, read, changed, listed and deleted."""

from collections.abc import Sequence
from typing import Any, cast

from ltmc.errors import ErrorCode, LtmcError, invalid, nothing_to_change
from ltmc.features.blueprints.complexity import MIDPOINTS, label_rank
from ltmc.features.blueprints.estimates import expected_minutes
from ltmc.features.blueprints.lifecycle import ids, listed, require, shown, transition, wake
from ltmc.features.blueprints.readiness import now_ready, unblock
from ltmc.features.blueprints.repository import SEARCHED, complexity_columns, draft, insert, reindex
from ltmc.features.blueprints.repository import delete as delete_rows
from ltmc.features.blueprints.results import (
    AttachedFileView,
    BlueprintChanged,
    BlueprintDeleted,
    BlueprintDetails,
    BlueprintPage,
    BlueprintView,
)
from ltmc.features.projects.service import ProjectService
from ltmc.files.guard import PathGuard
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT, described
from ltmc.storage.engine import Engine
from ltmc.storage.tables import blueprint_code, blueprints, graph, team, trash
from ltmc.storage.tables.blueprints import BLOCKING, OPEN_STATUSES, Blueprint, Dependency
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import project_of, projects_read


class BlueprintService:
    """Blueprints: made, read, changed, listed and deleted; each method is one transaction."""

    def __init__(self, engine: Engine, projects: ProjectService) -> None:
        self._engine, self._projects = engine, projects

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
    ) -> BlueprintView:
        """Store a draft; its complexity is computed unless given, and so is its duration, by what such tasks took."""
        project = project_of(project_id)
        scored = complexity_columns(title, description, required_skills, complexity)
        minutes = estimated_duration_minutes
        if minutes is None:
            async with self._engine.read() as tx:
                minutes = await expected_minutes(tx, project, title, description, scored["complexity"])
        row = draft(
            project,
            {
                "title": title,
                "description": description,
                "required_skills": list(required_skills),
                "priority_score": priority_score,
                "tags": list(tags),
                "resource_requirements": resource_requirements,
                "estimated_duration_minutes": minutes,
                **scored,
            },
        )
        ready = await index.prepare(BLUEPRINT, [row])
        async with self._engine.write(project) as tx:
            row = await insert(tx, row, ready)
        return {**shown(row), **described(row.description)}

    async def get(self, blueprint_id: str, project_id: str | None) -> BlueprintDetails:
        """Return a blueprint with its history, parts, files and assignments."""
        async with self._engine.read() as tx:
            row = await require(tx, blueprint_id, project_id)
            return {
                **shown(row),
                "children": ids(await blueprints.children(tx, blueprint_id)),
                "files": [
                    cast("AttachedFileView", file._asdict())
                    for file in await blueprint_code.files(tx, blueprint_id)
                ],
                "assignments": [
                    {
                        "assignment_id": assignment.assignment_id,
                        "member_id": assignment.member_id,
                        "status": assignment.status,
                        "progress_percentage": assignment.progress_percentage,
                    }
                    for assignment in await team.of_blueprint(tx, blueprint_id)
                ],
                "history": await blueprints.history(tx, blueprint_id),
            }

    async def update(
        self, blueprint_id: str, changes: dict[str, Any], project_id: str | None
    ) -> BlueprintChanged:
        """Change the given fields; text or skills score the task anew unless its label was given by hand.

        Raises:
            LtmcError: INVALID_ARGUMENT when nothing is given; CONFLICT from the lifecycle.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if not given:
            raise nothing_to_change(changes)
        moment = now()
        status = given.pop("status", None)
        label = given.pop("complexity", None)
        ready: index.Prepared = {}
        released: list[Blueprint] = []
        if given.keys() & SEARCHED:
            async with self._engine.read() as tx:
                row = await require(tx, blueprint_id, project_id)
            ready = await index.prepare(BLUEPRINT, [row._replace(**given)])
        async with self._engine.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            given |= _rescored(row, given, label)
            changed = {name: value for name, value in given.items() if getattr(row, name) != value}
            if changed:
                await reindex(tx, row, row._replace(**changed), ready)
                await blueprints.update(tx, blueprint_id, changed, moment)
                rows = [(name, getattr(row, name), value) for name, value in changed.items()]
                await blueprints.insert_history(tx, blueprint_id, rows, moment)
            if "title" in changed:
                await graph.relabel(tx, row.project_id, blueprint_id, changed["title"])
            names = list(changed)
            if status is not None and status != row.status:
                released = await transition(tx, row, status, moment)
                names.append("status")
            updated = await require(tx, blueprint_id, row.project_id)
            ready_now = await now_ready(tx, released)
        answer: BlueprintChanged = {
            **shown(updated),
            **described(updated.description),
            "changed_fields": names,
            **ready_now,
        }
        if "complexity_factors" not in changed:
            del answer["complexity_factors"]
        return answer

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
    ) -> BlueprintPage:
        """Return a page of blueprints, the highest priority first."""
        low = 0 if min_complexity is None else label_rank(min_complexity)
        high = len(MIDPOINTS) - 1 if max_complexity is None else label_rank(max_complexity)
        if low > high:
            raise invalid("min_complexity", min_complexity, f"at most max_complexity ({max_complexity})")
        where: dict[str, Sequence[str]] = {"project": projects_read(project_id)}
        if low > 0 or high < len(MIDPOINTS) - 1:
            where["complexity"] = list(MIDPOINTS)[low : high + 1]
        if tags:
            where["tags_any"] = tags
        for name, value in (("status", status), ("kind", kind), ("parent_id", parent_id)):
            if value is not None:
                where[name] = [value]
        async with self._engine.read() as tx:
            rows, total = await blueprints.page(tx, where, limit, offset)
        return {
            "blueprints": [listed(row) for row in rows],
            **page_counts(rows, total, offset),
        }

    async def delete(self, blueprint_id: str, *, force: bool, project_id: str | None) -> BlueprintDeleted:
        """Delete a blueprint with its parts; open assignments are cancelled if `force`. All of it can be put back.

        Raises:
            LtmcError: CONFLICT when assignments are open and `force` is not set.
        """
        moment = now()
        async with self._engine.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            family = await blueprints.family(tx, blueprint_id)
            gone = set(ids(family))
            opened = [
                assignment.assignment_id
                for assignment in await team.assignments(tx, row.project_id, open_only=True)
                if assignment.blueprint_id in gone
            ]
            if opened and not force:
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"blueprint_id: {len(opened)} assignments are open; finish them, or set force to cancel "
                    "them.",
                    field="blueprint_id",
                    details={"open_assignments": opened},
                )
            edges = await blueprints.dependencies(tx, row.project_id)
            touching = [
                edge for edge in edges if {edge.dependent_blueprint_id, edge.prerequisite_blueprint_id} & gone
            ]
            needed = await blueprints.many(tx, [edge.prerequisite_blueprint_id for edge in edges])
            ended = {one for one, prerequisite in needed.items() if prerequisite.status not in OPEN_STATUSES}
            freed = _unblocked(edges, gone, ended)
            for one in freed:
                await unblock(tx, one, [edge for edge in edges if edge.dependent_blueprint_id == one], moment)
            forgetting = await trash.begin(tx, row.project_id, moment, {"blueprint": len(family)})
            links = await delete_rows(tx, row, family, forgetting)
            for assignment_id in opened:
                cancelled = {"status": "cancelled", "updated_at": moment, "completed_at": moment}
                await team.update_assignment(tx, assignment_id, cancelled)
            remaining = await blueprints.many(tx, freed)
            await wake(tx, freed, moment)
        return {
            "blueprint_id": blueprint_id,
            "deleted": True,
            "removed": {
                "subtasks": len(family) - 1,
                "dependencies": len(touching),
                "assignments": len(opened),
                "links": links,
            },
            "unblocked": [one for one in freed if remaining[one].status in OPEN_STATUSES],
            "undo": forgetting.token,
        }

    async def guard(self, project_id: str | None, blueprint_id: str | None = None) -> PathGuard:
        """Return the guard over the files of a project: of the one named, or of the blueprint's."""
        if blueprint_id is not None:
            async with self._engine.read() as tx:
                project_id = (await require(tx, blueprint_id, project_id)).project_id
        return await self._projects.guard(project_id)


def _rescored(row: Blueprint, given: dict[str, Any], label: str | None) -> dict[str, Any]:
    """Return the columns on complexity that follow from new text, new skills or a new label.

    Code is scored by its own measure when its blueprint is refreshed; of it only the label is set here.
    """
    if row.kind == "task":
        if label is None and not given.keys() & {"title", "description", "required_skills"}:
            return {}
        kept = row.complexity if row.complexity_source == "manual" else None
        return complexity_columns(
            given.get("title", row.title),
            given.get("description", row.description),
            given.get("required_skills", row.required_skills),
            None if label == "AUTO" else label or kept,
        )
    factors = row.complexity_factors
    measured = factors.get("auto") or {
        "complexity": row.complexity,
        "complexity_score": row.complexity_score,
    }
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


def _unblocked(edges: Sequence[Dependency], gone: set[str], ended: set[str]) -> list[str]:
    """Return the blueprints that waited for what is gone and now wait for nothing that blocks."""
    blocking = [edge for edge in edges if edge.dependency_type == BLOCKING]
    waited = [
        edge.dependent_blueprint_id
        for edge in blocking
        if edge.prerequisite_blueprint_id in gone - ended and edge.dependent_blueprint_id not in gone
    ]
    waiting = {
        edge.dependent_blueprint_id for edge in blocking if edge.prerequisite_blueprint_id not in gone | ended
    }
    return [one for one in dict.fromkeys(waited) if one not in waiting]
