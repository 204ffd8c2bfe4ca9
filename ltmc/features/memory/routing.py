"""Choosing how to answer a query: which of several searches fits it, and how sure that is."""

import asyncio
import hashlib
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypedDict

from ltmc.errors import invalid
from ltmc.features.measures import ratio
from ltmc.features.memory.results import MethodShare, RoutedAnswer
from ltmc.features.memory.route_examples import EXAMPLES
from ltmc.search import index
from ltmc.search.vectors import cosine
from ltmc.storage.engine import Engine
from ltmc.storage.tables import routing
from ltmc.storage.tables.routing import LoggedRoute
from ltmc.timestamps import days_ago, now
from ltmc.tools.project_scope import project_of, scope_of

logger = logging.getLogger(__name__)

METHODS = (
    "semantic_search",
    "keyword_search",
    "graph_query",
    "chat_history",
    "todo_search",
    "code_patterns",
    "blueprint_search",
    "recent_items",
)
FALLBACK = "semantic_search"
UNSURE = 0.25
"""Below this confidence the broadest search is taken instead."""

TEMPERATURE = 0.08
"""Softmax temperature over scores that are cosines in the main."""

CUE, QUOTED, NAMED, IN_DOUBT = 0.12, 0.5, 0.3, 0.03
"""What a word that speaks for a method, a phrase in quotes, and a name alone add to its score, and what the broadest
search has before the others."""

_CUES = {
    "graph_query": "related relation relationship relationships linked links connected connection connections "
    "depend depends dependency dependencies dependents neighbours neighbors",
    "chat_history": "said say told tell discussed discuss discussion conversation chat talked asked mention mentioned "
    "agreed suggested proposed",
    "todo_search": "todo todos task tasks pending unfinished backlog ticket tickets",
    "blueprint_search": "blueprint blueprints milestone milestones roadmap subtask subtasks estimated deadline",
    "recent_items": "latest newest recent recently lately",
    "code_patterns": "snippet snippets regex traceback",
}
CUES = {method: frozenset(words.split()) for method, words in _CUES.items()}
"""Words that speak for a method whatever stands around them."""

DONE = frozenset("done completed complete finished finish closed resolved".split())
OPEN = frozenset("open pending left remaining remains unfinished next outstanding incomplete".split())
"""Words that name a status of todos."""

THING = re.compile(
    r"\"([^\"]+)\"|'([^']+)'|`([^`]+)`|(?<!\w)(\w+(?:[./-]\w+)+|[A-Za-z]+[a-z][A-Z]\w*|\w+_\w+)(?!\w)"
)
"""What names a thing in a query: text in quotes, a path, a hyphenated name, an identifier."""


Search = Callable[[str, int, str | None, str | None], Awaitable[Sequence[Mapping[str, Any]]]]
"""Results for a query: at most so many, for a conversation, in a project."""

Searches = Mapping[str, Search]
"""How each of `METHODS` is carried out."""


class Analysis(TypedDict):
    """What a query shows, and a score, 0 to 1, for each method."""

    features: dict[str, Any]
    scores: dict[str, float]


class Route(TypedDict):
    """The method to take, with its share of the softmax over the scores of those allowed."""

    method: str
    confidence: float
    alternatives: list[MethodShare]
    reasoning: str
    features: dict[str, Any]


class RoutingStatistics(TypedDict):
    """How queries were routed; rates are from 0 to 1."""

    total_routes: int
    method_distribution: dict[str, int]
    average_confidence: float | None
    empty_rate_by_method: dict[str, float | None]
    fallback_rate: float | None
    avg_latency_ms: float | None


class RoutingService:
    """Routes by what a query is like and by words in it; scores are turned into shares that sum to one."""

    def __init__(self, engine: Engine, searches: Searches, *, by_meaning: bool) -> None:
        """Take the searches to choose from.

        Args:
            by_meaning: whether queries may be embedded; otherwise words alone tell.
        """
        self._engine, self._searches, self._by_meaning = engine, searches, by_meaning

    def analyze_query(self, query: str) -> Analysis:
        """Return the features of a query and a score for each method: how like it is to the method's examples."""
        words = re.findall(r"\w+", query.lower())
        cues = {method: [word for word in words if word in known] for method, known in CUES.items()}
        names = names_in(query)
        scores = dict.fromkeys(METHODS, 0.0)
        scores |= _likeness(query) if self._by_meaning else {}
        scores[FALLBACK] += IN_DOUBT
        for method, found in cues.items():
            scores[method] += CUE * bool(found)
        scores["keyword_search"] += QUOTED * bool(re.search(r"\"[^\"]+\"", query))
        scores["keyword_search"] += NAMED * (len(names) == 1 and names[0] == query.strip())
        scores = {method: round(max(0.0, score), 4) for method, score in scores.items()}
        return {
            "features": {
                "intent": max(scores, key=lambda method: scores[method]),
                "entities": names,
                "time_terms": cues["recent_items"],
                "code_terms": cues["code_patterns"],
                "relation_terms": cues["graph_query"],
                "length": len(words),
            },
            "scores": scores,
        }

    async def route_query(self, query: str, available_methods: Sequence[str] | None = None) -> Route:
        """Return the method to take, with its share of the softmax over the scores of those allowed.

        Should the analysis fail, the broadest search is taken.

        Raises:
            LtmcError: INVALID_ARGUMENT for an unknown method, or when none is allowed.
        """
        allowed = METHODS if available_methods is None else list(dict.fromkeys(available_methods))
        unknown = [method for method in allowed if method not in METHODS]
        if unknown or not allowed:
            raise invalid("available_methods", unknown or [], "at least one of " + ", ".join(METHODS))
        try:
            analysis = await asyncio.to_thread(self.analyze_query, query)
        except Exception as error:  # a query is answered in any case
            logger.exception("routing failed")
            analysis = {"features": {}, "scores": dict.fromkeys(METHODS, 0.0) | {FALLBACK: 1.0}}
            analysis["features"]["failure"] = f"the analysis failed: {error}"
        scores, features = analysis["scores"], analysis["features"]
        weights = {method: math.exp(scores[method] / TEMPERATURE) for method in allowed}
        whole = sum(weights.values())
        shares = {method: round(weight / whole, 4) for method, weight in weights.items()}
        ordered = sorted(shares, key=lambda method: -shares[method])
        best = ordered[0]
        why = features.get("failure", f"{best} scores {scores[best]}")
        if shares[best] < UNSURE and FALLBACK in shares and best != FALLBACK:
            why = f"no method stands out ({best} has {shares[best]}), so the broadest search is taken"
            best = FALLBACK
        seen = [
            f"{name} {features[name]}"
            for name in features
            if isinstance(features[name], list) and features[name]
        ]
        return {
            "method": best,
            "confidence": shares[best],
            "alternatives": [
                {"method": method, "confidence": shares[method]} for method in ordered if method != best
            ],
            "reasoning": why + ("; seen: " + ", ".join(seen).replace("_", " ") if seen else "") + ".",
            "features": features,
        }

    async def answer(
        self,
        query: str,
        *,
        available_methods: Sequence[str] | None,
        execute: bool,
        top_k: int,
        conversation_id: str | None,
        project_id: str | None,
    ) -> RoutedAnswer:
        """Route a query and, unless told not to, carry the search out.

        An empty answer is tried once more with the broadest search, if that is allowed.
        """
        started = time.perf_counter()
        route = await self.route_query(query, available_methods)
        results: Sequence[Mapping[str, Any]] | None = None
        fallback = False
        if execute:
            results = await self._searches[route["method"]](query, top_k, conversation_id, project_id)
            may_fall_back = available_methods is None or FALLBACK in available_methods
            if not results and route["method"] != FALLBACK and may_fall_back:
                results = await self._searches[FALLBACK](query, top_k, conversation_id, project_id)
                fallback = True
        logged = LoggedRoute(
            id=0,
            project_id=project_of(project_id),
            query_hash=hashlib.sha256(query.encode()).hexdigest()[:32],
            features=route["features"],
            method=route["method"],
            confidence=route["confidence"],
            alternatives=[{**alternative} for alternative in route["alternatives"]],
            result_count=None if results is None else len(results),
            latency_ms=round((time.perf_counter() - started) * 1000, 3),
            fallback_used=fallback,
            created_at=now(),
        )
        self._engine.log(lambda tx: routing.insert(tx, logged))
        answer: RoutedAnswer = {
            "recommended_method": route["method"],
            "confidence": route["confidence"],
            "reasoning": route["reasoning"],
            "alternatives": route["alternatives"],
            "features": route["features"],
            "results": [*(results or [])],
            "count": len(results or []),
            "fallback_used": fallback,
        }
        if results is None:
            del answer["results"], answer["count"]
        return answer

    async def get_routing_statistics(
        self, time_range_days: int | None = None, project_id: str | None = None
    ) -> RoutingStatistics:
        """Count how queries were routed and what came of it; None where there is nothing to count."""
        await self._engine.settle()
        since = None if time_range_days is None else days_ago(time_range_days)
        async with self._engine.read() as tx:
            rows = await routing.totals(tx, scope_of(project_id), since)
        whole = sum(row.routes for row in rows)
        return {
            "total_routes": whole,
            "method_distribution": {row.method: row.routes for row in rows},
            "average_confidence": _weighted_mean([(row.confidence, row.routes) for row in rows]),
            "empty_rate_by_method": {row.method: ratio(row.empty, row.answered) for row in rows},
            "fallback_rate": ratio(sum(row.fallbacks for row in rows), whole),
            "avg_latency_ms": _weighted_mean([(row.latency_ms, row.routes) for row in rows]),
        }


def names_in(query: str) -> list[str]:
    """Return the names of things in a query."""
    return [next(filter(None, match.groups())) for match in THING.finditer(query)]


def wanted_status(query: str) -> str:
    """Return which todos a query asks for: ``completed``, ``pending`` or ``all``."""
    words = set(re.findall(r"\w+", query.lower()))
    if words & OPEN or re.search(r"\bto do\b|\bnot (?:yet )?(?:done|finished|completed?)\b", query.lower()):
        return "pending"
    return "completed" if words & DONE else "all"


@cache
def _example_vectors(_identity: str) -> dict[str, list[bytes]]:
    return {method: index.model().embed(examples, query=True) for method, examples in EXAMPLES.items()}


def _likeness(query: str) -> dict[str, float]:
    """Return the mean cosine of a query with the two examples of each method that are nearest to it."""
    vector = index.query_vector(query)
    return {
        method: sum(sorted((cosine(vector, example) for example in examples), reverse=True)[:2]) / 2
        for method, examples in _example_vectors(index.identity()).items()
    }


def _weighted_mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None]
    whole = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / whole, 4) if whole else None
