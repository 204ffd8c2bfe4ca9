"""What the tools of memory answer."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from ltmc.search.kinds import ChunkView
from ltmc.tools.paging import PageCounts


class MemoryStored(TypedDict):
    """A stored memory; `deduplicated`: the same content was there already."""

    resource_id: int
    chunk_count: int
    version: int
    deduplicated: bool
    file_name: str
    resource_type: str
    created_at: str


class MemoryHit(ChunkView):
    """A part of a memory that a search found; the parts of the score add up to it."""

    score: float
    score_parts: NotRequired[dict[str, float]]


class MemoriesFound(PageCounts):
    """A page of the memories that a search found."""

    results: list[MemoryHit]
    search_mode: str


class MemoriesRetrieved(MemoriesFound):
    """A page of memories with their joined text."""

    context: str


class RecalledByType(PageCounts):
    """A page of things of one type, each with the view of its kind (`ltmc.search.kinds`)."""

    results: list[Mapping[str, Any]]
    search_mode: str
    doc_type: str


class FilteredSearch(PageCounts):
    """A page over several sources, each result with the view of its kind (`ltmc.search.kinds`)."""

    results: list[dict[str, Any]]
    filters_applied: dict[str, Any]
    total_scanned: int
    search_mode: str


class SourceQuote(TypedDict):
    """A part of a memory, and the sentence that was quoted of it."""

    resource_id: int
    chunk_id: int
    file_name: str
    score: float
    quote: str | None


class Turn(TypedDict):
    """A message of a conversation."""

    message_id: int
    role: str
    content: str
    timestamp: str


class Answer(TypedDict):
    """Sentences quoted from memory, each with its source."""

    answer: str | None
    context: str
    sources: list[SourceQuote]
    history: list[Turn]
    token_count: int
    answer_mode: str
    note: NotRequired[str]


class Context(TypedDict):
    """Texts packed into a budget of tokens."""

    context: str
    token_count: int
    documents_included: int
    documents_truncated: int
    documents_omitted: int
    included_ids: list[str]
    truncated_ids: list[str]
    omitted_ids: list[str]
    max_tokens: int


class RemovedWithMemory(TypedDict):
    """What went with a memory."""

    chunks: int
    links: int


class MemoryDeleted(TypedDict):
    """A version of a memory that is gone."""

    resource_id: int
    file_name: str
    version: int
    deleted: bool
    removed: RemovedWithMemory


class MethodShare(TypedDict):
    """A way to answer a query, and how sure it is the right one, 0 to 1."""

    method: str
    confidence: float


class RoutedAnswer(TypedDict):
    """Where a query was sent, and what was found there."""

    route_id: str
    recommended_method: str
    confidence: float
    reasoning: str
    alternatives: list[MethodShare]
    features: dict[str, Any]
    results: NotRequired[list[Mapping[str, Any]]]
    count: NotRequired[int]
    fallback_used: bool
