"""How a query is answered: candidates, their exact scores, their neighbours, the order.

Candidates come from two sides. Lexical: the posting lists of the query's terms, rarest first, until
`POSTINGS` rows have been read; common terms are left to the exact scoring of candidates. Semantic: the
nearest sign codes. Candidates are then scored exactly from their term weights and vectors; in a scope of
up to `held.WHOLE_SCOPE` entries every vector is.
"""

import math
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ltmc.search import analysis, fusion, temporal
from ltmc.search.embedding import StaticModel
from ltmc.search.fusion import Evidence
from ltmc.search.kinds import Kind
from ltmc.search.profiles import K1, LEVELS, bm25, level
from ltmc.search.resident_index import Held, Scope
from ltmc.search.stemming import stem
from ltmc.search.vectors import Columns
from ltmc.storage.sources import Where
from ltmc.storage.sqlite import search_index as storage
from ltmc.timestamps import parse

Mode = Literal["hybrid", "lexical", "semantic"]

POSTINGS = 20_000
"""Rows read from posting lists for one query: about 6 ms."""

LEXICAL_CANDIDATES = 400

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
_PHRASE = re.compile(r'"([^"]*\w[^"]*\s[^"]*\w[^"]*)"')

Known = tuple[int, int | None, float, float]  # owner_id, group_key, bm25, cosine


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
class Scored:
    """An owner with its score, 0 to 1, and the parts that add up to it."""

    owner_id: int
    score: float
    parts: dict[str, float]


class Search:
    """One search, inside one snapshot of the database."""

    def __init__(self, cursor: sqlite3.Cursor, held: Held, model: StaticModel, request: Request) -> None:
        self._cursor, self._held, self._model, self._request = cursor, held, model, request
        self._profile = request.kind.profile
        self._name = storage.scope_name(request.kind.name, request.project_id)
        self._where = request.where
        self._allowed: set[int] | None = None
        self._weights: dict[str, float] = {}
        self._full = 0.0
        self._near: dict[int, float] = {}
        self._vector = b""

    def run(self) -> tuple[list[Scored], int]:
        """The best hits and how many there are in all (at least, where many are)."""
        request, cursor = self._request, self._cursor
        if self._name not in self._held.scopes:
            return [], 0
        self._scope: Scope = self._held.scopes[self._name]
        self._whole = self._held.whole(cursor, self._name)
        if self._where:
            self._allowed = storage.small_set(
                cursor, request.kind.source, request.project_id, self._where, SMALL_SET
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
        self._read = lexical if complete else None
        known = self._fetch(list(seqs))
        if not known:
            return [], 0
        unread = max(0, len(lexical) - count) if request.min_score == 0 and not self._where else 0
        hits, total = self._rank(known)
        return hits, total + unread

    # Candidates

    def _lexical(self) -> tuple[dict[int, float], bool]:
        """Entries by the sum of the weights of the terms they hold, and whether that is all of them."""
        held, cursor, scope = self._held, self._cursor, self._scope
        size, everything = len(scope.codes), max(1, held.watermark)
        share = size / everything
        wanted: list[tuple[int, str, float]] = []  # entries in the whole index, term, weight
        for term in analysis.query_terms(self._request.query):
            forms = {term: 1.0}
            if self._profile.code:
                forms |= dict.fromkeys(analysis.SYNONYMS.get(term, ()), SYNONYM_WEIGHT)
            for form, weight in forms.items():
                df = 1 if everything <= POSTINGS else held.holding(cursor, quote(form), POSTINGS // 4)
                wanted.append((df, form, weight))
        scores: dict[int, float] = {}
        left, complete = POSTINGS, True
        for df, term, part in sorted(wanted):
            if not df:
                self._full += part * idf(size, 0) if part == 1.0 else 0.0
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
                if not inside and len(held.scopes) > 1:
                    scope_of, number = held.scope_of, scope.number
                    found = [seq for seq in found if seq < len(scope_of) and scope_of[seq] == number]
                left -= len(found)
                weight = part * idf(size, len(found) if df <= POSTINGS else max(1, df * share))
                for seq in found:
                    scores[seq] = scores.get(seq, 0.0) + weight
            self._weights[term] = max(self._weights.get(term, 0), weight)
            self._full += weight if part == 1.0 else 0.0
        return scores, complete

    def _nearest(self, count: int) -> list[int]:
        """The semantic candidates; their cosines are kept."""
        request, scope = self._request, self._scope
        query = analysis.split_words(request.query) if self._profile.code else request.query
        self._vector = self._model.encode(query)
        if self._whole is not None:
            self._near = self._whole.cosines(self._vector)
            permitted = self._permitted(self._near)
            return _best({seq: value for seq, value in self._near.items() if seq in permitted}, RESCORED)
        if self._allowed is not None:
            candidates = list(self._allowed)
        else:
            size = len(scope.codes)
            number = max(SEMANTIC_LEAST, min(SEMANTIC_MOST, size // SEMANTIC_SHARE))
            number = max(number // 3 if request.mode == "hybrid" else number, count // 2)
            candidates = self._passing(number, lambda n: scope.codes.nearest(self._vector, n), size)
        self._near = self._cosines(candidates)
        return _best(self._near, RESCORED if request.mode == "hybrid" else len(self._near))

    def _passing(self, count: int, best: Callable[[int], list[int]], size: int) -> list[int]:
        """The best `count` that pass the filter: asks for more until there are."""
        if self._allowed is not None or not self._where:
            return best(count)
        asked = 4 * count
        while True:
            wanted = best(asked)
            kept = self._permitted(wanted)
            if len(kept) >= count or asked >= size:
                return [seq for seq in wanted if seq in kept]
            asked *= 8

    def _permitted(self, seqs: Iterable[int]) -> set[int]:
        """Those that pass the filter."""
        if self._allowed is not None:
            return self._allowed.intersection(seqs)
        if not self._where:
            return set(seqs)
        return storage.permitted(self._cursor, self._request.kind.source, self._where, list(seqs))

    # Exact scores

    def _cosines(self, seqs: Sequence[int]) -> dict[int, float]:
        found = storage.vectors(self._cursor, seqs)
        values = Columns([vector for _, vector in found]).cosines(self._vector)
        return {seq: value for (seq, _), value in zip(found, values, strict=True)}

    def _fetch(self, seqs: Sequence[int]) -> dict[int, Known]:
        """What is known of entries; those that are gone are left out."""
        keys = [(f" {term}=", weight * (K1 + 1) / (LEVELS - 1)) for term, weight in self._weights.items()]
        near, read, out = self._near, self._read, {}
        if self._whole is not None:
            rows = self._whole.rows
            for seq in seqs:
                if seq in rows:
                    owner, group, impacts = rows[seq]
                    words = bm25(impacts, keys) if read is None or seq in read else 0.0
                    out[seq] = (owner, group, words, near.get(seq, 0.0))
            return out
        if self._vector:
            near.update(self._cosines([seq for seq in seqs if seq not in near]))
        if read is not None:  # every term's list was read: the others hold none
            for seq, owner, group in storage.plain(self._cursor, [seq for seq in seqs if seq not in read]):
                out[seq] = (owner, group, 0.0, near.get(seq, 0.0))
            seqs = [seq for seq in seqs if seq in read]
        for seq, owner, group, impacts in storage.with_impacts(self._cursor, seqs):
            out[seq] = (owner, group, bm25(impacts, keys), near.get(seq, 0.0))
        return out

    def _rank(self, known: dict[int, Known]) -> tuple[list[Scored], int]:
        request, mode = self._request, self._request.mode
        floor = self._held.mean_cosine(self._cursor, self._scope, self._vector) if self._vector else 0.0
        lexical = max(value[2] for value in known.values())
        nearest = max(value[3] for value in known.values()) - floor
        best_lexical, best_cosine = lexical or 1.0, max(nearest, fusion.SPREAD)
        weight = {"hybrid": self._profile.semantic_weight, "semantic": 1.0, "lexical": 0.0}[mode]
        related = {"hybrid": fusion.RELATED, "semantic": fusion.RELATED_ALONE, "lexical": math.inf}[mode]

        def semantic(value: Known) -> float:
            return weight * (value[3] - floor) / best_cosine

        def own(value: Known) -> float:
            return value[2] / best_lexical + semantic(value)

        owns = {seq: own(value) for seq, value in known.items()}
        around: dict[int, list[tuple[int, int]]] = {}
        barred: set[int] = set()  # context only: the filter leaves them out
        if any(value[1] is not None for value in known.values()):
            around, barred = self._expand(known, owns, own)
        hits = {seq for seq, value in known.items() if value[2] > 0 or value[3] - floor >= related}
        if request.kind.name in fusion.CARRIED and mode != "lexical":
            hits |= {seq for seq, beside in around.items() if any(n in hits for n, _ in beside)}
        totals = fusion.with_neighbours(owns, around)
        values = {seq: totals[seq] for seq in hits - barred if seq in known}
        if not values:
            return [], 0
        self._time = self._times(values, known)
        self._phrase = self._phrases(values, known)
        for added in (self._time, self._phrase):
            for seq, value in added.items():
                values[seq] += value
        found = min(1.0, lexical / (self._full * (K1 + 1))) if self._full else 0.0
        strength = 1 - (1 - found) * (1 - max(0.0, nearest))

        def parts(seq: int) -> Evidence:
            value = known[seq]
            words = value[2] / best_lexical + self._phrase.get(seq, 0.0)
            return Evidence(words, semantic(value), totals[seq] - owns[seq], self._time.get(seq, 0.0))

        return self._page(values, known, strength / max(*values.values(), 1e-9), parts)

    def _expand(
        self, known: dict[int, Known], owns: dict[int, float], own: Callable[[Known], float]
    ) -> tuple[dict[int, list[tuple[int, int]]], set[int]]:
        """Look up neighbours, which may be the better hits, of the best until the best are sure."""
        order = _ordered(owns)
        first_owns = dict(owns)
        around: dict[int, list[tuple[int, int]]] = {}
        barred: set[int] = set()
        wanted = self._request.wanted
        ranked, done = order, 0
        for stage in EXPANDED:
            first = order[done:stage]
            around.update(self._around(first, known))
            fresh = self._fetch(list({n for seq in first for n, _ in around[seq] if n not in known}))
            known.update(fresh)
            owns.update((seq, own(value)) for seq, value in fresh.items())
            barred |= set(fresh) - self._permitted(fresh)
            totals = fusion.with_neighbours(owns, around)
            ranked = _ordered({seq: value for seq, value in totals.items() if seq not in barred})
            done = stage
            # An entry not seen yet is worth at most this, were all its neighbours its equals.
            if len(order) <= stage or (
                len(ranked) >= wanted and totals[ranked[wanted - 1]] >= LIFT * first_owns[order[stage]]
            ):
                break
        # The outer neighbours are looked up only for entries that can still come first.
        last = ranked[: wanted + 30]
        outer = self._fetch(list({n for seq in last for n, _ in around.get(seq, ()) if n not in known}))
        known.update(outer)
        owns.update((seq, own(value)) for seq, value in outer.items())
        barred |= set(outer)  # too far from any candidate to be one
        return around, barred

    def _around(self, seqs: Sequence[int], known: Mapping[int, Known]) -> dict[int, list[tuple[int, int]]]:
        """The neighbours, with their distance, of each entry and of its neighbours."""
        reach = len(fusion.NEIGHBOUR_WEIGHTS)
        out: dict[int, list[tuple[int, int]]] = {seq: [] for seq in seqs}
        groups: dict[int, list[int]] = {}
        for seq in seqs:
            group = known[seq][1]
            if group is not None:
                groups.setdefault(group, []).append(seq)
        for group, inside in groups.items():
            lines: list[tuple[list[int], list[int]]] = []
            if self._whole is not None:
                lines.append(([seq for _, seq in self._whole.lines[group]], inside))
            elif len(inside) > FEW_IN_GROUP:
                lines.append((storage.members(self._cursor, group), inside))
            else:
                for seq in inside:
                    before, after = storage.beside(self._cursor, group, known[seq][0], 2 * reach)
                    lines.append(([*before, seq, *after], [seq]))
            for line, middle in lines:
                place = {seq: i for i, seq in enumerate(line)}
                for at in [place[seq] for seq in middle if seq in place]:
                    for i in range(max(0, at - reach), min(len(line), at + reach + 1)):
                        if not out.get(line[i]):
                            near = range(max(0, i - reach), min(len(line), i + reach + 1))
                            out[line[i]] = [(line[j], abs(j - i)) for j in near if j != i]
        return out

    # What is added for some queries

    def _times(self, values: Mapping[int, float], known: Mapping[int, Known]) -> dict[int, float]:
        """A mild prior for what was made in a period that the query names."""
        periods = temporal.spans(self._request.query, self._request.now)
        if not periods:
            return {}
        seqs = _ordered(values)[: EXPANDED[-1]]
        made = storage.created(self._cursor, self._request.kind.source, [known[seq][0] for seq in seqs])
        moments = {seq: parse(made[known[seq][0]]) for seq in seqs if known[seq][0] in made}
        return {
            seq: fusion.TIME_WEIGHT * temporal.closeness(moment, periods) for seq, moment in moments.items()
        }

    def _phrases(self, values: Mapping[int, float], known: Mapping[int, Known]) -> dict[int, float]:
        """A lead for what holds a quoted phrase as it stands."""
        phrases = [_spaced(phrase) for phrase in _PHRASE.findall(self._request.query)]
        if not phrases or self._request.mode == "semantic":
            return {}
        seqs = _ordered(values)[: EXPANDED[-1]]
        texts = storage.texts(self._cursor, self._request.kind.source, [known[seq][0] for seq in seqs])
        spaced = {seq: _spaced(texts.get(known[seq][0], "")) for seq in seqs}
        return {
            seq: fusion.PHRASE * sum(phrase in text for phrase in phrases) for seq, text in spaced.items()
        }

    def _page(
        self,
        values: dict[int, float],
        known: Mapping[int, Known],
        scale: float,
        parts: Callable[[int], Evidence],
    ) -> tuple[list[Scored], int]:
        """The hits in order, near-identical ones behind their like, and how many there are."""
        request = self._request
        order = _ordered(values)
        repeated: set[int] = set()
        if request.kind.name in fusion.UNREPEATED:
            repeated = self._repeated(order[: request.wanted + 5])
            for seq in repeated:
                values[seq] *= fusion.REPEATED
            order = _ordered(values) if repeated else order
        grouped: dict[int, int] = {}
        hits: list[Scored] = []
        total = 0
        for seq in order:
            if len(hits) == request.wanted and not request.min_score and not request.per_group:
                return hits, len(order)
            score = round(min(1.0, max(0.0, values[seq] * scale)), 4)
            owner, group, _, _ = known[seq]
            if score < request.min_score:
                break
            if group is not None and request.per_group:
                grouped[group] = grouped.get(group, 0) + 1
                if grouped[group] > request.per_group:
                    continue
            total += 1
            if len(hits) < request.wanted:
                share = scale * (fusion.REPEATED if seq in repeated else 1.0)
                hits.append(Scored(owner, score, parts(seq).scaled(share)))
        return hits, total

    def _repeated(self, seqs: Sequence[int]) -> set[int]:
        """Those that say nearly what one before them says: nine of ten terms the same."""
        if self._whole is not None:
            impacts = {seq: self._whole.rows[seq][2] for seq in seqs}
        else:
            impacts = {seq: text for seq, _, _, text in storage.with_impacts(self._cursor, seqs)}
        first: list[set[str]] = []
        repeated = set()
        for seq in seqs:
            held = {item[:-2] for item in impacts[seq].split()}
            if any(_alike(held, other) for other in first):
                repeated.add(seq)
            else:
                first.append(held)
        return repeated


def every_term(cursor: sqlite3.Cursor, request: Request, held: Held) -> tuple[list[Scored], int]:
    """The entries that hold every word of the query, as it stands, by its stem or as a beginning."""
    words = analysis.query_words(request.query)
    scope = held.scopes.get(storage.scope_name(request.kind.name, request.project_id))
    if not words or scope is None:
        return [], 0
    name = storage.scope_name(request.kind.name, request.project_id)
    expression = f"{quote(storage.scope_term(name))} AND {expression_of(words)}"
    seqs = storage.postings(cursor, expression, POSTINGS)
    if request.where:
        kept = storage.permitted(cursor, request.kind.source, request.where, seqs)
        seqs = [seq for seq in seqs if seq in kept]
    rated = [
        (sum(level(impacts, stem(word), word) for word in words) / len(words), seq, owner, group)
        for seq, owner, group, impacts in storage.with_impacts(cursor, seqs)
    ]
    grouped: dict[int, int] = {}
    hits = []
    for value, _, owner, group in sorted(rated, key=lambda one: (-one[0], -one[1])):
        score = round(value / (LEVELS - 1), 4)
        if group is not None and request.per_group:
            grouped[group] = grouped.get(group, 0) + 1
            if grouped[group] > request.per_group:
                continue
        if score >= request.min_score:
            hits.append(Scored(owner, score, {"lexical": score}))
    return hits[: request.wanted], len(hits)


def expression_of(words: Sequence[str]) -> str:
    """The match expression for entries that hold every word, its stem or a word that begins with it."""
    forms = [f"({quote(stem(word))} OR {quote(word)} *)" for word in words]
    return " AND ".join(forms) or '""'


def idf(rows: int, holding: float) -> float:
    """bm25's weight of a term, never below a small positive number."""
    return max(0.01, math.log((rows - holding + 0.5) / (holding + 0.5))) if holding < rows else 0.01


def quote(term: str) -> str:
    """A term as FTS5 takes it, whatever it holds."""
    return '"' + term.replace('"', '""') + '"'


def _spaced(text: str) -> str:
    return " ".join(text.lower().split())


def _alike(left: set[str], right: set[str]) -> bool:
    one, other, share = len(left), len(right), fusion.SAME_TERMS
    if one < share * other or other < share * one:
        return False
    both = len(left & right)
    return both >= share * (one + other - both)


def _ordered(scores: Mapping[int, float]) -> list[int]:
    """Best first; of equals the newest."""
    return [seq for _, seq in sorted(((value, seq) for seq, value in scores.items()), reverse=True)]


def _best(scores: Mapping[int, float], count: int) -> list[int]:
    if len(scores) <= count:
        return list(scores)
    edge = sorted(scores.values(), reverse=True)[count - 1]
    above = [seq for seq, value in scores.items() if value > edge]
    level_with = [seq for seq, value in scores.items() if value == edge]
    return above + level_with[: max(0, count - len(above))]
