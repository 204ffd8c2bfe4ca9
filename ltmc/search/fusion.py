"""One score from lexical, semantic and neighbour evidence.

Each part is scaled to its best candidate, so that no distribution need be known:

    own   = bm25 / best bm25 + W * (cosine - mean) / (best cosine - mean)
    score = own + 0.5 * own(adjacent, both sides) + 0.3 * own(two away, both sides)

and the final score is divided by the largest, so it lies in 0..1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# LoCoMo development half, recall@10: W 0.2 0.777, 0.3 0.779, 0.4 0.783, 0.6 0.783.
PROSE_SEMANTIC = 0.4
# CoSQA development set, MRR (constant prompt / first line as prompt): W 1.0 0.452/0.453,
# 1.2 0.449/0.454, 1.4 0.445/0.448, 1.7 0.443/0.448.
CODE_SEMANTIC = 1.0
# Weight of a neighbour by its distance.  LoCoMo recall@10: none 0.63, (0.45) 0.743,
# (0.5, 0.3) 0.766, (0.5, 0.3, 0.2) 0.75; earlier and later turns weighed apart: no gain.
NEIGHBOUR_WEIGHTS = (0.5, 0.3)
# A date in the query against the time of a row.  LoCoMo recall@10: 0 0.775, 0.4 0.779, 0.8 0.784.
TIME_WEIGHT = 0.4


# The least cosine, less the mean, at which an entry without any term of the query is a hit. Best of 550 chat
# turns for a question on code: 0.34 at the 99.9th percentile; "car" and "automobile": 0.77.
RELATED = 0.35
# Where meaning alone is asked for; LoCoMo evidence turns: 0.16 at the median.
RELATED_ALONE = 0.1
# The least difference between the best cosine and the mean: below it the cosines say nothing.
SPREAD = 0.1
# Kinds in which an entry beside a hit is a hit too: the next turn often holds the answer.
CARRIED = frozenset({"message"})
# Kinds whose near-identical entries go behind their like; a repeated code attempt says so itself.
UNREPEATED = frozenset({"message", "chunk"})
# A quoted phrase that an entry holds as it stands, against the best lexical score.
PHRASE = 1.0
# An entry with this share of its terms in common with a better one says the same, and its score is lowered.
SAME_TERMS = 0.9
REPEATED = 0.5


@dataclass(slots=True)
class Evidence:
    """What is known of one candidate."""

    lexical: float = 0.0
    semantic: float = 0.0
    neighbours: float = 0.0
    time: float = 0.0

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return self.lexical + self.semantic + self.neighbours + self.time

    def scaled(self, scale: float) -> dict[str, float]:
        """Return the parts, each times `scale`."""
        return {
            "lexical": round(self.lexical * scale, 4),
            "semantic": round(self.semantic * scale, 4),
            "neighbours": round(self.neighbours * scale, 4),
            "time": round(self.time * scale, 4),
        }


def with_neighbours(
    owns: Mapping[int, float], around: Mapping[int, Sequence[tuple[int, int]]]
) -> dict[int, float]:
    """Each row's own score and its share of its neighbours' (row, distance) scores."""
    weights = (0.0, *NEIGHBOUR_WEIGHTS)
    totals = dict(owns)
    for row, beside in around.items():
        if row in totals:
            totals[row] += sum([weights[d] * owns[n] for n, d in beside if n in owns])
    return totals
