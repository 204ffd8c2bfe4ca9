"""Putting a backup in the place of the database, whole or not at all."""

import asyncio
import tempfile
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.storage.sqlite.backup import Contents, backup, verified
from ltmc.storage.sqlite.database import Database
from ltmc.storage.sqlite.errors import translated
from ltmc.storage.sqlite.files import copy_pages, create_private
from ltmc.timestamps import now


class RestoreReport(Contents):
    """A backup that was restored; `kept`: the file with what the database held before, if it held anything."""

    db: str
    kept: str | None


def restore(source: Path, target: Path, *, overwrite: bool = False) -> RestoreReport:
    """Put the state of a backup into the database at `target`; servers that have it open see it at once.

    What `target` held is kept beside it as ``<name>.before-restore-<time>``.

    Raises:
        LtmcError: NOT_FOUND without a backup, UNSUPPORTED when it is no LTMC database or a newer one,
            CONFLICT when `target` exists and is not to be overwritten.
    """
    if not source.exists():
        raise not_found("FILE", str(source), "backup")
    contents = verified(source)
    kept: str | None = None
    with translated(target):
        if target.exists() and target.stat().st_size:
            if not overwrite:
                raise LtmcError(
                    ErrorCode.CONFLICT,
                    f"The database {target} exists; use --force to replace what it holds. It is kept beside it.",
                    field="db",
                )
            kept = f"{target}.before-restore-{now().replace(':', '')}"
            backup(target, Path(kept))
        create_private(target)
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=target.parent) as folder:
            ready = Path(folder) / "ltmc.db"
            copy_pages(source, ready)
            asyncio.run(_bring_forward(ready))  # before servers that use `target` see it
            copy_pages(ready, target)
    return {"db": str(target), "kept": kept, **contents}


async def _bring_forward(path: Path) -> None:
    """Migrate a database to the present schema."""
    database = Database(path)
    async with database.read():
        pass
    await database.close()
