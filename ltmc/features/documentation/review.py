"""Documentation compared with the code: every disagreement, a score, what drifted."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from ltmc.code.changes import BODY, DOCSTRING, DOCSTRING_REMOVED, differences
from ltmc.code.source_files import SourceFile, read_python
from ltmc.code.symbols import Module, SymbolSnapshot
from ltmc.documents import managed_blocks
from ltmc.features.documentation.consistency import (
    Consistency,
    compare_with_docstrings,
    compare_with_document,
    components,
)
from ltmc.features.documentation.documents import CODE, MarkdownDocument, changed_at, find, hash_of
from ltmc.features.documentation.results import ConsistencyScore, Drift, DriftItem, Validation
from ltmc.features.projects.service import ProjectService
from ltmc.storage.engine import Engine
from ltmc.storage.tables import documents
from ltmc.storage.tables.documents import Snapshot
from ltmc.timestamps import now, parse
from ltmc.tools.project_scope import project_of


@dataclass(frozen=True, slots=True)
class Comparison:
    """A file of code beside its documentation."""

    source: SourceFile
    module: Module
    document: MarkdownDocument
    result: Consistency


class DocumentationReview:
    """Compares files with their documents, or with their own docstrings where there is no document."""

    def __init__(self, engine: Engine, projects: ProjectService) -> None:
        self._engine, self._projects = engine, projects

    async def validate(
        self, file_path: str, *, doc_path: str | None, doc_source: str, project_id: str | None
    ) -> Validation:
        """List every disagreement between a file and its documentation."""
        compared = await self._compare(file_path, doc_path, doc_source, project_id)
        source, document, result = compared.source, compared.document, compared.result
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
    ) -> ConsistencyScore:
        """Score how consistent code and documentation are, with the counts behind the score."""
        compared = await self._compare(file_path, doc_path, doc_source, project_id)
        result = compared.result
        documented, matching = set(result.documented), set(result.matching)
        answer: ConsistencyScore = {
            "file_path": compared.source.name,
            **result.summary(),
            "public_symbols": len(result.public),
            "documented_symbols": len(result.documented),
            "matching_symbols": len(result.matching),
            "stale_symbols": len(result.stale),
            "components": components(result),
            "per_symbol": [
                {
                    "symbol": symbol.qualname,
                    "documented": symbol.qualname in documented,
                    "matches": symbol.qualname in matching,
                    "has_docstring": bool(symbol.docstring),
                    "line": symbol.line_start,
                }
                for symbol in result.public
            ],
            "doc_source": result.source,
            "doc_path": compared.document.path,
            "doc_exists": compared.document.exists,
        }
        if not detailed_analysis:
            del answer["per_symbol"]
        return answer

    async def drift(
        self,
        file_path: str,
        *,
        time_threshold_hours: float,
        doc_path: str | None,
        doc_source: str,
        project_id: str | None,
    ) -> Drift:
        """List what the code became that its documentation does not say.

        The score is the symbols that drifted ÷ the union of those of the code and those documented.
        """
        compared = await self._compare(file_path, doc_path, doc_source, project_id)
        source, document, result = compared.source, compared.document, compared.result
        async with self._engine.read() as tx:
            snapshot = await documents.snapshot(tx, project_of(project_id), source.name)
        code_changed = changed_at(source.state)
        age = (parse(now()) - parse(str(code_changed))).total_seconds() / 3600
        items: list[DriftItem] = [
            {
                "symbol": symbol,
                "kind": kind,
                "since": code_changed,
                "age_hours": round(age, 2),
                "recent": age <= time_threshold_hours,
            }
            for symbol, kind in _drifted(compared, snapshot)
        ]
        union = {symbol.qualname for symbol in result.public} | set(result.stale)
        advice = "The documentation says what the code does."
        if items and result.source == "file":
            advice = "Run sync_documentation_with_code."
        elif items:
            advice = f"Correct the docstrings of {', '.join(item['symbol'] for item in items[:5])}."
        return {
            "file_path": source.name,
            "drift_detected": bool(items),
            "drift_score": round(len(items) / len(union), 4) if union else 0.0,
            "drift_items": items,
            "last_code_change": code_changed,
            "last_doc_change": code_changed if result.source == "docstrings" else changed_at(document.state),
            "last_sync": document.link.last_sync_at if document.link else None,
            "baseline": snapshot is not None and snapshot.symbols is not None,
            "doc_source": result.source,
            "doc_path": document.path,
            "doc_exists": document.exists,
            "recommendation": advice,
        }

    async def _compare(
        self, file_path: str, doc_path: str | None, doc_source: str, project_id: str | None
    ) -> Comparison:
        guard = await self._projects.guard(project_id)
        source, module = await read_python(guard, file_path)
        document = await find(self._engine, guard, project_of(project_id), CODE, source.name, doc_path)
        if doc_source == "docstrings" or (doc_source == "auto" and not document.exists):
            return Comparison(source, module, document, compare_with_docstrings(module))
        name = managed_blocks.block_name("api", source.name)
        result = await asyncio.to_thread(compare_with_document, module, document.text, name)
        return Comparison(source, module, document, result)


def _drifted(compared: Comparison, snapshot: Snapshot | None) -> list[tuple[str, str]]:
    """List the public symbols whose documentation is behind, each with the way in which it is."""
    result, link = compared.result, compared.document.link
    symbols = [] if snapshot is None else snapshot.symbols or []
    known = {symbol["qualname"]: SymbolSnapshot.from_json(symbol) for symbol in symbols}
    synced = link.doc_hash if link else None
    document_untouched = synced in (None, hash_of(compared.document.text))
    documented, matching = set(result.documented), set(result.matching)
    found: list[tuple[str, str]] = []
    for symbol in compared.module.public():
        before = known.get(symbol.qualname)
        changes = differences(before, symbol) if before else ()
        if symbol.qualname not in documented:
            found.append((symbol.qualname, "new_undocumented"))
        elif symbol.qualname not in matching:
            found.append((symbol.qualname, "signature_changed"))
        elif BODY in changes:
            same_text = not {DOCSTRING, DOCSTRING_REMOVED} & {*changes}
            if document_untouched if result.source == "file" else same_text:
                found.append((symbol.qualname, "body_changed_doc_unchanged"))
    return [*found, *((name, "removed_still_documented") for name in result.stale)]
