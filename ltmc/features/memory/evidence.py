"""What a question is answered from: memories, chats, todos and code that match it."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from ltmc.features.memory.results import MemoryHit, SourceQuote
from ltmc.search import index
from ltmc.search.kinds import MESSAGE, PATTERN, TODO, Kind
from ltmc.search.packing import Passage
from ltmc.search.quoting import Candidate, Sentence, sentences
from ltmc.search.requests import Hit, Mode
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sources import R, Where
from ltmc.storage.tables import resources
from ltmc.storage.tables.chats import Message
from ltmc.storage.tables.patterns import Pattern
from ltmc.storage.tables.todos import Todo

OWN_CONVERSATION = 0.1
"""What a message of the conversation that asks gains."""

QUOTED = 100_000
"""So many characters from the beginning of a message are looked through for sentences to quote: a log may be longer."""


class Source(NamedTuple):
    """A thing that may hold the answer.

    Attributes:
        shown: how an answer names it.
        name: what it is about, in words.
        text: what is packed into the context.
        quotable: what can be quoted of it.
    """

    shown: SourceQuote
    name: str
    text: str
    quotable: list[Sentence]

    @property
    def passage(self) -> Passage:
        """The text to pack."""
        return Passage("", self.text, self.name, self.shown["score"])


def candidates(sources: Sequence[Source], *, code: bool) -> list[Candidate]:
    """Return the sentences of sources; blocks of code only if `code`."""
    return [
        Candidate(place, sentence.text, source.shown["score"])
        for place, source in enumerate(sources)
        for sentence in source.quotable
        if code or not sentence.is_code
    ]


async def of_memories(engine: Engine, hits: Sequence[MemoryHit]) -> list[Source]:
    """Return the sources of memories that were found."""
    async with engine.read() as tx:
        texts = {hit["resource_id"]: await _whole(tx, hit) for hit in hits}
    return await asyncio.to_thread(lambda: [_memory(hit, texts[hit["resource_id"]]) for hit in hits])


async def _whole(tx: Transaction, hit: MemoryHit) -> str:
    row = await resources.get(tx, hit["resource_id"])
    return hit["content"] if row is None else row.content


def _memory(hit: MemoryHit, whole: str) -> Source:
    shown: SourceQuote = {
        "kind": "memory",
        "resource_id": hit["resource_id"],
        "chunk_id": hit["chunk_id"],
        "file_name": hit["file_name"],
        "score": hit["score"],
    }
    if "stale" in hit:
        shown["stale"] = hit["stale"]
    text = hit["content"]
    if hit["resource_type"] == "code":
        return Source(shown, hit["file_name"], text, [Sentence(0, len(text), text.strip(), is_code=True)])
    return Source(shown, hit["file_name"], text, _around(whole, text))


def _around(whole: str, chunk: str) -> list[Sentence]:
    """Return the sentences that a chunk holds a part of, as they stand in the whole text."""
    start = max(0, whole.find(chunk))
    end = start + len(chunk)
    return sentences(whole, start, end)


async def beside_memories(
    tx: Transaction, query: str, conversation_id: str | None, *, projects: list[str], top_k: int, mode: Mode
) -> list[Source]:
    """Return the messages, those of the conversation first, the todos and the code attempts that match."""

    async def matching(kind: Kind[R], where: Where | None = None) -> list[tuple[R, Hit]]:
        ranking = await index.search(tx, kind, query, projects=projects, where=where, mode=mode, limit=top_k)
        return await index.load_rows(tx, kind, ranking.hits)

    messages: dict[int, tuple[Message, float]] = {}
    if conversation_id is not None:
        for message, hit in await matching(MESSAGE, {"conversation_id": [conversation_id]}):
            messages[message.id] = message, min(1.0, hit.score + OWN_CONVERSATION)
    for message, hit in await matching(MESSAGE):
        messages.setdefault(message.id, (message, hit.score))
    todos, patterns = await matching(TODO), await matching(PATTERN)

    def sources() -> list[Source]:
        return [
            *(_message(row, score) for row, score in messages.values()),
            *(_todo(row, hit.score) for row, hit in todos),
            *(_pattern(row, hit.score) for row, hit in patterns),
        ]

    return await asyncio.to_thread(sources)  # long texts take seconds


def _message(row: Message, score: float) -> Source:
    shown: SourceQuote = {
        "kind": "chat",
        "message_id": row.id,
        "conversation_id": row.conversation_id,
        "role": row.role,
        "score": score,
    }
    return Source(shown, row.agent_name or row.role, row.content, sentences(row.content[:QUOTED]))


def _todo(row: Todo, score: float) -> Source:
    shown: SourceQuote = {"kind": "todo", "todo_id": row.id, "title": row.title, "score": score}
    text = f"{row.title} (todo, {row.status})"
    quotable = [Sentence(0, len(text), text), *sentences(row.description)]
    return Source(shown, row.title, f"{text}\n{row.description}".strip(), quotable)


def _pattern(row: Pattern, score: float) -> Source:
    shown: SourceQuote = {
        "kind": "pattern",
        "pattern_id": row.id,
        "input_prompt": row.input_prompt[:100],
        "score": score,
    }
    code = Sentence(0, len(row.generated_code), row.generated_code.strip(), is_code=True)
    said = f"{row.input_prompt} ({row.result}{': ' + row.error_message if row.error_message else ''})"
    return Source(shown, row.input_prompt, row.generated_code, [Sentence(0, len(said), said), code])
