"""Chat."""

from typing import Annotated

from pydantic import Field

from ltmc.features.chat.service import (
    ChatsByTool,
    ChatService,
    ConversationHistory,
    ConversationPage,
    MessageLogged,
)
from ltmc.tools.arguments import (
    FINE,
    Bool,
    Content,
    ConversationId,
    JsonObject,
    Limit,
    Name,
    Offset,
    ProjectId,
    Role,
    RowId,
)
from ltmc.tools.declaration import tool


@tool("Log a chat message", category="chat", profile="core")
async def log_chat(
    chat: ChatService,
    /,
    content: Content,
    conversation_id: ConversationId,
    role: Role = "user",
    agent_name: Name | None = None,
    metadata: JsonObject | None = None,
    source_tool: Name | None = None,
    context_chunk_ids: Annotated[Annotated[list[RowId], Field(max_length=1000)] | None, FINE] = None,
    project_id: ProjectId = None,
) -> MessageLogged:
    """Keep a message worth recalling.

    Args:
        agent_name: Who speaks.
        source_tool: The client or tool it is from.
    """
    return await chat.log(
        content=content,
        conversation_id=conversation_id,
        role=role,
        agent_name=agent_name,
        metadata=metadata or {},
        source_tool=source_tool,
        context_chunk_ids=context_chunk_ids or [],
        project_id=project_id,
    )


@tool("Chats by tool", category="chat", read_only=True)
async def get_chats_by_tool(
    chat: ChatService,
    /,
    source_tool: Name,
    limit: Limit = 10,
    offset: Offset = 0,
    conversation_id: ConversationId | None = None,
    project_id: ProjectId = None,
) -> ChatsByTool:
    """Messages of a client or tool, and of conversations that called it.

    Args:
        source_tool: Its name, as logged.
    """
    return await chat.by_tool(
        source_tool, limit=limit, offset=offset, conversation_id=conversation_id, project_id=project_id
    )


@tool("History of a conversation", category="chat", read_only=True)
async def get_chat_history(
    chat: ChatService,
    /,
    conversation_id: ConversationId,
    limit: Limit = 20,
    offset: Offset = 0,
    newest_first: Bool = False,
    project_id: ProjectId = None,
) -> ConversationHistory:
    """A conversation's messages, oldest first.

    Args:
        newest_first: In reverse.
    """
    return await chat.history(
        conversation_id, limit=limit, offset=offset, newest_first=newest_first, project_id=project_id
    )


@tool("List conversations", category="chat", read_only=True)
async def list_conversations(
    chat: ChatService, /, limit: Limit = 20, offset: Offset = 0, project_id: ProjectId = None
) -> ConversationPage:
    """Conversations, last used first."""
    return await chat.conversations(limit=limit, offset=offset, project_id=project_id)
