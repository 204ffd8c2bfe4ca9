"""Things whose text is like a given text."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from ltmc.search import index
from ltmc.search.kinds import Kind
from ltmc.search.requests import Mode
from ltmc.search.vectors import cosine
from ltmc.storage.engine import Transaction
from ltmc.storage.sources import R
from ltmc.storage.sqlite import search_index as storage

SEARCHED_CHARACTERS = 2_000
"""How many characters of the text are searched for."""


async def similar(
    tx: Transaction,
    kind: Kind[R],
    text: str,
    *,
    project_id: str,
    text_of: Callable[[R], Awaitable[str]],
    least: float,
    candidates: int,
    mode: Mode = "hybrid",
    per_group: int = 0,
) -> list[tuple[R, float]]:
    """Return rows of a kind with the cosine of their text and `text`, 0 to 1, the most alike first.

    The index finds the candidates. Its vectors weigh the parts of an entry and may be of a part of the text
    alone, a chunk say: they are compared where they are those of the whole text, else the text is encoded.

    Args:
        text_of: gives the text of a row.
        least: leave out what is less alike.
        candidates: how many are compared.
    """
    query = text[:SEARCHED_CHARACTERS]
    ranking = await index.search(
        tx, kind, query, project_id=project_id, mode=mode, per_group=per_group, limit=candidates
    )
    encode = index.model().encode
    own = encode(text)
    stored = await tx.call(lambda cursor: _vectors(cursor, kind, [hit.id for hit in ranking.hits]))
    rated: list[tuple[R, float]] = []
    for row, _ in await index.load_rows(tx, kind, ranking.hits):
        other = await text_of(row)
        same = row.id in stored and _indexed_text(kind, row) == other.split()
        rated.append((row, round(cosine(own, stored[row.id] if same else encode(other)), 4)))
    return sorted((pair for pair in rated if pair[1] >= least), key=lambda pair: -pair[1])


def _vectors(cursor: sqlite3.Cursor, kind: Kind[Any], owner_ids: list[int]) -> dict[int, bytes]:
    """Return the vectors in the index by owner id; none when another version made it."""
    if storage.state(cursor).identity != index.identity():
        return {}
    return storage.owner_vectors(cursor, kind.name, owner_ids)


def _indexed_text(kind: Kind[R], row: R) -> list[str] | None:
    """Return the words whose vector the index holds; None where some of them weigh more than others."""
    weights = kind.profile.semantic
    if kind.profile.code or set(weights.values()) != {1}:
        return None
    fields = kind.entry(row).fields
    return " ".join(fields.get(name, "") for name in weights).split()
