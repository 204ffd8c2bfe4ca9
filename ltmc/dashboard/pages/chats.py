"""Chats by conversation: finding, reading and forgetting them."""

from typing import Any

from starlette.responses import Response

from ltmc.dashboard.page import Page, get, post

SECTION = "chats"
ON_A_PAGE = 20
MESSAGES = 50
AT_ONCE = 1_000_000

FILTERS = ("q", "role", "agent", "tool", "from", "to")
AS_FILTERS = {
    "role": "role",
    "agent": "agent_name",
    "tool": "source_tool",
    "from": "date_from",
    "to": "date_to",
}
"""The fields of the form, as the search names its filters."""


async def show_list(page: Page) -> Response:
    """Show the conversations, the last used first, or the messages that a search finds."""
    offset, given = page.offset(), page.filled(*FILTERS)
    context: dict[str, Any] = {"given": given, "offset": offset, "limit": ON_A_PAGE}
    if given:
        filters = {AS_FILTERS[name]: text for name, text in given.items() if name in AS_FILTERS}
        found = await page.read(
            "advanced_context_search",
            query=given.get("q", ""),
            filters={"sources": ["chat"], **filters},
            top_k=ON_A_PAGE,
            offset=offset,
            explain="q" in given,
        )
        context |= {"found": found, "messages": found["results"]}
    else:
        found = await page.read("list_conversations", limit=ON_A_PAGE, offset=offset)
        context |= {"found": found, "conversations": found["conversations"]}
    if page.is_partial:
        return page.part("chats_found.html", context)
    return await page.show("chats.html", context, section=SECTION)


async def show_conversation(page: Page) -> Response:
    """Show the messages of a conversation."""
    name, offset, newest = page.text("id"), page.offset(), bool(page.text("newest"))
    found = await page.read(
        "get_chat_history", conversation_id=name, limit=MESSAGES, offset=offset, newest_first=newest
    )
    context = {"name": name, "found": found, "offset": offset, "limit": MESSAGES, "newest": newest}
    return await page.show("conversation.html", context, section=SECTION)


async def show_message(page: Page) -> Response:
    """Show a message in full."""
    message = await page.read("get_memory", message_id=page.request.path_params["id"], max_characters=AT_ONCE)
    return await page.show("message.html", {"message": message}, section=SECTION)


async def forget_message(page: Page) -> Response:
    """Forget a message."""
    chosen = {"kind": "chat", "ids": [page.request.path_params["id"]]}
    preview = await page.read("forget", **chosen)
    done = await page.change("forget", **chosen, confirm=preview["confirm"])
    page.tell("Forgot a message.", undo=done["undo"])
    return page.back("/chats")


ROUTES = [
    get("/chats", show_list),
    get("/chats/conversation", show_conversation),
    get("/chats/{id:int}", show_message),
    post("/chats/{id:int}/forget", forget_message),
]
