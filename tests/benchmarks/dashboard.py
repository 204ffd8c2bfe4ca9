"""How fast the pages of the dashboard are: ``python -m tests.benchmarks.dashboard [memories [messages]]``.

A server on a database with 100,000 memories and 50,000 messages, whose vectors are drawn (see
`tests.benchmarks.search`), is asked for each page as a browser asks; times are those of the way there and back, in ms.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from ltmc.storage.sqlite.database import Database
from tests.benchmarks.search import DrawnVectors, Texts, fill
from tests.dashboard.test_access import ask, cookie_of, link
from tests.http.serving import Serving

MEMORIES, MESSAGES = 100_000, 50_000
RUNS = 15
TARGET_MS = 300

PAGES = (
    "/memories",
    "/memories?q={words}",
    "/memories?q={words}&prefix=n1",
    "/memories?type=note",
    "/memories?prefix=n99",
    "/memories?offset=50000",
    "/memories/5",
    "/memories/5/history",
    "/memories/5/edit",
    "/memories/new",
    "/memories/conflicts",
    "/clean-up",
    "/clean-up?prefix=n99",
    "/clean-up/suggestions",
    "/trash",
    "/chats",
    "/chats?q={words}",
    "/chats/conversation?id=c3",
    "/chats/5",
    "/code",
    "/code?q={words}",
    "/code/analysis",
    "/todos",
    "/todos?q={words}",
    "/graph",
    "/plans",
    "/live",
    "/settings",
)


async def store(db: Path, texts: list[str], memories: int) -> None:
    """Fill the database."""
    database = Database(db)
    prepared = DrawnVectors(texts).prepared
    await fill(database, "chunk", texts[:memories], prepared)
    await fill(database, "message", texts[memories:], prepared)
    await database.close()


def measure(db: Path, source: Texts) -> None:
    """Ask for each page."""
    with Serving(db) as server:
        cookie = cookie_of(ask(server, link(server)))
        for page in PAGES:
            times = []
            for _ in range(RUNS):
                path = page.format(words=source.text(4).replace(" ", "+"))
                started = time.perf_counter()
                answer = ask(server, path, cookie)
                times.append((time.perf_counter() - started) * 1000)
                assert answer.status == 200, answer
            times.sort()
            median, high = statistics.median(times), times[int(0.95 * len(times))]
            missed = "" if median <= TARGET_MS else "  MISSED"
            print(f"{page:36} p50 {median:8.1f}  p95 {high:8.1f}{missed}", flush=True)


def main(memories: int = MEMORIES, messages: int = MESSAGES) -> None:
    """Measure."""
    source = Texts()
    texts = [source.text(25) for _ in range(memories + messages)]
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "ltmc.db"
        asyncio.run(store(db, texts, memories))
        with Serving(db) as server:
            for number in range(200):
                text = source.text(8)
                server.call("add_todo", title=text, project_id="default")
                code = f"def f{number}():\n    return {number}"
                given = {"input_prompt": text, "generated_code": code, "result": "pass"}
                server.call("log_code_attempt", project_id="default", **given)
        print(f"{memories} memories, {messages} messages; target {TARGET_MS} ms")
        measure(db, source)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
