"""Choosing how to answer a query: which of several searches fits it, and how sure that is."""

import hashlib
import json
import logging
import math
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ltmc.errors import invalid, not_found
from ltmc.features.measures import ratio
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import routing
from ltmc.timestamps import days_ago
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


class RoutingService:
    """Routes by features of the query: rules with weights, turned into shares that sum to one."""

    def __init__(self, database: Engine, searches: Searches) -> None:
        self._database, self._searches = database, searches

    def analyze_query(self, query: str) -> dict[str, Any]:
        """The features of a query and a score, 0 to 1, for each method."""
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

    async def route_query(self, query: str, available_methods: Sequence[str] | None = None) -> dict[str, Any]:
        """The method to take, with its share of the softmax over the scores of those allowed.

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
            async with self._database.read() as tx:
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
    ) -> dict[str, Any]:
        """Route a query and, unless told not to, carry the search out; an empty answer is tried once more
        with the broadest search, if that is allowed."""
        started = time.perf_counter()
        route = await self.route_query(query, available_methods)
        route_id = secrets.token_hex(8)
        results: Sequence[Mapping[str, Any]] | None = None
        fallback = False
        if execute:
            results = await self._searches[route["method"]](query, top_k, conversation_id, project_id)
            may_fall_back = available_methods is None or FALLBACK in available_methods
            if not results and route["method"] != FALLBACK and may_fall_back:
                results = await self._searches[FALLBACK](query, top_k, conversation_id, project_id)
                fallback = True
        elapsed_ms = (time.perf_counter() - started) * 1000

        async def write(tx: Transaction) -> None:
            await routing.insert(
                tx,
                route_id=route_id,
                project_id=project_of(project_id),
                query_hash=hashlib.sha256(query.encode()).hexdigest()[:32],
                features=json.dumps(route["features"], ensure_ascii=False),
                method=route["method"],
                confidence=route["confidence"],
                alternatives=json.dumps(route["alternatives"]),
                result_count=None if results is None else len(results),
                latency_ms=elapsed_ms,
                fallback_used=fallback,
            )

        self._database.log(write)
        return {
            "route_id": route_id,
            "recommended_method": route["method"],
            "confidence": route["confidence"],
            "reasoning": route["reasoning"],
            "alternatives": route["alternatives"],
            "features": route["features"],
            **({} if results is None else {"results": results, "count": len(results)}),
            "fallback_used": fallback,
        }

    async def record_outcome(
        self, route_id: str, result_count: int, latency_ms: float, feedback: str | None = None
    ) -> dict[str, Any]:
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
        await self._database.settle()
        async with self._database.write() as tx:
            if not await routing.record(tx, route_id, result_count, latency_ms, feedback):
                raise not_found("route_id", route_id, "route")
        return {"route_id": route_id, "recorded": True}

    async def get_routing_statistics(
        self, time_range_days: int | None = None, project_id: str | None = None
    ) -> dict[str, Any]:
        """How queries were routed and what came of it; None where there is nothing to count."""
        await self._database.settle()
        since = None if time_range_days is None else days_ago(time_range_days)
        async with self._database.read() as tx:
            rows = await routing.totals(tx, scope_of(project_id), since)
            priors = await routing.priors(tx)
            calibration = await routing.calibration(tx)
        whole = sum(row["routes"] for row in rows)

        def mean(name: str) -> float | None:
            known = [(row[name], row["routes"]) for row in rows if row[name] is not None]
            count = sum(routes for _, routes in known)
            return round(sum(value * routes for value, routes in known) / count, 4) if count else None

        return {
            "total_routes": whole,
            "method_distribution": {row["method"]: row["routes"] for row in rows},
            "average_confidence": mean("confidence"),
            "empty_rate_by_method": {
                row["method"]: ratio(row["empty"] or 0, row["answered"]) for row in rows
            },
            "fallback_rate": ratio(sum(row["fallbacks"] for row in rows), whole),
            "avg_latency_ms": mean("latency_ms"),
            "priors": priors,
            "calibration": [
                {
                    "confidence": round(row["confidence"], 4),
                    "good": round(row["good"], 4),
                    "routes": row["routes"],
                }
                for row in calibration
            ],
        }

    async def optimize(self, *, reset: bool = False) -> dict[str, Any]:
        """Learn from outcomes: a method whose outcomes are better than the rest gains, at most `MOST_LEARNT`.

        The prior is the distance of a method's share of good outcomes from that of all, halved. Methods with
        fewer than `FEWEST_SAMPLES` outcomes stay as they are by nature.

        Args:
            reset: forget all that was learnt.
        """
        await self._database.settle()
        async with self._database.write() as tx:
            before = await routing.priors(tx)
            rows = [] if reset else await routing.outcomes(tx)
            samples = sum(row["samples"] for row in rows)
            overall = sum(row["good"] * row["samples"] for row in rows) / samples if samples else 0.0
            learnt = {
                row["method"]: (
                    round(max(-MOST_LEARNT, min(MOST_LEARNT, (row["good"] - overall) / 2)), 4),
                    row["samples"],
                )
                for row in rows
                if row["samples"] >= FEWEST_SAMPLES and row["method"] in METHODS
            }
            await routing.set_priors(tx, learnt)
        good = {row["method"]: round(row["good"], 4) for row in rows}
        return {
            "changes": [
                {
                    "method": method,
                    "before": before.get(method, 0.0),
                    "after": learnt[method][0] if method in learnt else 0.0,
                    "samples": learnt[method][1] if method in learnt else 0,
                    "good": good.get(method),
                }
                for method in METHODS
                if before.get(method, 0.0) != (learnt[method][0] if method in learnt else 0.0)
            ],
            "too_few_outcomes": sorted(row["method"] for row in rows if row["samples"] < FEWEST_SAMPLES),
            "overall_good": round(overall, 4) if samples else None,
        }
