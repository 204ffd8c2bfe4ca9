"""kill -9 at random moments under write load.

    python -m tests.soak.sudden_death [--rounds 200] [--command 'program of a built artefact']

After each death every acknowledged write must be there under its id, the database whole, and the indexes in
step with the rows. Prints the figures.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shlex
import signal
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ltmc.app.application import Application
from ltmc.features.performance.service import MonitoringService
from ltmc.settings import Settings
from tests.client import SOURCE_COMMAND

HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "soak", "version": "1"},
}


KINDS = {
    "store_memory": ("resource_id", "SELECT id, substr(content, 1, instr(content, ' ') - 1) FROM resources"),
    "add_todo": ("todo_id", "SELECT id, title FROM todos"),
    "log_chat": ("message_id", "SELECT id, content FROM chat_messages"),
}
"""For each tool that writes: the key of the id in its answer, and how its rows are read, as id and mark."""

Written = set[tuple[str, int, str]]
"""What was written: by which tool, under which id, with which mark."""


class Life:
    """A server that is written to, without waiting for answers, until it dies."""

    def __init__(self, db: Path, command: list[str], number: int) -> None:
        self._calls: dict[int, tuple[str, str]] = {}
        self._data = self._lines(number)
        self._process = subprocess.Popen(
            [*command, "serve", "--db", str(db), "--project", "default"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # the one-file program is two processes
        )

    def _lines(self, number: int) -> bytes:
        messages: list[dict[str, Any]] = [
            {"id": "hello", "method": "initialize", "params": HANDSHAKE},
            {"method": "notifications/initialized"},
        ]
        for n in range(400):
            tool, mark = list(KINDS)[n % 3], f"life{number}n{n}"
            self._calls[n] = tool, mark
            arguments = {
                "store_memory": {"file_name": f"{mark}.md", "content": f"{mark} " * 300},
                "add_todo": {"title": mark},
                "log_chat": {"content": mark, "conversation_id": "soak"},
            }[tool]
            messages.append(
                {"id": n, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
            )
        return b"".join(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in messages)

    def end(self, answers: int) -> Written:
        """Kill it after so many answers; what it acknowledged."""
        process = self._process
        assert process.stdin
        assert process.stdout
        os.set_blocking(process.stdin.fileno(), False)
        sent = 0
        written: Written = set()
        while len(written) < answers:
            with contextlib.suppress(BlockingIOError):
                sent += os.write(process.stdin.fileno(), self._data[sent : sent + 8_192])
            written |= self._acknowledged(process.stdout.readline())
        os.killpg(process.pid, signal.SIGKILL)
        for line in process.stdout.read().splitlines():  # acknowledged before it died
            with contextlib.suppress(ValueError):  # the last line may be cut
                written |= self._acknowledged(line)
        process.wait()
        return written

    def _acknowledged(self, line: bytes) -> Written:
        message = json.loads(line)
        answer = message.get("result", {}).get("structuredContent") or {}
        if not answer.get("success"):
            return set()
        tool, mark = self._calls[message["id"]]
        return {(tool, answer[KINDS[tool][0]], mark)}


def run(db: Path, rounds: int, command: list[str] | None = None, seed: int = 1) -> dict[str, int]:
    """Die `rounds` times; what is there at the end.

    Raises:
        AssertionError: an acknowledged write is missing, or the database is not whole.
    """
    chance = random.Random(seed)
    acknowledged: Written = set()
    for number in range(rounds):
        acknowledged |= Life(db, command or SOURCE_COMMAND, number).end(chance.randint(1, 40))
        with contextlib.closing(sqlite3.connect(db)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), number
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == [], number
            there = {
                (tool, row[0], row[1]) for tool, (_, sql) in KINDS.items() for row in connection.execute(sql)
            }
        lost = acknowledged - there
        assert not lost, f"round {number}: {len(lost)} of {len(acknowledged)}: {sorted(lost)[:5]}"
        health = asyncio.run(_health(db))
        assert health["services"]["search_index"]["status"] == "ok", (number, health)
    return {"acknowledged": len(acknowledged), "stored": len(there)}


async def _health(db: Path) -> dict:
    app = Application(Settings(db=db))
    try:
        return await app.get(MonitoringService).health_check(thorough=True)
    finally:
        await app.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--command")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = shlex.split(options.command) if options.command else None
        rows = run(Path(folder) / "ltmc.db", options.rounds, command)
    print(f"{options.rounds} deaths, nothing lost; rows at the end: {rows}")


if __name__ == "__main__":
    main()
