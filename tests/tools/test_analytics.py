"""The usage statistics through a real client."""

from tests.client import Session


def test_statistics_come_from_what_was_done(shared: Session, project: str) -> None:
    empty = shared.ok("get_context_usage_statistics", project_id=project)
    assert empty["conversations"] == {"total": 0, "messages": 0, "by_role": {}, "avg_messages": None}
    assert empty["retrieval"]["empty_rate"] is None
    assert empty["peak_hour"] is None
    shared.ok("store_memory", file_name="a.md", content="lemon", project_id=project)
    shared.ok("store_memory", file_name="b.md", content="melon", project_id=project)
    shared.ok("log_chat", content="hi", conversation_id="c", agent_name="bot", role="ai", project_id=project)
    shared.ok("log_chat", content="hi", conversation_id="d", project_id=project)
    shared.ok("log_chat", content="ho", conversation_id="d", project_id=project)
    shared.ok("retrieve_memory", query="lemon", top_k=1, project_id=project)
    shared.ok("retrieve_memory", query="zebra", min_score=0.9, project_id=project)
    found = shared.ok("get_context_usage_statistics", time_range_days=1, project_id=project)
    assert found["conversations"] == {
        "total": 2,
        "messages": 3,
        "by_role": {"assistant": 1, "user": 2},
        "avg_messages": 1.5,
    }
    assert found["retrieval"]["total_queries"] == 2
    assert found["retrieval"]["empty_rate"] == 0.5
    assert found["retrieval"]["p95_ms"] > 0
    assert sum(day["count"] for day in found["retrieval"]["queries_per_day"]) == 2
    assert found["links"]["unique_chunks_used"] == 1
    assert found["most_used_chunks"][0]["file_name"] == "a.md"
    assert found["unused_resources_count"] == 1
    assert found["agents"][0]["agent_name"] == "bot"
    assert 0 <= found["peak_hour"] <= 23
    assert shared.ok("get_context_usage_statistics", project_id="*")["conversations"]["messages"] >= 3


def test_statistics_refuse(shared: Session) -> None:
    shared.bad("get_context_usage_statistics", "INVALID_ARGUMENT", "time_range_days", time_range_days=0)
    shared.bad("get_context_usage_statistics", "INVALID_ARGUMENT", "top_k", top_k=99)
