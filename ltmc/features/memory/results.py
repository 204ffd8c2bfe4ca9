"""What the tools of memory answer."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from ltmc.search.index import SearchMarks
from ltmc.search.kinds import ChunkView, Heir, Held
from ltmc.tools.paging import PageCounts


class SimilarMemory(TypedDict):
    """A memory on the same subject; `contradicts`: in what it seems to (number, date, name, negation)."""

    resource_id: int
    file_name: str
    score: float
    line: str
    contradicts: NotRequired[str]


class Told(TypedDict):
    """What a memory says, and since when."""

    resource_id: int
    file_name: str
    line: str
    since: str


class Conflict(TypedDict):
    """Two memories that seem to contradict each other, in a number, date, name or negation; the newer one first."""

    contradicts: str
    score: float
    memories: list[Told]


class Conflicts(PageCounts):
    """A page of conflicts.

    `compared`: how many memories were, with all of their parts; `not_compared`: how many were not, for there was no
    time or they are not embedded yet.
    """

    conflicts: list[Conflict]
    compared: int
    not_compared: NotRequired[int]


class Past(Held):
    """When a version of a memory held or is forgotten, and what took its place."""

    expires_at: NotRequired[str]


class MemoryStored(Past):
    """A stored memory.

    `deduplicated`: the current version has this content, and `changed_fields` were changed; `superseded`: the ids of
    what it took the place of; `superseded_by`: what takes, or took, its own place.
    """

    resource_id: int
    chunk_count: int
    version: int
    deduplicated: bool
    file_name: str
    resource_type: str
    created_at: str
    changed_fields: NotRequired[list[str]]
    superseded: NotRequired[list[int]]
    similar: NotRequired[list[SimilarMemory]]


class MemoryVersion(Past):
    """A version of a memory; `difference`: from the version before, as diff lines; null for the first.

    `supersedes`: memories of other names whose place it took.
    """

    resource_id: int
    version: int
    current: bool
    created_at: str
    characters: int
    difference: str | None
    supersedes: NotRequired[list[Heir]]


class MemoryHistory(PageCounts):
    """The versions of a memory, the newest first."""

    file_name: str
    versions: list[MemoryVersion]


class ListedMemory(TypedDict):
    """A memory of a listing."""

    resource_id: int
    file_name: str
    resource_type: str
    version: int
    line: str
    tags: list[str]
    created_at: str
    project_id: NotRequired[str]
    stale: NotRequired[list[str]]


class MemoryPage(PageCounts):
    """A page of memories."""

    memories: list[ListedMemory]


class MemoryHit(ChunkView):
    """A part of a memory that a search found; the parts of the score add up to it.

    `stale`: the files that it names and that were changed since it was stored.
    """

    score: float
    score_parts: NotRequired[dict[str, float]]
    stale: NotRequired[list[str]]


class MemoriesFound(PageCounts, SearchMarks):
    """A page of the memories that a search found."""

    results: list[MemoryHit]


class MemoriesRetrieved(MemoriesFound):
    """A page of memories with their joined text."""

    context: str


class RecalledByType(PageCounts, SearchMarks):
    """A page of things of one type, each with the view of its kind (`ltmc.search.kinds`)."""

    results: list[Mapping[str, Any]]
    doc_type: str


class FilteredSearch(PageCounts, SearchMarks):
    """A page over several sources, each result with the view of its kind (`ltmc.search.kinds`)."""

    results: list[dict[str, Any]]
    filters_applied: dict[str, Any]
    total_scanned: int


class SourceQuote(TypedDict):
    """What an answer is from: a thing of one of four kinds under its id and name, and the sentence quoted of it."""

    kind: str
    resource_id: NotRequired[int]
    chunk_id: NotRequired[int]
    file_name: NotRequired[str]
    stale: NotRequired[list[str]]
    message_id: NotRequired[int]
    conversation_id: NotRequired[str]
    role: NotRequired[str]
    todo_id: NotRequired[int]
    title: NotRequired[str]
    pattern_id: NotRequired[int]
    input_prompt: NotRequired[str]
    score: float
    quote: NotRequired[str]


class Turn(TypedDict):
    """A message of a conversation."""

    message_id: int
    role: str
    content: str
    timestamp: str


class Answer(TypedDict):
    """Sentences quoted from memory, each with the number of its source.

    `weak`: they are the nearest there are, perhaps no answer. Without any, `answer` is null and `sources` names where
    to look on. `context`, where asked for: the texts that they stand in; `token_count`: its length in any case.
    """

    answer: str | None
    context: NotRequired[str]
    sources: list[SourceQuote]
    history: list[Turn]
    token_count: int
    answer_mode: str
    weak: NotRequired[bool]
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
    undo: str


class Example(TypedDict):
    """One of the things that are to be forgotten."""

    kind: str
    id: int | str
    title: str


class Forgotten(TypedDict):
    """What is to be forgotten (`preview`, with `confirm` to do so), was, or came back; `kinds`: how many of each.

    `left`: how many the filters choose beyond these; `until`: when `undo` ends.
    """

    preview: NotRequired[bool]
    forgotten: NotRequired[int]
    restored: NotRequired[int]
    total: NotRequired[int]
    kinds: dict[str, int]
    left: NotRequired[int]
    examples: NotRequired[list[Example]]
    confirm: NotRequired[str]
    undo: NotRequired[str]
    until: NotRequired[str]


class MethodShare(TypedDict):
    """A way to answer a query, and how sure it is the right one, 0 to 1."""

    method: str
    confidence: float


class RoutedAnswer(TypedDict):
    """Where a query was sent, and what was found there."""

    recommended_method: str
    confidence: float
    reasoning: str
    alternatives: list[MethodShare]
    features: dict[str, Any]
    results: NotRequired[list[Mapping[str, Any]]]
    count: NotRequired[int]
    fallback_used: bool


LINE = 120
"""How many characters of a text a listing shows."""


def line_of(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text[: 2 * LINE].split())
    return line if len(line) <= LINE else line[:LINE] + "…"
