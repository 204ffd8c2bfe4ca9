"""The knowledge graph: nodes and directed, weighted, named edges."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns
from ltmc.storage.sources import Condition, among, ascii_lower, conjunction, same_name


class Node(NamedTuple):
    """A thing of the graph: a memory, an entity, a blueprint, a symbol, a file or an assignment."""

    node_id: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Link:
    """The ends and the relation of an edge."""

    source_id: str
    target_id: str
    relation: str


@dataclass(frozen=True, slots=True)
class Edge(Link):
    """A directed edge; `auto`: made by LTMC, not by hand."""

    id: int
    weight: float
    auto: bool
    properties: dict[str, Any]
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class RelationCount:
    """How many edges a relation has."""

    relation: str
    count: int


@dataclass(frozen=True, slots=True)
class Degree:
    """How many edges a node has."""

    node_id: str
    count: int


async def insert_node(
    tx: Transaction, project_id: str, node_id: str, kind: str, ref_id: str | None, label: str, moment: str
) -> bool:
    """Store a node, if it is new, and return whether it was."""
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


async def node(tx: Transaction, project_id: str, node_id: str) -> Node | None:
    """Return a node."""
    return await tx.one(
        Node, "SELECT * FROM graph_nodes WHERE project_id = ? AND node_id = ?", (project_id, node_id)
    )


async def nodes(tx: Transaction, project_id: str, node_ids: Sequence[str]) -> list[Node]:
    """Return nodes by id."""
    chosen = among("node_id")(node_ids)
    return await tx.all(
        Node,
        f"SELECT {columns(Node)} FROM graph_nodes WHERE project_id = ? AND {chosen.sql}",
        [project_id, *chosen.parameters],
    )


async def named(tx: Transaction, project_id: str, name: str) -> str | None:
    """Return the id of the node of a name, written exactly so or in other letters' case."""
    chosen = same_name("node_id", name)
    found = await tx.value(
        f"SELECT node_id FROM graph_nodes WHERE project_id = ? AND {chosen.sql} "
        "ORDER BY node_id = ? DESC, node_id LIMIT 1",
        [project_id, *chosen.parameters, name],
    )
    return None if found is None else str(found)


async def every_node(tx: Transaction, project_id: str) -> list[Node]:
    """Return every node of a project."""
    return await tx.all(Node, f"SELECT {columns(Node)} FROM graph_nodes WHERE project_id = ?", (project_id,))


async def upsert_edge(
    tx: Transaction,
    project_id: str,
    source_id: str,
    target_id: str,
    relation: str,
    *,
    weight: float | None = None,
    auto: bool,
    properties: dict[str, Any] | None = None,
    moment: str,
) -> tuple[Edge, bool]:
    """Store an edge, or what is given of its weight and properties; return it and whether it is new.

    LTMC (`auto`) leaves one made by hand as it is.
    """
    known = await tx.one(
        Edge,
        "SELECT * FROM graph_edges WHERE project_id = ? AND source_id = ? AND target_id = ? AND relation = ?",
        (project_id, source_id, target_id, relation),
    )
    edge = known or Edge(source_id, target_id, relation, 0, 1.0, auto, {}, moment, moment)
    if known is not None and auto and not known.auto:
        return known, False
    edge = replace(
        edge,
        weight=edge.weight if weight is None else weight,
        auto=auto,
        properties=edge.properties if properties is None else properties,
        updated_at=moment,
    )
    if known is not None:
        await tx.run(
            "UPDATE graph_edges SET weight = ?, auto = ?, properties = ?, updated_at = ? WHERE id = ?",
            (edge.weight, auto, edge.properties, moment, edge.id),
        )
        return edge, False
    created = await tx.value(
        "INSERT INTO graph_edges (project_id, source_id, target_id, relation, weight, auto, properties, "
        "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (project_id, source_id, target_id, relation, edge.weight, auto, edge.properties, moment, moment),
    )
    return replace(edge, id=int(created)), True


async def edges(
    tx: Transaction,
    project_id: str,
    node_ids: Sequence[str],
    *,
    outgoing: bool,
    incoming: bool,
    relations: Sequence[str] | None,
) -> list[Edge]:
    """Return the edges that leave or reach one of the nodes, oldest first."""
    chosen = [
        among(end)(node_ids) for end, wanted in (("source_id", outgoing), ("target_id", incoming)) if wanted
    ]
    found = [Condition(" OR ".join(one.sql for one in chosen), [one.parameters[0] for one in chosen])]
    if relations is not None:
        found.append(among("relation")(relations))
    sql, parameters = conjunction([Condition("project_id = ?", [project_id]), *found])
    return await tx.all(Edge, f"SELECT * FROM graph_edges WHERE {sql} ORDER BY id", parameters)


async def projects_of_node(tx: Transaction, node_id: str) -> list[str]:
    """Return the projects that have a node of this id, the default one first."""
    return await tx.column(
        "SELECT project_id FROM graph_nodes WHERE node_id = ? ORDER BY project_id <> 'default', project_id",
        (node_id,),
    )


async def relabel(tx: Transaction, project_id: str, node_id: str, label: str) -> None:
    """Give a node another label."""
    await tx.run(
        "UPDATE graph_nodes SET label = ? WHERE project_id = ? AND node_id = ?", (label, project_id, node_id)
    )


async def remove_edges(
    tx: Transaction, project_id: str, source_ids: Sequence[str], relations: Sequence[str], *, auto: bool
) -> list[Link]:
    """Remove the edges of these relations from the nodes, made by LTMC (`auto`) or by hand; return them."""
    sql, parameters = conjunction(
        [
            Condition("project_id = ? AND auto = ?", [project_id, auto]),
            among("source_id")(source_ids),
            among("relation")(relations),
        ]
    )
    return await tx.all(
        Link, f"DELETE FROM graph_edges WHERE {sql} RETURNING source_id, target_id, relation", parameters
    )


async def move_edges(tx: Transaction, project_id: str, old: str, new: str) -> int:
    """Have the edges of a node belong to another one, and return how many; one that would be there twice stays."""
    moved = 0
    for near, far in (("source_id", "target_id"), ("target_id", "source_id")):
        moved += len(
            await tx.column(
                f"UPDATE graph_edges SET {near} = ?3 WHERE project_id = ?1 AND {near} = ?2 AND {far} <> ?3 "
                "AND NOT EXISTS (SELECT 1 FROM graph_edges known WHERE known.project_id = ?1 "
                f"AND known.{near} = ?3 AND known.{far} = graph_edges.{far} "
                "AND known.relation = graph_edges.relation) RETURNING id",
                (project_id, old, new),
            )
        )
    return moved


async def relations(tx: Transaction, project_id: str) -> list[RelationCount]:
    """Return the relations of a project, the most frequent first."""
    return await tx.all(
        RelationCount,
        "SELECT relation, count(*) AS count FROM graph_edges WHERE project_id = ? "
        "GROUP BY relation ORDER BY count(*) DESC, relation",
        (project_id,),
    )


_ENDS = "SELECT {0} AS node_id, count(*) AS count FROM graph_edges WHERE project_id = ?1 {1} GROUP BY {0}"


async def degrees(tx: Transaction, project_id: str, node_ids: Sequence[str]) -> dict[str, int]:
    """Return how many edges nodes have, of those that have any."""
    each = [
        _ENDS.format(end, f"AND {end} IN (SELECT value FROM json_each(?2))")
        for end in ("source_id", "target_id")
    ]
    rows = await tx.all(
        Degree,
        f"SELECT node_id, sum(count) AS count FROM ({' UNION ALL '.join(each)}) ends GROUP BY node_id",
        (project_id, list(node_ids)),
    )
    return {row.node_id: row.count for row in rows}


async def most_linked(tx: Transaction, project_id: str, limit: int) -> list[str]:
    """Return the nodes that have most edges."""
    each = [_ENDS.format(end, "") for end in ("source_id", "target_id")]
    found: list[str] = await tx.column(
        f"SELECT node_id FROM ({' UNION ALL '.join(each)}) ends "
        "GROUP BY node_id ORDER BY sum(count) DESC, node_id LIMIT ?2",
        (project_id, limit),
    )
    return found


async def count_nodes(tx: Transaction, project_id: str) -> int:
    """Return how many nodes a project has."""
    return int(await tx.value("SELECT count(*) FROM graph_nodes WHERE project_id = ?", (project_id,)))


async def containing(tx: Transaction, project_id: str, text: str, limit: int) -> list[Node]:
    """Return the nodes whose label or id has a text in it, the shortest first."""
    columns_ = " OR ".join(f"instr(lower({column}), ?2) > 0" for column in ("label", "node_id"))
    return await tx.all(
        Node,
        f"SELECT {columns(Node)} FROM graph_nodes WHERE project_id = ?1 AND ({columns_}) "
        "ORDER BY length(label), label, node_id LIMIT ?3",
        (project_id, ascii_lower(text), limit),
    )


async def remove_nodes(tx: Transaction, project_id: str, node_ids: Sequence[str]) -> int:
    """Remove nodes with all their edges; how many edges there were."""
    source, target, node = (among(column)(node_ids) for column in ("source_id", "target_id", "node_id"))
    edges = await tx.column(
        f"DELETE FROM graph_edges WHERE project_id = ? AND ({source.sql} OR {target.sql}) RETURNING id",
        [project_id, *source.parameters, *target.parameters],
    )
    await tx.run(
        f"DELETE FROM graph_nodes WHERE project_id = ? AND {node.sql}", [project_id, *node.parameters]
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
) -> list[tuple[Edge, int]]:
    """Each edge within reach of `starts`, breadth first and once, with the depth at which it is met.

    Args:
        direction: ``outgoing``, ``incoming`` or ``both``.
    """
    seen_nodes, seen_edges = set(starts), set[int]()
    frontier: list[str] = list(starts)
    walked: list[tuple[Edge, int]] = []
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
        fresh = [row for row in rows if row.id not in seen_edges]
        seen_edges.update(row.id for row in fresh)
        walked += [(row, depth) for row in fresh]
        reached = dict.fromkeys(end for row in fresh for end in (row.source_id, row.target_id))
        frontier = [node_id for node_id in reached if node_id not in seen_nodes]
        seen_nodes.update(frontier)
    return walked
