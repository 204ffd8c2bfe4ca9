"""Whether the cost of a call follows what is asked and not the whole file: ``python -m tests.benchmarks.scale``.

One project holds many memories, drawn as `tests.benchmarks.search --drawn` draws them, of which one in a thousand
bears a tag; another holds one memory. A fresh server then answers what must not depend on the number; each call is
timed there and back, in ms, the first and the median of those after it.

    python -m tests.benchmarks.scale [--db postgresql://user@host/name] [1000000]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from ltmc.storage.sqlite.database import Database
from tests.benchmarks import search
from tests.client import Session
from tests.postgres import PostgresPlace

RARE = 1000
"""One memory in so many bears the tag."""

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("search in a project of one", "retrieve_memory", {"query": "where is the key", "project_id": "small"}),
    (
        "filter that keeps 0.1 %",
        "advanced_context_search",
        {"query": "the time", "filters": {"tags_any": ["rare"]}},
    ),
    ("the same without a query", "advanced_context_search", {"query": "", "filters": {"tags_any": ["rare"]}}),
    ("newest of a type", "retrieve_by_type", {"query": "", "doc_type": "note"}),
    ("list of memories", "list_memories", {}),
    ("list of memories with a tag", "list_memories", {"tag": "rare"}),
    ("a search in the large project", "retrieve_memory", {"query": "the time of the heron"}),
    ("projects", "list_projects", {}),
    ("health", "get_performance_report", {}),
    ("use of memory", "get_context_usage_statistics", {}),
    ("conflicts", "find_conflicts", {}),
]


def opened(path: Path | PostgresPlace) -> Any:
    """Return the engine."""
    if isinstance(path, Path):
        return Database(path)
    from ltmc.storage.postgres.database import PostgresDatabase

    return PostgresDatabase(path.url, Path(tempfile.gettempdir()) / "ltmc.db")


async def memories(path: Path | PostgresPlace) -> int:
    """Count the memories that are there."""
    database = opened(path)
    async with database.read() as tx:
        count = await tx.value("SELECT count(*) FROM resources")
    await database.close()
    return int(count)


async def fill(path: Path | PostgresPlace, size: int) -> None:
    """Store `size` memories in the default project."""
    texts = search.Texts()
    drawn = [texts.text(25) for _ in range(size)]
    kind, make, store = search.STORES["chunk"]

    def tagged(number: int, text: str, moment: str) -> Any:
        row = make(number, text, moment)
        return replace(row, tags=["rare"]) if number % RARE == 0 else row

    search.STORES["chunk"] = (kind, tagged, store)
    database = opened(path)
    wall, cpu = await search.fill(database, "chunk", drawn, search.DrawnVectors(drawn).prepared)
    disk, _ = await database.sizes()
    await database.close()
    print(f"{size} memories stored in {wall:.0f} s ({cpu:.0f} of CPU), {disk / 1e6:.0f} MB", flush=True)


def measure(place: Path | PostgresPlace) -> None:
    """Time each call on a server of its own, so that none finds what another left in memory."""
    path = cast("Path", place)
    with Session(path) as client:
        client.ok(
            "store_memory", file_name="key.md", content="The key lies under the mat.", project_id="small"
        )
    for name, tool, arguments in CALLS:
        with Session(path) as client:
            client.ok("list_todos")  # everything is imported, and the file is open
            wall = []
            for _ in range(8):
                started = time.perf_counter()
                client.ok(tool, **arguments)
                wall.append((time.perf_counter() - started) * 1000)
        print(f"  {name:30} {wall[0]:8.1f} {statistics.median(wall[1:]):8.1f}", flush=True)
    search.measure_server(path, search.Texts().queries())


def main() -> None:
    """Fill and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale")
    parser.add_argument("size", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--db", help="a database that is filled if it does not exist, or is empty, and kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        at = options.db or str(Path(folder) / "ltmc.db")
        path = PostgresPlace(at) if at.startswith("postgresql:") else Path(at)
        if not asyncio.run(memories(path)):
            asyncio.run(fill(path, options.size))
        print(f"  {'ms':30} {'first':>8} {'then p50':>8}")
        measure(path)


if __name__ == "__main__":
    main()
