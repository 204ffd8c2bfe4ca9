"""Links between documents whose texts are alike."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.graph.references import ensure, node_of, resource_of
from ltmc.features.graph.results import AutoLinked, SkippedDocument
from ltmc.features.graph.service import SIMILAR
from ltmc.search import index
from ltmc.search.analysis import terms
from ltmc.search.vectors import cosine
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import graph, resources
from ltmc.timestamps import now
from ltmc.tools.arguments import LinkedDocument
from ltmc.tools.project_scope import project_of


@dataclass(frozen=True, slots=True)
class Text:
    """A document's text; `reference`: what the caller knows it by; `resource_id`: of a memory's."""

    reference: str
    content: str
    resource_id: int | None = None


class LinkingService:
    """Finds documents that are alike and links them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def link_similar(
        self,
        documents: Sequence[LinkedDocument],
        *,
        threshold: float,
        max_links: int,
        dry_run: bool,
        project_id: str | None,
    ) -> AutoLinked:
        """Link documents whose texts are alike, the most alike pairs first.

        Args:
            documents: one is compared with every memory, several with each other.
            threshold: the least cosine, 0 to 1.
        """
        project, moment = project_of(project_id), now()
        created = updated = 0
        async with self._engine.read() as tx:
            texts = await _texts(tx, project, documents)
            given = list(texts)
            if len(given) == 1:
                for row in await resources.live(tx, project, moment):
                    texts.setdefault(f"resource:{row.id}", Text(str(row.id), row.content, row.id))
            known = await index.document_vectors(tx, [text.resource_id for text in texts.values()])
        skipped, links = await asyncio.to_thread(_compared, texts, known, given, threshold, max_links)
        if links and not dry_run:  # what was deleted meanwhile is not linked
            async with self._engine.write(project) as tx:
                stored = {node for link in links for node in link[:2] if node.startswith("resource:")}
                gone = {node for node in stored if await resource_of(tx, project, node) is None}
                links = [link for link in links if gone.isdisjoint(link[:2])]
                for left, right, similarity in links:
                    for node in (left, right):
                        await ensure(tx, project, node, moment)
                    edge, new = await graph.upsert_edge(
                        tx,
                        project,
                        left,
                        right,
                        SIMILAR,
                        weight=similarity,
                        auto=True,
                        moment=moment,
                    )
                    created, updated = created + new, updated + (edge.auto and not new)
        return {
            "links_created": created,
            "links_updated": updated,
            "links": [
                {"source_id": left, "target_id": right, "similarity": similarity}
                for left, right, similarity in links
            ],
            "documents_processed": len(given) - len(skipped),
            "skipped": skipped,
            "dry_run": dry_run,
        }


async def _texts(tx: Transaction, project: str, documents: Sequence[LinkedDocument]) -> dict[str, Text]:
    """Return the texts of documents by their nodes; those without content are memories."""
    found: dict[str, Text] = {}
    for place, document in enumerate(documents):
        field, reference = f"documents[{place}].id", document["id"]
        node = await node_of(tx, project, field, reference)
        if node.lower() in map(str.lower, found):
            raise invalid(field, reference, "each document once")
        content, resource_id = document.get("content"), None
        if content is None:
            resource = await resource_of(tx, project, reference)
            if resource is None:
                raise LtmcError(
                    ErrorCode.NOT_FOUND,
                    f"{field}: {reference!r} is not stored; give its content.",
                    field=field,
                    details={"value": reference},
                )
            content, resource_id = resource.content, resource.id
        found[node] = Text(reference, content, resource_id)
    return found


def _compared(
    texts: dict[str, Text],
    stored: dict[int, bytes],
    given: Sequence[str],
    threshold: float,
    max_links: int,
) -> tuple[list[SkippedDocument], list[tuple[str, str, float]]]:
    """Return the given texts without words, and the links between what is alike.

    Args:
        stored: the vectors of memories by their ids; what has none is embedded.
    """
    skipped: list[SkippedDocument] = [
        {"id": texts[node].reference, "reason": "its text has no words to compare"}
        for node in given
        if next(terms(texts[node].content), None) is None
    ]
    vectors = {node: stored[text.resource_id] for node, text in texts.items() if text.resource_id in stored}
    others = [node for node in texts if node not in vectors]
    embedded = index.embedded_together(texts[node].content for node in others)
    vectors |= dict(zip(others, embedded, strict=True))
    return skipped, _most_alike(vectors, given, threshold, max_links)


def _most_alike(
    vectors: dict[str, bytes], given: Sequence[str], threshold: float, max_links: int
) -> list[tuple[str, str, float]]:
    """Return pairs with one of `given`, the most alike first, each document in at most `max_links` of them."""
    pairs: Iterable[tuple[str, str]] = combinations(given, 2)
    if len(given) == 1:
        pairs = ((given[0], other) for other in vectors if other != given[0])
    rated = [(min(pair), max(pair), round(cosine(vectors[pair[0]], vectors[pair[1]]), 4)) for pair in pairs]
    rated.sort(key=lambda pair: (-pair[2], pair[:2]))
    used: Counter[str] = Counter()
    kept = []
    for left, right, similarity in rated:
        if similarity >= threshold and used[left] < max_links and used[right] < max_links and similarity > 0:
            used.update((left, right))
            kept.append((left, right, similarity))
    return kept
