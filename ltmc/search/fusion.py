"""One score from lexical, semantic and neighbour evidence.

Each part is scaled to its best candidate, so that no distribution need be known:

    direct = (bm25 / best) ** 2 + W * (cosine - mean) / (best cosine - mean)
    score  = direct + the direct scores of the turns beside, each times its weight

where best is the best bm25, or a share (the profile's floor) of what a text with every word of the query would get, if
that is more: so a weak word alone is no full match. A score is shown as a share of the best one's, times a measure of
how well that fits. The profile of a kind (`ltmc.search.profiles`) has W and the floor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

LEXICAL_POWER = 2
"""Of the share of the best bm25: part of a query's words says little. Development notes, recall@5: 1 .742, 1.5 .748,
2 .754; LoCoMo recall@10: 1.2 .816, 1.5 .819, 2 .819."""

NEIGHBOUR_WEIGHTS = (0.3, 0.15)
"""The weight of a neighbour by its distance."""

AFTER_QUESTION = 0.7
"""The weight of a question in the turn that follows it, which often holds the answer. LoCoMo recall@10 with .5 and .3
for every turn .797, with these and `USUAL_TURN` .811."""

USUAL_TURN = 60
"""Words; a turn that has more gets less from its neighbours: it says itself what it is about."""

TIME_WEIGHT = 0.4
"""Of a date in the query against the time of an entry. LoCoMo recall@10: 0 0.775, 0.4 0.779, 0.8 0.784."""

SPREAD = 0.1
"""The least difference between the best cosine and the mean: below it the cosines say nothing."""

UNREPEATED = frozenset({"message", "chunk"})
"""Kinds whose near-identical entries go behind their like; a repeated code attempt says so itself."""

PHRASE = 1.0
"""The lead of an entry that holds a quoted phrase as it stands, against the best lexical score."""

SAME_TERMS, REPEATED = 0.9, 0.5
"""An entry that has this share of its terms in common with a better one says the same; its score is multiplied
by the second number."""

WORDS_CONFIDENCE, GAP_CONFIDENCE, RUNNERS_UP = 0.3, 1.5, 5
"""Confidence is the cosine of the best hit, plus these times the share of the query's weight that its words have and
the lead of the best cosine over the mean of the next few. Development notes: at `CONFIDENT` 107 of 300 questions with
an answer and 1 of 20 without are sure. No sum of these, of whether words and meaning agree on the best, and of its lead
by words made more than 131 sure at 2 without."""

CONFIDENT = 0.7
"""Below this confidence an answer is marked as weak: the nearest there is, perhaps not what was asked for."""


class Turn(Protocol):
    """What `with_neighbours` looks at; see `ltmc.search.candidates.Candidate`."""

    asks: bool
    words: int


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
    direct: Mapping[int, float],
    neighbours: Mapping[int, Sequence[tuple[int, int]]],
    turns: Mapping[int, Turn],
) -> dict[int, float]:
    """Return each entry's direct score with its share of those of its neighbours.

    Args:
        neighbours: of each entry (seq, offset), how far each is: -1 for the turn before, 2 for the second behind.
    """
    totals = dict(direct)
    for seq, near in neighbours.items():
        if seq not in totals:
            continue
        value = 0.0
        for other, offset in near:
            if other in direct:
                after_question = offset == -1 and turns[other].asks
                weight = AFTER_QUESTION if after_question else NEIGHBOUR_WEIGHTS[abs(offset) - 1]
                value += weight * direct[other]
        totals[seq] += value * min(1.0, USUAL_TURN / max(1, turns[seq].words))
    return totals
