"""Answers quoted from memory, and contexts that fit a budget of tokens."""

import asyncio
from collections.abc import Sequence

from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.memory import evidence
from ltmc.features.memory.evidence import Source
from ltmc.features.memory.results import Answer, Context, Turn
from ltmc.features.memory.searching import CHUNKS_PER_RESOURCE, SearchService, named_with
from ltmc.search import index, quoting
from ltmc.search.kinds import CHUNK
from ltmc.search.packing import Passage, pack
from ltmc.search.quoting import Quote
from ltmc.search.requests import Mode
from ltmc.search.token_count import count_tokens
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.tables import chats
from ltmc.storage.tables.chats import Message
from ltmc.tools.arguments import GivenDocument
from ltmc.tools.project_scope import project_of, projects_read

HISTORY_SHARE = 0.3
"""The share of the tokens that the conversation's history may take in a context."""

HISTORY_MESSAGES = 50
"""How many messages of a conversation are looked at."""

ANSWER_SENTENCES = 3
"""How many sentences an answer quotes at most."""

CHUNKS = 3
"""How many chunks of one memory an answer may be from; so many more than asked for are looked at."""

NEAREST = 3
"""How many sources are named where none has an answer."""

NO_ANSWER = "Memory holds no answer to this question."
NOT_SURE = "Memory holds no sure answer to this question; this is the nearest that there is."


class AnswerService:
    """Answers questions; no model is called."""

    def __init__(self, engine: Engine, settings: Settings, searches: SearchService) -> None:
        self._engine, self._searches = engine, searches
        self._mode: Mode = settings.search_mode

    async def ask(
        self,
        query: str,
        *,
        conversation_id: str | None,
        top_k: int,
        max_tokens: int,
        include_history: bool,
        include_context: bool = False,
        project_id: str | None,
    ) -> Answer:
        """Answer with sentences quoted from memory, each with its source."""
        project = project_of(project_id)
        found = await self._searches.find(
            query,
            tool="ask_with_context",
            conversation_id=conversation_id,
            top_k=top_k + CHUNKS,
            project_id=project_id,
            per_resource=CHUNKS,
        )
        sources = await evidence.of_memories(self._engine, found["results"])
        async with self._engine.read() as tx:
            sources += await evidence.beside_memories(
                tx, query, conversation_id, projects=projects_read(project_id), top_k=top_k, mode=self._mode
            )
        material = evidence.candidates(sources, code=quoting.asks_for_code(query))
        quotes = await asyncio.to_thread(
            quoting.best, query, material, ANSWER_SENTENCES, by_meaning=self._mode != "lexical"
        )
        history: list[Turn] = []
        if conversation_id is not None and include_history:
            history = await self._history(project, conversation_id, int(max_tokens * HISTORY_SHARE))
        return await asyncio.to_thread(
            _answer, sources, quotes, history, max_tokens, include_context=include_context
        )

    async def build_context(
        self,
        documents: Sequence[GivenDocument] | None,
        *,
        max_tokens: int,
        query: str | None,
        top_k: int,
        project_id: str | None,
    ) -> Context:
        """Pack the given documents, or the memories that match the query, into a budget of tokens."""
        if documents is not None:
            passages = [
                Passage(
                    str(document.get("id") or place),
                    document["content"],
                    document.get("title") or "",
                    document.get("score") or 0.0,
                )
                for place, document in enumerate(documents)
            ]
        elif query is not None:
            passages = await self._matching(query, top_k, projects_read(project_id))
        else:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                "documents: missing, and so is query; give one of them.",
                field="documents",
            )
        packed = await asyncio.to_thread(pack, passages, max_tokens)
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

    async def _matching(self, query: str, top_k: int, projects: list[str]) -> list[Passage]:
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx,
                CHUNK,
                query,
                projects=projects,
                mode=self._mode,
                per_group=CHUNKS_PER_RESOURCE,
                limit=top_k,
            )
            found = await index.load_rows(tx, CHUNK, ranking.hits)
        changed = await self._searches.stale(projects[0], [row for row, _ in found])
        return [
            Passage(str(row.id), row.text, named_with(row.file_name, None, names, past=False), hit.score)
            for (row, hit), names in zip(found, changed, strict=True)
        ]

    async def _history(self, project: str, conversation_id: str, max_tokens: int) -> list[Turn]:
        """Return the last messages of a conversation that fit, oldest first."""
        async with self._engine.read() as tx:
            messages = await chats.last(tx, project, conversation_id, HISTORY_MESSAGES)
        return await asyncio.to_thread(_fitting, messages, max_tokens)


def _fitting(messages: Sequence[Message], max_tokens: int) -> list[Turn]:
    """Return the first of the messages, which are newest first, that fit, oldest first."""
    kept: list[Turn] = []
    for message in messages:
        max_tokens -= count_tokens(f"{message.role}: {message.content}")
        if max_tokens < 0:
            break
        kept.append(
            {
                "message_id": message.id,
                "role": message.role,
                "content": message.content,
                "timestamp": message.created_at,
            }
        )
    return kept[::-1]


def _answer(
    sources: Sequence[Source],
    quotes: Sequence[Quote],
    history: list[Turn],
    max_tokens: int,
    *,
    include_context: bool,
) -> Answer:
    """Join the quotes to an answer, and pack the texts that they stand in."""
    cited = list(dict.fromkeys(quote.place for quote in quotes))
    best = {quote.place: quote.text for quote in reversed(quotes)}
    spoken = "\n".join(f"{turn['role']}: {turn['content']}" for turn in history)
    packed = pack([sources[place].passage for place in cited], max_tokens - count_tokens(spoken))
    context = "\n\n".join(part for part in (spoken, packed.text) if part)
    nearest = sorted(sources, key=lambda source: -source.shown["score"])[:NEAREST]
    answer: Answer = {
        "answer": " ".join(f"{quote.text} [{cited.index(quote.place) + 1}]" for quote in quotes) or None,
        "sources": [{**sources[place].shown, "quote": best[place]} for place in cited]
        or [source.shown for source in nearest],
        "history": history,
        "token_count": count_tokens(context),
        "answer_mode": "extractive" if quotes else "none",
    }
    if include_context:
        answer["context"] = context
    if not quotes:
        answer["note"] = NO_ANSWER
    elif quotes[0].score < quoting.SURE:
        answer["weak"], answer["note"] = True, NOT_SURE
    return answer
