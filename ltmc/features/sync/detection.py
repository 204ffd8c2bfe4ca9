"""What changed in files since they were last seen or documented."""

from collections import Counter
from collections.abc import Sequence

from ltmc.code import changes as code_changes
from ltmc.code.changes import SymbolChange
from ltmc.code.source_files import SourceFile, read_file
from ltmc.code.symbols import SymbolSnapshot
from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.documentation.service import DocumentationService
from ltmc.features.projects.service import ProjectService
from ltmc.features.sync.results import Detected, DocumentToUpdate, FileChange
from ltmc.files.guard import PathGuard
from ltmc.storage.engine import Engine
from ltmc.storage.tables import documents as documentation
from ltmc.timestamps import now
from ltmc.tools.project_scope import project_of

STATUSES = ("new", "modified", "unchanged", "deleted", "error")


class DetectionService:
    """Compares files with their baselines."""

    def __init__(self, engine: Engine, projects: ProjectService, documents: DocumentationService) -> None:
        self._engine = engine
        self._projects = projects
        self._documents = documents

    async def detect(
        self, file_paths: Sequence[str], *, update_baseline: bool, project_id: str | None
    ) -> Detected:
        """Return what changed in files; the first sight of a file makes its baseline."""
        project, moment = project_of(project_id), now()
        guard = await self._projects.guard(project_id)
        found = [await self._detect_one(guard, project, path, moment, update_baseline) for path in file_paths]
        documents: list[DocumentToUpdate] = []
        for one in found:
            if any(change["requires_doc_update"] for change in one["changes"]):
                path, exists = await self._documents.document_of(one["file_path"], project_id)
                if exists:
                    documents.append({"file_path": one["file_path"], "doc_path": path})
        counts = Counter(one["status"] for one in found)
        actions = [f"sync_documentation_with_code for {one['file_path']}" for one in documents]
        if counts["modified"] and not update_baseline:
            actions.append("detect_code_changes with update_baseline, once the changes are dealt with")
        return {
            "files": found,
            "summary": {
                **{status: counts[status] for status in STATUSES},
                "symbol_changes": sum(len(one["changes"]) for one in found),
            },
            "docs_needing_update": documents,
            "next_actions": actions,
        }

    async def _detect_one(
        self, guard: PathGuard, project: str, path: str, moment: str, update_baseline: bool
    ) -> FileChange:
        source = await read_or_error(guard, path)
        try:
            name = source.name if isinstance(source, SourceFile) else guard.name(guard.resolve(path))
        except LtmcError as error:
            return _failed(path, error)
        async with self._engine.write(project) as tx:
            known = await documentation.snapshot(tx, project, name)
            if isinstance(source, LtmcError):
                if source.code != ErrorCode.NOT_FOUND or known is None:
                    return _failed(name, source)
                if update_baseline:
                    await documentation.delete_snapshot(tx, project, name)
                gone = code_changes.removed_symbols(map(SymbolSnapshot.from_json, known.symbols or []))
                return {"file_path": name, "status": "deleted", "hash_changed": True, "changes": gone}
            if known is None or update_baseline:
                await documentation.put_snapshot(tx, project, source, "detect", moment)
        changed = known is not None and known.content_hash != source.content_hash
        changes: list[SymbolChange] = []
        if known is not None and changed and source.module is not None:
            baseline = [*map(SymbolSnapshot.from_json, known.symbols or [])]
            changes = code_changes.changes_since(baseline, source.module)
        return {
            "file_path": name,
            "status": "new" if known is None else "modified" if changed else "unchanged",
            "hash_changed": changed,
            "changes": changes,
        }


async def read_or_error(guard: PathGuard, name: str) -> SourceFile | LtmcError:
    """Return a file, or why it cannot be read."""
    try:
        return await read_file(guard, name)
    except LtmcError as error:
        return error


def _failed(name: str, error: LtmcError) -> FileChange:
    return {
        "file_path": name,
        "status": "error",
        "hash_changed": False,
        "changes": [],
        "error": error.message,
        "error_code": error.code.value,
    }
