"""Things whose text is like a given text."""

from collections.abc import Awaitable, Callable

from ltmc.search import index
from ltmc.search.kinds import Kind
from ltmc.search.requests import Mode
from ltmc.search.vectors import cosine
from ltmc.storage.engine import Transaction
from ltmc.storage.sources import R

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

    The index finds the candidates. Its vectors weigh the parts of an entry, a title say, so the texts
    themselves are encoded to be compared.

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
    rated = [
        (row, round(cosine(own, encode(await text_of(row))), 4))
        for row, _ in await index.load_rows(tx, kind, ranking.hits)
    ]
    return sorted((pair for pair in rated if pair[1] >= least), key=lambda pair: -pair[1])
