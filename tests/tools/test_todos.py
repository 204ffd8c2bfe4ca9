"""The todo tools through a real client."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

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


def test_the_first_page_is_what_is_to_be_done(shared: Session, project: str) -> None:
    today = datetime.now(UTC)

    def add(title: str, priority: str = "medium", days: int | None = None) -> int:
        due = {} if days is None else {"due": (today + timedelta(days=days)).isoformat()}
        return shared.ok("add_todo", title=title, priority=priority, project_id=project, **due)["todo_id"]

    for number in range(12):
        shared.ok("complete_todo", todo_id=add(f"done {number}", "high", -5))
    add("low", "low")
    add("high", "high")
    add("far", "medium", 100)
    add("medium")
    add("in six days", "low", 6)
    add("late", "low", -1)
    add("tomorrow", "low", 1)
    add("later", "high", -9)
    listed = shared.ok("list_todos", project_id=project, limit=9)
    wanted = ["later", "late", "tomorrow", "in six days", "high", "far", "medium", "low"]
    assert [todo["title"] for todo in listed["todos"][:8]] == wanted
    assert [todo.get("overdue", False) for todo in listed["todos"]] == [True, True, *[False] * 7]
    assert listed["todos"][8]["status"] == "completed"
    assert shared.ok("list_todos", project_id=project, offset=8, limit=20)["count"] == 12


def test_a_due_date_is_kept_changed_and_taken_away(shared: Session, project: str) -> None:
    added = shared.ok("add_todo", title="File the report", due="2030-02-28", project_id=project)
    assert added["due_at"] == "2030-02-28T23:59:59.999999Z", "a day lasts to its end"
    changed = shared.ok("update_todo", todo_id=added["todo_id"], due="2030-03-01T09:00+02:00")
    assert (changed["due_at"], changed["changed_fields"]) == ("2030-03-01T07:00:00.000000Z", ["due"])
    assert shared.ok("update_todo", todo_id=added["todo_id"], priority="low")["due_at"] == changed["due_at"]
    gone = shared.ok("update_todo", todo_id=added["todo_id"], due="None")
    assert "due_at" not in gone
    assert "due_at" not in shared.ok("list_todos", project_id=project)["todos"][0]
    for bad in (
        "soon",
        "in days",
        "in 3 years",
        "2030-02-30",
        "0001-01-01",
        "9999-12-31T23:59:59-23:00",
        "x" * 41,
    ):
        error = shared.bad("add_todo", "INVALID_ARGUMENT", "due", title="x", due=bad, project_id=project)
        assert bad[:8] in error["error"]
    assert shared.ok("list_todos", project_id=project)["total"] == 1


def test_a_deleted_todo_is_gone_for_good(shared: Session, project: str) -> None:
    keys = [shared.ok("add_todo", title=f"Polish lens {n}", project_id=project)["todo_id"] for n in (1, 2)]
    shared.bad("delete_todo", "NOT_FOUND", "todo_id", todo_id=keys[0], project_id=project + "x")
    gone = shared.ok("delete_todo", todo_id=keys[0])
    assert (gone["todo_id"], gone["title"], gone["deleted"]) == (keys[0], "Polish lens 1", True)
    shared.bad("delete_todo", "NOT_FOUND", "todo_id", todo_id=keys[0])
    shared.bad("complete_todo", "NOT_FOUND", "todo_id", todo_id=keys[0])
    found = shared.ok("search_todos", query="polish", project_id=project)
    assert [todo["todo_id"] for todo in found["todos"]] == keys[1:]


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
        ("complete_todo", "INVALID_ARGUMENT", "todo_id", {"todo_id": 1.5}),
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


def test_one_name_for_one_thing(shared: Session, project: str) -> None:
    shared.ok("add_todo", title="Peel the kiwano", project_id=project)
    (todo,) = shared.ok("search_todos", query="kiwano", project_id=project)["todos"]
    assert "score" not in todo
    shared.ok("log_chat", content="A kiwano is peeled.", conversation_id="c", project_id=project)
    (said,) = shared.ok("retrieve_by_type", query="kiwano", doc_type="chat", project_id=project)["results"]
    assert "timestamp" not in said
    assert said["created_at"].endswith("Z")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_a_due_day_may_be_named_in_words(tmp_path: Path, zone: str) -> None:
    with Session(tmp_path / "ltmc.db", env={"TZ": zone}) as client:

        def day_of(due: str) -> date:
            moment = datetime.fromisoformat(client.ok("add_todo", title="x", due=due)["due_at"])
            local = moment.astimezone(ZoneInfo(zone))
            assert local.time() == time.max, "the day lasts to its end where the server stands"
            return local.date()

        before = datetime.now(ZoneInfo(zone)).date()
        named = {
            word: (day_of(word) - before).days for word in ("today", " Tomorrow", "in 3 days", "in a week")
        }
        weekdays = {word: day_of(word) for word in ("monday", "next Friday", "sun")}
        if datetime.now(ZoneInfo(zone)).date() == before:  # not at midnight
            assert list(named.values()) == [0, 1, 3, 7]
            assert [one.weekday() for one in weekdays.values()] == [0, 4, 6]
            assert all(1 <= (one - before).days <= 7 for one in weekdays.values())
        refused = client.bad("add_todo", "INVALID_ARGUMENT", "due", title="x", due="soon")["error"]
        for allowed in ("'soon'", "today", "tomorrow", "weekday", "in 3 days", "2026-12-31", "none"):
            assert allowed in refused


def test_a_long_description_is_a_preview_and_read_in_full(shared: Session, project: str) -> None:
    before = "The pipeline waits for the plums to ripen. " * 40
    long = f"{before}The orchard gate has the code 4711. {before}"
    added = shared.ok("add_todo", title="Open the gate", description=long, project_id=project)
    key = added["todo_id"]
    changed = shared.ok("update_todo", todo_id=key, priority="high")
    (listed,) = shared.ok("list_todos", project_id=project)["todos"]
    for one in (added, changed, listed):
        assert (one["description"], one["truncated"], one["characters"]) == (long[:400], True, len(long))
    for tool, more in (("search_todos", {}), ("retrieve_by_type", {"doc_type": "todo"})):
        answer = shared.ok(tool, query="orchard gate code", project_id=project, **more)
        (found,) = answer["results"] if "results" in answer else answer["todos"]
        assert "4711" in found["description"]
        assert len(found["description"]) <= 600
        assert (found["truncated"], found["characters"]) == (True, len(long))
        rest = shared.ok("get_memory", todo_id=key, offset=found["offset"])
        assert rest["content"].startswith(found["description"])
    whole = shared.ok("get_memory", todo_id=key)
    assert (whole["content"], whole["title"], whole["priority"]) == (long, "Open the gate", "high")
    assert "truncated" not in whole
    shared.bad("get_memory", "NOT_FOUND", "todo_id", todo_id=key, project_id=project + "_other")


def test_a_short_description_is_shown_whole(shared: Session, project: str) -> None:
    added = shared.ok("add_todo", title="Water the plums", description="w" * 600, project_id=project)
    assert added["description"] == "w" * 600
    assert "truncated" not in added
