"""Many calls of tools: the logs of use stay within their bound, and so do the database and its write-ahead log.

    python -m tests.soak.log_growth [--calls 1000000] [--rows 20000]

Every twentieth call is a search that finds something; the others are only logged, as each call of a tool is, so
that a million take minutes. Prints how large each log is at most, and the files at the end.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from ltmc.app.application import Application
from ltmc.app.calls import call
from ltmc.features.performance.service import PRUNE_EVERY, MonitoringService
from ltmc.settings import Settings
from ltmc.storage.sqlite.open_file import LOG_BYTES
from ltmc.storage.tables.usage_log import LOGS
from ltmc.tools.manifest import tool

SEARCH_EVERY, SETTLE_EVERY = 20, 1_000


async def run(db: Path, calls: int, rows: int) -> dict[str, Any]:
    """Call; how large the logs and the files are.

    Raises:
        AssertionError: a log is larger than its bound, by more than what is logged until it is pruned.
    """
    app = Application(Settings(db=db, log_rows=rows))
    most = dict.fromkeys(LOGS, 0)
    started = time.perf_counter()
    try:
        stored = {"file_name": "a.md", "content": "Starfruit ripens in autumn."}
        assert (await call(app, tool("store_memory"), stored))["success"]
        for number in range(calls):
            if number % SEARCH_EVERY == 0:
                found = await call(app, tool("retrieve_memory"), {"query": "starfruit", "top_k": 1})
                assert found["count"] == 1
            else:
                app.get(MonitoringService).record_call("list_todos", 1.0, ok=True, project_id="default")
            if (
                number % SETTLE_EVERY == 0 or number == calls - 1
            ):  # before rows that wait in memory are dropped
                await app.engine.settle()
                async with app.engine.read() as tx:
                    for table in LOGS:
                        most[table] = max(most[table], await tx.value(f"SELECT count(*) FROM {table}"))
        bound = rows + 2 * PRUNE_EVERY
        assert rows <= most["tool_calls"] <= bound, most
        assert max(most.values()) <= bound, most
        wal = db.with_name(db.name + "-wal").stat().st_size
        assert wal <= LOG_BYTES, wal
        return {
            "calls": calls,
            "seconds": round(time.perf_counter() - started, 1),
            "rows at most": most,
            "bound": bound,
            "database bytes": db.stat().st_size,
            "wal bytes": wal,
        }
    finally:
        await app.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(run(Path(folder) / "ltmc.db", options.calls, options.rows)))


if __name__ == "__main__":
    main()
