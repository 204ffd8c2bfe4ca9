"""The part of a long text that answers a query."""

from typing import TypedDict

from ltmc.search.analysis import query_terms, terms
from ltmc.search.chunking import chunk

WHOLE = 600
"""A text of so many characters is shown as it is."""

PASSAGE_TOKENS, OVERLAP_TOKENS = 100, 16
"""The size of a passage, about 400 characters, and how much of it the next one repeats."""

LOOKED_THROUGH = 20_000
"""So many characters of a text are looked through: a search may find fifty logs."""


class Passage(TypedDict):
    """A part of a text: where it begins, and how long the whole text is, in characters."""

    content: str
    truncated: bool
    offset: int
    characters: int


def passage(text: str, query: str) -> Passage:
    """Return the part of a text that has most words of a query; its beginning where none has any."""
    wanted = set(query_terms(query))
    parts = chunk(text[:LOOKED_THROUGH], PASSAGE_TOKENS, OVERLAP_TOKENS)
    best = max(parts, key=lambda part: len(wanted.intersection(terms(part.text))))
    return {"content": best.text, "truncated": True, "offset": best.start, "characters": len(text)}
