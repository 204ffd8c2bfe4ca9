"""The soaks in a short form; `python -m tests.soak.<name>` runs the long ones."""

import asyncio
from pathlib import Path

import pytest

from ltmc.tools import selection
from tests.artefacts import command
from tests.soak import database_life, log_growth, many_clients, ping, sudden_death, year


def test_many_clients_lose_nothing(db: Path) -> None:
    report = asyncio.run(many_clients.run(db, servers=4, lanes=4, writes=1200))
    many_clients.check(db, report)
    print(report)


@pytest.mark.parametrize("form", ["source", "pyz", "frozen"])
def test_sudden_death_loses_nothing(db: Path, form: str) -> None:
    print(sudden_death.run(db, 6 if form == "source" else 3, command(form)))


def test_no_order_of_events_loses_anything() -> None:
    print(database_life.run(rounds=3, steps=8, servers=2, number=3))


def test_a_ping_is_answered_beside_any_call(tmp_path: Path) -> None:
    shapes = {"functions": ping.SHAPES["functions"]}
    slowest = asyncio.run(ping.run(tmp_path, shapes, memories=100, size=20_000))
    assert slowest.keys() == {tool.name for tool in selection.select("all")}
    late = {tool: str(found) for tool, found in slowest.items() if found.ping > ping.LONGEST_PING}
    assert not late


def test_many_calls_leave_the_log_within_its_bound(db: Path) -> None:
    print(asyncio.run(log_growth.run(db, calls=30_000, rows=1_000)))


def test_a_year_of_changes_is_answered_as_it_was_on_each_day(db: Path) -> None:
    print(year.run(db, facts=60, changes=40, questions=60, seed=7))
