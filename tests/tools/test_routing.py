"""Routing: which search fits a query, how sure that is, and what is learnt from outcomes."""

from pathlib import Path
from typing import Any

import pytest

from ltmc.app.application import Application
from ltmc.errors import LtmcError
from ltmc.features.memory.routing import FALLBACK, METHODS, MOST_LEARNT, RoutingService
from tests.client import use

LABELLED = {
    "todo_search": [
        "which todo tasks are pending?",
        "what is still open in my backlog",
        "show unfinished tasks",
        "todos with high priority",
        "what remaining task is there",
    ],
    "chat_history": [
        "what did ann say in our discussion",
        "what was agreed in the conversation",
        "who mentioned the outage in chat",
        "what did we decide, as discussed",
        "did he tell us, or was it asked in chat",
    ],
    "code_patterns": [
        "python function to parse csv",
        "regex code that failed to compile",
        "typescript class for the api",
        "sql code with an error",
        "rust implementation of parse",
    ],
    "graph_query": [
        "what depends on the billing service, in the graph",
        "links between auth and login",
        "which documents are related to or connected with setup.md",
        "dependencies of the parser and its neighbours",
    ],
    "blueprint_search": [
        "milestones of the roadmap",
        "which blueprint was planned with a deadline",
        "estimated plan of subtasks",
    ],
    "semantic_search": [
        "how does retry of payments work",
        "why is the cache cleared at night",
        "explain the concept of a lease",
        "how do we deploy to the staging cluster",
        "what does the onboarding document mean by ownership",
    ],
    "recent_items": ["latest and newest", "recent things of today", "what is new since yesterday"],
    "keyword_search": ['"connection reset by peer"', '"lazy loading"'],
}


def test_labelled_queries_are_routed_and_confidence_is_near_accuracy(db: Path) -> None:
    async def route(app: Application) -> list[tuple[bool, float]]:
        found = []
        for method, queries in LABELLED.items():
            for query in queries:
                answer = await app.get(RoutingService).route_query(query)
                shares = [answer["confidence"], *(one["confidence"] for one in answer["alternatives"])]
                assert sum(shares) == pytest.approx(1, abs=0.001)
                found.append((answer["method"] == method, answer["confidence"]))
        return found

    found = use(db, route)
    accuracy = sum(right for right, _ in found) / len(found)
    confidence = sum(share for _, share in found) / len(found)
    assert accuracy >= 0.8
    assert accuracy - 0.2 <= confidence <= accuracy, "it does not promise more than it keeps"
    right = [share for is_right, share in found if is_right]
    wrong = [share for is_right, share in found if not is_right]
    assert not wrong or sum(right) / len(right) > sum(wrong) / len(wrong)


def test_statistics_count_what_was_routed(db: Path) -> None:
    async def route(app: Application) -> Any:
        empty = await app.get(RoutingService).get_routing_statistics()
        for query in ("which todo tasks are pending?", "how does it work", "how does it work"):
            await app.get(RoutingService).answer(
                query, available_methods=None, execute=True, top_k=5, conversation_id=None, project_id=None
            )
        return (
            empty,
            await app.get(RoutingService).get_routing_statistics(),
            await app.get(RoutingService).get_routing_statistics(1, "other"),
        )

    empty, full, other = use(db, route)
    assert (empty["total_routes"], empty["average_confidence"], empty["avg_latency_ms"]) == (0, None, None)
    assert full["total_routes"] == 3
    assert full["method_distribution"] == {"semantic_search": 2, "todo_search": 1}
    assert full["empty_rate_by_method"] == {"semantic_search": 1.0, "todo_search": 1.0}
    assert full["fallback_rate"] == pytest.approx(1 / 3, abs=0.001)
    assert 0 < full["average_confidence"] < 1
    assert full["avg_latency_ms"] > 0
    assert full["calibration"][0]["good"] == 0
    assert other["total_routes"] == 0


def test_outcomes_teach_within_bounds_and_can_be_forgotten(db: Path) -> None:
    query = "what did ann say in our discussion"

    async def learn(app: Application) -> None:
        routing = app.get(RoutingService)

        async def ask(text: str, feedback: str, times: int) -> None:
            for _ in range(times):
                answer = await routing.answer(
                    text,
                    available_methods=None,
                    execute=False,
                    top_k=5,
                    conversation_id=None,
                    project_id=None,
                )
                await routing.record_outcome(answer["route_id"], 1, 2.0, feedback)

        plain = await routing.route_query(query)
        await ask(query, "unhelpful", 19)
        assert (await routing.optimize())["changes"] == []
        assert (await routing.optimize())["too_few_outcomes"] == ["chat_history"]
        await ask(query, "unhelpful", 11)
        await ask("how does it work", "helpful", 30)
        report = await routing.optimize()
        assert {change["method"]: change["after"] for change in report["changes"]} == {
            "semantic_search": MOST_LEARNT,
            "chat_history": -MOST_LEARNT,
        }
        assert report["overall_good"] == 0.5
        learnt = await routing.route_query(query)
        assert learnt["confidence"] < plain["confidence"]
        assert learnt["method"] == "chat_history", "what is learnt does not outweigh what is said"
        assert "learnt from outcomes" in learnt["reasoning"]
        assert (await routing.optimize())["changes"] == [], "the same outcomes teach the same"
        back = await routing.optimize(reset=True)
        assert {change["after"] for change in back["changes"]} == {0.0}
        assert await routing.route_query(query) == plain

    use(db, learn)


def test_outcomes_are_checked(db: Path) -> None:
    async def record(app: Application) -> None:
        for arguments, code in (
            (("none", 1, 1.0), "NOT_FOUND"),
            (("none", -1, 1.0), "INVALID_ARGUMENT"),
            (("none", 1, 1.0, "fine"), "INVALID_ARGUMENT"),
        ):
            with pytest.raises(LtmcError) as caught:
                await app.get(RoutingService).record_outcome(*arguments)
            assert caught.value.code == code

    use(db, record)


def test_a_failing_analysis_falls_back_and_says_so(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def route(app: Application) -> Any:
        def fail(query: str) -> None:
            raise ValueError("no such word")

        monkeypatch.setattr(app.get(RoutingService), "analyze_query", fail)
        return await app.get(RoutingService).route_query("anything")

    answer = use(db, route)
    assert answer["method"] == FALLBACK
    assert "no such word" in answer["reasoning"]
    assert len(answer["alternatives"]) == len(METHODS) - 1
