"""Todos."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from ltmc.features.todos.service import (
    TodoAdded,
    TodoChanged,
    TodoCompleted,
    TodoDeleted,
    TodoPage,
    TodoService,
    TodosFound,
)
from ltmc.tools.arguments import (
    Description,
    Due,
    Limit,
    Offset,
    Priority,
    ProjectId,
    ProjectOfId,
    Query,
    RowId,
    Title,
    TodoStatus,
    lower,
)
from ltmc.tools.declaration import tool


@tool("Add a todo", category="todos", profile="core", lean=("title", "due"))
async def add_todo(
    todos: TodoService,
    /,
    title: Title,
    description: Description = "",
    priority: Priority = "medium",
    due: Due | None = None,
    project_id: ProjectId = None,
) -> TodoAdded:
    """Add a todo that outlives the session.

    Args:
        due: 2026-12-31, friday, in 3 days.
    """
    return await todos.add(title, description, priority, project_id, due)


@tool("List todos", category="todos", read_only=True, profile="core", lean=("status",))
async def list_todos(
    todos: TodoService,
    /,
    status: TodoStatus = "all",
    priority: Priority | None = None,
    limit: Limit = 10,
    offset: Offset = 0,
    sort: Annotated[Literal["priority", "created"], BeforeValidator(lower)] = "priority",
    project_id: ProjectId = None,
) -> TodoPage:
    """List todos, the most pressing first."""
    return await todos.page(
        status=status, priority=priority, limit=limit, offset=offset, sort=sort, project_id=project_id
    )


@tool("Complete a todo", category="todos", idempotent=True, profile="core")
async def complete_todo(
    todos: TodoService, /, todo_id: RowId, project_id: ProjectOfId = None
) -> TodoCompleted:
    """Mark a todo as done."""
    return await todos.complete(todo_id, project_id)


@tool("Change a todo", category="todos", destructive=True, idempotent=True)
async def update_todo(
    todos: TodoService,
    /,
    todo_id: RowId,
    title: Title | None = None,
    description: Description | None = None,
    priority: Priority | None = None,
    status: Annotated[Literal["pending", "completed"], BeforeValidator(lower)] | None = None,
    due: Due | None = None,
    project_id: ProjectOfId = None,
) -> TodoChanged:
    """Change a todo; status pending reopens it.

    Args:
        due: 2026-12-31, friday, in 3 days, none.
    """
    changes = {"title": title, "description": description, "priority": priority, "status": status, "due": due}
    return await todos.update(todo_id, changes, project_id)


@tool("Search todos", category="todos", read_only=True)
async def search_todos(
    todos: TodoService,
    /,
    query: Query,
    status: TodoStatus = "all",
    limit: Limit = 10,
    offset: Offset = 0,
    project_id: ProjectId = None,
) -> TodosFound:
    """Todos that hold every word of a query."""
    return await todos.search(query, status=status, limit=limit, offset=offset, project_id=project_id)


@tool("Delete a todo", category="todos", destructive=True)
async def delete_todo(todos: TodoService, /, todo_id: RowId, project_id: ProjectOfId = None) -> TodoDeleted:
    """Delete a todo; complete what is done. forget(undo) restores it."""
    return await todos.delete(todo_id, project_id)
