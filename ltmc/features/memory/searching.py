"""Finding memories, chats and code again."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from ltmc.features.memory.filters import SEARCHED, Filters
from ltmc.features.memory.named_files import NamedFiles
from ltmc.features.memory.results import (
    FilteredSearch,
    MemoriesFound,
    MemoriesRetrieved,
    MemoryHit,
    RecalledByType,
)
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT, CHUNK, MESSAGE, PAST, PATTERN, TODO, Kind, chunk_view
from ltmc.search.packing import Passage, pack
from ltmc.search.requests import Hit, Mode
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.sources import COUNTED, Searchable, counts
from ltmc.storage.tables import usage_log
from ltmc.storage.tables.resources import Chunk
from ltmc.storage.tables.usage_log import RetrievalEvent
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import marked, projects_read

CHUNKS_PER_RESOURCE = 1
"""How many chunks of one memory a search returns: the best; get_memory has the rest."""

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

    def __init__(self, engine: Engine, settings: Settings, files: NamedFiles) -> None:
        self._engine, self._files = engine, files
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
        include_superseded: bool = False,
        as_of: str | None = None,
        include_context: bool = False,
    ) -> MemoriesFound | MemoriesRetrieved:
        """Return the memories that match, with their joined text if asked for."""
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
            include_superseded=include_superseded,
            as_of=as_of,
        )
        if not include_context:
            return found
        passages = [passage_of(hit) for hit in found["results"]]
        context = (await asyncio.to_thread(pack, passages, WHOLE_CONTEXT_TOKENS)).text
        return {**found, "context": context}

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
        per_resource: int = CHUNKS_PER_RESOURCE,
        include_superseded: bool = False,
        as_of: str | None = None,
    ) -> MemoriesFound:
        """Return the memories that match and are current.

        Args:
            tool: the tool that asks, for the log of use.
            include_superseded: also those that are not current, or not any more.
            as_of: instead of what is current now, what was at this moment.
        """
        started = time.perf_counter()
        projects = projects_read(project_id)
        where = {"resource_type": [resource_type]} if resource_type else {}
        if as_of is not None:
            where["valid_at"] = [as_of]
        any_time = include_superseded or as_of is not None
        if any_time:
            where["unexpired"] = [now()]
        rankings: list[index.Ranking] = []
        found: list[tuple[Chunk, Hit]] = []
        async with self._engine.read() as tx:
            for kind in (CHUNK, PAST) if any_time else (CHUNK,):
                ranking = await index.search(
                    tx,
                    kind,
                    query,
                    projects=projects,
                    where=where,
                    mode=self._mode,
                    every_term=every_term,
                    min_score=min_score,
                    per_group=per_resource,
                    limit=top_k + offset if any_time else top_k,
                    offset=0 if any_time else offset,
                    any_time=any_time,
                )
                rankings.append(ranking)
                found += await index.load_rows(tx, kind, ranking.hits)
        if any_time:
            found = _heirs_first(found)[offset : offset + top_k]
        marks = index.marks_of(found, *rankings)
        chunks = [(row.id, hit.score) for row, hit in found]
        self._log(
            tool, projects[0], conversation_id, top_k, marks["search_mode"], started, len(found), chunks
        )
        return {
            "results": await self._memory_hits(projects, found, explain=explain),
            **page_counts(found, sum(ranking.total for ranking in rankings), offset),
            **marks,
        }

    async def stale(self, project: str, rows: Sequence[Chunk]) -> list[list[str]]:
        """Return for each part of a memory the files that changed since it was stored."""
        return await self._files.changed(project, [row.files for row in rows])

    async def _memory_hits(
        self, projects: list[str], found: Sequence[tuple[Chunk, Hit]], *, explain: bool
    ) -> list[MemoryHit]:
        """Return hits as results show them, with the files that changed since they were stored."""
        changed = await self.stale(projects[0], [row for row, _ in found])
        return [
            marked(_memory_hit(row, hit, names, explain=explain), row.project_id, projects)
            for (row, hit), names in zip(found, changed, strict=True)
        ]

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
        started, projects = time.perf_counter(), projects_read(project_id)
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx, kind, query, projects=projects, mode=self._mode, limit=top_k, offset=offset
            )
            found_rows = await index.load_rows(tx, kind, ranking.hits)
        results = await asyncio.to_thread(
            lambda: [
                marked(index.result(kind, row, hit, query), row.project_id, projects)
                for row, hit in found_rows
            ]
        )
        self._log("retrieve_by_type", projects[0], None, top_k, ranking.mode, started, len(results), [])
        return {
            "results": [*results],
            **page_counts(results, ranking.total, offset),
            **index.marks_of(results, ranking),
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
        started, projects = time.perf_counter(), projects_read(project_id)
        parsed = Filters.parse(filters)
        found: list[tuple[str, Searchable, Hit]] = []
        scanned = 0
        rankings: list[index.Ranking] = []
        async with self._engine.read() as tx:
            for source, where in parsed.by_source().items():
                kind = SEARCHED[source]
                ranking = await index.search(
                    tx,
                    kind,
                    query,
                    projects=projects,
                    where=where,
                    mode=self._mode,
                    min_score=parsed.min_score,
                    per_group=CHUNKS_PER_RESOURCE if kind is CHUNK else 0,
                    limit=top_k + offset,
                )
                if ranking.rows is not None:
                    scanned += ranking.rows
                elif where or ranking.entries < COUNTED:
                    inside = {"project": projects, **where, **kind.source.present(now(), projects)}
                    scanned += (await counts(tx, kind.source, inside, per_group=0)).rows
                else:
                    scanned += ranking.entries
                rankings.append(ranking)
                found += [(source, row, hit) for row, hit in await index.load_rows(tx, kind, ranking.hits)]
        if not query.strip():
            found.sort(key=lambda item: item[1].created_at, reverse=True)
        found.sort(key=lambda item: -item[2].score)
        page = found[offset : offset + top_k]
        marks = index.marks_of(page, *rankings)
        chunks = [(row.id, hit.score) for source, row, hit in page if source == "memory"]
        tool, mode, conversation = "advanced_context_search", marks["search_mode"], parsed.conversation
        self._log(tool, projects[0], conversation, top_k, mode, started, len(page), chunks)
        files = [row.files if isinstance(row, Chunk) else [] for _, row, _ in page]
        changed = await self._files.changed(projects[0], files)
        shown = await asyncio.to_thread(
            lambda: [
                index.result(SEARCHED[source], row, hit, query, explain=explain) for source, row, hit in page
            ]
        )
        return {
            "results": [
                {
                    "source": source,
                    **marked(result, row.project_id, projects),
                    **({"stale": names} if names else {}),
                }
                for (source, row, _), result, names in zip(page, shown, changed, strict=True)
            ],
            "filters_applied": filters,
            "total_scanned": scanned,
            **page_counts(page, sum(ranking.total for ranking in rankings), offset),
            **marks,
        }

    def _log(
        self,
        tool: str,
        project: str,
        conversation_id: str | None,
        top_k: int,
        mode: str,
        started: float,
        result_count: int,
        chunks: Sequence[tuple[int, float]],
    ) -> None:
        latency = round((time.perf_counter() - started) * 1000, 3)
        event = RetrievalEvent(0, project, conversation_id, tool, top_k, result_count, mode, latency, now())
        self._engine.log(lambda tx: usage_log.insert_retrieval(tx, event, chunks))


def passage_of(hit: MemoryHit) -> Passage:
    """Return a hit as a text to pack."""
    heir = hit.get("superseded_by", {}).get("file_name") if "superseded_at" in hit else None
    name = named_with(hit["file_name"], heir, hit.get("stale", []), past="superseded_at" in hit)
    return Passage(str(hit["chunk_id"]), hit["content"], name, hit["score"])


def named_with(file_name: str, heir: str | None, stale: Sequence[str], *, past: bool) -> str:
    """Return the name of a memory in a context, with what speaks against it."""
    marks = [f"superseded by {heir}" if heir else "superseded"] if past else []
    marks += [f"stale: {', '.join(stale)}"] if stale else []
    return f"{file_name} ({'; '.join(marks)})" if marks else file_name


def _heirs_first(found: Sequence[tuple[Chunk, Hit]]) -> list[tuple[Chunk, Hit]]:
    """Return hits best first, but what was superseded after that by which it was."""
    score = {row.resource_id: hit.score for row, hit in reversed(found)}
    heirs = {row.resource_id: row.superseded_by for row, _ in found}

    def place(row: Chunk, hit: Hit) -> tuple[float, int]:
        best, steps, heir, seen = hit.score, 0, row.superseded_by, {row.resource_id}
        while heir in score and heir not in seen:
            seen.add(heir)
            best, steps, heir = min(best, score[heir]), steps + 1, heirs[heir]
        return -best, steps

    return sorted(found, key=lambda item: place(*item))


def _memory_hit(row: Chunk, hit: Hit, changed: list[str], *, explain: bool) -> MemoryHit:
    scored: MemoryHit = {
        **chunk_view(row),
        "score": hit.score,
        "score_parts": hit.parts,
        "stale": changed,
    }
    if not explain:
        del scored["score_parts"]
    if not changed:
        del scored["stale"]
    return scored
