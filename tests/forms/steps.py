"""The session: every tool once, each answer looked at, and what of it must be there after a restart."""

from pathlib import Path
from typing import Any

from ltmc.tools import manifest, selection
from tests.client import Session


class Recorder:
    """A session that notes which tools were called."""

    def __init__(self, client: Session) -> None:
        self._client = client
        self.names: set[str] = set()

    def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must succeed."""
        self.names.add(tool)
        return self._client.ok(tool, **arguments)


def whole_session(command: list[str], db: Path, folder: Path, env: dict[str, str] | None = None) -> None:
    """Call every tool, read every prompt and resource, start anew and read back; see `use_every_tool`."""
    with Session(db, command=command, env=env) as client:
        called = Recorder(client)
        use_every_tool(called, folder)
        assert called.names == {tool.name for tool in selection.select("all")}
        use_prompts_and_resources(client)
    with Session(db, command=command, env=env) as client:
        read_back(client)


def use_every_tool(client: Recorder, folder: Path) -> None:
    """Call each tool once; `folder` is empty and may be used for files."""
    use_memory(client)
    use_chat(client)
    use_todos(client)
    use_graph(client)
    use_patterns(client)
    use_cache(client)
    use_analytics(client)
    use_blueprints(client)
    use_team(client)
    use_projects(client, folder)
    use_code(client, folder)
    use_documentation(client, folder)
    use_sync(client, folder)
    use_performance(client)
    use_hooks(client, folder)


def use_memory(client: Recorder) -> None:
    stored = client.ok("store_memory", file_name="birds/heron.md", content="Herons wait. Herons strike.")
    assert stored["resource_id"] == 1
    assert stored["chunk_count"] == 1
    (found,) = client.ok("retrieve_memory", query="a waiting heron", conversation_id="walk")["results"]
    assert found["file_name"] == "birds/heron.md"
    answer = client.ok("ask_with_context", query="What do herons do?")
    assert answer["sources"][0]["file_name"] == "birds/heron.md"
    packed = client.ok("build_context", documents=[{"id": "a", "content": "One. Two."}], max_tokens=100)
    assert packed["included_ids"] == ["a"]
    assert client.ok("route_query", query="find the note on herons")["recommended_method"]
    assert client.ok("retrieve_by_type", query="heron", doc_type="document")["count"] == 1
    assert client.ok("advanced_context_search", query="heron", filters={"sources": ["memory"]})["count"] == 1
    whole = client.ok("get_memory", resource_id=stored["resource_id"])
    assert whole["content"] == "Herons wait. Herons strike."
    draft = client.ok("store_memory", file_name="draft.md", content="To be removed.")["resource_id"]
    undo = client.ok("delete_memory", resource_id=draft)["undo"]
    assert client.ok("forget", undo=undo)["restored"] == 1
    chosen = {"kind": "memory", "ids": ["draft.md"]}
    token = client.ok("forget", **chosen)["confirm"]
    assert client.ok("forget", **chosen, confirm=token)["forgotten"] == 1
    assert client.ok("forget", kind="memory")["total"] == 1
    changed = client.ok("update_memory", file_name="birds/heron.md", tags=["bird"])
    assert changed["changed_fields"] == ["tags"]
    assert client.ok("list_memories", tag="bird")["total"] == 1
    assert client.ok("memory_history", file_name="birds/heron.md")["versions"][0]["current"]
    client.ok("update_memory", file_name="birds/heron.md", agrees_with=[])
    assert client.ok("find_conflicts")["conflicts"] == []


def use_chat(client: Recorder) -> None:
    logged = client.ok("log_chat", content="I saw one.", conversation_id="walk", source_tool="field-notes")
    (message,) = client.ok("get_chats_by_tool", source_tool="field-notes")["messages"]
    assert message["message_id"] == logged["message_id"]
    assert client.ok("get_chat_history", conversation_id="walk")["messages"][0]["content"] == "I saw one."
    assert client.ok("list_conversations")["total"] == 1


def use_todos(client: Recorder) -> None:
    todo = client.ok("add_todo", title="Count the herons", priority="high")["todo_id"]
    assert client.ok("list_todos")["todos"][0]["todo_id"] == todo
    assert client.ok("search_todos", query="heron")["count"] == 1
    assert client.ok("update_todo", todo_id=todo, description="All of them.")["priority"] == "high"
    assert not client.ok("complete_todo", todo_id=todo)["already_completed"]
    spare = client.ok("add_todo", title="Feed the gulls", due="2030-01-31")["todo_id"]
    assert client.ok("delete_todo", todo_id=spare)["deleted"]


def use_graph(client: Recorder) -> None:
    assert client.ok("link_resources", source_id=1, target_id="river", relation="lives_at")["created"]
    assert client.ok("query_graph", entity="river")["relationships"][0]["relation"] == "lives_at"
    pair = [{"id": "x", "content": "grey heron at the river"}, {"id": "y", "content": "the grey river heron"}]
    assert client.ok("auto_link_documents", documents=pair, similarity_threshold=0.5)["links_created"] == 1
    assert client.ok("get_document_relationships", doc_id=1)["total_relationships"] == 1


def use_patterns(client: Recorder) -> None:
    code = "def count(birds):\n    return len(birds)\n"
    attempt = client.ok("log_code_attempt", input_prompt="count birds", generated_code=code, result="pass")
    assert attempt["function_name"] == "count"
    assert client.ok("get_code_patterns", query="count birds")["patterns"][0]["generated_code"] == code
    assert client.ok("analyze_code_patterns")["total_patterns"] == 1
    assert client.ok("get_code_statistics")["success_rate"] == 1


def use_cache(client: Recorder) -> None:
    assert client.ok("redis_health_check")["backend"] in ("sqlite", "postgresql")
    assert not client.ok("redis_set_cache", key="kept", value={"herons": 3})["replaced"]
    assert client.ok("redis_get_cache", key="kept")["value"] == {"herons": 3}
    assert client.ok("redis_cache_stats")["total_keys"] == 1
    assert not client.ok("redis_delete_cache", key="absent")["deleted"]
    assert client.ok("redis_clear_cache", pattern="temporary:*")["cleared_count"] == 0


def use_analytics(client: Recorder) -> None:
    usage = client.ok("get_context_usage_statistics")
    assert usage["conversations"]["messages"] == 1


def use_blueprints(client: Recorder) -> None:
    about = {"title": "Heron survey", "description": "Count herons, then write the report."}
    assert client.ok("analyze_task_complexity", **about)["complexity"] in {"TRIVIAL", "SIMPLE"}
    first = client.ok("create_task_blueprint", **about, tags=["kept"])["blueprint_id"]
    second = client.ok("create_task_blueprint", title="Publish", description="Publish it.")["blueprint_id"]
    pair = {"dependent_blueprint_id": second, "prerequisite_blueprint_id": first}
    assert client.ok("add_blueprint_dependency", **pair)["created"]
    waiting = client.ok("get_task_dependencies", blueprint_id=second)
    assert (waiting["ready"], waiting["blocking_open"]) == (False, [first])
    order = client.ok("resolve_blueprint_execution_order", blueprint_ids=[second, first])
    assert order["execution_order"] == [first, second]
    changed = client.ok("update_blueprint_metadata", blueprint_id=first, priority_score=0.9)
    assert changed["changed_fields"] == ["priority_score"]
    assert client.ok("list_project_blueprints")["blueprints"][0]["blueprint_id"] == first
    assert client.ok("get_blueprint", blueprint_id=first)["title"] == "Heron survey"
    assert len(client.ok("decompose_task_blueprint", blueprint_id=first, force=True)["subtasks"]) > 1
    near = client.ok("query_blueprint_relationships", node_id=second)["relationships"]
    assert [edge["type"] for edge in near] == ["depends_on"]
    document = client.ok("generate_blueprint_documentation", blueprint_id=first)["documentation"]
    assert "Heron survey" in document
    assert client.ok("delete_task_blueprint", blueprint_id=second)["deleted"]


def use_team(client: Recorder) -> None:
    task = client.ok("create_task_blueprint", title="Ring a heron", description="Ring it.")["blueprint_id"]
    given = client.ok("assign_task_to_team", blueprint_id=task, available_members=[{"id": "ann"}])
    assert given["assigned_member"]["id"] == "ann"
    done = client.ok("update_task_progress", assignment_id=given["assignment_id"], progress_percentage=50)
    assert done["previous"]["progress"] == 0
    (member,) = client.ok("get_team_workload_overview")["members"]
    assert (member["member_id"], member["active_assignments"]) == ("ann", 1)


def use_projects(client: Recorder, folder: Path) -> None:
    client.ok("register_project", project_id="birds", root_path=str(folder))
    assert "birds" in [project["project_id"] for project in client.ok("list_projects")["projects"]]


def use_code(client: Recorder, folder: Path) -> None:
    file = folder / "heron.py"
    file.write_text("def wait(minutes: int) -> int:\n    return minutes\n")
    where = {"file_path": str(file), "project_id": "birds"}
    blueprint = client.ok("create_blueprint_from_code", **where)["blueprint_id"]
    file.write_text(file.read_text() + "\n\ndef strike() -> None:\n    pass\n")
    drifted = client.ok("validate_blueprint_consistency", blueprint_id=blueprint, **where)
    assert [found["type"] for found in drifted["inconsistencies"]] == ["missing_in_blueprint"]
    assert len(client.ok("update_blueprint_structure", blueprint_id=blueprint, **where)["added"]) == 1


def use_documentation(client: Recorder, folder: Path) -> None:
    where = {"file_path": str(folder / "heron.py"), "project_id": "birds"}
    assert not client.ok("validate_documentation_consistency", **where)["is_consistent"]
    assert client.ok("sync_documentation_with_code", **where)["consistency_after"] == 1
    assert (
        client.ok("get_documentation_consistency_score", doc_source="file", **where)["consistency_score"] == 1
    )
    assert not client.ok("detect_documentation_drift", **where)["drift_detected"]
    blueprint = client.ok("create_blueprint_from_code", **where)["blueprint_id"]
    written = client.ok("update_documentation_from_blueprint", blueprint_id=blueprint, project_id="birds")
    assert "api_documentation" in written["updated_sections"]


def use_sync(client: Recorder, folder: Path) -> None:
    file = folder / "heron.py"
    where = {"file_paths": [str(file)], "project_id": "birds"}
    assert client.ok("start_real_time_sync", **where)["watched_files"] == 1
    (session,) = client.ok("get_sync_status", project_id="birds")["sessions"]
    assert session["status"] == "active"
    client.ok("stop_real_time_sync", sync_id=session["sync_id"], project_id="birds")
    client.ok("detect_code_changes", update_baseline=True, **where)
    file.write_text(file.read_text().replace("strike()", "strike(hard: bool)"))
    (changed,) = client.ok("detect_code_changes", **where)["files"]
    assert [(one["symbol"], one["change"]) for one in changed["changes"]] == [("strike", "signature_changed")]


def use_performance(client: Recorder) -> None:
    assert client.ok("get_taskmaster_performance_metrics")["assignments"]["active"] == 1
    assert client.ok("get_performance_report")["requests"]["errors"] == 0


def use_prompts_and_resources(client: Session) -> None:
    """Each prompt and resource once, after `use_every_tool`."""
    assert client.offers() == {
        "prompts": [prompt.name for prompt in manifest.prompts()],
        "resources": [one.uri for one in manifest.resources() if one.argument is None],
        "templates": [one.uri for one in manifest.resources() if one.argument is not None],
    }
    assert "Herons wait." in client.prompt("recall", about="herons")
    assert "store_memory" in client.prompt("remember")
    assert "Herons wait." in client.prompt("plan", task="Watch the herons")
    assert "birds/heron.md" in client.prompt("brief")
    assert client.resource("ltmc://memory/birds/heron.md") == "Herons wait. Herons strike."
    assert "birds/heron.md" in client.resource("ltmc://brief")
    assert client.completions("ltmc://memory/{file_name}", "file_name", "birds/").values == ["birds/heron.md"]


def read_back(client: Session) -> None:
    """What `use_every_tool` stored, in a new process."""
    (found,) = client.ok("retrieve_memory", query="heron")["results"]
    assert found["content"] == "Herons wait. Herons strike."
    assert client.ok("get_chats_by_tool", source_tool="field-notes")["messages"][0]["content"] == "I saw one."
    assert [todo["status"] for todo in client.ok("list_todos")["todos"]] == ["completed"]
    assert client.ok("query_graph", entity="river")["count"] == 1
    assert client.ok("get_code_patterns", query="count birds")["patterns"][0]["result"] == "pass"
    assert client.ok("redis_get_cache", key="kept")["value"] == {"herons": 3}
    kept = client.ok("list_project_blueprints", tags=["kept"])["blueprints"]
    assert ("Heron survey", 0.9) in [(found["title"], found["priority_score"]) for found in kept]
    assert client.ok("get_team_workload_overview")["members"][0]["member_id"] == "ann"


def use_hooks(client: Recorder, folder: Path) -> None:
    payload = {"session_id": "walk", "cwd": str(folder), "prompt": "Which bird stands in the reeds?"}
    assert client.ok("hook_event", event="prompt", **payload)["text"] == ""
    started = payload | {"session_id": "next"}
    brief = client.ok("hook_event", event="start", **started)["text"]
    assert "Which bird stands in the reeds?" in brief
