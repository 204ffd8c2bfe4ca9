"""How the picture of a large graph bears up: ``python -m tests.benchmarks.graph_page [things]``.

A graph of so many things (5,000) and twice as many relations is drawn in a real Chromium. Shown are the time until all
of it lies where it stays, and the longest that the page could not answer: meanwhile, and while the picture is moved.
"""

import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from tests.dashboard.browsing import Dashboard, chromium
from tests.http.serving import Serving

THINGS = 5_000
MOMENT = "2026-11-01T00:00:00.000000Z"
PROJECT = "large"
KINDS = ("resource", "entity", "symbol", "file", "blueprint")

WATCH = """
window.tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)))
  .observe({ type: "longtask", buffered: true });
"""
"""Notes each time of more than 50 ms that the page could not answer."""


def store(server: Serving, db: Path, things: int) -> None:
    """Store a graph: each thing is linked with an earlier one, some with many."""
    chance = random.Random(1)
    server.call("link_resources", project_id=PROJECT, source_id="n0", relation="uses", target_id="n1")
    database = sqlite3.connect(db)
    database.executemany(
        "INSERT OR IGNORE INTO graph_nodes (project_id, node_id, kind, label, created_at) VALUES (?, ?, ?, ?, ?)",
        [(PROJECT, f"n{place}", chance.choice(KINDS), f"thing {place}", MOMENT) for place in range(things)],
    )
    pairs = [(place, int(place * chance.random() ** 2)) for place in range(1, things) for _ in range(2)]
    database.executemany(
        "INSERT OR IGNORE INTO graph_edges (project_id, source_id, target_id, relation, created_at, updated_at) "
        "VALUES (?, ?, ?, 'uses', ?, ?)",
        [(PROJECT, f"n{place}", f"n{target}", MOMENT, MOMENT) for place, target in pairs],
    )
    database.commit()
    database.close()


def main(things: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        db = Path(folder) / "ltmc.db"
        with Serving(db) as server:
            store(server, db, things)
            site = Dashboard(browser, server, db)
            site.page.add_init_script(WATCH)
            started = time.perf_counter()
            page = site.visit("/graph", PROJECT, most=str(things))
            page.wait_for_selector("#picture[data-state=done]", timeout=600_000)
            print(page.locator("#picture-state").inner_text())
            print(f"until it lies: {time.perf_counter() - started:.1f} s")
            print(f"longest task: {page.evaluate('Math.max(0, ...tasks.splice(0))'):.0f} ms")
            box = page.locator("#canvas").bounding_box()
            assert box is not None
            page.mouse.move(box["x"] + 200, box["y"] + 200)
            page.mouse.down()
            page.mouse.move(box["x"] + 400, box["y"] + 260, steps=30)
            page.mouse.up()
            for _ in range(8):
                page.mouse.wheel(0, -200)
                page.wait_for_timeout(60)
            page.wait_for_timeout(1_000)
            print(f"longest task while it is moved: {page.evaluate('Math.max(0, ...tasks)'):.0f} ms")
            site.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else THINGS)
