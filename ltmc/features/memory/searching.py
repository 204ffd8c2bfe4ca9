"""Finding memories, chats and code again."""

import time
from collections.abc import Sequence
from typing import Any

from ltmc.features.memory.filters import SEARCHED, Filters
from ltmc.features.memory.results import (
    FilteredSearch,
    MemoriesFound,
    MemoriesRetrieved,
    MemoryHit,
    RecalledByType,
)
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT, CHUNK, MESSAGE, PATTERN, TODO, Kind, chunk_view
from ltmc.search.packing import Passage, pack
from ltmc.search.requests import Hit, Mode
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.sources import Searchable, count
from ltmc.storage.tables import usage_log
from ltmc.storage.tables.resources import Chunk
from ltmc.storage.tables.usage_log import RetrievalEvent
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import project_of

CHUNKS_PER_RESOURCE = 2
"""How many chunks of one memory a search may return, so that one long document does not fill the page."""

COUNTED = 50_000
"""Up to this many things of a project are counted one by one for each search; beyond it that takes longer than the
search, and what the index holds is taken."""

WHOLE_CONTEXT_TOKENS = 128_000
"""The budget of the joined text of results."""

TYPES_BESIDE_MEMORIES: dict[str, Kind[Any]] = {
    "chat": MESSAGE,
    "todo": TODO,
    "pattern": PATTERN,
    "blueprint": BLUEPRINT,
}
"""What can be recalled by type beside the types of memories, and its kind."""


class SearchService:
    """Searches; each is written to the log of use."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._mode: Mode = settings.search_mode

    async def retrieve(
        self,
        query: str,
        *,
        conversation_id: str | None,
        top_k: int,
        offset: int,
        min_score: float,
        resource_type: str | None,
        project_id: str | None,
        explain: bool,
    ) -> MemoriesRetrieved:
        """Return the memories that match, with their joined text."""
        found = await self.find(
            query,
            tool="retrieve_memory",
            conversation_id=conversation_id,
            top_k=top_k,
            offset=offset,
            min_score=min_score,
            resource_type=resource_type,
            project_id=project_id,
            explain=explain,
        )
        context = pack([passage_of(hit) for hit in found["results"]], WHOLE_CONTEXT_TOKENS).text
        return {
            "results": found["results"],
            "context": context,
            "count": found["count"],
            "total": found["total"],
            "has_more": found["has_more"],
            "search_mode": found["search_mode"],
        }

    async def find(
        self,
        query: str,
        *,
        tool: str,
        conversation_id: str | None = None,
        top_k: int,
        offset: int = 0,
        min_score: float = 0.0,
        resource_type: str | None = None,
        project_id: str | None,
        every_term: bool = False,
        explain: bool = False,
    ) -> MemoriesFound:
        """Return the memories that match.

        Args:
            tool: the tool that asks, for the log of use.
        """
        started = time.perf_counter()
        project = project_of(project_id)
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx,
                CHUNK,
                query,
                project_id=project,
                where={"resource_type": [resource_type]} if resource_type else {},
                mode=self._mode,
                every_term=every_term,
                min_score=min_score,
                per_group=CHUNKS_PER_RESOURCE,
                limit=top_k,
                offset=offset,
            )
            found = await index.load_rows(tx, CHUNK, ranking.hits)
        chunks = [(row.id, hit.score) for row, hit in found]
        self._log(tool, project, conversation_id, query, top_k, ranking.mode, started, len(found), chunks)
        return {
            "results": [_memory_hit(row, hit, explain=explain) for row, hit in found],
            **page_counts(found, ranking.total, offset),
            "search_mode": ranking.mode,
        }

    async def recall_by_type(
        self, query: str, doc_type: str, *, top_k: int, offset: int, project_id: str | None
    ) -> RecalledByType:
        """Return what matches among one type, stored or virtual; a blank query lists the newest."""
        kind = TYPES_BESIDE_MEMORIES.get(doc_type)
        if kind is None:
            found = await self.find(
                query,
                tool="retrieve_by_type",
                top_k=top_k,
                offset=offset,
                resource_type=doc_type,
                project_id=project_id,
            )
            return {**found, "results": [*found["results"]], "doc_type": doc_type}
        started, project = time.perf_counter(), project_of(project_id)
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx, kind, query, project_id=project, mode=self._mode, limit=top_k, offset=offset
            )
            results = await index.results(tx, kind, ranking.hits)
        self._log("retrieve_by_type", project, None, query, top_k, ranking.mode, started, len(results), [])
        return {
            "results": [*results],
            **page_counts(results, ranking.total, offset),
            "search_mode": ranking.mode,
            "doc_type": doc_type,
        }

    async def search(
        self,
        query: str,
        filters: dict[str, Any],
        *,
        top_k: int,
        offset: int,
        project_id: str | None,
        explain: bool = False,
    ) -> FilteredSearch:
        """Search memories, chats and code patterns together, narrowed by filters."""
        started, project = time.perf_counter(), project_of(project_id)
        parsed = Filters.parse(filters)
        found: list[tuple[str, Searchable, Hit]] = []
        scanned = total = 0
        modes: set[str] = set()
        async with self._engine.read() as tx:
            for source, where in parsed.by_source().items():
                kind = SEARCHED[source]
                ranking = await index.search(
                    tx,
                    kind,
                    query,
                    project_id=project,
                    where=where,
                    mode=self._mode,
                    min_score=parsed.min_score,
                    per_group=CHUNKS_PER_RESOURCE if kind is CHUNK else 0,
                    limit=top_k + offset,
                )
                exact = where or ranking.entries < COUNTED
                scanned += (
                    await count(tx, kind.source, {"project": [project], **where})
                    if exact
                    else ranking.entries
                )
                total += ranking.total
                modes.add(ranking.mode)
                found += [(source, row, hit) for row, hit in await index.load_rows(tx, kind, ranking.hits)]
        found.sort(key=lambda item: item[1].created_at, reverse=True)
        found.sort(key=lambda item: -item[2].score)
        page = found[offset : offset + top_k]
        mode = "+".join(sorted(modes)) or "lexical"
        chunks = [(row.id, hit.score) for source, row, hit in page if source == "memory"]
        conversation = parsed.conversation
        self._log(
            "advanced_context_search", project, conversation, query, top_k, mode, started, len(page), chunks
        )
        return {
            "results": [
                {
                    "source": source,
                    **index.result(SEARCHED[source], row, hit, explain=explain),
                    "matched_filters": parsed.names,
                }
                for source, row, hit in page
            ],
            "filters_applied": filters,
            "total_scanned": scanned,
            **page_counts(page, total, offset),
            "search_mode": mode,
        }

    def _log(
        self,
        tool: str,
        project: str,
        conversation_id: str | None,
        query: str,
        top_k: int,
        mode: str,
        started: float,
        result_count: int,
        chunks: Sequence[tuple[int, float]],
    ) -> None:
        latency = round((time.perf_counter() - started) * 1000, 3)
        event = RetrievalEvent(
            0, project, conversation_id, tool, query, top_k, result_count, mode, latency, now()
        )
        self._engine.log(lambda tx: usage_log.insert_retrieval(tx, event, chunks))


def passage_of(hit: MemoryHit) -> Passage:
    """Return a hit as a text to pack."""
    return Passage(str(hit["chunk_id"]), hit["content"], hit["file_name"], hit["score"])


def _memory_hit(row: Chunk, hit: Hit, *, explain: bool) -> MemoryHit:
    scored: MemoryHit = {**chunk_view(row), "score": hit.score, "score_parts": hit.parts}
    if not explain:
        del scored["score_parts"]
    return scored
