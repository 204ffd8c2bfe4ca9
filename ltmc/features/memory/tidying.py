"""What may be tidied away: near-duplicates, what was superseded, what is over, and what nobody asked for."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ltmc.features.memory.contradiction import contradiction
from ltmc.features.memory.statement import statements
from ltmc.search.analysis import query_terms
from ltmc.search.kinds import CHUNK
from ltmc.search.notes import note_more
from ltmc.search.similarity import near_pairs, vectors
from ltmc.storage.engine import Engine
from ltmc.storage.sources import by_id
from ltmc.storage.tables import outlived, resources
from ltmc.storage.tables.outlived import Named
from ltmc.storage.tables.resources import Chunk
from ltmc.timestamps import days_ago, now
from ltmc.tools.project_scope import project_of, projects_read

NEAR, SHARED = 0.9, 0.8
"""The least cosine of near-duplicates, and the least share of the terms of the newer one that the older one has."""

SECONDS = 60.0
"""How long it looks for near-duplicates at most where nothing else is said, among the newest memories first."""


@dataclass(frozen=True, slots=True)
class Duplicate(Named):
    """A near-duplicate of a newer memory that stays."""

    of: Named


Untidy = dict[str, list[Named]]
"""Memories by why they may go, each once."""


class TidyService:
    """Looks for memories that may go."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def find(self, *, unused_days: int, project_id: str | None, seconds: float = SECONDS) -> Untidy:
        """Return what may go; of near-duplicates the older one.

        Args:
            seconds: how long it looks for near-duplicates at most.
        """
        project, moment = project_of(project_id), now()
        async with self._engine.read() as tx:
            superseded = await outlived.past(tx, project)
            over = await outlived.over(tx, project, moment)
            unused = await outlived.never_found(tx, project, moment, days_ago(unused_days))
            parts = await resources.parts(tx, project, moment)
            counts = Counter(part.resource_id for part in parts)
            known = await vectors(tx, CHUNK, [part.id for part in parts if counts[part.resource_id] == 1])
            for other in projects_read(project_id)[1:]:
                note_more(await resources.count_current(tx, other), "memories", other)
        near = near_pairs(known, least=NEAR, seconds=seconds)
        pairs = [pair async for _, some in near for pair in some]
        async with self._engine.read() as tx:
            whole = await by_id(tx, CHUNK.source, list({one for pair in pairs for one in pair[:2]}))
        found: Untidy = {
            "near_duplicate": await asyncio.to_thread(_duplicates, pairs, whole),
            "superseded": superseded,
            "expired": over,
            "never_recalled": unused,
        }
        seen: set[int] = set()
        for why, memories in found.items():
            found[why] = [one for one in memories if one.id not in seen]
            seen.update(one.id for one in memories)
        return found


def _duplicates(pairs: Sequence[tuple[int, int, float]], rows: Mapping[int, Chunk]) -> list[Named]:
    """Return the older one of each pair whose newer one has all that it says."""
    older: dict[int, Named] = {}
    kept: dict[int, Named] = {}
    for pair in pairs:
        if not rows.keys() >= set(pair[:2]):
            continue
        one, other = (rows[key] for key in sorted(pair[:2]))
        if one.resource_id == other.resource_id or one.resource_id in older:
            continue
        left, right = set(query_terms(one.text)), set(query_terms(other.text))
        if (
            left <= right
            and len(left) >= SHARED * len(right)
            and contradiction(statements(one.text), statements(other.text)) is None
        ):
            older[one.resource_id], kept[one.resource_id] = _named(one), _named(other)
    return [_duplicate(older[key], kept) for key in sorted(older)]


def _named(row: Chunk) -> Named:
    return Named(row.resource_id, row.file_name, row.version, row.created_at)


def _duplicate(older: Named, kept: Mapping[int, Named]) -> Duplicate:
    """Return a near-duplicate with what it is one of, which is none itself."""
    newer = kept[older.id]
    while newer.id in kept:
        newer = kept[newer.id]
    return Duplicate(older.id, older.file_name, older.version, older.created_at, newer)
