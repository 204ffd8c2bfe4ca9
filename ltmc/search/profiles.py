"""How the fields of an entry are weighed, and the impacts of its terms: their BM25 weights, stored with it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ltmc.search import analysis

LEVELS = 64
"""How many steps an impact has."""

K1 = 1.2
"""BM25's k1."""


class Profile(NamedTuple):
    """How the fields of one kind are weighed.

    Attributes:
        lexical: the weight of a field in BM25.
        b: BM25's b.
        average_length: BM25's average length, fixed so that an entry's impacts never change.
        semantic_weight: of the cosine, see `ltmc.search.fusion`.
        floor: the least share of the query's whole weight that counts as a full match by words.
        code: a term counts once a field, and short forms find their long ones.
        neighbours: what stands beside an entry in its group counts too.
        beginnings: words are indexed as they stand too, beside their stems.
    """

    lexical: Mapping[str, float]
    b: float
    average_length: float
    semantic_weight: float
    floor: float
    code: bool = False
    neighbours: bool = False
    beginnings: bool = False


PROSE = Profile({"title": 2, "text": 1, "context": 1}, 0.75, 150, semantic_weight=0.7, floor=0.5)
"""Notes and documents. Development notes, recall@1 and @5 of 300 questions, by weight of the meaning: 0.4 .51 .70,
0.7 .53 .75, 1 .53 .74; by floor: 0 .44 .57, 0.5 .53 .75, 0.75 .53 .74. b and the usual length matter little (±.01)."""

CHAT = Profile({"text": 1, "context": 1}, 0.3, 40, semantic_weight=0.5, floor=0.0, neighbours=True)
"""Turns of a conversation. LoCoMo recall@10 by weight of the meaning: 0.4 .820, 0.5 .819, 0.6 .812; by floor: 0 .819,
0.25 .812, 0.5 .76: a question names few of the words of its answer's turn."""

CODE = Profile(
    {"name": 3, "doc": 2, "details": 1, "text": 1, "context": 1},
    0.75,
    60,
    semantic_weight=3.0,
    floor=0.75,
    code=True,
)
"""CoSQA MRR by weight of the meaning: 1 .520, 2 .545, 3 .549; of the fields in BM25 alone: 1:1:1 .334, 3:2:1 .354."""

TODO_PROFILE = PROSE._replace(beginnings=True)
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


QUESTION, LENGTH = "?", "#"
"""Marks kept among the impacts of a turn: that it asks something, and how long it is. No term is spelled so."""

LENGTH_STEP = 4
"""Words a level of `LENGTH`."""


def marks(text: str) -> dict[str, int]:
    """Return the marks of a turn of a conversation."""
    length = {LENGTH: max(1, min(LEVELS - 1, len(text.split()) // LENGTH_STEP))}
    return {**length, QUESTION: 1} if "?" in text else length


def pack_impacts(impacts: Mapping[str, int]) -> str:
    """Return impacts as `` term=L term=L``: L is the level as a character from "0" on."""
    return "".join(f" {term}={chr(48 + level)}" for term, level in impacts.items())


def idf(entries: int, document_frequency: float) -> float:
    """Return BM25's weight of a term, never below a small positive number."""
    if document_frequency >= entries:
        return 0.01
    return max(0.01, math.log((entries - document_frequency + 0.5) / (document_frequency + 0.5)))


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
