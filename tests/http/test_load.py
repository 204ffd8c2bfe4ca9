"""The short form of tests/soak/http_load.py."""

import asyncio
from pathlib import Path

from tests.http.serving import Serving
from tests.soak.http_load import load


def test_two_hundred_sessions_at_a_time(db: Path) -> None:
    with Serving(db) as server:
        figures = asyncio.run(load(server, sessions=200, seconds=5))
    print(f"\n{figures}")
    assert not figures.failures
    assert figures.visits >= 200
    assert len(figures.milliseconds) >= 200
    assert (figures.missing, figures.twice) == (0, 0)
    assert figures.growth() < 1.5  # the long form, which has warmed up, is strict
    assert server.log[2:] == []
