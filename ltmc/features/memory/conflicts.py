"""Memories on the same subject, and those that seem to contradict each other."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import cache

from ltmc.features.memory.contradiction import contradiction
from ltmc.features.memory.results import Conflict, Conflicts, SimilarMemory, Told, line_of
from ltmc.features.memory.statement import Statement, of_different_things, statements
from ltmc.features.memory.timeline import overlap
from ltmc.search.kinds import CHUNK
from ltmc.search.similarity import NEAR_ENOUGH, SAME_SUBJECT, Pair, near_pairs, nearest, vectors
from ltmc.storage.engine import Engine
from ltmc.storage.sources import by_id
from ltmc.storage.tables import agreements, resources
from ltmc.storage.tables.resources import Chunk, Version
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import project_of

SIMILAR = 3
"""How many similar memories are named."""

PARTS = 8
"""How many parts of a long memory are compared."""

LOOKED_AT = 8
"""How many of the nearest parts are looked at for them: several may be of one memory."""

MOST_COMPARED, SECONDS = 20_000, 5.0
"""How many parts, those of the newest memories, are compared with each other, and for how long at most."""


class ConflictService:
    """Compares memories with each other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def similar(
        self, project: str, stored: Version, parts: Sequence[tuple[str, bytes]]
    ) -> list[SimilarMemory]:
        """Return the memories on the same subject as one just stored, or that it contradicts, the nearest first.

        Args:
            parts: its texts with their vectors. Of a long one at least half of those compared must be near.
        """
        parts = parts[:: -(-len(parts) // PARTS)]
        near: list[dict[int, tuple[float, Chunk]]] = []
        async with self._engine.read() as tx:
            for _, vector in parts:
                hits = await nearest(
                    tx, CHUNK, vector, project_id=project, least=NEAR_ENOUGH, limit=LOOKED_AT + len(parts)
                )
                rows = await by_id(tx, CHUNK.source, [chunk_id for chunk_id, _ in hits])
                best: dict[int, tuple[float, Chunk]] = {}
                for chunk_id, score in hits:
                    row = rows.get(chunk_id)
                    if row is not None and row.file_name != stored.file_name:
                        best.setdefault(row.resource_id, (score, row))
                near.append(best)
        return await asyncio.to_thread(_similar, stored, [text for text, _ in parts], near)

    async def conflicts(self, *, limit: int, offset: int, project_id: str | None) -> Conflicts:
        """Return a page of the pairs of memories that seem to contradict each other, the newest first.

        Only what holds, or is to hold, at the same time is compared, and nothing that is known to agree.
        """
        project = project_of(project_id)
        async with self._engine.read() as tx:
            parts = await resources.parts(tx, project, now())
            known = await vectors(tx, CHUNK, [part.id for part in parts[:MOST_COMPARED]])
            agreed = {(one.lower_id, one.higher_id) for one in await agreements.of_project(tx, project)}
        compared, open_ones = 0, _OpenConflicts(agreed)
        end = time.monotonic() + SECONDS
        for least, below in (
            (SAME_SUBJECT, 2.0),
            (NEAR_ENOUGH, SAME_SUBJECT),
        ):  # what is farther, if there is time
            async for done, found in near_pairs(known, least=least, seconds=end - time.monotonic()):
                pairs = [pair for pair in found if pair[2] < below]
                async with self._engine.read() as tx:
                    rows = await by_id(tx, CHUNK.source, open_ones.lacking(pairs))
                await asyncio.to_thread(open_ones.add, pairs, rows)
                compared = max(compared, done)
        looked_at = {*list(known)[:compared]}
        left = {part.resource_id for part in parts if part.id not in looked_at}
        conflicts = open_ones.newest_first()
        page = conflicts[offset : offset + limit]
        of = len({part.resource_id for part in parts})
        answer: Conflicts = {
            "conflicts": page,
            "compared": of - len(left),
            "not_compared": len(left),
            **page_counts(page, len(conflicts), offset),
        }
        if not left:
            del answer["not_compared"]
        return answer


class _OpenConflicts:
    """The conflicts that were found so far, one of each two memories."""

    def __init__(self, agreed: set[tuple[int, int]]) -> None:
        self._agreed = agreed
        self._rows: dict[int, Chunk] = {}
        self._said: dict[int, list[Statement]] = {}
        self._found: dict[tuple[int, int], Conflict] = {}

    def lacking(self, pairs: Sequence[Pair]) -> list[int]:
        """Return the ids of what is not known yet."""
        return list({one for pair in pairs for one in pair[:2]} - self._rows.keys())

    def add(self, pairs: Sequence[Pair], rows: Mapping[int, Chunk]) -> None:
        """Look for conflicts in pairs of parts; `rows`: what was lacking."""
        self._rows.update(rows)
        for *ids, score in pairs:
            if not self._rows.keys() >= set(ids):  # it was deleted meanwhile
                continue
            older, newer = sorted((self._rows[one] for one in ids), key=lambda row: row.resource_id)
            memories = (older.resource_id, newer.resource_id)
            if older.file_name == newer.file_name or memories in self._agreed or memories in self._found:
                continue
            kind = _contradiction(newer, self._statements(newer), older, self._statements(older))
            if kind is not None:
                told = [_told(newer), _told(older)]
                self._found[memories] = {"contradicts": kind, "score": score, "memories": told}

    def _statements(self, row: Chunk) -> list[Statement]:
        if row.id not in self._said:
            self._said[row.id] = statements(row.text)
        return self._said[row.id]

    def newest_first(self) -> list[Conflict]:
        """Return them by their newer memory."""
        return [self._found[ids] for ids in sorted(self._found, key=lambda ids: (-ids[1], -ids[0]))]


def _contradiction(
    one: Chunk | Version, said: Sequence[Statement], other: Chunk, other_said: Sequence[Statement]
) -> str | None:
    """Return in what parts of two memories contradict each other."""
    if not overlap(one, other) or (kind := contradiction(said, other_said)) is None:
        return None
    return None if of_different_things(one.file_name, other.file_name) else kind


def _similar(
    stored: Version, texts: Sequence[str], near: Sequence[Mapping[int, tuple[float, Chunk]]]
) -> list[SimilarMemory]:
    """Return the memories that most of the texts are near to; `near`: for each text the nearest part of each memory.

    Of those a little farther away only what seems to contradict.
    """
    alike: list[tuple[float, Chunk, list[tuple[int, Chunk]]]] = []
    for resource_id in dict.fromkeys(one for best in near for one in best):
        parts = [(place, *best[resource_id]) for place, best in enumerate(near) if resource_id in best]
        if 2 * len(parts) >= len(texts):
            score, row = max(((score, row) for _, score, row in parts), key=lambda pair: pair[0])
            alike.append((score, row, [(place, row) for place, _, row in parts]))
    said = cache(lambda place: statements(texts[place]))  # the same text may be near to several
    found: list[SimilarMemory] = []
    for score, row, pairs in sorted(alike, key=lambda one: -one[0]):
        kinds = (_contradiction(stored, said(place), other, statements(other.text)) for place, other in pairs)
        kind = next(filter(None, kinds), None)
        if kind is None and score < SAME_SUBJECT:
            continue
        similar: SimilarMemory = {
            "resource_id": row.resource_id,
            "file_name": row.file_name,
            "score": score,
            "line": line_of(row.text),
        }
        if kind is not None:
            similar["contradicts"] = kind
        found.append(similar)
        if len(found) == SIMILAR:
            break
    return found


def _told(row: Chunk) -> Told:
    return {
        "resource_id": row.resource_id,
        "file_name": row.file_name,
        "line": line_of(row.text),
        "since": row.valid_from or row.created_at,
    }
