"""The todo tools through a real client."""

import pytest

from tests.client import Session


def test_todos_are_listed_by_urgency_then_newest(shared: Session, project: str) -> None:
    for title, priority in (("a", "low"), ("b", "high"), ("c", 2), ("d", "HIGH"), ("e", "3")):
        shared.ok("add_todo", title=title, priority=priority, project_id=project)
    listed = shared.ok("list_todos", project_id=project)
    assert [todo["title"] for todo in listed["todos"]] == ["e", "d", "b", "c", "a"]
    assert [todo["priority"] for todo in listed["todos"]] == ["high", "high", "high", "medium", "low"]
    created = shared.ok("list_todos", sort="created", limit=2, offset=1, project_id=project)
    assert [todo["title"] for todo in created["todos"]] == ["d", "c"]
    assert (created["count"], created["total"], created["has_more"]) == (2, 5, True)
    assert shared.ok("list_todos", priority=1, project_id=project)["todos"][0]["title"] == "a"
    assert shared.ok("list_todos", project_id=project + "x")["total"] == 0


def test_completing_twice_keeps_the_first_time(shared: Session, project: str) -> None:
    todo_id = shared.ok("add_todo", title="Several words in a title", project_id=project)["todo_id"]
    done = shared.ok("complete_todo", todo_id=todo_id)
    assert done["already_completed"] is False
    again = shared.ok("complete_todo", todo_id=str(todo_id), project_id=project)
    assert again["already_completed"] is True
    assert again["completed_at"] == done["completed_at"]
    (todo,) = shared.ok("list_todos", status="completed", project_id=project)["todos"]
    assert todo["title"] == "Several words in a title"
    assert todo["completed_at"] == done["completed_at"]
    assert shared.ok("list_todos", status="pending", project_id=project)["total"] == 0
    shared.bad("complete_todo", "NOT_FOUND", "todo_id", todo_id=todo_id, project_id=project + "x")


def test_todos_are_found_by_every_word_and_its_beginning(shared: Session, project: str) -> None:
    for title, description in (
        ("Fix running water", "in the kitchen"),
        ("Kitchen lamp", "does not run"),
        ("100% coverage", "of snake_case names"),
    ):
        shared.ok("add_todo", title=title, description=description, project_id=project)

    def search(query: str, **more: object) -> list[str]:
        found = shared.ok("search_todos", query=query, project_id=project, **more)
        assert found["count"] == len(found["todos"]) == found["total"]
        assert all("relevance_score" in todo for todo in found["todos"])
        return [todo["title"] for todo in found["todos"]]

    assert search("KITCHEN") == ["Kitchen lamp", "Fix running water"], "the title weighs more"
    assert search("runn wat") == ["Fix running water"]
    assert search("kitchen water") == ["Fix running water"]
    assert search("kitchen desk") == []
    assert search("100%") == ["100% coverage"]
    assert search("%") == []
    assert search("snake_case") == ["100% coverage"]
    assert search("_") == []
    assert search("kitchen", status="completed") == []


@pytest.mark.parametrize(
    ("tool", "code", "field", "arguments"),
    [
        ("add_todo", "INVALID_ARGUMENT", "title", {"title": ""}),
        ("add_todo", "INVALID_ARGUMENT", "title", {"title": "x" * 201}),
        ("add_todo", "INVALID_ARGUMENT", "description", {"title": "a", "description": "x" * 10_001}),
        ("add_todo", "INVALID_ARGUMENT", "priority", {"title": "a", "priority": "urgent"}),
        ("add_todo", "INVALID_ARGUMENT", "priority", {"title": "a", "priority": 4}),
        ("add_todo", "INVALID_ARGUMENT", "priority", {"title": "a", "priority": True}),
        ("list_todos", "INVALID_ARGUMENT", "status", {"status": "open"}),
        ("list_todos", "INVALID_ARGUMENT", "limit", {"limit": 0}),
        ("list_todos", "INVALID_ARGUMENT", "sort", {"sort": "size"}),
        ("complete_todo", "INVALID_ARGUMENT", "todo_id", {"todo_id": 0}),
        ("complete_todo", "INVALID_ARGUMENT", "todo_id", {"todo_id": -1}),
        ("complete_todo", "INVALID_ARGUMENT", "todo_id", {"todo_id": "one"}),
        ("complete_todo", "INVALID_ARGUMENT", "todo_id", {"todo_id": 1.0}),
        ("complete_todo", "INVALID_ARGUMENT", "todo_id", {}),
        ("complete_todo", "NOT_FOUND", "todo_id", {"todo_id": 10**9}),
        ("search_todos", "INVALID_ARGUMENT", "query", {"query": " "}),
    ],
)
def test_todo_tools_refuse(
    shared: Session, project: str, tool: str, code: str, field: str, arguments: dict
) -> None:
    shared.bad(tool, code, field, project_id=project, **arguments)
    assert shared.ok("list_todos", project_id=project)["total"] == 0
