"""A database that version 1.0 made opens, answers as it did then, and takes what is new."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.client import Session
from tests.upgrade.recorded import ANSWERS, first_difference, normalised, register, restore


def test_a_database_of_version_1_0_answers_as_it_did(tmp_path: Path) -> None:
    calls = json.loads(ANSWERS.read_text("utf-8"))
    different = []
    with Session(restore(tmp_path)) as client:
        reading = {tool["name"] for tool in client.tools() if tool["annotations"]["readOnlyHint"]}
        assert {call["tool"] for call in calls} <= reading, "a tool is gone, or does not only read any more"
        register(client, tmp_path)
        for number, call in enumerate(calls):  # in this order, for calls are counted and some show the counts
            tool, arguments = call["tool"], call["arguments"]
            answer = normalised(tool, client.any(tool, **arguments), tmp_path)
            if difference := first_difference(call["answer"], answer):
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
        todo = client.ok("add_todo", title="Paint the hangar", project_id="shop")
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
