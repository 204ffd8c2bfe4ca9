"""Fitting texts into a budget of tokens, and quoting the sentences that answer a query."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ltmc.search.analysis import query_terms, terms
from ltmc.search.token_count import count_tokens, pieces

SEPARATOR, CUT_MARK = "\n\n", " [cut]"
"""What stands between two passages, and after one that was cut."""

_SENTENCE = re.compile(r"[^\n]*?(?:[.!?](?=\s|$)|[。！？]|(?=\n)|$)", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]|\n")


@dataclass(frozen=True, slots=True)
class Passage:
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


@dataclass(frozen=True, slots=True)
class Packed:
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


def sentences(text: str) -> list[str]:
    """Return the sentences and lines of `text` that are not blank."""
    return [found for match in _SENTENCE.finditer(text) if (found := match.group().strip())]


def best_sentences(query: str, texts: Sequence[tuple[str, float]], limit: int) -> list[tuple[int, str]]:
    """Return the sentences that say most about the query, as (index of the text, sentence).

    A sentence scores the sum, over the query's terms that it holds, of ln(1 + n / df), where df counts
    the n sentences that hold the term, times 1 + its text's weight, over the root of its length in terms
    (a long sentence holds many terms by chance). None is returned that holds no term.

    Args:
        texts: each with its weight, 0 to 1.
    """
    wanted = set(query_terms(query))
    found = [
        (index, sentence, set(terms(sentence)))
        for index, (text, _) in enumerate(texts)
        for sentence in sentences(text)
    ]
    frequency = Counter(term for _, _, words in found for term in words & wanted)
    rated: dict[str, tuple[float, int]] = {}
    for index, sentence, words in found:
        weight = sum(math.log(1 + len(found) / frequency[term]) for term in words & wanted)
        score = weight * (1 + texts[index][1]) / math.sqrt(8 + len(words))
        if score > rated.get(sentence, (0.0, 0))[0]:
            rated[sentence] = (score, index)
    ordered = sorted(rated.items(), key=lambda item: -item[1][0])
    return [(index, sentence) for sentence, (_, index) in ordered[:limit]]
