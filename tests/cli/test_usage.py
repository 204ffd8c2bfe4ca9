"""What was called, how queries were routed, and single probes, from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client import Session, run_cli


def answer(*arguments: str, db: Path) -> Any:
    """The JSON that a command prints."""
    done = run_cli(*arguments, "--db", str(db), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def routes(db: Path) -> list[str]:
    """A database on which three queries were routed and one call failed; the ids of the routes."""
    with Session(db) as client:
        client.ok("add_todo", title="Prune the quince")
        client.any("add_todo")
        return [
            client.ok("route_query", query="open todos about the quince", execute=True)["route_id"]
            for _ in range(3)
        ]


def test_usage_counts_calls(db: Path, routes: list[str]) -> None:
    report = answer("usage", db=db)
    rows = {row["tool"]: row for row in report["calls"]}
    assert (rows["route_query"]["count"], rows["route_query"]["error_rate"]) == (3, 0.0)
    assert (rows["add_todo"]["count"], rows["add_todo"]["error_rate"]) == (2, 0.5)
    assert report["total"]["error_rate"] == 0.2
    (day,) = answer("usage", "--by", "day", db=db)["calls"]
    assert day["count"] == 5
    assert answer("usage", "--project", "other", db=db)["calls"] == []
    shown = run_cli("usage", "--db", str(db)).stdout
    assert "route_query" in shown


def test_routing_shows_outcomes_and_learns_from_them(db: Path, routes: list[str]) -> None:
    report = answer("routing", db=db)
    assert report["total_routes"] == 3
    assert sum(report["method_distribution"].values()) == 3
    assert "3 routes" in run_cli("routing", "--db", str(db)).stdout
    noted = run_cli(
        "routing", "outcome", routes[0], "--results", "2", "--latency-ms", "1.5", "--feedback", "helpful",
        "--db", str(db),
    )  # fmt: skip
    assert noted.returncode == 0, noted.stderr
    learnt = answer("routing", "learn", db=db)
    assert learnt["changes"] == []
    assert learnt["too_few_outcomes"]
    assert run_cli("routing", "learn", "--reset", "--db", str(db)).stdout == "Nothing changed.\n"


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["routing", "outcome", "none", "--results", "1", "--latency-ms", "1"], 1, "none"),
        (["routing", "outcome", "none", "--results", "-1", "--latency-ms", "1"], 2, "result_count"),
        (["usage", "--days", "0"], 2, "--days"),
        (["usage", "--by", "mood"], 2, "mood"),
        (["doctor", "--service", "qdrant"], 1, "known: sqlite"),
    ],
)
def test_wrong_arguments_are_named(db: Path, arguments: list[str], status: int, why: str) -> None:
    done = run_cli(*arguments, "--db", str(db))
    assert done.returncode == status, done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_probes_one_part(db: Path) -> None:
    assert answer("doctor", "--service", "sqlite", db=db)["status"] == "ok"
