"""Putting a backup in the place of the database, whole or not at all."""

import asyncio
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.storage.sqlite.backup import Contents, verified, write_copy
from ltmc.storage.sqlite.database import Database
from ltmc.storage.sqlite.errors import translated, unavailable
from ltmc.storage.sqlite.files import (
    BEFORE_RESTORE,
    BESIDE,
    COPY_SECONDS,
    copy_pages,
    create_private,
    require_apart,
    require_ordinary,
    scratch_file,
)
from ltmc.storage.sqlite.log_owner import own_log
from ltmc.timestamps import now

if sys.platform == "win32":
    from ltmc.storage.sqlite import disk_windows as disk
else:
    from ltmc.storage.sqlite import disk_unix as disk


class RestoreReport(Contents):
    """A backup that was restored; `kept`: the file with what the database held before, if it held anything."""

    db: str
    kept: str | None


def restore(
    source: Path, target: Path, *, overwrite: bool = False, accept_bad_rows: bool = False
) -> RestoreReport:
    """Put the state of a backup into the database at `target`; servers that have it open see it at once.

    What `target` held, be it damaged or of a newer LTMC, is kept beside it as ``<name>.before-restore-<time>``,
    for 30 days.
    Nothing is written to `target` between keeping and replacing.

    Args:
        accept_bad_rows: take also a backup with rows that tools cannot read.

    Raises:
        LtmcError: NOT_FOUND without a backup, BACKEND_UNAVAILABLE when it is damaged, INVALID_ARGUMENT when `source`
            is the database itself or no file, UNSUPPORTED when it is not what an LTMC makes or a newer one, CONFLICT
            when `target` exists and is not to be overwritten.
    """
    if not source.exists():
        raise not_found("FILE", str(source), "backup")
    require_ordinary("FILE", source)
    with translated(target):
        target = target.resolve()
        require_ordinary("db", target)
        require_apart(source, target)
        beside = target.parent if target.parent.exists() else Path(tempfile.gettempdir())
        with scratch_file(beside) as ready:
            with translated(source):
                copy_pages(source, ready)
            contents = verified(ready, source)
            if contents["bad_rows"] and not accept_bad_rows:
                first, more = contents["bad_rows"][0], len(contents["bad_rows"]) - 1
                shown = f"it is damaged ({first}{f'; and {more} more' if more else ''})"
                raise unavailable(source, f"{shown}; with --accept-bad-rows it is restored as it is")
            create_private(target)
            kept = target.with_name(f"{target.name}{BEFORE_RESTORE}{now().replace(':', '')}")
            try:
                with own_log(target):
                    _bring_forward(ready, _page_size(target))
                    was_empty = _replace_content(ready, target, kept, overwrite=overwrite)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (
                    sqlite3.SQLITE_NOTADB,
                    sqlite3.SQLITE_CORRUPT,
                ):
                    raise
                _require_permission(target, overwrite=overwrite)
                _replace_file(ready, target, kept)
                was_empty = False
    return {"db": str(target), "kept": None if was_empty else str(kept), **contents}


def _require_permission(target: Path, *, overwrite: bool) -> None:
    if not overwrite:
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"The database {target} exists; use --force to replace what it holds. It is kept beside it.",
            field="db",
        )


def _page_size(target: Path) -> int | None:
    """Return the size of the pages of a database, also of one that is empty, which its content must have; None when
    it is damaged."""
    try:
        with closing(sqlite3.connect(target, timeout=COPY_SECONDS)) as connection:
            sql = (
                "SELECT page_size, page_count FROM pragma_page_size, pragma_page_count"  # this reads the file
            )
            return int(connection.execute(sql).fetchone()[0])
    except sqlite3.DatabaseError:
        return None


def _bring_forward(path: Path, page_size: int | None) -> None:
    """Migrate a database to the present schema, before servers see it, and leave it as one file."""

    async def migrate() -> None:
        database = Database(path)
        async with database.read():
            pass
        await database.close()

    asyncio.run(migrate())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        if page_size not in (None, connection.execute("PRAGMA page_size").fetchone()[0]):
            connection.execute(f"PRAGMA page_size = {page_size}")
            connection.execute("VACUUM")


def _replace_content(ready: Path, target: Path, kept: Path, *, overwrite: bool) -> bool:
    """Copy `ready` into the file at `target`, and what that held to `kept`, as one change; return whether it was
    empty."""
    was_empty = False

    def keep() -> None:
        nonlocal was_empty
        with closing(sqlite3.connect(target)) as connection:
            was_empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not was_empty:
            _require_permission(target, overwrite=overwrite)
            write_copy(target, kept, lambda _: None)

    copy_pages(ready, target, keep)
    return was_empty


def _replace_file(ready: Path, target: Path, kept: Path) -> None:
    """Give the files of a database that SQLite cannot open the name `kept`, and `ready` theirs.

    Servers that have the old files open go on writing into what is kept, until they notice.
    """
    disk.force_to_disk(ready)
    with disk.kept_from_opening(target):
        present = [suffix for suffix in ("", *BESIDE) if Path(f"{target}{suffix}").exists()]
        for suffix in present:
            os.link(f"{target}{suffix}", f"{kept}{suffix}")
        disk.force_to_disk(target.parent)
        for suffix in present[1:]:
            Path(f"{target}{suffix}").unlink()
        ready.replace(target)
        disk.force_to_disk(target.parent)
