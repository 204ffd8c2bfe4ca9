"""What hangs together with a blueprint or a symbol of its code, along the edges of the graph."""

from collections.abc import Sequence
from typing import Any

from ltmc.errors import invalid, not_found
from ltmc.storage.engine import Engine
from ltmc.storage.tables import blueprints, graph, team
from ltmc.tools.project_scope import project_of

RELATIONS = (
    "depends_on",
    "subtask_of",
    "implements",
    "belongs_to",
    "inherits",
    "calls",
    "imports",
    "assigned_to",
    "documents",
)
_SHOWN_KINDS = {"resource": "document"}


async def relationships(
    database: Engine,
    node_id: str,
    *,
    types: Sequence[str] | None,
    max_depth: int,
    direction: str,
    limit: int,
    project_id: str | None,
) -> dict[str, Any]:
    """What hangs together with a blueprint or symbol, breadth first, each edge once."""
    wanted = [one.strip().lower() for one in types] if types is not None else list(RELATIONS)
    unknown = [one for one in wanted if one not in RELATIONS]
    if unknown or not wanted:
        raise invalid("relationship_types", unknown, ", ".join(RELATIONS))
    async with database.read() as tx:
        project = project_id or await graph.project_of_node(tx, node_id) or project_of(None)
        if await graph.node(tx, project, node_id) is None:
            raise not_found("node_id", node_id, "node", "give the id of a blueprint or of a symbol")
        walked = await graph.walk(
            tx, project, [node_id], relations=wanted, direction=direction, max_depth=max_depth
        )
        kept = walked[:limit]
        order = list(
            dict.fromkeys(
                [node_id, *(end for row, _ in kept for end in (row["source_id"], row["target_id"]))]
            )
        )
        nodes = {row["node_id"]: row for row in await graph.nodes(tx, project, order)}
        statuses = {one: row["status"] for one, row in (await blueprints.many(tx, order)).items()}
        for one in order:
            if nodes[one]["kind"] == "assignment" and (assigned := await team.assignment(tx, one, project)):
                statuses[one] = assigned["status"]
    by_depth: dict[str, int] = {}
    for _, depth in kept:
        by_depth[str(depth)] = by_depth.get(str(depth), 0) + 1
    return {
        "node_id": node_id,
        "nodes": [
            {
                "id": one,
                "kind": _SHOWN_KINDS.get(nodes[one]["kind"], nodes[one]["kind"]),
                "label": nodes[one]["label"],
                **({"status": statuses[one]} if one in statuses else {}),
            }
            for one in order
        ],
        "relationships": [
            {
                "source_id": row["source_id"],
                "target_id": row["target_id"],
                "type": row["relation"],
                "depth": depth,
            }
            for row, depth in kept
        ],
        "by_depth": by_depth,
        "count": len(kept),
        "truncated": len(kept) < len(walked),
    }
