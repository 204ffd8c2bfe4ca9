"""One score from lexical, semantic and neighbour evidence.

Each part is scaled to its best candidate, so that no distribution need be known:

    direct = bm25 / best bm25 + W * (cosine - mean) / (best cosine - mean)
    score  = direct + 0.5 * direct(adjacent, both sides) + 0.3 * direct(two away, both sides)

and the final score is divided by the largest, so it lies in 0..1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PROSE_SEMANTIC = 0.4
"""W for prose. LoCoMo development half, recall@10: 0.2 0.777, 0.3 0.779, 0.4 0.783, 0.6 0.783."""

CODE_SEMANTIC = 1.0
"""W for code. CoSQA development set, MRR (constant prompt / first line as prompt): 1.0 0.452/0.453,
1.2 0.449/0.454, 1.4 0.445/0.448, 1.7 0.443/0.448."""

NEIGHBOUR_WEIGHTS = (0.5, 0.3)
"""The weight of a neighbour by its distance. LoCoMo recall@10: none 0.63, (0.45) 0.743, (0.5, 0.3) 0.766,
(0.5, 0.3, 0.2) 0.75; earlier and later turns weighed apart: no gain."""

TIME_WEIGHT = 0.4
"""Of a date in the query against the time of an entry. LoCoMo recall@10: 0 0.775, 0.4 0.779, 0.8 0.784."""

RELATED = 0.35
"""The least cosine, less the mean, at which an entry without any term of the query is a hit. Best of 550 chat
turns for a question on code: 0.34 at the 99.9th percentile; "car" and "automobile": 0.77."""

RELATED_ALONE = 0.1
"""The same where meaning alone is asked for; LoCoMo evidence turns: 0.16 at the median."""

SPREAD = 0.1
"""The least difference between the best cosine and the mean: below it the cosines say nothing."""

CARRIED = frozenset({"message"})
"""Kinds in which a neighbour of a hit is a hit too: the next turn often holds the answer."""

UNREPEATED = frozenset({"message", "chunk"})
"""Kinds whose near-identical entries go behind their like; a repeated code attempt says so itself."""

PHRASE = 1.0
"""The lead of an entry that holds a quoted phrase as it stands, against the best lexical score."""

SAME_TERMS, REPEATED = 0.9, 0.5
"""An entry that has this share of its terms in common with a better one says the same; its score is multiplied
by the second number."""


@dataclass(slots=True)
class Evidence:
    """The parts of a candidate's score."""

    lexical: float = 0.0
    semantic: float = 0.0
    neighbours: float = 0.0
    time: float = 0.0

    @property
    def total(self) -> float:
        """Their sum."""
        return self.lexical + self.semantic + self.neighbours + self.time

    def scaled(self, scale: float) -> dict[str, float]:
        """Return the parts, each times `scale`, rounded to 4 places."""
        return {
            "lexical": round(self.lexical * scale, 4),
            "semantic": round(self.semantic * scale, 4),
            "neighbours": round(self.neighbours * scale, 4),
            "time": round(self.time * scale, 4),
        }


def with_neighbours(
    direct: Mapping[int, float], neighbours: Mapping[int, Sequence[tuple[int, int]]]
) -> dict[int, float]:
    """Return each entry's direct score with its share of those of its neighbours, given as (seq, distance)."""
    weights = (0.0, *NEIGHBOUR_WEIGHTS)
    totals = dict(direct)
    for seq, near in neighbours.items():
        if seq in totals:
            totals[seq] += sum([weights[distance] * direct[n] for n, distance in near if n in direct])
    return totals
