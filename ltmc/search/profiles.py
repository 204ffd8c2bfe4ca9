"""How the fields of an entry are weighed, and the impacts of its terms: their BM25 weights, stored with it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ltmc.search import analysis, fusion

LEVELS = 64
"""How many steps an impact has."""

K1 = 1.2
"""BM25's k1."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How the fields of one kind are weighed.

    Attributes:
        lexical: the weight of a field in BM25.
        semantic: the weight of a field in the vector.
        b: BM25's b.
        average_length: BM25's average length, fixed so that an entry's impacts never change.
        semantic_weight: of the cosine, see `ltmc.search.fusion`.
        code: names are cut into words for the vector, and a term counts once a field.
        beginnings: words are indexed as they stand too, beside their stems.
    """

    lexical: Mapping[str, float]
    semantic: Mapping[str, int]
    b: float
    average_length: float
    semantic_weight: float
    code: bool = False
    beginnings: bool = False


PROSE = Profile(
    {"title": 2, "text": 1, "context": 1},
    {"title": 1, "text": 1, "speaker": 1},
    0.3,
    40,
    fusion.PROSE_SEMANTIC,
)
"""b and the average length matter little: chat 0.2..0.5 and 30..60 terms within 0.01 of recall@10."""

CODE = Profile(
    {"name": 3, "doc": 2, "details": 1, "text": 1, "context": 1},
    {"name": 2, "doc": 2, "text": 1},
    0.75,
    60,
    fusion.CODE_SEMANTIC,
    code=True,
)
"""CoSQA MRR by weights of name, doc, body: in the vector 1:1:1 0.442, 2:2:1 0.457, 3:2:1 0.453; in BM25 alone
1:1:1 0.334, 3:2:1 0.354."""

TODO_PROFILE = replace(PROSE, beginnings=True)
"""A todo is also found by the beginnings of its words, which stemming would cut off."""


def impacts(profile: Profile, fields: Mapping[str, str]) -> dict[str, int]:
    """Return the BM25F weight of each term of an entry, in ``LEVELS`` steps."""
    frequency: dict[str, float] = {}
    length = 0.0
    for name, weight in profile.lexical.items():
        text = fields.get(name)
        if text:
            # In a field of code a term counts once: names repeat by syntax.
            counts = Counter(analysis.terms(text))
            if profile.beginnings:
                counts.update({word for word in analysis.words(text) if word not in counts})
            for term, count in counts.items():
                gain = weight if profile.code else weight * count
                frequency[term] = frequency.get(term, 0.0) + gain
                length += gain
    damping = K1 * (1 - profile.b + profile.b * length / profile.average_length)
    top = LEVELS - 1
    return {term: max(1, round(top * value / (value + damping))) for term, value in frequency.items()}


def pack_impacts(impacts: Mapping[str, int]) -> str:
    """Return impacts as `` term=L term=L``: L is the level as a character from "0" on."""
    return "".join(f" {term}={chr(48 + level)}" for term, level in impacts.items())


def bm25(impacts: str, keys: Sequence[tuple[str, float]]) -> float:
    """Return the sum of weight * impact over (`` term=``, weight) pairs."""
    total = 0.0
    for key, weight in keys:
        at = impacts.find(key)
        if at >= 0:
            total += weight * (ord(impacts[at + len(key)]) - 48)
    return total


def level(impacts: str, *starts: str) -> int:
    """Return the level of the first term found: each of `starts` as a whole term, then as a beginning; else 0."""
    for key in [*(f" {start}=" for start in starts), *(f" {start}" for start in starts)]:
        at = impacts.find(key)
        if at >= 0:
            return ord(impacts[impacts.index("=", at) + 1]) - 48
    return 0
