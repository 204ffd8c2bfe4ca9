"""A database that version 1.0 made opens, answers as it did then, and takes what is new."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from ltmc.server.writing import written
from tests.client import Session, run_cli
from tests.upgrade.recorded import (
    ANSWERS,
    SEARCHES,
    first_difference,
    lost,
    normalised,
    register,
    restore,
)

LEFT_OUT = ("complexity_factors", "complexity_source", "decomposition_strategy", "resource_requirements")


def test_a_database_of_version_1_0_answers_as_it_did(tmp_path: Path) -> None:
    calls = json.loads(ANSWERS.read_text("utf-8"))
    different = []
    db = restore(tmp_path)
    assert run_cli("reindex", "--db", str(db)).returncode == 0  # words are read otherwise than in 1.0
    with Session(db, env={"LTMC_LOG_DAYS": "36500"}) as client:  # its log of use is of 2024
        reading = {tool["name"] for tool in client.tools() if tool.get("annotations", {}).get("readOnlyHint")}
        assert {call["tool"] for call in calls} <= reading, "a tool is gone, or does not only read any more"
        register(client, tmp_path)
        for number, call in enumerate(calls):  # in this order, for calls are counted and some show the counts
            tool, arguments = call["tool"], call["arguments"]
            if tool in ("retrieve_memory", "ask_with_context"):  # which answer with it where asked alone
                arguments = arguments | {"include_context": True}
            answer = normalised(tool, client.any(tool, **arguments), tmp_path)
            before = written(normalised(tool, call["answer"], tmp_path))  # lists left out no null
            if tool == "list_todos":  # open ones come first now
                for one in (before, answer):
                    one["todos"].sort(key=lambda todo: todo["status"], reverse=True)
            if tool == "list_project_blueprints":  # get_blueprint has what lists leave out
                for one in before["blueprints"]:
                    for name in LEFT_OUT:
                        one.pop(name, None)
            if tool in ("get_chats_by_tool", "get_chat_history"):  # a long message is a preview
                for one in before["messages"]:
                    if len(one["content"]) > 1_200:
                        one |= {"characters": one.get("characters", len(one["content"])), "truncated": True}
                        one["content"] = one["content"][:800]
            if tool in ("list_todos", "list_project_blueprints"):  # and a long description
                for one in before.get("todos", before.get("blueprints")):
                    if len(one.get("description", "")) > 600:
                        one |= {"characters": len(one["description"]), "truncated": True}
                        one["description"] = one["description"][:400]
            if tool in ("query_graph", "query_blueprint_relationships"):  # pages now, with their counts
                before |= {"has_more": before["truncated"], "total": answer["total"]}
            if tool in SEARCHES and "offset" in arguments:
                continue  # another order has other pages
            compare = lost if tool in SEARCHES else first_difference
            if difference := compare(before, answer):
                different.append(f"call {number}, {tool} of {arguments}: answer{difference}")
    if different:
        pytest.fail(f"{len(different)} of {len(calls)} answers differ, the first:\n{different[0]}")


def test_a_database_of_version_1_0_takes_what_is_new(tmp_path: Path) -> None:
    db = restore(tmp_path)
    text = "The zeppelin hangar opens on the second Monday in spring."
    with Session(db) as client:
        stored = client.ok("store_memory", file_name="hangar.md", content=text, project_id="shop")
        old = client.ok("get_memory", resource_id=1, project_id="shop")
        again = client.ok(
            "store_memory", file_name=old["file_name"], content="It reads otherwise now.", project_id="shop"
        )
        assert again["version"] > old["version"]
        todo = client.ok("add_todo", title="Paint the hangar", due="2020-05-01", project_id="shop")
        assert client.ok("list_todos", project_id="shop")["todos"][0]["todo_id"] == todo["todo_id"], "overdue"
        client.ok("log_chat", content="The hangar needs paint.", conversation_id="hangar", project_id="shop")
    with Session(db) as client:
        found = client.ok("retrieve_memory", query="when does the zeppelin hangar open", project_id="shop")
        best = found["results"][0]
        assert (best["resource_id"], best["content"]) == (stored["resource_id"], text)
        found = client.ok("search_todos", query="hangar", project_id="shop")
        assert [one["todo_id"] for one in found["todos"]] == [todo["todo_id"]]
        assert client.ok("get_chat_history", conversation_id="hangar", project_id="shop")["total"] == 1
        assert client.ok("get_memory", resource_id=1, project_id="shop")["content"] == old["content"]
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_database_of_version_1_0_is_embedded_anew_and_answers_meanwhile(tmp_path: Path) -> None:
    db = restore(tmp_path)
    query = "how many customers may order at the same time"

    def left(condition: str) -> int:
        with closing(sqlite3.connect(db)) as connection:
            return connection.execute(f"SELECT count(*) FROM search_entries WHERE {condition}").fetchone()[0]

    assert left("length(vector) = 256")
    with Session(db) as client:
        first = client.ok("retrieve_memory", query=query, project_id="shop")
        assert first["results"], "it answers by what it has"
        assert "warnings" in first
        give_up = time.monotonic() + 60
        while left("length(vector) <> 384"):
            assert client.ok("retrieve_memory", query=query, project_id="shop")["results"]
            assert time.monotonic() < give_up
            time.sleep(0.05)
        found = client.ok("retrieve_memory", query=query, project_id="shop")
        assert (found["search_mode"], "warnings" in found) == ("hybrid", False)
    report = json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)
    assert report["health"]["search_index"] == "ok"


def test_the_measures_of_files_are_taken_over(tmp_path: Path) -> None:
    with Session(restore(tmp_path)) as client:
        register(client, tmp_path)
        listed = client.ok("list_project_blueprints", kind="code", project_id="shop")["blueprints"]
        details = (client.ok("get_blueprint", blueprint_id=one["blueprint_id"]) for one in listed)
        old = next(one for one in details if one["complexity_source"] == "auto")
        (tmp_path / "shop" / "extra.py").write_text("def extra(): ...\n")
        client.ok("update_blueprint_structure", blueprint_id=old["blueprint_id"], file_path="extra.py")
        new = client.ok("get_blueprint", blueprint_id=old["blueprint_id"])
    before, after = old["complexity_factors"], new["complexity_factors"]
    assert (after["functions"], after["loc"]) == (before["functions"] + 1, before["loc"] + 1)
    assert (after["classes"], after["max_cyclomatic"]) == (before["classes"], before["max_cyclomatic"])
    assert new["complexity_score"] == old["complexity_score"]


def test_the_log_of_version_1_0_loses_the_texts_of_queries_and_grows_old(tmp_path: Path) -> None:
    db = restore(tmp_path)
    secret = "sk-live-4eC39HqLyjWDarjtT1zdp7dc"
    with closing(sqlite3.connect(db)) as connection, connection:
        assert connection.execute("UPDATE retrieval_events SET query = ?", (f"is {secret} right",)).rowcount
        connection.execute(
            "UPDATE retrieval_events SET created_at = '9999-01-01' "
            "WHERE id = (SELECT max(id) FROM retrieval_events)"
        )
    assert secret.encode() in db.read_bytes()
    with Session(db) as client:
        client.ok("retrieve_memory", query="hangar", project_id="shop")
        client.ok("log_chat", content="The log is written.", conversation_id="c")  # waits for it
    assert secret.encode() not in db.read_bytes()
    with closing(sqlite3.connect(db)) as connection:
        rows = dict(
            connection.execute("SELECT substr(created_at, 1, 4), count(*) FROM retrieval_events GROUP BY 1")
        )
        assert rows.pop("9999") == 1
        assert "2024" not in rows
        assert connection.execute("SELECT count(*) FROM tool_calls WHERE created_at < '2025'").fetchone() == (
            0,
        )


def test_what_version_1_0_stored_without_a_project_is_found_from_a_repository(tmp_path: Path) -> None:
    db, tree = restore(tmp_path), tmp_path / "work"
    (tree / ".git" / "objects").mkdir(parents=True)
    (tree / ".git" / "refs").mkdir()
    (tree / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    with Session(db, "--project", "auto", cwd=tree) as client:
        (found,) = client.ok("retrieve_memory", query="short answers and tabs")["results"][:1]
        assert (found["file_name"], found["project_id"]) == ("preferences.md", "default")
        assert "four spaces" in client.resource("ltmc://memory/preferences.md")
        assert "four spaces" in client.prompt("recall", about="tabs")
        client.ok("store_memory", file_name="preferences.md", content="The user wants tabs of two spaces.")
        assert "two spaces" in client.ok("get_memory", file_name="preferences.md")["content"]
        assert client.ok("list_memories")["total"] == 2, "the own one takes the place of the other"
        changed = client.ok(
            "update_memory", file_name="preferences.md", tags=["taste"], project_id=found["project_id"]
        )
        assert changed["resource_id"] == found["resource_id"]
    with Session(db) as client:
        assert "four spaces" in client.ok("get_memory", file_name="preferences.md")["content"]
        assert client.ok("list_memories")["total"] == 2
