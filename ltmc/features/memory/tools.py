"""Memory and context."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ltmc.errors import invalid
from ltmc.features.memory.answers import AnswerService
from ltmc.features.memory.reading import ReadingService
from ltmc.features.memory.results import (
    Answer,
    Context,
    FilteredSearch,
    MemoriesRetrieved,
    MemoryDeleted,
    MemoryStored,
    RecalledByType,
    RoutedAnswer,
)
from ltmc.features.memory.routing import RoutingService
from ltmc.features.memory.searching import SearchService
from ltmc.features.memory.service import MemoryService
from ltmc.tools.arguments import (
    Bool,
    Content,
    ConversationId,
    FileName,
    GivenDocument,
    JsonObject,
    MaxTokens,
    Offset,
    OptionalQuery,
    ProjectId,
    Query,
    ResourceType,
    RowId,
    Share,
    Tags,
    TopK,
    lower,
    not_bool,
)
from ltmc.tools.declaration import tool

RECALLABLE = ("document", "code", "note", "data", "chat", "todo", "pattern", "blueprint")


@tool("Store a memory", category="memory", idempotent=True, profile="core")
async def store_memory(
    memory: MemoryService,
    /,
    file_name: FileName,
    content: Content,
    resource_type: ResourceType = "document",
    tags: Tags | None = None,
    metadata: JsonObject | None = None,
    on_conflict: Annotated[Literal["version", "replace", "error"], BeforeValidator(lower)] = "version",
    project_id: ProjectId = None,
) -> MemoryStored:
    """Remember a text for later sessions: a decision, a fact, a document, notes. It can be found at once.

    Args:
        file_name: A short relative name, such as notes/deploy.md.
        content: The whole text; kept byte for byte.
        tags: Words to filter by.
        metadata: Anything else to filter by.
        on_conflict: If the name holds other content: keep both, archive the old one, or refuse.
    """
    return await memory.store(
        file_name=file_name,
        content=content,
        resource_type=resource_type,
        tags=tags or [],
        metadata=metadata or {},
        on_conflict=on_conflict,
        project_id=project_id,
    )


@tool("Recall memories", category="memory", read_only=True, profile="core")
async def retrieve_memory(
    searches: SearchService,
    /,
    query: Query,
    conversation_id: ConversationId | None = None,
    top_k: TopK = 5,
    resource_type: ResourceType | None = None,
    min_score: Share = 0.0,
    offset: Offset = 0,
    explain: Bool = False,
    project_id: ProjectId = None,
) -> MemoriesRetrieved:
    """Recall the stored memories that match a query, best first. Use it before starting work.

    Args:
        query: What to look for, in words.
        conversation_id: Notes which conversation asked; does not filter.
        min_score: Leave out weaker matches.
        offset: Results to skip, to page while has_more.
        explain: Show what each score is made of.
    """
    return await searches.retrieve(
        query,
        conversation_id=conversation_id,
        top_k=top_k,
        offset=offset,
        min_score=min_score,
        resource_type=resource_type,
        project_id=project_id,
        explain=explain,
    )


@tool("Answer from memory", category="memory", read_only=True, profile="core")
async def ask_with_context(
    answers: AnswerService,
    /,
    query: Query,
    conversation_id: ConversationId | None = None,
    top_k: TopK = 5,
    max_tokens: MaxTokens = 4000,
    include_history: Bool = True,
    project_id: ProjectId = None,
) -> Answer:
    """Answer a question with sentences quoted from memory, each with its source. No model is called.

    Args:
        query: The question.
        conversation_id: Adds the last messages of this conversation.
        max_tokens: Size of the returned context.
    """
    return await answers.ask(
        query,
        conversation_id=conversation_id,
        top_k=top_k,
        max_tokens=max_tokens,
        include_history=include_history,
        project_id=project_id,
    )


@tool("Pack context", category="memory", read_only=True)
async def build_context(
    answers: AnswerService,
    /,
    documents: Annotated[list[GivenDocument], Field(max_length=1000)] | None = None,
    max_tokens: MaxTokens = 4000,
    query: Query | None = None,
    top_k: TopK = 10,
    project_id: ProjectId = None,
) -> Context:
    """Pack documents into a budget of tokens, the best first; without documents, those a query finds.

    Args:
        documents: What to pack; id defaults to the position.
        query: Finds the documents in memory when none are given.
    """
    return await answers.build_context(
        documents,
        max_tokens=max_tokens,
        query=query,
        top_k=top_k,
        project_id=project_id,
    )


@tool("Route a query", category="memory", read_only=True)
async def route_query(
    routing: RoutingService,
    /,
    query: Query,
    available_methods: list[Annotated[str, BeforeValidator(lower)]] | None = None,
    execute: Bool = True,
    top_k: TopK = 5,
    conversation_id: ConversationId | None = None,
    project_id: ProjectId = None,
) -> RoutedAnswer:
    """Let LTMC choose where to look (memories, chats, todos, code, blueprints, graph, recent) and search there.

    Args:
        available_methods: Choose among these only.
        execute: false: only recommend.
    """
    return await routing.answer(
        query,
        available_methods=available_methods,
        execute=execute,
        top_k=top_k,
        conversation_id=conversation_id,
        project_id=project_id,
    )


@tool("Recall by type", category="memory", read_only=True)
async def retrieve_by_type(
    searches: SearchService,
    /,
    query: OptionalQuery,
    doc_type: Annotated[str, BeforeValidator(lower)],
    top_k: TopK = 5,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> RecalledByType:
    """Recall things of one type. A blank query lists the newest.

    Args:
        doc_type: document, code, note, data, chat, todo, pattern or blueprint.
    """
    if doc_type not in RECALLABLE:
        raise invalid("doc_type", doc_type, ", ".join(RECALLABLE))
    return await searches.recall_by_type(query, doc_type, top_k=top_k, offset=offset, project_id=project_id)


@tool("Search with filters", category="memory", read_only=True, profile="core")
async def advanced_context_search(
    searches: SearchService,
    /,
    query: OptionalQuery,
    filters: JsonObject | None = None,
    top_k: TopK = 5,
    offset: Offset = 0,
    explain: Bool = False,
    project_id: ProjectId = None,
) -> FilteredSearch:
    """Search memories, chats and code together, narrowed by filters. With a filter, a blank query lists.

    Args:
        filters: Keys: sources (memory, chat, pattern), resource_type, file_name (glob), tags_any, tags_all,
            conversation_id, role, agent_name, source_tool, language, complexity, date_from, date_to,
            min_score, metadata.<key>. Keys narrow together; values in a list are alternatives.
    """
    if not query.strip() and not filters:
        raise invalid("query", query, "text that is not blank, or at least one filter")
    return await searches.search(
        query, filters or {}, top_k=top_k, offset=offset, project_id=project_id, explain=explain
    )


@tool("Read in full", category="memory", read_only=True)
async def get_memory(
    reading: ReadingService,
    /,
    resource_id: RowId | None = None,
    chunk_id: RowId | None = None,
    message_id: RowId | None = None,
    pattern_id: RowId | None = None,
    offset: Offset = 0,
    max_characters: Annotated[
        int, Field(ge=1, le=1_000_000, strict=True), BeforeValidator(not_bool)
    ] = 50_000,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """Read one thing in full that a search showed as a preview; give one id.

    Args:
        offset: Characters to skip.
    """
    ids = {
        "resource_id": resource_id,
        "chunk_id": chunk_id,
        "message_id": message_id,
        "pattern_id": pattern_id,
    }
    return await reading.read(ids, offset=offset, max_characters=max_characters, project_id=project_id)


@tool("Delete a memory", category="memory", destructive=True, idempotent=True)
async def delete_memory(
    reading: ReadingService, /, resource_id: RowId, project_id: ProjectId = None
) -> MemoryDeleted:
    """Forget a memory for good."""
    return await reading.delete(resource_id, project_id)
