"""Blueprints of code: the symbols of files, how they hang together, and whether the code still is as planned."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from ltmc.code.source_files import dotted_module, read_python
from ltmc.errors import not_found
from ltmc.features.blueprints.lifecycle import require
from ltmc.features.blueprints.repository import draft, insert, rename
from ltmc.features.blueprints.service import BlueprintService
from ltmc.features.code_structure.comparison import compare, modified, renamed
from ltmc.features.code_structure.relationships import relationships
from ltmc.features.code_structure.rendering import render
from ltmc.features.code_structure.results import (
    BlueprintDocument,
    CodeBlueprint,
    Element,
    Relation,
    Relationships,
    StructureUpdated,
    StructureValidation,
)
from ltmc.features.code_structure.symbols import edge_changes, imported_nodes, known_symbols, node_of, store
from ltmc.features.measures import level_of
from ltmc.search import index
from ltmc.search.kinds import BLUEPRINT
from ltmc.storage.engine import Engine
from ltmc.storage.tables import blueprint_code, documents
from ltmc.timestamps import now
from ltmc.tools.paging import fitting, page_counts
from ltmc.tools.project_scope import project_of

PAGE_CHARACTERS = 10_000
"""How much of elements and relationships an answer shows."""

LONGEST_SIGNATURE = 500


def _shown(signature: str) -> str:
    return signature if len(signature) <= LONGEST_SIGNATURE else signature[:LONGEST_SIGNATURE] + "…"


class CodeStructureService:
    """Keeps blueprints of code in step with it."""

    def __init__(self, engine: Engine, blueprints: BlueprintService) -> None:
        self._engine, self._blueprints = engine, blueprints

    async def create(
        self, file_path: str, *, title: str | None, offset: int, project_id: str | None
    ) -> CodeBlueprint:
        """Make a blueprint of the code in a file; the one made from it before is refreshed.

        Args:
            offset: where the page of elements and relationships begins.
        """
        guard = await self._blueprints.guard(project_id)
        source, module = await read_python(guard, file_path)
        imports = await asyncio.to_thread(imported_nodes, guard, source, module)
        project, moment = project_of(project_id), now()
        described = (module.docstring or "").strip().partition("\n\n")[0]
        row = draft(
            project,
            {
                "kind": "code",
                "title": title or dotted_module(source.name)[:200],
                "description": described[:10_000] or f"The code of {source.name}.",
                "complexity": module.complexity,
                "complexity_score": module.complexity_score,
                "complexity_source": "auto",
                "complexity_factors": module.metrics,
            },
        )
        ready = await index.prepare(BLUEPRINT, [row])
        async with self._engine.write(project) as tx:
            known = await blueprint_code.defined_by(tx, project, source.name)
            if known is None:
                row = await insert(tx, row, ready)
            else:
                row = await require(tx, known, project)
                if title is not None and title != row.title:
                    await rename(tx, row, title, moment)
            edges = await store(tx, row, source, module, imports, "defines", moment)
            row = await require(tx, row.blueprint_id, project)
            await documents.put_snapshot(tx, project, source, "blueprint", moment, keep=True)
        elements: list[Element] = [
            {
                "node_id": node_of(row.blueprint_id, source.name, symbol.qualname),
                "kind": symbol.kind,
                "name": symbol.qualname,
                "signature": _shown(symbol.shown_signature()),
                "line_start": symbol.line_start,
                "line_end": symbol.line_end,
                "complexity": symbol.complexity,
                "public": symbol.public,
            }
            for symbol in module.symbols.values()
        ]
        related: list[Relation] = [
            {"source_id": source_id, "target_id": target_id, "type": relation}
            for source_id, target_id, relation in edges.now
        ]
        page = fitting(offset, PAGE_CHARACTERS, elements, related)
        longer: Sequence[object] = elements if len(elements) > len(related) else related
        return {
            "blueprint_id": row.blueprint_id,
            "file_path": source.name,
            "title": row.title,
            "created": known is None,
            "elements": elements[page],
            "relationships": related[page],
            **page_counts(longer[page], len(longer), offset),
            "metrics": module.metrics,
            "complexity": row.complexity,
            "complexity_score": row.complexity_score,
        }

    async def update(
        self, blueprint_id: str, file_path: str, *, dry_run: bool, project_id: str | None
    ) -> StructureUpdated:
        """Have a blueprint hold a file's symbols as they are now; the first call attaches the file."""
        guard = await self._blueprints.guard(project_id, blueprint_id)
        source, module = await read_python(guard, file_path)
        imports = await asyncio.to_thread(imported_nodes, guard, source, module)
        async with self._engine.read() if dry_run else self._engine.write() as tx:
            row = await require(tx, blueprint_id, project_id)
            attached = await blueprint_code.file(tx, blueprint_id, source.name)
            known = await known_symbols(tx, blueprint_id, source.name)
            before = {symbol.stored.qualname: symbol for symbol in known}
            if dry_run:
                edges = await edge_changes(tx, row, source, module, imports)
            else:
                edges = await store(tx, row, source, module, imports, "implements", now())
        added = [name for name in module.symbols if name not in before]
        removed = [name for name in before if name not in module.symbols]
        changed = modified(before, module)
        moved = renamed(before, module, removed, added)
        moved_names = {pair["from"] for pair in moved} | {pair["to"] for pair in moved}
        score, _ = compare(before, module)
        return {
            "blueprint_id": blueprint_id,
            "file_path": source.name,
            "attached": attached is None and not dry_run,
            "added": [name for name in added if name not in moved_names],
            "removed": [name for name in removed if name not in moved_names],
            "modified": changed,
            "renamed": moved,
            "unchanged": len(module.symbols) - len(added) - len(changed),
            "relationships_added": len(edges.added),
            "relationships_removed": len(edges.removed),
            "consistency_before": None if attached is None else score,
            "dry_run": dry_run,
        }

    async def validate(
        self, blueprint_id: str, file_path: str, project_id: str | None
    ) -> StructureValidation:
        """Compare the code with the blueprint; the outcome is stored unless LTMC is read-only.

        The status is ``conflict`` when something public is gone or became something else, ``drift`` for any
        other difference.
        """
        guard = await self._blueprints.guard(project_id, blueprint_id)
        source, module = await read_python(guard, file_path)
        moment = now()
        async with self._engine.read() if self._engine.read_only else self._engine.write() as tx:
            attached = await blueprint_code.file(tx, blueprint_id, source.name)
            if attached is None:
                raise not_found(
                    "file_path",
                    file_path,
                    f"file attached to {blueprint_id}",
                    "update_blueprint_structure attaches it",
                )
            known = await known_symbols(tx, blueprint_id, source.name)
            before = {symbol.stored.qualname: symbol for symbol in known}
            score, found = compare(before, module)
            if attached.content_hash == source.content_hash:  # whatever an earlier version read of it
                score, found = 1.0, []
            broken = any(
                one["type"] in ("missing_in_code", "kind_changed") and before[one["element"]].public
                for one in found
            )
            status = "conflict" if broken else "drift" if found else "consistent"
            if not self._engine.read_only:
                await blueprint_code.set_consistency(tx, blueprint_id, source.name, status, score, moment)
        named = ", ".join(sorted({one["element"] for one in found})[:5])
        advice = f"If the code is right, run update_blueprint_structure; else change it back: {named}."
        return {
            "blueprint_id": blueprint_id,
            "file_path": source.name,
            "is_consistent": not found,
            "consistency_score": score,
            "consistency_level": level_of(score),
            "status": status,
            "inconsistencies": found,
            "summary": {
                "symbols_in_blueprint": len(before),
                "symbols_in_code": len(module.symbols),
                "by_type": dict(Counter(one["type"] for one in found)),
            },
            "recommendations": [advice] if found else [],
            "last_validated_at": moment,
        }

    async def relationships(
        self,
        node_id: str,
        *,
        types: Sequence[str] | None,
        max_depth: int,
        direction: str,
        limit: int,
        offset: int,
        project_id: str | None,
    ) -> Relationships:
        """List what is linked to a blueprint or symbol, breadth first, each edge once."""
        async with self._engine.read() as tx:
            return await relationships(
                tx,
                node_id,
                types=types,
                max_depth=max_depth,
                direction=direction,
                limit=limit,
                offset=offset,
                project_id=project_id,
            )

    async def render(
        self, blueprint_id: str, *, form: str, include_relationships: bool, project_id: str | None
    ) -> BlueprintDocument:
        """Write a blueprint as a document."""
        async with self._engine.read() as tx:
            row = await require(tx, blueprint_id, project_id)
            return await render(tx, row, form, include_relationships=include_relationships)
