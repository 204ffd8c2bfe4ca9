"""Several servers on one PostgreSQL behind a balancer: they come and go, so does the database, and nothing is lost.

    python -m tests.soak.replicas [--servers 3] [--sessions 200] [--seconds 60] [--throughput 10]

The clients are those of `tests.soak.http_load`, through HAProxy with the configuration of docs/deployment. Meanwhile
one server is ended and another one added, then one is killed, then PostgreSQL crashes and starts again. Until the kill
no call may fail. At a kill those may that were being answered, and while PostgreSQL is away those that need it, with an
answer that says so. At the end every acknowledged write is looked up.

With `--throughput`, calls a second of 1, 2, 3 ... servers are measured before, for so many seconds each.

Exits with 1 if a call failed that may not, or a write is missing or is there twice.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.http.balancing import Balancer, free_port
from tests.http.serving import Serving
from tests.postgres import PostgresPlace, PostgresServer
from tests.soak.http_load import Figures, session

AFTERWARDS_SECONDS = 2.0
"""After a kill or an outage, how long until all must be well again: failures until then are counted apart."""


class Fleet:
    """Servers on one database, behind a balancer.

    Args:
        most: how many there may be in all, those that are ended included.

    Attributes:
        port: the balancer's.
        token: the owner's, which all servers share.
        running: the servers.
    """

    def __init__(self, place: PostgresPlace, home: Path, most: int) -> None:
        self._place, self._home = place, home
        self._ports = [free_port() for _ in range(most)]
        self._free = iter(self._ports)
        self._stack = ExitStack()
        self.running: list[Serving] = []

    def __enter__(self) -> "Fleet":
        self.port = self._stack.enter_context(Balancer(self._ports)).port
        return self

    def __exit__(self, *_: object) -> None:
        while self.running:
            self.end()
        self._stack.close()

    def add(self) -> None:
        """Start one more server."""
        server = Serving(
            self._place, "--port", str(next(self._free)), HOME=str(self._home), LTMC_HTTP_DRAIN_SECONDS="3"
        )
        self.running.append(server.__enter__())
        self.token = server.token
        time.sleep(1)  # two checks of the balancer, which has found nobody there before

    def end(self) -> None:
        """End the oldest server; what it answers is answered."""
        server = self.running.pop(0)
        server.process.terminate()
        assert server.finish() == 0, server.log

    def kill(self) -> None:
        """Kill the oldest server."""
        server = self.running.pop(0)
        server.process.send_signal(signal.SIGKILL)
        assert server.finish() == -signal.SIGKILL

    def titles(self) -> Counter[str]:
        """The titles of all todos."""
        found: Counter[str] = Counter()
        more = True
        while more:
            page = self.running[0].call("list_todos", limit=100, offset=found.total())
            found.update(todo["title"] for todo in page["todos"])
            more = page["has_more"]
        return found


class Weather:
    """What happens to the fleet while the clients are at work.

    Attributes:
        apart: failures that a kill and an outage excuse.
    """

    def __init__(self, fleet: Fleet, postgres: PostgresServer, figures: Figures) -> None:
        self._fleet, self._postgres, self._figures = fleet, postgres, figures
        self.apart: dict[str, Counter[str]] = {}

    async def pass_by(self, seconds: float) -> None:
        """Have it all happen within a time."""
        pause = (seconds - 2 * AFTERWARDS_SECONDS) / 8  # servers take time to start
        for happens in (self._fleet.end, self._fleet.add):
            await asyncio.sleep(pause)
            await asyncio.to_thread(happens)
        await asyncio.sleep(pause)
        with self._excused("a server was killed"):
            await asyncio.to_thread(self._fleet.kill)
            await asyncio.sleep(AFTERWARDS_SECONDS)
        await asyncio.sleep(pause)
        with self._excused("PostgreSQL was away"):
            await asyncio.to_thread(self._postgres.stop)
            await asyncio.sleep(1)
            await asyncio.to_thread(self._postgres.start)
            await asyncio.sleep(AFTERWARDS_SECONDS)

    @contextmanager
    def _excused(self, why: str) -> Iterator[None]:
        strict, self._figures.failures = self._figures.failures, Counter()
        try:
            yield
        finally:
            self.apart[why], self._figures.failures = self._figures.failures, strict


async def load(
    fleet: Fleet, sessions: int, seconds: float, weather: Weather | None, figures: Figures
) -> None:
    """Run the clients, and what happens meanwhile."""
    until = time.monotonic() + seconds
    working = [session(fleet, number, until, figures) for number in range(sessions)]
    await asyncio.gather(*working, *([weather.pass_by(seconds)] if weather else []))


def run(
    postgres: PostgresServer, servers: int, sessions: int, seconds: float
) -> tuple[Figures, dict[str, Any]]:
    """Run it all; the figures, and the failures that were excused."""
    with (
        tempfile.TemporaryDirectory() as home,
        Fleet(postgres.empty_database(), Path(home), servers + 1) as fleet,
    ):
        for _ in range(servers):
            fleet.add()
        figures = Figures()
        weather = Weather(fleet, postgres, figures)
        asyncio.run(load(fleet, sessions, seconds, weather, figures))
        found = fleet.titles()
    figures.missing = sum(not found[title] for title in figures.added)
    figures.twice = sum(count > 1 for count in found.values())
    return figures, weather.apart


def throughput(postgres: PostgresServer, servers: int, sessions: int, seconds: float) -> float:
    """Calls a second of so many servers."""
    with (
        tempfile.TemporaryDirectory() as home,
        Fleet(postgres.empty_database(), Path(home), servers) as fleet,
    ):
        for _ in range(servers):
            fleet.add()
        figures = Figures()
        asyncio.run(load(fleet, sessions, seconds, None, figures))
    assert not figures.failures, figures.failures
    return len(figures.milliseconds) / seconds


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--throughput", type=float, default=0)
    options = parser.parse_args()
    postgres = PostgresServer()
    try:
        for count in range(1, options.servers + 1) if options.throughput else ():
            rate = throughput(postgres, count, options.sessions, options.throughput)
            print(f"{count} servers: {rate:.0f} calls a second", flush=True)
        figures, apart = run(postgres, options.servers, options.sessions, options.seconds)
    finally:
        postgres.remove()
    print(
        f"{options.sessions} sessions at a time on {options.servers} servers, {os.cpu_count()} cores for all"
    )
    print(f"calls: {len(figures.milliseconds)}, failures: {dict(figures.failures)}")
    for why, failures in apart.items():
        print(f"while {why}: {failures.total()} failures")
        for failure, count in failures.most_common(5):
            print(f"  {count} {failure[:160]}")
    print(f"acknowledged writes: {len(figures.added)}, missing: {figures.missing}, twice: {figures.twice}")
    if figures.failures or figures.missing or figures.twice:
        sys.exit(1)


if __name__ == "__main__":
    main()
