"""The tools beyond the 55, through a real client."""

from pathlib import Path
from typing import Any

import pytest

from tests.client import SOURCE_COMMAND, Session

LONG = "".join(f"line {number} é漢\n" for number in range(5_000))


def test_previews_are_followed_to_the_full_text(shared: Session, project: str) -> None:
    stored = shared.ok(
        "store_memory", file_name="long.md", content=LONG, tags=["a"], metadata={"b": 1}, project_id=project
    )
    message = shared.ok("log_chat", content=LONG, conversation_id="c", project_id=project)["message_id"]
    pattern = shared.ok(
        "log_code_attempt", input_prompt="p", generated_code=LONG, result="pass", project_id=project
    )["pattern_id"]
    for name, value in (
        ("resource_id", stored["resource_id"]),
        ("message_id", message),
        ("pattern_id", str(pattern)),
    ):
        text, offset = "", 0
        while True:
            part = shared.ok("get_memory", offset=offset, max_characters=30_000, **{name: value})
            assert part["characters"] == len(LONG)
            text += part["content"]
            offset += len(part["content"])
            if not part["has_more"]:
                break
        assert text == LONG
        assert part["project_id"] == project
    whole = shared.ok("get_memory", resource_id=stored["resource_id"], max_characters=1_000_000)
    assert (whole["content"], whole["file_name"], whole["tags"], whole["metadata"]) == (
        LONG,
        "long.md",
        ["a"],
        {"b": 1},
    )
    found = shared.ok("retrieve_memory", query="line 4000", project_id=project)["results"][0]
    chunk = shared.ok("get_memory", chunk_id=found["chunk_id"])
    assert chunk["content"] in LONG
    assert LONG[chunk["start_char"] :].startswith(chunk["content"])


def test_one_id_and_an_existing_one(shared: Session, project: str) -> None:
    key = shared.ok("store_memory", file_name="a", content="b", project_id=project)["resource_id"]
    shared.bad("get_memory", "INVALID_ARGUMENT")
    shared.bad("get_memory", "INVALID_ARGUMENT", "chunk_id", resource_id=key, chunk_id=1)
    shared.bad("get_memory", "NOT_FOUND", "resource_id", resource_id=key, project_id=project + "x")
    for name in ("resource_id", "chunk_id", "message_id", "pattern_id"):
        shared.bad("get_memory", "NOT_FOUND", name, **{name: 10**9})
        shared.bad("get_memory", "INVALID_ARGUMENT", name, **{name: 0})
    shared.bad("get_memory", "INVALID_ARGUMENT", "max_characters", resource_id=key, max_characters=0)


def test_a_deleted_memory_is_gone_everywhere(shared: Session, project: str) -> None:
    def store(content: str) -> int:
        return shared.ok(
            "store_memory", file_name="plan.md", content=content, tags=["t"], project_id=project
        )["resource_id"]

    first, second = store("The zebra plan, version one."), store("The zebra plan, version two.")
    shared.ok(
        "link_resources", source_id=str(second), target_id="team", relation="made_by", project_id=project
    )
    shared.bad("delete_memory", "NOT_FOUND", "resource_id", resource_id=second, project_id=project + "x")
    gone = shared.ok("delete_memory", resource_id=second)
    assert gone["removed"] == {"chunks": 1, "links": 1}
    assert (gone["file_name"], gone["version"]) == ("plan.md", 2)
    found = shared.ok("retrieve_memory", query="zebra plan", project_id=project)
    assert found["results"] == [], "what it superseded does not come back by itself"
    shared.bad("delete_memory", "NOT_FOUND", "resource_id", resource_id=second)
    shared.bad("get_memory", "NOT_FOUND", resource_id=second)
    assert shared.ok("query_graph", entity="team", project_id=project)["relationships"] == []
    shared.ok("delete_memory", resource_id=first)
    assert shared.ok("retrieve_memory", query="zebra", project_id=project)["total"] == 0
    new = store("The zebra plan, version three.")
    assert new > second, "ids are not used again"
    backends = shared.ok("get_performance_report")["backends"]
    assert backends["vector_index"]["status"] == "ok", "index and rows agree"


def test_the_history_of_a_conversation(shared: Session, project: str) -> None:
    for number in range(5):
        content = f"message {number}" if number else "x" * 5_000
        shared.ok("log_chat", content=content, conversation_id="talk", project_id=project)
    shared.ok("log_chat", content="elsewhere", conversation_id="other", project_id=project)
    found = shared.ok("get_chat_history", conversation_id="talk", limit=3, project_id=project)
    assert [row["content"][:9] for row in found["messages"]] == ["xxxxxxxxx", "message 1", "message 2"]
    assert (found["count"], found["total"], found["has_more"]) == (3, 5, True)
    assert (found["messages"][0]["truncated"], found["messages"][0]["characters"]) == (True, 5_000)
    full = shared.ok("get_memory", message_id=found["messages"][0]["message_id"])
    assert full["content"] == "x" * 5_000
    rest = shared.ok("get_chat_history", conversation_id="talk", offset=3, project_id=project)
    assert ([row["content"] for row in rest["messages"]], rest["has_more"]) == (
        ["message 3", "message 4"],
        False,
    )
    newest = shared.ok(
        "get_chat_history", conversation_id="talk", newest_first=True, limit=1, project_id=project
    )
    assert newest["messages"][0]["content"] == "message 4"
    assert shared.ok("get_chat_history", conversation_id="none", project_id=project)["total"] == 0
    shared.bad("get_chat_history", "INVALID_ARGUMENT", "conversation_id", conversation_id=" ")
    shared.bad("get_chat_history", "INVALID_ARGUMENT", "limit", conversation_id="talk", limit=0)


def test_todos_change_and_open_again(shared: Session, project: str) -> None:
    key = shared.ok("add_todo", title="Paint the door", description="red", project_id=project)["todo_id"]
    changed = shared.ok("update_todo", todo_id=key, title="Paint the gate", priority=3)
    assert changed["changed_fields"] == ["title", "priority"]
    assert (changed["title"], changed["description"], changed["priority"]) == (
        "Paint the gate",
        "red",
        "high",
    )
    assert shared.ok("search_todos", query="door", project_id=project)["total"] == 0
    assert shared.ok("search_todos", query="gate", project_id=project)["total"] == 1
    done = shared.ok("update_todo", todo_id=key, status="completed")
    assert done["completed_at"] is not None
    again = shared.ok("update_todo", todo_id=key, status="completed", description="")
    assert (again["completed_at"], again["changed_fields"]) == (done["completed_at"], ["description"])
    opened = shared.ok("update_todo", todo_id=key, status="Pending")
    assert (opened["status"], opened["completed_at"]) == ("pending", None)
    (listed,) = shared.ok("list_todos", project_id=project)["todos"]
    assert listed == {name: opened[name] for name in listed}
    shared.bad("update_todo", "INVALID_ARGUMENT", todo_id=key)
    shared.bad("update_todo", "NOT_FOUND", "todo_id", todo_id=key, title="x", project_id=project + "x")
    shared.bad("update_todo", "NOT_FOUND", "todo_id", todo_id=10**9, title="x")
    for field, value in (("title", " "), ("priority", "urgent"), ("status", "done"), ("todo_id", -1)):
        shared.bad("update_todo", "INVALID_ARGUMENT", field, **{"todo_id": key, "title": "x", field: value})


def test_projects_are_registered_and_listed(db: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (second / "m.py").write_text("def f(): ...\n")
    with Session(db) as client:
        client.ok("add_todo", title="a", project_id="other")
        made = client.ok("register_project", project_id="one", root_path=str(first), name="The first")
        assert (made["created"], made["root_path"], made["allowed_paths"]) == (True, str(first), [])
        listed = client.ok("list_projects")
        assert [(row["project_id"], row.get("name"), row["pending_todos"]) for row in listed["projects"]] == [
            ("one", "The first", 0),
            ("other", None, 1),
        ]
        page = client.ok("list_projects", limit=1, offset=1)
        assert (page["count"], page["total"], page["has_more"]) == (1, 2, False)

        def read(**where: Any) -> dict[str, Any]:
            return client.any("validate_documentation_consistency", file_path=str(second / "m.py"), **where)

        assert read(project_id="one")["error_code"] == "PATH_NOT_ALLOWED"
        again = client.ok(
            "register_project", project_id="one", root_path=str(first), allowed_paths=[str(second)]
        )
        assert (again["created"], again["name"], again["allowed_paths"]) == (
            False,
            "The first",
            [str(second)],
        )
        assert read(project_id="one")["success"] is True
        kept = client.ok("register_project", project_id="one", root_path=str(first))
        assert (kept["name"], kept["allowed_paths"]) == ("The first", [str(second)])
        cleared = client.ok("register_project", project_id="one", root_path=str(first), allowed_paths=[])
        assert cleared["allowed_paths"] == []
        second_root = client.ok("register_project", project_id="two", root_path=str(second))
        assert second_root["created"] is True
        assert read(project_id="two")["file_path"] == "m.py"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("root_path", "relative", "INVALID_ARGUMENT"),
        ("root_path", "/", "PATH_NOT_ALLOWED"),
        ("root_path", "/usr/..", "PATH_NOT_ALLOWED"),
        ("root_path", " ", "INVALID_ARGUMENT"),
        ("root_path", "/nowhere/at/all", "NOT_FOUND"),
        ("root_path", "/dev/null", "NOT_FOUND"),
        ("project_id", "a b", "INVALID_ARGUMENT"),
        ("project_id", "", "INVALID_ARGUMENT"),
        ("allowed_paths[0]", ["/"], "PATH_NOT_ALLOWED"),
    ],
)
def test_bad_projects_are_refused(
    shared: Session, tmp_path: Path, field: str, value: object, code: str
) -> None:
    arguments = {"project_id": "bad", "root_path": str(tmp_path), field.partition("[")[0]: value}
    shared.bad("register_project", code, field, **arguments)
    assert "bad" not in {row["project_id"] for row in shared.ok("list_projects", limit=100)["projects"]}


def test_a_project_without_a_root_has_the_folder_of_the_server(db: Path, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(): ...\n")
    with Session(db, command=["sh", "-c", f'cd "{tmp_path}" && exec "$0" "$@"', *SOURCE_COMMAND]) as client:
        assert client.ok("create_blueprint_from_code", file_path="m.py")["created"] is True
    with Session(db, command=["sh", "-c", 'cd / && exec "$0" "$@"', *SOURCE_COMMAND]) as client:
        error = client.bad("create_blueprint_from_code", "PATH_NOT_ALLOWED", file_path="etc/passwd")
        assert "register_project" in error["error"]


def test_settings_bound_where_projects_may_lie(db: Path, tmp_path: Path) -> None:
    inside, outside = tmp_path / "in" / "side", tmp_path / "out"
    inside.mkdir(parents=True)
    outside.mkdir()
    (outside / "m.py").write_text("def f(): ...\n")
    with Session(db) as client:
        client.ok("register_project", project_id="free", root_path=str(outside))
    with Session(db, env={"LTMC_ROOTS": f'["{tmp_path}/in"]'}) as client:
        client.ok("register_project", project_id="a", root_path=str(inside))
        client.bad(
            "register_project", "PATH_NOT_ALLOWED", "root_path", project_id="b", root_path=str(outside)
        )
        client.bad(
            "register_project",
            "PATH_NOT_ALLOWED",
            "allowed_paths[0]",
            project_id="b",
            root_path=str(inside),
            allowed_paths=[str(outside)],
        )
        for project in ("free", "unregistered"):  # registered before the bound; the server's own folder
            client.bad("create_blueprint_from_code", "PATH_NOT_ALLOWED", file_path="m.py", project_id=project)
