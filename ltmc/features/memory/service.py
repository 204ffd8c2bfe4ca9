"""Storing memories and finding them again."""

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

from ltmc.code.traits import complexity_of, language_of
from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.memory.filters import SEARCHED, Filters
from ltmc.search import index
from ltmc.search.chunking import chunk
from ltmc.search.index import Ranking
from ltmc.search.kinds import BLUEPRINT, CHUNK, MESSAGE, PATTERN, TODO, Kind
from ltmc.search.packing import Document, best_sentences, pack
from ltmc.search.ranking import Mode
from ltmc.search.token_count import count_tokens
from ltmc.settings import Settings
from ltmc.storage.engine import Engine, Row, Transaction
from ltmc.storage.sources import count
from ltmc.storage.tables import chats, resources
from ltmc.storage.tables import usage_log as telemetry
from ltmc.storage.tables.resources import Chunk
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import project_of

CHUNKS_PER_RESOURCE = 2
"""How many chunks of one memory a search may return, so that one long document does not fill the page."""

HISTORY_SHARE = 0.3
"""The share of the tokens that the conversation's history may take in a context."""

COUNTED = 50_000
"""Up to this many things of a project are counted one by one for each search; beyond it that takes longer than the
search, and what the index holds is taken."""

ANSWER_SENTENCES = 4
VIRTUAL_TYPES: dict[str, Kind[Any]] = {
    "chat": MESSAGE,
    "todo": TODO,
    "pattern": PATTERN,
    "blueprint": BLUEPRINT,
}
"""What can be recalled by type beside the stored types, and its kind."""


class MemoryService:
    """Memories: stored whole and in chunks, found by chunk."""

    def __init__(self, database: Engine, settings: Settings) -> None:
        self._database = database
        self._search_mode: Mode = settings.search_mode

    async def store(
        self,
        *,
        file_name: str,
        content: str,
        resource_type: str,
        tags: Sequence[str],
        metadata: dict[str, Any],
        on_conflict: str,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Store a memory, unless the same content is already live under the same name.

        Raises:
            LtmcError: CONFLICT when `on_conflict` is ``error`` and the name holds other content.
        """
        project = project_of(project_id)
        content_hash = hashlib.sha256(content.encode()).hexdigest()
        chunks = chunk(content)
        language = language_of(file_name, content) if resource_type == "code" else None
        moment = now()
        async with self._database.write(project) as tx:
            known = await resources.versions(tx, project, file_name)
            live = [row for row in known if not row["archived"]]
            for row in live:
                if row["content_hash"] == content_hash:
                    return _stored(row["id"], row["chunk_count"], row, file_name, deduplicated=True)
            if live and on_conflict == "error":
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"file_name: {file_name!r} already holds other content (version {live[0]['version']}); "
                    "use on_conflict 'version' or 'replace'.",
                    field="file_name",
                    details={"resource_id": live[0]["id"], "version": live[0]["version"]},
                )
            if on_conflict == "replace":
                for row in live:
                    await index.remove(
                        tx, CHUNK, [part["id"] for part in await resources.chunks_of(tx, row["id"])]
                    )
                await resources.archive(tx, project, file_name, moment)
            version = known[0]["version"] + 1 if known else 1
            resource_id = await resources.insert(
                tx,
                project_id=project,
                file_name=file_name,
                resource_type=resource_type,
                content=content,
                content_hash=content_hash,
                version=version,
                tags=tags,
                metadata=json.dumps(metadata, ensure_ascii=False),
                language=language,
                complexity=complexity_of(content) if resource_type == "code" else None,
                moment=moment,
            )
            chunk_ids = await resources.insert_chunks(
                tx, resource_id, [(part.start, part.end, part.text, part.tokens) for part in chunks]
            )
            await index.add(
                tx,
                CHUNK,
                [
                    Chunk(
                        chunk_id,
                        project,
                        resource_id,
                        ordinal,
                        part.start,
                        part.text,
                        file_name,
                        resource_type,
                        list(tags),
                        version,
                        moment,
                    )
                    for ordinal, (chunk_id, part) in enumerate(zip(chunk_ids, chunks, strict=True))
                ],
            )
        row = {"version": version, "type": resource_type, "created_at": moment}
        return _stored(resource_id, len(chunks), row, file_name, deduplicated=False)

    async def retrieve(
        self,
        query: str,
        *,
        tool: str,
        conversation_id: str | None,
        top_k: int,
        offset: int,
        min_score: float,
        resource_type: str | None,
        project_id: str | None,
        explain: bool = False,
    ) -> dict[str, Any]:
        """The memories that match, as results with their joined text."""
        found = await self.find(
            query,
            tool=tool,
            conversation_id=conversation_id,
            top_k=top_k,
            offset=offset,
            min_score=min_score,
            resource_type=resource_type,
            project_id=project_id,
            explain=explain,
        )
        context = pack([_document(result) for result in found["results"]], 128_000).text
        return {"results": found.pop("results"), "context": context, **found}

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
    ) -> dict[str, Any]:
        """The memories that match, as results alone."""
        started = time.perf_counter()
        project = project_of(project_id)
        where = {"resource_type": [resource_type]} if resource_type else {}
        async with self._database.read() as tx:
            ranking = await index.search(
                tx,
                CHUNK,
                query,
                project_id=project,
                where=where,
                mode=self._search_mode,
                every_term=every_term,
                min_score=min_score,
                per_group=CHUNKS_PER_RESOURCE,
                limit=top_k,
                offset=offset,
            )
            results = await index.results(tx, CHUNK, ranking.hits, explain=explain)
        self._log(
            tool, project, conversation_id, query, top_k, ranking.mode, time.perf_counter() - started, results
        )
        return {"results": results, **_counts(results, ranking, offset)}

    async def recall_by_type(
        self, query: str, doc_type: str, *, top_k: int, offset: int, project_id: str | None
    ) -> dict[str, Any]:
        """What matches among one type, stored or virtual; a blank query lists the newest."""
        if doc_type in VIRTUAL_TYPES:
            started = time.perf_counter()
            project, kind = project_of(project_id), VIRTUAL_TYPES[doc_type]
            async with self._database.read() as tx:
                ranking = await index.search(
                    tx,
                    kind,
                    query,
                    project_id=project,
                    mode=self._search_mode,
                    limit=top_k,
                    offset=offset,
                )
                results = await index.results(tx, kind, ranking.hits)
            elapsed = time.perf_counter() - started
            self._log("retrieve_by_type", project, None, query, top_k, ranking.mode, elapsed, results)
            found: dict[str, Any] = {"results": results, **_counts(results, ranking, offset)}
        else:
            found = await self.find(
                query,
                tool="retrieve_by_type",
                top_k=top_k,
                offset=offset,
                resource_type=doc_type,
                project_id=project_id,
            )
        return {**found, "doc_type": doc_type}

    async def search(
        self,
        query: str,
        filters: dict[str, Any],
        *,
        top_k: int,
        offset: int,
        project_id: str | None,
        explain: bool = False,
    ) -> dict[str, Any]:
        """Search memories, chats and code patterns together, narrowed by filters."""
        started = time.perf_counter()
        project = project_of(project_id)
        parsed = Filters.parse(filters)
        found: list[dict[str, Any]] = []
        scanned = total = 0
        modes: set[str] = set()
        async with self._database.read() as tx:
            for source, where in parsed.by_source().items():
                kind = SEARCHED[source]
                ranking = await index.search(
                    tx,
                    kind,
                    query,
                    project_id=project,
                    where=where,
                    mode=self._search_mode,
                    min_score=parsed.min_score,
                    per_group=CHUNKS_PER_RESOURCE if kind is CHUNK else 0,
                    limit=top_k + offset,
                )
                if where or ranking.entries < COUNTED:
                    scanned += await count(tx, kind.source, {"project": [project], **where})
                else:
                    scanned += ranking.entries
                total += ranking.total
                modes.add(ranking.mode)
                found += [
                    {"source": source, **result, "matched_filters": parsed.names}
                    for result in await index.results(tx, kind, ranking.hits, explain=explain)
                ]
        found.sort(key=lambda result: result["created_at"], reverse=True)
        found.sort(key=lambda result: -result["score"])
        page = found[offset : offset + top_k]
        mode = "+".join(sorted(modes)) or "lexical"
        elapsed = time.perf_counter() - started
        self._log("advanced_context_search", project, parsed.conversation, query, top_k, mode, elapsed, page)
        return {
            "results": page,
            "filters_applied": filters,
            "total_scanned": scanned,
            **page_counts(page, total, offset),
            "search_mode": mode,
        }

    async def ask(
        self,
        query: str,
        *,
        conversation_id: str | None,
        top_k: int,
        max_tokens: int,
        include_history: bool,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Answer with sentences quoted from memory, each with its source."""
        found = await self.find(
            query,
            tool="ask_with_context",
            conversation_id=conversation_id,
            top_k=top_k,
            project_id=project_id,
        )
        results = found["results"]
        history: list[dict[str, Any]] = []
        if conversation_id is not None and include_history:
            history = await self._history(
                project_of(project_id), conversation_id, int(max_tokens * HISTORY_SHARE)
            )
        spoken = "\n".join(f"{message['role']}: {message['content']}" for message in history)
        packed = pack([_document(result) for result in results], max_tokens - count_tokens(spoken))
        context = "\n\n".join(part for part in (spoken, packed.text) if part)
        quotes = best_sentences(
            query, [(result["content"], result["score"]) for result in results], ANSWER_SENTENCES
        )
        cited = list(dict.fromkeys(position for position, _ in quotes))
        answer = " ".join(f"{sentence} [{cited.index(position) + 1}]" for position, sentence in quotes)
        order = cited + [position for position in range(len(results)) if position not in cited]
        quote_of = dict(reversed(quotes))  # the best of each source
        return {
            "answer": answer or None,
            "context": context,
            "sources": [
                {
                    "resource_id": results[position]["resource_id"],
                    "chunk_id": results[position]["chunk_id"],
                    "file_name": results[position]["file_name"],
                    "score": results[position]["score"],
                    "quote": quote_of.get(position),
                }
                for position in order
            ],
            "history": history,
            "token_count": count_tokens(context),
            "answer_mode": "extractive" if answer else "none",
            **({} if answer else {"note": "Nothing in memory matches this question."}),
        }

    async def build_context(
        self,
        documents: Sequence[dict[str, Any]] | None,
        *,
        max_tokens: int,
        query: str | None,
        top_k: int,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Pack the given documents, or the memories that match the query, into a budget of tokens."""
        if documents is None:
            if query is None:
                raise LtmcError(
                    ErrorCode.INVALID_ARGUMENT,
                    "documents: missing, and so is query; give one of them.",
                    field="documents",
                )
            async with self._database.read() as tx:
                ranking = await index.search(
                    tx,
                    CHUNK,
                    query,
                    project_id=project_of(project_id),
                    mode=self._search_mode,
                    per_group=CHUNKS_PER_RESOURCE,
                    limit=top_k,
                )
                results = await index.results(tx, CHUNK, ranking.hits)
            given = [_document(result) for result in results]
        else:
            given = [
                Document(
                    str(document.get("id") or position),
                    document["content"],
                    document.get("title") or "",
                    document.get("score") or 0.0,
                )
                for position, document in enumerate(documents)
            ]
        packed = pack(given, max_tokens)
        return {
            "context": packed.text,
            "token_count": packed.tokens,
            "documents_included": len(packed.included),
            "documents_truncated": len(packed.truncated),
            "documents_omitted": len(packed.omitted),
            "included_ids": packed.included,
            "truncated_ids": packed.truncated,
            "omitted_ids": packed.omitted,
            "max_tokens": max_tokens,
        }

    async def _history(self, project: str, conversation_id: str, max_tokens: int) -> list[dict[str, Any]]:
        """The last messages of a conversation that fit, oldest first."""
        async with self._database.read() as tx:
            rows = await chats.last(tx, project, conversation_id, 50)
        kept: list[dict[str, Any]] = []
        for row in rows:
            max_tokens -= count_tokens(f"{row.role}: {row.content}")
            if max_tokens < 0:
                break
            kept.append(
                {
                    "message_id": row.id,
                    "role": row.role,
                    "content": row.content,
                    "timestamp": row.created_at,
                }
            )
        return kept[::-1]

    def _log(
        self,
        tool: str,
        project: str,
        conversation_id: str | None,
        query: str,
        top_k: int,
        mode: str,
        seconds: float,
        results: Sequence[dict[str, Any]],
    ) -> None:
        chunks = [(result["chunk_id"], result["score"]) for result in results if "chunk_id" in result]

        async def write(tx: Transaction) -> None:
            await telemetry.insert_retrieval(
                tx,
                project_id=project,
                conversation_id=conversation_id,
                tool=tool,
                query=query,
                top_k=top_k,
                search_mode=mode,
                latency_ms=seconds * 1000,
                result_count=len(results),
                chunks=chunks,
            )

        self._database.log(write)


def _stored(
    resource_id: int, chunk_count: int, row: Row, file_name: str, *, deduplicated: bool
) -> dict[str, Any]:
    return {
        "resource_id": resource_id,
        "chunk_count": chunk_count,
        "version": row["version"],
        "deduplicated": deduplicated,
        "file_name": file_name,
        "resource_type": row["type"],
        "created_at": row["created_at"],
    }


def _document(result: dict[str, Any]) -> Document:
    return Document(str(result["chunk_id"]), result["content"], result["file_name"], result["score"])


def _counts(results: Sequence[object], ranking: Ranking, offset: int) -> dict[str, Any]:
    return {**page_counts(results, ranking.total, offset), "search_mode": ranking.mode}
