"""Importing files and folders, one after the other, in batches that are committed with how far they were read."""

import asyncio
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ltmc.app.application import Application
from ltmc.app.project_identity import clone_of, project_of
from ltmc.app.secret_guard import SecretGuard
from ltmc.errors import read_only
from ltmc.importing.formats import own_export
from ltmc.importing.items import Format, Item, Noted, Position, Said
from ltmc.importing.refusals import why_not
from ltmc.importing.registry import Found
from ltmc.importing.restoring import Restorer
from ltmc.importing.streams import BLOCK
from ltmc.importing.writing import Writer, masked_by, with_position
from ltmc.search.reindexing import embed_pending, reindex, unfinished
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.search_index import SearchIndex
from ltmc.storage.tables import imports
from ltmc.storage.tables.imports import ImportSource

BATCH_ITEMS, BATCH_CHARACTERS = 250, 400_000
"""How much is stored in one transaction."""

EMBEDDED_AT_ONCE = 1_000
"""Up to so many texts are embedded before the command ends; more are left to a server, or to `ltmc reindex`."""


@dataclass
class SourceReport:
    """What came of a file or folder.

    Attributes:
        format: its name; None where nothing knows the file.
        new: how many of each kind came in.
        skipped: what was left out, by the reason.
        error: why it could not be read to its end.
    """

    path: str
    format: str | None
    unchanged: bool = False
    new: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    error: str | None = None


@dataclass(slots=True)
class Report:
    """What came of an import.

    Attributes:
        projects: those that something came into.
        pending: how many texts are found by their words alone for now.
    """

    dry_run: bool
    sources: list[SourceReport]
    projects: list[str] = field(default_factory=list)
    pending: int = 0

    @property
    def new(self) -> Counter[str]:
        """How many of each kind came in."""
        return sum((one.new for one in self.sources), Counter())

    @property
    def skipped(self) -> Counter[str]:
        """What was left out, by the reason."""
        return sum((one.skipped for one in self.sources), Counter())

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "dry_run": self.dry_run,
            "new": dict(self.new),
            "skipped": dict(self.skipped),
            "projects": self.projects,
            "pending": self.pending,
            "sources": [vars(one) for one in self.sources],
        }


class Target(Protocol):
    """What items are stored by."""

    async def write(
        self, form: str, items: Sequence[Item], source: ImportSource, position: Position, /
    ) -> Counter[str]:
        """Store items and how far their source was read; return how many of each kind are new."""


Progress = Callable[[int, int], None]
"""Told how many bytes are read, and of how many."""


async def run(
    settings: Settings, found: Sequence[Found], *, project: str | None, dry_run: bool, progress: Progress
) -> Report:
    """Import files and folders.

    Args:
        project: what all goes to; None: to the project of each.
        dry_run: say what would come in, and write nothing.

    Raises:
        LtmcError: UNSUPPORTED where LTMC is read-only; whatever the database says.
    """
    if settings.read_only and not dry_run:
        raise read_only()
    app = Application(settings)
    try:
        engine = None if dry_run and not settings.has_database() else app.engine
        guard = SecretGuard("off" if settings.secrets == "off" else "mask")
        writer = Writer(engine, guard, project_of, clone_of, project, dry_run=dry_run)
        restorer = Restorer(engine, lambda value: masked_by(guard, value), project, dry_run=dry_run)
        sizes = [_state(path)[0] for path, _ in found]
        total, done, reports = sum(sizes), 0, []
        for (path, form), size in zip(found, sizes, strict=True):

            def advance(read: int, done: int = done, size: int = size) -> None:
                progress(done + min(read, size), total)

            reports.append(
                await _source(engine, restorer if form is own_export else writer, path, form, advance)
            )
            done += size
            progress(done, total)
        report = Report(dry_run, reports, [*writer.projects])
        if engine is not None and not dry_run:
            report.pending = await _embedded(engine)
    finally:
        await app.close()
    return report


async def _source(
    engine: Engine | None, target: Target, path: Path, form: Format | None, advance: Callable[[int], None]
) -> SourceReport:
    report = SourceReport(str(path), form.NAME if form else None)
    if form is None:
        report.error = await asyncio.to_thread(why_not, path)
        return report
    size, mtime = _state(path)
    known = None
    if engine is not None:
        async with engine.read() as tx:
            known = await imports.source(tx, str(path))
    same = known is not None and known.finished and (known.size, known.mtime_ns) == (size, mtime)
    if same and not path.is_dir():
        report.unchanged = True
        return report
    source = ImportSource(str(path), form.NAME, size, mtime, 0, "", finished=False, imported_at="")
    position = await asyncio.to_thread(_position, path, known)
    items = form.read(path, position)
    finished = False
    while not finished:
        batch, finished, report.error = await asyncio.to_thread(_batch, items)
        state = with_position(source, position, finished=finished)
        report.new += await target.write(form.NAME, batch, state, position)
        advance(position.read)
        if report.error is not None:
            break
    report.skipped = position.skipped
    return report


def _batch(items: Iterator[Item]) -> tuple[list[Item], bool, str | None]:
    """Return the next items, whether they are the last, and why no more of them can be read."""
    batch: list[Item] = []
    characters = 0
    try:
        for item in items:
            batch.append(item)
            characters += len(item.text) if isinstance(item, Said | Noted) else 100
            if len(batch) == BATCH_ITEMS or characters > BATCH_CHARACTERS:
                return batch, False, None
    except (OSError, sqlite3.Error, zipfile.BadZipFile, RuntimeError, ValueError, LookupError) as error:
        return batch, False, f"{type(error).__name__}: {error}"
    return batch, True, None


def _position(path: Path, known: ImportSource | None) -> Position:
    """Return where to begin: behind what was read before, if the file still begins so."""
    begin = Position()
    if known is None or not known.position:
        return begin
    with suppress(OSError), path.open("rb") as file:
        while begin.offset < known.position and (
            block := file.read(min(BLOCK, known.position - begin.offset))
        ):
            begin.hash.update(block)
            begin.offset += len(block)
        if begin.offset == known.position and begin.hash.hexdigest() == known.prefix_hash:
            begin.read = begin.offset
            return begin
    return Position()


def _state(path: Path) -> tuple[int, int]:
    """Return the size of a file with its log, and when it was changed last."""
    size = changed = 0
    for one in (path, path.with_name(path.name + "-wal")):
        with suppress(OSError):
            status = one.stat()
            size, changed = size + status.st_size, max(changed, status.st_mtime_ns)
    return size, changed


async def _embedded(engine: Engine) -> int:
    """Index what was restored, embed what is not if it is little, and return how much is left."""
    async with engine.read() as tx:
        behind = bool(await tx.call(unfinished))
    if behind:
        await reindex(engine, forward_only=True)
    async with engine.read() as tx:
        left = int(await tx.call(SearchIndex.count_pending))
    if 0 < left <= EMBEDDED_AT_ONCE:
        left -= await embed_pending(engine)
    return left
