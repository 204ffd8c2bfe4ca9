"""Todos: what is to be done, how urgent, and what is done."""

from typing import Any

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.features.memory import filters as finding
from ltmc.features.memory.filters import PRIORITIES
from ltmc.search import index
from ltmc.search import kinds as entries
from ltmc.storage.engine import Engine
from ltmc.storage.sqlite.search_index import Condition
from ltmc.storage.tables import todos
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import project_of

RANKS = {name: rank for rank, name in PRIORITIES.items()}


class TodoService:
    """The todos of each project."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    async def add(
        self, title: str, description: str, priority: str, project_id: str | None
    ) -> dict[str, Any]:
        """Add a pending todo."""
        project, moment = project_of(project_id), now()
        async with self._database.write(project) as tx:
            todo_id = await todos.insert(tx, project, title, description, RANKS[priority], moment)
            row = {"id": todo_id, "project_id": project, "title": title, "description": description}
            await index.add(tx, "todo", [entries.todo(row)])
        return {
            "todo_id": todo_id,
            "title": title,
            "description": description,
            "priority": priority,
            "status": "pending",
            "created_at": moment,
        }

    async def page(
        self,
        *,
        status: str,
        priority: str | None,
        limit: int,
        offset: int,
        sort: str,
        project_id: str | None,
    ) -> dict[str, Any]:
        """A page of the todos, the most urgent or the newest first."""
        async with self._database.read() as tx:
            rows, total = await todos.page(
                tx,
                project_of(project_id),
                status=None if status == "all" else status,
                priority=None if priority is None else RANKS[priority],
                by_priority=sort == "priority",
                limit=limit,
                offset=offset,
            )
        return {
            "todos": [finding.todo(row) for row in rows],
            **page_counts(rows, total, offset),
        }

    async def complete(self, todo_id: int, project_id: str | None) -> dict[str, Any]:
        """Mark a todo as completed; a second time changes nothing.

        Raises:
            LtmcError: NOT_FOUND, also when it belongs to another project than the one named.
        """
        async with self._database.write() as tx:
            row = await todos.get(tx, todo_id, project_id)
            if row is None:
                raise not_found("todo_id", todo_id, "todo")
            already, completed_at = row["status"] == "completed", row["completed_at"]
            if not already:
                completed_at = now()
                await todos.complete(tx, todo_id, completed_at)
        return {
            "todo_id": todo_id,
            "title": row["title"],
            "status": "completed",
            "completed_at": completed_at,
            "already_completed": already,
        }

    async def update(self, todo_id: int, changes: dict[str, Any], project_id: str | None) -> dict[str, Any]:
        """Change the given fields; the status ``pending`` opens a completed todo again.

        Raises:
            LtmcError: INVALID_ARGUMENT when nothing is given; NOT_FOUND.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if not given:
            raise LtmcError(
                ErrorCode.INVALID_ARGUMENT,
                f"Nothing to change; give at least one of: {', '.join(changes)}.",
                details={"accepted": list(changes)},
            )
        if "priority" in given:
            given["priority"] = RANKS[given["priority"]]
        async with self._database.write() as tx:
            row = await todos.get(tx, todo_id, project_id)
            if row is None:
                raise not_found("todo_id", todo_id, "todo")
            changed = {name: value for name, value in given.items() if row[name] != value}
            if changed:
                done = {"completed_at": now() if changed.get("status") == "completed" else None}
                await todos.update(tx, todo_id, changed | (done if "status" in changed else {}))
            updated = await todos.get(tx, todo_id, None) or row
            if changed.keys() & {"title", "description"}:
                await index.add(tx, "todo", [entries.todo(updated)])
        return {**finding.todo(updated), "changed_fields": list(changed)}

    async def search(
        self, query: str, *, status: str, limit: int, offset: int, project_id: str | None
    ) -> dict[str, Any]:
        """The todos that hold every word of the query, or words that begin with it."""
        async with self._database.read() as tx:
            ranking = await index.search(
                tx,
                "todo",
                query,
                project_id=project_of(project_id),
                conditions=[] if status == "all" else [Condition("t.status = ?", [status])],
                every_term=True,
                limit=limit,
                offset=offset,
            )
            found = await finding.describe(tx, "todo", ranking.hits)
        return {
            "todos": [{**result, "relevance_score": result.pop("score")} for result in found],
            **page_counts(found, ranking.total, offset),
            "search_mode": ranking.mode,
        }
