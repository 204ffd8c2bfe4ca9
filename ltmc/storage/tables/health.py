"""What shows that the database works: its structure, a write, and how many rows its tables hold."""

from contextlib import suppress
from typing import Literal

from ltmc.storage.engine import Engine, Transaction
from ltmc.timestamps import now


class _RollBack(Exception):  # noqa: N818 - not an error
    """Undoes the write of a probe."""


async def structure(tx: Transaction, most_bytes: int) -> str | None:
    """Check the file: "ok", what is wrong with it, or None (not checked) beyond `most_bytes`."""
    size = await tx.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    return None if size > most_bytes else str(await tx.value("PRAGMA quick_check(1)"))


async def try_to_write(engine: Engine) -> None:
    """Write a row and take it back."""
    with suppress(_RollBack):
        async with engine.write() as tx:
            await tx.run("INSERT INTO usage_events (event_type, created_at) VALUES ('probe', ?)", (now(),))
            raise _RollBack


async def row_count(tx: Transaction, table: Literal["graph_nodes", "graph_edges", "cache_entries"]) -> int:
    """Count the rows of a table."""
    return int(await tx.value(f"SELECT count(*) FROM {table}"))
