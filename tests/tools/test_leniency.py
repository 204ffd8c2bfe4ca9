"""What hosts and models send that the listing does not say: it is understood, or refused, never stored wrong."""

from typing import Any

import pytest

from tests.client import Session


def test_an_argument_of_the_host_is_ignored_and_named(shared: Session, project: str) -> None:
    done = shared.ok("add_todo", title="a", project_id=project, wait_for_previous=True, surprise=[1])
    assert done["ignored"] == ["'wait_for_previous'", "'surprise'"]
    todo = done["todo_id"]
    assert "ignored" not in shared.ok("list_todos", project_id=project)
    shared.bad("delete_todo", "INVALID_ARGUMENT", "dry_run", todo_id=todo, project_id=project, dry_run=True)
    assert shared.ok("delete_todo", todo_id=todo, project_id=project, wait_for_previous=False)["success"]


@pytest.mark.parametrize("given", ["titel", "Title", "project", "projectId", "prioritys"])
def test_a_name_that_is_like_one_is_refused(shared: Session, project: str, given: str) -> None:
    arguments = {"title": "a", "project_id": project, given: "b"}
    assert "accepted: title" in shared.bad("add_todo", "INVALID_ARGUMENT", given, **arguments)["error"]
    assert shared.ok("list_todos", project_id=project)["total"] == 0


@pytest.mark.parametrize("limit", [2, 2.0, "2", " 2 "])
def test_a_number_is_understood(shared: Session, project: str, limit: Any) -> None:
    for n in range(3):
        shared.ok("add_todo", title=f"t{n}", project_id=project)
    assert shared.ok("list_todos", limit=limit, project_id=project)["count"] == 2


@pytest.mark.parametrize("limit", [2.5, "2.5", "two", "0x2", "9" * 30, [2]])
def test_what_is_no_whole_number_is_refused(shared: Session, project: str, limit: Any) -> None:
    error = shared.bad("list_todos", "INVALID_ARGUMENT", "limit", limit=limit, project_id=project)
    assert "a whole number from 1 to 100" in error["error"]


@pytest.mark.parametrize("tags", [["a", "b"], '["a","b"]', ' ["a", "b"]'])
def test_a_list_as_text_is_a_list(shared: Session, project: str, tags: Any) -> None:
    shared.ok(
        "log_code_attempt", input_prompt="p", generated_code="c", result="pass", tags=tags, project_id=project
    )
    shared.ok("store_memory", file_name="a", content="c", tags=tags, metadata='{"k": 1}', project_id=project)
    assert shared.ok("get_code_patterns", query="p", project_id=project)["patterns"][0]["tags"] == ["a", "b"]
    found = shared.ok("get_memory", file_name="a", project_id=project)
    assert (found["tags"], found["metadata"]["k"]) == (["a", "b"], 1)


def test_text_that_is_no_list_is_refused_or_split(shared: Session, project: str) -> None:
    bad = {"file_name": "a", "content": "c", "project_id": project}
    for tags in ('["a"', "a,b", "[" * 100_000):
        shared.bad("store_memory", "INVALID_ARGUMENT", "tags", tags=tags, **bad)
    code = {"input_prompt": "p", "generated_code": "c", "result": "pass", "project_id": project}
    for tags in ('["a", "b"', ' {"a": 1}', "[\"a\", 'b']"):
        shared.bad("log_code_attempt", "INVALID_ARGUMENT", "tags", tags=tags, **code)
    shared.ok("log_code_attempt", tags="a,b", **code)
    assert shared.ok("get_code_patterns", query="p", project_id=project)["patterns"][0]["tags"] == ["a", "b"]
    assert shared.ok("store_memory", **(bad | {"content": '["a","b"]'}))["success"]
    assert shared.ok("get_memory", file_name="a", project_id=project)["content"] == '["a","b"]'


def test_empty_texts_are_left_out_where_they_mean_nothing(shared: Session, project: str) -> None:
    unused = {
        "tags": "",
        "metadata": "",
        "resource_type": "",
        "valid_from": "",
        "supersedes": "",
        "on_conflict": "",
    }
    stored = shared.ok("store_memory", file_name="a", content="c", project_id=project, **unused)
    assert stored["resource_type"] == "document"
    shared.bad("store_memory", "INVALID_ARGUMENT", "content", file_name="a", content="", project_id=project)
    assert shared.ok("list_todos", status="", limit="", offset="", project_id=project)["todos"] == []


def test_an_empty_filter_of_what_destroys_is_refused(shared: Session, project: str) -> None:
    shared.ok("log_chat", content="kept", conversation_id="c", project_id=project)
    shared.bad("forget", "INVALID_ARGUMENT", "conversation_id", conversation_id="", project_id=project)


def test_what_a_union_allows_is_said(shared: Session, project: str) -> None:
    error = shared.bad("store_memory", "INVALID_ARGUMENT", "expires", file_name="a", content="c", expires=[1])
    assert "a value of the right type" not in error["error"]


def test_a_first_call_by_wrong_names_is_told_all_that_is_missing(shared: Session) -> None:
    error = shared.bad("store_memory", "INVALID_ARGUMENT", "file_name", nom="a.md", body="x")["error"]
    assert "Also missing: content." in error
    assert "Not arguments of this tool: 'nom', 'body'; accepted: file_name, content, resource_type" in error
    error = shared.bad("store_memory", "INVALID_ARGUMENT", "content", file_name="a.md")["error"]
    assert "missing" in error
    assert "Also" not in error
    assert "accepted" not in error


@pytest.mark.parametrize(
    ("tool", "field", "given", "said"),
    [
        ("store_memory", "tags", "a, b", 'a list, such as ["a", "b"]'),
        ("store_memory", "supersedes", "b.md", 'a list of at most 100 items, such as ["a", "b"]'),
        ("build_context", "documents[0]", ["a"], "an object with the keys content, id, title, type, score"),
        (
            "build_context",
            "documents[0].text",
            [{"content": "a", "text": "b"}],
            "the keys content, id, title",
        ),
        ("build_context", "documents[0].score", [{"content": "a", "score": "high"}], "a valid number"),
    ],
)
def test_what_a_list_holds_is_said(shared: Session, tool: str, field: str, given: Any, said: str) -> None:
    given = {field.partition("[")[0]: given}
    more = {"file_name": "a", "content": "c"} if tool == "store_memory" else {}
    error = shared.bad(tool, "INVALID_ARGUMENT", field, **given, **more)["error"]
    assert f"allowed: {said}" in error
