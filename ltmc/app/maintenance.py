"""Looking after the database: backup, restore, and the search index brought in step."""

from collections.abc import Callable
from pathlib import Path

from ltmc.app.application import Application
from ltmc.search.reindexing import Reindexed
from ltmc.search.reindexing import reindex as bring_in_step
from ltmc.settings import Settings
from ltmc.storage.sqlite.backup import BackupReport
from ltmc.storage.sqlite.backup import backup as write_backup
from ltmc.storage.sqlite.restore import RestoreReport
from ltmc.storage.sqlite.restore import restore as put_backup


def backup(settings: Settings, file: Path, *, overwrite: bool) -> BackupReport:
    """Copy the database to a file; see `ltmc.storage.sqlite.backup.backup`."""
    return write_backup(settings.db, file, overwrite=overwrite)


def restore(settings: Settings, file: Path, *, overwrite: bool) -> RestoreReport:
    """Put the state of a backup into the database; see `ltmc.storage.sqlite.restore.restore`."""
    return put_backup(file, settings.db, overwrite=overwrite)


async def reindex(settings: Settings, *, everything: bool, progress: Callable[[int, int], None]) -> Reindexed:
    """Bring the search index in step with what is stored; see `ltmc.search.reindexing.reindex`."""
    app = Application(settings)
    try:
        return await bring_in_step(app.engine, everything=everything, progress=progress)
    finally:
        await app.close()
