"""How fast each form of LTMC starts and answers and what memory it takes, beside two other memory servers.

    npm install --prefix /tmp/peers @modelcontextprotocol/server-memory mcp-memory-keeper
    python -m tests.benchmarks.startup [--runs 15] [--peers /tmp/peers] [--rows 1000]

All are started in turn, run by run, so that a slow moment of the machine hits all; ratios are what counts. Times are
from spawning the process to the answers of ``initialize``, ``tools/list`` and a first call that stores something,
on a database that exists. The forms are those in ``dist`` and the source; a form or peer that is not there is named
and left out. Memory is what `tests.memory` says: after the lists, and after ten calls of different tools.

With `--rows`, round trips are measured too, over one session, on that many memories and todos.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.artefacts import DIST, base_python
from tests.memory import TEN_CALLS, resident_mb

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

    def __init__(self, command: list[str], **env: str) -> None:
        self.started = started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **env},
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


MEMORY = {"file_name": "a.md", "content": "The quince is ripe."}
ENTITY = {"name": "a", "entityType": "note", "observations": ["The quince is ripe."]}
PEERS = {
    "mcp-server-memory": ("server-memory", "create_entities", {"entities": [ENTITY]}),
    "mcp-memory-keeper": ("mcp-memory-keeper", "context_save", {"key": "a", "value": "The quince is ripe."}),
}
"""Their programs: what they are called in the table, and a call that stores a sentence."""

Subject = tuple[list[str], str, dict]
"""A command, and a call of a tool."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--peers", type=Path, help="The folder into which npm installed them.")
    parser.add_argument("--rows", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"HOME": name, "MEMORY_FILE_PATH": f"{name}/memory.jsonl", "LTMC_PROJECT": "default"}
        script = folder / "echo.py"
        script.write_text(ECHO)
        echo = [sys.executable, str(script)]
        subjects = (
            forms(folder) | peers(options.peers) | {"ten lines of FastMCP": (echo, "echo", {"text": "hello"})}
        )
        startup(subjects, options.runs)
        if (DIST / "ltmc.pyz").exists():
            first_starts(folder)
        if options.rows:
            round_trips({"echo": echo, "ltmc": subjects["source"][0]}, options.rows)


def forms(folder: Path) -> dict[str, Subject]:
    """The forms of LTMC that are there."""
    commands = {
        "source": [sys.executable, "-m", "ltmc"],
        "ltmc.pyz": [base_python(), str(DIST / "ltmc.pyz")],
        "one folder": [str(DIST / "ltmc" / "ltmc")],
        "one file": [str(DIST / "ltmc-onefile")],
    }
    found = {}
    for name, command in commands.items():
        if name == "source" or Path(command[-1]).exists():
            found[name] = ([*command, "serve", "--db", str(folder / "ltmc.db")], "store_memory", MEMORY)
        else:
            print(f"not measured: {name}, for {command[-1]} is not built")
    return found


def peers(folder: Path | None) -> dict[str, Subject]:
    """The other memory servers that are there."""
    found = {}
    for program, (name, *call) in PEERS.items():
        path = folder and folder / "node_modules" / ".bin" / program
        if path and path.exists() and shutil.which("node"):
            found[name] = (["node", str(path)], *call)
        else:
            print(f"not measured: {name}, for {path or 'its folder, --peers,'} is not there")
    return found


def startup(subjects: dict[str, Subject], runs: int) -> None:
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in subjects}
    imports = []
    for run in range(runs + 1):
        for name, (command, tool, arguments) in subjects.items():
            peer = Peer(command)
            peer.request("tools/list", {})
            listed = time.perf_counter() - peer.started
            peer.call_ms(tool, arguments)
            called = time.perf_counter() - peer.started
            peer.close()
            if run:  # the first one unpacks, compiles and fills caches
                taken[name].append((peer.ready_ms, listed * 1000, called * 1000))
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import fastmcp"], check=True)
        if run:
            imports.append((time.perf_counter() - started) * 1000)
    print(f"median ms of {runs} runs; `python -c 'import fastmcp'` takes {statistics.median(imports):.0f}")
    columns = [
        "",
        "`initialize`",
        "of server-memory's",
        "`tools/list`",
        "first stored",
        "of `import fastmcp`",
    ]
    print("| " + " | ".join([*columns, "MB listed", "MB after ten calls"]) + " |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (command, *_) in subjects.items():
        ready, listed, called = (statistics.median(step) for step in zip(*taken[name], strict=True))
        cells = [name, f"{ready:.0f}", "", f"{listed:.0f}", f"{called:.0f}", "", *memory(command)]
        if base := taken.get("server-memory"):
            cells[2] = f"{_ratio([one[0] for one in taken[name]], [one[0] for one in base]):.2f}"
        cells[5] = f"{_ratio([one[2] for one in taken[name]], imports):.2f}"
        print("| " + " | ".join(cells) + " |")


def _ratio(mine: list[float], others: list[float]) -> float:
    """The median over the pairs."""
    return statistics.median(one / other for one, other in zip(mine, others, strict=True))


def memory(command: list[str]) -> tuple[str, str]:
    """The memory of a server in MB after the lists and, of LTMC, after ten calls."""
    peer = Peer(command)
    peer.request("tools/list", {})
    listed, called = f"{resident_mb(peer.process.pid):.0f}", ""
    if "serve" in command:
        for tool, arguments in TEN_CALLS.items():
            peer.call_ms(tool, arguments)
        called = f"{resident_mb(peer.process.pid):.0f}"
    peer.close()
    return listed, called


def first_starts(folder: Path) -> None:
    """How long the .pyz takes when it is not unpacked yet."""
    took = []
    for number in range(3):
        root = folder / f"root{number}"
        command = [base_python(), str(DIST / "ltmc.pyz"), "serve", "--db", str(folder / "ltmc.db")]
        peer = Peer(command, LTMC_ROOT=str(root))
        peer.request("tools/list", {})
        listed = time.perf_counter() - peer.started
        peer.call_ms("store_memory", MEMORY)
        took.append((listed, time.perf_counter() - peer.started))
        peer.close()
        shutil.rmtree(root)
    listed, called = (max(step) for step in zip(*took, strict=True))
    print(
        f"first start of ltmc.pyz, the slowest of {len(took)}: tools/list {listed:.2f} s, first stored {called:.2f} s"
    )


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
