"""What hangs together with a blueprint or a symbol of its code, along the edges of the graph."""

from collections import Counter
from collections.abc import Sequence

from ltmc.errors import invalid, not_found
from ltmc.features.code_structure.results import RelatedNode, Relationships
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import blueprints, graph, team
from ltmc.storage.tables.graph import Node
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import elsewhere, project_of, reaches

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
    tx: Transaction,
    node_id: str,
    *,
    types: Sequence[str] | None,
    max_depth: int,
    direction: str,
    limit: int,
    offset: int,
    project_id: str | None,
) -> Relationships:
    """List what is linked to a blueprint or symbol, breadth first, each edge once."""
    wanted = [name.strip().lower() for name in types] if types is not None else list(RELATIONS)
    unknown = [name for name in wanted if name not in RELATIONS]
    if unknown or not wanted:
        raise invalid("relationship_types", unknown, ", ".join(RELATIONS))
    having = await graph.projects_of_node(tx, node_id)
    reached = [one for one in having if reaches(project_id, one)]
    if not reached:
        hint = elsewhere(having[0]) if having and project_id is None else ""
        raise not_found("node_id", node_id, "node", hint or "give the id of a blueprint or of a symbol")
    project = project_of(project_id) if project_of(project_id) in reached else reached[0]
    walked = await graph.walk(
        tx, project, [node_id], relations=wanted, direction=direction, max_depth=max_depth
    )
    kept = walked[offset : offset + limit]
    counts = page_counts(kept, len(walked), offset)
    ends = (end for edge, _ in kept for end in (edge.source_id, edge.target_id))
    order = list(dict.fromkeys([node_id, *ends]))
    nodes = {node.node_id: node for node in await graph.nodes(tx, project, order)}
    statuses = {one: row.status for one, row in (await blueprints.many(tx, order)).items()}
    for one in order:
        if nodes[one].kind == "assignment" and (assigned := await team.assignment(tx, one)):
            statuses[one] = assigned.status
    return {
        "node_id": node_id,
        "nodes": [_view(nodes[one], statuses.get(one)) for one in order],
        "relationships": [
            {
                "source_id": edge.source_id,
                "target_id": edge.target_id,
                "type": edge.relation,
                "depth": depth,
            }
            for edge, depth in kept
        ],
        "by_depth": dict(Counter(str(depth) for _, depth in kept)),
        **counts,
        "truncated": counts["has_more"],
    }


def _view(node: Node, status: str | None) -> RelatedNode:
    shown: RelatedNode = {
        "id": node.node_id,
        "kind": _SHOWN_KINDS.get(node.kind, node.kind),
        "label": node.label,
    }
    if status is not None:
        shown["status"] = status
    return shown
