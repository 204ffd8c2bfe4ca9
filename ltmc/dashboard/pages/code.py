"""Code attempts: what was tried, how it went, and what they have in common."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from ltmc.app.exploring import attempts
from ltmc.dashboard.page import Page, get, post

SECTION = "code"
ON_A_PAGE = 20
AT_ONCE = 1_000_000
RESULTS = ("pass", "fail", "partial", "error")


async def show_list(page: Page) -> Response:
    """Show the attempts that a search finds, or the newest."""
    offset, given = page.offset(), page.filled("q", "result", "language", "tag")
    found = await _found(page, given, offset)
    context: dict[str, Any] = {"given": given, "found": found, "offset": offset, "limit": ON_A_PAGE}
    context |= {"attempts": found["patterns"], "results": RESULTS}
    if page.is_partial:
        return page.part("code_found.html", context)
    statistics = await page.read("get_code_statistics")
    return await page.show("code.html", {**context, "statistics": statistics}, section=SECTION)


async def _found(page: Page, given: dict[str, str], offset: int) -> Mapping[str, Any]:
    tags, language = page.filled("tag").values(), given.get("language", "").lower() or None
    if "q" not in given:
        return await attempts(page.app).newest(
            result=given.get("result"),
            tags=[*tags],
            language=language,
            limit=ON_A_PAGE,
            offset=offset,
            project_id=page.project,
        )
    return await page.read(
        "get_code_patterns",
        query=given["q"],
        result_filter=given.get("result", "all"),
        tags=[*tags],
        language=language,
        top_k=ON_A_PAGE,
        offset=offset,
        explain=True,
    )


async def show_one(page: Page) -> Response:
    """Show an attempt in full."""
    attempt = await page.read("get_memory", pattern_id=page.request.path_params["id"], max_characters=AT_ONCE)
    return await page.show("attempt.html", {"attempt": attempt}, section=SECTION)


async def show_analysis(page: Page) -> Response:
    """Show what attempts have in common."""
    found = await page.read("analyze_code_patterns")
    return await page.show("code_analysis.html", {"found": found}, section=SECTION)


async def forget(page: Page) -> Response:
    """Forget an attempt."""
    chosen = {"kind": "pattern", "ids": [page.request.path_params["id"]]}
    preview = await page.read("forget", **chosen)
    done = await page.change("forget", **chosen, confirm=preview["confirm"])
    page.tell("Forgot an attempt.", undo=done["undo"])
    return page.go("/code")


ROUTES = [
    get("/code", show_list),
    get("/code/analysis", show_analysis),
    get("/code/{id:int}", show_one),
    post("/code/{id:int}/forget", forget),
]
