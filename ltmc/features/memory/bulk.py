"""Storing many memories in one transaction."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ltmc.features.memory.service import chunk_rows, hash_of, insert_version
from ltmc.features.memory.timeline import holding, settle
from ltmc.search import index
from ltmc.search.chunking import TextChunk, chunk
from ltmc.search.kinds import CHUNK
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import resources, trash
from ltmc.storage.tables.resources import Resource
from ltmc.timestamps import now


class Prepared(NamedTuple):
    """A memory that is ready to be stored, with its chunks and what the index takes of them, but for their meaning."""

    resource: Resource
    chunks: list[TextChunk]
    entries: index.Prepared


def prepare(resource: Resource) -> Prepared:
    """Chunk and analyse a memory before the database is locked; its meaning is left to the background."""
    chunks = chunk(resource.content)
    name = unicodedata.normalize("NFC", resource.file_name)
    resource = replace(resource, file_name=name, content_hash=hash_of(resource.content))
    rows = chunk_rows(resource, chunks, [0] * len(chunks))
    return Prepared(resource, chunks, index.prepared(CHUNK, rows, -1))


async def put(tx: Transaction, memories: Sequence[Prepared]) -> int:
    """Store memories, those of known names as their next versions, and return how many were not there yet.

    The first version of a name begins when the memory says that it was made.
    """
    stored, gone = 0, dict[str, dict[str, int]]()
    for memory in memories:
        resource, moment = memory.resource, now()
        known = await resources.versions(tx, resource.project_id, resource.file_name)
        holder = holding(known, moment)
        if holder is not None and holder.content_hash == resource.content_hash:
            continue
        made = moment if known else resource.created_at
        resource = replace(resource, created_at=made, updated_at=made)
        if resource.project_id not in gone:
            gone[resource.project_id] = await trash.last_versions(tx, resource.project_id)
        forgotten = gone[resource.project_id]
        heir = await insert_version(tx, resource, known, holder, memory.chunks, memory.entries, forgotten)
        await settle(tx, resource.project_id, resource.file_name, moment, heir["resource_id"])
        stored += 1
    return stored
