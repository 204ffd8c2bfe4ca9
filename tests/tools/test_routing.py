"""Routing: which search fits a query, how sure that is, and what is learnt from outcomes."""

from pathlib import Path
from typing import Any

import pytest

from ltmc.app.application import Application
from ltmc.features.memory.routing import FALLBACK, METHODS, RoutingService
from tests.client import Session, use
from tests.tools.routed_queries import WRITTEN_AFTER, WRITTEN_BEFORE, WRITTEN_LAST

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


@pytest.mark.parametrize(
    ("queries", "least"), [(WRITTEN_BEFORE, 38), (WRITTEN_AFTER, 30), (WRITTEN_LAST, 15)]
)
def test_queries_of_agents_are_routed(shared: Session, queries: dict[str, list[str]], least: int) -> None:
    wrong = {}
    for method, own in queries.items():
        for query in own:
            found = shared.ok("route_query", query=query, execute=False)["recommended_method"]
            if found != method:
                wrong[query] = found
    assert sum(map(len, queries.values())) - len(wrong) >= least, wrong


@pytest.fixture
def todos(shared: Session, project: str) -> str:
    """A project with two open todos and one that is done."""
    for title in ("Rotate the staging keys", "Write the release notes", "Renew the certificate"):
        added = shared.ok("add_todo", title=title, project_id=project)
    shared.ok("complete_todo", todo_id=added["todo_id"], project_id=project)
    return project


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("which tasks are done", {"Renew the certificate"}),
        ("show completed todos", {"Renew the certificate"}),
        ("what is left to do", {"Rotate the staging keys", "Write the release notes"}),
        ("which tasks are not done yet", {"Rotate the staging keys", "Write the release notes"}),
        ("is the certificate task done", {"Renew the certificate"}),
    ],
)
def test_statuses_are_understood(shared: Session, todos: str, query: str, titles: set[str]) -> None:
    found = shared.ok("route_query", query=query, project_id=todos)
    assert found["recommended_method"] == "todo_search"
    assert {one["title"] for one in found["results"]} == titles


@pytest.mark.parametrize("name", ["billing-service", "cart.ts", "user_profile", "api/v2"])
def test_names_with_joints_are_found_in_the_graph(shared: Session, project: str, name: str) -> None:
    shared.ok(
        "link_resources", source_id="checkout", target_id=name, relation="depends_on", project_id=project
    )
    found = shared.ok("route_query", query=f"what depends on {name}?", project_id=project)
    assert found["recommended_method"] == "graph_query"
    assert [edge["source_id"] for edge in found["results"]] == ["checkout"]


def test_what_sounds_like_code_is_looked_for_in_memory(shared: Session, project: str) -> None:
    note = "The API allows 600 requests a minute for each key."
    shared.ok("store_memory", file_name="limits.md", content=note, project_id=project)
    sql = "SELECT key, rate FROM api_limits LIMIT 10"
    shared.ok(
        "log_code_attempt", input_prompt="rate limits", generated_code=sql, result="pass", project_id=project
    )
    found = shared.ok("route_query", query="API rate limit per key", project_id=project)
    assert found["recommended_method"] == "semantic_search"
    assert found["results"][0]["content"] == note


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
    assert other["total_routes"] == 0


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
