"""Chat messages and the memories that informed them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import NEWLINE, Source, among, least, member_of, most


class Message(NamedTuple):
    """A chat message."""

    id: int
    project_id: str
    conversation_id: str
    role: str
    content: str
    agent_name: str | None
    source_tool: str | None
    metadata: dict[str, Any]
    created_at: str


class ConversationUse(NamedTuple):
    """A conversation in which a client or tool was used.

    `message_count` counts the messages that came of it, `call_count` its calls by name.
    """

    conversation_id: str
    message_count: int
    call_count: int
    last_used_at: str


class Conversation(NamedTuple):
    """A conversation, when it began and when it was used last."""

    project_id: str
    conversation_id: str
    messages: int
    first_at: str
    last_at: str


class ChatTotals(NamedTuple):
    """How many conversations and messages there are."""

    conversations: int
    messages: int


class RoleCount(NamedTuple):
    """How many messages a role wrote."""

    role: str
    messages: int


class AgentActivity(NamedTuple):
    """How many messages an agent wrote, and when the last."""

    agent_name: str
    messages: int
    last_active_at: str


SOURCE = Source(
    kind="message",
    row=Message,
    columns=columns(Message),
    owner="chat_messages m",
    key="m.id",
    project="m.project_id",
    created="m.created_at",
    text="m.content",
    filters={
        "project": among("m.project_id"),
        "conversation_id": among("m.conversation_id"),
        "role": among("m.role"),
        "agent_name": among("m.agent_name"),
        "source_tool": among("m.source_tool"),
        "metadata": member_of("m.metadata"),
        "date_from": least("m.created_at"),
        "date_to": most("m.created_at"),
    },
    group="m.id",
)


async def insert(tx: Transaction, message: Message) -> Message:
    """Store a message; it comes back with its id."""
    return await insert_row(tx, "chat_messages", message)


async def from_source(
    tx: Transaction, conversations: Iterable[tuple[str, str]], source_tool: str
) -> set[tuple[str, str, str]]:
    """Return what a client or tool produced in conversations, given by project and name: name, role and text."""
    found: set[tuple[str, str, str]] = set()
    for project_id, conversation_id in conversations:
        rows = await tx.all(
            Message,
            f"SELECT {columns(Message)} FROM chat_messages "
            "WHERE project_id = ? AND conversation_id = ? AND source_tool = ?",
            (project_id, conversation_id, source_tool),
        )
        found |= {(row.conversation_id, row.role, row.content) for row in rows}
    return found


async def link_chunks(tx: Transaction, message_id: int, chunk_ids: Sequence[int], moment: str) -> None:
    """Link a message to the chunks that informed it."""
    await tx.many(
        "INSERT INTO context_links (message_id, chunk_id, rank, created_at) VALUES (?, ?, ?, ?)",
        [(message_id, chunk_id, rank, moment) for rank, chunk_id in enumerate(chunk_ids, start=1)],
    )


async def chunks_retrieved_since_answer(tx: Transaction, project_id: str, conversation_id: str) -> list[int]:
    """Return the ids of the chunks that a conversation retrieved after its last assistant message."""
    return await tx.column(
        "SELECT l.chunk_id, min(l.rank) AS rank FROM context_links l "
        "JOIN retrieval_events e ON e.id = l.event_id "
        "WHERE e.project_id = ?1 AND e.conversation_id = ?2 AND e.created_at > coalesce("
        "(SELECT max(created_at) FROM chat_messages "
        "WHERE project_id = ?1 AND conversation_id = ?2 AND role = 'assistant'), '') "
        "GROUP BY l.chunk_id ORDER BY rank, l.chunk_id",
        (project_id, conversation_id),
    )


async def last(tx: Transaction, project_id: str, conversation_id: str, limit: int) -> list[Message]:
    """Return the last messages of a conversation, newest first."""
    return await tx.all(
        Message,
        "SELECT * FROM chat_messages WHERE project_id = ? AND conversation_id = ? "
        "ORDER BY created_at DESC, id DESC LIMIT ?",
        (project_id, conversation_id, limit),
    )


async def page(
    tx: Transaction, project_id: str, conversation_id: str, *, newest_first: bool, limit: int, offset: int
) -> tuple[list[Message], int]:
    """Return a page of the messages of a conversation, and how many there are in all."""
    where = "project_id = ? AND conversation_id = ?"
    total = await tx.value(f"SELECT count(*) FROM chat_messages WHERE {where}", (project_id, conversation_id))
    order = "created_at DESC, id DESC" if newest_first else "created_at, id"
    rows = await tx.all(
        Message,
        f"SELECT * FROM chat_messages WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
        (project_id, conversation_id, limit, offset),
    )
    return rows, int(total)


async def conversations(
    tx: Transaction, projects: Sequence[str], limit: int, offset: int
) -> tuple[list[Conversation], int]:
    """Return the conversations of some projects, the last used first, and how many there are in all."""
    where = among("project_id")(projects)
    each = f"FROM chat_messages WHERE {where.sql} GROUP BY project_id, conversation_id"
    total = await tx.value(f"SELECT count(*) FROM (SELECT 1 {each}) each_one", where.parameters)
    rows = await tx.all(
        Conversation,
        "SELECT project_id, conversation_id, count(*) AS messages, min(created_at) AS first_at, "
        f"max(created_at) AS last_at {each} ORDER BY last_at DESC, conversation_id, project_id LIMIT ? OFFSET ?",
        (*where.parameters, limit, offset),
    )
    return rows, int(total)


_USED_TOOL = """
    project_id = :project AND (:conversation IS NULL OR conversation_id = :conversation) AND (
        source_tool = :tool OR conversation_id IN (
            SELECT conversation_id FROM tool_calls
            WHERE tool = :tool AND project_id = :project AND conversation_id IS NOT NULL
        )
    )"""


async def by_tool(
    tx: Transaction, project_id: str, tool: str, conversation_id: str | None, limit: int, offset: int
) -> tuple[list[Message], int]:
    """Return the messages that carry the tool as their source, or whose conversation called it.

    They come newest first, with how many there are in all.
    """
    parameters = {"project": project_id, "tool": tool, "conversation": conversation_id}
    total = await tx.value(f"SELECT count(*) FROM chat_messages WHERE {_USED_TOOL}", parameters)
    rows = await tx.all(
        Message,
        f"SELECT * FROM chat_messages WHERE {_USED_TOOL} ORDER BY id DESC LIMIT :limit OFFSET :offset",
        parameters | {"limit": limit, "offset": offset},
    )
    return rows, int(total)


async def conversations_by_tool(
    tx: Transaction, project_id: str, tool: str, conversation_id: str | None, limit: int
) -> list[ConversationUse]:
    """Return the conversations of `by_tool`, the last used first."""
    return await tx.all(
        ConversationUse,
        f"""
        WITH counted AS (
            SELECT conversation_id, count(*) AS message_count, max(created_at) AS last_message
            FROM chat_messages WHERE {_USED_TOOL} GROUP BY conversation_id
        ), called AS (
            SELECT conversation_id, count(*) AS call_count, max(created_at) AS last_call FROM tool_calls
            WHERE tool = :tool AND project_id = :project GROUP BY conversation_id
        )
        SELECT conversation_id, message_count, coalesce(call_count, 0) AS call_count,
               CASE WHEN last_call > last_message THEN last_call ELSE last_message END AS last_used_at
        FROM counted LEFT JOIN called USING (conversation_id)
        ORDER BY last_used_at DESC LIMIT :limit""",
        {"project": project_id, "tool": tool, "conversation": conversation_id, "limit": limit},
    )


_SCOPE = "(?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR created_at >= ?2)"
"""Messages of a project (NULL: of all) since a time (NULL: ever)."""


async def totals(tx: Transaction, project_id: str | None, since: str | None) -> ChatTotals:
    """Count conversations and messages."""
    found = await tx.one(
        ChatTotals,
        f"SELECT count(DISTINCT project_id || {NEWLINE} || conversation_id) AS conversations, "
        f"count(*) AS messages FROM chat_messages WHERE {_SCOPE}",
        (project_id, since),
    )
    return found or ChatTotals(0, 0)


async def by_role(tx: Transaction, project_id: str | None, since: str | None) -> list[RoleCount]:
    """Count the messages of each role."""
    return await tx.all(
        RoleCount,
        f"SELECT role, count(*) AS messages FROM chat_messages WHERE {_SCOPE} GROUP BY role ORDER BY role",
        (project_id, since),
    )


async def agents(tx: Transaction, project_id: str | None, since: str | None) -> list[AgentActivity]:
    """Return the agents that wrote, the busiest first."""
    return await tx.all(
        AgentActivity,
        "SELECT agent_name, count(*) AS messages, max(created_at) AS last_active_at FROM chat_messages "
        f"WHERE {_SCOPE} AND agent_name IS NOT NULL GROUP BY agent_name ORDER BY messages DESC, agent_name",
        (project_id, since),
    )


async def agents_lately(
    tx: Transaction, project_id: str | None, since: str | None, *, most: int
) -> list[AgentActivity]:
    """Return the agents that wrote since a time, the latest first; the newest `most` messages are looked at."""
    return await tx.all(
        AgentActivity,
        "SELECT agent_name, count(*) AS messages, max(created_at) AS last_active_at FROM "
        "(SELECT * FROM (SELECT project_id, agent_name, created_at FROM chat_messages ORDER BY id DESC LIMIT ?3) m "
        f"WHERE {_SCOPE} AND agent_name IS NOT NULL) a GROUP BY agent_name ORDER BY last_active_at DESC, agent_name",
        (project_id, since, most),
    )


async def peak_hour(tx: Transaction, project_id: str | None, since: str | None) -> int | None:
    """Return the UTC hour of the day with the most messages, of equals the earliest; None without any."""
    hour: int | None = await tx.value(
        "SELECT cast(substr(created_at, 12, 2) AS INTEGER) AS hour FROM chat_messages "
        f"WHERE {_SCOPE} GROUP BY hour ORDER BY count(*) DESC, hour LIMIT 1",
        (project_id, since),
    )
    return hour
