"""kill -9 at random moments under write load.

    python -m tests.soak.sudden_death [--rounds 200] [--command 'program of a built artefact']

After each death every acknowledged write must be there, the database whole, and the indexes in step with
the rows. Prints the figures.
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

from ltmc.app.application import Application
from ltmc.features.performance.service import MonitoringService
from ltmc.settings import Settings
from tests.client import SOURCE_COMMAND

HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "soak", "version": "1"},
}


def lines() -> bytes:
    """A session that writes without waiting for answers."""
    messages = [
        {"id": "hello", "method": "initialize", "params": HANDSHAKE},
        {"method": "notifications/initialized"},
    ]
    for n in range(400):
        calls = [
            ("store_memory", {"file_name": f"{random.random()}.md", "content": f"memory {n} " * 300}),
            ("add_todo", {"title": f"todo {n}"}),
            ("log_chat", {"content": f"message {n}", "conversation_id": "soak"}),
        ]
        name, arguments = calls[n % 3]
        messages.append({"id": n, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
    return b"".join(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in messages)


def one_death(db: Path, command: list[str], chance: random.Random) -> dict[str, int]:
    """Start, write, kill; how many writes of each kind were acknowledged."""
    process = subprocess.Popen(
        [*command, "serve", "--db", str(db)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # the one-file program is two processes
    )
    assert process.stdin
    assert process.stdout
    os.set_blocking(process.stdin.fileno(), False)
    data = lines()
    process.stdin.write(data[:60_000])
    process.stdin.flush()
    sent = 60_000
    stop_after = chance.randint(1, 40)
    made = {"resource_id": 0, "todo_id": 0, "message_id": 0}
    answers = 0
    while answers < stop_after:
        line = process.stdout.readline()
        answer = json.loads(line).get("result", {}).get("structuredContent")
        if answer:
            answers += 1
            for key in made:
                made[key] += key in answer
        with contextlib.suppress(BlockingIOError):
            sent += os.write(process.stdin.fileno(), data[sent : sent + 8_192])
    os.killpg(process.pid, signal.SIGKILL)
    for line in process.stdout.read().splitlines():  # acknowledged before it died
        try:
            answer = json.loads(line).get("result", {}).get("structuredContent") or {}
        except ValueError:
            break  # the last line may be cut
        for key in made:
            made[key] += key in answer
    process.wait()
    return made


def run(db: Path, rounds: int, command: list[str] | None = None, seed: int = 1) -> dict[str, int]:
    """Die `rounds` times; what is there at the end.

    Raises:
        AssertionError: an acknowledged write is missing, or the database is not whole.
    """
    chance = random.Random(seed)
    total = {"resource_id": 0, "todo_id": 0, "message_id": 0}
    tables = {"resource_id": "resources", "todo_id": "todos", "message_id": "chat_messages"}
    for number in range(rounds):
        for key, count in one_death(db, command or SOURCE_COMMAND, chance).items():
            total[key] += count
        with sqlite3.connect(db) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), number
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == [], number
            for key, table in tables.items():
                rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                assert rows >= total[key], f"round {number}: {rows} {table}, {total[key]} acknowledged"
                total[key] = rows  # those that were stored but whose answer was lost count from here on
        connection.close()
        health = asyncio.run(_health(db))
        assert health["services"]["search_index"]["status"] == "ok", (number, health)
    return total


async def _health(db: Path) -> dict:
    app = Application(Settings(db=db))
    try:
        return await app.get(MonitoringService).health_check()
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
