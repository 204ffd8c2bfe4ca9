"""Things whose text is like a given text."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from ltmc.search import index, kernel
from ltmc.search.kinds import Kind
from ltmc.search.requests import Mode
from ltmc.search.resident_index import CurrentIndex
from ltmc.search.sentence_model import UNIT
from ltmc.search.vectors import cosine, cosines
from ltmc.storage import index_entries
from ltmc.storage.engine import Transaction
from ltmc.storage.search_index import SearchIndex
from ltmc.storage.sources import R
from ltmc.timestamps import now

SAME_SUBJECT = 0.55
"""The least cosine of two memories on the same subject. Of 50 pairs that contradict each other, under names that say
nothing, by value: 0.6 45, 0.55 50; of 50 that share a topic 23, 30; of 50 others none."""

NEAR_ENOUGH = 0.4
"""From this cosine on two memories may contradict each other: "Anna leads the team", "Boris leads the team"."""

COMPARED_AT_ONCE, FOUND_AT_ONCE = 1_000_000, 2_000
"""About so many pairs are compared, or found, before they are told."""

Pair = tuple[int, int, float]
"""Two ids, and the cosine."""

COMPARED = 64
"""How many of the nearest codes are compared in a scope that is not small."""

SEARCHED_CHARACTERS = 2_000
"""How many characters of the text are searched for."""


async def similar(
    tx: Transaction,
    kind: Kind[R],
    text: str,
    *,
    project_id: str,
    least: float,
    candidates: int,
    mode: Mode = "hybrid",
    per_group: int = 0,
) -> list[tuple[R, float]]:
    """Return rows of a kind with the cosine of their meaning and that of `text`, 0 to 1, the most alike first.

    Args:
        least: leave out what is less alike.
        candidates: how many are compared.
    """
    query = text[:SEARCHED_CHARACTERS]
    ranking = await index.search(
        tx, kind, query, projects=[project_id], mode=mode, per_group=per_group, limit=candidates
    )
    stored = await vectors(tx, kind, [hit.id for hit in ranking.hits])
    rows = [row for row, _ in await index.load_rows(tx, kind, ranking.hits)]

    def rated() -> list[tuple[R, float]]:
        missing = [row for row in rows if row.id not in stored]
        own, *others = index.embedded_together([text, *(kind.entry(row).meaning for row in missing)])
        known = stored | {row.id: other for row, other in zip(missing, others, strict=True)}
        return [(row, round(cosine(own, known[row.id]), 4)) for row in rows]

    pairs = await asyncio.to_thread(rated)
    return sorted((pair for pair in pairs if pair[1] >= least), key=lambda pair: -pair[1])


async def nearest(
    tx: Transaction, kind: Kind[Any], vector: bytes, *, project_id: str, least: float, limit: int
) -> list[tuple[int, float]]:
    """Return the ids of what is current and nearest to a vector, with the cosines, the nearest first."""

    def find(stored: SearchIndex) -> list[tuple[int, float]]:
        name, dims = index_entries.scope_name(kind.name, project_id), index.model().dims
        resident = tx.resident(CurrentIndex).refreshed(stored, tx.began, index.identity(), dims, name)
        if not index.by_meaning(resident.aim) or name not in resident.scopes:
            return []
        small = resident.small_scope(stored, name)
        if small is not None:
            near = small.cosines(vector)
        else:
            known = resident.vectors(stored, resident.scopes[name].nearest(stored, vector, COMPARED))
            near = dict(zip(known, cosines(vector, b"".join(known.values())), strict=True))
        found = {seq: value for seq, value in near.items() if value >= least}
        if not found:
            return []
        past = stored.outdated(kind.source, project_id, now())
        owners = {seq: owner for seq, owner, _ in stored.owners([*found.keys() - past])}
        best = sorted(owners, key=lambda seq: (-found[seq], seq))[:limit]
        return [(owners[seq], round(found[seq], 4)) for seq in best]

    return await tx.call(find)


async def vectors(tx: Transaction, kind: Kind[Any], ids: Sequence[int]) -> dict[int, bytes]:
    """Return the vectors of things by id, in the order of `ids`; none of what is not embedded."""
    found = await tx.call(lambda stored: _vectors(stored, kind, [*ids]))
    return {one: found[one] for one in ids if one in found}


async def near_pairs(
    known: Mapping[int, bytes], *, least: float, seconds: float
) -> AsyncIterator[tuple[int, list[Pair]]]:
    """Compare each thing with all that follow, as long as there is time.

    Yields:
        A few things at a time: how many were compared by then, and the pairs that are near.
    """
    ids, joined, done = list(known), b"".join(known.values()), 0
    give_up = time.monotonic() + seconds
    while done < len(ids) and time.monotonic() < give_up:
        done, pairs = await asyncio.to_thread(_near, ids, joined, done, least)
        yield done, pairs


def _near(ids: Sequence[int], joined: bytes, place: int, least: float) -> tuple[int, list[Pair]]:
    """Return the near pairs of some things from a place on with all behind them, and the place of the next."""
    size, found, compared, edge = len(joined) // len(ids), list[Pair](), 0, least * UNIT * UNIT
    while place < len(ids) and compared < COMPARED_AT_ONCE and len(found) < FOUND_AT_ONCE:
        start = (place + 1) * size
        if start == len(joined):
            return place + 1, found
        products = kernel.dot(joined[place * size : start], joined[start:])
        found += [
            (ids[place], ids[other], round(product / (UNIT * UNIT), 4))
            for other, product in enumerate(products, place + 1)
            if product >= edge
        ]
        compared += len(ids) - place
        place += 1
    return place, found


def _vectors(stored: SearchIndex, kind: Kind[Any], owner_ids: list[int]) -> dict[int, bytes]:
    """Return the vectors in the index by owner id; none when another version made it, or of what is not embedded."""
    if not index.by_meaning(stored.state().identity):
        return {}
    found = stored.owner_vectors(kind.name, owner_ids)
    return {owner_id: vector for owner_id, vector in found.items() if index.is_vector(vector)}
