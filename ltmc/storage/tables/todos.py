"""Todos."""

from dataclasses import dataclass
from typing import Any

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import Source, among, matching


@dataclass(frozen=True, slots=True)
class Todo:
    """A todo; `priority`: 1 to 3, the highest last."""

    id: int
    project_id: str
    title: str
    description: str
    priority: int
    status: str
    created_at: str
    completed_at: str | None = None


SOURCE = Source(
    kind="todo",
    row=Todo,
    columns=columns(Todo),
    owner="todos t",
    key="t.id",
    project="t.project_id",
    created="t.created_at",
    text="t.title || char(10) || t.description",
    filters={
        "project": among("t.project_id"),
        "status": among("t.status"),
        "matching": matching("todo", "t.id"),
    },
    group="t.id",
)


async def insert(tx: Transaction, todo: Todo) -> Todo:
    """Store a todo; it comes back with its id."""
    return await insert_row(tx, "todos", todo)


async def page(
    tx: Transaction,
    project_id: str,
    *,
    status: str | None,
    priority: int | None,
    by_priority: bool,
    limit: int,
    offset: int,
) -> tuple[list[Todo], int]:
    """Todos in order, and how many match in all."""
    where = "project_id = ?1 AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR priority = ?3)"
    total = await tx.value(f"SELECT count(*) FROM todos WHERE {where}", (project_id, status, priority))
    order = "priority DESC, id DESC" if by_priority else "id DESC"
    rows = await tx.all(
        Todo,
        f"SELECT * FROM todos WHERE {where} ORDER BY {order} LIMIT ?4 OFFSET ?5",
        (project_id, status, priority, limit, offset),
    )
    return rows, int(total)


async def get(tx: Transaction, todo_id: int, project_id: str | None) -> Todo | None:
    """Return a todo; with a project, only if it is that project's."""
    return await tx.one(
        Todo, "SELECT * FROM todos WHERE id = ?1 AND (?2 IS NULL OR project_id = ?2)", (todo_id, project_id)
    )


async def update(tx: Transaction, todo_id: int, changes: dict[str, Any]) -> None:
    """Set columns."""
    await tx.run(
        f"UPDATE todos SET {', '.join(f'{column} = ?' for column in changes)} WHERE id = ?",
        [*changes.values(), todo_id],
    )
