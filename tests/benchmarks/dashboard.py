"""How fast the pages of the dashboard are: ``python -m tests.benchmarks.dashboard [memories [messages]]``.

A server on a database with 100,000 memories and 50,000 messages, whose vectors are drawn (see
`tests.benchmarks.search`), 50,000 calls and 20,000 searches in its log, 500 plans and a graph of 5,000 things, is asked
for each page as a browser asks;
times are those of the way there and back, in ms; and, since they say little of a machine that is busy otherwise, the
server's CPU time of each. The first request of a page is counted too, and shown apart.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ltmc.storage.sqlite.database import Database
from ltmc.storage.tables import usage_log
from ltmc.storage.tables.usage_log import RetrievalEvent, ToolCall
from ltmc.timestamps import format_utc
from ltmc.tools import manifest
from tests.benchmarks import graph_page
from tests.benchmarks.search import DrawnVectors, Texts, fill
from tests.benchmarks.storing import cpu_ms
from tests.dashboard.test_access import ask, cookie_of, link
from tests.http.serving import Serving

MEMORIES, MESSAGES = 100_000, 50_000
CALLS, SEARCHES, LOG_DAYS = 50_000, 20_000, 80
PLANS, THINGS = 500, 5_000
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
    "/graph?q={words}",
    "/graph?project=large",
    "/graph?project=large&node=n0",
    "/graph?project=large&q=thing",
    "/graph/picture?project=large&node=n0&most=150",
    "/graph/names?project=large&other=thing",
    "/plans",
    "/plans?parts=1&status=draft",
    "/plans/{plan}",
    "/plans/team",
    "/plans/templates",
    "/live",
    "/live?range=day",
    "/live?range=week",
    "/live?range=all",
    "/live?range=all&of=project",
    "/live/figures?range=all",
    "/settings",
)

LATER = (
    "/graph/picture?project=large&node=n0&most=5000&steps=3",
    "/memories/conflicts?found=1",
    "/clean-up/suggestions",
)
"""What is put into a page that is there already, and may take seconds: the last two compare all memories."""


async def store(db: Path, texts: list[str], memories: int) -> None:
    """Fill the database."""
    database = Database(db)
    prepared = DrawnVectors(texts).prepared
    await fill(database, "chunk", texts[:memories], prepared)
    await fill(database, "message", texts[memories:], prepared)
    await database.close()


async def log_use(db: Path, memories: int) -> None:
    """Fill the log of use, most of it over some months and a part over the last hour."""
    draw = random.Random(7)
    tools = [tool.name for tool in manifest.tools()][:30]
    codes = (None,) * 30 + ("NOT_FOUND", "INVALID_ARGUMENT")
    end = datetime.now(UTC)

    def moment(number: int, of: int) -> str:
        days = LOG_DAYS if number % 50 else 1 / 24
        return format_utc(end - timedelta(days=days * (1 - number / of)))

    database = Database(db)
    async with database.write() as tx:
        for number in range(CALLS):
            code, project = draw.choice(codes), "default" if number % 2 else f"p{number % 8}"
            at, took = moment(number, CALLS), draw.lognormvariate(1.5, 1)
            call = ToolCall(0, draw.choice(tools), project, None, took, code is None, code, at)
            await usage_log.insert_call(tx, call)
        for number in range(SEARCHES):
            count, took = draw.choice((0, 3, 5, 5)), draw.lognormvariate(2, 0.6)
            at = moment(number, SEARCHES)
            event = RetrievalEvent(0, "default", None, "retrieve_memory", 5, count, "hybrid", took, at)
            chunks = [(draw.randint(1, memories), 0.5) for _ in range(count)]
            await usage_log.insert_retrieval(tx, event, chunks)
    await database.close()


def plan(server: Serving, source: Texts) -> str:
    """Store plans, most of which wait for an earlier one and a tenth of which somebody has; the id of one."""
    draw, made = random.Random(8), list[str]()
    for number in range(PLANS):
        about = {"title": source.text(6), "description": source.text(30), "project_id": "default"}
        made.append(server.call("create_task_blueprint", **about)["blueprint_id"])
        if number % 20:  # in groups of twenty
            before = made[draw.randrange(number - number % 20, number)]
            pair = {"dependent_blueprint_id": made[-1], "prerequisite_blueprint_id": before}
            server.call("add_blueprint_dependency", project_id="default", **pair)
        if not number % 10:
            members = [{"id": f"member{number % 30}"}]
            server.call(
                "assign_task_to_team",
                blueprint_id=made[-1],
                available_members=members,
                preferences={"min_skill_coverage": 0},
                project_id="default",
            )
    return made[-1]


def measure(db: Path, source: Texts, one: str) -> None:
    """Ask for each page; `one`: the id of a plan."""
    with Serving(db) as server:
        cookie = cookie_of(ask(server, link(server)))
        for page in (*PAGES, *LATER):
            times, used = [], cpu_ms(server.process.pid)
            for _ in range(RUNS):
                path = page.format(words=source.text(4).replace(" ", "+"), plan=one)
                started = time.perf_counter()
                answer = ask(server, path, cookie)
                times.append((time.perf_counter() - started) * 1000)
                assert answer.status == 200, answer
            first = times[0]
            times.sort()
            median, high = statistics.median(times), times[int(0.95 * len(times))]
            missed = "" if median <= TARGET_MS or page in LATER else "  MISSED"
            cpu = (cpu_ms(server.process.pid) - used) / RUNS
            print(
                f"{page:56} p50 {median:8.1f}  p95 {high:8.1f}  CPU {cpu:8.1f}  first {first:8.1f}{missed}",
                flush=True,
            )


def main(memories: int = MEMORIES, messages: int = MESSAGES) -> None:
    """Measure."""
    source = Texts()
    texts = [source.text(25) for _ in range(memories + messages)]
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "ltmc.db"
        asyncio.run(store(db, texts, memories))
        asyncio.run(log_use(db, memories))
        with Serving(db) as server:
            for number in range(200):
                text = source.text(8)
                server.call("add_todo", title=text, project_id="default")
                code = f"def f{number}():\n    return {number}"
                given = {"input_prompt": text, "generated_code": code, "result": "pass"}
                server.call("log_code_attempt", project_id="default", **given)
            one = plan(server, source)
            graph_page.store(server, db, THINGS)
        print(
            f"{memories} memories, {messages} messages, {CALLS} calls, {SEARCHES} searches; target {TARGET_MS} ms"
        )
        measure(db, source, one)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
