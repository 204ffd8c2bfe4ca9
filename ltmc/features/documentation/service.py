"""Documentation of code in Markdown: written from it, compared with it, watched for drift."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ltmc.code.source_files import SourceFile, dotted_module, read_python
from ltmc.code.symbols import Module
from ltmc.documents import managed_blocks
from ltmc.documents.pages import markdown_text
from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.blueprints.lifecycle import require
from ltmc.features.blueprints.repository import link
from ltmc.features.code_structure.rendering import SECTIONS, chosen, section_for_document
from ltmc.features.documentation import api_pages, consistency
from ltmc.features.documentation.consistency import Consistency
from ltmc.features.memory.service import MemoryService
from ltmc.features.projects.service import ProjectService
from ltmc.files.guard import FileState, PathGuard
from ltmc.storage.engine import Engine, Row
from ltmc.storage.tables import documents as documentation
from ltmc.storage.tables import graph, resources
from ltmc.timestamps import format_utc, now, parse
from ltmc.tools.project_scope import project_of

CODE, BLUEPRINT = "code", "blueprint"


@dataclass(frozen=True, slots=True)
class Document:
    """A Markdown file, existing or not.

    Attributes:
        path: as stored and shown.
        link: what is recorded of it.
    """

    path: str
    text: str
    state: FileState | None
    link: Row | None

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return self.state is not None

    @property
    def hash(self) -> str:
        """Changes with the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class DocumentationService:
    """Documents are found by the path given, else as recorded, else as ``docs/api/<module>.md``."""

    def __init__(self, database: Engine, projects: ProjectService, memory: MemoryService) -> None:
        self._database = database
        self._projects = projects
        self._memory = memory
        self._writing = asyncio.Lock()

    async def sync(
        self,
        file_path: str,
        *,
        force_update: bool = False,
        doc_path: str | None = None,
        dry_run: bool = False,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Write the managed block of a file's document; its text is also kept in memory, for search."""
        started = time.perf_counter()
        project = project_of(project_id)
        guard = await self._projects.guard(project_id)
        async with self._writing:  # what is read must be what is replaced
            source, module = await read_python(guard, file_path)
            document = await self._document(guard, project, CODE, source.name, doc_path)
            name = managed_blocks.block_name("api", source.name)
            content = api_pages.render(module, source.name)
            text = managed_blocks.put(document.text, name, content)
            old = managed_blocks.find(document.text).get(name)
            intact = document.exists and text == document.text
            linked = document.link or {}
            skipped = intact and linked.get("code_hash") == source.content_hash and not force_update
            changed = api_pages.changes(old.content if old else "", managed_blocks.find(text)[name].content)
            before, after = await asyncio.to_thread(_before_and_after, module, document.text, text, name)
            if not dry_run and not skipped:
                if not intact:
                    await self._write(guard, document, text)
                await self._record_sync(project, source, document.path, text, after.score)
        return {
            "file_path": source.name,
            "doc_path": document.path,
            "created": not document.exists and not dry_run,
            "skipped": skipped,
            "dry_run": dry_run,
            "changes": changed,
            "symbols_total": len(module.public()),
            "consistency_before": before.score,
            "consistency_after": after.score,
            "sync_time_ms": round((time.perf_counter() - started) * 1000, 3),
        }

    async def document_of(self, file_path: str, project_id: str | None) -> tuple[str, bool]:
        """Where the document of a file is, and whether it exists."""
        guard = await self._projects.guard(project_id)
        document = await self._document(guard, project_of(project_id), CODE, file_path, None)
        return document.path, document.exists

    async def validate(
        self, file_path: str, *, doc_path: str | None, doc_source: str, project_id: str | None
    ) -> dict[str, Any]:
        """Every disagreement between a file and its documentation; the outcome is recorded."""
        source, _, document, result = await self._compare(file_path, doc_path, doc_source, project_id)
        if document.exists and result.source == "file":
            changes = {"consistency_score": result.score, "last_validated_at": now()}
            project = project_of(project_id)
            async with self._database.write(project) as tx:
                await documentation.upsert_link(tx, project, CODE, source.name, document.path, changes)
        return {
            "file_path": source.name,
            **result.summary(),
            "issues": result.issues,
            "counts": {
                "by_type": dict(Counter(issue["type"] for issue in result.issues)),
                "by_severity": dict(Counter(issue["severity"] for issue in result.issues)),
            },
            "doc_source": result.source,
            "doc_path": document.path,
            "doc_exists": document.exists,
        }

    async def score(
        self,
        file_path: str,
        *,
        detailed_analysis: bool,
        doc_path: str | None,
        doc_source: str,
        project_id: str | None,
    ) -> dict[str, Any]:
        """The consistency score with the figures behind it."""
        source, _, document, result = await self._compare(file_path, doc_path, doc_source, project_id)
        documented, matching = set(result.documented), set(result.matching)
        detail = [
            {
                "symbol": symbol.qualname,
                "documented": symbol.qualname in documented,
                "matches": symbol.qualname in matching,
                "has_docstring": bool(symbol.docstring),
                "line": symbol.line_start,
            }
            for symbol in result.public
        ]
        return {
            "file_path": source.name,
            **result.summary(),
            "public_symbols": len(result.public),
            "documented_symbols": len(result.documented),
            "matching_symbols": len(result.matching),
            "stale_symbols": len(result.stale),
            "components": consistency.components(result),
            **({"per_symbol": detail} if detailed_analysis else {}),
            "doc_source": result.source,
            "doc_path": document.path,
            "doc_exists": document.exists,
        }

    async def drift(
        self,
        file_path: str,
        *,
        time_threshold_hours: float,
        doc_path: str | None,
        doc_source: str,
        project_id: str | None,
    ) -> dict[str, Any]:
        """What the code became that its documentation does not say.

        The score is the symbols that drifted ÷ the union of those of the code and those documented.
        """
        source, module, document, result = await self._compare(file_path, doc_path, doc_source, project_id)
        async with self._database.read() as tx:
            snapshot = await documentation.snapshot(tx, project_of(project_id), source.name)
        code_changed = _moment(source.state)
        doc_changed = code_changed if result.source == "docstrings" else _moment(document.state)
        age = (parse(now()) - parse(str(code_changed))).total_seconds() / 3600
        items = [
            {
                "symbol": symbol,
                "kind": kind,
                "since": code_changed,
                "age_hours": round(age, 2),
                "recent": age <= time_threshold_hours,
            }
            for symbol, kind in _drifted(module, result, document, snapshot)
        ]
        union = {symbol.qualname for symbol in result.public} | set(result.stale)
        linked = document.link or {}
        advice = "The documentation says what the code does."
        if items:
            advice = (
                "Run sync_documentation_with_code."
                if result.source == "file"
                else f"Correct the docstrings of {', '.join(str(item['symbol']) for item in items[:5])}."
            )
        return {
            "file_path": source.name,
            "drift_detected": bool(items),
            "drift_score": round(len(items) / len(union), 4) if union else 0.0,
            "drift_items": items,
            "last_code_change": code_changed,
            "last_doc_change": doc_changed,
            "last_sync": linked.get("last_sync_at"),
            "baseline": snapshot is not None and snapshot["symbols"] is not None,
            "doc_source": result.source,
            "doc_path": document.path,
            "doc_exists": document.exists,
            "recommendation": advice,
        }

    async def update_from_blueprint(
        self,
        blueprint_id: str,
        *,
        sections: Sequence[str] | None,
        doc_path: str | None,
        dry_run: bool,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Write the managed blocks of a blueprint's document, one a section."""
        started = time.perf_counter()
        unknown = [one for one in sections or [] if one not in SECTIONS]
        if unknown or (sections is not None and not sections):
            raise invalid("sections", unknown or [], ", ".join(SECTIONS))
        async with self._database.read() as tx:
            row = await require(tx, blueprint_id, project_id)
            made = {name: await section_for_document(tx, row, name) for name in chosen(sections)}
        project = row["project_id"]
        guard = await self._projects.guard(project)
        updated: list[str] = []
        unchanged: list[str] = []
        skipped: list[dict[str, str]] = []
        async with self._writing:
            document = await self._document(guard, project, BLUEPRINT, blueprint_id, doc_path)
            text = document.text if document.exists else f"# {markdown_text(row['title'])}\n"
            known = managed_blocks.find(text)
            for name, (content, reason) in made.items():
                block = managed_blocks.block_name(name, blueprint_id)
                if reason is not None:
                    skipped.append({"section": name, "reason": reason})
                    if block not in known:
                        continue
                    content = f"Nothing here now: {reason}."  # noqa: PLW2901
                written = managed_blocks.put(text, block, content)
                (unchanged if written == text else updated).append(name)
                text = written
            if updated and not dry_run:
                await self._write(guard, document, text)
            if not dry_run and (updated or unchanged):
                changes = {"doc_hash": hashlib.sha256(text.encode()).hexdigest(), "last_sync_at": now()}
                async with self._database.write(project) as tx:
                    await documentation.upsert_link(
                        tx, project, BLUEPRINT, blueprint_id, document.path, changes
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

    async def _compare(
        self, file_path: str, doc_path: str | None, doc_source: str, project_id: str | None
    ) -> tuple[SourceFile, Module, Document, Consistency]:
        guard = await self._projects.guard(project_id)
        source, module = await read_python(guard, file_path)
        document = await self._document(guard, project_of(project_id), CODE, source.name, doc_path)
        if doc_source == "docstrings" or (doc_source == "auto" and not document.exists):
            return source, module, document, consistency.compare_with_docstrings(module)
        name = managed_blocks.block_name("api", source.name)
        result = await asyncio.to_thread(consistency.compare_with_document, module, document.text, name)
        return source, module, document, result

    async def _document(
        self, guard: PathGuard, project: str, kind: str, ref: str, doc_path: str | None
    ) -> Document:
        """The document of a file or blueprint, read if it is there.

        Raises:
            LtmcError: UNSUPPORTED when it is no UTF-8 text; as `PathGuard.read`, but for NOT_FOUND.
        """
        path = doc_path
        async with self._database.read() as tx:
            if path is not None:
                path = guard.name(guard.resolve(path, "doc_path"))
            linked = await documentation.link(tx, project, kind, ref, path)
        if path is None and linked is not None:
            path = linked["doc_path"]
        if path is None:
            path = f"docs/api/{dotted_module(ref)}.md" if kind == CODE else f"docs/blueprints/{ref}.md"
        resolved = guard.resolve(path, "doc_path")
        try:
            _, data, state = await asyncio.to_thread(guard.read, path, "doc_path")
        except LtmcError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            return Document(guard.name(resolved), "", None, linked)
        try:
            return Document(guard.name(resolved), data.decode(), state, linked)
        except UnicodeDecodeError:
            raise LtmcError(
                ErrorCode.UNSUPPORTED,
                f"doc_path: {guard.name(resolved)} is no UTF-8 text.",
                field="doc_path",
                details={"path": guard.name(resolved)},
            ) from None

    async def _write(self, guard: PathGuard, document: Document, text: str) -> None:
        """Replace a document, unless someone changed it since it was read."""
        known = document.text.encode() if document.exists else None
        await asyncio.to_thread(guard.replace, document.path, text.encode(), known=known)

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
        async with self._database.write(project) as tx:
            await documentation.upsert_link(
                tx,
                project,
                CODE,
                source.name,
                doc_path,
                {
                    "consistency_score": score,
                    "code_hash": source.content_hash,
                    "doc_hash": hashlib.sha256(text.encode()).hexdigest(),
                    "last_sync_at": moment,
                },
            )
            await source.put_snapshot(tx, project, "sync", moment)
            versions = await resources.versions(tx, project, doc_path)
            older = [f"resource:{row['id']}" for row in versions if row["id"] != stored["resource_id"]]
            await graph.remove_edges(tx, project, older, ["documents"], auto=True)
            node, target = f"resource:{stored['resource_id']}", f"file:{source.name}"
            ref = str(stored["resource_id"])
            await graph.insert_node(tx, project, node, "resource", ref, doc_path, moment)
            await graph.insert_node(tx, project, target, "file", source.name, source.name, moment)
            await link(tx, project, node, target, "documents", moment)


def _before_and_after(module: Module, old: str, new: str, name: str) -> tuple[Consistency, Consistency]:
    after = consistency.compare_with_document(module, new, name)
    return after if old == new else consistency.compare_with_document(module, old, name), after


def _drifted(
    module: Module, result: Consistency, document: Document, snapshot: Row | None
) -> list[tuple[str, str]]:
    """The public symbols whose documentation is behind, each with the way in which it is."""
    known = {one["qualname"]: one for one in (snapshot or {}).get("symbols") or []}
    linked = document.link or {}
    untouched = linked.get("doc_hash") in (None, document.hash)
    documented, matching = set(result.documented), set(result.matching)
    found: list[tuple[str, str]] = []
    for symbol in module.public():
        before = known.get(symbol.qualname)
        if symbol.qualname not in documented:
            found.append((symbol.qualname, "new_undocumented"))
        elif symbol.qualname not in matching:
            found.append((symbol.qualname, "signature_changed"))
        elif before is not None and before["body_hash"] != symbol.body_hash:
            same_text = before["docstring_hash"] == symbol.docstring_hash
            if untouched if result.source == "file" else same_text:
                found.append((symbol.qualname, "body_changed_doc_unchanged"))
    return [*found, *((name, "removed_still_documented") for name in result.stale)]


def _moment(state: FileState | None) -> str | None:
    if state is None:
        return None
    return format_utc(datetime.fromtimestamp(state.mtime_ns / 1e9, UTC))
