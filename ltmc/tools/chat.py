"""Chat."""

from typing import Annotated, Any

from pydantic import Field

from ltmc.services import Services
from ltmc.tools.arguments import (
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


async def log_chat(
    services: Services,
    content: Content,
    conversation_id: ConversationId,
    role: Role = "user",
    agent_name: Name | None = None,
    metadata: JsonObject | None = None,
    source_tool: Name | None = None,
    context_chunk_ids: Annotated[list[RowId], Field(max_length=1000)] | None = None,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """Keep a message of a conversation. Log decisions and turns worth recalling.

    Args:
        conversation_id: Any stable name for the conversation.
        agent_name: Who wrote it.
        source_tool: The client or tool that produced it.
        context_chunk_ids: Chunks of memory that informed it; an assistant's are linked by themselves.
    """
    return await services.chat.log(
        content=content,
        conversation_id=conversation_id,
        role=role,
        agent_name=agent_name,
        metadata=metadata or {},
        source_tool=source_tool,
        context_chunk_ids=context_chunk_ids or [],
        project_id=project_id,
    )


async def get_chats_by_tool(
    services: Services,
    source_tool: Name,
    limit: Limit = 10,
    offset: Offset = 0,
    conversation_id: ConversationId | None = None,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """Messages that a client or tool produced, or of conversations that called that tool, newest first.

    Args:
        source_tool: A client (claude-code) or a tool (retrieve_memory).
    """
    return await services.chat.by_tool(
        source_tool, limit=limit, offset=offset, conversation_id=conversation_id, project_id=project_id
    )


async def get_chat_history(
    services: Services,
    conversation_id: ConversationId,
    limit: Limit = 20,
    offset: Offset = 0,
    newest_first: Bool = False,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """The messages of a conversation, oldest first."""
    return await services.chat.history(
        conversation_id, limit=limit, offset=offset, newest_first=newest_first, project_id=project_id
    )
