"""Choosing how to answer a query: which of several searches fits it, and how sure that is."""

import hashlib
import logging
import math
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypedDict

from ltmc.errors import invalid, not_found
from ltmc.features.measures import ratio
from ltmc.features.memory.results import MethodShare, RoutedAnswer
from ltmc.storage.engine import Engine
from ltmc.storage.tables import routing
from ltmc.storage.tables.routing import LoggedRoute, Prior
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
UNSURE = 0.35
"""Below this confidence the broadest search is taken instead."""

TEMPERATURE = 0.2
"""Softmax temperature over scores of 0 to 1: a lead of 0.5 over all seven others gives a confidence of 0.64. On the
labelled queries of the tests (32) the mean confidence is 0.71 at 0.25, 0.82 at 0.2, 0.91 at 0.15, where 0.97 are
routed as labelled; those are plainer than what people ask."""

FEEDBACK = ("helpful", "unhelpful")
FEWEST_SAMPLES = 20
MOST_LEARNT = 0.15
"""What outcomes may add to a score or take from it: less than one word of a query that fits a method gives."""

_WORDS = {
    "time": "today yesterday recent recently latest last lately newest new ago week month since earlier",
    "code": "code function method class snippet implement implementation bug error exception traceback "
    "regex script compile test api refactor python javascript typescript rust go sql parse",
    "relation": "related relation relationship linked link links connected connection between depends "
    "dependency dependencies graph neighbours neighbors impact affects",
    "chat": "said say told tell discussed discuss discussion conversation chat talked asked mentioned message "
    "agreed decided decide",
    "todo": "todo todos task tasks pending open remaining unfinished done completed backlog priority",
    "blueprint": "blueprint blueprints plan plans planned planning milestone milestones roadmap subtask subtasks "
    "estimate estimated assigned assignment deadline",
    "question": "how why explain describe overview meaning about concept understand",
}
TERMS = {name: frozenset(words.split()) for name, words in _WORDS.items()}
ENTITY = re.compile(
    r"\"([^\"]+)\"|'([^']+)'|`([^`]+)`|\b(\w+(?:[./-]\w+)*\.\w{1,5})\b|\b([A-Za-z]+[a-z][A-Z]\w*|\w+_\w+)\b"
)


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


class CalibrationView(TypedDict):
    """Routes of about the same confidence, and how many of them were good."""

    confidence: float
    good: float
    routes: int


class RoutingStatistics(TypedDict):
    """How queries were routed; rates are from 0 to 1."""

    total_routes: int
    method_distribution: dict[str, int]
    average_confidence: float | None
    empty_rate_by_method: dict[str, float | None]
    fallback_rate: float | None
    avg_latency_ms: float | None
    priors: dict[str, float]
    calibration: list[CalibrationView]


class PriorChange(TypedDict):
    """What a method's score gains now, and gained before."""

    method: str
    before: float
    after: float
    samples: int
    good: float | None


class Learnt(TypedDict):
    """What outcomes taught."""

    changes: list[PriorChange]
    too_few_outcomes: list[str]
    overall_good: float | None


class RoutingService:
    """Routes by features of the query: rules with weights, turned into shares that sum to one."""

    def __init__(self, engine: Engine, searches: Searches) -> None:
        self._engine, self._searches = engine, searches

    def analyze_query(self, query: str) -> Analysis:
        """Return the features of a query and a score, 0 to 1, for each method."""
        words = re.findall(r"\w+", query.lower())
        hits = {name: [word for word in words if word in terms] for name, terms in TERMS.items()}
        entities = [next(filter(None, match.groups())) for match in ENTITY.finditer(query)]
        quoted = bool(re.search(r"\"[^\"]+\"", query))
        part = {name: min(1.0, 0.4 + 0.3 * len(found)) if found else 0.0 for name, found in hits.items()}
        scores = {
            "semantic_search": 0.35 + 0.25 * part["question"] + 0.15 * (len(words) >= 6),
            "keyword_search": 0.15 + 0.5 * quoted + 0.3 * (bool(entities) and len(words) <= 3),
            "graph_query": 0.9 * part["relation"] + 0.1 * bool(entities and part["relation"]),
            "chat_history": 0.9 * part["chat"] + 0.1 * bool(part["time"] and part["chat"]),
            "todo_search": 0.95 * part["todo"],
            "code_patterns": 0.85 * part["code"] + 0.15 * bool(entities and part["code"]),
            "blueprint_search": 0.9 * part["blueprint"],
            "recent_items": 0.7 * part["time"] * (1 - 0.5 * bool(part["chat"] or part["todo"])),
        }
        scores = {method: round(min(1.0, score), 4) for method, score in scores.items()}
        return {
            "features": {
                "intent": max(scores, key=lambda method: scores[method]),
                "entities": entities,
                "time_terms": hits["time"],
                "code_terms": hits["code"],
                "relation_terms": hits["relation"],
                "length": len(words),
            },
            "scores": scores,
        }

    async def route_query(self, query: str, available_methods: Sequence[str] | None = None) -> Route:
        """Return the method to take, with its share of the softmax over the scores of those allowed.

        What outcomes taught (`optimize`) counts too. Should the analysis fail, the broadest search is taken.

        Raises:
            LtmcError: INVALID_ARGUMENT for an unknown method, or when none is allowed.
        """
        allowed = METHODS if available_methods is None else list(dict.fromkeys(available_methods))
        unknown = [method for method in allowed if method not in METHODS]
        if unknown or not allowed:
            raise invalid("available_methods", unknown or [], "at least one of " + ", ".join(METHODS))
        try:
            analysis = self.analyze_query(query)
            async with self._engine.read() as tx:
                priors = await routing.priors(tx)
        except Exception as error:  # a query is answered in any case
            logger.exception("routing failed")
            analysis = {"features": {}, "scores": dict.fromkeys(METHODS, 0.0) | {FALLBACK: 1.0}}
            analysis["features"]["failure"] = f"the analysis failed: {error}"
            priors = {}
        scores = {method: analysis["scores"][method] + priors.get(method, 0.0) for method in METHODS}
        weights = {method: math.exp(scores[method] / TEMPERATURE) for method in allowed}
        whole = sum(weights.values())
        shares = {method: round(weight / whole, 4) for method, weight in weights.items()}
        ordered = sorted(shares, key=lambda method: -shares[method])
        best = ordered[0]
        why = f"{best} scores {round(scores[best], 4)} of 1"
        if priors.get(best):
            why += f", {priors[best]:+} of it learnt from outcomes"
        if "failure" in analysis["features"]:
            why = analysis["features"]["failure"]
        if shares[best] < UNSURE and FALLBACK in shares and best != FALLBACK:
            why = f"no method stands out ({best} has {shares[best]}), so the broadest search is taken"
            best = FALLBACK
        features = analysis["features"]
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
            route_id=secrets.token_hex(8),
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
            "route_id": logged.route_id,
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

    async def record_outcome(
        self, route_id: str, result_count: int, latency_ms: float, feedback: str | None = None
    ) -> None:
        """Note what came of a route.

        Args:
            feedback: ``helpful`` or ``unhelpful``; it outweighs the count of results in what is learnt.

        Raises:
            LtmcError: INVALID_ARGUMENT for other feedback or a negative count; NOT_FOUND.
        """
        if feedback not in (None, *FEEDBACK):
            raise invalid("feedback", feedback, ", ".join(FEEDBACK))
        if result_count < 0:
            raise invalid("result_count", result_count, "a number from 0 on")
        await self._engine.settle()
        async with self._engine.write() as tx:
            if not await routing.record(tx, route_id, result_count, latency_ms, feedback):
                raise not_found("route_id", route_id, "route")

    async def get_routing_statistics(
        self, time_range_days: int | None = None, project_id: str | None = None
    ) -> RoutingStatistics:
        """Count how queries were routed and what came of it; None where there is nothing to count."""
        await self._engine.settle()
        since = None if time_range_days is None else days_ago(time_range_days)
        async with self._engine.read() as tx:
            rows = await routing.totals(tx, scope_of(project_id), since)
            priors = await routing.priors(tx)
            calibration = await routing.calibration(tx)
        whole = sum(row.routes for row in rows)
        return {
            "total_routes": whole,
            "method_distribution": {row.method: row.routes for row in rows},
            "average_confidence": _weighted_mean([(row.confidence, row.routes) for row in rows]),
            "empty_rate_by_method": {row.method: ratio(row.empty, row.answered) for row in rows},
            "fallback_rate": ratio(sum(row.fallbacks for row in rows), whole),
            "avg_latency_ms": _weighted_mean([(row.latency_ms, row.routes) for row in rows]),
            "priors": priors,
            "calibration": [
                {
                    "confidence": round(row.confidence, 4),
                    "good": round(row.good, 4),
                    "routes": row.routes,
                }
                for row in calibration
            ],
        }

    async def optimize(self, *, reset: bool = False) -> Learnt:
        """Learn from outcomes: a method whose outcomes are better than the rest gains, at most `MOST_LEARNT`.

        The prior is the distance of a method's ratio of good outcomes from that of all, halved. Methods with
        fewer than `FEWEST_SAMPLES` outcomes stay as they are by nature.

        Args:
            reset: forget all that was learnt.
        """
        await self._engine.settle()
        async with self._engine.write() as tx:
            before = await routing.priors(tx)
            rows = [] if reset else await routing.outcomes(tx)
            samples = sum(row.samples for row in rows)
            overall = sum(row.good * row.samples for row in rows) / samples if samples else 0.0
            learnt = {
                row.method: Prior(
                    row.method,
                    round(max(-MOST_LEARNT, min(MOST_LEARNT, (row.good - overall) / 2)), 4),
                    row.samples,
                )
                for row in rows
                if row.samples >= FEWEST_SAMPLES and row.method in METHODS
            }
            await routing.set_priors(tx, learnt.values())
        good = {row.method: round(row.good, 4) for row in rows}
        after = {method: learnt.get(method, Prior(method, 0.0, 0)) for method in METHODS}
        return {
            "changes": [
                {
                    "method": method,
                    "before": before.get(method, 0.0),
                    "after": after[method].prior,
                    "samples": after[method].samples,
                    "good": good.get(method),
                }
                for method in METHODS
                if before.get(method, 0.0) != after[method].prior
            ],
            "too_few_outcomes": sorted(row.method for row in rows if row.samples < FEWEST_SAMPLES),
            "overall_good": round(overall, 4) if samples else None,
        }


def _weighted_mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None]
    whole = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / whole, 4) if whole else None
