"""The knowledge graph: a picture of what is around a thing, and its relations as a list."""

from typing import Any

from starlette.responses import JSONResponse, Response

from ltmc.app.exploring import Lens, explorer
from ltmc.dashboard.page import Page, get, post
from ltmc.errors import LtmcError, invalid

GRAPH = "/graph"

FOUND = 50
"""How many things a search shows."""

LISTED = 100
"""How many relations of a thing are listed at a time."""

SIZES = (60, 150, 500, 1500, 5000)
"""How many things a picture may show."""

STEPS = (1, 2, 3)
DIRECTIONS = {"both": "In and out", "outgoing": "Out of it", "incoming": "Into it"}


async def show(page: Page) -> Response:
    """Show a search, a thing with its relations, or what is linked most; to htmx the thing alone."""
    around, query, node = explorer(page.app), page.text("q"), page.text("node")
    shown: dict[str, Any] = {"relations": None, "middle": page.text("middle") or node}
    if node:
        shown["relations"] = await around.relations(page.project, node, _lens(page)._replace(most=LISTED))
        shown["offset"], shown["listed"] = page.offset(), LISTED
    view = _view(page)
    if page.is_partial:
        return page.part("graph_thing.html", {**shown, "view": view})
    shown |= {
        "query": query,
        "found": await around.find(page.project, query, FOUND) if query else None,
        "overview": await around.overview(page.project),
        "picture": page.address(f"{GRAPH}/picture", node=node, **view),
        "view": view,
        "sizes": SIZES,
        "steps": STEPS,
        "directions": DIRECTIONS,
        "lens": _lens(page),
    }
    return await page.show("graph.html", shown, section="graph")


async def picture(page: Page) -> Response:
    """Answer what a picture shows, as JSON."""
    node, opened = page.text("node") or None, page.chosen("open")
    return JSONResponse(await explorer(page.app).picture(page.project, node, _lens(page), opened))


async def names(page: Page) -> Response:
    """Answer which things are called as what is typed at either end of a relation, as options."""
    typed = page.text("other") or page.text("from")
    found = (await explorer(page.app).find(page.project, typed, 12))["nodes"] if typed else []
    return page.part("graph_names.html", {"nodes": found})


async def link(page: Page) -> Response:
    """Link a thing with another one."""
    node, other = page.text("node") or page.text("from"), page.text("other")
    ends = (other, node) if page.text("turned") else (node, other)
    made = await page.change(
        "link_resources",
        source_id=ends[0],
        target_id=ends[1],
        relation=page.text("relation"),
        bidirectional=bool(page.text("both")),
    )
    new = "Linked" if made["created"] else "They were linked so already"
    page.tell(f"{new}: {made['source_id']} {made['relation']} {made['target_id']}.")
    return page.go(GRAPH, node=node or made["source_id"], **_view(page))


async def unlink(page: Page) -> Response:
    """Remove a link; it can be put back."""
    text, node = page.text("link_id"), page.text("node")
    if not text.isdecimal():  # the tool takes names, too, and removes every link of theirs
        raise invalid("link_id", text, "the number of a link")
    chosen = {"kind": "link", "ids": [int(text)]}
    preview = await page.read("forget", **chosen)
    gone = await page.change("forget", **chosen, confirm=preview["confirm"])
    page.tell(f"Removed: {preview['examples'][0]['title']}.", undo=gone["undo"])
    try:
        await explorer(page.app).relations(page.project, node, Lens(most=0))
    except LtmcError:  # nothing is left of a name without links
        node = ""
    return page.go(GRAPH, node=node, **_view(page))


def _lens(page: Page) -> Lens:
    """Return what of the graph is looked at; what the address does not say well is the usual."""
    direction = page.text("direction")
    return Lens(
        page.chosen("relation_type") or None,
        direction if direction in DIRECTIONS else "both",
        _bounded(page.text("steps"), 2, max(STEPS)),
        _bounded(page.text("most"), SIZES[1], max(SIZES)),
        page.offset(),
    )


def _bounded(text: str, usual: int, most: int) -> int:
    """Return a number from 1 to `most`; `usual` for what is none."""
    return min(int(text), most) if text.isdecimal() and len(text) < 9 and int(text) else usual


def _view(page: Page) -> dict[str, Any]:
    """Return what the address says of the picture, for the next one."""
    return {
        "relation_type": page.chosen("relation_type"),
        "open": page.chosen("open"),
        **page.filled("direction", "steps", "most"),
    }


ROUTES = [
    get(GRAPH, show),
    get(f"{GRAPH}/picture", picture),
    get(f"{GRAPH}/names", names),
    post(f"{GRAPH}/link", link, again=show),
    post(f"{GRAPH}/unlink", unlink, again=show),
]
