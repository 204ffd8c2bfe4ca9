"""Memories: resources and their chunks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ltmc.storage.engine import Row, Transaction
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


async def insert(
    tx: Transaction,
    *,
    project_id: str,
    file_name: str,
    resource_type: str,
    content: str,
    content_hash: str,
    version: int,
    tags: Sequence[str],
    metadata: str,
    language: str | None,
    complexity: str | None,
    moment: str,
) -> int:
    """A resource; its id."""
    return int(
        await tx.value(
            "INSERT INTO resources (project_id, file_name, type, content, content_hash, version, tags, "
            "metadata, language, complexity, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                project_id,
                file_name,
                resource_type,
                content,
                content_hash,
                version,
                json.dumps(tags, ensure_ascii=False),
                metadata,
                language,
                complexity,
                moment,
                moment,
            ),
        )
    )


async def insert_chunks(
    tx: Transaction, resource_id: int, chunks: Sequence[tuple[int, int, str, int]]
) -> list[int]:
    """The chunks of a resource as (start, end, text, tokens); their ids, in order."""
    await tx.many(
        "INSERT INTO resource_chunks (resource_id, ordinal, start_char, end_char, text, token_count) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [(resource_id, ordinal, *chunk) for ordinal, chunk in enumerate(chunks)],
    )
    rows = await tx.all(
        "SELECT id FROM resource_chunks WHERE resource_id = ? ORDER BY ordinal", (resource_id,)
    )
    return [row["id"] for row in rows]


async def versions(tx: Transaction, project_id: str, file_name: str) -> list[Row]:
    """Every version of a name, newest first, without the content."""
    return await tx.all(
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


async def get(tx: Transaction, project_id: str, resource_id: int) -> Row | None:
    """A resource with its content."""
    return await tx.one("SELECT * FROM resources WHERE id = ? AND project_id = ?", (resource_id, project_id))


async def by_id(tx: Transaction, resource_id: int, project_id: str | None) -> Row | None:
    """A resource with its content; with a project, only if it is that project's."""
    return await tx.one(
        "SELECT * FROM resources WHERE id = ?1 AND (?2 IS NULL OR project_id = ?2)", (resource_id, project_id)
    )


async def chunks_of(tx: Transaction, resource_id: int) -> list[Row]:
    """The chunks of a resource, in order."""
    return await tx.all(
        "SELECT id, text FROM resource_chunks WHERE resource_id = ? ORDER BY ordinal", (resource_id,)
    )


async def delete(tx: Transaction, resource_id: int) -> None:
    """Delete a resource; its chunks go with it."""
    await tx.run("DELETE FROM resources WHERE id = ?", (resource_id,))


async def newest_by_name(tx: Transaction, project_id: str, file_name: str) -> Row | None:
    """The newest live version of a name."""
    return await tx.one(
        "SELECT * FROM resources WHERE project_id = ? AND file_name = ? AND archived = 0 "
        "ORDER BY version DESC LIMIT 1",
        (project_id, file_name),
    )


async def live(tx: Transaction, project_id: str) -> list[Row]:
    """Every live resource of a project with its content, oldest first."""
    return await tx.all(
        "SELECT id, file_name, content FROM resources WHERE project_id = ? AND archived = 0 ORDER BY id",
        (project_id,),
    )
