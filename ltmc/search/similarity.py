"""How alike two texts are."""

import math
from collections import Counter

from ltmc.search.analysis import STOP_WORDS, terms

TermWeights = dict[str, float]


def term_weights(text: str) -> TermWeights:
    """A unit vector of the text's terms, each weighted 1 + ln(count), stop words left out."""
    counts = Counter(term for term in terms(text) if term not in STOP_WORDS)
    weights = {term: 1 + math.log(count) for term, count in counts.items()}
    norm = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {term: weight / norm for term, weight in weights.items()} if norm else {}


def cosine(left: TermWeights, right: TermWeights) -> float:
    """The cosine of two unit vectors of terms, 0 to 1."""
    if len(right) < len(left):
        left, right = right, left
    return min(1.0, sum(weight * right.get(term, 0.0) for term, weight in left.items()))
