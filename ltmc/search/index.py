"""The search interface: everything that finds text goes through here."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import get_args

from ltmc.search import analysis, ranking
from ltmc.search.embedding import StaticModel, pack_unit
from ltmc.search.kinds import Entry
from ltmc.search.profiles import PROFILES, Profile, impacts, pack_impacts
from ltmc.search.ranking import Mode, Request, Scored, Search
from ltmc.search.resident_index import Held
from ltmc.search.vectors import sign_code
from ltmc.storage.engine import Transaction
from ltmc.storage.sqlite import search_index as storage
from ltmc.storage.sqlite.search_index import SOURCES, Condition, NewEntry

MODES = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Hit:
    """An owner's id, its score, 0 to 1, rounded to 4 places, and the parts that add up to the score."""

    id: int
    score: float
    parts: dict[str, float] = field(default_factory=dict)


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
    """The embedding model."""
    return StaticModel(Path(str(resources.files("ltmc.search").joinpath("static.ltmv"))))


@cache
def identity() -> str:
    """What an index must have been made with to be searched by this program."""
    return f"{analysis.ANALYSIS_VERSION}:{model().checksum[:16]}"


def prepared(kind: str, entry: Entry) -> NewEntry:
    """An entry as the index stores it."""
    profile = PROFILES[kind]
    found = impacts(profile, entry.fields)
    vector = _vector(profile, entry)
    group = None
    if entry.group is not None:
        name = f"{storage.scope_name(kind, entry.project_id)}\0{entry.group}"
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


async def add(tx: Transaction, kind: str, entries: Iterable[Entry]) -> None:
    """Index `entries` in the transaction that stores their owners; those that were there are replaced."""
    entries = list(entries)

    def write(cursor: sqlite3.Cursor) -> None:
        if not storage.state(cursor).identity:  # the first entry
            storage.set_identity(cursor, identity())
        storage.delete(cursor, kind, [entry.id for entry in entries])
        for entry in entries:
            storage.insert(cursor, kind, prepared(kind, entry))

    await tx.call(write)


async def remove(tx: Transaction, kind: str, owner_ids: Iterable[int]) -> None:
    """Take owners out of the index; unknown ones are ignored."""
    ids = list(owner_ids)
    await tx.call(lambda cursor: storage.delete(cursor, kind, ids))


async def search(
    tx: Transaction,
    kind: str,
    query: str,
    *,
    project_id: str,
    conditions: Sequence[Condition] = (),
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
        kind: one of `SOURCES`.
        conditions: filters on the owners, applied before the cut.
        mode: what to go by; an index made by another version is searched by its terms alone.
        every_term: every term must occur, as a word or as its beginning; otherwise any may, or none where
            the meaning is near.
        min_score: leave out what scores less.
        per_group: how many hits of one group (the chunks of a resource) may appear; 0 for any.
    """
    if not query.strip():
        inside = [Condition(f"{SOURCES[kind].project} = ?", [project_id]), *conditions]
        rows = await storage.newest(tx, kind, inside, per_group=per_group or 1, limit=limit, offset=offset)
        return Ranking([Hit(row["id"], 0.0) for row in rows], rows[0]["total"] if rows else 0, "listing")

    def find(cursor: sqlite3.Cursor) -> tuple[list[Scored], int, Mode, int]:
        if tx.held is None:
            raise RuntimeError("search needs a transaction that reads")
        held: Held = tx.held.setdefault("search", Held())
        held.refresh(cursor)
        size = held.size(storage.scope_name(kind, project_id))
        by: Mode = "lexical" if every_term or held.identity != identity() else mode
        request = Request(
            kind, query, project_id, conditions, by, min_score, per_group, limit + offset, datetime.now(UTC)
        )
        if every_term:
            return *ranking.every_term(cursor, request, held), by, size
        return *Search(cursor, held, model(), request).run(), by, size

    scored, total, by, size = await tx.call(find)
    hits = [Hit(one.owner_id, one.score, one.parts) for one in scored[offset:]]
    # Of very many the total is an estimate: where a page is not full, nothing follows.
    return Ranking(hits, total if len(hits) == limit else min(total, offset + len(hits)), by, size)


def matches(kind: str, query: str) -> Condition:
    """The condition that an owner of `kind` holds every term of `query`."""
    return storage.matching(kind, ranking.expression_of(analysis.query_words(query)))
