"""The knowledge graph: memories and free-form entities, linked by named relations."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found
from ltmc.search import index
from ltmc.search.analysis import terms
from ltmc.search.kinds import CHUNK
from ltmc.search.vectors import cosine
from ltmc.storage.engine import Engine, Row, Transaction
from ltmc.storage.tables import graph, resources
from ltmc.timestamps import now
from ltmc.tools.project_scope import project_of

RELATION = re.compile(r"[a-z][a-z0-9_]{0,63}")
SIMILAR = "similar_to"

LIKE, SUGGESTED = 0.6, 5
"""What is suggested as a link: the cosine of two texts, 0 to 1, from which on they are alike, and how many."""

LOOKED_FOR = 2_000
"""How many characters of a document are looked for among the others."""

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

    def __init__(self, database: Engine) -> None:
        self._database = database

    async def link(
        self,
        source: str,
        target: str,
        relation: str,
        *,
        weight: float,
        properties: dict[str, Any],
        bidirectional: bool,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Link two things, made as entities where they are unknown; a known link gets the new weight.

        Raises:
            LtmcError: INVALID_ARGUMENT for a link to itself or a relation that is no name.
        """
        name = normalise_relation("relation", relation)
        project, moment = project_of(project_id), now()
        async with self._database.write(project) as tx:
            source_id = await _resolve(tx, project, source)
            target_id = await _resolve(tx, project, target)
            if source_id == target_id:
                raise invalid("target_id", target, "something other than source_id")
            created_nodes = [
                node_id for node_id in (source_id, target_id) if await _ensure(tx, project, node_id, moment)
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
                    properties=json.dumps(properties, ensure_ascii=False),
                    moment=moment,
                )
                for start, end in ends
            ]
        return {
            "edge_id": edges[0][0],
            "source_id": source_id,
            "target_id": target_id,
            "relation": name,
            "weight": weight,
            "created": edges[0][1],
            "created_nodes": created_nodes,
            **({"reverse_edge_id": edges[1][0]} if bidirectional else {}),
        }

    async def query(
        self,
        entity: str,
        *,
        relations: Sequence[str] | None,
        direction: str,
        max_depth: int,
        limit: int,
        project_id: str | None,
    ) -> dict[str, Any]:
        """What is linked to an entity, walking breadth first; each edge keeps its own direction."""
        names = None if relations is None else [normalise_relation("relation_type", one) for one in relations]
        project = project_of(project_id)
        async with self._database.read() as tx:
            starts = await _known_nodes(tx, project, entity)
            walked = await graph.walk(
                tx, project, starts, relations=names, direction=direction, max_depth=max_depth
            )
            shown = walked[:limit]
            node_ids = list(dict.fromkeys([*starts, *(end for edge, _ in shown for end in _ends(edge))]))
            found = {row["node_id"]: row for row in await graph.nodes(tx, project, node_ids)}
            suggestions = [] if starts else await _closest(tx, project, entity)
        return {
            "entity": starts[0] if starts else entity,
            "entity_found": bool(starts),
            "nodes": [
                {"id": node_id, "kind": found[node_id]["kind"], "label": found[node_id]["label"]}
                for node_id in node_ids
            ],
            "relationships": [{**_relationship(edge), "depth": depth} for edge, depth in shown],
            "count": len(shown),
            "truncated": len(shown) < len(walked),
            **({} if starts else {"suggestions": suggestions}),
        }

    async def relationships(
        self, doc_id: str, *, max_depth: int, include_metadata: bool, limit: int, project_id: str | None
    ) -> dict[str, Any]:
        """Everything linked to a document: into it, out of it, and further away with the path there."""
        project = project_of(project_id)
        async with self._database.read() as tx:
            resource = await _resource(tx, project, doc_id)
            starts = await _known_nodes(tx, project, doc_id)
            if resource is None and not starts:
                raise not_found("doc_id", doc_id, "document or node")
            walked = await graph.walk(
                tx, project, starts, relations=None, direction="both", max_depth=max_depth
            )
            linked = {end for edge, _ in walked for end in _ends(edge)}
            suggestions = [] if resource is None else await _alike(tx, project, resource, linked)
        paths: dict[str, list[str]] = {start: [start] for start in starts}
        incoming: list[dict[str, Any]] = []
        outgoing: list[dict[str, Any]] = []
        indirect: list[dict[str, Any]] = []
        for edge, depth in walked[:limit]:
            near, far = _ends(edge) if edge["source_id"] in paths else _ends(edge)[::-1]
            paths.setdefault(far, [*paths[near], far])
            shown = _relationship(edge)
            if include_metadata:
                shown |= {
                    "properties": json.loads(edge["properties"]),
                    "created_at": edge["created_at"],
                    "updated_at": edge["updated_at"],
                }
            if depth > 1:
                indirect.append({**shown, "depth": depth, "path": paths[far]})
            else:
                (outgoing if edge["source_id"] in starts else incoming).append(shown)
        document: dict[str, Any] = {"id": starts[0] if starts else doc_id}
        if resource is not None:
            document = {
                "id": f"resource:{resource['id']}",
                "resource_id": resource["id"],
                "file_name": resource["file_name"],
                "resource_type": resource["type"],
                "version": resource["version"],
                "created_at": resource["created_at"],
            }
            if include_metadata:
                document |= {
                    "tags": json.loads(resource["tags"]),
                    "metadata": json.loads(resource["metadata"]),
                }
        return {
            "doc_id": doc_id,
            "document": document,
            "incoming": incoming,
            "outgoing": outgoing,
            "indirect": indirect,
            "by_relation": dict(Counter(edge["relation"] for edge, _ in walked)),
            "total_relationships": len(walked),
            "truncated": len(walked) > limit,
            "suggestions": suggestions,
        }

    async def auto_link(
        self,
        documents: Sequence[dict[str, Any]],
        *,
        threshold: float,
        max_links: int,
        dry_run: bool,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Link documents whose texts are alike, the most alike pairs first."""
        project, moment = project_of(project_id), now()
        texts: dict[str, str] = {}
        given: dict[str, str] = {}
        transaction = self._database.read() if dry_run else self._database.write(project)
        created = updated = 0
        async with transaction as tx:
            for position, document in enumerate(documents):
                reference = str(document["id"])
                node_id = await _resolve(tx, project, reference)
                if node_id in texts:
                    raise invalid(f"documents[{position}].id", reference, "each document once")
                text = document.get("content")
                if text is None:
                    resource = await _resource(tx, project, reference)
                    if resource is None:
                        raise LtmcError(
                            ErrorCode.NOT_FOUND,
                            f"documents[{position}].id: {reference!r} is not stored; give its content.",
                            field=f"documents[{position}].id",
                            details={"value": reference},
                        )
                    text = resource["content"]
                texts[node_id], given[node_id] = text, reference
            inputs = list(texts)
            if len(inputs) == 1:
                for row in await resources.live(tx, project):
                    texts.setdefault(f"resource:{row['id']}", row["content"])
                    given.setdefault(f"resource:{row['id']}", str(row["id"]))
            vectors = {node_id: index.model().encode(text) for node_id, text in texts.items()}
            skipped = [
                {"id": given[node_id], "reason": "its text has no words to compare"}
                for node_id in inputs
                if next(terms(texts[node_id]), None) is None
            ]
            links = _most_alike(vectors, inputs, threshold, max_links)
            for left, right, similarity in links:
                if dry_run:
                    break
                for node_id in (left, right):
                    await _ensure(tx, project, node_id, moment)
                _, new = await graph.upsert_edge(
                    tx,
                    project,
                    left,
                    right,
                    SIMILAR,
                    weight=similarity,
                    auto=True,
                    properties="{}",
                    moment=moment,
                )
                created, updated = created + new, updated + (not new)
        return {
            "links_created": created,
            "links_updated": updated,
            "links": [
                {"source_id": given[left], "target_id": given[right], "similarity": similarity}
                for left, right, similarity in links
            ],
            "documents_processed": len(inputs) - len(skipped),
            "skipped": skipped,
            "dry_run": dry_run,
        }


def normalise_relation(field: str, relation: str) -> str:
    """A relation's name in lower snake_case.

    Raises:
        LtmcError: INVALID_ARGUMENT when it is none.
    """
    name = re.sub(r"[\s-]+", "_", relation.strip()).lower()
    if not RELATION.fullmatch(name):
        raise invalid(
            field, relation, "a name such as depends_on: a letter, then letters, digits or _, up to 64"
        )
    return name


def _most_alike(
    vectors: dict[str, bytes], inputs: Sequence[str], threshold: float, max_links: int
) -> list[tuple[str, str, float]]:
    """Pairs with at least one input, the most alike first, none in more than `max_links` of them."""
    pairs = combinations(inputs, 2) if len(inputs) > 1 else ((inputs[0], other) for other in vectors)
    rated: list[tuple[str, str, float]] = []
    for left, right in pairs:
        if left != right:
            similarity = round(cosine(vectors[left], vectors[right]), 4)
            rated.append((min(left, right), max(left, right), similarity))
    rated.sort(key=lambda pair: (-pair[2], pair[:2]))
    used: Counter[str] = Counter()
    kept = []
    for left, right, similarity in rated:
        if similarity >= threshold and used[left] < max_links and used[right] < max_links and similarity > 0:
            used.update((left, right))
            kept.append((left, right, similarity))
    return kept


async def _resource(tx: Transaction, project: str, reference: str) -> Row | None:
    """The resource that a reference names: by id, or by file name (its newest version)."""
    digits = reference.removeprefix("resource:")
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        found = await resources.get(tx, project, int(digits))
        if found is not None:
            return found
    return await resources.newest_by_name(tx, project, reference)


async def _resolve(tx: Transaction, project: str, reference: str) -> str:
    """The node id of a reference: ``resource:<id>`` for a stored memory, else the reference itself."""
    resource = await _resource(tx, project, reference)
    return reference if resource is None else f"resource:{resource['id']}"


async def _known_nodes(tx: Transaction, project: str, reference: str) -> list[str]:
    """The nodes that exist under a reference; a file name means each of its versions, the newest first."""
    candidates = [await _resolve(tx, project, reference), reference]
    candidates += [f"resource:{row['id']}" for row in await resources.versions(tx, project, reference)]
    known = {row["node_id"] for row in await graph.nodes(tx, project, candidates)}
    return [node_id for node_id in dict.fromkeys(candidates) if node_id in known]


async def _ensure(tx: Transaction, project: str, node_id: str, moment: str) -> bool:
    """Make the node where it is missing; whether a free-form entity was made."""
    if node_id.startswith("resource:") and (resource := await _resource(tx, project, node_id)) is not None:
        await graph.insert_node(
            tx, project, node_id, "resource", str(resource["id"]), resource["file_name"], moment
        )
        return False
    return await graph.insert_node(tx, project, node_id, "entity", None, node_id, moment)


async def _alike(tx: Transaction, project: str, resource: Row, linked: set[str]) -> list[dict[str, Any]]:
    """Memories whose texts are like this one's and that are not linked with it, the most alike first."""
    text = resource["content"]
    ranking = await index.search(
        tx, CHUNK, text[:LOOKED_FOR], project_id=project, mode="semantic", per_group=1, limit=4 * SUGGESTED
    )
    chunks = await index.originals(tx, CHUNK, ranking.hits)
    encode = index.model().encode
    own = encode(text)
    found = []
    for other in dict.fromkeys(row.resource_id for row, _ in chunks):
        if other == resource["id"] or f"resource:{other}" in linked:
            continue
        row = await resources.get(tx, project, other)
        if row is not None and (similarity := round(cosine(own, encode(row["content"])), 4)) >= LIKE:
            found.append({"resource_id": other, "file_name": row["file_name"], "similarity": similarity})
    return sorted(found, key=lambda one: (-one["similarity"], one["resource_id"]))[:SUGGESTED]


async def _closest(tx: Transaction, project: str, entity: str) -> list[str]:
    labels = {row["label"].lower(): row["node_id"] for row in await graph.labels(tx, project)}
    near = difflib.get_close_matches(entity.lower(), labels, n=5, cutoff=0.5)
    return [labels[label] for label in near]


def _ends(edge: Row) -> tuple[str, str]:
    return edge["source_id"], edge["target_id"]


def _relationship(edge: Row) -> dict[str, Any]:
    inverse = INVERSES.get(edge["relation"])
    return {
        "source_id": edge["source_id"],
        "target_id": edge["target_id"],
        "relation": edge["relation"],
        **({"inverse": inverse} if inverse else {}),
        "weight": edge["weight"],
        "auto": bool(edge["auto"]),
    }
