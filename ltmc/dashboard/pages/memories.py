"""Memories: searching, reading, storing and changing them, their versions, and contradictions between them."""

import hashlib
import json
from typing import Any

from starlette.responses import Response

from ltmc.dashboard.page import Page, as_typed, get, post
from ltmc.errors import ErrorCode, LtmcError, invalid

SECTION = "memories"
ON_A_PAGE = 20
VERSIONS = 20
CONFLICTS = 10

SHOWN_CHARACTERS = 20_000
"""Of a memory at first."""

AT_ONCE = 1_000_000
"""Of a text that is read whole, in characters: the longest there is."""

NARROWING = ("tag", "prefix", "from", "to")
"""The fields that narrow a search as a search with filters does; the others are those of recalling."""

LIKE_GLOBS = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]"})


async def show_list(page: Page) -> Response:
    """Show the memories that a search finds, or the newest."""
    offset = page.offset()
    given = page.filled("q", "type", *NARROWING, "as_of", "superseded")
    context: dict[str, Any] = {"given": given, "offset": offset, "limit": ON_A_PAGE, "error": None}
    try:
        found = await _found(page, given, offset)
    except LtmcError as error:
        if error.code is not ErrorCode.INVALID_ARGUMENT:
            raise
        found, context["error"] = {"memories": [], "count": 0, "total": 0, "has_more": False}, error
    context["found"] = found
    if page.is_partial:
        return page.part("memories_found.html", context)
    return await page.show("memories.html", context, section=SECTION)


async def _found(page: Page, given: dict[str, str], offset: int) -> dict[str, Any]:
    """Return a page of memories as the tool that fits what was asked for answers it."""
    narrowing = [name for name in NARROWING if name in given]
    moment = {name: given[name] for name in ("as_of", "superseded") if name in given}
    if "q" not in given and not given.keys() - {"tag", "prefix"}:
        named = {name: given[name] for name in ("tag", "prefix") if name in given}
        return await page.read("list_memories", limit=ON_A_PAGE, offset=offset, **named)
    if moment:
        if narrowing or "q" not in given:
            raise invalid(
                next(iter(moment)),
                given.get("as_of", "superseded ones too"),
                "with words and a type alone, without a tag, a beginning of the name or days",
            )
        found = await page.read(
            "retrieve_memory",
            query=given["q"],
            top_k=ON_A_PAGE,
            offset=offset,
            explain=True,
            include_superseded="superseded" in given,
            **({"as_of": given["as_of"]} if "as_of" in given else {}),
            **({"resource_type": given["type"]} if "type" in given else {}),
        )
    elif not narrowing and "q" in given:
        kind = {"resource_type": given["type"]} if "type" in given else {}
        found = await page.read(
            "retrieve_memory", query=given["q"], top_k=ON_A_PAGE, offset=offset, explain=True, **kind
        )
    else:
        filters: dict[str, Any] = {"sources": ["memory"]}
        if "type" in given:
            filters["resource_type"] = given["type"]
        if "tag" in given:
            filters["tags_any"] = [given["tag"]]
        if "prefix" in given:
            filters["file_name"] = given["prefix"].translate(LIKE_GLOBS) + "*"
        filters |= {f"date_{name}": given[name] for name in ("from", "to") if name in given}
        found = await page.read(
            "advanced_context_search",
            query=given.get("q", ""),
            filters=filters,
            top_k=ON_A_PAGE,
            offset=offset,
            explain="q" in given,
        )
    return {**found, "memories": found["results"]}


async def show_one(page: Page) -> Response:
    """Show a memory with what took its place and what it took the place of."""
    return await _one(page, whole=bool(page.text("whole")))


async def _one(page: Page, *, whole: bool) -> Response:
    memory = await page.read(
        "get_memory", resource_id=_id(page), max_characters=AT_ONCE if whole else SHOWN_CHARACTERS
    )
    history = await page.read("memory_history", resource_id=_id(page), limit=VERSIONS)
    this: dict[str, Any] = next(
        (one for one in history["versions"] if one["resource_id"] == memory["resource_id"]), {}
    )
    context = {"memory": memory, "history": history, "this": this, "current": memory.get("current", True)}
    return await page.show("memory.html", context, section=SECTION)


async def show_history(page: Page) -> Response:
    """Show the versions of a memory with what changed from one to the next."""
    offset = page.offset()
    history = await page.read("memory_history", resource_id=_id(page), limit=VERSIONS, offset=offset)
    context = {"history": history, "resource_id": _id(page), "offset": offset, "limit": VERSIONS}
    return await page.show("memory_history.html", context, section=SECTION)


async def restore(page: Page) -> Response:
    """Make a new version with the text of an earlier one."""
    earlier = await page.read("get_memory", resource_id=_id(page), max_characters=AT_ONCE)
    stored = await page.change("update_memory", file_name=earlier["file_name"], content=earlier["content"])
    page.tell(f"Version {stored['version']} holds now, with the text of version {earlier['version']}.")
    return page.go(f"/memories/{stored['resource_id']}")


EDITED = ("file_name", "resource_type", "valid_from", "valid_until", "expires")


async def ask_new(page: Page) -> Response:
    """Show an empty form for a memory."""
    return await _form(page, {})


async def store(page: Page) -> Response:
    """Store a new memory."""
    stored = await page.change(
        "store_memory",
        content=page.raw("content"),
        tags=page.listed("tags"),
        on_conflict="error",
        **page.filled(*EDITED),
    )
    page.tell(f"Stored {stored['file_name']}.")
    return page.go(f"/memories/{stored['resource_id']}")


async def ask_edit(page: Page) -> Response:
    """Show a memory in a form."""
    memory = await page.read("get_memory", resource_id=_id(page), max_characters=AT_ONCE)
    fields = {"tags": ", ".join(memory["tags"]), "expires": memory.get("expires_at", "")}
    return await _form(page, {**memory, **fields, "seen": _state(memory)})


async def edit(page: Page) -> Response:
    """Change a memory; what is as it was stays out of the call, so that it is not stated anew."""
    memory = await page.read("get_memory", resource_id=_id(page), max_characters=AT_ONCE)
    if page.text("seen") != _state(memory):
        message = "It was changed since you opened it. Look at it in another window; saving again changes it to this."
        raise LtmcError(ErrorCode.CONFLICT, message)
    given: dict[str, Any] = {}
    content = page.raw("content")
    if content != as_typed(memory["content"]):
        given["content"] = content
    if page.text("tags") != ", ".join(memory["tags"]):
        given["tags"] = page.listed("tags")
    if page.text("resource_type") != memory["resource_type"]:
        given["resource_type"] = page.text("resource_type")
    for name, known in (
        ("valid_from", "valid_from"),
        ("valid_until", "valid_until"),
        ("expires", "expires_at"),
    ):
        text = page.text(name)
        if text != memory.get(known, ""):
            given[name] = text or "never"
    if not given:
        page.tell("Nothing was changed.")
        return page.go(f"/memories/{_id(page)}")
    stored = await page.change("update_memory", resource_id=_id(page), **given)
    holds = f": version {stored['version']} holds now" if stored["version"] != memory["version"] else ""
    page.tell(f"Changed {stored['file_name']}{holds}.")
    return page.go(f"/memories/{stored['resource_id']}")


def _state(memory: dict[str, Any]) -> str:
    """Return what tells a memory from what it is after a change by somebody else."""
    fields = ("content", "tags", "resource_type", "valid_from", "valid_until", "expires_at")
    return hashlib.sha256(json.dumps([memory.get(name) for name in fields]).encode()).hexdigest()


async def _form(page: Page, memory: dict[str, Any]) -> Response:
    """Show a memory's fields in a form, with what was typed where it was refused."""
    typed = page.typed(page.request.url.path)
    values = {**memory, **{name: page.raw(name) for name in (*EDITED, "content", "tags") if name in typed}}
    context = {"memory": values, "resource_id": page.request.path_params.get("id")}
    return await page.show("memory_form.html", context, section=SECTION)


async def tag(page: Page) -> Response:
    """Add tags to a memory, or take one away."""
    memory = await page.read("get_memory", resource_id=_id(page), max_characters=1)
    tags = [one for one in memory["tags"] if one != page.text("remove")]
    await page.change("update_memory", resource_id=_id(page), tags=[*tags, *page.listed("add")])
    return page.go(f"/memories/{_id(page)}")


async def forget(page: Page) -> Response:
    """Forget a version of a memory."""
    gone = await page.change("delete_memory", resource_id=_id(page))
    page.tell(f"Forgot {gone['file_name']}, version {gone['version']}.", undo=gone["undo"])
    return page.go("/memories")


async def show_conflicts(page: Page) -> Response:
    """Show pairs of memories that seem to contradict each other; they take seconds to find, so the page comes first."""
    offset, context = page.offset(), dict[str, Any](found=None)
    if page.is_partial or page.text("found"):
        found = await page.read("find_conflicts", limit=CONFLICTS, offset=offset)
        context = {"found": found, "offset": offset, "limit": CONFLICTS}
    if page.is_partial:
        return page.part("conflicts_found.html", context)
    return await page.show("conflicts.html", context, section=SECTION)


async def settle(page: Page) -> Response:
    """Settle a contradiction: one memory takes the place of the other, or both hold."""
    how = "supersedes" if page.text("holds") == "one" else "agrees_with"
    stored = await page.change("update_memory", resource_id=_id(page), **{how: [page.text("other")]})
    page.tell(f"{stored['file_name']} holds now." if how == "supersedes" else "Both hold.")
    return page.go("/memories/conflicts")


def _id(page: Page) -> int:
    return int(page.request.path_params["id"])


ROUTES = [
    get("/memories", show_list),
    get("/memories/new", ask_new),
    post("/memories/new", store, again=ask_new),
    get("/memories/conflicts", show_conflicts),
    get("/memories/{id:int}", show_one),
    get("/memories/{id:int}/history", show_history),
    post("/memories/{id:int}/restore", restore),
    get("/memories/{id:int}/edit", ask_edit),
    post("/memories/{id:int}/edit", edit, again=ask_edit),
    post("/memories/{id:int}/tag", tag, again=show_one),
    post("/memories/{id:int}/forget", forget),
    post("/memories/{id:int}/settle", settle),
]
