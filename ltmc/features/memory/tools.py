"""Memory and context."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ltmc.errors import invalid
from ltmc.features.memory.answers import AnswerService
from ltmc.features.memory.conflicts import ConflictService
from ltmc.features.memory.forgetting import ForgettingService
from ltmc.features.memory.history import HistoryService
from ltmc.features.memory.reading import ReadingService
from ltmc.features.memory.results import (
    Answer,
    Conflicts,
    Context,
    FilteredSearch,
    Forgotten,
    MemoriesFound,
    MemoriesRetrieved,
    MemoryDeleted,
    MemoryHistory,
    MemoryPage,
    MemoryStored,
    RecalledByType,
    RoutedAnswer,
)
from ltmc.features.memory.routing import RoutingService
from ltmc.features.memory.searching import SearchService
from ltmc.features.memory.service import MemoryService
from ltmc.tools.arguments import (
    FINE,
    AnyObject,
    Bool,
    Content,
    ConversationId,
    End,
    EndOrNever,
    Expires,
    Explain,
    FileName,
    GivenDocument,
    JsonObject,
    Limit,
    MaxTokens,
    Name,
    NamePrefix,
    Offset,
    OptionalQuery,
    ProjectId,
    ProjectOfId,
    Query,
    References,
    ResourceId,
    ResourceType,
    RowId,
    Share,
    Start,
    Tags,
    TopK,
    as_id,
    lower,
    not_bool,
)
from ltmc.tools.declaration import tool

RECALLABLE = ("document", "code", "note", "data", "chat", "todo", "pattern", "blueprint")


@tool(
    "Store a memory",
    category="memory",
    idempotent=True,
    profile="core",
    lean=("file_name", "content", "tags", "supersedes"),
)
async def store_memory(
    memory: MemoryService,
    /,
    file_name: FileName,
    content: Content,
    resource_type: ResourceType | None = None,
    tags: Tags | None = None,
    metadata: JsonObject | None = None,
    on_conflict: Annotated[Literal["version", "replace", "error"], BeforeValidator(lower)] = "version",
    supersedes: References | None = None,
    valid_from: Start | None = None,
    valid_until: EndOrNever | None = None,
    expires: Expires | None = None,
    project_id: ProjectId = None,
) -> MemoryStored:
    """Remember a text for later sessions; similar in the answer: memories to update or supersede.

    Args:
        file_name: Such as notes/deploy.md.
        on_conflict: replace: the old text was wrong.
        supersedes: Ids or names it replaces.
        valid_from: From YYYY-MM-DD.
        valid_until: To YYYY-MM-DD, or never.
        expires: Last day YYYY-MM-DD, or days from now.
    """
    return await memory.store(
        file_name=file_name,
        content=content,
        resource_type=resource_type,
        tags=tags or [],
        metadata=metadata or {},
        on_conflict=on_conflict,
        supersedes=supersedes or [],
        valid_from=valid_from,
        valid_until=valid_until,
        expires=expires,
        project_id=project_id,
    )


@tool("Correct a memory", category="memory", idempotent=True, profile="core")
async def update_memory(
    memory: MemoryService,
    /,
    resource_id: ResourceId | None = None,
    file_name: FileName | None = None,
    content: Content | None = None,
    tags: Tags | None = None,
    metadata: JsonObject | None = None,
    resource_type: ResourceType | None = None,
    supersedes: References | None = None,
    agrees_with: References | None = None,
    valid_from: Start | None = None,
    valid_until: EndOrNever | None = None,
    expires: Expires | None = None,
    project_id: ProjectId = None,
) -> MemoryStored:
    """Change a memory, by id or file_name; what is left out stays.

    Args:
        supersedes: Ids or names it replaces.
        agrees_with: Ids or names; settles find_conflicts. []: none.
        valid_from: From YYYY-MM-DD.
        valid_until: To YYYY-MM-DD, or never.
        expires: Last day YYYY-MM-DD, days from now, or never.
    """
    return await memory.update(
        resource_id=resource_id,
        file_name=file_name,
        content=content,
        tags=tags,
        metadata=metadata,
        resource_type=resource_type,
        supersedes=supersedes,
        agrees_with=agrees_with,
        valid_from=valid_from,
        valid_until=valid_until,
        expires=expires,
        project_id=project_id,
    )


@tool("History of a memory", category="memory", read_only=True)
async def memory_history(
    histories: HistoryService,
    /,
    file_name: FileName | None = None,
    resource_id: ResourceId | None = None,
    limit: Limit = 10,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> MemoryHistory:
    """A memory's versions, newest first, and what changed."""
    return await histories.history(
        resource_id=resource_id, file_name=file_name, limit=limit, offset=offset, project_id=project_id
    )


@tool("Recall memories", category="memory", read_only=True, profile="core", lean=("query", "top_k"))
async def retrieve_memory(
    searches: SearchService,
    /,
    query: Query,
    conversation_id: Annotated[ConversationId | None, FINE] = None,
    top_k: TopK = 5,
    resource_type: ResourceType | None = None,
    min_score: Share = 0.0,
    offset: Offset = 0,
    explain: Explain = False,
    include_superseded: Bool = False,
    as_of: End | None = None,
    include_context: Bool = False,
    project_id: ProjectId = None,
) -> MemoriesFound | MemoriesRetrieved:
    """Recall the memories that match, best first. Use it before each task.

    Args:
        include_superseded: Also what no longer holds.
        as_of: What held on YYYY-MM-DD.
        include_context: Also all as one text.
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
        include_superseded=include_superseded,
        as_of=as_of,
        include_context=include_context,
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
    include_context: Bool = False,
    project_id: ProjectId = None,
) -> Answer:
    """Answer with sentences quoted from memories, chats, todos and code.

    Args:
        conversation_id: Looked in first.
        max_tokens: 16-128000.
        include_history: false: without turns of the conversation.
        include_context: Also the texts quoted from.
    """
    return await answers.ask(
        query,
        conversation_id=conversation_id,
        top_k=top_k,
        max_tokens=max_tokens,
        include_history=include_history,
        include_context=include_context,
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
    """Pack documents, or what a query finds, into max_tokens.

    Args:
        documents: Each: content; also id, title, score (best first).
        max_tokens: 16-128000.
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
    """Search where a query fits best: memories, chats, todos, code, blueprints or graph.

    Args:
        available_methods: Such as chat.
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
    filters: AnyObject | None = None,
    top_k: TopK = 5,
    offset: Offset = 0,
    explain: Explain = False,
    project_id: ProjectId = None,
) -> FilteredSearch:
    """Search memories, chats and code by filters. With one, a blank query lists.

    Args:
        filters: Keys: sources (memory, chat, pattern), file_name (glob), tags_any, tags_all, role, date_from,
            date_to, metadata.<key>.
    """
    if not query.strip() and not filters:
        raise invalid("query", query, "text that is not blank, or at least one filter")
    return await searches.search(
        query, filters or {}, top_k=top_k, offset=offset, project_id=project_id, explain=explain
    )


@tool(
    "Read in full",
    category="memory",
    read_only=True,
    profile="core",
    lean=("resource_id", "message_id", "todo_id", "file_name", "offset"),
)
async def get_memory(
    reading: ReadingService,
    /,
    resource_id: ResourceId | None = None,
    chunk_id: RowId | None = None,
    message_id: RowId | None = None,
    pattern_id: RowId | None = None,
    todo_id: RowId | None = None,
    file_name: FileName | None = None,
    version: RowId | None = None,
    offset: Offset = 0,
    max_characters: Annotated[
        int, Field(ge=1, le=1_000_000, strict=True), BeforeValidator(not_bool), FINE
    ] = 50_000,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """Read in full what is previewed; give one id or file_name.

    Args:
        chunk_id: Of a search hit.
        message_id: Of a chat message.
        pattern_id: Of a code attempt.
        version: Of file_name; else the current.
        offset: Characters to skip.
    """
    ids = {
        "resource_id": resource_id,
        "chunk_id": chunk_id,
        "message_id": message_id,
        "pattern_id": pattern_id,
        "todo_id": todo_id,
        "file_name": file_name,
    }
    return await reading.read(
        ids, version=version, offset=offset, max_characters=max_characters, project_id=project_id
    )


@tool("List memories", category="memory", read_only=True)
async def list_memories(
    reading: ReadingService,
    /,
    tag: Name | None = None,
    prefix: NamePrefix | None = None,
    branch: Name | None = None,
    limit: Limit = 20,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> MemoryPage:
    """Current memories by their first line, newest first.

    Args:
        tag: One they have.
        prefix: Of the file_name.
        branch: Of git.
    """
    return await reading.page(
        tag=lower(tag), prefix=prefix, branch=branch, limit=limit, offset=offset, project_id=project_id
    )


@tool("Conflicting memories", category="memory", read_only=True)
async def find_conflicts(
    conflicts: ConflictService,
    /,
    limit: Limit = 10,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> Conflicts:
    """Memories that seem to contradict each other; settle each by update_memory."""
    return await conflicts.conflicts(limit=limit, offset=offset, project_id=project_id)


@tool("Delete a memory", category="memory", destructive=True, idempotent=True, profile="core")
async def delete_memory(
    reading: ReadingService, /, resource_id: ResourceId, project_id: ProjectOfId = None
) -> MemoryDeleted:
    """Forget one version of a memory. forget(undo) restores it."""
    return await reading.delete(resource_id, project_id)


@tool("Forget", category="memory", destructive=True)
async def forget(
    forgetting: ForgettingService,
    /,
    kind: Annotated[
        Literal["memory", "chat", "todo", "pattern", "link", "dependency"], BeforeValidator(lower)
    ]
    | None = None,
    ids: References | None = None,
    conversation_id: ConversationId | None = None,
    tag: Name | None = None,
    prefix: NamePrefix | None = None,
    before: Start | None = None,
    confirm: Name | None = None,
    undo: Name | None = None,
    project_id: ProjectId = None,
) -> Forgotten:
    """Forget what filters choose: the first call previews, the same with confirm forgets.

    Args:
        ids: Ids or names; of links and dependencies an end.
        tag: One they have.
        prefix: Of the file_name.
        before: Older than YYYY-MM-DD.
        confirm: The preview's token.
        undo: A deletion's token, alone; for 30 days.
    """
    filters = {
        "ids": None if ids is None else [one if (found := as_id(one)) is None else found for one in ids],
        "conversation_id": [conversation_id],
        "tag": [lower(tag)],
        "prefix": [prefix],
        "before": [before],
    }
    where = {name: values for name, values in filters.items() if values not in (None, [None])}
    if undo is None:
        return await forgetting.forget(kind, where, confirm=confirm, project_id=project_id)
    if kind or where or confirm:
        raise invalid("undo", undo, "it alone, or with project_id")
    return await forgetting.undo(undo, project_id)
