"""How fast LTMC starts and answers, against a ten-line FastMCP echo server in the same environment.

    python tests/benchmarks/startup.py [--runs 15] [--rows 1000] [--command 'ltmc program']

Both servers are started in turn, run by run, so that a slow moment of the machine hits both; ratios are
what counts. Start-up is the time from spawning the process to the answer of ``initialize``. Round trips are
measured over one session each, on a database that holds `--rows` memories and todos.
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
        started = time.perf_counter()
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
    parser.add_argument("--command", default=f"{sys.executable} -m ltmc")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        commands = {
            "echo": [sys.executable, str(script)],
            "ltmc": [*shlex.split(options.command), "serve", "--db", str(Path(folder) / "ltmc.db")],
        }
        startup(commands, options.runs)
        round_trips(commands, options.rows)


def startup(commands: dict[str, list[str]], runs: int) -> None:
    ready: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            peer = Peer(command)
            ready[name].append(peer.ready_ms)
            tools = len(peer.request("tools/list", {})["tools"])
            peer.close()
    pairs = [
        mine / echo for mine, echo in zip(ready["ltmc"][1:], ready["echo"][1:], strict=True)
    ]  # 1st: warm-up
    print(f"spawn to initialize, {runs} pairs ({tools} tools listed by ltmc)")
    for name, times in ready.items():
        print(f"  {name:5} median {statistics.median(times[1:]):7.1f} ms")
    print(f"  ratio median {statistics.median(pairs):.3f}, {min(pairs):.3f} to {max(pairs):.3f}")


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
