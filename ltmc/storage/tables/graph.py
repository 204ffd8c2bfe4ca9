"""The knowledge graph: nodes and directed, weighted, named edges."""

import json
from collections.abc import Sequence

from ltmc.storage.engine import Row, Transaction


async def insert_node(
    tx: Transaction, project_id: str, node_id: str, kind: str, ref_id: str | None, label: str, moment: str
) -> bool:
    """A node, if it is new; whether it was."""
    created = await tx.value(
        "INSERT INTO graph_nodes (project_id, node_id, kind, ref_id, label, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
        (project_id, node_id, kind, ref_id, label, moment),
    )
    return created is not None


async def insert_nodes(
    tx: Transaction, project_id: str, rows: Sequence[tuple[str, str, str | None, str]], moment: str
) -> None:
    """Nodes that are not there yet, as (id, kind, ref_id, label)."""
    await tx.many(
        "INSERT INTO graph_nodes (project_id, node_id, kind, ref_id, label, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(project_id, *row, moment) for row in rows],
    )


async def put_edges(
    tx: Transaction, project_id: str, rows: Sequence[tuple[str, str, str]], moment: str
) -> None:
    """Edges that LTMC keeps, as (source, target, relation); one made by hand stays as it is."""
    await tx.many(
        "INSERT INTO graph_edges (project_id, source_id, target_id, relation, auto, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING",
        [(project_id, *row, moment, moment) for row in rows],
    )


async def node(tx: Transaction, project_id: str, node_id: str) -> Row | None:
    """A node."""
    return await tx.one(
        "SELECT * FROM graph_nodes WHERE project_id = ? AND node_id = ?", (project_id, node_id)
    )


async def nodes(tx: Transaction, project_id: str, node_ids: Sequence[str]) -> list[Row]:
    """Nodes by id."""
    return await tx.all(
        "SELECT node_id, kind, label FROM graph_nodes "
        "WHERE project_id = ? AND node_id IN (SELECT value FROM json_each(?))",
        (project_id, json.dumps(node_ids)),
    )


async def labels(tx: Transaction, project_id: str) -> list[Row]:
    """Every node's id and label."""
    return await tx.all("SELECT node_id, label FROM graph_nodes WHERE project_id = ?", (project_id,))


async def upsert_edge(
    tx: Transaction,
    project_id: str,
    source_id: str,
    target_id: str,
    relation: str,
    *,
    weight: float,
    auto: bool,
    properties: str,
    moment: str,
) -> tuple[int, bool]:
    """An edge, or its new weight and properties; its id and whether it is new."""
    known = await tx.value(
        "SELECT id FROM graph_edges "
        "WHERE project_id = ? AND source_id = ? AND target_id = ? AND relation = ?",
        (project_id, source_id, target_id, relation),
    )
    if known is not None:
        await tx.run(
            "UPDATE graph_edges SET weight = ?, auto = ?, properties = ?, updated_at = ? WHERE id = ?",
            (weight, int(auto), properties, moment, known),
        )
        return int(known), False
    created = await tx.value(
        "INSERT INTO graph_edges (project_id, source_id, target_id, relation, weight, auto, properties, "
        "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (project_id, source_id, target_id, relation, weight, int(auto), properties, moment, moment),
    )
    return int(created), True


async def edges(
    tx: Transaction,
    project_id: str,
    node_ids: Sequence[str],
    *,
    outgoing: bool,
    incoming: bool,
    relations: Sequence[str] | None,
) -> list[Row]:
    """The edges that leave or reach one of the nodes, oldest first."""
    ends = [
        f"{end} IN (SELECT value FROM json_each(?2))"
        for end, wanted in (("source_id", outgoing), ("target_id", incoming))
        if wanted
    ]
    sql = f"SELECT * FROM graph_edges WHERE project_id = ?1 AND ({' OR '.join(ends)})"
    parameters = [project_id, json.dumps(node_ids)]
    if relations is not None:
        sql += " AND relation IN (SELECT value FROM json_each(?3))"
        parameters.append(json.dumps(relations))
    return await tx.all(sql + " ORDER BY id", parameters)


async def project_of_node(tx: Transaction, node_id: str) -> str | None:
    """The project that has a node of this id; the default one if several have."""
    found = await tx.value(
        "SELECT project_id FROM graph_nodes WHERE node_id = ? ORDER BY project_id <> 'default', project_id",
        (node_id,),
    )
    return None if found is None else str(found)


async def relabel(tx: Transaction, project_id: str, node_id: str, label: str) -> None:
    """Give a node another label."""
    await tx.run(
        "UPDATE graph_nodes SET label = ? WHERE project_id = ? AND node_id = ?", (label, project_id, node_id)
    )


async def remove_edges(
    tx: Transaction, project_id: str, source_ids: Sequence[str], relations: Sequence[str], *, auto: bool
) -> list[Row]:
    """Remove the edges of these relations from the nodes, made by LTMC (`auto`) or by hand; what they were."""
    return await tx.all(
        "DELETE FROM graph_edges WHERE project_id = ? AND source_id IN (SELECT value FROM json_each(?)) "
        "AND relation IN (SELECT value FROM json_each(?)) AND auto = ? "
        "RETURNING source_id, target_id, relation",
        (project_id, json.dumps(source_ids), json.dumps(relations), int(auto)),
    )


async def remove_edge(
    tx: Transaction, project_id: str, source_id: str, target_id: str, relation: str
) -> None:
    """Remove one edge."""
    await tx.run(
        "DELETE FROM graph_edges WHERE project_id = ? AND source_id = ? AND target_id = ? AND relation = ?",
        (project_id, source_id, target_id, relation),
    )


async def remove_nodes(tx: Transaction, project_id: str, node_ids: Sequence[str]) -> int:
    """Remove nodes with all their edges; how many edges there were."""
    parameters = (project_id, json.dumps(node_ids))
    edges = await tx.all(
        "DELETE FROM graph_edges WHERE project_id = ?1 AND (source_id IN (SELECT value FROM json_each(?2)) "
        "OR target_id IN (SELECT value FROM json_each(?2))) RETURNING id",
        parameters,
    )
    await tx.run(
        "DELETE FROM graph_nodes WHERE project_id = ? AND node_id IN (SELECT value FROM json_each(?))",
        parameters,
    )
    return len(edges)


async def walk(
    tx: Transaction,
    project_id: str,
    starts: Sequence[str],
    *,
    relations: Sequence[str] | None,
    direction: str,
    max_depth: int,
) -> list[tuple[Row, int]]:
    """Each edge within reach of `starts`, breadth first and once, with the depth at which it is met.

    Args:
        direction: ``outgoing``, ``incoming`` or ``both``.
    """
    seen_nodes, seen_edges = set(starts), set[int]()
    frontier: list[str] = list(starts)
    walked: list[tuple[Row, int]] = []
    for depth in range(1, max_depth + 1):
        if not frontier:
            break
        rows = await edges(
            tx,
            project_id,
            frontier,
            outgoing=direction != "incoming",
            incoming=direction != "outgoing",
            relations=relations,
        )
        fresh = [row for row in rows if row["id"] not in seen_edges]
        seen_edges.update(row["id"] for row in fresh)
        walked += [(row, depth) for row in fresh]
        reached = dict.fromkeys(end for row in fresh for end in (row["source_id"], row["target_id"]))
        frontier = [node_id for node_id in reached if node_id not in seen_nodes]
        seen_nodes.update(frontier)
    return walked
