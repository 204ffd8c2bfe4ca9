"""The search interface: everything that finds text goes through `SearchIndex`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ltmc.search.analysis import index_text, query_terms
from ltmc.storage import search as storage
from ltmc.storage.database import Transaction
from ltmc.storage.search import SOURCES, Condition

COLUMN_WEIGHTS = (2.0, 2.0, 1.0)
"""bm25 weights of title, tags and text: a name or tag that matches says more than a word of the text."""

HALF_SCORE = 5.0
"""The bm25 that scores 0.5: about that of one rare word in a store of a thousand."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A text to be found, under the id of its owner."""

    id: int
    text: str
    title: str = ""
    tags: Sequence[str] = ()

    def analysed(self) -> tuple[int, str, str, str]:
        """The entry as the index stores it."""
        return self.id, index_text(self.title), index_text(" ".join(self.tags)), index_text(self.text)


@dataclass(frozen=True, slots=True)
class Hit:
    """An owner's id and its score, 0 to 1, rounded to 4 places."""

    id: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """A page of hits, best first.

    Attributes:
        total: how many match in all.
        mode: how they were found: ``lexical``, or ``listing`` when there was no query.
    """

    hits: list[Hit]
    total: int
    mode: str


async def add(tx: Transaction, kind: str, entries: Iterable[Entry]) -> None:
    """Index `entries` in the transaction that stores their owners."""
    await storage.add(tx, kind, [entry.analysed() for entry in entries])


async def remove(tx: Transaction, kind: str, entries: Iterable[Entry]) -> None:
    """Take `entries` out again; they must be given as they were added."""
    await storage.remove(tx, kind, [entry.analysed() for entry in entries])


async def search(
    tx: Transaction,
    kind: str,
    query: str,
    *,
    project_id: str,
    conditions: Sequence[Condition] = (),
    every_term: bool = False,
    min_score: float = 0.0,
    per_group: int = 1,
    limit: int,
    offset: int = 0,
) -> Ranking:
    """Find what matches `query` inside a project; a blank query lists the newest.

    Args:
        kind: one of `SOURCES`.
        conditions: filters on the owners, applied before the cut.
        every_term: every term must occur, as a word or as its beginning; otherwise any may.
        min_score: leave out what scores less.
        per_group: how many hits of one group (the chunks of a resource) may appear.
    """
    conditions = [Condition(f"{SOURCES[kind].project} = ?", [project_id]), *conditions]
    terms = query_terms(query)
    if not query.strip():
        rows = await storage.newest(tx, kind, conditions, per_group=per_group, limit=limit, offset=offset)
        mode = "listing"
    elif not terms:
        rows, mode = [], "lexical"
    else:
        rows = await storage.match(
            tx,
            kind,
            _expression(terms, every_term=every_term),
            conditions,
            weights=COLUMN_WEIGHTS,
            half_score=HALF_SCORE,
            min_score=min_score,
            per_group=per_group,
            limit=limit,
            offset=offset,
        )
        mode = "lexical"
    total = rows[0]["total"] if rows else 0
    return Ranking([Hit(row["id"], row["score"]) for row in rows], total, mode)


def matches(kind: str, query: str) -> Condition:
    """The condition that an owner of `kind` holds every term of `query`."""
    return storage.matching(kind, _expression(query_terms(query) or [""], every_term=True))


def _expression(terms: Sequence[str], *, every_term: bool) -> str:
    # Quoted, so that no query text can be a syntax error.
    quoted = [f'"{term}"' + (" *" if every_term else "") for term in terms]
    return (" AND " if every_term else " OR ").join(quoted)
