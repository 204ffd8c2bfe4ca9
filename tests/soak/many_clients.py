"""Many server processes on one database, each with several calls in flight, and maintenance beside them.

    python -m tests.soak.many_clients [--servers 8] [--lanes 4] [--writes 10000]

Every write that was acknowledged must be there once, and no call may fail. Prints the figures.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from tests.client import SOURCE_COMMAND, Session


def server(db: Path, command: list[str] | None = None) -> StdioServerParameters:
    """How a server on `db` is started."""
    program, *arguments = command or SOURCE_COMMAND
    return StdioServerParameters(
        command=program, args=[*arguments, "serve", "--db", str(db), "--project", "default"]
    )


async def run(db: Path, servers: int, lanes: int, writes: int) -> dict[str, Any]:
    """Write and read from all sides; what was acknowledged and how long it took."""
    took: list[float] = []
    failed: list[str] = []
    acknowledged: Counter[str] = Counter()

    async def call(client: Client, tool: str, arguments: dict[str, Any]) -> bool:
        started = time.perf_counter()
        result = await client.call_tool(tool, arguments)
        while (result.structured_content or {}).get(
            "error_code"
        ) == "UNSUPPORTED":  # until the schema is back
            await asyncio.sleep(0.05)
            result = await client.call_tool(tool, arguments)
        took.append((time.perf_counter() - started) * 1000)
        if result.is_error:
            failed.append(str(result.structured_content))
        return not result.is_error

    async def lane(client: Client, name: str, count: int) -> None:
        for n in range(count):
            mark = f"{name}n{n}"
            kind = n % 6
            made = [
                ("store_memory", {"file_name": f"{mark}.md", "content": f"Memory {mark} of the soak"}),
                ("log_chat", {"content": f"Said {mark}", "conversation_id": name, "source_tool": "soak"}),
                ("add_todo", {"title": f"Do {mark}"}),
                ("link_resources", {"source_id": mark, "target_id": "hub", "relation": "part_of"}),
                (
                    "log_code_attempt",
                    {"input_prompt": f"Write {mark}", "generated_code": f"x = '{mark}'", "result": "pass"},
                ),
                ("redis_set_cache", {"key": mark, "value": mark}),
            ][kind]
            if await call(client, *made):
                acknowledged[made[0]] += 1
            if n % 3 == 0:
                await call(client, "retrieve_memory", {"query": f"memory {mark}"})
                await call(client, "list_todos", {"limit": 5})

    async def one_server(number: int) -> None:
        async with Client(server(db)) as client:
            share = writes // servers // lanes
            await asyncio.gather(*(lane(client, f"s{number}l{n}", share) for n in range(lanes)))

    started = time.perf_counter()
    done = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_maintain(db, done))
        async with asyncio.TaskGroup() as clients:
            for number in range(servers):
                clients.create_task(one_server(number))
        done.set()
    elapsed = time.perf_counter() - started
    return {
        "acknowledged": acknowledged,
        "failed": failed,
        "calls": len(took),
        "seconds": round(elapsed, 1),
        "p50_ms": round(statistics.median(took), 1),
        "p99_ms": round(statistics.quantiles(took, n=100)[-1], 1),
        "max_ms": round(max(took), 1),
    }


MIGRATION = """
import asyncio, sys
from pathlib import Path
from ltmc.storage.sqlite import migrations
from ltmc.storage.sqlite.database import Database

async def main():
    migrations.FILES = [*migrations.FILES, migrations.FILES[0]]
    migrations.SCHEMA_VERSION = len(migrations.FILES)
    migrations.statements = lambda script: ["CREATE TABLE soaked (x)"]
    database = Database(Path(sys.argv[1]))
    async with database.write() as tx:  # and back again, so that servers that start later know the schema
        assert await tx.value("SELECT count(*) FROM soaked") == 0
        await tx.run("DROP TABLE soaked")
        await tx.run("DELETE FROM schema_migrations WHERE version = ?", (migrations.SCHEMA_VERSION,))
    await database.close()

asyncio.run(main())
"""
"""What a newer program does when it opens the database: a backup and a migration under the lock."""


async def _maintain(db: Path, done: asyncio.Event) -> None:
    """A ninth process: backup, reindex and a migration, again and again, each to its end."""
    number = 0
    await asyncio.sleep(5)  # until each server has opened the database: none starts while the schema is newer
    while not done.is_set():
        await asyncio.sleep(0.5)
        number += 1
        for command in (
            [*SOURCE_COMMAND, "backup", str(db.with_name(f"copy{number % 2}")), "--force", "--db", str(db)],
            [*SOURCE_COMMAND, "reindex", "--db", str(db)],
            [sys.executable, "-c", MIGRATION, str(db)],
        ):
            process = await asyncio.create_subprocess_exec(
                *command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            _, errors = await process.communicate()
            assert process.returncode == 0, errors.decode()


def check(db: Path, report: dict[str, Any]) -> None:
    """Every acknowledged write is there, once."""
    assert not report["failed"], report["failed"][:3]
    expected = report["acknowledged"]
    with Session(db) as client:
        found = {
            "store_memory": client.ok("retrieve_by_type", query="", doc_type="document")["total"],
            "log_chat": client.ok("get_chats_by_tool", source_tool="soak")["total"],
            "add_todo": client.ok("list_todos")["total"],
            "link_resources": client.ok("get_document_relationships", doc_id="hub")["total_relationships"],
            "log_code_attempt": client.ok("get_code_statistics")["total_patterns"],
            "redis_set_cache": client.ok("redis_cache_stats")["total_keys"],
        }
    assert found == dict(expected), (found, expected)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, default=8)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--writes", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "ltmc.db"
        report = asyncio.run(run(db, options.servers, options.lanes, options.writes))
        check(db, report)
    print({**report, "acknowledged": dict(report["acknowledged"])})


if __name__ == "__main__":
    main()
