"""Looking around in the graph: what a picture of it shows, and the relations of one thing in full."""

from collections.abc import Sequence
from typing import NamedTuple

from ltmc.errors import not_found
from ltmc.features.graph.references import known_nodes, near_names
from ltmc.features.graph.results import (
    Found,
    Overview,
    Picture,
    PictureLink,
    PictureNode,
    RelatedNode,
    Relations,
)
from ltmc.features.graph.service import INVERSES, SIMILAR
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import graph
from ltmc.storage.tables.graph import Edge, Node

LINKS_PER_NODE = 4
"""A picture of so many nodes has at most so many times as many links."""


HUBS = 12
"""How many of what is linked most an overview names."""


class Lens(NamedTuple):
    """What of the graph is looked at.

    Attributes:
        relations: only these, None: all.
        direction: both, incoming or outgoing, as seen from the middle.
        depth: so many steps from the middle.
        most: the nodes of a picture, or the relations of a list, after those of `offset`.
    """

    relations: Sequence[str] | None = None
    direction: str = "both"
    depth: int = 1
    most: int = 100
    offset: int = 0


class ExplorationService:
    """Reads parts of a project's graph that are bounded, however large it is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def overview(self, project: str) -> Overview:
        """Return how large the graph is, its relations, and what is linked most."""
        async with self._engine.read() as tx:
            relations = await graph.relations(tx, project)
            nodes = await graph.count_nodes(tx, project)
            hubs = await graph.most_linked(tx, project, HUBS)
            known = {node.node_id: node for node in await graph.nodes(tx, project, hubs)}
            most_linked = await _with_degrees(tx, project, [known[one] for one in hubs])
        return {
            "nodes": nodes,
            "links": sum(one.count for one in relations),
            "relations": {one.relation: one.count for one in relations},
            "most_linked": most_linked,
        }

    async def find(self, project: str, text: str, limit: int) -> Found:
        """Return the nodes whose name contains a text; where none does, those with the nearest names."""
        async with self._engine.read() as tx:
            found = await graph.containing(tx, project, text, limit + 1)
            if not found:
                near = await near_names(tx, project, text)
                known = {node.node_id: node for node in await graph.nodes(tx, project, near)}
                nearest = await _with_degrees(tx, project, [known[one] for one in near])
                return {"nodes": [], "nearest": nearest, "truncated": False}
            nodes = await _with_degrees(tx, project, found[:limit])
        return {"nodes": nodes, "nearest": [], "truncated": len(found) > limit}

    async def relations(self, project: str, entity: str, lens: Lens) -> Relations:
        """List the relations of a thing, oldest first.

        Raises:
            LtmcError: NOT_FOUND for what is no thing of the graph.
        """
        async with self._engine.read() as tx:
            starts = await known_nodes(tx, project, entity)
            if not starts:
                raise not_found("node", entity, "memory or node")
            edges = await graph.edges(tx, project, list(starts), outgoing=True, incoming=True, relations=None)
            counts: dict[str, int] = {}
            for edge in edges:
                counts[edge.relation] = counts.get(edge.relation, 0) + 1
            kept = [edge for edge in edges if _seen_through(lens, edge, starts)]
            shown = kept[lens.offset : lens.offset + lens.most]
            others = [edge.target_id if edge.source_id in starts else edge.source_id for edge in shown]
            nodes = {node.node_id: node for node in await graph.nodes(tx, project, others)}
        return {
            "node": _view(next(iter(starts.values())), degree=len(edges)),
            "links": [
                _related(edge, nodes[other], outgoing=edge.source_id in starts)
                for edge, other in zip(shown, others, strict=True)
            ],
            "by_relation": dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))),
            "total": len(kept),
        }

    async def picture(
        self, project: str, entity: str | None, lens: Lens, opened: Sequence[str] = ()
    ) -> Picture:
        """Return what a picture shows: a thing with what is around it; without one, what is linked most.

        Args:
            opened: things whose relations are shown too, whatever their distance.

        Raises:
            LtmcError: NOT_FOUND for what is no thing of the graph.
        """
        async with self._engine.read() as tx:
            if entity is None:
                steps = dict.fromkeys(await graph.most_linked(tx, project, lens.most), 0)
                cut = await graph.count_nodes(tx, project) > len(steps)
            else:
                starts = await known_nodes(tx, project, entity)
                if not starts:
                    raise not_found("node", entity, "memory or node")
                steps, cut = await _around(tx, project, list(starts), lens, opened)
            rows = {node.node_id: node for node in await graph.nodes(tx, project, list(steps))}
            if entity is not None:
                rows |= starts
            leaving = await graph.edges(
                tx, project, list(steps), outgoing=True, incoming=False, relations=lens.relations
            )
            degrees = await graph.degrees(tx, project, list(steps))
        edges, most_links = [edge for edge in leaving if edge.target_id in steps], lens.most * LINKS_PER_NODE
        place = {node_id: number for number, node_id in enumerate(steps)}
        nodes = [
            _view(rows[node_id], degree=degrees.get(node_id, 0), steps=away)
            for node_id, away in steps.items()
        ]
        links: list[PictureLink] = [
            {
                "id": edge.id,
                "source": place[edge.source_id],
                "target": place[edge.target_id],
                "relation": edge.relation,
            }
            for edge in edges[:most_links]
        ]
        return {"nodes": nodes, "links": links, "truncated": cut or len(edges) > most_links}


async def _with_degrees(tx: Transaction, project: str, found: Sequence[Node]) -> list[PictureNode]:
    degrees = await graph.degrees(tx, project, [node.node_id for node in found])
    return [_view(node, degree=degrees.get(node.node_id, 0)) for node in found]


def _view(node: Node, *, degree: int, steps: int = 0) -> PictureNode:
    return {"id": node.node_id, "kind": node.kind, "label": node.label, "steps": steps, "degree": degree}


def _seen_through(lens: Lens, edge: Edge, starts: dict[str, Node]) -> bool:
    if lens.relations is not None and edge.relation not in lens.relations:
        return False
    return lens.direction == "both" or (edge.source_id in starts) == (lens.direction == "outgoing")


def _related(edge: Edge, other: Node, *, outgoing: bool) -> RelatedNode:
    reads = edge.relation if outgoing else INVERSES.get(edge.relation)
    return {
        "link_id": edge.id,
        "relation": edge.relation,
        "reads": reads or edge.relation,
        "outgoing": outgoing,
        "turned": not outgoing and reads is None,
        "id": other.node_id,
        "kind": other.kind,
        "label": other.label,
        "weight": edge.weight,
        "by_hand": not edge.auto,
        "removable": not edge.auto or edge.relation == SIMILAR,
    }


async def _around(
    tx: Transaction, project: str, starts: Sequence[str], lens: Lens, opened: Sequence[str]
) -> tuple[dict[str, int], bool]:
    """Return the nodes of a picture with their steps from the middle, the nearest first; and whether more are near."""
    steps = dict.fromkeys(starts, 0)

    async def step(frontier: Sequence[str], depth: int) -> tuple[list[str], bool]:
        rows = await graph.edges(
            tx,
            project,
            frontier,
            outgoing=lens.direction != "incoming",
            incoming=lens.direction != "outgoing",
            relations=lens.relations,
        )
        reached = dict.fromkeys(
            end for row in rows for end in (row.source_id, row.target_id) if end not in steps
        )
        fresh = list(reached)[: max(0, lens.most - len(steps))]
        steps.update(dict.fromkeys(fresh, depth))
        return fresh, len(fresh) < len(reached)

    frontier, cut = list(starts), False
    for depth in range(1, lens.depth + 1):
        if not frontier or cut:
            break
        frontier, cut = await step(frontier, depth)
    for one in opened:
        if one in steps:
            cut = (await step([one], steps[one] + 1))[1] or cut
    return steps, cut
