"""Every call is recorded; the services behind that report what was measured."""

from pathlib import Path
from typing import Any

import pytest

from ltmc.app.application import Application
from ltmc.errors import LtmcError
from ltmc.features.analytics.service import AnalyticsService
from ltmc.features.performance.service import MonitoringService
from ltmc.settings import Settings
from tests.client import Session, use


@pytest.fixture
def used(db: Path) -> Path:
    """A database that a client has used over MCP."""
    with Session(db) as client:
        client.ok("add_todo", title="a", project_id="p")
        client.ok("log_chat", content="a", conversation_id="c", agent_name="ann", project_id="p")
        client.ok("retrieve_memory", query="a", conversation_id="c", project_id="p")
        client.bad("add_todo", "INVALID_ARGUMENT", title="")
        client.bad("complete_todo", "NOT_FOUND", todo_id=99)
    return db


def test_calls_are_recorded_with_duration_and_outcome(used: Path) -> None:
    usage = use(used, lambda app: app.get(AnalyticsService).get_usage("tool", project_id="*"))
    assert {row["tool"]: (row["count"], row["error_rate"]) for row in usage} == {
        "add_todo": (2, 0.5),
        "log_chat": (1, 0.0),
        "retrieve_memory": (1, 0.0),
        "complete_todo": (1, 1.0),
    }
    assert all(row["p50_ms"] > 0 for row in usage)
    by_project = use(used, lambda app: app.get(AnalyticsService).get_usage("project", project_id="*"))
    assert {row["project"]: row["count"] for row in by_project} == {"p": 3, "default": 2}
    by_agent = use(used, lambda app: app.get(AnalyticsService).get_usage("agent", project_id="p"))
    assert {row["agent"]: row["count"] for row in by_agent} == {"ann": 2, None: 1}
    (day,) = use(used, lambda app: app.get(AnalyticsService).get_usage("day", project_id="p"))
    assert day["count"] == 3
    metrics = use(used, lambda app: app.get(AnalyticsService).get_performance_metrics(1, "p"))
    assert metrics["error_rate"] == 0
    assert metrics["throughput_per_minute"] > 0
    with pytest.raises(LtmcError, match="tool, project, caller, agent, day"):
        use(used, lambda app: app.get(AnalyticsService).get_usage("mood"))


def test_the_report_is_measured(used: Path) -> None:
    report = use(used, lambda app: app.get(MonitoringService).get_performance_report(24, "*"))
    assert report["requests"]["total"] == 5
    assert report["requests"]["errors"] == 2
    assert report["tools"]["called"]["add_todo"] == 2
    assert "store_memory" in report["tools"]["never_called"]
    assert report["storage"]["todos"] == 1
    assert report["storage"]["messages"] == 1
    assert report["storage"]["db_bytes"] == used.stat().st_size
    assert report["health_score"] == 1.0
    assert any("2 of 5 calls failed" in sentence for sentence in report["recommendations"])


def test_probes_see_what_is_wrong_and_change_nothing(used: Path) -> None:
    before = used.read_bytes()
    assert use(used, lambda app: app.get(MonitoringService).health_check())["status"] == "healthy"
    healthy = use(used, lambda app: app.get(MonitoringService).health_check(thorough=True))
    assert healthy["status"] == "healthy"
    assert used.read_bytes() == before, "a probe wrote"
    assert healthy["services"]["sqlite"]["integrity"] == "ok"

    async def break_index(app: Application) -> Any:
        async with app.engine.write() as tx:
            await tx.run("DELETE FROM todos")
        return await app.get(MonitoringService).health_check(thorough=True)

    broken = use(used, break_index)
    assert broken["status"] == "unhealthy"
    assert broken["services"]["search_index"]["error"] == "todo: 0 rows, 1 indexed"
    with pytest.raises(LtmcError, match="known: sqlite"):
        use(used, lambda app: app.get(MonitoringService).validate_service("qdrant"))


def test_a_dead_cache_degrades(used: Path) -> None:
    async def check(_: Application) -> Any:
        app = Application(Settings(db=used, redis_url="redis://127.0.0.1:1/0"))
        try:
            return await app.get(MonitoringService).health_check()
        finally:
            await app.close()

    health = use(used, check)
    assert health["status"] == "degraded"
    assert health["services"]["cache"]["status"] == "down"


def test_utilisation(used: Path) -> None:
    utilisation = use(used, lambda app: app.get(AnalyticsService).get_system_utilization())
    assert utilisation["process_rss_bytes"] > 1_000_000
    assert utilisation["db_bytes"] > 0
    assert utilisation["threads"] >= 1
