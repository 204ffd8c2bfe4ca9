"""How fast LTMC starts and answers, against a ten-line FastMCP echo server in the same environment.

    python tests/benchmarks/startup.py [--runs 15] [--rows 1000] [--command 'ltmc program']… [--peer 'server-memory']

All are started in turn, run by run, so that a slow moment of the machine hits all; ratios are what counts. Start-up
is the time from spawning the process to the answers of ``initialize``, ``tools/list`` and a first call that stores
something. A peer is npm's @modelcontextprotocol/server-memory, or one with the same tools. Round trips are measured
over one session each, on a database that holds `--rows` memories and todos.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ECHO = """
from fastmcp import FastMCP

mcp = FastMCP("echo")

@mcp.tool
def echo(text: str) -> str:
    return text

mcp.run(show_banner=False)
"""


class Peer:
    """A server process that is spoken to line by line."""

    def __init__(self, command: list[str]) -> None:
        self.started = started = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.number = 0
        handshake = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "benchmark", "version": "1"},
        }
        self.request("initialize", handshake)
        self.ready_ms = (time.perf_counter() - started) * 1000
        self.send({"method": "notifications/initialized"})

    def send(self, message: dict) -> None:
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def request(self, method: str, params: dict) -> dict:
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == self.number:
                return answer["result"]

    def call_ms(self, tool: str, arguments: dict) -> float:
        started = time.perf_counter()
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        took = (time.perf_counter() - started) * 1000
        assert not result.get("isError"), result
        return took

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--command", action="append", help="A form of LTMC; repeat. The source if left out.")
    parser.add_argument("--peer", help="How npm's server-memory is started.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        forms = options.command or [f"{sys.executable} -m ltmc"]
        serve = ["serve", "--db", str(Path(folder) / "ltmc.db")]
        echo = [sys.executable, str(script)]
        peers = {"echo": (echo, "echo", {"text": "hello"})}
        if options.peer:
            entity = {"name": "a", "entityType": "note", "observations": ["The quince is ripe."]}
            peers["server-memory"] = (shlex.split(options.peer), "create_entities", {"entities": [entity]})
        memory = {"file_name": "a.md", "content": "The quince is ripe."}
        peers |= {form: ([*shlex.split(form), *serve], "store_memory", memory) for form in forms}
        startup(peers, options.runs)
        round_trips({"echo": echo, "ltmc": [*shlex.split(forms[0]), *serve]}, options.rows)


def startup(peers: dict[str, tuple[list[str], str, dict]], runs: int) -> None:
    taken = {name: [] for name in peers}
    for _ in range(runs + 1):
        for name, (command, tool, arguments) in peers.items():
            peer = Peer(command)
            peer.request("tools/list", {})
            listed = time.perf_counter() - peer.started
            peer.call_ms(tool, arguments)
            called = time.perf_counter() - peer.started
            peer.close()
            taken[name].append((peer.ready_ms, listed * 1000, called * 1000))
    print(f"from the spawn on, median ms of {runs} runs, and times the first")
    for name, times in taken.items():
        steps = []
        for step, what in enumerate(("initialize", "tools/list", "first call")):
            own = [one[step] for one in times[1:]]  # the first run is for warm-up
            base = [one[step] for one in taken["echo"][1:]]
            ratio = statistics.median(mine / echo for mine, echo in zip(own, base, strict=True))
            steps.append(f"{what} {statistics.median(own):6.0f} ({ratio:4.2f})")
        print(f"  {name[-40:]:40} {', '.join(steps)}")


def round_trips(commands: dict[str, list[str]], rows: int) -> None:
    peers = {name: Peer(command) for name, command in commands.items()}
    mine, echo = peers["ltmc"], peers["echo"]
    words = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november".split()
    for n in range(rows):
        text = f"Memory {n} of the {words[n % 14]} service says {words[n * 7 % 13]} and {words[n * 3 % 11]}."
        mine.call_ms("store_memory", {"file_name": f"m{n}.md", "content": text})
        mine.call_ms("add_todo", {"title": f"todo {n} for {words[n % 14]}"})
    calls = {
        "store_memory": lambda n: {
            "file_name": f"new{n}.md",
            "content": f"A new memory {n} about {words[n % 14]}.",
        },
        "add_todo": lambda n: {"title": f"new todo {n}"},
        "retrieve_memory": lambda n: {"query": f"{words[n % 14]} service {words[n % 9]}"},
    }
    print(f"round trips at {rows} rows, 200 of each, one after the other with echo")
    for tool, arguments in calls.items():
        taken, base = [], []
        for n in range(200):
            base.append(echo.call_ms("echo", {"text": "hello"}))
            taken.append(mine.call_ms(tool, arguments(n)))
        p50, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        ratio = p50 / statistics.median(base)
        print(f"  {tool:16} p50 {p50:6.2f} ms  p95 {p95:6.2f} ms  {ratio:5.2f} times the echo call")
    for peer in peers.values():
        peer.close()


if __name__ == "__main__":
    main()
