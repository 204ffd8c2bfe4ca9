"""Looking after the database: backup, restore, and the search index brought in step."""

import asyncio
import glob
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from ltmc.app.application import Application
from ltmc.app.own_project import OwnProject
from ltmc.errors import bound_to_file, read_only
from ltmc.features.memory.tidying import TidyService, Untidy
from ltmc.features.memory.trash_upkeep import purge as purge_trash
from ltmc.search.notes import noted
from ltmc.search.reindexing import Reindexed
from ltmc.search.reindexing import reindex as bring_in_step
from ltmc.settings import Settings
from ltmc.storage.sqlite.backup import BackupReport, copy_in_use
from ltmc.storage.sqlite.backup import backup as write_backup
from ltmc.storage.sqlite.files import BEFORE_RESTORE, OF_REPLACED
from ltmc.storage.sqlite.read_only import copy_unchanged
from ltmc.storage.sqlite.restore import RestoreReport
from ltmc.storage.sqlite.restore import restore as put_backup
from ltmc.storage.tables import trash
from ltmc.storage.tables.trash import Forgetting
from ltmc.timestamps import now


def backup(
    settings: Settings, file: Path, *, overwrite: bool, progress: Callable[[int, int], None] | None = None
) -> BackupReport:
    """Copy the database to a file; see `ltmc.storage.sqlite.backup.backup`.

    Args:
        progress: told how many pages are copied, and of how many; the copy is checked after the last.
    """
    if settings.postgres_url is not None:
        raise bound_to_file(
            "backup", "pg_dump copies that; `ltmc export` writes what is stored for any LTMC."
        )
    copy = copy_unchanged if settings.read_only else partial(copy_in_use, progress=progress)
    return write_backup(settings.db, file, overwrite=overwrite, copy=copy)


def restore(settings: Settings, file: Path, *, overwrite: bool, accept_bad_rows: bool) -> RestoreReport:
    """Put the state of a backup into the database; see `ltmc.storage.sqlite.restore.restore`.

    A search index that was damaged is made anew.
    """
    if settings.postgres_url is not None:
        raise bound_to_file(
            "restore", "pg_restore is for that; `ltmc import` reads what `ltmc export` wrote."
        )
    if settings.read_only:
        raise read_only()
    report = put_backup(file, settings.db, overwrite=overwrite, accept_bad_rows=accept_bad_rows)
    if report["index_damage"] is not None:
        asyncio.run(reindex(settings, everything=False, progress=lambda _done, _of: None))
    return report


async def tidy(
    settings: Settings, *, unused_days: int, project_id: str | None
) -> tuple[Untidy, Collection[str]]:
    """Return the memories that may go, and notes; see `ltmc.features.memory.tidying`."""
    app, notes = Application(settings), set[str]()
    noted.set(notes)
    try:
        await app.get(OwnProject).enter()
        return await app.get(TidyService).find(unused_days=unused_days, project_id=project_id), notes
    finally:
        await app.close()


async def untidy(app: Application, project_id: str, *, unused_days: int, seconds: float) -> Untidy:
    """Return the same as `tidy` for an LTMC that runs, looking for near-duplicates for so long at most."""
    return await app.get(TidyService).find(unused_days=unused_days, project_id=project_id, seconds=seconds)


async def forgotten(settings: Settings, project_id: str | None) -> list[Forgetting]:
    """Return what was forgotten and can be put back, the newest first, of one project or of all."""
    app = Application(settings)
    try:
        return await in_trash(app, project_id)
    finally:
        await app.close()


async def in_trash(app: Application, project_id: str | None) -> list[Forgetting]:
    """Return the same as `forgotten` for an LTMC that runs."""
    async with app.engine.read() as tx:
        return await trash.every(tx, project_id)


async def purge(settings: Settings, project_id: str | None) -> tuple[int, bool]:
    """Delete what was forgotten for good at once; see `ltmc.features.memory.trash_upkeep.purge`."""
    app = Application(settings)
    try:
        purged, emptied = await purge_trash(app.engine, now(), project_id)
        return purged, emptied if purged else await app.engine.empty_log()  # what an earlier run left there
    finally:
        await app.close()


def copies_of(path: Path) -> list[str]:
    """Return the copies of a database that upgrades, restores and other files in its place left beside it."""
    kept = (".v*.backup", f"{BEFORE_RESTORE}*", f"{OF_REPLACED}*")
    return sorted(str(one) for end in kept for one in path.parent.glob(glob.escape(path.name) + end))


async def reindex(settings: Settings, *, everything: bool, progress: Callable[[int, int], None]) -> Reindexed:
    """Bring the search index in step with what is stored; see `ltmc.search.reindexing.reindex`."""
    app = Application(settings)
    try:
        return await bring_in_step(app.engine, everything=everything, progress=progress)
    finally:
        await app.close()
