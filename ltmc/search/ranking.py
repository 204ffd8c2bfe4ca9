"""How the candidates of a query are put in order: by their own scores and those of their neighbours."""

import math
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence

from ltmc.search import analysis, fusion, temporal
from ltmc.search.candidates import POSTINGS, Candidate, CandidateFinder, Candidates, quote
from ltmc.search.embedding import StaticModel
from ltmc.search.fusion import Evidence
from ltmc.search.profiles import K1, LEVELS, level
from ltmc.search.requests import Hit, Request
from ltmc.search.resident_index import ResidentIndex
from ltmc.search.stemming import stem
from ltmc.storage.sqlite import search_index as storage
from ltmc.timestamps import parse

FEW_IN_GROUP = 5
"""With more candidates than this in one conversation, its order is read whole."""

EXPANDED = (40, 80, 150)
"""Candidates whose neighbours are looked up, step by step until the best are sure."""

LIFT = 1 + 2 * sum(fusion.NEIGHBOUR_WEIGHTS)
"""What neighbours that all score as much as an entry itself can multiply its score by."""

_PHRASE = re.compile(r'"([^"]*\w[^"]*\s[^"]*\w[^"]*)"')

Neighbours = Mapping[int, Sequence[tuple[int, int]]]
"""For each seq the seqs before and after it in its group, each with its distance."""


def search(
    cursor: sqlite3.Cursor, resident: ResidentIndex, model: StaticModel, request: Request
) -> tuple[list[Hit], int]:
    """Return the best hits, and how many there are in all (where there are many, at least so many)."""
    if storage.scope_name(request.kind.name, request.project_id) not in resident.scopes:
        return [], 0
    finder = CandidateFinder(cursor, resident, model, request)
    candidates = finder.find()
    if not candidates:
        return [], 0
    mean = resident.mean_cosine(cursor, finder.scope, finder.vector) if finder.vector else 0.0
    hits, total = Order(cursor, request, finder).rank(candidates, mean)
    return hits, total + finder.unread


class Order:
    """The order of the candidates of one request."""

    def __init__(self, cursor: sqlite3.Cursor, request: Request, finder: CandidateFinder) -> None:
        self._cursor, self._request, self._finder = cursor, request, finder

    def rank(self, candidates: dict[int, Candidate], mean: float) -> tuple[list[Hit], int]:
        """Score candidates with their neighbours, which become candidates too, and return the hits in order.

        Args:
            mean: the mean cosine of the query with what is there.
        """
        request, mode, full_weight = self._request, self._request.mode, self._finder.full_weight
        lexical = max(candidate.bm25 for candidate in candidates.values())
        nearest = max(candidate.cosine for candidate in candidates.values()) - mean
        best_lexical, best_cosine = lexical or 1.0, max(nearest, fusion.SPREAD)
        weight = {"hybrid": request.kind.profile.semantic_weight, "semantic": 1.0, "lexical": 0.0}[mode]
        related = {"hybrid": fusion.RELATED, "semantic": fusion.RELATED_ALONE, "lexical": math.inf}[mode]

        def semantic(candidate: Candidate) -> float:
            return weight * (candidate.cosine - mean) / best_cosine

        def direct_score(candidate: Candidate) -> float:
            return candidate.bm25 / best_lexical + semantic(candidate)

        direct = {seq: direct_score(candidate) for seq, candidate in candidates.items()}
        neighbours: Neighbours = {}
        context_only: set[int] = set()
        if any(candidate.group is not None for candidate in candidates.values()):
            neighbours, context_only = self._expand(candidates, direct, direct_score)
        hits = {
            seq
            for seq, candidate in candidates.items()
            if candidate.bm25 > 0 or candidate.cosine - mean >= related
        }
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
        found = min(1.0, lexical / (full_weight * (K1 + 1))) if full_weight else 0.0
        strength = 1 - (1 - found) * (1 - max(0.0, nearest))

        def evidence(seq: int) -> Evidence:
            candidate = candidates[seq]
            words = candidate.bm25 / best_lexical + phrases.get(seq, 0.0)
            return Evidence(words, semantic(candidate), totals[seq] - direct[seq], times.get(seq, 0.0))

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
            fresh = self._finder.fetch(
                list({n for seq in first for n, _ in neighbours[seq] if n not in candidates})
            )
            candidates.update(fresh)
            direct.update((seq, direct_score(candidate)) for seq, candidate in fresh.items())
            context_only |= set(fresh) - self._finder.permitted(fresh)
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
        outer = self._finder.fetch(
            list({n for seq in last for n, _ in neighbours.get(seq, ()) if n not in candidates})
        )
        candidates.update(outer)
        direct.update((seq, direct_score(candidate)) for seq, candidate in outer.items())
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
            if self._finder.small is not None:
                stretches.append(([seq for _, seq in self._finder.small.groups[group]], inside))
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
        if self._finder.small is not None:
            impacts = {seq: self._finder.small.entries[seq][2] for seq in seqs}
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
