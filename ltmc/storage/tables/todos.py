"""Todos."""

from typing import Any, NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import NEWLINE, Source, among, matching


class Todo(NamedTuple):
    """A todo; `priority`: 1 to 3, the highest last."""

    id: int
    project_id: str
    title: str
    description: str
    priority: int
    status: str
    created_at: str
    completed_at: str | None = None
    due_at: str | None = None


SOURCE = Source(
    kind="todo",
    row=Todo,
    columns=columns(Todo),
    owner="todos t",
    key="t.id",
    project="t.project_id",
    created="t.created_at",
    text=f"t.title || {NEWLINE} || t.description",
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
    projects: list[str],
    *,
    status: str | None,
    priority: int | None,
    due_before: str | None,
    limit: int,
    offset: int,
) -> tuple[list[Todo], int]:
    """Todos in order, and how many match in all.

    Args:
        due_before: open ones first, of them those due before this by their dates, then by priority; None: the
            newest first.
    """
    inside = "project_id IN (SELECT value FROM json_each(?1))"
    where = f"{inside} AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR priority = ?3)"
    total = await tx.value(f"SELECT count(*) FROM todos WHERE {where}", (projects, status, priority))
    to_do = (
        "status DESC, CASE WHEN status = 'pending' AND due_at < ?6 THEN due_at ELSE '9999' END, priority DESC, "
        "coalesce(due_at, '9999'), id DESC"
    )
    rows = await tx.all(
        Todo,
        f"SELECT * FROM todos WHERE {where} ORDER BY {'id DESC' if due_before is None else to_do} LIMIT ?4 OFFSET ?5",
        (projects, status, priority, limit, offset, *([] if due_before is None else [due_before])),
    )
    return rows, int(total)


async def get(tx: Transaction, todo_id: int) -> Todo | None:
    """Return a todo."""
    return await tx.one(Todo, "SELECT * FROM todos WHERE id = ?", (todo_id,))


async def update(tx: Transaction, todo_id: int, changes: dict[str, Any]) -> None:
    """Set columns."""
    await tx.run(
        f"UPDATE todos SET {', '.join(f'{column} = ?' for column in changes)} WHERE id = ?",
        [*changes.values(), todo_id],
    )
