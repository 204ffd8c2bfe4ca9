"""The profile ``lean``: six tools, one of which finds and calls all others."""

import json
from pathlib import Path

import pytest

from ltmc.server import listing
from ltmc.settings import Settings
from ltmc.tools import selection
from tests.client import Session
from tests.server.test_protocol import SAID_IN_SENTENCES

LEAN = ("--profile", "lean")
ASKED = [
    ("correct a memory that is wrong", "update_memory"),
    ("mark a task as finished", "complete_todo"),
    ("forget everything about the old server", "forget"),
    ("what did we talk about yesterday", "get_chat_history"),
    ("code that failed before", "get_code_patterns"),
    ("note that this snippet did not work", "log_code_attempt"),
    ("what depends on the billing service", "query_graph"),
    ("split a big task into steps", "decompose_task_blueprint"),
    ("memories that contradict each other", "find_conflicts"),
    ("earlier versions of a memory", "memory_history"),
    ("which docs no longer match the code", "detect_documentation_drift"),
    ("who has too much to do", "get_team_workload_overview"),
]
"""What an agent may ask for, and a tool that must be among those that are shown."""


def test_the_listing_is_short(db: Path) -> None:
    found = listing.lists(listing.offered(Settings(db=db, profile="lean")))["tools/list"]
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    assert (len(found["tools"]), len(text.encode()) <= 3000) == (6, True), len(text)
    with Session(db, *LEAN) as client:
        assert client.tools() == found["tools"]


def test_only_lean_offers_the_tool_for_others() -> None:
    for profile, there in (("all", False), ("core", False), ("lean", True), ("core,lean", True)):
        assert ("use_tool" in [tool.name for tool in selection.select(profile)]) is there
    (whole,) = [tool for tool in selection.select("core,lean") if tool.name == "store_memory"]
    assert "valid_from" in listing.of_tool(whole)["inputSchema"]["properties"]


def test_a_listed_tool_takes_what_is_not_listed_of_it(db: Path) -> None:
    with Session(db, *LEAN) as client:
        stored = client.ok(
            "store_memory", file_name="a.md", content="The quince is ripe.", valid_from="2026-01-02"
        )
        assert "ignored" not in stored
        (hit,) = client.ok("retrieve_memory", query="quince", as_of="2026-01-03")["results"]
        assert hit["valid_from"].startswith("2026-01-02")


def test_others_are_found_and_called(db: Path) -> None:
    with Session(db, *LEAN) as client:
        names = client.ok("use_tool")["names"]
        everything = {tool.name for tool in selection.select("all")}
        assert {name for group in names.values() for name in group} == everything
        found = [client.ok("use_tool", query=query)["tools"] for query, _ in ASKED]
        hits = [
            any(tool["name"] == wanted for tool in tools)
            for tools, (_, wanted) in zip(found, ASKED, strict=True)
        ]
        assert sum(hits) >= 10, hits
        for tool in (tool for tools in found for tool in tools):
            for name, about in tool["arguments"].items():
                assert {"description", "enum"} & about.keys() or name in SAID_IN_SENTENCES, (
                    tool["name"],
                    name,
                )
        added = client.ok("add_todo", title="pick the quince")
        done = client.ok("use_tool", name="complete_todo", arguments={"todo_id": added["todo_id"]})
        assert done["status"] == "completed"
        client.ok(
            "use_tool", query="", name="store_memory", arguments='{"file_name": "b", "content": "Pears."}'
        )
        assert client.ok("retrieve_memory", query="pears")["results"][0]["file_name"] == "b"


def test_refusals_are_those_of_the_tool(db: Path) -> None:
    with Session(db, *LEAN) as client:
        client.bad("use_tool", "INVALID_ARGUMENT", "todo_id", name="complete_todo", arguments={"todo_id": 0})
        client.bad("use_tool", "INVALID_ARGUMENT", "todo_id", name="complete_todo")
        client.bad("use_tool", "INVALID_ARGUMENT", "arguments", name="complete_todo", arguments=[1])
        error = client.bad("use_tool", "NOT_FOUND", "name", name="complete_todos")
        assert error["details"]["near"][0] == "complete_todo"
        client.bad("use_tool", "NOT_FOUND", "name", name="use_tool")


@pytest.mark.parametrize("secrets", ["mask", "refuse", "warn"])
def test_secrets_are_guarded_all_the_same(db: Path, secrets: str) -> None:
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    with Session(db, *LEAN, env={"LTMC_SECRETS": secrets}) as client:
        arguments = {"file_name": "a.md", "content": f"The token is {key}."}
        answer = client.any("use_tool", name="store_memory", arguments=arguments)
        assert answer["success"] is (secrets != "refuse")
        assert len(answer.get("warnings", [])) == (1 if secrets != "refuse" else 0), answer
    assert (key.encode() in b"".join(path.read_bytes() for path in db.parent.glob(db.name + "*"))) is (
        secrets == "warn"
    )


def test_read_only_calls_what_reads(db: Path) -> None:
    with Session(db) as client:
        client.ok("store_memory", file_name="a.md", content="The quince is ripe.")
    with Session(db, *LEAN, "--read-only") as client:
        (tool,) = [tool for tool in client.tools() if tool["name"] == "use_tool"]
        assert tool["annotations"] == {"readOnlyHint": True}
        client.bad("use_tool", "NOT_FOUND", "name", name="forget")
        assert client.ok("use_tool", name="list_memories")["memories"]
