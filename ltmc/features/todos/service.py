"""Todos: what is to be done, how urgent, and what is done."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict, cast

from ltmc.errors import nothing_to_change
from ltmc.features.memory.forgetting import take
from ltmc.search import index
from ltmc.search.kinds import PRIORITIES, TODO, Described, TodoView, todo_view
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sources import by_id
from ltmc.storage.tables import todos
from ltmc.storage.tables.todos import Todo
from ltmc.timestamps import days_ago, now
from ltmc.tools.arguments import NEVER
from ltmc.tools.paging import PageCounts, page_counts
from ltmc.tools.project_scope import marked, owned, project_of, projects_read

RANKS = {name: rank for rank, name in PRIORITIES.items()}


class TodoAdded(Described):
    """A new todo."""

    todo_id: int
    title: str
    priority: str
    status: str
    created_at: str
    due_at: NotRequired[str]


class TodoDeleted(TypedDict):
    """A todo that is gone."""

    todo_id: int
    title: str
    deleted: bool
    undo: str


class TodoPage(PageCounts):
    """A page of todos."""

    todos: list[TodoView]


class TodoCompleted(TypedDict):
    """A todo that is done; `already_completed`: it was before."""

    todo_id: int
    title: str
    status: str
    completed_at: str | None
    already_completed: bool


class TodoChanged(TodoView):
    """A todo after a change."""

    changed_fields: list[str]


class FoundTodo(TodoView):
    """A todo that a search found."""

    relevance_score: float


class TodosFound(PageCounts, index.SearchMarks):
    """A page of the todos that a search found."""

    todos: list[FoundTodo]


SOON_DAYS = 7
"""What is due within so many days comes before what has a higher priority."""

_SEARCHED = {"title", "description"}
"""The fields that a search looks at."""


class TodoService:
    """The todos of each project."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def descriptions(self, todo_ids: Sequence[int]) -> dict[int, str]:
        """Return the whole descriptions of todos, by id."""
        async with self._engine.read() as tx:
            return {row.id: row.description for row in (await by_id(tx, todos.SOURCE, todo_ids)).values()}

    async def add(
        self, title: str, description: str, priority: str, project_id: str | None, due: str | None = None
    ) -> TodoAdded:
        """Add a pending todo."""
        project = project_of(project_id)
        due_at = None if due == NEVER else due
        row = Todo(0, project, title, description, RANKS[priority], "pending", now(), None, due_at)
        ready = await index.prepare(TODO, [row])
        async with self._engine.write(project) as tx:
            row = await todos.insert(tx, row)
            await index.add(tx, TODO, [row], ready)
        view = todo_view(row)
        return cast("TodoAdded", {name: view.get(name) for name in TodoAdded.__annotations__ if name in view})

    async def page(
        self, *, status: str, priority: str | None, limit: int, offset: int, sort: str, project_id: str | None
    ) -> TodoPage:
        """Return a page of the todos: what is to be done first (overdue, due soon, by priority), or the newest."""
        projects = projects_read(project_id)
        async with self._engine.read() as tx:
            rows, total = await todos.page(
                tx,
                projects,
                status=None if status == "all" else status,
                priority=None if priority is None else RANKS[priority],
                due_before=days_ago(-SOON_DAYS) if sort == "priority" else None,
                limit=limit,
                offset=offset,
            )
        return {
            "todos": [marked(todo_view(row), row.project_id, projects) for row in rows],
            **page_counts(rows, total, offset),
        }

    async def complete(self, todo_id: int, project_id: str | None) -> TodoCompleted:
        """Mark a todo as completed; a second time changes nothing.

        Raises:
            LtmcError: NOT_FOUND, also when it belongs to another project than the one named.
        """
        async with self._engine.write() as tx:
            row = await _get(tx, todo_id, project_id)
            already = row.status == "completed"
            if not already:
                row = row._replace(status="completed", completed_at=now())
                await todos.update(tx, todo_id, {"status": row.status, "completed_at": row.completed_at})
        return {
            "todo_id": todo_id,
            "title": row.title,
            "status": row.status,
            "completed_at": row.completed_at,
            "already_completed": already,
        }

    async def update(self, todo_id: int, changes: dict[str, Any], project_id: str | None) -> TodoChanged:
        """Change the given fields; the status ``pending`` opens a completed todo again.

        Raises:
            LtmcError: INVALID_ARGUMENT when nothing is given; NOT_FOUND.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if not given:
            raise nothing_to_change(changes)
        if "priority" in given:
            given["priority"] = RANKS[given["priority"]]
        if "due" in given:
            due = given.pop("due")
            given["due_at"] = None if due == NEVER else due
        ready: index.Prepared = {}
        if given.keys() & _SEARCHED:
            async with self._engine.read() as tx:
                row = await _get(tx, todo_id, project_id)
            ready = await index.prepare(TODO, [row._replace(**given)])
        async with self._engine.write() as tx:
            row = await _get(tx, todo_id, project_id)
            changed = {name: value for name, value in given.items() if getattr(row, name) != value}
            if changed:
                done = {"completed_at": now() if changed.get("status") == "completed" else None}
                stored = changed | (done if "status" in changed else {})
                row = row._replace(**stored)
                await todos.update(tx, todo_id, stored)
            if changed.keys() & _SEARCHED:
                await index.add(tx, TODO, [row], ready)
        fields = ["due" if name == "due_at" else name for name in changed]
        return {**todo_view(row), "changed_fields": fields}

    async def delete(self, todo_id: int, project_id: str | None) -> TodoDeleted:
        """Delete a todo; it can be put back.

        Raises:
            LtmcError: NOT_FOUND, also when it belongs to another project than the one named.
        """
        async with self._engine.write() as tx:
            row = await _get(tx, todo_id, project_id)
            forgetting = await take(tx, row.project_id, now(), {"todo": [todo_id]})
        return {"todo_id": todo_id, "title": row.title, "deleted": True, "undo": forgetting.token}

    async def search(
        self, query: str, *, status: str, limit: int, offset: int, project_id: str | None
    ) -> TodosFound:
        """Return the todos that hold every word of the query, or words that begin with it."""
        projects = projects_read(project_id)
        async with self._engine.read() as tx:
            ranking = await index.search(
                tx,
                TODO,
                query,
                projects=projects,
                where={} if status == "all" else {"status": [status]},
                every_term=True,
                limit=limit,
                offset=offset,
            )
            found = await index.load_rows(tx, TODO, ranking.hits)
        return {
            "todos": [
                marked(
                    cast("FoundTodo", {**index.shown(TODO, row, query), "relevance_score": hit.score}),
                    row.project_id,
                    projects,
                )
                for row, hit in found
            ],
            **page_counts(found, ranking.total, offset),
            **index.marks_of(found, ranking),
        }


async def _get(tx: Transaction, todo_id: int, project_id: str | None) -> Todo:
    return owned(await todos.get(tx, todo_id), project_id, "todo_id", todo_id, "todo")
