"""How fast LTMC stores and finds, beside the obvious alternatives: ``python -m tests.benchmarks.search``.

At each size the same texts go into LTMC's index, into a plain FTS5 table (its terms joined by OR, the best 10 by
bm25) and into a list of float vectors that is read from end to end. Texts are 25 words, drawn by Zipf's law;
queries are 3 to 8 such words, or 6 of the commonest. Times are in ms, wall and, in brackets, CPU of the process.
The last columns are how many times as long the alternative takes.

    python -m tests.benchmarks.search [--kind message] [--drawn] [1000 100000 1000000]

With `--drawn` the vectors of stored texts are no model's, but means of two of 2,000 that are: a million texts take
hours to embed, and neither searches nor stores go by what a vector says. Queries are embedded as always.
"""

import argparse
import asyncio
import itertools
import random
import sqlite3
import statistics
import tempfile
import time
from array import array
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from operator import mul
from pathlib import Path
from typing import Any

from ltmc.app.secret_guard import SecretGuard
from ltmc.features.chat.service import ChatService
from ltmc.features.memory.conflicts import ConflictService
from ltmc.features.memory.named_files import NamedFiles
from ltmc.features.memory.service import MemoryService
from ltmc.features.projects.service import ProjectService
from ltmc.search import analysis, index
from ltmc.search.chunking import chunk
from ltmc.search.kinds import CHUNK, MESSAGE, Kind
from ltmc.search.sentence_model import UNIT
from ltmc.search.vectors import mean_unit, sign_code, unpack
from ltmc.settings import Settings
from ltmc.storage.engine import Transaction
from ltmc.storage.sqlite.database import Database
from ltmc.storage.tables import chats, resources
from ltmc.storage.tables.chats import Message
from ltmc.storage.tables.resources import Chunk, Resource
from ltmc.timestamps import now
from tests.client import Session

PROJECT = "default"
BATCH = 1000
CONVERSATION = 200
QUERIES = 40


class Texts:
    """Words by Zipf's law."""

    def __init__(self) -> None:
        self._random = random.Random(5)
        tokens = index.model()._vocabulary.decode().split("\n")
        self.words = [word for word in tokens if word.isalpha() and word.isascii() and len(word) > 1][:20_000]
        self._weights = list(itertools.accumulate(1 / (rank + 8) for rank in range(len(self.words))))

    def text(self, words: int) -> str:
        """Draw a text."""
        return " ".join(self._random.choices(self.words, cum_weights=self._weights, k=words))

    def queries(self) -> list[str]:
        """Draw mixed queries, then queries of common words alone."""
        mixed = [self.text(self._random.choice((3, 5, 8))) for _ in range(QUERIES // 2)]
        return mixed + [" ".join(self._random.choices(self.words[:60], k=6)) for _ in range(QUERIES // 2)]


def message(number: int, text: str, moment: str) -> Message:
    """Return a turn of a conversation, as it is before it is stored."""
    return Message(0, PROJECT, f"c{number // CONVERSATION}", "user", text, "ann", None, {}, moment)


def memory(number: int, text: str, moment: str) -> Chunk:
    """Return the one chunk of a memory, as it is before it is stored."""
    return Chunk(0, PROJECT, 0, 0, 0, text, f"n{number}.md", "note", [], 1, moment)


async def store_memory(tx: Transaction, row: Chunk) -> Chunk:
    """Store a memory of one chunk without the index."""
    times = (row.created_at, row.created_at)
    named = (PROJECT, row.file_name, "note", row.text, row.file_name, 1, row.tags, {}, None, None, False)
    resource = await resources.insert(tx, Resource(0, *named, *times))
    (part,) = chunk(row.text)
    parts = [(part.start, part.end, part.text, part.tokens)]
    (chunk_id,) = await resources.insert_chunks(tx, resource.id, parts)
    return replace(row, id=chunk_id, resource_id=resource.id)


STORES: dict[str, tuple[Kind[Any], Callable[..., Any], Callable[..., Awaitable[Any]]]] = {
    "chunk": (CHUNK, memory, store_memory),
    "message": (MESSAGE, message, chats.insert),
}


class DrawnVectors:
    """Vectors that lie about as those of texts do."""

    def __init__(self, texts: list[str]) -> None:
        self._random = random.Random(6)
        self._embedded = index.embedded_together(texts[:2000])

    def prepared(self, kind: Kind[Any], rows: list[Any]) -> index.Prepared:
        """Return what `index.prepared` does, with vectors that are drawn."""
        without = index.prepared(kind, rows, most=-1)
        drawn = [mean_unit(self._random.sample(self._embedded, 2)) for _ in without]
        return {
            text: entry._replace(vector=vector, code=sign_code(vector))
            for (text, entry), vector in zip(without.items(), drawn, strict=True)
        }


async def fill(
    database: Database,
    name: str,
    texts: list[str],
    prepared: Callable[[Kind[Any], list[Any]], index.Prepared],
) -> tuple[float, float]:
    """Store and index texts, a thousand a transaction, while the next thousand are prepared; return the seconds it
    takes, wall and CPU."""
    kind, make, store = STORES[name]
    started, used = time.perf_counter(), time.process_time()

    def made(first: int) -> tuple[list[Any], index.Prepared]:
        batch = texts[first : first + BATCH]
        rows = [make(first + n, text, now()) for n, text in enumerate(batch)]
        return rows, prepared(kind, rows)

    following = asyncio.create_task(asyncio.to_thread(made, 0))
    for first in range(0, len(texts), BATCH):
        rows, ready = await following
        following = asyncio.create_task(asyncio.to_thread(made, first + BATCH))
        async with database.write(PROJECT) as tx:
            await index.add(tx, kind, [await store(tx, row) for row in rows], ready)
    await following
    return time.perf_counter() - started, time.process_time() - used


def rss_mb(pid: int) -> float:
    """Return the memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def measure_server(db: Path, queries: list[str]) -> None:
    """Time a fresh server: its first search, calls there and back, and its memory."""
    wall = []
    with Session(db) as client:
        pid = client.ok("get_performance_report")["server"]["pid"]
        before = rss_mb(pid)
        for query in queries:
            started = time.perf_counter()
            client.ok(
                "advanced_context_search", query=query, filters={"sources": ["memory", "chat"]}, top_k=10
            )
            wall.append((time.perf_counter() - started) * 1000)
        after = rss_mb(pid)
    ordered = sorted(wall[1:])
    print(
        f"  a server: first search {wall[0]:.0f} ms, then p50 {statistics.median(ordered):.1f} and p95 "
        f"{ordered[int(0.95 * len(ordered))]:.1f} ms there and back; its memory {before:.0f} to {after:.0f} MB",
        flush=True,
    )


Times = tuple[list[float], list[float]]
"""Milliseconds of runs, wall and CPU."""


def timed(run: Callable[[], object], wall: list[float], cpu: list[float]) -> None:
    """Add a run's ms, wall and CPU."""
    started, used = time.perf_counter(), time.process_time()
    run()
    wall.append((time.perf_counter() - started) * 1000)
    cpu.append((time.process_time() - used) * 1000)


def line(name: str, times: Times, ratios: str = "") -> None:
    """Print the p50 and p95."""
    wall, cpu = (sorted(values) for values in times)
    last = min(len(wall) - 1, int(len(wall) * 0.95))
    shown = (
        f"{statistics.median(wall):8.2f} ({statistics.median(cpu):6.2f}) {wall[last]:8.2f} ({cpu[last]:6.2f})"
    )
    print(f"  {name:28} {shown} {ratios}", flush=True)


async def measure(size: int, kind: str, folder: Path, drawn: bool) -> None:
    """Measure everything at one size."""
    source = Texts()
    database = Database(folder / "ltmc.db")
    texts = [source.text(25) for _ in range(size)]
    prepared = DrawnVectors(texts).prepared if drawn else index.prepared
    wall, cpu = await fill(database, kind, texts, prepared)
    bytes_ = database.path.stat().st_size
    print(
        f"{size} of kind {kind}: stored and indexed in {wall:.1f} s ({cpu:.1f}), {bytes_ / 1e6:.0f} MB on disk"
    )
    queries = source.queries()

    async def find(query: str, mode: Any) -> None:
        async with database.read() as tx:
            await index.search(tx, STORES[kind][0], query, projects=[PROJECT], mode=mode, limit=10)

    await asyncio.to_thread(measure_server, database.path, queries)
    await find(queries[0], "hybrid")
    plain = plain_fts(folder / "plain.db", texts)
    vectors = [floats(text) for text in texts] if size <= 100_000 and not drawn else []
    del texts
    print(f"  {'':28} {'p50 wall':>8} ({'cpu':>6}) {'p95 wall':>8} ({'cpu':>6})")
    for name, part in (("mixed", queries[: QUERIES // 2]), ("common words", queries[QUERIES // 2 :])):
        medians: dict[str, float] = {}
        results: dict[str, Times] = {}
        for mode in ("hybrid", "lexical", "semantic", "plain FTS5", "float vectors"):
            if mode == "float vectors" and not vectors:
                continue
            wall: list[float] = []
            cpu: list[float] = []
            for query in part if mode != "float vectors" else part[:5]:
                if mode == "plain FTS5":
                    timed(partial(search_plain, plain, query), wall, cpu)
                elif mode == "float vectors":
                    timed(partial(search_floats, vectors, query), wall, cpu)
                else:
                    started, used = time.perf_counter(), time.process_time()
                    await find(query, mode)
                    wall.append((time.perf_counter() - started) * 1000)
                    cpu.append((time.process_time() - used) * 1000)
            results[mode], medians[mode] = (wall, cpu), statistics.median(cpu)
        for mode, times in results.items():
            line(f"{name}, {mode}", times, f"{medians[mode] / medians['hybrid']:6.2f} x hybrid")
    await measure_stores(database, kind, source, size)
    await database.close()


async def measure_stores(database: Database, kind: str, source: Texts, size: int) -> None:
    """Time durable stores through the services, one transaction each."""
    files = NamedFiles(ProjectService(database, Settings(db=database.path)))
    memory = MemoryService(database, SecretGuard("off"), ConflictService(database), files)
    chat = ChatService(database)
    wall: list[float] = []
    cpu: list[float] = []
    for number in range(200):
        text = source.text(25)
        started, used = time.perf_counter(), time.process_time()
        if kind == "message":
            await chat.log(
                content=text,
                conversation_id="new",
                role="user",
                agent_name="ann",
                metadata={},
                source_tool=None,
                context_chunk_ids=[],
                project_id=None,
            )
        else:
            await memory.store(
                file_name=f"new{number}.md",
                content=text,
                resource_type="note",
                tags=[],
                metadata={},
                on_conflict="version",
                project_id=None,
            )
        wall.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    line(f"durable store at {size}", (wall, cpu))


def plain_fts(path: Path, texts: list[str]) -> sqlite3.Connection:
    """Make a full-text table as one makes it at first."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (text, tokenize = 'porter unicode61')")
    connection.executemany("INSERT INTO t VALUES (?)", ((text,) for text in texts))
    connection.commit()
    return connection


def search_plain(connection: sqlite3.Connection, query: str) -> object:
    """Return the best ten by bm25 of the rows that hold any of the words."""
    words = " OR ".join(f'"{word}"' for word in analysis.query_words(query))
    return connection.execute(
        "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT 10", (words,)
    ).fetchall()


def floats(text: str) -> "array[float]":
    """Return the vector of a text in floats."""
    return array("f", [value / UNIT for value in unpack(index.model().embed([text])[0])])


def search_floats(vectors: "list[array[float]]", query: str) -> object:
    """Return the ten nearest of all vectors."""
    wanted = floats(query)
    scores = [sum(map(mul, wanted, vector)) for vector in vectors]
    return sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:10]


def main() -> None:
    """Measure at each size."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.search")
    parser.add_argument("sizes", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--kind", choices=list(STORES), action="append")
    parser.add_argument("--drawn", action="store_true")
    options = parser.parse_args()
    for size in options.sizes:
        for kind in options.kind or list(STORES):
            with tempfile.TemporaryDirectory() as folder:
                asyncio.run(measure(size, kind, Path(folder), options.drawn))


if __name__ == "__main__":
    main()
