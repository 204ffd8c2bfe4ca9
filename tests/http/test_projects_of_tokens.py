"""A token with projects: of what is in others it reads nothing, changes nothing, and cannot tell that it is there."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ltmc.tools import manifest
from tests.client import connected
from tests.http.serving import Serving, User
from tests.server.test_ids_of_other_projects import NOWHERE, by_id, made

OVER_ALL = (
    "get_context_usage_statistics",
    "get_taskmaster_performance_metrics",
    "get_team_workload_overview",
    "analyze_code_patterns",
    "get_code_statistics",
)
HELD_BY_ITSELF = {"list_projects"}
CODE = "def secret(quince: int) -> int:\n    return quince\n"
MEMBERS = [{"id": "ann", "skills": ["python"], "capacity": 1.0}]


class Place(NamedTuple):
    """A server with a project `there`, of which `of` has the ids, and a writer held to the project `here`."""

    server: Serving
    writer: User
    of: dict[str, Any]
    db: Path


def filled(server: Serving, project: str, folder: Path, tmp: Path) -> dict[str, Any]:
    """Put one of everything into a project, every text with the word secret."""
    folder.mkdir()
    (folder / "a.py").write_text(CODE)
    (folder / "a.md").write_text("# a.py\n\nThe secret quince.\n")
    owner = User(server, server.token, project)
    owner.ok("register_project", root_path=str(folder))
    of = made(owner)  # type: ignore[arg-type]
    about = {"tags": ["secret"], "file_name": "secret-pear.md"}
    owner.ok("store_memory", content="Secret: the quince is yellow, and the pear too.", **about)
    owner.ok("link_resources", source_id="quince", target_id="secret pear", relation="ripens_with")
    owner.ok("redis_set_cache", key="quince", value="secret")
    owner.ok("log_chat", content="secret too", conversation_id="shared", source_tool="secretary")
    owner.ok("retrieve_memory", query="quince", conversation_id="shared")
    owner.ok("create_blueprint_from_code", file_path="a.py")
    owner.ok("sync_documentation_with_code", file_path="a.py")
    owner.ok("detect_code_changes", file_paths=["a.py"], update_baseline=True)
    return of


@pytest.fixture(scope="module")
def places(
    new_database: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, Place]]:
    """Two servers: in the second there is nothing but what the writer stored."""
    with ExitStack() as stack:
        found = []
        for name in ("full", "empty"):
            tmp = tmp_path_factory.mktemp(name)
            db = new_database(tmp / "data")
            (tmp / "home").mkdir()
            server = stack.enter_context(Serving(db, HOME=str(tmp / "home")))
            of = filled(server, "there", tmp / "there", tmp) if name == "full" else {}
            here = tmp / "here"
            here.mkdir()
            (here / "a.py").write_text("def own() -> int:\n    return 1\n")
            User(server, server.token).ok("register_project", project_id="here", root_path=str(here))
            found.append(Place(server, server.user("wim", "write", "here"), of, db))
        yield found[0], found[1]


def rows(db: Path) -> list[str]:
    """Return all that a database holds of the project there."""
    with closing(connected(db)) as connection:
        found = []
        for table in (
            "resources",
            "chat_messages",
            "todos",
            "code_patterns",
            "blueprints",
            "graph_relations",
        ):
            columns = [row[0] for row in connection.execute(f"SELECT name FROM pragma_table_info('{table}')")]
            if "project_id" in columns:
                found += connection.execute(f"SELECT * FROM {table} WHERE project_id = 'there'").fetchall()
        for table in ("cache_entries", "team_members", "assignments", "sync_sessions", "trash", "projects"):
            found += connection.execute(f"SELECT * FROM {table}").fetchall()
    return sorted(map(str, found))


def plain() -> list[tuple[str, dict[str, Any]]]:
    """Return calls that name no id of a stored thing, of each tool that takes a project_id."""
    words = {"query": "quince"}
    file = {"file_path": "a.py"}
    return [
        ("retrieve_memory", words),
        ("retrieve_memory", {"query": "yellow fruit that is ripe"}),
        ("retrieve_memory", words | {"conversation_id": "shared"}),
        ("ask_with_context", {"query": "What is ripe?"}),
        ("ask_with_context", {"query": "Is the quince ripe?", "conversation_id": "shared"}),
        ("build_context", words | {"max_tokens": 500}),
        ("route_query", words),
        *(
            ("retrieve_by_type", {"query": query, "doc_type": kind})
            for query in ("", "quince")
            for kind in ("document", "chat", "code", "todo", "blueprint")
        ),
        ("advanced_context_search", words),
        ("advanced_context_search", {"query": "", "filters": {"tags": ["secret"]}}),
        ("get_memory", {"file_name": "a.md"}),
        ("memory_history", {"file_name": "a.md"}),
        ("list_memories", {}),
        ("list_memories", {"tag": "secret"}),
        ("find_conflicts", {}),
        ("get_chats_by_tool", {"source_tool": "secretary"}),
        ("get_chat_history", {"conversation_id": "c"}),
        ("get_chat_history", {"conversation_id": "shared"}),
        ("list_conversations", {}),
        ("list_todos", {}),
        ("search_todos", words),
        ("query_graph", {"entity": "quince"}),
        ("query_graph", {"entity": "secret pear", "max_depth": 5}),
        ("get_document_relationships", {"doc_id": "a.md"}),
        ("get_document_relationships", {"doc_id": "quince"}),
        ("get_code_patterns", {"query": "count"}),
        ("analyze_code_patterns", {}),
        ("get_code_statistics", {}),
        ("redis_get_cache", {"key": "quince"}),
        ("redis_cache_stats", {}),
        ("redis_delete_cache", {"key": "quince"}),
        ("redis_clear_cache", {}),
        ("get_context_usage_statistics", {}),
        ("analyze_task_complexity", {"title": "The secret plan", "description": "Plan, build and test it."}),
        ("list_project_blueprints", {}),
        ("query_blueprint_relationships", {"node_id": "a.py"}),
        ("query_blueprint_relationships", {"node_id": "secret"}),
        ("get_team_workload_overview", {}),
        ("validate_documentation_consistency", file),
        ("detect_documentation_drift", file),
        ("get_documentation_consistency_score", file),
        ("detect_code_changes", {"file_paths": ["a.py"]}),
        ("get_sync_status", {}),
        ("get_taskmaster_performance_metrics", {}),
        ("list_projects", {}),
        ("forget", {"kind": "memory", "query": "quince"}),
        ("forget", {"kind": "memory"}),
        ("update_memory", {"file_name": "a.md", "tags": ["b"]}),
        ("delete_memory", {"file_name": "a.md"}),
        ("store_memory", {"file_name": "a.md", "content": "My own quince."}),
        ("log_chat", {"content": "mine", "conversation_id": "shared"}),
        ("get_chat_history", {"conversation_id": "shared"}),
        ("log_code_attempt", {"input_prompt": "count", "generated_code": "own = 1", "result": "pass"}),
        ("add_todo", {"title": "Pick my own"}),
        ("redis_set_cache", {"key": "quince", "value": 1}),
        ("create_task_blueprint", {"title": "The secret plan", "description": "Plan, build and test it."}),
        ("link_resources", {"source_id": "quince", "target_id": "mine", "relation": "is"}),
        ("auto_link_documents", {"documents": [{"id": "quince", "content": "the quince is ripe"}]}),
        ("create_blueprint_from_code", file),
        ("sync_documentation_with_code", file),
        ("start_real_time_sync", {"file_paths": ["a.py"]}),
        ("get_sync_status", {}),
        ("query_graph", {"entity": "quince"}),
        ("retrieve_memory", words),
        ("get_context_usage_statistics", {}),
        ("use_tool", {}),
    ]


TOLD_APART = re.compile(r"(_id|_ids|^id|_ms|_at|_hours|seconds|undo|confirm|_bytes|uptime|search_mode)$")
"""What differs from call to call: numbers of rows, and times; and whether anything at all has a vector yet."""


def told(answer: Any) -> Any:
    """Return what of an answer is the same at each call."""
    if isinstance(answer, dict):
        return {name: told(value) for name, value in answer.items() if not TOLD_APART.search(name)}
    if isinstance(answer, list):
        return [told(one) for one in answer]
    return (
        re.sub(r"/\S+/(full|empty)\d*|\b[0-9a-f-]{8,}\b|\d+", "", answer)
        if isinstance(answer, str)
        else answer
    )


def test_the_calls_are_of_every_tool() -> None:
    of = dict.fromkeys("memory chunk message pattern todo plan other assignment sync undo".split(), 0)
    called = {tool for tool, _ in plain()} | {tool for tool, _ in by_id(of)}
    assert {tool.name for tool in manifest.tools()} - called == {
        tool.name for tool in manifest.tools() if tool.admin
    }
    for tool in manifest.tools():
        held = "project_id" in tool.parameters["properties"] or tool.admin or tool.category == "lean"
        assert held or tool.name in HELD_BY_ITSELF, tool.name


def test_ids_of_another_project_are_not_found(places: tuple[Place, Place]) -> None:
    place = places[0]
    before = rows(place.db)
    assert len(before) > 10
    for tool, arguments in by_id(place.of):
        said = place.writer.any(tool, **arguments)
        assert tool in NOWHERE or said.get("error_code") == "NOT_FOUND", (tool, arguments, said)
        assert "secret" not in str(said), (tool, arguments, said)
        assert "there" not in str(said), (tool, arguments, said)
        assert rows(place.db) == before, (tool, arguments)
        told_to = [
            str(place.writer.any(tool, **arguments, project_id=project)).replace(project, "")
            for project in ("there", "nowhere")
        ]
        assert told_to[0] == told_to[1], told_to
        assert "INVALID_ARGUMENT" in told_to[0], told_to
        assert "the projects of your token, here" in told_to[0], told_to


def test_answers_are_as_if_there_were_nothing_else(places: tuple[Place, Place]) -> None:
    full = places[0]
    before, told_apart = rows(full.db), []
    for tool, arguments in plain():
        answers = [place.writer.any(tool, **arguments) for place in places]
        assert "there" not in str(answers[0]).replace("Note: there", ""), (tool, answers[0])
        for word in (
            "ripens_with",
            "a secret",
            "The secret quince",
            "medlar",
            "secret pear",
            "secret =",
            "secretary",
        ):
            assert word not in str(answers[0]).replace(str(arguments), "") or word in str(arguments), (
                tool,
                answers[0],
            )
        if told(answers[0]) != told(answers[1]):
            told_apart.append((tool, arguments, *map(told, answers)))
    assert not told_apart, told_apart
    kept = [row for row in before if "'here'" not in row]
    assert set(kept) <= set(rows(full.db)), set(kept) - set(rows(full.db))


def test_reports_over_all_projects_are_refused(places: tuple[Place, Place]) -> None:
    for tool in OVER_ALL:
        places[0].server.call(tool, project_id="*")
        said = places[0].writer.bad(tool, "INVALID_ARGUMENT", project_id="*")
        assert "the projects of your token, here" in said


def test_prompts_and_resources_are_held_too(places: tuple[Place, Place]) -> None:
    writer = places[0].writer
    for name, arguments in (
        ("recall", {"about": "quince"}),
        ("plan", {"task": "quince"}),
        ("brief", {}),
        ("remember", {}),
    ):
        answer = writer.rpc("prompts/get", name=name, arguments=arguments)
        assert "result" in answer.json(), answer
        assert "ecret" not in answer.text.replace("No secrets.", ""), answer
        refused = writer.rpc("prompts/get", name=name, arguments={**arguments, "project_id": "there"}).json()
        assert "the projects of your token, here" in refused["error"]["message"], refused
    assert "secret" not in writer.rpc("resources/read", uri="ltmc://brief").text
    missing = writer.rpc("resources/read", uri="ltmc://memory/secret-pear.md").json()
    assert "there" not in missing["error"]["message"], missing
    reference = {"type": "ref/resource", "uri": "ltmc://memory/{file_name}"}
    completed = writer.rpc(
        "completion/complete", ref=reference, argument={"name": "file_name", "value": "secret"}
    ).json()
    assert completed["result"]["completion"]["values"] == []


def test_files_are_those_of_its_projects(places: tuple[Place, Place], tmp_path: Path) -> None:
    place = places[0]
    there = place.writer.server.token_path  # any file of the host
    outside = [str(there), "../there/a.py", str(tmp_path), "/etc/passwd"]
    for path in outside:
        said = place.writer.bad("create_blueprint_from_code", "PATH_NOT_ALLOWED", file_path=path)
        assert "def" not in said
    anyone = place.server.user("una", "write", "unregistered")
    said = anyone.bad("create_blueprint_from_code", "PATH_NOT_ALLOWED", file_path="pyproject.toml")
    assert "role admin" in said
    memory = anyone.ok("store_memory", file_name="pyproject.toml", content="See pyproject.toml.")
    with closing(connected(place.db)) as connection:
        sql = "SELECT files FROM resources WHERE id = ?".replace("?", str(memory["resource_id"]))
        assert json.loads(connection.execute(sql).fetchone()[0]) == []


def test_several_projects_are_read_together_and_the_first_is_its_own(places: tuple[Place, Place]) -> None:
    place = places[0]
    both = place.server.user("ben", "write", "own", "there")
    both.ok("store_memory", file_name="b.md", content="The quince of my own.")
    found = both.ok("retrieve_memory", query="quince")["results"]
    assert {one.get("project_id", "own") for one in found} == {"own", "there"}
    assert both.ok("get_memory", resource_id=place.of["memory"])["content"] == "The secret quince is ripe."
    assert both.ok("list_memories")["total"] >= 2
    assert [one["project_id"] for one in both.ok("list_projects")["projects"]] == ["own", "there"]
    both.bad("list_memories", "INVALID_ARGUMENT", project_id="here")
