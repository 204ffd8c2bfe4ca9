"""Storing blueprints, each with its node and edges in the graph, and its entry in the index."""

import secrets
from collections.abc import Collection, Sequence
from typing import Any

from ltmc.features.blueprints.complexity import MIDPOINTS, MINUTES, score
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import blueprint_code, blueprints, graph, trash
from ltmc.storage.tables.blueprints import Blueprint
from ltmc.timestamps import now

SEARCHED = {"title", "description", "tags"}
"""The columns that a search looks at."""


def complexity_columns(
    title: str, description: str, skills: Sequence[str], label: str | None
) -> dict[str, Any]:
    """Return the columns on complexity; a label given by hand keeps the computed score among the factors."""
    scored = score(title, description, skills)
    computed = {"complexity": scored.complexity, "complexity_score": scored.complexity_score}
    if label is None:
        return {**computed, "complexity_source": "auto", "complexity_factors": scored.factors}
    return {
        "complexity": label,
        "complexity_score": MIDPOINTS[label],
        "complexity_source": "manual",
        "complexity_factors": {**scored.factors, "auto": computed},
    }


def draft(project: str, values: dict[str, Any]) -> Blueprint:
    """Return a new blueprint, to be stored by `insert`.

    Args:
        values: what differs from a plain draft task; without a duration that of its complexity is taken.
    """
    moment = now()
    columns: dict[str, Any] = {
        "id": 0,
        "blueprint_id": f"bp_{secrets.token_hex(6)}",
        "project_id": project,
        "kind": "task",
        "parent_id": None,
        "required_skills": [],
        "priority_score": 0.5,
        "tags": [],
        "resource_requirements": {},
        "status": "draft",
        "decomposition_strategy": None,
        "created_at": moment,
        "updated_at": moment,
        "completed_at": None,
        **values,
    }
    if columns.get("estimated_duration_minutes") is None:
        columns["estimated_duration_minutes"] = MINUTES[columns["complexity"]]
    return Blueprint(**columns)


async def insert(tx: Transaction, row: Blueprint, ready: index.Prepared) -> Blueprint:
    """Store a draft with its graph node and index entry; it comes back with its id.

    Args:
        ready: see `ltmc.search.index.add`.
    """
    row = await blueprints.insert(tx, row)
    await index.add(tx, BLUEPRINT, [row], ready)
    project, node, moment = row.project_id, row.blueprint_id, row.created_at
    await graph.insert_node(tx, project, node, "blueprint", node, row.title, moment)
    if row.parent_id is not None:
        await link(tx, project, node, row.parent_id, "subtask_of", moment)
    return row


async def delete(
    tx: Transaction, root: Blueprint, family: Collection[Blueprint], forgetting: trash.Forgetting
) -> int:
    """Delete a blueprint and its family (itself and all below it); return how many edges went with them.

    All of it is kept in the trash, with the assignments as they are, so that an undo brings it back.
    """
    await index.remove(tx, BLUEPRINT, [row.id for row in family])
    gone = sorted(row.blueprint_id for row in family)
    await trash.keep(tx, forgetting, "blueprint", gone, delete=False)
    nodes = [*gone, *await blueprint_code.node_ids(tx, gone)]
    edges = await graph.remove_nodes(tx, root.project_id, nodes)
    await blueprints.delete(tx, root.blueprint_id)
    return edges


async def depend(
    tx: Transaction, project: str, dependent: str, prerequisite: str, kind: str, critical: bool, moment: str
) -> None:
    """Store a dependency with its edge in the graph."""
    await blueprints.upsert_dependency(tx, dependent, prerequisite, kind, critical, moment)
    await link(tx, project, dependent, prerequisite, "depends_on", moment, {"dependency_type": kind})


async def link(
    tx: Transaction,
    project: str,
    source: str,
    target: str,
    relation: str,
    moment: str,
    properties: dict[str, Any] | None = None,
) -> None:
    """Store an edge of the graph that LTMC keeps up to date."""
    await graph.upsert_edge(
        tx,
        project,
        source,
        target,
        relation,
        auto=True,
        properties=properties,
        moment=moment,
    )


async def rename(tx: Transaction, row: Blueprint, title: str, moment: str) -> None:
    """Give a blueprint another title."""
    await reindex(tx, row, row._replace(title=title), {})
    await blueprints.update(tx, row.blueprint_id, {"title": title}, moment)
    await graph.relabel(tx, row.project_id, row.blueprint_id, title)


async def reindex(tx: Transaction, old: Blueprint, new: Blueprint, ready: index.Prepared) -> None:
    """Have the index follow a change."""
    if any(getattr(old, name) != getattr(new, name) for name in SEARCHED):
        await index.add(tx, BLUEPRINT, [new], ready)
