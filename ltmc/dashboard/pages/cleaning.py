"""Clean-up: much at once is forgotten after a preview, looked for where it may go, tagged, and put back."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from ltmc.app.maintenance import in_trash, untidy
from ltmc.dashboard.page import Page, get, post
from ltmc.dashboard.pages.memories import show_list
from ltmc.errors import LtmcError, invalid

SECTION = "memories"

FILTERS = ("kind", "tag", "prefix", "before", "conversation_id")

UNUSED_DAYS = 180
"""Memories that no search found for so long may go."""

LOOKING_SECONDS = 3.0
"""How long it is looked for near-duplicates."""

MOST_SHOWN = 100
"""Memories of one reason; also how many names a tool takes at once."""

MOST_TAGGED = 100


async def show(page: Page) -> Response:
    """Show the filters, and what they choose."""
    return await _preview(page, page.filled(*FILTERS), [])


async def show_chosen(page: Page) -> Response:
    """Show what was chosen one by one."""
    return await _preview(page, page.filled("kind"), page.chosen("id"))


async def _preview(page: Page, given: dict[str, str], ids: Sequence[str]) -> Response:
    context: dict[str, Any] = {"given": given, "ids": ids, "preview": None, "error": None}
    if given or ids:
        try:
            context["preview"] = await page.read("forget", **_arguments(given, ids))
        except LtmcError as error:
            context["error"] = error
    return await page.show("cleaning.html", context, section=SECTION, status=400 if context["error"] else 200)


def _arguments(given: dict[str, str], ids: Sequence[str]) -> dict[str, Any]:
    return {**given, **({"kind": given.get("kind", "memory"), "ids": list(ids)} if ids else {})}


async def forget(page: Page) -> Response:
    """Forget exactly what the preview showed."""
    given, ids = page.filled(*FILTERS), page.chosen("id")
    try:
        done = await page.change("forget", **_arguments(given, ids), confirm=page.text("confirm"))
    except LtmcError as error:
        page.tell(error.message, kind="error")
        return await _preview(page, given, ids)
    left = f" {done['left']} more are left." if done.get("left") else ""
    page.tell(
        f"Forgot {done['forgotten']}.{left} It can be put back until {done['until'][:10]}.", undo=done["undo"]
    )
    return page.back("/clean-up")


async def suggest(page: Page) -> Response:
    """Show memories that may go, by reason."""
    found = await untidy(page.app, page.project, unused_days=UNUSED_DAYS, seconds=LOOKING_SECONDS)
    context = {
        "found": {why: memories[:MOST_SHOWN] for why, memories in found.items() if memories},
        "counts": {why: len(memories) for why, memories in found.items()},
        "unused_days": UNUSED_DAYS,
        "most": MOST_SHOWN,
    }
    if page.is_partial:
        return page.part("suggestions.html", context)
    return await page.show("suggestions_page.html", context, section=SECTION)


async def tag(page: Page) -> Response:
    """Add tags to all memories that were chosen."""
    tags, ids = page.listed("add"), page.chosen("id")
    if not tags or not ids or len(ids) > MOST_TAGGED:
        raise invalid(
            "tags", f"{len(tags)} tags for {len(ids)} memories", f"a tag and 1 to {MOST_TAGGED} memories"
        )
    for one in ids:
        memory = await page.read("get_memory", resource_id=one, max_characters=1)
        await page.change(
            "update_memory", resource_id=one, tags=list(dict.fromkeys([*memory["tags"], *tags]))
        )
    page.tell(f"Tagged {len(ids)} with {', '.join(tags)}.")
    return page.back("/memories")


async def show_trash(page: Page) -> Response:
    """Show what was forgotten and can be put back."""
    found = await in_trash(page.app, page.project)
    return await page.show("trash.html", {"found": found}, section=SECTION)


ROUTES = [
    get("/clean-up", show),
    post("/clean-up", forget),
    post("/clean-up/chosen", show_chosen),
    get("/clean-up/suggestions", suggest),
    post("/clean-up/tag", tag, again=show_list),
    get("/trash", show_trash),
]
