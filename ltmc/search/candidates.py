"""The candidates of a search and their exact scores.

Candidates come from two sides. Lexical: the posting lists of the query's terms, rarest first, until
`POSTINGS` rows have been read; common terms are left to the exact scoring of candidates. Semantic: the
nearest sign codes. Candidates are then scored exactly from their term weights and vectors; in a scope of
up to `resident_index.SMALL_SCOPE_ENTRIES` entries every vector is.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ltmc.search import analysis
from ltmc.search.profiles import K1, LENGTH, LENGTH_STEP, LEVELS, QUESTION, bm25, idf, level
from ltmc.search.requests import Request
from ltmc.search.resident_index import KeptScope, ResidentIndex
from ltmc.search.vectors import cosines
from ltmc.storage import index_entries
from ltmc.storage.search_index import SearchIndex

POSTINGS = 20_000
"""Rows read from posting lists for one query: about 6 ms."""

LEXICAL_CANDIDATES = 400
"""Entries with the highest sums of term weights that become candidates."""

SEMANTIC_SHARE, SEMANTIC_LEAST, SEMANTIC_MOST = 4, 250, 1_000
"""Nearest codes to score exactly: a share of the entries, within bounds. At 9,000 entries, queries that
keep their exact semantic top 10: 2,000 codes 0.99, 1,000 0.94, 400 0.76. In hybrid mode a third will do:
100 of 100."""

RESCORED = 200
"""The nearest of those, whose lexical score is looked up too."""

WHOLE = 10_000
"""In a scope of up to this many entries a search can be followed to its last hit; in a larger one as far as its
candidates."""

SMALL_SET = 5_000
"""A filter that leaves no more entries than this is applied before candidates are looked for."""

SYNONYM_WEIGHT = 0.6
"""Of the long form of a short form in a query for code (or the reverse). CoSQA MRR +0.006 at 0.6."""

_NUMBER = re.compile(r"[a-z]{1,8}[0-9]{3,12}")
"""A term that is the number of an error, a ticket or a part."""


@dataclass(slots=True)
class Candidate:
    """An entry with its exact scores; both are 0 where they were not asked for.

    Attributes:
        asks, words: of a turn of a conversation: whether it asks something, and about how long it is.
    """

    owner_id: int
    group: int | None
    bm25: float
    cosine: float
    asks: bool = False
    words: int = 0


Candidates = Mapping[int, Candidate]
"""Candidates by seq."""


class CandidateFinder:
    """The candidates of one request in a scope that is not empty, inside one snapshot of the database.

    Attributes:
        scope: the kind in the project.
        small: the same as a whole, if it is small.
        mean: the mean cosine of the query with what is there; that of what is not embedded yet counts as such.
        full_weight: the weight of the query's terms together, without synonyms.
        asks_for_unknown: whether the query has a number as things are named by, such as E5210, that is nowhere here.
    """

    def __init__(self, stored: SearchIndex, resident: ResidentIndex, request: Request) -> None:
        self._stored, self._resident, self._request = stored, resident, request
        self._profile = request.kind.profile
        self._name = index_entries.scope_name(request.kind.name, request.project_id)
        self.scope = resident.scopes[self._name]
        self.small = resident.small_scope(stored, self._name)
        self.mean = resident.mean_cosine(stored, self.scope, request.vector) if request.vector else 0.0
        self.full_weight, self.asks_for_unknown = 0.0, False
        self._term_weights: dict[str, float] = {}
        self._cosines: dict[int, float] = {}
        self._allowed: set[int] | None = None  # the entries that the filter leaves, when they are few
        self._outdated: set[int] = set()
        if request.moment is not None:
            self._outdated = stored.outdated(
                request.kind.source, request.project_id, request.moment, request.projects
            )
        self._lexical: dict[int, float] = {}  # those that hold a term of the query, as far as they were read
        self._all_lexical = False

    def find(self) -> dict[int, Candidate]:
        """Find the candidates and score them. They do not depend on how many hits are wanted."""
        request = self._request
        if request.where:
            self._allowed = self._stored.permitted_if_few(
                request.kind.source, request.project_id, request.where, SMALL_SET
            )
        if self._allowed is not None:
            self._allowed -= self._outdated
        lexical: dict[int, float] = {}
        complete = True
        if request.mode != "semantic":
            lexical, complete = self._read_postings()
            if self._allowed is not None:
                lexical = {seq: value for seq, value in lexical.items() if seq in self._allowed}
        seqs = dict.fromkeys(self._passing(LEXICAL_CANDIDATES, lambda n: _best(lexical, n), len(lexical)))
        if request.mode != "lexical":
            seqs |= dict.fromkeys(self._nearest())
        self._lexical, self._all_lexical = lexical, complete
        return self.fetch(list(seqs))

    def matching(self) -> int | None:
        """Count the entries that hold a term of the query; None where not all were read."""
        return len(self.permitted(self._lexical)) if self._all_lexical else None

    def leaves_out(self, candidates: Candidates) -> bool:
        """Return whether there is more that can be a hit than the candidates."""
        lexical = self._request.mode == "lexical"
        return len(candidates) < (len(self._lexical) if lexical else self.scope.size)

    def everything(self) -> dict[int, Candidate]:
        """Score all that can be a hit, in a scope of up to `WHOLE` entries; of a larger one nothing more."""
        scope = self.scope
        if scope.size > WHOLE or not isinstance(scope, KeptScope):
            return {}
        seqs = self._lexical if self._request.mode == "lexical" else scope.codes.ids
        return self.fetch(list(self.permitted(seqs)))

    def _read_postings(self) -> tuple[dict[int, float], bool]:
        """Return entries by the sum of the weights of the terms they hold, and whether these are all."""
        resident, stored, scope = self._resident, self._stored, self.scope
        size, everything = scope.size, max(1, resident.watermark)
        share = size / everything
        weighed: list[tuple[int, str, float]] = []  # document frequency in the whole index, term, weight
        for term in analysis.query_terms(self._request.query):
            forms = {term: 1.0}
            if self._profile.code:
                forms |= dict.fromkeys(analysis.SYNONYMS.get(term, ()), SYNONYM_WEIGHT)
            for form, weight in forms.items():
                df = 1
                if everything > POSTINGS:
                    df = resident.document_frequency(stored, index_entries.quote(form), POSTINGS // 4)
                weighed.append((df, form, weight))
        scores: dict[int, float] = {}
        absent: list[str] = []
        left, complete = POSTINGS, True
        for df, term, part in sorted(weighed):
            if not df:
                absent.append(term)
                self.full_weight += part * idf(size, 0) if part == 1.0 else 0.0
                continue
            if left < min(df, size) and scores:
                complete = False
                # Too common to read: it counts only in the candidates' exact scores.
                weight = part * idf(size, max(1, df * share))
            else:
                # Reading all scopes costs a row each; the scope's own term costs its own list.
                kept = isinstance(scope, KeptScope)
                inside = not kept or (share < 0.5 and df > size // 20)
                match = (
                    f"{index_entries.quote(index_entries.scope_term(self._name))} AND {index_entries.quote(term)}"
                    if inside
                    else index_entries.quote(term)
                )
                found = stored.postings(match, left)
                if not inside and isinstance(scope, KeptScope):
                    found = scope.inside(found)
                left -= len(found)
                if not found:
                    absent.append(term)
                weight = part * idf(size, len(found) if df <= POSTINGS else max(1, df * share))
                for seq in found:
                    scores[seq] = scores.get(seq, 0.0) + weight
            self._term_weights[term] = max(self._term_weights.get(term, 0), weight)
            self.full_weight += weight if part == 1.0 else 0.0
        self.asks_for_unknown = any(map(_NUMBER.fullmatch, absent))
        return scores, complete

    def _nearest(self) -> list[int]:
        """Return the semantic candidates; their cosines are kept."""
        request, scope = self._request, self.scope
        if self.small is not None:
            self._cosines = self.small.cosines(request.vector)
            permitted = self.permitted(self._cosines)
            return _best({seq: value for seq, value in self._cosines.items() if seq in permitted}, RESCORED)
        if self._allowed is not None:
            candidates = list(self._allowed)
        else:
            size = scope.size
            number = max(SEMANTIC_LEAST, min(SEMANTIC_MOST, size // SEMANTIC_SHARE))
            number = max(number // 3 if request.mode == "hybrid" else number, RESCORED)
            candidates = self._passing(number, lambda n: scope.nearest(self._stored, request.vector, n), size)
        self._cosines = self._exact_cosines(candidates)
        return _best(self._cosines, RESCORED if request.mode == "hybrid" else len(self._cosines))

    def _passing(self, count: int, best: Callable[[int], list[int]], size: int) -> list[int]:
        """Return the best `count` that pass the filter: ask `best` for more until there are."""
        if self._allowed is not None:
            return best(count)
        if not self._request.where:
            return [seq for seq in best(count + len(self._outdated)) if seq not in self._outdated]
        asked = 4 * count
        while True:
            wanted = best(asked)
            kept = self.permitted(wanted)
            if len(kept) >= count or asked >= size:
                return [seq for seq in wanted if seq in kept]
            asked *= 8

    def permitted(self, seqs: Iterable[int]) -> set[int]:
        """Return those that are current and pass the filter."""
        if self._allowed is not None:
            return self._allowed.intersection(seqs)
        left = set(seqs) - self._outdated
        if not self._request.where:
            return left
        return self._stored.permitted(self._request.kind.source, self._request.where, list(left))

    def _exact_cosines(self, seqs: Sequence[int]) -> dict[int, float]:
        vectors = self._resident.vectors(self._stored, seqs)
        values = cosines(self._request.vector, b"".join(vectors.values()))
        return dict(zip(vectors, values, strict=True))

    def fetch(self, seqs: Sequence[int]) -> dict[int, Candidate]:
        """Score entries; those that are gone are left out."""
        keys = [
            (f" {term}=", weight * (K1 + 1) / (LEVELS - 1)) for term, weight in self._term_weights.items()
        ]
        near, matching = self._cosines, self._lexical if self._all_lexical else None
        found: dict[int, Candidate] = {}
        if self.small is not None:
            entries = self.small.entries
            for seq in seqs:
                if seq in entries:
                    owner_id, group, impacts = entries[seq]
                    words = bm25(impacts, keys) if matching is None or seq in matching else 0.0
                    found[seq] = self._candidate(owner_id, group, words, near.get(seq, self.mean), impacts)
            return found
        if self._request.vector:
            near.update(self._exact_cosines([seq for seq in seqs if seq not in near]))
        if matching is not None and not self._profile.neighbours:
            # Every list was read: the others hold no term.
            others = [seq for seq in seqs if seq not in matching]
            for seq, owner_id, group in self._stored.owners(others):
                found[seq] = Candidate(owner_id, group, 0.0, near.get(seq, self.mean))
            seqs = [seq for seq in seqs if seq in matching]
        for seq, owner_id, group, impacts in self._stored.impacts(seqs):
            words = bm25(impacts, keys)
            found[seq] = self._candidate(owner_id, group, words, near.get(seq, self.mean), impacts)
        return found

    def _candidate(
        self, owner_id: int, group: int | None, words: float, cosine: float, impacts: str
    ) -> Candidate:
        if not self._profile.neighbours:
            return Candidate(owner_id, group, words, cosine)
        length = level(impacts, LENGTH) * LENGTH_STEP
        return Candidate(owner_id, group, words, cosine, f" {QUESTION}=" in impacts, length)


def _best(scores: Mapping[int, float], count: int) -> list[int]:
    """Return the `count` best, in no order."""
    if len(scores) <= count:
        return list(scores)
    edge = sorted(scores.values(), reverse=True)[count - 1]
    above = [seq for seq, value in scores.items() if value > edge]
    level_with = [seq for seq, value in scores.items() if value == edge]
    return above + level_with[: max(0, count - len(above))]
