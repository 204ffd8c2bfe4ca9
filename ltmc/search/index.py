"""The search interface: everything that finds text goes through here.

A row is a thing that search can find; an entry is what the index holds of it; a hit is a row found.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from ltmc.search import analysis, ranking
from ltmc.search.embedding import StaticModel, pack_unit
from ltmc.search.kinds import Entry, Kind
from ltmc.search.profiles import Profile, impacts, pack_impacts
from ltmc.search.requests import Hit, Mode, Request
from ltmc.search.resident_index import ResidentIndex
from ltmc.search.vectors import sign_code
from ltmc.storage.engine import Transaction
from ltmc.storage.sources import R, Where, by_id, newest
from ltmc.storage.sqlite import search_index as storage
from ltmc.storage.sqlite.search_index import NewEntry

MODES = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Ranking:
    """A page of hits, best first.

    Attributes:
        total: how many match in all; of very many, at least so many.
        mode: how they were found: ``hybrid``, ``lexical``, ``semantic``, or ``listing`` when there was no
            query.
        entries: how many entries the project has of the kind, about; 0 for a listing.
    """

    hits: list[Hit]
    total: int
    mode: str
    entries: int = 0


@cache
def model() -> StaticModel:
    """Return the embedding model."""
    return StaticModel(Path(str(resources.files("ltmc.search").joinpath("static.ltmv"))))


@cache
def identity() -> str:
    """Return what an index must have been made with to be searched by this program."""
    return f"{analysis.ANALYSIS_VERSION}:{model().checksum[:16]}"


def prepared(kind: Kind[R], row: R) -> NewEntry:
    """Return the entry of a row as the index stores it."""
    profile, entry = kind.profile, kind.entry(row)
    found = impacts(profile, entry.fields)
    vector = _vector(profile, entry)
    group = None
    if entry.group is not None:
        name = f"{storage.scope_name(kind.name, entry.project_id)}\0{entry.group}"
        group = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
    return NewEntry(
        entry.id, entry.project_id, group, list(found), pack_impacts(found), vector, sign_code(vector)
    )


def _vector(profile: Profile, entry: Entry) -> bytes:
    tokens: list[int] = []
    for name, weight in profile.semantic.items():
        text = entry.fields.get(name)
        if text:
            tokens += model().tokenise(analysis.split_words(text) if profile.code else text) * weight
    return pack_unit(model().sums(tokens))


async def add(tx: Transaction, kind: Kind[R], rows: Iterable[R]) -> None:
    """Index rows in the transaction that stores them; entries that were there are replaced."""
    rows = list(rows)

    def write(cursor: sqlite3.Cursor) -> None:
        if not storage.state(cursor).identity:  # the first entry
            storage.set_identity(cursor, identity())
        storage.delete(cursor, kind.name, [row.id for row in rows])
        for row in rows:
            storage.insert(cursor, kind.name, prepared(kind, row))

    await tx.call(write)


async def remove(tx: Transaction, kind: Kind[Any], owner_ids: Iterable[int]) -> None:
    """Remove owners from the index; unknown ones are ignored."""
    ids = list(owner_ids)
    await tx.call(lambda cursor: storage.delete(cursor, kind.name, ids))


async def load_rows(tx: Transaction, kind: Kind[R], hits: Sequence[Hit]) -> list[tuple[R, Hit]]:
    """Return the rows of hits, in their order; those that are gone are left out."""
    rows = await by_id(tx, kind.source, [hit.id for hit in hits])
    return [(rows[hit.id], hit) for hit in hits if hit.id in rows]


def result(kind: Kind[R], row: R, hit: Hit, *, explain: bool = False) -> dict[str, Any]:
    """Return a hit as search results show it.

    Args:
        explain: with the parts of the score, which add up to it.
    """
    return {**kind.view(row), "score": hit.score, **({"score_parts": hit.parts} if explain else {})}


async def results(
    tx: Transaction, kind: Kind[Any], hits: Sequence[Hit], *, explain: bool = False
) -> list[dict[str, Any]]:
    """Return hits as search results show them, in their order."""
    return [result(kind, row, hit, explain=explain) for row, hit in await load_rows(tx, kind, hits)]


async def search(
    tx: Transaction,
    kind: Kind[Any],
    query: str,
    *,
    project_id: str,
    where: Where | None = None,
    mode: Mode = "hybrid",
    every_term: bool = False,
    min_score: float = 0.0,
    per_group: int = 0,
    limit: int,
    offset: int = 0,
) -> Ranking:
    """Find what matches `query` inside a project; a blank query lists the newest.

    Args:
        tx: a transaction that reads.
        kind: one of `ltmc.search.kinds`.
        where: filters on the owners by name, applied before the cut.
        mode: what to go by; an index made by another version is searched by its terms alone.
        every_term: every term must occur, as a word or as its beginning; otherwise any may, or none where
            the meaning is near.
        min_score: leave out what scores less.
        per_group: how many hits of one group (the chunks of a resource) may appear; 0 for any.
    """
    where = where or {}
    if not query.strip():
        inside = {"project": [project_id], **where}
        rows = await newest(tx, kind.source, inside, per_group=per_group or 1, limit=limit, offset=offset)
        return Ranking([Hit(row.id, 0.0) for row in rows], rows[0].total if rows else 0, "listing")

    def find(cursor: sqlite3.Cursor) -> tuple[list[Hit], int, Mode, int]:
        resident = tx.resident(ResidentIndex)
        resident.refresh(cursor)
        size = resident.size(storage.scope_name(kind.name, project_id))
        by: Mode = "lexical" if every_term or resident.identity != identity() else mode
        request = Request(
            kind, query, project_id, where, by, min_score, per_group, limit + offset, datetime.now(UTC)
        )
        if every_term:
            return *ranking.every_term(cursor, resident, request), by, size
        return *ranking.search(cursor, resident, model(), request), by, size

    hits, total, by, size = await tx.call(find)
    hits = hits[offset:]
    # Of very many the total is an estimate: where a page is not full, nothing follows.
    return Ranking(hits, total if len(hits) == limit else min(total, offset + len(hits)), by, size)


def matching(query: str) -> str:
    """Return the value of the filter ``matching`` that leaves what holds every term of `query`."""
    return ranking.expression_of(analysis.query_words(query))
