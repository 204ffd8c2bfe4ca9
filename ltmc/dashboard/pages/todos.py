"""Todos: adding, doing, changing and deleting them."""

from starlette.responses import Response

from ltmc.app.exploring import whole_descriptions
from ltmc.dashboard.page import Page, get, post

SECTION = "todos"
ON_A_PAGE = 50


async def show_list(page: Page) -> Response:
    """Show todos: the open ones unless others are asked for."""
    offset, given = page.offset(), page.filled("q", "status", "only")
    status = given.get("status", "all" if "q" in given else "pending")
    if "q" in given:
        found = await page.read(
            "search_todos", query=given["q"], status=status, limit=ON_A_PAGE, offset=offset
        )
    else:
        narrowed = {"priority": given["only"]} if "only" in given else {}
        found = await page.read("list_todos", status=status, limit=ON_A_PAGE, offset=offset, **narrowed)
    cut = {todo["todo_id"]: todo for todo in found["todos"] if "truncated" in todo}
    for todo_id, whole in (await whole_descriptions(page.app, [*cut])).items():
        cut[todo_id]["description"] = whole  # the form to change it has all of it
    context = {"given": given, "status": status, "found": found, "offset": offset, "limit": ON_A_PAGE}
    if page.is_partial:
        return page.part("todos_found.html", context)
    return await page.show("todos.html", context, section=SECTION)


async def add(page: Page) -> Response:
    """Add a todo."""
    given = page.filled("title", "priority", "due")
    await page.change("add_todo", description=page.raw("description").strip(), **given)
    page.tell(f"Added: {given['title']}")
    return page.go("/todos")


async def edit(page: Page) -> Response:
    """Change a todo."""
    given = {"title": page.text("title"), "priority": page.text("priority")}
    given |= {"description": page.raw("description").strip(), "due": page.text("due") or "none"}
    if page.text("due") == page.text("due_before"):  # the last moment of a day, which need not be said anew
        del given["due"]
    await page.change("update_todo", todo_id=_id(page), **given)
    page.tell(f"Changed: {given['title']}")
    return page.back("/todos")


async def done(page: Page) -> Response:
    """Mark a todo as done."""
    await page.change("complete_todo", todo_id=_id(page))
    page.tell("Done.")
    return page.back("/todos")


async def reopen(page: Page) -> Response:
    """Open a todo again."""
    await page.change("update_todo", todo_id=_id(page), status="pending")
    page.tell("Open again.")
    return page.back("/todos")


async def delete(page: Page) -> Response:
    """Delete a todo."""
    gone = await page.change("delete_todo", todo_id=_id(page))
    page.tell("Deleted a todo.", undo=gone["undo"])
    return page.back("/todos")


def _id(page: Page) -> int:
    return int(page.request.path_params["id"])


ROUTES = [
    get("/todos", show_list),
    post("/todos", add, again=show_list),
    post("/todos/{id:int}/edit", edit, again=show_list),
    post("/todos/{id:int}/done", done),
    post("/todos/{id:int}/reopen", reopen),
    post("/todos/{id:int}/delete", delete),
]
