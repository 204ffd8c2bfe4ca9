"""The candidates of a search and their exact scores.

Candidates come from two sides. Lexical: the posting lists of the query's terms, rarest first, until
`POSTINGS` rows have been read; common terms are left to the exact scoring of candidates. Semantic: the
nearest sign codes. Candidates are then scored exactly from their term weights and vectors; in a scope of
up to `resident_index.SMALL_SCOPE_ENTRIES` entries every vector is.
"""

import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ltmc.search import analysis
from ltmc.search.embedding import StaticModel
from ltmc.search.profiles import K1, LEVELS, bm25
from ltmc.search.requests import Request
from ltmc.search.resident_index import ResidentIndex
from ltmc.search.vectors import Columns
from ltmc.storage.sqlite import search_index as storage

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

SMALL_SET = 5_000
"""A filter that leaves no more entries than this is applied before candidates are looked for."""

SYNONYM_WEIGHT = 0.6
"""Of the long form of a short form in a query for code (or the reverse). CoSQA MRR +0.006 at 0.6."""


@dataclass(slots=True)
class Candidate:
    """An entry with its exact scores; both are 0 where they were not asked for."""

    owner_id: int
    group: int | None
    bm25: float
    cosine: float


Candidates = Mapping[int, Candidate]
"""Candidates by seq."""


class CandidateFinder:
    """The candidates of one request in a scope that is not empty, inside one snapshot of the database.

    Attributes:
        scope: the kind in the project.
        small: the same as a whole, if it is small.
        vector: the query's; empty where meaning does not count.
        full_weight: the weight of the query's terms together, without synonyms.
        unread: how many more entries match than were scored, about.
    """

    def __init__(
        self, cursor: sqlite3.Cursor, resident: ResidentIndex, model: StaticModel, request: Request
    ) -> None:
        self._cursor, self._resident, self._model, self._request = cursor, resident, model, request
        self._profile = request.kind.profile
        self._name = storage.scope_name(request.kind.name, request.project_id)
        self.scope = resident.scopes[self._name]
        self.small = resident.small_scope(cursor, self._name)
        self.vector = b""
        self.full_weight = 0.0
        self.unread = 0
        self._term_weights: dict[str, float] = {}
        self._cosines: dict[int, float] = {}
        self._allowed: set[int] | None = None  # the entries that the filter leaves, when they are few
        self._matching: dict[int, float] | None = None  # those that hold a term, when all were read

    def find(self) -> dict[int, Candidate]:
        """Find the candidates and score them."""
        request = self._request
        if request.where:
            self._allowed = storage.permitted_if_few(
                self._cursor, request.kind.source, request.project_id, request.where, SMALL_SET
            )
        lexical: dict[int, float] = {}
        complete = True
        if request.mode != "semantic":
            lexical, complete = self._lexical()
            if self._allowed is not None:
                lexical = {seq: value for seq, value in lexical.items() if seq in self._allowed}
        count = max(LEXICAL_CANDIDATES, 2 * request.wanted)
        seqs = dict.fromkeys(self._passing(count, lambda n: _best(lexical, n), len(lexical)))
        if request.mode != "lexical":
            seqs |= dict.fromkeys(self._nearest(count))
        self._matching = lexical if complete else None
        if request.min_score == 0 and not request.where:
            self.unread = max(0, len(lexical) - count)
        return self.fetch(list(seqs))

    def _lexical(self) -> tuple[dict[int, float], bool]:
        """Return entries by the sum of the weights of the terms they hold, and whether these are all."""
        resident, cursor, scope = self._resident, self._cursor, self.scope
        size, everything = len(scope.codes), max(1, resident.watermark)
        share = size / everything
        weighed: list[tuple[int, str, float]] = []  # document frequency in the whole index, term, weight
        for term in analysis.query_terms(self._request.query):
            forms = {term: 1.0}
            if self._profile.code:
                forms |= dict.fromkeys(analysis.SYNONYMS.get(term, ()), SYNONYM_WEIGHT)
            for form, weight in forms.items():
                df = 1
                if everything > POSTINGS:
                    df = resident.document_frequency(cursor, quote(form), POSTINGS // 4)
                weighed.append((df, form, weight))
        scores: dict[int, float] = {}
        left, complete = POSTINGS, True
        for df, term, part in sorted(weighed):
            if not df:
                self.full_weight += part * idf(size, 0) if part == 1.0 else 0.0
                continue
            if left < min(df, size) and scores:
                complete = False
                # Too common to read: it counts only in the candidates' exact scores.
                weight = part * idf(size, max(1, df * share))
            else:
                # Reading all scopes costs a row each; the scope's own term costs its own list.
                inside = share < 0.5 and df > size // 20
                match = (
                    f"{quote(storage.scope_term(self._name))} AND {quote(term)}" if inside else quote(term)
                )
                found = storage.postings(cursor, match, left)
                if not inside and len(resident.scopes) > 1:
                    scope_of, number = resident.scope_of, scope.number
                    found = [seq for seq in found if seq < len(scope_of) and scope_of[seq] == number]
                left -= len(found)
                weight = part * idf(size, len(found) if df <= POSTINGS else max(1, df * share))
                for seq in found:
                    scores[seq] = scores.get(seq, 0.0) + weight
            self._term_weights[term] = max(self._term_weights.get(term, 0), weight)
            self.full_weight += weight if part == 1.0 else 0.0
        return scores, complete

    def _nearest(self, count: int) -> list[int]:
        """Return the semantic candidates; their cosines are kept."""
        request, scope = self._request, self.scope
        query = analysis.split_words(request.query) if self._profile.code else request.query
        self.vector = self._model.encode(query)
        if self.small is not None:
            self._cosines = self.small.cosines(self.vector)
            permitted = self.permitted(self._cosines)
            return _best({seq: value for seq, value in self._cosines.items() if seq in permitted}, RESCORED)
        if self._allowed is not None:
            candidates = list(self._allowed)
        else:
            size = len(scope.codes)
            number = max(SEMANTIC_LEAST, min(SEMANTIC_MOST, size // SEMANTIC_SHARE))
            number = max(number // 3 if request.mode == "hybrid" else number, count // 2)
            candidates = self._passing(number, lambda n: scope.codes.nearest(self.vector, n), size)
        self._cosines = self._exact_cosines(candidates)
        return _best(self._cosines, RESCORED if request.mode == "hybrid" else len(self._cosines))

    def _passing(self, count: int, best: Callable[[int], list[int]], size: int) -> list[int]:
        """Return the best `count` that pass the filter: ask `best` for more until there are."""
        if self._allowed is not None or not self._request.where:
            return best(count)
        asked = 4 * count
        while True:
            wanted = best(asked)
            kept = self.permitted(wanted)
            if len(kept) >= count or asked >= size:
                return [seq for seq in wanted if seq in kept]
            asked *= 8

    def permitted(self, seqs: Iterable[int]) -> set[int]:
        """Return those that pass the filter."""
        if self._allowed is not None:
            return self._allowed.intersection(seqs)
        if not self._request.where:
            return set(seqs)
        return storage.permitted(self._cursor, self._request.kind.source, self._request.where, list(seqs))

    def _exact_cosines(self, seqs: Sequence[int]) -> dict[int, float]:
        rows = storage.vectors(self._cursor, seqs)
        values = Columns([vector for _, vector in rows]).cosines(self.vector)
        return {seq: value for (seq, _), value in zip(rows, values, strict=True)}

    def fetch(self, seqs: Sequence[int]) -> dict[int, Candidate]:
        """Score entries; those that are gone are left out."""
        keys = [
            (f" {term}=", weight * (K1 + 1) / (LEVELS - 1)) for term, weight in self._term_weights.items()
        ]
        cosines, matching = self._cosines, self._matching
        found: dict[int, Candidate] = {}
        if self.small is not None:
            entries = self.small.entries
            for seq in seqs:
                if seq in entries:
                    owner_id, group, impacts = entries[seq]
                    words = bm25(impacts, keys) if matching is None or seq in matching else 0.0
                    found[seq] = Candidate(owner_id, group, words, cosines.get(seq, 0.0))
            return found
        if self.vector:
            cosines.update(self._exact_cosines([seq for seq in seqs if seq not in cosines]))
        if matching is not None:  # every term's list was read: the others hold none
            others = [seq for seq in seqs if seq not in matching]
            for seq, owner_id, group in storage.owners(self._cursor, others):
                found[seq] = Candidate(owner_id, group, 0.0, cosines.get(seq, 0.0))
            seqs = [seq for seq in seqs if seq in matching]
        for seq, owner_id, group, impacts in storage.impacts(self._cursor, seqs):
            found[seq] = Candidate(owner_id, group, bm25(impacts, keys), cosines.get(seq, 0.0))
        return found


def idf(entries: int, document_frequency: float) -> float:
    """Return BM25's weight of a term, never below a small positive number."""
    if document_frequency >= entries:
        return 0.01
    return max(0.01, math.log((entries - document_frequency + 0.5) / (document_frequency + 0.5)))


def quote(term: str) -> str:
    """Return a term as FTS5 takes it, whatever it holds."""
    return '"' + term.replace('"', '""') + '"'


def _best(scores: Mapping[int, float], count: int) -> list[int]:
    """Return the `count` best, in no order."""
    if len(scores) <= count:
        return list(scores)
    edge = sorted(scores.values(), reverse=True)[count - 1]
    above = [seq for seq, value in scores.items() if value > edge]
    level_with = [seq for seq, value in scores.items() if value == edge]
    return above + level_with[: max(0, count - len(above))]
