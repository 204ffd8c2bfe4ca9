"""Bringing the search index in step with what is stored, while servers are at work."""

import asyncio
import logging
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypedDict, TypeVar

from ltmc.errors import ErrorCode, LtmcError
from ltmc.search import index
from ltmc.search.kernel import KernelError
from ltmc.search.kinds import KINDS, Kind
from ltmc.search.sentence_model import ModelError
from ltmc.search.vectors import sign_code
from ltmc.storage import index_entries, search_index
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.search_index import SearchIndex
from ltmc.storage.sources import by_id
from ltmc.storage.upkeep import Upkeep

BATCH = 50
"""How many rows are indexed in one transaction."""

SECTION = 64
"""So many chunks of a document, one after the other, are embedded and stored together; each has a share of their
mean. After an interruption at most so many are embedded again."""

PASS = 8
"""How many texts are embedded without a pause: 0.05 s with AVX-512, 0.15 s with AVX2."""

LANES = 2
"""How many passes go on side by side, each on a thread: the kernel lets go of the GIL."""

PAUSE_SECONDS = 0.005
"""Waited between two transactions, so that whoever waits to write comes in between."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Reindexed(TypedDict):
    """What a reindexing did; `embedded`: how many entries got a vector; `anew`: all was indexed anew; `entries`: those
    of each kind."""

    indexed: int
    embedded: int
    removed: int
    anew: bool
    entries: dict[str, int]


def _unseen(_done: int, _of: int) -> None:
    """Show no progress."""


async def reindex(
    engine: Engine,
    *,
    everything: bool = False,
    forward_only: bool = False,
    progress: Callable[[int, int], None] = _unseen,
) -> Reindexed:
    """Index what is missing and take out what has no row; all anew, when the index was made by another
    version of the analysis or the model. Then embed what has no vector.

    Each batch is committed by itself. After an interruption the next call goes on where it stopped; several
    processes share the work.

    Args:
        everything: index all anew in any case; an index that is damaged is emptied first.
        forward_only: leave the index of a version alone that is not older.
        progress: told after each batch how many rows are done, and of how many.

    Raises:
        LtmcError: CONFLICT when the index is another version's, or becomes so meanwhile.
    """
    async with engine.write() as tx:
        state = await tx.call(partial(_begin, everything=everything, forward_only=forward_only))
    async with engine.read() as tx:
        counts = await search_index.counts(tx)
    expected = sum(rows if state.boundary else max(0, rows - indexed) for rows, indexed in counts.values())
    done = removed = 0
    while True:
        for kind in KINDS:
            last = await _call(engine, partial(SearchIndex.largest_id, source=kind.source))
            # From anywhere and then from the start, so that processes at work together do not do the same;
            # of a few rows that would only change the order of equals.
            anywhere = random.randint(0, last) if last > BATCH else 0  # noqa: S311 - not for secrets
            for after in (anywhere, 0):
                async for count in _missing(engine, kind, after):
                    done += count
                    progress(done, 2 * max(done, expected))
            removed += await _remove_orphans(engine, kind)
        if await _finished(engine):
            break
    embedded = await embed_pending(engine, lambda count, of: progress(done + count, done + of))
    async with engine.read() as tx:
        counts = await search_index.counts(tx)
    return {
        "indexed": done,
        "embedded": embedded,
        "removed": removed,
        "anew": bool(state.boundary),
        "entries": {kind: entries for kind, (_, entries) in counts.items()},
    }


async def expect(tx: Transaction) -> None:
    """Have what is stored without an entry, in this transaction or before, indexed by the next `reindex`.

    Raises:
        LtmcError: CONFLICT when the index is a newer version's.
    """
    await tx.call(partial(_begin, everything=False, forward_only=True))


async def begin_with(engine: Engine, checksum: str) -> bool:
    """Have the whole index made anew with another model; return False where it is made with that one.

    Raises:
        LtmcError: CONFLICT when the index is a newer version's.
    """
    wanted = index.identity_with(checksum)

    def begin(stored: SearchIndex) -> bool:
        aim = stored.state().aim
        if aim == wanted:
            return False
        if index.is_of_newer_program(aim):
            raise _taken()
        stored.begin_reindexing(wanted, stored.last_seq())
        return True

    async with engine.write() as tx:
        return await tx.call(begin)


async def _call(engine: Engine, function: Callable[[SearchIndex], T]) -> T:
    async with engine.read() as tx:
        return await tx.call(function)


def _begin(stored: SearchIndex, *, everything: bool, forward_only: bool) -> index_entries.State:
    """Take the index over, or go on; return its state then."""
    if everything and stored.damage() is not None:
        stored.empty()
    state, own = stored.state(), index.identity()
    if forward_only and index.is_newer(state.aim):
        raise _taken()
    if state.aim != own or (everything and not state.boundary):
        stored.begin_reindexing(own, stored.last_seq())
    elif state.target is None:
        stored.begin_reindexing(own, 0)
    return stored.state()


async def _missing(engine: Engine, kind: Kind[Any], after: int) -> AsyncIterator[int]:
    """Index by its words what has no entry, past the id `after`; yield after each batch how many it had.

    Entries are made before the database is locked, and stored if the index is still what they were made for.
    """
    while True:
        async with engine.read() as tx:
            state = await tx.call(SearchIndex.state)
            rows = await tx.call(partial(_rows, kind=kind, state=state, after=after))
        if not rows or not _is_at_work(state):
            return
        entries = await asyncio.to_thread(_analysed, kind, rows)
        async with engine.write() as tx:
            stored = await tx.call(partial(_store, kind=kind, state=state, after=after, entries=entries))
        if stored is not None:
            after = rows[-1].id
            yield stored
        await asyncio.sleep(PAUSE_SECONDS)


def _analysed(kind: Kind[Any], rows: list[Any]) -> list[index_entries.NewEntry]:
    return [index.new_entry(kind, entry) for entry in map(kind.entry, rows)]


def _rows(stored: SearchIndex, kind: Kind[Any], state: index_entries.State, after: int) -> list[Any]:
    return stored.not_indexed(kind.source, state.boundary, after, BATCH)


def _store(
    stored: SearchIndex,
    kind: Kind[Any],
    state: index_entries.State,
    after: int,
    entries: list[index_entries.NewEntry],
) -> int | None:
    """Store those entries whose rows still have none; return how many, or None when the index changed hands."""
    if not stored.state().agrees(state):
        return None
    left = {row.id for row in _rows(stored, kind, state, after)}
    entries = [entry for entry in entries if entry.owner_id in left]
    stored.delete(kind.name, [entry.owner_id for entry in entries])
    stored.insert(kind.name, entries)
    return len(entries)


async def _remove_orphans(engine: Engine, kind: Kind[Any]) -> int:
    """Take out the entries whose row is gone; return how many."""
    removed = 0
    find = partial(SearchIndex.orphans, source=kind.source, limit=BATCH)
    while await _call(engine, find):
        async with engine.write() as tx:
            gone = await tx.call(find)
            await index.remove(tx, kind, gone)
        removed += len(gone)
        await asyncio.sleep(PAUSE_SECONDS)
    return removed


async def embed_pending(engine: Engine, progress: Callable[[int, int], None] = _unseen) -> int:
    """Embed the entries that have no vector, section by section of a document; return how many.

    Each batch is committed by itself, and processes that do this together begin at different places.
    """
    done = 0
    for kind in KINDS:
        while True:
            left = await _call(engine, SearchIndex.count_pending)
            progress(done, done + left)
            batch = await _call(engine, partial(_unembedded, kind=kind))
            if not batch:
                break
            done += await _embed(engine, kind, batch)
            await asyncio.sleep(PAUSE_SECONDS)
    return done


def _unembedded(stored: SearchIndex, kind: Kind[Any]) -> dict[int, int]:
    """Return some entries to embed, by owner id; of a document that it touches whole sections."""
    if stored.state().aim != index.identity():
        return {}
    count = stored.count_pending(kind.name)
    first = random.randint(0, count - SECTION) if count > SECTION else 0  # noqa: S311 - not for secrets
    found = stored.pending(kind.name, first, SECTION)
    chosen = dict.fromkeys(owner_id for owner_id, _ in found)
    if not kind.profile.neighbours:
        for group in {group for _, group in found if group is not None}:
            members = stored.group_owners(group)
            for start in range(0, len(members), SECTION):
                section = members[start : start + SECTION]
                if not chosen.keys().isdisjoint(section):
                    chosen.update(dict.fromkeys(section))
    return stored.seqs_of(kind.name, list(chosen))


async def _embed(engine: Engine, kind: Kind[Any], batch: dict[int, int]) -> int:
    """Embed entries, given as owner id and seq, and store their vectors; return how many were still there."""
    async with engine.read() as tx:
        rows = await by_id(tx, kind.source, sorted(batch))
    entries = [kind.entry(rows[owner_id]) for owner_id in sorted(rows)]
    vectors = await _embedded([entry.meaning for entry in entries])
    vectors = await asyncio.to_thread(index.in_documents, kind, entries, vectors)
    filled = {
        batch[entry.id]: (vector, sign_code(vector)) for entry, vector in zip(entries, vectors, strict=True)
    }

    def store(stored: SearchIndex) -> int:
        if stored.state().aim != index.identity():
            return 0
        stored.delete(kind.name, batch.keys() - rows.keys())
        return stored.fill(kind.name, filled)

    async with engine.write() as tx:
        return await tx.call(store)


async def _embedded(texts: list[str]) -> list[bytes]:
    """Return the vector of each text; each lane takes the next pass when it has done one."""
    vectors, starts = [b""] * len(texts), iter(range(0, len(texts), PASS))

    async def lane() -> None:
        for start in starts:
            passed = slice(start, start + PASS)
            vectors[passed] = await asyncio.to_thread(index.embedded_together, texts[passed])

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return vectors


async def _finished(engine: Engine) -> bool:
    """Record that the index is in step, if it is."""

    def look(stored: SearchIndex) -> tuple[index_entries.State, bool]:
        state = stored.state()
        left = any(stored.not_indexed(kind.source, state.boundary, 0, 1) for kind in KINDS)
        return state, _is_at_work(state) and left

    def close(stored: SearchIndex) -> bool:
        unchanged = stored.state().agrees(state)
        if unchanged:
            stored.set_identity(index.identity())
        return unchanged

    state, left = await _call(engine, look)
    if left:
        return False
    async with engine.write() as tx:
        return await tx.call(close)


def _is_at_work(state: index_entries.State) -> bool:
    """Return whether this version's reindexing goes on, or another process has ended it.

    Raises:
        LtmcError: CONFLICT when another version took over.
    """
    if state.aim != index.identity():
        raise _taken()
    return state.target is not None


def _taken() -> LtmcError:
    return LtmcError(
        ErrorCode.CONFLICT,
        "The search index is another version's of LTMC: use that one, or end its servers first.",
    )


class IndexUpkeep(Upkeep):
    """Brings the index in step and embeds what has no vector, in the background, unless it is a newer version's."""

    _wanted = False

    def start(self) -> None:
        """Begin; where it is at work, it looks once more when it is done."""
        self._wanted = True
        super().start()

    async def _run(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                if index.is_newer((await _call(self._engine, SearchIndex.state)).aim):
                    return
                if await _call(self._engine, unfinished):
                    await reindex(self._engine, forward_only=True)
                else:
                    await embed_pending(self._engine)
        except (LtmcError, sqlite3.Error, KernelError, ModelError) as error:
            logger.info("the search index stays behind: %s", error)


async def differences(engine: Engine) -> tuple[dict[str, int], list[str]]:
    """Return the entries of each kind, and sentences on how the index differs from what is stored, if it does."""
    async with engine.read() as tx:
        counts = await search_index.counts(tx)
        sentences = await tx.call(unfinished)
    missing = [
        f"{kind}: {rows} rows, {indexed} indexed"
        for kind, (rows, indexed) in counts.items()
        if rows != indexed
    ]
    return {kind: entries for kind, (_, entries) in counts.items()}, missing + sentences


def unfinished(stored: SearchIndex) -> list[str]:
    """Return sentences on why the index is to be made anew, if it is; read from its state alone."""
    state = stored.state()
    if state.target is not None:
        return ["a reindexing is unfinished"]
    if state.identity not in ("", index.identity()):
        return ["made by another version of the search"]
    return []
