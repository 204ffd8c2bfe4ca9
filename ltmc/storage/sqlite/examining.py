"""What is asked of a database file as a whole."""

import asyncio
from pathlib import Path

from ltmc.storage.engine import Engine
from ltmc.storage.sqlite.files import log_of
from ltmc.storage.sqlite.stored_values import faults_found_soon


async def sizes(path: Path) -> tuple[int, int]:
    """Return the bytes of a file, and those of the log beside it."""
    log = log_of(path)
    return await asyncio.to_thread(lambda: (path.stat().st_size, log.stat().st_size if log.exists() else 0))


async def examine(engine: Engine, most_bytes: int) -> tuple[str, str | None]:
    """Read every page and row; see `Engine.examine`."""
    async with engine.read() as tx:
        size = await tx.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        found = None if size > most_bytes else str(await tx.value("PRAGMA quick_check(1)"))
    if found not in ("ok", None):
        return found, f"the database is damaged: {found}"
    async with engine.read() as tx:
        bad_rows = await tx.call(faults_found_soon)
    wrong = f"tools cannot read every row: {'; '.join(bad_rows)}" if bad_rows else None
    return found or "not checked: the database is large", wrong
