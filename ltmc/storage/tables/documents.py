"""Which document belongs to what, and the snapshots of files that changes are told against."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns
from ltmc.storage.sources import among


class DocumentLink(NamedTuple):
    """The document of a file (kind ``code``) or of a blueprint, which `ref` names."""

    kind: str
    ref: str
    doc_path: str
    consistency_score: float | None
    code_hash: str | None
    doc_hash: str | None
    last_sync_at: str | None


class Snapshot(NamedTuple):
    """A file as it was; `symbols`: of Python, `ltmc.code.symbols.SymbolSnapshot` as JSON."""

    content_hash: str
    symbols: list[dict[str, Any]] | None


class FileState(Protocol):
    """What a snapshot keeps of a file: its name, the hash of its content, its time and size, its symbols."""

    @property
    def name(self) -> str: ...
    @property
    def content_hash(self) -> str: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def size(self) -> int: ...
    def snapshot_symbols(self) -> list[dict[str, Any]] | None: ...


async def link(
    tx: Transaction, project_id: str, kind: str, ref: str, doc_path: str | None
) -> DocumentLink | None:
    """Return the recorded document of a file or blueprint: at that path, else the one written last."""
    return await tx.one(
        DocumentLink,
        f"SELECT {columns(DocumentLink)} FROM doc_links WHERE project_id = ?1 AND kind = ?2 AND ref = ?3 "
        "AND (doc_path = ?4 OR ?4 IS NULL AND last_sync_at IS NOT NULL) "
        "ORDER BY coalesce(last_sync_at, '') DESC, doc_path LIMIT 1",
        (project_id, kind, ref, doc_path),
    )


async def links_of_code(tx: Transaction, project_id: str, files: Sequence[str]) -> dict[str, DocumentLink]:
    """Return for each file the link of its last synced document."""
    chosen = among("ref")(files)
    rows = await tx.all(
        DocumentLink,
        f"SELECT {columns(DocumentLink)} FROM doc_links WHERE project_id = ? AND kind = 'code' AND {chosen.sql} "
        "ORDER BY coalesce(last_sync_at, '')",
        [project_id, *chosen.parameters],
    )
    return {row.ref: row for row in rows}


async def upsert_link(
    tx: Transaction, project_id: str, kind: str, ref: str, doc_path: str, changes: dict[str, Any]
) -> None:
    """Record what is known of a document; columns not in `changes` stay."""
    names = ", ".join(changes)
    marks = ", ".join("?" * len(changes))
    updates = ", ".join(f"{column} = excluded.{column}" for column in changes)
    await tx.run(
        f"INSERT INTO doc_links (project_id, kind, ref, doc_path, {names}) VALUES (?, ?, ?, ?, {marks}) "
        f"ON CONFLICT (project_id, kind, ref, doc_path) DO UPDATE SET {updates}",
        [project_id, kind, ref, doc_path, *changes.values()],
    )


async def snapshot(tx: Transaction, project_id: str, file_path: str) -> Snapshot | None:
    """Return the baseline of a file."""
    return await tx.one(
        Snapshot,
        f"SELECT {columns(Snapshot)} FROM file_snapshots WHERE project_id = ? AND file_path = ?",
        (project_id, file_path),
    )


async def put_snapshot(
    tx: Transaction, project_id: str, file: FileState, reason: str, moment: str, *, keep: bool = False
) -> None:
    """Make a file as it is now its baseline; with `keep`, only if there is none."""
    names = ("content_hash", "mtime_ns", "size", "symbols", "reason", "taken_at")
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    await tx.run(
        f"INSERT INTO file_snapshots (project_id, file_path, {', '.join(names)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        f"ON CONFLICT (project_id, file_path) DO {'NOTHING' if keep else f'UPDATE SET {updates}'}",
        [
            project_id,
            file.name,
            file.content_hash,
            file.mtime_ns,
            file.size,
            file.snapshot_symbols(),
            reason,
            moment,
        ],
    )


async def delete_snapshot(tx: Transaction, project_id: str, file_path: str) -> None:
    """Forget the baseline of a file."""
    await tx.run("DELETE FROM file_snapshots WHERE project_id = ? AND file_path = ?", (project_id, file_path))
