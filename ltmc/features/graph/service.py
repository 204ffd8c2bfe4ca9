"""The knowledge graph: memories and free-form entities, linked by named relations."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ltmc.errors import invalid, not_found
from ltmc.features.graph.references import ensure, known_nodes, near_names, node_of, resource_of
from ltmc.features.graph.results import (
    DocumentRelationships,
    DocumentView,
    Linked,
    Neighbourhood,
    RelationshipView,
    Suggestion,
)
from ltmc.search.kinds import CHUNK
from ltmc.search.similarity import similar
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import graph
from ltmc.storage.tables.graph import Edge, Node
from ltmc.storage.tables.resources import Resource
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import marked, project_of, projects_read

RELATION = re.compile(r"[a-z][a-z0-9_]{0,63}")
SIMILAR = "similar_to"

LIKE, SUGGESTED = 0.6, 5
"""What is suggested as a link: the cosine of two texts, 0 to 1, from which on they are alike, and how many."""

_PAIRS = (
    ("implements", "implemented_by"),
    ("depends_on", "required_by"),
    ("blocks", "blocked_by"),
    ("contains", "part_of"),
    ("references", "referenced_by"),
    ("documents", "documented_by"),
    ("tests", "tested_by"),
    ("calls", "called_by"),
    ("uses", "used_by"),
    ("causes", "caused_by"),
    ("replaces", "replaced_by"),
    ("extends", "extended_by"),
)
INVERSES = (
    dict(_PAIRS) | {right: left for left, right in _PAIRS} | {SIMILAR: SIMILAR, "related_to": "related_to"}
)
"""How a known relation reads from its target's side."""


class GraphService:
    """Links between things, and walks along them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def link(
        self,
        source: str,
        target: str,
        relation: str,
        *,
        weight: float | None,
        properties: dict[str, Any] | None,
        bidirectional: bool,
        project_id: str | None,
    ) -> Linked:
        """Link two things, made as entities where they are unknown; of a known link what is given changes.

        Raises:
            LtmcError: INVALID_ARGUMENT for a link to itself or a relation that is no name.
        """
        name = normalise_relation("relation", relation)
        project, moment = project_of(project_id), now()
        async with self._engine.write(project) as tx:
            source_id = await node_of(tx, project, "source_id", source)
            target_id = await node_of(tx, project, "target_id", target)
            if source_id.lower() == target_id.lower():
                raise invalid("target_id", target, "something other than source_id")
            created_nodes = [
                node_id for node_id in (source_id, target_id) if await ensure(tx, project, node_id, moment)
            ]
            ends = [(source_id, target_id), (target_id, source_id)][: 2 if bidirectional else 1]
            edges = [
                await graph.upsert_edge(
                    tx,
                    project,
                    start,
                    end,
                    name,
                    weight=weight,
                    auto=False,
                    properties=properties,
                    moment=moment,
                )
                for start, end in ends
            ]
        edge, created = edges[0]
        answer: Linked = {
            "edge_id": edge.id,
            "source_id": source_id,
            "target_id": target_id,
            "relation": name,
            "weight": edge.weight,
            "created": created,
            "created_nodes": created_nodes,
        }
        if bidirectional:
            answer["reverse_edge_id"] = edges[1][0].id
        return answer

    async def query(
        self,
        entity: str,
        *,
        relations: Sequence[str] | None,
        direction: str,
        max_depth: int,
        limit: int,
        offset: int = 0,
        project_id: str | None,
    ) -> Neighbourhood:
        """List what is linked to an entity, walking breadth first; each edge keeps its own direction."""
        names = None if relations is None else [normalise_relation("relation_type", one) for one in relations]
        projects = projects_read(project_id)
        async with self._engine.read() as tx:
            project = await _having(tx, projects, entity)
            found, walked = await _walk(tx, project, entity, max_depth, relations=names, direction=direction)
            starts, shown = list(found), walked[offset : offset + limit]
            node_ids = list(dict.fromkeys([*starts, *(end for edge, _ in shown for end in _ends(edge))]))
            nodes = found | {node.node_id: node for node in await graph.nodes(tx, project, node_ids)}
            suggestions = [] if starts else await near_names(tx, project, entity)
        counts = page_counts(shown, len(walked), offset)
        answer: Neighbourhood = {
            "entity": starts[0] if starts else entity,
            "entity_found": bool(starts),
            "nodes": [
                {"id": node_id, "kind": nodes[node_id].kind, "label": nodes[node_id].label}
                for node_id in node_ids
            ],
            "relationships": [{**_relationship(edge), "depth": depth} for edge, depth in shown],
            "count": counts["count"],
            "total": counts["total"],
            "has_more": counts["has_more"],
            "truncated": counts["has_more"],
        }
        if not starts:
            answer["suggestions"] = suggestions
        return marked(answer, project, projects)

    async def relationships(
        self,
        doc_id: str,
        *,
        max_depth: int,
        include_metadata: bool,
        limit: int,
        offset: int = 0,
        project_id: str | None,
    ) -> DocumentRelationships:
        """List everything linked to a document: into it, out of it, and further away with the path there."""
        projects = projects_read(project_id)
        async with self._engine.read() as tx:
            project = await _having(tx, projects, doc_id)
            resource = await resource_of(tx, project, doc_id)
            found, walked = await _walk(tx, project, doc_id, max_depth)
            starts = list(found)
            if not starts:
                raise not_found("doc_id", doc_id, "document or node")
            linked = {end for edge, _ in walked for end in _ends(edge)}
            suggestions = [] if resource is None else await _alike(tx, project, resource, linked)
        paths: dict[str, list[str]] = {start: [start] for start in starts}
        incoming: list[RelationshipView] = []
        outgoing: list[RelationshipView] = []
        indirect: list[RelationshipView] = []
        for place, (edge, depth) in enumerate(walked[: offset + limit]):
            near, far = _ends(edge) if edge.source_id in paths else _ends(edge)[::-1]
            paths.setdefault(far, [*paths[near], far])
            if place < offset:
                continue
            shown = _relationship(edge, metadata=include_metadata)
            if depth > 1:
                indirect.append({**shown, "depth": depth, "path": paths[far]})
            else:
                (outgoing if edge.source_id in starts else incoming).append(shown)
        document: DocumentView = {"id": starts[0]}
        has_more = len(walked) > offset + limit
        answer: DocumentRelationships = {
            "doc_id": starts[0] if resource is None else f"resource:{resource.id}",
            "document": document if resource is None else _document(resource, metadata=include_metadata),
            "incoming": incoming,
            "outgoing": outgoing,
            "indirect": indirect,
            "by_relation": dict(Counter(edge.relation for edge, _ in walked)),
            "total_relationships": len(walked),
            "has_more": has_more,
            "truncated": has_more,
            "suggestions": suggestions,
        }
        return marked(answer, project, projects)


async def _having(tx: Transaction, projects: Sequence[str], reference: str) -> str:
    """Return the first of the projects in which a reference names something; the first of all, where none does."""
    for project in projects:
        if await known_nodes(tx, project, reference):
            return project
    return projects[0]


async def _walk(
    tx: Transaction,
    project: str,
    reference: str,
    max_depth: int,
    *,
    relations: Sequence[str] | None = None,
    direction: str = "both",
) -> tuple[dict[str, Node], list[tuple[Edge, int]]]:
    """Return the nodes that a reference names, and the edges within reach of them, breadth first, with their depth."""
    found = await known_nodes(tx, project, reference)
    walked = await graph.walk(
        tx, project, list(found), relations=relations, direction=direction, max_depth=max_depth
    )
    return found, walked


def normalise_relation(field: str, relation: str) -> str:
    """Return a relation's name in lower snake_case.

    Raises:
        LtmcError: INVALID_ARGUMENT when it is none.
    """
    name = re.sub(r"[\s-]+", "_", relation.strip()).lower()
    if not RELATION.fullmatch(name):
        raise invalid(
            field, relation, "a name such as depends_on: a letter, then letters, digits or _, up to 64"
        )
    return name


async def _alike(tx: Transaction, project: str, resource: Resource, linked: set[str]) -> list[Suggestion]:
    """Return memories whose texts are like this one's and that are not linked with it, most alike first."""
    found = await similar(
        tx,
        CHUNK,
        resource.content,
        project_id=project,
        least=LIKE,
        candidates=4 * SUGGESTED,
        mode="semantic",
        per_group=1,
    )
    suggestions: list[Suggestion] = [
        {"id": f"resource:{chunk.resource_id}", "file_name": chunk.file_name, "similarity": similarity}
        for chunk, similarity in found
        if chunk.resource_id != resource.id and f"resource:{chunk.resource_id}" not in linked
    ]
    return sorted(suggestions, key=lambda one: -one["similarity"])[:SUGGESTED]


def _document(resource: Resource, *, metadata: bool) -> DocumentView:
    shown: DocumentView = {
        "id": f"resource:{resource.id}",
        "file_name": resource.file_name,
        "resource_type": resource.type,
        "version": resource.version,
        "created_at": resource.created_at,
    }
    if metadata:
        shown["tags"], shown["metadata"] = resource.tags, resource.metadata
    return shown


def _ends(edge: Edge) -> tuple[str, str]:
    return edge.source_id, edge.target_id


def _relationship(edge: Edge, *, metadata: bool = False) -> RelationshipView:
    shown: RelationshipView = {
        "source_id": edge.source_id,
        "target_id": edge.target_id,
        "relation": edge.relation,
        "weight": edge.weight,
        "auto": edge.auto,
    }
    if inverse := INVERSES.get(edge.relation):
        shown = {
            "source_id": edge.source_id,
            "target_id": edge.target_id,
            "relation": edge.relation,
            "inverse": inverse,
            "weight": edge.weight,
            "auto": edge.auto,
        }
    if metadata:
        shown["properties"] = edge.properties
        shown["created_at"], shown["updated_at"] = edge.created_at, edge.updated_at
    return shown
