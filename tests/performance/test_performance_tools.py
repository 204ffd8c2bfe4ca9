"""The performance tools through a real client: everything measured, nothing invented."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ltmc import __version__
from ltmc.tools import manifest
from tests.client import Session


def finish(
    client: Session, project: str, skills: list[str], hours: float | None, member: dict[str, Any]
) -> None:
    key = client.ok(
        "create_task_blueprint",
        title="A task",
        description="Do it.",
        required_skills=skills,
        estimated_duration_minutes=60,
        project_id=project,
    )["blueprint_id"]
    given = client.ok("assign_task_to_team", blueprint_id=key, available_members=[member])
    more = {} if hours is None else {"actual_hours_worked": hours}
    client.ok("update_task_progress", assignment_id=given["assignment_id"], progress_percentage=100, **more)


def test_nothing_done_gives_nulls_not_defaults(shared: Session, project: str) -> None:
    found = shared.ok("get_taskmaster_performance_metrics", project_id=project)
    assert found["blueprints"]["total"] == 0
    assert found["blueprints"]["by_status"] == dict.fromkeys(("draft", "active", "completed", "cancelled"), 0)
    for name in ("completion_rate", "on_time_rate", "avg_cycle_hours", "team_utilization"):
        assert found[name] is None
    assert found["estimate_ratio"] == {"mean": None, "median": None}
    assert found["skills"] == {"bottleneck": None, "most_efficient": None}
    assert found["assignments"] == {"active": 0, "blocked": 0, "overdue": 0, "avg_confidence": None}
    assert found["routing_ms"] == {"p50": None, "p95": None}
    assert found["insights"] == []


def test_figures_are_those_of_the_work(shared: Session, project: str) -> None:
    ann = {"id": "ann", "skills": ["python", "sql"]}
    finish(shared, project, ["python"], 2, ann)
    finish(shared, project, ["sql"], 1, ann)
    finish(shared, project, ["sql"], None, ann)
    for complexity, status in (("SIMPLE", "cancelled"), ("COMPLEX", None)):
        key = shared.ok(
            "create_task_blueprint",
            title="B",
            description="Do it.",
            complexity=complexity,
            required_skills=["rust"],
            project_id=project,
        )["blueprint_id"]
        if status:
            shared.ok("update_blueprint_metadata", blueprint_id=key, status=status)
    busy = shared.ok(
        "create_task_blueprint",
        title="C",
        description="Do it.",
        estimated_duration_minutes=1200,
        required_skills=["python"],
        project_id=project,
    )["blueprint_id"]
    given = shared.ok("assign_task_to_team", blueprint_id=busy, available_members=[ann], project_id=project)
    shared.ok(
        "update_task_progress", assignment_id=given["assignment_id"], progress_percentage=50, status="blocked"
    )
    found = shared.ok("get_taskmaster_performance_metrics", project_id=project)
    assert found["blueprints"]["total"] == 6
    assert found["blueprints"]["by_status"] == {"draft": 1, "active": 1, "completed": 3, "cancelled": 1}
    assert found["blueprints"]["by_complexity"]["COMPLEX"] == 1
    assert found["completion_rate"] == 0.6
    assert found["on_time_rate"] == 1.0
    assert found["estimate_ratio"] == {"mean": 1.5, "median": 1.5}
    assert found["avg_cycle_hours"] is not None
    assert (found["assignments"]["active"], found["assignments"]["blocked"]) == (1, 1)
    assert found["skills"]["bottleneck"] == {
        "skill": "rust",
        "open_minutes": 480,
        "available_minutes": 0,
        "ratio": None,
    }
    assert found["skills"]["most_efficient"] == {"skill": "sql", "actual_per_estimate": 1.0, "assignments": 1}
    assert found["team_utilization"] == 0.25
    assert found["routing_ms"]["p50"] > 0
    assert any("rust" in sentence for sentence in found["insights"])
    everywhere = shared.ok("get_taskmaster_performance_metrics", project_id="*", time_range_days=1)
    assert everywhere["blueprints"]["total"] >= 6


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25", "2026-07-28"])
def test_the_report_tells_of_this_server(db: Path, version: str) -> None:
    with Session(db, version=version) as client:
        client.ok("add_todo", title="a")
        client.bad("add_todo", "INVALID_ARGUMENT", title="")
        found = client.ok("get_performance_report")
    server = found["server"]
    assert (server["version"], server["protocol"], server["transport"]) == (__version__, version, "stdio")
    assert server["uptime_seconds"] > 0
    assert found["requests"]["total"] == 2
    assert found["requests"]["error_rate"] == 0.5
    assert found["tools"]["registered"] == len(manifest.tools())
    assert sum(found["tools"]["by_category"].values()) == len(manifest.tools())
    assert found["tools"]["called"] == {"add_todo": 2}
    assert "get_performance_report" in found["tools"]["never_called"]
    assert found["latency"]["p50_ms"] > 0
    assert found["storage"]["todos"] == 1
    assert (found["storage"]["vectors"], found["storage"]["blueprints"]) == (1, 0)
    engine = found["server"]["database"]
    assert {
        name: found["backends"][name]["status"] for name in (engine, "vector_index", "graph", "redis")
    } == {
        engine: "ok",
        "vector_index": "ok",
        "graph": "ok",
        "redis": "disabled",
    }
    assert found["health_score"] == 1.0


def test_targets_are_set_tool_by_tool(db: Path) -> None:
    with Session(db, env={"LTMC_TARGETS_MS": '{"add_todo": 0.001}'}) as client:
        client.ok("add_todo", title="a")
        client.ok("list_todos")
        found = client.ok("get_performance_report", time_range_hours=1)
    slow = {row["tool"]: row for row in found["slow_tools"]}
    assert slow["add_todo"]["target_ms"] == 0.001
    assert slow["add_todo"]["count"] == 1
    assert found["targets"]["missed"] == len(slow)
    assert any(sentence.startswith("add_todo took") for sentence in found["recommendations"])


def test_a_dead_redis_is_named(db: Path) -> None:
    with Session(db, env={"LTMC_REDIS_URL": "redis://127.0.0.1:1/0"}) as client:
        found = client.ok("get_performance_report")
    assert found["backends"]["redis"]["status"] == "down"
    assert found["health_score"] == 1.0, "an optional part is no required one"
    assert any(sentence.startswith("redis is down") for sentence in found["recommendations"])


def test_bad_ranges_are_refused(shared: Session) -> None:
    for tool, field, value in (
        ("get_performance_report", "time_range_hours", 0),
        ("get_performance_report", "time_range_hours", 8761),
        ("get_taskmaster_performance_metrics", "time_range_days", 0),
        ("get_taskmaster_performance_metrics", "project_id", "a b"),
    ):
        shared.bad(tool, "INVALID_ARGUMENT", field, **{field: value})


def test_logs_end_with_their_days(tmp_path: Path) -> None:
    db, old = tmp_path / "ltmc.db", "2024-01-01T00:00:00Z"
    with Session(db) as client:
        client.ok("list_projects")
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("INSERT INTO projects (project_id, created_at) VALUES ('p', ?)", (old,))
        connection.execute(
            "INSERT INTO sync_sessions (sync_id, project_id, paths, interval_ms, auto_sync, status, process_id, "
            "started_at) VALUES ('s', 'p', '[]', 100, 0, 'stopped', 1, ?)",
            (old,),
        )
        connection.execute(
            "INSERT INTO tool_calls (tool, duration_ms, ok, created_at) VALUES ('x', 1, 1, ?)", (old,)
        )
        connection.execute(
            "INSERT INTO sync_events (sync_id, file_path, change_type, sync_state, created_at) "
            "VALUES ('s', 'a.py', 'created', 'synced', ?)",
            (old,),
        )
    with Session(db) as client:
        client.ok("list_projects")
    with contextlib.closing(sqlite3.connect(db)) as connection:
        for log in ("tool_calls", "sync_events"):
            kept = f"SELECT count(*) FROM {log} WHERE created_at = ?"
            assert connection.execute(kept, (old,)).fetchone() == (0,), log
