"""Answers quoted from memory, and contexts that fit a budget of tokens."""

from collections.abc import Sequence

from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.memory.results import Answer, Context, Turn
from ltmc.features.memory.searching import CHUNKS_PER_RESOURCE, SearchService, passage_of
from ltmc.search import index
from ltmc.search.kinds import CHUNK
from ltmc.search.packing import Passage, best_sentences, pack
from ltmc.search.requests import Mode
from ltmc.search.token_count import count_tokens
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.tables import chats
from ltmc.tools.arguments import GivenDocument
from ltmc.tools.project_scope import project_of

HISTORY_SHARE = 0.3
"""The share of the tokens that the conversation's history may take in a context."""

HISTORY_MESSAGES = 50
"""How many messages of a conversation are looked at."""

ANSWER_SENTENCES = 4
"""How many sentences an answer quotes at most."""


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
        project_id: str | None,
    ) -> Answer:
        """Answer with sentences quoted from memory, each with its source."""
        found = await self._searches.find(
            query,
            tool="ask_with_context",
            conversation_id=conversation_id,
            top_k=top_k,
            project_id=project_id,
        )
        hits = found["results"]
        history: list[Turn] = []
        if conversation_id is not None and include_history:
            budget = int(max_tokens * HISTORY_SHARE)
            history = await self._history(project_of(project_id), conversation_id, budget)
        spoken = "\n".join(f"{turn['role']}: {turn['content']}" for turn in history)
        packed = pack([passage_of(hit) for hit in hits], max_tokens - count_tokens(spoken))
        context = "\n\n".join(part for part in (spoken, packed.text) if part)
        texts = [(hit["content"], hit["score"]) for hit in hits]
        quotes = best_sentences(query, texts, ANSWER_SENTENCES)
        cited = list(dict.fromkeys(place for place, _ in quotes))
        answer = " ".join(f"{sentence} [{cited.index(place) + 1}]" for place, sentence in quotes)
        best_quote = dict(reversed(quotes))  # of each source
        result: Answer = {
            "answer": answer or None,
            "context": context,
            "sources": [
                {
                    "resource_id": hits[place]["resource_id"],
                    "chunk_id": hits[place]["chunk_id"],
                    "file_name": hits[place]["file_name"],
                    "score": hits[place]["score"],
                    "quote": best_quote.get(place),
                }
                for place in [*cited, *(place for place in range(len(hits)) if place not in cited)]
            ],
            "history": history,
            "token_count": count_tokens(context),
            "answer_mode": "extractive" if answer else "none",
        }
        if not answer:
            result["note"] = "Nothing in memory matches this question."
        return result

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
            passages = await self._matching(query, top_k, project_of(project_id))
        else:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                "documents: missing, and so is query; give one of them.",
                field="documents",
            )
        packed = pack(passages, max_tokens)
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

    async def _matching(self, query: str, top_k: int, project: str) -> list[Passage]:
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx,
                CHUNK,
                query,
                project_id=project,
                mode=self._mode,
                per_group=CHUNKS_PER_RESOURCE,
                limit=top_k,
            )
            found = await index.load_rows(tx, CHUNK, ranking.hits)
        return [Passage(str(row.id), row.text, row.file_name, hit.score) for row, hit in found]

    async def _history(self, project: str, conversation_id: str, max_tokens: int) -> list[Turn]:
        """Return the last messages of a conversation that fit, oldest first."""
        async with self._engine.read() as tx:
            messages = await chats.last(tx, project, conversation_id, HISTORY_MESSAGES)
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
