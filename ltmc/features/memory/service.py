"""Storing memories."""

import hashlib
from collections.abc import Sequence
from typing import Any

from ltmc.code.traits import complexity_of, language_of
from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.memory.results import MemoryStored
from ltmc.search import index
from ltmc.search.chunking import TextChunk, chunk
from ltmc.search.kinds import CHUNK
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import resources
from ltmc.storage.tables.resources import Chunk, Resource
from ltmc.timestamps import now
from ltmc.tools.project_scope import project_of


class MemoryService:
    """Memories: stored whole and in chunks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def store(
        self,
        *,
        file_name: str,
        content: str,
        resource_type: str,
        tags: Sequence[str],
        metadata: dict[str, Any],
        on_conflict: str,
        project_id: str | None,
    ) -> MemoryStored:
        """Store a memory, unless the same content is already live under the same name.

        Raises:
            LtmcError: CONFLICT when `on_conflict` is ``error`` and the name holds other content.
        """
        project = project_of(project_id)
        content_hash = hashlib.sha256(content.encode()).hexdigest()
        chunks = chunk(content)
        is_code = resource_type == "code"
        language = language_of(file_name, content) if is_code else None
        complexity = complexity_of(content) if is_code else None
        moment = now()
        async with self._engine.write(project) as tx:
            known = await resources.versions(tx, project, file_name)
            live = [version for version in known if not version.archived]
            for version in live:
                if version.content_hash == content_hash:
                    return {
                        "resource_id": version.id,
                        "chunk_count": version.chunk_count,
                        "version": version.version,
                        "deduplicated": True,
                        "file_name": file_name,
                        "resource_type": version.type,
                        "created_at": version.created_at,
                    }
            if live and on_conflict == "error":
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"file_name: {file_name!r} already holds other content (version {live[0].version}); "
                    "use on_conflict 'version' or 'replace'.",
                    field="file_name",
                    details={"resource_id": live[0].id, "version": live[0].version},
                )
            if on_conflict == "replace":
                for version in live:
                    await index.remove(tx, CHUNK, await resources.chunk_ids(tx, version.id))
                await resources.archive(tx, project, file_name, moment)
            resource = Resource(
                id=0,
                project_id=project,
                file_name=file_name,
                type=resource_type,
                content=content,
                content_hash=content_hash,
                version=known[0].version + 1 if known else 1,
                tags=list(tags),
                metadata=metadata,
                language=language,
                complexity=complexity,
                archived=False,
                created_at=moment,
                updated_at=moment,
            )
            resource = await _insert(tx, resource, chunks)
        return {
            "resource_id": resource.id,
            "chunk_count": len(chunks),
            "version": resource.version,
            "deduplicated": False,
            "file_name": file_name,
            "resource_type": resource_type,
            "created_at": moment,
        }


async def _insert(tx: Transaction, resource: Resource, chunks: Sequence[TextChunk]) -> Resource:
    """Store a version of a memory with its chunks and their index entries."""
    resource = await resources.insert(tx, resource)
    rows = [(part.start, part.end, part.text, part.tokens) for part in chunks]
    ids = await resources.insert_chunks(tx, resource.id, rows)
    await index.add(
        tx,
        CHUNK,
        [
            Chunk(
                id=chunk_id,
                project_id=resource.project_id,
                resource_id=resource.id,
                ordinal=ordinal,
                start_char=part.start,
                text=part.text,
                file_name=resource.file_name,
                type=resource.type,
                tags=resource.tags,
                version=resource.version,
                created_at=resource.created_at,
            )
            for ordinal, (chunk_id, part) in enumerate(zip(ids, chunks, strict=True))
        ],
    )
    return resource
