"""Cutting a text into chunks at its structure, losing nothing."""

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import NamedTuple

from ltmc.search.token_count import pieces

CHUNK_TOKENS, OVERLAP_TOKENS = 128, 16
"""The size of a chunk at most, and about how much of it the next chunk repeats."""

_BOUNDARIES = (
    re.compile(
        r"^(?=#{1,6} |(?:async )?def |class |(?:export |pub )?(?:function|fn|func|struct|impl) )", re.M
    ),
    re.compile(r"\n[ \t]*\n+"),
    re.compile(r"\n"),
    re.compile(r"[.!?。！？](?:\s+|(?<=[。！？]))"),
    re.compile(r"\s+"),
)
"""Where a text may be cut, best first: headings and definitions, blank lines, lines, sentences, words."""


class TextChunk(NamedTuple):
    """``content[start:end]`` of the chunked text.

    Attributes:
        start, end: character offsets.
        tokens: as `count_tokens` counts them.
    """

    start: int
    end: int
    text: str
    tokens: int


def chunk(text: str, size: int = CHUNK_TOKENS, overlap: int = OVERLAP_TOKENS) -> list[TextChunk]:
    """Cut `text` into chunks of at most `size` tokens that overlap by about `overlap` and cover all of it.

    A cut is made at the best boundary in the second half of what fits; text without any boundary is cut
    between tokens.
    """
    spans = list(pieces(text))
    if not spans:
        return [TextChunk(0, len(text), text, 0)] if text else []
    starts = [start for start, _, _ in spans]
    totals = [0, *accumulate(tokens for _, _, tokens in spans)]
    boundaries = [[match.end() for match in pattern.finditer(text)] for pattern in _BOUNDARIES]
    chunks: list[TextChunk] = []
    first = start = 0
    while True:
        last = max(first + 1, bisect_right(totals, totals[first] + size) - 1)
        if last >= len(spans):
            chunks.append(TextChunk(start, len(text), text[start:], totals[-1] - totals[first]))
            return chunks
        middle = bisect_left(totals, (totals[first] + totals[last]) // 2)
        end = _last(boundaries, starts[min(max(middle, first + 1), last)], starts[last])
        behind = bisect_left(starts, end)
        chunks.append(TextChunk(start, end, text[start:end], totals[behind] - totals[first]))
        back = bisect_left(totals, totals[behind] - overlap)
        start = _first(boundaries, starts[back], end) if back > first else end
        first = bisect_left(starts, start)


def _last(boundaries: list[list[int]], low: int, high: int) -> int:
    """Return the last place of the best kind in ``[low, high]``; `high` where there is none."""
    for places in boundaries:
        index = bisect_right(places, high) - 1
        if index >= 0 and places[index] >= low:
            return places[index]
    return high


def _first(boundaries: list[list[int]], low: int, high: int) -> int:
    """Return the first place of the best kind in ``[low, high)``; `high` where there is none."""
    for places in boundaries:
        index = bisect_left(places, low)
        if index < len(places) and places[index] < high:
            return places[index]
    return high
