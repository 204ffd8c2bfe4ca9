"""Documentation of code and blueprints in Markdown, written from them."""

import asyncio
import time
from collections.abc import Sequence

from ltmc.code.source_files import SourceFile, read_python
from ltmc.code.symbols import Module
from ltmc.documents import managed_blocks
from ltmc.documents.pages import markdown_text
from ltmc.errors import invalid
from ltmc.features.blueprints.lifecycle import require
from ltmc.features.blueprints.repository import link
from ltmc.features.code_structure.rendering import SECTIONS, chosen, section_for_document
from ltmc.features.documentation import api_pages
from ltmc.features.documentation.consistency import Consistency, compare_with_document
from ltmc.features.documentation.documents import BLUEPRINT, CODE, find, hash_of, replace
from ltmc.features.documentation.results import BlueprintDocumented, DocumentSynced, SkippedSection
from ltmc.features.memory.service import MemoryService
from ltmc.features.projects.service import ProjectService
from ltmc.storage.engine import Engine
from ltmc.storage.guarded import Guard, looked_at
from ltmc.storage.tables import documents, graph, resources
from ltmc.timestamps import now
from ltmc.tools.project_scope import project_of


class DocumentationService:
    """Writes documents; what a person wrote in them stays."""

    def __init__(
        self, engine: Engine, projects: ProjectService, memory: MemoryService, secrets: Guard
    ) -> None:
        self._engine, self._projects, self._memory, self._secrets = engine, projects, memory, secrets
        self._writing = asyncio.Lock()

    async def sync(
        self,
        file_path: str,
        *,
        force_update: bool = False,
        doc_path: str | None = None,
        dry_run: bool = False,
        project_id: str | None,
    ) -> DocumentSynced:
        """Write the managed block of a file's document; its text is also kept in memory, for search."""
        started = time.perf_counter()
        project = project_of(project_id)
        guard = await self._projects.guard(project_id)
        async with self._writing:  # what is read must be what is replaced
            source, module = await read_python(guard, file_path)
            document = await find(self._engine, guard, project, CODE, source.name, doc_path)
            name = managed_blocks.block_name("api", source.name)
            text = managed_blocks.put(document.text, name, api_pages.render(module, source.name))
            old = managed_blocks.find(document.text).get(name)
            intact = document.exists and text == document.text
            code_hash = document.link.code_hash if document.link else None
            skipped = intact and code_hash == source.content_hash and not force_update
            changes = api_pages.changes(old.content if old else "", managed_blocks.find(text)[name].content)
            before, after = await asyncio.to_thread(_before_and_after, module, document.text, text, name)
            if not dry_run and not skipped:
                # what may not be stored is refused before anything is written
                await looked_at(self._secrets.stored, (source.name, source.snapshot_symbols()))
                await looked_at(self._secrets.stored, (document.path, text))
                if not intact:
                    await replace(guard, document, text)
                await self._record_sync(project, source, document.path, text, after.score)
        return {
            "file_path": source.name,
            "doc_path": document.path,
            "created": not document.exists and not dry_run,
            "skipped": skipped,
            "dry_run": dry_run,
            "changes": changes,
            "symbols_total": len(module.public()),
            "consistency_before": before.score,
            "consistency_after": after.score,
            "sync_time_ms": round((time.perf_counter() - started) * 1000, 3),
        }

    async def document_of(self, file_path: str, project_id: str | None) -> tuple[str, bool]:
        """Return where the document of a file is, and whether it exists."""
        guard = await self._projects.guard(project_id)
        document = await find(self._engine, guard, project_of(project_id), CODE, file_path, None)
        return document.path, document.exists

    async def update_from_blueprint(
        self,
        blueprint_id: str,
        *,
        sections: Sequence[str] | None,
        doc_path: str | None,
        dry_run: bool,
        project_id: str | None,
    ) -> BlueprintDocumented:
        """Write the managed blocks of a blueprint's document, one a section."""
        started = time.perf_counter()
        unknown = [section for section in sections or [] if section not in SECTIONS]
        if unknown or (sections is not None and not sections):
            raise invalid("sections", unknown or [], ", ".join(SECTIONS))
        async with self._engine.read() as tx:
            row = await require(tx, blueprint_id, project_id)
            made = {name: await section_for_document(tx, row, name) for name in chosen(sections)}
        guard = await self._projects.guard(row.project_id)
        updated: list[str] = []
        unchanged: list[str] = []
        skipped: list[SkippedSection] = []
        async with self._writing:
            document = await find(self._engine, guard, row.project_id, BLUEPRINT, blueprint_id, doc_path)
            text = document.text if document.exists else f"# {markdown_text(row.title)}\n"
            known = managed_blocks.find(text)
            for name, (content, reason) in made.items():
                block = managed_blocks.block_name(name, blueprint_id)
                if reason is not None:
                    skipped.append({"section": name, "reason": reason})
                    if block not in known:
                        continue
                written = managed_blocks.put(
                    text, block, content if reason is None else f"Nothing here now: {reason}."
                )
                (unchanged if written == text else updated).append(name)
                text = written
            if updated and not dry_run:
                await replace(guard, document, text)
            if not dry_run and (updated or unchanged):
                changes = {"doc_hash": hash_of(text), "last_sync_at": now()}
                async with self._engine.write(row.project_id) as tx:
                    await documents.upsert_link(
                        tx, row.project_id, BLUEPRINT, blueprint_id, document.path, changes
                    )
        return {
            "blueprint_id": blueprint_id,
            "doc_path": document.path,
            "updated_sections": updated,
            "unchanged_sections": unchanged,
            "skipped_sections": skipped,
            "created": bool(updated) and not document.exists and not dry_run,
            "dry_run": dry_run,
            "update_time_ms": round((time.perf_counter() - started) * 1000, 3),
        }

    async def _record_sync(
        self, project: str, source: SourceFile, doc_path: str, text: str, score: float
    ) -> None:
        """Keep the document in memory and link it; the file's baseline is what was documented."""
        stored = await self._memory.store(
            file_name=doc_path,
            content=text,
            resource_type="document",
            tags=["documentation"],
            metadata={"documents": source.name},
            on_conflict="replace",
            project_id=project,
        )
        moment = now()
        changes = {
            "consistency_score": score,
            "code_hash": source.content_hash,
            "doc_hash": hash_of(text),
            "last_sync_at": moment,
        }
        resource_id = stored["resource_id"]
        async with self._engine.write(project) as tx:
            await documents.upsert_link(tx, project, CODE, source.name, doc_path, changes)
            await documents.put_snapshot(tx, project, source, "sync", moment)
            versions = await resources.versions(tx, project, doc_path)
            older = [f"resource:{version.id}" for version in versions if version.id != resource_id]
            await graph.remove_edges(tx, project, older, ["documents"], auto=True)
            node, target = f"resource:{resource_id}", f"file:{source.name}"
            await graph.insert_node(tx, project, node, "resource", str(resource_id), doc_path, moment)
            await graph.insert_node(tx, project, target, "file", source.name, source.name, moment)
            await link(tx, project, node, target, "documents", moment)


def _before_and_after(module: Module, old: str, new: str, name: str) -> tuple[Consistency, Consistency]:
    after = compare_with_document(module, new, name)
    return after if old == new else compare_with_document(module, old, name), after
