"""Todos."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from ltmc.features.todos.service import (
    TodoAdded,
    TodoChanged,
    TodoCompleted,
    TodoPage,
    TodoService,
    TodosFound,
)
from ltmc.tools.arguments import (
    Description,
    Limit,
    Offset,
    Priority,
    ProjectId,
    Query,
    RowId,
    Title,
    TodoStatus,
    lower,
)
from ltmc.tools.declaration import tool


@tool("Add a todo", category="todos", profile="core")
async def add_todo(
    todos: TodoService,
    /,
    title: Title,
    description: Description = "",
    priority: Priority = "medium",
    project_id: ProjectId = None,
) -> TodoAdded:
    """Add a todo that outlives the session."""
    return await todos.add(title, description, priority, project_id)


@tool("List todos", category="todos", read_only=True, profile="core")
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
    """List todos, the most urgent or the newest first."""
    return await todos.page(
        status=status, priority=priority, limit=limit, offset=offset, sort=sort, project_id=project_id
    )


@tool("Complete a todo", category="todos", idempotent=True, profile="core")
async def complete_todo(todos: TodoService, /, todo_id: RowId, project_id: ProjectId = None) -> TodoCompleted:
    """Mark a todo as done; doing it twice changes nothing."""
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
    project_id: ProjectId = None,
) -> TodoChanged:
    """Change a todo; the status pending opens it again."""
    changes = {"title": title, "description": description, "priority": priority, "status": status}
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
    """Find todos that hold every word of a query, or words that begin with it."""
    return await todos.search(query, status=status, limit=limit, offset=offset, project_id=project_id)
