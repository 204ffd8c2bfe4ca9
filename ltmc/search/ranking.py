"""How the candidates of a query are put in order: by their own scores and those of their neighbours."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from ltmc.search import analysis, fusion, temporal
from ltmc.search.candidates import POSTINGS, WHOLE, Candidate, CandidateFinder, Candidates
from ltmc.search.fusion import Evidence
from ltmc.search.profiles import K1, LEVELS, level
from ltmc.search.requests import Found, Hit, Request
from ltmc.search.resident_index import ResidentIndex
from ltmc.search.stemming import stem
from ltmc.storage import index_entries
from ltmc.storage.search_index import SearchIndex
from ltmc.timestamps import parse

FEW_IN_GROUP = 5
"""With more candidates than this in one conversation, its order is read whole."""

EXPANDED = (40, 80, 150)
"""Candidates whose neighbours are looked up, step by step until the best are sure."""

HEAD = 40
"""The first so many hits are ranked with care; those behind by their own and their neighbours' scores alone."""

SURE = 20
"""The first so many are the best even if entries not looked at have the best neighbours."""

LIFT = 1 + fusion.AFTER_QUESTION + sum(fusion.NEIGHBOUR_WEIGHTS) + fusion.NEIGHBOUR_WEIGHTS[1]
"""What neighbours that all score as much as an entry itself can multiply its score by."""

_PHRASE = re.compile(r'"([^"\w]*+\w(?:[^"\s]*+\s)(?:[^"\w]*+\w)[^"]*+)"')

Neighbours = Mapping[int, Sequence[tuple[int, int]]]
"""For each seq the seqs before and after it in its group, each with its offset: -1 is the one before."""


def search(stored: SearchIndex, resident: ResidentIndex, request: Request) -> Found:
    """Return the hits asked for: a slice of one ranking, whichever slice is asked for."""
    if index_entries.scope_name(request.kind.name, request.project_id) not in resident.scopes:
        return Found([])
    finder = CandidateFinder(stored, resident, request)
    candidates = finder.find()
    if not candidates:
        return Found([])
    order = Order(stored, request, finder, candidates)
    hits = order.head()
    complete = order.ended or not (len(hits) == HEAD or finder.leaves_out(candidates))
    if request.last >= len(hits) and not complete:  # also to know whether there is a next page
        hits += order.tail()
        complete = finder.scope.size <= WHOLE
    shown = hits[request.first : request.last]
    if request.min_score or (request.mode == "lexical" and request.per_group):
        return Found(shown, len(hits), complete, order.confidence)
    if request.mode == "lexical":
        matching = finder.matching()
        return Found(shown, matching or len(hits), matching is not None, order.confidence)
    return Found(shown, None, finder.scope.size <= WHOLE, order.confidence)


class Order:
    """The order of the candidates of one request.

    Attributes:
        confidence: see `ltmc.search.fusion.CONFIDENT`.
        ended: the head ended with what scores less than is asked for; so does what is not in it.
    """

    def __init__(
        self,
        stored: SearchIndex,
        request: Request,
        finder: CandidateFinder,
        candidates: dict[int, Candidate],
    ) -> None:
        """Take the candidates of `finder`."""
        self._stored, self._request, self._finder = stored, request, finder
        self._candidates, self._mean = candidates, finder.mean
        profile, mode = request.kind.profile, request.mode
        self._weight = {"hybrid": profile.semantic_weight, "semantic": 1.0, "lexical": 0.0}[mode]
        self._full = finder.full_weight * (K1 + 1)
        self._lexical = max(candidate.bm25 for candidate in candidates.values())
        self._best_lexical = max(self._lexical, profile.floor * self._full) or 1.0
        self._best_cosine = max(candidate.cosine for candidate in candidates.values())
        self._spread = max(self._best_cosine - self._mean, fusion.SPREAD)
        self._grouped: dict[int, int] = {}
        self._shown: set[int] = set()
        self._scale = self._last_score = 1.0
        self.confidence, self.ended = 0.0, False

    def _direct(self, candidate: Candidate) -> float:
        return self._words(candidate) + self._meaning(candidate)

    def _words(self, candidate: Candidate) -> float:
        return float((candidate.bm25 / self._best_lexical) ** fusion.LEXICAL_POWER)

    def _meaning(self, candidate: Candidate) -> float:
        return self._weight * (candidate.cosine - self._mean) / self._spread

    def head(self) -> list[Hit]:
        """Return the first `HEAD` hits; entries beside candidates become candidates too."""
        candidates = self._candidates
        direct = {seq: self._direct(candidate) for seq, candidate in candidates.items()}
        neighbours: Neighbours = {}
        context_only: set[int] = set()
        if self._request.kind.profile.neighbours:
            neighbours, context_only = self._expand(direct)
        totals = fusion.with_neighbours(direct, neighbours, candidates)
        scores = {seq: totals[seq] for seq in candidates.keys() - context_only}
        if self._request.mode == "lexical":
            scores = {seq: value for seq, value in scores.items() if candidates[seq].bm25 > 0}
        if not scores:
            return []
        times, phrases = self._times(scores), self._phrases(scores)
        for added in (times, phrases):
            for seq, value in added.items():
                scores[seq] += value
        best = max(scores, key=lambda seq: (scores[seq], seq))
        self.confidence = self._confidence(candidates[best])
        found = min(1.0, self._lexical / self._full) if self._full else 0.0
        strength = 1 - (1 - found) * (1 - max(0.0, self._best_cosine))
        self._scale = strength / max(scores[best], 1e-9)

        def evidence(seq: int) -> Evidence:
            candidate = candidates[seq]
            words = self._words(candidate) + phrases.get(seq, 0.0)
            return Evidence(words, self._meaning(candidate), totals[seq] - direct[seq], times.get(seq, 0.0))

        return self._page(scores, evidence)

    def _confidence(self, best: Candidate) -> float:
        """Return how sure it is that `best` is what was asked for."""
        if self._finder.asks_for_unknown:
            return 0.0
        words = best.bm25 / self._full if self._full else 0.0
        if not self._request.vector:
            return words / fusion.WORDS_CONFIDENCE
        nearest: dict[int, float] = {}  # of each conversation or document
        for seq, candidate in self._candidates.items():
            group = (
                seq if candidate.group is None or self._request.kind.profile.neighbours else candidate.group
            )
            nearest[group] = max(candidate.cosine, nearest.get(group, -1.0))
        first, *others = sorted(nearest.values(), reverse=True)[: fusion.RUNNERS_UP + 1]
        lead = first - sum(others) / len(others) if others else 0.0
        return best.cosine + fusion.WORDS_CONFIDENCE * words + fusion.GAP_CONFIDENCE * lead

    def tail(self) -> list[Hit]:
        """Return all further hits, in a scope that is not too large to score whole."""
        everything = self._finder.everything() or self._candidates
        direct = {seq: self._direct(candidate) for seq, candidate in everything.items()}
        neighbours: Neighbours = {}
        if self._request.kind.profile.neighbours:
            neighbours = self._neighbours(list(everything), everything)
        totals = fusion.with_neighbours(direct, neighbours, everything)
        hits = []
        for seq in _ordered({seq: value for seq, value in totals.items() if seq not in self._shown}):
            candidate = everything[seq]
            score = min(self._last_score, self._score(totals[seq]))
            if score < self._request.min_score:
                break
            if not _is_one_too_many(self._grouped, candidate.group, self._request.per_group):
                parts = Evidence(self._words(candidate), self._meaning(candidate), totals[seq] - direct[seq])
                hits.append(Hit(candidate.owner_id, score, parts.scaled(self._scale)))
        return hits

    def _score(self, value: float) -> float:
        return round(min(1.0, max(0.0, value * self._scale)), 4)

    def _expand(self, direct: dict[int, float]) -> tuple[Neighbours, set[int]]:
        """Look up neighbours, which may be the better hits, of the best candidates until the best are sure.

        Returns:
            The neighbours, and those of them that are no hits: the filter leaves them out, or they are too
            far from any candidate. The candidates and `direct` are extended.
        """
        candidates = self._candidates
        order = _ordered(direct)
        first_direct = dict(direct)
        neighbours: dict[int, list[tuple[int, int]]] = {}
        context_only: set[int] = set()
        ranked, done = order, 0
        for stage in EXPANDED:
            first = order[done:stage]
            neighbours.update(self._neighbours(first, candidates))
            fresh = self._fetch({n for seq in first for n, _ in neighbours[seq]}, direct)
            context_only |= fresh - self._finder.permitted(fresh)
            totals = fusion.with_neighbours(direct, neighbours, candidates)
            ranked = _ordered({seq: value for seq, value in totals.items() if seq not in context_only})
            done = stage
            # An entry not seen yet is worth at most this, were all its neighbours its equals.
            if len(order) <= stage or (
                len(ranked) >= SURE and totals[ranked[SURE - 1]] >= LIFT * first_direct[order[stage]]
            ):
                break
        # The outer neighbours are looked up only for entries that can still come first.
        outer = self._fetch({n for seq in ranked[: HEAD + 30] for n, _ in neighbours.get(seq, ())}, direct)
        return neighbours, context_only | outer

    def _fetch(self, seqs: set[int], direct: dict[int, float]) -> set[int]:
        """Make candidates of entries that are none yet; return them."""
        fresh = self._finder.fetch([seq for seq in seqs if seq not in self._candidates])
        self._candidates.update(fresh)
        direct.update((seq, self._direct(candidate)) for seq, candidate in fresh.items())
        return set(fresh)

    def _neighbours(self, seqs: Sequence[int], candidates: Candidates) -> dict[int, list[tuple[int, int]]]:
        """Return the neighbours, with their offset, of each entry and of its neighbours."""
        reach = len(fusion.NEIGHBOUR_WEIGHTS)
        found: dict[int, list[tuple[int, int]]] = {seq: [] for seq in seqs}
        groups: dict[int, list[int]] = {}
        for seq in seqs:
            group = candidates[seq].group
            if group is not None:
                groups.setdefault(group, []).append(seq)
        for group, inside in groups.items():
            stretches: list[tuple[list[int], list[int]]] = []  # seqs in order, and those of `seqs` among them
            if self._finder.small is not None:
                stretches.append(([seq for _, seq in self._finder.small.groups[group]], inside))
            elif len(inside) > FEW_IN_GROUP:
                stretches.append((self._stored.group_members(group), inside))
            else:
                for seq in inside:
                    owner_id = candidates[seq].owner_id
                    before, after = self._stored.neighbours(group, owner_id, 2 * reach)
                    stretches.append(([*before, seq, *after], [seq]))
            for stretch, middle in stretches:
                place = {seq: i for i, seq in enumerate(stretch)}
                for at in [place[seq] for seq in middle if seq in place]:
                    for i in range(max(0, at - reach), min(len(stretch), at + reach + 1)):
                        if not found.get(stretch[i]):
                            near = range(max(0, i - reach), min(len(stretch), i + reach + 1))
                            found[stretch[i]] = [(stretch[j], j - i) for j in near if j != i]
        return found

    def _times(self, scores: Mapping[int, float]) -> dict[int, float]:
        """Return a mild lead for what was made in a period that the query names."""
        periods = temporal.spans(self._request.query, self._request.now)
        if not periods:
            return {}
        owners = {seq: self._candidates[seq].owner_id for seq in _ordered(scores)[: EXPANDED[-1]]}
        created = self._stored.created(self._request.kind.source, list(owners.values()))
        return {
            seq: fusion.TIME_WEIGHT * temporal.closeness(parse(created[owner_id]), periods)
            for seq, owner_id in owners.items()
            if owner_id in created
        }

    def _phrases(self, scores: Mapping[int, float]) -> dict[int, float]:
        """Return a lead for what holds a quoted phrase as it stands."""
        phrases = [_spaced(phrase) for phrase in _PHRASE.findall(self._request.query)]
        if not phrases or self._request.mode == "semantic":
            return {}
        owners = {seq: self._candidates[seq].owner_id for seq in _ordered(scores)[: EXPANDED[-1]]}
        texts = self._stored.texts(self._request.kind.source, list(owners.values()))
        spaced = {seq: _spaced(texts.get(owner_id, "")) for seq, owner_id in owners.items()}
        return {
            seq: fusion.PHRASE * sum(phrase in text for phrase in phrases) for seq, text in spaced.items()
        }

    def _page(self, scores: dict[int, float], evidence: Callable[[int], Evidence]) -> list[Hit]:
        """Return the first `HEAD` hits in order, near-identical ones behind their like."""
        request, candidates = self._request, self._candidates
        order = _ordered(scores)
        repeated: set[int] = set()
        if request.kind.name in fusion.UNREPEATED:
            repeated = self._repeated(order[: HEAD + 5])
            for seq in repeated:
                scores[seq] *= fusion.REPEATED
            order = _ordered(scores) if repeated else order
        hits: list[Hit] = []
        for seq in order:
            score = self._score(scores[seq])
            self.ended = score < request.min_score
            if len(hits) == HEAD or self.ended:
                break
            self._shown.add(seq)
            if _is_one_too_many(self._grouped, candidates[seq].group, request.per_group):
                continue
            share = self._scale * (fusion.REPEATED if seq in repeated else 1.0)
            hits.append(Hit(candidates[seq].owner_id, score, evidence(seq).scaled(share)))
            self._last_score = score
        return hits

    def _repeated(self, seqs: Sequence[int]) -> set[int]:
        """Return those that say nearly what one before them says: nine of ten terms the same."""
        if self._finder.small is not None:
            impacts = {seq: self._finder.small.entries[seq][2] for seq in seqs}
        else:
            impacts = {seq: text for seq, _, _, text in self._stored.impacts(seqs)}
        texts = {seq: set(index_entries.terms_of(impacts[seq])) for seq in seqs}
        frequency = Counter(chain.from_iterable(texts.values()))
        holding = defaultdict[str, list[int]](list)
        repeated = set()
        for seq, terms in texts.items():
            # Of each of two that are alike, the other lacks fewer terms than these: their first common one is among
            # the first so many of both, in any one order. The rarest first: few others have those.
            enough = int((1 - fusion.SAME_TERMS) * len(terms) + 1e-9) + 1
            rarest = sorted(sorted(terms), key=frequency.__getitem__)[:enough]
            near = {other for term in rarest for other in holding[term]}
            if any(_alike(terms, texts[other]) for other in near):
                repeated.add(seq)
            else:
                for term in rarest:
                    holding[term].append(seq)
        return repeated


def every_term(stored: SearchIndex, resident: ResidentIndex, request: Request) -> Found:
    """Return the entries that hold every word of the query, as it stands, by its stem or as a beginning."""
    words = analysis.query_words(request.query)
    name = index_entries.scope_name(request.kind.name, request.project_id)
    if not words or name not in resident.scopes:
        return Found([])
    expression = f"{index_entries.quote(index_entries.scope_term(name))} AND {expression_of(words)}"
    seqs = stored.postings(expression, POSTINGS)
    where = {**request.where, **request.kind.source.present(request.moment, request.projects)}
    if where:
        permitted = stored.permitted(request.kind.source, where, seqs)
        seqs = [seq for seq in seqs if seq in permitted]
    rated = [
        (sum(level(impacts, stem(word), word) for word in words) / len(words), seq, owner_id, group)
        for seq, owner_id, group, impacts in stored.impacts(seqs)
    ]
    grouped: dict[int, int] = {}
    hits = []
    for value, _, owner_id, group in sorted(rated, key=lambda entry: (-entry[0], -entry[1])):
        score = round(value / (LEVELS - 1), 4)
        if not _is_one_too_many(grouped, group, request.per_group) and score >= request.min_score:
            hits.append(Hit(owner_id, score, {"lexical": score}))
    return Found(hits[request.first : request.last], len(hits), len(seqs) < POSTINGS, 1.0)


def expression_of(words: Sequence[str]) -> str:
    """Return the FTS5 expression for entries that hold every word, its stem or a word that begins with it."""
    forms = [f"({index_entries.quote(stem(word))} OR {index_entries.quote(word)} *)" for word in words]
    return " AND ".join(forms) or '""'


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
