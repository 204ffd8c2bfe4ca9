"""What was imported: how far each source was read, and what came in."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns
from ltmc.storage.sources import among


class ImportSource(NamedTuple):
    """A file or folder that was imported.

    Attributes:
        position: how many bytes of it were read; 0 where it is always read as a whole.
        prefix_hash: the hash of these bytes.
        finished: whether it was read to its end.
    """

    path: str
    format: str
    size: int
    mtime_ns: int
    position: int
    prefix_hash: str
    finished: bool
    imported_at: str


async def source(tx: Transaction, path: str) -> ImportSource | None:
    """Return how far a source was imported."""
    return await tx.one(
        ImportSource, f"SELECT {columns(ImportSource)} FROM import_sources WHERE path = ?", (path,)
    )


async def put_source(tx: Transaction, row: ImportSource) -> None:
    """Remember how far a source was imported."""
    names = ImportSource._fields
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    await tx.run(
        f"INSERT INTO import_sources ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT (path) DO UPDATE SET {updates}",
        [getattr(row, name) for name in names],
    )


async def known(tx: Transaction, keys: Sequence[str]) -> dict[str, int | None]:
    """Return those of some keys under which something came in, each with the id that it has here."""
    chosen = among("key")(keys)
    rows = await tx.all(_Known, f"SELECT key, owner_id FROM imported WHERE {chosen.sql}", chosen.parameters)
    return {row.key: row.owner_id for row in rows}


async def put_keys(tx: Transaction, keys: Mapping[str, int | None]) -> None:
    """Remember that something came in under each of some keys."""
    await tx.many(
        "INSERT INTO imported (key, owner_id) VALUES (?, ?) ON CONFLICT DO NOTHING", [*keys.items()]
    )


class _Known(NamedTuple):
    key: str
    owner_id: int | None
