"""Blueprints as they are stored: each with its node and edges in the graph, and its entry in the index."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ltmc.features.blueprints.complexity import MIDPOINTS, MINUTES, score
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT
from ltmc.storage.engine import Row, Transaction
from ltmc.storage.tables import blueprints, graph
from ltmc.storage.tables.blueprints import Blueprint
from ltmc.timestamps import now


def complexity_columns(
    title: str, description: str, skills: Sequence[str], label: str | None
) -> dict[str, Any]:
    """The columns on complexity; a label given by hand keeps the computed score among the factors."""
    scored = score(title, description, skills)
    factors = scored["factors"]
    if label is not None:
        factors = {
            **factors,
            "auto": {"complexity": scored["complexity"], "complexity_score": scored["complexity_score"]},
        }
    return {
        "complexity": label or scored["complexity"],
        "complexity_score": scored["complexity_score"] if label is None else MIDPOINTS[label],
        "complexity_source": "auto" if label is None else "manual",
        "complexity_factors": factors,
    }


async def insert(tx: Transaction, project: str, values: dict[str, Any]) -> Row:
    """Store a blueprint with its graph node and index entry; the row as stored.

    Args:
        values: what differs from a plain draft task; without a duration that of its complexity is taken.
    """
    moment = now()
    row: Row = {
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
    if row.get("estimated_duration_minutes") is None:
        row["estimated_duration_minutes"] = MINUTES[row["complexity"]]
    row["id"] = await blueprints.insert(tx, row)
    await index.add(tx, BLUEPRINT, [_as_original(row)])
    node = row["blueprint_id"]
    await graph.insert_node(tx, project, node, "blueprint", node, row["title"], moment)
    if row["parent_id"] is not None:
        await link(tx, project, node, row["parent_id"], "subtask_of", moment)
    return row


def _as_original(row: Row) -> Blueprint:
    return Blueprint(**{field.name: row[field.name] for field in fields(Blueprint)})


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
    """Have an edge in the graph that LTMC keeps up to date."""
    await graph.upsert_edge(
        tx,
        project,
        source,
        target,
        relation,
        weight=1.0,
        auto=True,
        properties=json.dumps(properties or {}),
        moment=moment,
    )


async def reindex(tx: Transaction, old: Row, new: Row) -> None:
    """Have the index follow a change."""
    if any(old[name] != new[name] for name in ("title", "description", "tags")):
        await index.add(tx, BLUEPRINT, [_as_original(new)])
