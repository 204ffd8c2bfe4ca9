"""Projects: their names, roots and allowed folders."""

import json
from collections.abc import Sequence

from ltmc.storage.engine import Row, Transaction


def _loaded(row: Row) -> Row:
    return row | {"allowed_paths": json.loads(row["allowed_paths"])}


async def upsert(
    tx: Transaction,
    project_id: str,
    name: str | None,
    root_path: str,
    allowed_paths: Sequence[str],
    moment: str,
) -> bool:
    """A project with its folders; whether it is new."""
    known = await get(tx, project_id)
    await tx.run(
        "INSERT INTO projects (project_id, name, root_path, allowed_paths, created_at) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (project_id) DO UPDATE SET name = coalesce(excluded.name, name), "
        "root_path = excluded.root_path, allowed_paths = excluded.allowed_paths",
        (project_id, name, root_path, json.dumps(allowed_paths, ensure_ascii=False), moment),
    )
    return known is None


async def get(tx: Transaction, project_id: str) -> Row | None:
    """A project."""
    row = await tx.one("SELECT * FROM projects WHERE project_id = ?", (project_id,))
    return _loaded(row) if row else None


async def page(tx: Transaction, limit: int, offset: int) -> tuple[list[Row], int]:
    """Projects by id, each with what it holds counted; and how many there are."""
    total = await tx.value("SELECT count(*) FROM projects")
    rows = await tx.all(
        "SELECT project_id, name, root_path, allowed_paths, created_at, "
        "(SELECT count(*) FROM resources r WHERE r.project_id = p.project_id AND r.archived = 0) AS memories, "
        "(SELECT count(*) FROM chat_messages m WHERE m.project_id = p.project_id) AS messages, "
        "(SELECT count(*) FROM todos t WHERE t.project_id = p.project_id AND t.status = 'pending') "
        "AS pending_todos, "
        "(SELECT count(*) FROM blueprints b WHERE b.project_id = p.project_id) AS blueprints "
        "FROM projects p ORDER BY project_id LIMIT ? OFFSET ?",
        (limit, offset),
    )
    return [_loaded(row) for row in rows], int(total)
