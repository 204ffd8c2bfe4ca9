"""Ids of things of another repository: without its project they neither read nor change anything."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from ltmc.app.project_identity import project_of
from ltmc.tools import manifest
from tests.client import Session
from tests.paths.test_identity import repository

AUTO = ("--project", "auto")
KEYS_OF_CALLERS = {"project_id", "conversation_id", "session_id", "tool_use_id"}
LOGS = ("tool_calls", "retrieval_events", "context_links", "usage_events", "routing_log", "sqlite_sequence")
NOWHERE = {"list_project_blueprints", "query_graph"}
"""The tools that answer what they do not know with nothing."""


def made(client: Session) -> dict[str, Any]:
    """Store one of each thing that has an id."""
    memory = client.ok("store_memory", file_name="a.md", content="The secret quince is ripe.")["resource_id"]
    gone = client.ok("store_memory", file_name="gone.md", content="The secret medlar.")["resource_id"]
    chunk = client.ok("retrieve_memory", query="quince")["results"][0]["chunk_id"]
    message = client.ok("log_chat", content="A secret quince.", conversation_id="c")["message_id"]
    attempt = {"input_prompt": "count", "generated_code": "secret = 1", "result": "pass"}
    pattern = client.ok("log_code_attempt", **attempt)["pattern_id"]
    todo = client.ok("add_todo", title="Pick the secret quince")["todo_id"]
    first, second = (
        client.ok("create_task_blueprint", title=title, description="Plan, build and test it.")[
            "blueprint_id"
        ]
        for title in ("The secret plan", "The other plan")
    )
    team = [{"id": "ann", "skills": [], "capacity": 1.0}]
    assignment = client.ok("assign_task_to_team", blueprint_id=second, available_members=team)
    sync = client.ok("start_real_time_sync", file_paths=["a.py"])["sync_id"]
    undo = client.ok("delete_memory", resource_id=gone)["undo"]
    return {
        "memory": memory,
        "chunk": chunk,
        "message": message,
        "pattern": pattern,
        "todo": todo,
        "plan": first,
        "other": second,
        "assignment": assignment["assignment_id"],
        "sync": sync,
        "undo": undo,
    }


def by_id(of: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return a call of each tool with each of its arguments that is an id, what deletes last."""
    memory, plan, todo = of["memory"], {"blueprint_id": of["plan"]}, {"todo_id": of["todo"]}
    node, team = f"resource:{memory}", [{"id": "ann", "skills": [], "capacity": 1.0}]
    stored = {"file_name": "b.md", "content": "A pear."}
    return [
        ("get_memory", {"resource_id": memory}),
        ("get_memory", {"chunk_id": of["chunk"]}),
        ("get_memory", {"message_id": of["message"]}),
        ("get_memory", {"pattern_id": of["pattern"]}),
        ("memory_history", {"resource_id": memory}),
        ("log_chat", {"content": "b", "conversation_id": "b", "context_chunk_ids": [of["chunk"]]}),
        ("store_memory", stored | {"supersedes": [str(memory)]}),
        ("update_memory", {"resource_id": memory, "tags": ["b"]}),
        ("link_resources", {"source_id": node, "target_id": "b", "relation": "b"}),
        ("link_resources", {"source_id": "b", "target_id": node, "relation": "b"}),
        ("query_graph", {"entity": node}),
        ("get_document_relationships", {"doc_id": node}),
        ("auto_link_documents", {"documents": [{"id": node}]}),
        ("get_blueprint", plan),
        ("get_task_dependencies", plan),
        ("list_project_blueprints", {"parent_id": of["plan"]}),
        ("resolve_blueprint_execution_order", {"blueprint_ids": [of["plan"]]}),
        ("query_blueprint_relationships", {"node_id": of["plan"]}),
        ("generate_blueprint_documentation", plan),
        ("update_documentation_from_blueprint", plan),
        ("update_blueprint_metadata", plan | {"title": "b"}),
        ("update_blueprint_structure", plan | {"file_path": "a.py"}),
        ("validate_blueprint_consistency", plan | {"file_path": "a.py"}),
        (
            "add_blueprint_dependency",
            {"dependent_blueprint_id": of["plan"], "prerequisite_blueprint_id": of["other"]},
        ),
        ("decompose_task_blueprint", plan | {"force": True}),
        ("assign_task_to_team", plan | {"available_members": team}),
        ("update_task_progress", {"assignment_id": of["assignment"], "progress_percentage": 50}),
        ("update_todo", todo | {"title": "b"}),
        ("complete_todo", todo),
        ("delete_todo", todo),
        ("get_sync_status", {"sync_id": of["sync"]}),
        ("stop_real_time_sync", {"sync_id": of["sync"]}),
        ("forget", {"undo": of["undo"]}),
        ("forget", {"kind": "memory", "ids": [memory]}),
        ("delete_memory", {"resource_id": memory}),
        ("delete_task_blueprint", plan | {"force": True}),
    ]


def rows(db: Path) -> list[str]:
    """Return all that a database holds beside the logs."""
    with closing(sqlite3.connect(db)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("search_", "index_")) and name not in LOGS
        ]
        return [f"{name} {row}" for name in names for row in connection.execute(f"SELECT * FROM {name}")]


def test_the_table_has_each_tool_that_takes_an_id() -> None:
    of = dict.fromkeys("memory chunk message pattern todo plan other assignment sync undo".split(), 0)
    having = {
        tool.name
        for tool in manifest.tools()
        if {name for name in tool.parameters["properties"] if {"id", "ids", "undo"} & {*name.split("_")}}
        - KEYS_OF_CALLERS
    }
    asked = {tool for tool, _ in by_id(of)}
    assert having <= asked, having - asked


def test_ids_of_another_repository_need_its_project(db: Path, tmp_path: Path) -> None:
    here, there = repository(tmp_path / "here"), repository(tmp_path / "there")
    (there / "a.py").write_text("def secret() -> None: ...\n")
    with Session(db, *AUTO, cwd=there) as other, Session(db, *AUTO, cwd=here) as client:
        of, before = made(other), rows(db)
        for tool, arguments in by_id(of):
            said = client.any(tool, **arguments)
            assert tool in NOWHERE or said.get("error_code") == "NOT_FOUND", (tool, arguments, said)
            assert "secret" not in str(said), (tool, arguments, said)
            assert rows(db) == before, (tool, arguments)
        for tool, arguments in by_id(of)[:-2]:
            if "sync" not in tool and "structure" not in tool and "consistency" not in tool:
                said = client.any(tool, project_id=project_of(there), **arguments)
                assert said["success"] or said["error_code"] != "NOT_FOUND", (tool, arguments, said)
