"""Chat messages, linked to the memories that informed them."""

from collections.abc import Sequence
from typing import Any, TypedDict, cast

from ltmc.errors import not_found
from ltmc.search import index
from ltmc.search.kinds import CHUNK, MESSAGE, MessageView, message_view
from ltmc.storage.engine import Engine
from ltmc.storage.sources import by_id
from ltmc.storage.tables import chats
from ltmc.storage.tables.chats import Conversation, Message
from ltmc.timestamps import now
from ltmc.tools.paging import PageCounts, page_counts
from ltmc.tools.project_scope import marked, origin, project_of, projects_read


class MessageLogged(TypedDict):
    """A stored message; `context_links`: how many memories informed it."""

    message_id: int
    conversation_id: str
    timestamp: str
    context_links: int


class ConversationHistory(PageCounts):
    """A page of a conversation."""

    conversation_id: str
    messages: list[MessageView]


class ConversationUseView(TypedDict):
    """A conversation in which a client or tool was used."""

    conversation_id: str
    message_count: int
    call_count: int
    last_used_at: str


class ChatsByTool(PageCounts):
    """Messages and conversations of a client or tool."""

    messages: list[MessageView]
    conversations: list[ConversationUseView]


class ConversationView(TypedDict):
    """A conversation, when it began and when it was used last."""

    conversation_id: str
    messages: int
    first_at: str
    last_at: str


class ConversationPage(PageCounts):
    """A page of conversations."""

    conversations: list[ConversationView]


class ChatService:
    """What was said, by whom, in which conversation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def log(
        self,
        *,
        content: str,
        conversation_id: str,
        role: str,
        agent_name: str | None,
        metadata: dict[str, Any],
        source_tool: str | None,
        context_chunk_ids: Sequence[int],
        project_id: str | None,
    ) -> MessageLogged:
        """Store a message and link it to the chunks given; an assistant's also to those that the
        conversation retrieved since its last assistant message.

        Raises:
            LtmcError: NOT_FOUND for a chunk that the project does not have.
        """
        await self._engine.settle()  # a retrieval just before must count
        project, moment = project_of(project_id), now()
        noted = origin.get().marks(project) | metadata
        said = Message(0, project, conversation_id, role, content, agent_name, source_tool, noted, moment)
        ready = await index.prepare(MESSAGE, [said])
        async with self._engine.write(project) as tx:
            linked = list(dict.fromkeys(context_chunk_ids))
            known = await by_id(tx, CHUNK.source, linked)
            for chunk_id in linked:
                if chunk_id not in known or known[chunk_id].project_id not in projects_read(project_id):
                    raise not_found("context_chunk_ids", chunk_id, "chunk")
            if role == "assistant":
                linked += [
                    chunk_id
                    for chunk_id in await chats.chunks_retrieved_since_answer(tx, project, conversation_id)
                    if chunk_id not in known
                ]
            said = await chats.insert(tx, said)
            await chats.link_chunks(tx, said.id, linked, moment)
            await index.add(tx, MESSAGE, [said], ready)
        return {
            "message_id": said.id,
            "conversation_id": conversation_id,
            "timestamp": moment,
            "context_links": len(linked),
        }

    async def history(
        self, conversation_id: str, *, limit: int, offset: int, newest_first: bool, project_id: str | None
    ) -> ConversationHistory:
        """Return the messages of a conversation, long ones as previews; none for an unknown one."""
        projects = projects_read(project_id)
        async with self._engine.read() as tx:
            for project in projects:
                rows, total = await chats.page(
                    tx, project, conversation_id, newest_first=newest_first, limit=limit, offset=offset
                )
                if total:
                    break
        found: ConversationHistory = {
            "conversation_id": conversation_id,
            "messages": [message_view(row) for row in rows],
            **page_counts(rows, total, offset),
        }
        return marked(found, project, projects) if total else found

    async def conversations(self, *, limit: int, offset: int, project_id: str | None) -> ConversationPage:
        """Return a page of the conversations, the last used first."""
        projects = projects_read(project_id)
        async with self._engine.read() as tx:
            rows, total = await chats.conversations(tx, projects, limit, offset)
        return {
            "conversations": [marked(_conversation(row), row.project_id, projects) for row in rows],
            **page_counts(rows, total, offset),
        }

    async def by_tool(
        self,
        source_tool: str,
        *,
        limit: int,
        offset: int,
        conversation_id: str | None,
        project_id: str | None,
    ) -> ChatsByTool:
        """Return the messages that a client or tool produced, or whose conversation called that tool,
        long ones as previews."""
        await self._engine.settle()
        project = project_of(project_id)
        async with self._engine.read() as tx:
            rows, total = await chats.by_tool(tx, project, source_tool, conversation_id, limit, offset)
            conversations = await chats.conversations_by_tool(
                tx, project, source_tool, conversation_id, limit
            )
        return {
            "messages": [message_view(row) for row in rows],
            "conversations": [cast("ConversationUseView", used._asdict()) for used in conversations],
            **page_counts(rows, total, offset),
        }


def _conversation(row: Conversation) -> ConversationView:
    return {
        "conversation_id": row.conversation_id,
        "messages": row.messages,
        "first_at": row.first_at,
        "last_at": row.last_at,
    }
