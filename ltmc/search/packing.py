"""Fitting texts into a budget of tokens."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ltmc.search.token_count import count_tokens, pieces

SEPARATOR, CUT_MARK = "\n\n", " [cut]"
"""What stands between two passages, and after one that was cut."""

_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]|\n")


class Passage(NamedTuple):
    """A text to pack.

    Attributes:
        key: what the caller knows it by.
        score: the best are packed first.
    """

    key: str
    content: str
    title: str = ""
    score: float = 0.0

    def rendered(self) -> str:
        """Return the text with its title as a heading."""
        return f"## {self.title}\n{self.content}" if self.title else self.content


class Packed(NamedTuple):
    """A context of at most the tokens asked for, and what became of each passage (by its key)."""

    text: str
    tokens: int
    included: list[str]
    truncated: list[str]
    omitted: list[str]


def pack(passages: Sequence[Passage], max_tokens: int) -> Packed:
    """Put passages into a budget, the best first, ties in the order given.

    What fits is taken whole. The first that does not is cut at the end of a sentence, with `CUT_MARK`
    behind it; after that only passages that fit are taken.
    """
    texts: list[str] = []
    included: list[str] = []
    truncated: list[str] = []
    omitted: list[str] = []
    left = max_tokens
    for passage in sorted(passages, key=lambda passage: -passage.score):
        text = passage.rendered()
        tokens = count_tokens(text)
        if tokens > left and not truncated and (cut := _cut(passage, left)):
            truncated.append(passage.key)
            text, tokens = cut, count_tokens(cut)
        if tokens > left:
            omitted.append(passage.key)
            continue
        included.append(passage.key)
        texts.append(text)
        left -= tokens  # separators are white space and count nothing
    return Packed(SEPARATOR.join(texts), max_tokens - left, included, truncated, omitted)


def _cut(passage: Passage, max_tokens: int) -> str:
    """Return as many whole sentences as fit, at least one; '' where none does."""
    text = passage.rendered()
    heading = len(text) - len(passage.content)
    left, end = max_tokens - count_tokens(CUT_MARK), 0
    for _, stop, tokens in pieces(text):
        left -= tokens
        if left < 0:
            break
        end = stop
    ends = [match.end() for match in _SENTENCE_END.finditer(text, heading, end + 1) if match.end() <= end]
    return text[: ends[-1]].rstrip() + CUT_MARK if ends else ""
