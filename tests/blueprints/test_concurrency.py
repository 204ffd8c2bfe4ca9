"""Several servers plan on one database."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.client import Session


def test_two_servers_cannot_close_a_cycle_between_them(db: Path) -> None:
    with Session(db) as one, Session(db) as two, ThreadPoolExecutor(2) as threads:
        for _ in range(15):
            left, right = (
                one.ok("create_task_blueprint", title=title, description="x")["blueprint_id"]
                for title in "lr"
            )

            def add(client: Session, later: str, earlier: str) -> str:
                return client.any(
                    "add_blueprint_dependency",
                    dependent_blueprint_id=later,
                    prerequisite_blueprint_id=earlier,
                ).get("error_code", "ok")

            first = threads.submit(add, one, left, right)
            second = threads.submit(add, two, right, left)
            assert sorted([first.result(), second.result()]) == ["CYCLE_DETECTED", "ok"]
            ordered = one.ok("resolve_blueprint_execution_order", blueprint_ids=[left, right])
            assert sorted(ordered["execution_order"]) == sorted([left, right])


def test_two_servers_cannot_assign_one_task_twice(db: Path) -> None:
    with Session(db) as one, Session(db) as two, ThreadPoolExecutor(2) as threads:
        for _ in range(15):
            task = one.ok("create_task_blueprint", title="t", description="x")["blueprint_id"]

            def assign(client: Session, member: str, task: str = task) -> str:
                return client.any(
                    "assign_task_to_team", blueprint_id=task, available_members=[{"id": member}]
                ).get("error_code", "ok")

            results = [threads.submit(assign, one, "ann"), threads.submit(assign, two, "bob")]
            assert sorted(result.result() for result in results) == ["CONFLICT", "ok"]
            assert len(two.ok("get_blueprint", blueprint_id=task)["assignments"]) == 1
