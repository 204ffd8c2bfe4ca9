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
def routes(db: Path) -> None:
    """A database on which three queries were routed and one call failed."""
    with Session(db, "--project", "auto") as client:
        client.ok("add_todo", title="Prune the quince")
        client.any("add_todo")
        for _ in range(3):
            client.ok("route_query", query="open todos about the quince", execute=True)


def test_usage_counts_calls(db: Path, routes: None) -> None:
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


def test_routing_shows_where_queries_went(db: Path, routes: None) -> None:
    report = answer("routing", db=db)
    assert report["total_routes"] == 3
    assert sum(report["method_distribution"].values()) == 3
    assert "3 routes" in run_cli("routing", "--db", str(db)).stdout


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["usage", "--days", "0"], 2, "--days"),
        (["usage", "--by", "mood"], 2, "mood"),
        (["doctor", "--service", "qdrant"], 1, "search_index, cache"),
    ],
)
def test_wrong_arguments_are_named(
    db: Path, routes: None, arguments: list[str], status: int, why: str
) -> None:
    done = run_cli(*arguments, "--db", str(db))
    assert done.returncode == status, done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_probes_one_part(db: Path, routes: None) -> None:
    assert answer("doctor", "--service", "search_index", db=db)["status"] == "ok"
