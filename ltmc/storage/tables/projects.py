"""Projects: their names, roots and allowed folders."""

from collections.abc import Sequence
from dataclasses import dataclass

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns
from ltmc.storage.sources import Condition, among


@dataclass(frozen=True, slots=True)
class Project:
    """A project; `root_path` is None until it is registered."""

    project_id: str
    name: str | None
    root_path: str | None
    allowed_paths: list[str]
    created_at: str


@dataclass(frozen=True, slots=True)
class CountedProject(Project):
    """A project with what it holds counted."""

    memories: int
    messages: int
    pending_todos: int
    blueprints: int


async def upsert(
    tx: Transaction,
    project_id: str,
    name: str | None,
    root_path: str,
    allowed_paths: Sequence[str] | None,
    moment: str,
) -> bool:
    """Store a project with its folders, or what is given of a known one; return whether it is new."""
    known = await get(tx, project_id)
    await tx.run(
        "INSERT INTO projects (project_id, name, root_path, allowed_paths, created_at) "
        "VALUES (?1, ?2, ?3, coalesce(?4, '[]'), ?5) ON CONFLICT (project_id) DO UPDATE SET "
        "name = coalesce(?2, projects.name), root_path = ?3, "
        "allowed_paths = coalesce(?4, projects.allowed_paths)",
        (project_id, name, root_path, allowed_paths, moment),
    )
    return known is None


async def make(tx: Transaction, project_id: str, moment: str) -> None:
    """Make a project known, if it is new."""
    await tx.run(
        "INSERT INTO projects (project_id, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (project_id, moment),
    )


async def get(tx: Transaction, project_id: str) -> Project | None:
    """Return a project."""
    return await tx.one(
        Project, f"SELECT {columns(Project)} FROM projects WHERE project_id = ?", (project_id,)
    )


async def names(tx: Transaction, limit: int) -> list[str]:
    """Return the ids of the first projects, in order."""
    return await tx.column("SELECT project_id FROM projects ORDER BY project_id LIMIT ?", [limit])


async def page(
    tx: Transaction, limit: int, offset: int, among_these: Sequence[str] = ()
) -> tuple[list[CountedProject], int]:
    """Return projects by id, each with what it holds counted, and how many there are.

    Args:
        among_these: the only ones that are looked at; none: all.
    """
    where, given = among("p.project_id")(among_these) if among_these else Condition("TRUE")
    total = await tx.value(f"SELECT count(*) FROM projects p WHERE {where}", given)
    rows = await tx.all(
        CountedProject,
        f"SELECT {columns(Project)}, "
        "(SELECT count(*) FROM resources r WHERE r.project_id = p.project_id AND r.archived = 0) AS memories, "
        "(SELECT count(*) FROM chat_messages m WHERE m.project_id = p.project_id) AS messages, "
        "(SELECT count(*) FROM todos t WHERE t.project_id = p.project_id AND t.status = 'pending') "
        "AS pending_todos, "
        "(SELECT count(*) FROM blueprints b WHERE b.project_id = p.project_id) AS blueprints "
        f"FROM projects p WHERE {where} ORDER BY project_id LIMIT ? OFFSET ?",
        [*given, limit, offset],
    )
    return rows, int(total)
