"""Bringing the search index in step with what is stored, while servers are at work."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, TypedDict

from ltmc.search import index
from ltmc.search.kinds import KINDS, Kind
from ltmc.storage.engine import Engine
from ltmc.storage.sqlite import search_index as storage

BATCH = 50
"""Originals indexed in one transaction: long chunks take 4 ms each, so that others wait 0.2 s at most."""

PAUSE_SECONDS = 0.005
"""Waited between two transactions, so that whoever waits to write comes in between."""


class Reindexed(TypedDict):
    """What a reindexing did; `anew`: all was indexed anew; `entries`: those of each kind."""

    indexed: int
    removed: int
    anew: bool
    entries: dict[str, int]


async def reindex(engine: Engine, *, everything: bool, progress: Callable[[int, int], None]) -> Reindexed:
    """Index what is missing and take out what has no row; all anew, when the index was made by another
    version of the analysis or the model.

    Each batch is committed by itself. After an interruption the next call goes on where it stopped.

    Args:
        everything: index all anew in any case.
        progress: told after each batch how many rows are done, and of how many.
    """
    async with engine.write() as tx:
        boundary = await tx.call(lambda cursor: _begin(cursor, everything=everything))
    async with engine.read() as tx:
        counts = await storage.counts(tx)
    expected = sum(rows if boundary else max(0, rows - indexed) for rows, indexed in counts.values())
    done = removed = 0
    for kind in KINDS:
        after = 0
        while True:
            async with engine.write() as tx:
                count, after = await tx.call(partial(_batch, kind=kind, boundary=boundary, after=after))
            if not count:
                break
            done += count
            progress(done, max(done, expected))
            await asyncio.sleep(PAUSE_SECONDS)
        while True:
            async with engine.write() as tx:
                gone = await tx.call(partial(storage.orphans, source=kind.source, limit=BATCH))
                await index.remove(tx, kind, gone)
            removed += len(gone)
            if len(gone) < BATCH:
                break
    async with engine.write() as tx:
        await tx.call(lambda cursor: storage.set_identity(cursor, index.identity()))
        counts = await storage.counts(tx)
    return {
        "indexed": done,
        "removed": removed,
        "anew": bool(boundary),
        "entries": {kind: entries for kind, (_, entries) in counts.items()},
    }


def _begin(cursor: sqlite3.Cursor, *, everything: bool) -> int:
    """Return the seq up to which entries are to be made anew; 0 when only what differs is to be repaired."""
    state = storage.state(cursor)
    if state.target == index.identity():
        return state.boundary  # go on
    if everything or state.identity != index.identity():
        storage.begin_reindexing(cursor, index.identity())
        return storage.last_seq(cursor)
    return 0


def _batch(cursor: sqlite3.Cursor, kind: Kind[Any], boundary: int, after: int) -> tuple[int, int]:
    """Index the next rows; return how many, and the last one's id."""
    rows = storage.not_indexed(cursor, kind.source, boundary, after, BATCH)
    storage.delete(cursor, kind.name, [row.id for row in rows])
    for row in rows:
        storage.insert(cursor, kind.name, index.prepared(kind, row))
    return len(rows), rows[-1].id if rows else after


async def differences(engine: Engine) -> tuple[dict[str, int], list[str]]:
    """Return the entries of each kind, and sentences on how the index differs from what is stored, if it does."""
    async with engine.read() as tx:
        counts = await storage.counts(tx)
        state = await tx.call(storage.state)
    sentences = [
        f"{kind}: {rows} rows, {indexed} indexed"
        for kind, (rows, indexed) in counts.items()
        if rows != indexed
    ]
    indexed = {kind: entries for kind, (_, entries) in counts.items()}
    if state.target is not None:
        sentences.append("a reindexing is unfinished")
    elif state.identity != index.identity() and any(indexed.values()):
        sentences.append("made by another version of the search")
    return indexed, sentences
