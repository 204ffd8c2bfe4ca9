"""A call is cancelled at each of its awaits, one after the other: the next call finds all as it should be."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ltmc.app.application import Application
from ltmc.app.calls import call
from ltmc.features.performance.service import MonitoringService
from ltmc.settings import Settings
from ltmc.tools import manifest

CALLS: dict[str, Callable[[int], dict[str, Any]]] = {
    "store_memory": lambda number: {"file_name": f"{number}.md", "content": f"pump {number} is blue"},
    "log_chat": lambda number: {"content": f"message {number}", "conversation_id": "a"},
    "retrieve_memory": lambda number: {"query": f"pump {number}"},
    "create_task_blueprint": lambda number: {"title": f"task {number}", "description": "do this, then that"},
    "sync_documentation_with_code": lambda _: {"file_path": "m.py"},
    "delete_memory": lambda number: {"resource_id": number},
}


class CancelledAt:
    """Awaits a coroutine and cancels the task at one of the places where it waits."""

    def __init__(self, work: Coroutine[Any, Any, Any], place: int) -> None:
        self._work, self._place = work, place

    def __await__(self) -> Generator[Any, Any, Any]:
        sent: BaseException | None = None
        while True:
            try:
                waited_for = self._work.throw(sent) if sent else self._work.send(None)
            except StopIteration as end:
                return end.value
            sent = None
            self._place -= 1
            if not self._place:
                task = asyncio.current_task()
                assert task
                task.cancel()
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 - handed on, whatever it is
                sent = error


@pytest.mark.parametrize("name", CALLS)
def test_a_call_can_be_cancelled_at_every_await(name: str, tmp_path: Path, db: Path) -> None:
    (tmp_path / "m.py").write_text("def count(things): ...\n")

    async def cancelled(app: Application, place: int) -> dict[str, Any] | None:
        async def run() -> Any:
            return await CancelledAt(call(app, manifest.tool(name), CALLS[name](place)), place)

        try:
            return await asyncio.wait_for(asyncio.create_task(run()), 10)
        except asyncio.CancelledError:
            return None

    async def work() -> list[str]:
        app = Application(Settings(db=db))
        add = manifest.tool("add_todo")
        where = {"project_id": "default", "root_path": str(tmp_path)}
        assert (await call(app, manifest.tool("register_project"), where))["success"]
        place, answered, titles = 0, 0, []
        while answered < 2:  # twice it ended before the place was reached
            place += 1
            answer = await cancelled(app, place)
            assert answer is None or answer["success"] or answer["error_code"] == "NOT_FOUND", (place, answer)
            answered += answer is not None
            title = f"after {place}"
            after = await asyncio.wait_for(call(app, add, {"title": title}), 10)
            assert after["success"], (place, after)
            titles.append(title)
        with closing(sqlite3.connect(db, isolation_level=None, timeout=0)) as other:
            await app.engine.settle()
            other.execute("BEGIN IMMEDIATE")  # nobody holds it
            other.execute("ROLLBACK")
            assert titles == [row[0] for row in other.execute("SELECT title FROM todos ORDER BY id")]
        health = await app.get(MonitoringService).health_check(thorough=True)
        assert {part: found["status"] for part, found in health["services"].items()}["search_index"] == "ok"
        await app.close()
        return titles

    assert len(asyncio.run(work())) > 5
