"""How a query is answered: candidates, their exact scores, their neighbours, the order.

Candidates come from two sides. Lexical: the posting lists of the query's terms, rarest first, until
`POSTINGS` rows have been read; common terms are left to the exact scoring of candidates. Semantic: the
nearest sign codes. Candidates are then scored exactly from their term weights and vectors; in a scope of
up to `resident_index.SMALL_SCOPE_ENTRIES` entries every vector is.
"""

import math
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from ltmc.search import analysis, fusion, temporal
from ltmc.search.embedding import StaticModel
from ltmc.search.fusion import Evidence
from ltmc.search.kinds import Kind
from ltmc.search.profiles import K1, LEVELS, bm25, level
from ltmc.search.resident_index import ResidentIndex
from ltmc.search.stemming import stem
from ltmc.search.vectors import Columns
from ltmc.storage.sources import Where
from ltmc.storage.sqlite import search_index as storage
from ltmc.timestamps import parse

Mode = Literal["hybrid", "lexical", "semantic"]

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

FEW_IN_GROUP = 5
"""With more candidates than this in one conversation, its order is read whole."""

SMALL_SET = 5_000
"""A filter that leaves no more entries than this is applied before candidates are looked for."""

EXPANDED = (40, 80, 150)
"""Candidates whose neighbours are looked up, step by step until the best are sure."""

SYNONYM_WEIGHT = 0.6
"""Of the long form of a short form in a query for code (or the reverse). CoSQA MRR +0.006 at 0.6."""

LIFT = 1 + 2 * sum(fusion.NEIGHBOUR_WEIGHTS)
"""What neighbours that all score as much as an entry itself can multiply its score by."""

_PHRASE = re.compile(r'"([^"]*\w[^"]*\s[^"]*\w[^"]*)"')


@dataclass(frozen=True, slots=True)
class Request:
    """What to look for. `wanted`: how many hits to return, from the first on."""

    kind: Kind[Any]
    query: str
    project_id: str
    where: Where
    mode: Mode
    min_score: float
    per_group: int
    wanted: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Hit:
    """An owner's id, its score, 0 to 1, rounded to 4 places, and the parts that add up to the score."""

    id: int
    score: float
    parts: dict[str, float] = field(default_factory=dict)


class Candidate(NamedTuple):
    """An entry with its exact scores; both are 0 where they were not asked for."""

    owner_id: int
    group: int | None
    bm25: float
    cosine: float


Candidates = Mapping[int, Candidate]
"""Candidates by seq."""

Neighbours = Mapping[int, Sequence[tuple[int, int]]]
"""For each seq the seqs before and after it in its group, each with its distance."""


def search(
    cursor: sqlite3.Cursor, resident: ResidentIndex, model: StaticModel, request: Request
) -> tuple[list[Hit], int]:
    """Return the best hits, and how many there are in all (where there are many, at least so many)."""
    if storage.scope_name(request.kind.name, request.project_id) not in resident.scopes:
        return [], 0
    return Search(cursor, resident, model, request).run()


class Search:
    """One search in a scope that is not empty, inside one snapshot of the database.

    Attributes:
        _allowed: the entries that the filter leaves, when they are few.
        _term_weights: the weight of each term of the query.
        _full_weight: the sum of these, without synonyms.
        _matching: the entries that hold a term of the query, with their scores, when all were read.
        _vector: the query's; empty where meaning does not count.
        _cosines: the cosines that are known, by seq.
    """

    def __init__(
        self, cursor: sqlite3.Cursor, resident: ResidentIndex, model: StaticModel, request: Request
    ) -> None:
        self._cursor, self._resident, self._model, self._request = cursor, resident, model, request
        self._profile = request.kind.profile
        self._name = storage.scope_name(request.kind.name, request.project_id)
        self._scope = resident.scopes[self._name]
        self._small = resident.small_scope(cursor, self._name)
        self._allowed: set[int] | None = None
        self._term_weights: dict[str, float] = {}
        self._full_weight = 0.0
        self._matching: dict[int, float] | None = None
        self._vector = b""
        self._cosines: dict[int, float] = {}

    def run(self) -> tuple[list[Hit], int]:
        """Return the best hits and how many there are in all."""
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
        candidates = self._fetch(list(seqs))
        if not candidates:
            return [], 0
        unread = max(0, len(lexical) - count) if request.min_score == 0 and not request.where else 0
        hits, total = self._rank(candidates)
        return hits, total + unread

    # Candidates

    def _lexical(self) -> tuple[dict[int, float], bool]:
        """Return entries by the sum of the weights of the terms they hold, and whether these are all."""
        resident, cursor, scope = self._resident, self._cursor, self._scope
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
                self._full_weight += part * idf(size, 0) if part == 1.0 else 0.0
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
            self._full_weight += weight if part == 1.0 else 0.0
        return scores, complete

    def _nearest(self, count: int) -> list[int]:
        """Return the semantic candidates; their cosines are kept."""
        request, scope = self._request, self._scope
        query = analysis.split_words(request.query) if self._profile.code else request.query
        self._vector = self._model.encode(query)
        if self._small is not None:
            self._cosines = self._small.cosines(self._vector)
            permitted = self._permitted(self._cosines)
            return _best({seq: value for seq, value in self._cosines.items() if seq in permitted}, RESCORED)
        if self._allowed is not None:
            candidates = list(self._allowed)
        else:
            size = len(scope.codes)
            number = max(SEMANTIC_LEAST, min(SEMANTIC_MOST, size // SEMANTIC_SHARE))
            number = max(number // 3 if request.mode == "hybrid" else number, count // 2)
            candidates = self._passing(number, lambda n: scope.codes.nearest(self._vector, n), size)
        self._cosines = self._exact_cosines(candidates)
        return _best(self._cosines, RESCORED if request.mode == "hybrid" else len(self._cosines))

    def _passing(self, count: int, best: Callable[[int], list[int]], size: int) -> list[int]:
        """Return the best `count` that pass the filter: ask `best` for more until there are."""
        if self._allowed is not None or not self._request.where:
            return best(count)
        asked = 4 * count
        while True:
            wanted = best(asked)
            kept = self._permitted(wanted)
            if len(kept) >= count or asked >= size:
                return [seq for seq in wanted if seq in kept]
            asked *= 8

    def _permitted(self, seqs: Iterable[int]) -> set[int]:
        """Return those that pass the filter."""
        if self._allowed is not None:
            return self._allowed.intersection(seqs)
        if not self._request.where:
            return set(seqs)
        return storage.permitted(self._cursor, self._request.kind.source, self._request.where, list(seqs))

    # Exact scores

    def _exact_cosines(self, seqs: Sequence[int]) -> dict[int, float]:
        rows = storage.vectors(self._cursor, seqs)
        values = Columns([vector for _, vector in rows]).cosines(self._vector)
        return {seq: value for (seq, _), value in zip(rows, values, strict=True)}

    def _fetch(self, seqs: Sequence[int]) -> dict[int, Candidate]:
        """Score entries; those that are gone are left out."""
        keys = [
            (f" {term}=", weight * (K1 + 1) / (LEVELS - 1)) for term, weight in self._term_weights.items()
        ]
        cosines, matching = self._cosines, self._matching
        found: dict[int, Candidate] = {}
        if self._small is not None:
            entries = self._small.entries
            for seq in seqs:
                if seq in entries:
                    owner_id, group, impacts = entries[seq]
                    words = bm25(impacts, keys) if matching is None or seq in matching else 0.0
                    found[seq] = Candidate(owner_id, group, words, cosines.get(seq, 0.0))
            return found
        if self._vector:
            cosines.update(self._exact_cosines([seq for seq in seqs if seq not in cosines]))
        if matching is not None:  # every term's list was read: the others hold none
            others = [seq for seq in seqs if seq not in matching]
            for seq, owner_id, group in storage.owners(self._cursor, others):
                found[seq] = Candidate(owner_id, group, 0.0, cosines.get(seq, 0.0))
            seqs = [seq for seq in seqs if seq in matching]
        for seq, owner_id, group, impacts in storage.impacts(self._cursor, seqs):
            found[seq] = Candidate(owner_id, group, bm25(impacts, keys), cosines.get(seq, 0.0))
        return found

    def _rank(self, candidates: dict[int, Candidate]) -> tuple[list[Hit], int]:
        """Score candidates with their neighbours, which become candidates too, and return the hits in order."""
        request, mode = self._request, self._request.mode
        mean = self._resident.mean_cosine(self._cursor, self._scope, self._vector) if self._vector else 0.0
        lexical = max(one.bm25 for one in candidates.values())
        nearest = max(one.cosine for one in candidates.values()) - mean
        best_lexical, best_cosine = lexical or 1.0, max(nearest, fusion.SPREAD)
        weight = {"hybrid": self._profile.semantic_weight, "semantic": 1.0, "lexical": 0.0}[mode]
        related = {"hybrid": fusion.RELATED, "semantic": fusion.RELATED_ALONE, "lexical": math.inf}[mode]

        def semantic(one: Candidate) -> float:
            return weight * (one.cosine - mean) / best_cosine

        def direct_score(one: Candidate) -> float:
            return one.bm25 / best_lexical + semantic(one)

        direct = {seq: direct_score(one) for seq, one in candidates.items()}
        neighbours: Neighbours = {}
        context_only: set[int] = set()
        if any(one.group is not None for one in candidates.values()):
            neighbours, context_only = self._expand(candidates, direct, direct_score)
        hits = {seq for seq, one in candidates.items() if one.bm25 > 0 or one.cosine - mean >= related}
        if request.kind.name in fusion.CARRIED and mode != "lexical":
            hits |= {seq for seq, near in neighbours.items() if any(n in hits for n, _ in near)}
        totals = fusion.with_neighbours(direct, neighbours)
        scores = {seq: totals[seq] for seq in hits - context_only if seq in candidates}
        if not scores:
            return [], 0
        times, phrases = self._times(scores, candidates), self._phrases(scores, candidates)
        for added in (times, phrases):
            for seq, value in added.items():
                scores[seq] += value
        found = min(1.0, lexical / (self._full_weight * (K1 + 1))) if self._full_weight else 0.0
        strength = 1 - (1 - found) * (1 - max(0.0, nearest))

        def evidence(seq: int) -> Evidence:
            one = candidates[seq]
            words = one.bm25 / best_lexical + phrases.get(seq, 0.0)
            return Evidence(words, semantic(one), totals[seq] - direct[seq], times.get(seq, 0.0))

        return self._page(scores, candidates, strength / max(*scores.values(), 1e-9), evidence)

    def _expand(
        self,
        candidates: dict[int, Candidate],
        direct: dict[int, float],
        direct_score: Callable[[Candidate], float],
    ) -> tuple[Neighbours, set[int]]:
        """Look up neighbours, which may be the better hits, of the best candidates until the best are sure.

        Returns:
            The neighbours, and those of them that are no hits: the filter leaves them out, or they are too
            far from any candidate. Both `candidates` and `direct` are extended.
        """
        order = _ordered(direct)
        first_direct = dict(direct)
        neighbours: dict[int, list[tuple[int, int]]] = {}
        context_only: set[int] = set()
        wanted = self._request.wanted
        ranked, done = order, 0
        for stage in EXPANDED:
            first = order[done:stage]
            neighbours.update(self._neighbours(first, candidates))
            fresh = self._fetch(list({n for seq in first for n, _ in neighbours[seq] if n not in candidates}))
            candidates.update(fresh)
            direct.update((seq, direct_score(one)) for seq, one in fresh.items())
            context_only |= set(fresh) - self._permitted(fresh)
            totals = fusion.with_neighbours(direct, neighbours)
            ranked = _ordered({seq: value for seq, value in totals.items() if seq not in context_only})
            done = stage
            # An entry not seen yet is worth at most this, were all its neighbours its equals.
            if len(order) <= stage or (
                len(ranked) >= wanted and totals[ranked[wanted - 1]] >= LIFT * first_direct[order[stage]]
            ):
                break
        # The outer neighbours are looked up only for entries that can still come first.
        last = ranked[: wanted + 30]
        outer = self._fetch(
            list({n for seq in last for n, _ in neighbours.get(seq, ()) if n not in candidates})
        )
        candidates.update(outer)
        direct.update((seq, direct_score(one)) for seq, one in outer.items())
        return neighbours, context_only | set(outer)

    def _neighbours(self, seqs: Sequence[int], candidates: Candidates) -> dict[int, list[tuple[int, int]]]:
        """Return the neighbours, with their distance, of each entry and of its neighbours."""
        reach = len(fusion.NEIGHBOUR_WEIGHTS)
        found: dict[int, list[tuple[int, int]]] = {seq: [] for seq in seqs}
        groups: dict[int, list[int]] = {}
        for seq in seqs:
            group = candidates[seq].group
            if group is not None:
                groups.setdefault(group, []).append(seq)
        for group, inside in groups.items():
            stretches: list[tuple[list[int], list[int]]] = []  # seqs in order, and those of `seqs` among them
            if self._small is not None:
                stretches.append(([seq for _, seq in self._small.groups[group]], inside))
            elif len(inside) > FEW_IN_GROUP:
                stretches.append((storage.group_members(self._cursor, group), inside))
            else:
                for seq in inside:
                    owner_id = candidates[seq].owner_id
                    before, after = storage.neighbours(self._cursor, group, owner_id, 2 * reach)
                    stretches.append(([*before, seq, *after], [seq]))
            for stretch, middle in stretches:
                place = {seq: i for i, seq in enumerate(stretch)}
                for at in [place[seq] for seq in middle if seq in place]:
                    for i in range(max(0, at - reach), min(len(stretch), at + reach + 1)):
                        if not found.get(stretch[i]):
                            near = range(max(0, i - reach), min(len(stretch), i + reach + 1))
                            found[stretch[i]] = [(stretch[j], abs(j - i)) for j in near if j != i]
        return found

    # What is added for some queries

    def _times(self, scores: Mapping[int, float], candidates: Candidates) -> dict[int, float]:
        """Return a mild lead for what was made in a period that the query names."""
        periods = temporal.spans(self._request.query, self._request.now)
        if not periods:
            return {}
        owners = {seq: candidates[seq].owner_id for seq in _ordered(scores)[: EXPANDED[-1]]}
        created = storage.created(self._cursor, self._request.kind.source, list(owners.values()))
        return {
            seq: fusion.TIME_WEIGHT * temporal.closeness(parse(created[owner_id]), periods)
            for seq, owner_id in owners.items()
            if owner_id in created
        }

    def _phrases(self, scores: Mapping[int, float], candidates: Candidates) -> dict[int, float]:
        """Return a lead for what holds a quoted phrase as it stands."""
        phrases = [_spaced(phrase) for phrase in _PHRASE.findall(self._request.query)]
        if not phrases or self._request.mode == "semantic":
            return {}
        owners = {seq: candidates[seq].owner_id for seq in _ordered(scores)[: EXPANDED[-1]]}
        texts = storage.texts(self._cursor, self._request.kind.source, list(owners.values()))
        spaced = {seq: _spaced(texts.get(owner_id, "")) for seq, owner_id in owners.items()}
        return {
            seq: fusion.PHRASE * sum(phrase in text for phrase in phrases) for seq, text in spaced.items()
        }

    def _page(
        self,
        scores: dict[int, float],
        candidates: Candidates,
        scale: float,
        evidence: Callable[[int], Evidence],
    ) -> tuple[list[Hit], int]:
        """Return the hits in order, near-identical ones behind their like, and how many there are."""
        request = self._request
        order = _ordered(scores)
        repeated: set[int] = set()
        if request.kind.name in fusion.UNREPEATED:
            repeated = self._repeated(order[: request.wanted + 5])
            for seq in repeated:
                scores[seq] *= fusion.REPEATED
            order = _ordered(scores) if repeated else order
        grouped: dict[int, int] = {}
        hits: list[Hit] = []
        total = 0
        for seq in order:
            if len(hits) == request.wanted and not request.min_score and not request.per_group:
                return hits, len(order)
            score = round(min(1.0, max(0.0, scores[seq] * scale)), 4)
            if score < request.min_score:
                break
            if _is_one_too_many(grouped, candidates[seq].group, request.per_group):
                continue
            total += 1
            if len(hits) < request.wanted:
                share = scale * (fusion.REPEATED if seq in repeated else 1.0)
                hits.append(Hit(candidates[seq].owner_id, score, evidence(seq).scaled(share)))
        return hits, total

    def _repeated(self, seqs: Sequence[int]) -> set[int]:
        """Return those that say nearly what one before them says: nine of ten terms the same."""
        if self._small is not None:
            impacts = {seq: self._small.entries[seq][2] for seq in seqs}
        else:
            impacts = {seq: text for seq, _, _, text in storage.impacts(self._cursor, seqs)}
        first: list[set[str]] = []
        repeated = set()
        for seq in seqs:
            terms = {item[:-2] for item in impacts[seq].split()}
            if any(_alike(terms, earlier) for earlier in first):
                repeated.add(seq)
            else:
                first.append(terms)
        return repeated


def every_term(cursor: sqlite3.Cursor, resident: ResidentIndex, request: Request) -> tuple[list[Hit], int]:
    """Return the entries that hold every word of the query, as it stands, by its stem or as a beginning."""
    words = analysis.query_words(request.query)
    name = storage.scope_name(request.kind.name, request.project_id)
    if not words or name not in resident.scopes:
        return [], 0
    expression = f"{quote(storage.scope_term(name))} AND {expression_of(words)}"
    seqs = storage.postings(cursor, expression, POSTINGS)
    if request.where:
        permitted = storage.permitted(cursor, request.kind.source, request.where, seqs)
        seqs = [seq for seq in seqs if seq in permitted]
    rated = [
        (sum(level(impacts, stem(word), word) for word in words) / len(words), seq, owner_id, group)
        for seq, owner_id, group, impacts in storage.impacts(cursor, seqs)
    ]
    grouped: dict[int, int] = {}
    hits = []
    for value, _, owner_id, group in sorted(rated, key=lambda entry: (-entry[0], -entry[1])):
        score = round(value / (LEVELS - 1), 4)
        if not _is_one_too_many(grouped, group, request.per_group) and score >= request.min_score:
            hits.append(Hit(owner_id, score, {"lexical": score}))
    return hits[: request.wanted], len(hits)


def expression_of(words: Sequence[str]) -> str:
    """Return the FTS5 expression for entries that hold every word, its stem or a word that begins with it."""
    forms = [f"({quote(stem(word))} OR {quote(word)} *)" for word in words]
    return " AND ".join(forms) or '""'


def idf(entries: int, document_frequency: float) -> float:
    """Return bm25's weight of a term, never below a small positive number."""
    if document_frequency >= entries:
        return 0.01
    return max(0.01, math.log((entries - document_frequency + 0.5) / (document_frequency + 0.5)))


def quote(term: str) -> str:
    """Return a term as FTS5 takes it, whatever it holds."""
    return '"' + term.replace('"', '""') + '"'


def _is_one_too_many(grouped: dict[int, int], group: int | None, per_group: int) -> bool:
    """Count an entry of a group, and return whether the group had its `per_group` already; 0: any number."""
    if group is None or not per_group:
        return False
    grouped[group] = grouped.get(group, 0) + 1
    return grouped[group] > per_group


def _spaced(text: str) -> str:
    return " ".join(text.lower().split())


def _alike(left: set[str], right: set[str]) -> bool:
    """Return whether two sets of terms have `fusion.SAME_TERMS` of all their terms in common."""
    share = fusion.SAME_TERMS
    if len(left) < share * len(right) or len(right) < share * len(left):
        return False
    both = len(left & right)
    return both >= share * (len(left) + len(right) - both)


def _ordered(scores: Mapping[int, float]) -> list[int]:
    """Return the seqs, best first; of equals the newest."""
    return [seq for _, seq in sorted(((value, seq) for seq, value in scores.items()), reverse=True)]


def _best(scores: Mapping[int, float], count: int) -> list[int]:
    """Return the `count` best, in no order."""
    if len(scores) <= count:
        return list(scores)
    edge = sorted(scores.values(), reverse=True)[count - 1]
    above = [seq for seq, value in scores.items() if value > edge]
    level_with = [seq for seq, value in scores.items() if value == edge]
    return above + level_with[: max(0, count - len(above))]
