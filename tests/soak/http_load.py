"""Many clients at a time over HTTP: no error, no lost write, and memory stays flat.

    python -m tests.soak.http_load [--sessions 200] [--seconds 60]

Each session has a connection of its own; every other one is of the newer protocol era. It shakes hands,
stores, recalls, adds and lists todos, and after twenty calls leaves and comes back on a new connection, until
the time is over. The server is one process on loopback. At the end every acknowledged write is looked up.
(The clients are bare sockets: the SDK's client takes several times the server's time for a call.)

Each session stores one memory again and again, so that what is kept in memory for search stays the same size.
Memory is the server's resident set, sampled ten times a second. It is flat if its median over the last quarter
of the run is at most 10 % above that over the second quarter, by when every session has been there.

Exits with 1 if a call failed, a write is missing or is there twice, or memory grew.
"""

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.http.serving import HEADERS, Serving, for_era

CALLS_A_VISIT = 20
GROWTH_ALLOWED = 1.10


@dataclass
class Figures:
    """What was measured.

    Attributes:
        milliseconds: how long each call took, as its client saw it.
        failures: what went wrong.
        visits: how often a session was opened.
        added: titles of the todos whose adding was acknowledged.
        resident: (seconds since the start, bytes) of the server's memory.
    """

    milliseconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    visits: int = 0
    added: list[str] = field(default_factory=list)
    resident: list[tuple[float, int]] = field(default_factory=list)
    missing: int = 0
    twice: int = 0

    def growth(self) -> float:
        """The last quarter's median memory as a share of the second quarter's."""
        end = self.resident[-1][0]
        quarters = [
            [size for second, size in self.resident if low * end <= second <= (low + 0.25) * end]
            for low in (0.25, 0.75)
        ]
        return statistics.median(quarters[1]) / statistics.median(quarters[0])

    def __str__(self) -> str:
        percentiles = statistics.quantiles(self.milliseconds, n=100)
        megabytes = [size / 1e6 for _, size in self.resident]
        return "\n".join(
            (
                (
                    f"calls: {len(self.milliseconds)} in {self.resident[-1][0]:.0f} s, visits: {self.visits}, "
                    f"failures: {self.failures.total()} {dict(self.failures) or ''}"
                ),
                (
                    f"latency: p50 {percentiles[49]:.0f} ms, p99 {percentiles[98]:.0f} ms, "
                    f"max {max(self.milliseconds):.0f} ms"
                ),
                f"acknowledged writes: {len(self.added)}, missing: {self.missing}, twice: {self.twice}",
                (
                    f"memory: {megabytes[0]:.0f} MB before, {max(megabytes):.0f} MB at most, "
                    f"{megabytes[-1]:.0f} MB at the end; last quarter over second quarter: {self.growth():.3f}"
                ),
            )
        )


def resident_bytes(pid: int) -> int:
    """The resident set of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


class Peer:
    """A client of one era on one connection."""

    def __init__(self, server: Serving, era: str) -> None:
        self._server, self._era = server, era

    async def __aenter__(self) -> "Peer":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        if self._era >= "2026":
            discovered = await self.request("server/discover")
            assert self._era in discovered["supportedVersions"], discovered
            return self
        about = {
            "protocolVersion": self._era,
            "clientInfo": {"name": "load", "version": "1"},
            "capabilities": {},
        }
        assert (await self.request("initialize", about))["protocolVersion"] == self._era
        await self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}, {}, 202)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def request(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of a request."""
        headers, params = for_era(self._era, method, params or {})
        body = await self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers, 200)
        result = json.loads(body)["result"]
        assert isinstance(result, dict)
        return result

    async def _post(self, message: dict[str, Any], headers: dict[str, str], status: int) -> bytes:
        body = json.dumps(message).encode()
        given = {
            **HEADERS,
            **headers,
            "Host": "127.0.0.1",
            "Authorization": f"Bearer {self._server.token}",
            "Content-Length": str(len(body)),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self._writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = answer.partition("content-length:")[2].split(maxsplit=1)
        content = await self._reader.readexactly(int(length[0]) if length else 0)
        assert answer.startswith(f"http/1.1 {status} "), answer + content.decode()
        return content


async def session(server: Serving, number: int, until: float, figures: Figures) -> None:
    """Visit the server again and again."""
    era = ("2025-11-25", "2026-07-28")[number % 2]
    while time.monotonic() < until:
        figures.visits += 1
        try:
            async with Peer(server, era) as client:
                await visit(client, number, until, figures)
        except Exception as error:  # noqa: BLE001 - counted and reported, whatever it is
            figures.failures[f"{type(error).__name__}: {str(error)[:200]}"] += 1


async def visit(client: Peer, number: int, until: float, figures: Figures) -> None:
    for _ in range(CALLS_A_VISIT):
        if time.monotonic() >= until:
            return
        title = f"todo {number} {random.getrandbits(60):x}"
        tool, arguments = random.choice(
            [
                ("add_todo", {"title": title}),
                ("list_todos", {"limit": 5}),
                ("retrieve_memory", {"query": f"harvest of session {number}", "top_k": 3}),
                (
                    "store_memory",
                    {
                        "file_name": f"session-{number}.md",
                        "content": f"Session {number} reports a harvest of {random.random()} tons.",
                    },
                ),
            ]
        )
        started = time.perf_counter()
        result = await client.request("tools/call", {"name": tool, "arguments": arguments})
        figures.milliseconds.append((time.perf_counter() - started) * 1000)
        if not result["structuredContent"]["success"]:
            figures.failures[f"{tool}: {result['structuredContent']}"] += 1
        elif tool == "add_todo":
            figures.added.append(title)


async def sample(server: Serving, started: float, figures: Figures) -> None:
    while True:
        figures.resident.append((time.monotonic() - started, resident_bytes(server.process.pid)))
        await asyncio.sleep(0.1)


async def load(server: Serving, sessions: int, seconds: float) -> Figures:
    """Run the load; the figures, with the acknowledged writes looked up."""
    figures = Figures()
    server.call("list_todos")  # so that memory before is that of a server at work
    started = time.monotonic()
    sampler = asyncio.create_task(sample(server, started, figures))
    await asyncio.gather(*(session(server, number, started + seconds, figures) for number in range(sessions)))
    sampler.cancel()
    found: Counter[str] = Counter()
    more = True
    while more:
        page = await asyncio.to_thread(server.call, "list_todos", limit=100, offset=found.total())
        found.update(todo["title"] for todo in page["todos"])
        more = page["has_more"]
    figures.missing = sum(not found[title] for title in figures.added)
    figures.twice = sum(count > 1 for count in found.values())
    return figures


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Serving(Path(folder) / "ltmc.db") as server:
        figures = asyncio.run(load(server, options.sessions, options.seconds))
    print(f"{options.sessions} sessions at a time")
    print(figures)
    print("\n".join(server.log[2:12]))
    if figures.failures or figures.missing or figures.twice or figures.growth() > GROWTH_ALLOWED:
        sys.exit(1)


if __name__ == "__main__":
    main()
