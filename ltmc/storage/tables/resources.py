"""Memories: resources and their chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import Source, all_of, among, any_of, least, like, member_of, most


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a memory, with what is shown of the memory."""

    id: int
    project_id: str
    resource_id: int
    ordinal: int
    start_char: int
    text: str
    file_name: str
    type: str
    tags: list[str]
    version: int
    created_at: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A version of a memory."""

    id: int
    project_id: str
    file_name: str
    type: str
    content: str
    content_hash: str
    version: int
    tags: list[str]
    metadata: dict[str, Any]
    language: str | None
    complexity: str | None
    archived: bool
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a memory without its content."""

    id: int
    type: str
    content_hash: str
    version: int
    archived: bool
    created_at: str
    chunk_count: int


@dataclass(frozen=True, slots=True)
class Content:
    """A memory's name and text."""

    id: int
    file_name: str
    content: str


SOURCE = Source(
    kind="chunk",
    row=Chunk,
    columns="c.id, r.project_id, c.resource_id, c.ordinal, c.start_char, c.text, r.file_name, r.type, r.tags, "
    "r.version, r.created_at",
    owner="resource_chunks c JOIN resources r ON r.id = c.resource_id",
    key="c.id",
    project="r.project_id",
    created="r.created_at",
    text="c.text",
    filters={
        "project": among("r.project_id"),
        "resource_type": among("r.type"),
        "file_name": like("r.file_name"),
        "language": among("lower(coalesce(json_extract(r.metadata, '$.language'), r.language))"),
        "complexity": among("upper(coalesce(json_extract(r.metadata, '$.complexity'), r.complexity))"),
        "tags_any": any_of("r.tags"),
        "tags_all": all_of("r.tags"),
        "metadata": member_of("r.metadata"),
        "date_from": least("r.created_at"),
        "date_to": most("r.created_at"),
    },
    group="c.resource_id",
    visible="r.archived = 0",
)


async def insert(tx: Transaction, resource: Resource) -> Resource:
    """Store a version of a memory; it comes back with its id."""
    return await insert_row(tx, "resources", resource)


async def insert_chunks(
    tx: Transaction, resource_id: int, chunks: Sequence[tuple[int, int, str, int]]
) -> list[int]:
    """Store the chunks of a resource, given as (start, end, text, tokens); return their ids, in order."""
    await tx.many(
        "INSERT INTO resource_chunks (resource_id, ordinal, start_char, end_char, text, token_count) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [(resource_id, ordinal, *chunk) for ordinal, chunk in enumerate(chunks)],
    )
    return await chunk_ids(tx, resource_id)


async def versions(tx: Transaction, project_id: str, file_name: str) -> list[Version]:
    """Every version of a name, newest first, without the content."""
    return await tx.all(
        Version,
        "SELECT id, type, content_hash, version, archived, created_at, "
        "(SELECT count(*) FROM resource_chunks c WHERE c.resource_id = r.id) AS chunk_count "
        "FROM resources r WHERE project_id = ? AND file_name = ? ORDER BY version DESC",
        (project_id, file_name),
    )


async def archive(tx: Transaction, project_id: str, file_name: str, moment: str) -> None:
    """Archive every version of a name."""
    await tx.run(
        "UPDATE resources SET archived = 1, updated_at = ? "
        "WHERE project_id = ? AND file_name = ? AND archived = 0",
        (moment, project_id, file_name),
    )


async def get(tx: Transaction, resource_id: int, project_id: str | None) -> Resource | None:
    """Return a memory; with a project, only if it is that project's."""
    return await tx.one(
        Resource,
        f"SELECT {columns(Resource)} FROM resources WHERE id = ?1 AND (?2 IS NULL OR project_id = ?2)",
        (resource_id, project_id),
    )


async def chunk_ids(tx: Transaction, resource_id: int) -> list[int]:
    """Return the ids of a memory's chunks, in order."""
    return await tx.column(
        "SELECT id FROM resource_chunks WHERE resource_id = ? ORDER BY ordinal", (resource_id,)
    )


async def delete(tx: Transaction, resource_id: int) -> None:
    """Delete a resource; its chunks go with it."""
    await tx.run("DELETE FROM resources WHERE id = ?", (resource_id,))


async def newest_by_name(tx: Transaction, project_id: str, file_name: str) -> Resource | None:
    """Return the newest live version of a name."""
    return await tx.one(
        Resource,
        f"SELECT {columns(Resource)} FROM resources WHERE project_id = ? AND file_name = ? AND archived = 0 "
        "ORDER BY version DESC LIMIT 1",
        (project_id, file_name),
    )


async def live(tx: Transaction, project_id: str) -> list[Content]:
    """Every live resource of a project with its content, oldest first."""
    return await tx.all(
        Content,
        "SELECT id, file_name, content FROM resources WHERE project_id = ? AND archived = 0 ORDER BY id",
        (project_id,),
    )
