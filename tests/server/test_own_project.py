"""The project of calls that name none, with the setting ``project`` at ``auto``."""

import json
import nturl2path
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import pytest
from mcp_types import ErrorData, ListRootsResult, Root

from ltmc.app.project_identity import project_of
from ltmc.server import roots
from tests.client import Session, run_cli
from tests.importing.samples import claude_record, write_lines
from tests.paths.test_identity import git, repository

AUTO = ("--project", "auto")
ERAS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]


def projects_of(db: Path) -> list[str]:
    """Return the projects of the memories in a database."""
    connection = sqlite3.connect(db)
    try:
        return [name for (name,) in connection.execute("SELECT project_id FROM resources ORDER BY id")]
    finally:
        connection.close()


def store(client: Session, name: str = "a.md", text: str = "The quince is ripe.", **more: Any) -> None:
    client.ok("store_memory", file_name=name, content=text, **more)


@pytest.mark.parametrize("era", ERAS)
def test_it_is_the_repository_of_the_working_folder(db: Path, tmp_path: Path, era: str) -> None:
    tree = repository(tmp_path / "orchard")
    with Session(db, *AUTO, cwd=tree, version=era) as client:
        store(client)
        store(client, "b.md", project_id="named")
    assert projects_of(db) == [project_of(tree), "named"]


def test_the_agents_own_variable_goes_before_roots_and_folder(db: Path, tmp_path: Path) -> None:
    here, there = repository(tmp_path / "here"), repository(tmp_path / "there")
    with Session(db, *AUTO, cwd=here, env={"CLAUDE_PROJECT_DIR": str(there)}, roots=naming(here)) as client:
        store(client)
    assert projects_of(db) == [project_of(there)]


def naming(*folders: Path, asked: list[int] | None = None) -> Any:
    async def answer(_: Any) -> ListRootsResult:
        if asked is not None:
            asked.append(1)
        return ListRootsResult(roots=[Root(uri=folder.as_uri()) for folder in folders])

    return answer


@pytest.mark.parametrize("era", ERAS[:-1])
def test_roots_are_asked_for_once_and_during_a_call(db: Path, tmp_path: Path, era: str) -> None:
    here, there = repository(tmp_path / "here"), repository(tmp_path / "there of ours")
    asked: list[int] = []
    with Session(db, *AUTO, cwd=here, roots=naming(there, here, asked=asked), version=era) as client:
        assert len(client.tools()) > 50
        assert asked == []
        store(client)
        store(client, "b.md")
        assert asked == [1]
    assert projects_of(db) == [project_of(there)] * 2


@pytest.mark.filterwarnings("ignore:The roots capability")
def test_changed_roots_are_followed(db: Path, tmp_path: Path) -> None:
    here, there = repository(tmp_path / "here"), repository(tmp_path / "there")
    roots = [here]

    async def answer(_: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=folder.as_uri()) for folder in roots])

    with Session(db, *AUTO, cwd=tmp_path, roots=answer) as client:
        store(client)
        roots[:] = [there, here]
        store(client, "b.md")
        client.roots_changed()
        store(client, "c.md")
    assert projects_of(db) == [project_of(here), project_of(here), project_of(there)]


@pytest.mark.parametrize("kind", ["error", "none", "silence"])
def test_a_client_that_names_no_roots_is_taken_at_its_folder(db: Path, tmp_path: Path, kind: str) -> None:
    here = repository(tmp_path / "here")

    async def answer(_: Any) -> Any:
        if kind == "silence":
            await anyio.sleep(60)
        return ErrorData(code=-32603, message="no") if kind == "error" else ListRootsResult(roots=[])

    with Session(db, *AUTO, cwd=here, roots=answer) as client:
        store(client)
    assert projects_of(db) == [project_of(here)]


def test_the_newest_protocol_cannot_be_asked_for_roots(db: Path, tmp_path: Path) -> None:
    here, asked = repository(tmp_path / "here"), list[int]()
    with Session(db, *AUTO, cwd=here, roots=naming(tmp_path, asked=asked), version=ERAS[-1]) as client:
        store(client)
    assert (projects_of(db), asked) == ([project_of(here)], [])


def test_nothing_is_asked_and_nothing_changes_without_the_setting(db: Path, tmp_path: Path) -> None:
    here, asked = repository(tmp_path / "here"), list[int]()
    with Session(db, cwd=here, roots=naming(here, asked=asked)) as client:
        store(client)
    with Session(db, "--project", "fixed", cwd=here, roots=naming(here, asked=asked)) as client:
        store(client)
    assert (projects_of(db), asked) == (["default", "fixed"], [])


def test_what_was_stored_in_the_default_project_is_still_found_and_says_so(db: Path, tmp_path: Path) -> None:
    here, other = repository(tmp_path / "a" / "app"), repository(tmp_path / "b" / "app")
    with Session(db) as client:
        store(client, "old.md", "The old quince tree stands at the wall.", tags=["tree"])
        client.ok("add_todo", title="Prune the quince")
        client.ok("log_code_attempt", input_prompt="count quinces", generated_code="len(q)", result="pass")
        client.ok("log_chat", content="A quince is no pear.", conversation_id="c")
    with Session(db, *AUTO, cwd=other) as client:
        store(client, "secret.md", "The quince of the other one is secret.")
        client.ok("add_todo", title="Hide the quince")
    with Session(db, *AUTO, cwd=here) as client:
        store(client, "new.md", "The new quince tree stands at the gate.")
        shown = [
            client.ok("retrieve_memory", query="quince tree")["results"],
            client.ok("retrieve_memory", query="quince", include_superseded=True)["results"],
            client.ok("retrieve_by_type", query="quince", doc_type="document")["results"],
            client.ok("advanced_context_search", query="", filters={"sources": "memory"})["results"],
            client.ok("list_memories")["memories"],
        ]
        for found in shown:
            named = {hit["file_name"]: hit.get("project_id") for hit in found}
            assert named == {"new.md": None, "old.md": "default"}
        assert client.ok("list_memories", tag="tree")["total"] == 1
        assert client.ok("get_memory", file_name="old.md")["project_id"] == "default"
        assert client.ok("get_memory", file_name="new.md")["project_id"] == project_of(here)
        client.bad("get_memory", "NOT_FOUND", file_name="secret.md")
        for todos in (client.ok("list_todos"), client.ok("search_todos", query="quince")):
            assert [(one["title"], one["project_id"]) for one in todos["todos"]] == [
                ("Prune the quince", "default")
            ]
        (pattern,) = client.ok("get_code_patterns", query="count quinces")["patterns"]
        assert pattern["project_id"] == "default"
        (talk,) = client.ok("list_conversations")["conversations"]
        assert (talk["conversation_id"], talk["project_id"]) == ("c", "default")
        said = client.ok("get_chat_history", conversation_id="c")
        assert (said["total"], said["project_id"]) == (1, "default")
        client.ok("log_chat", content="A quince is an apple.", conversation_id="c")
        said = client.ok("get_chat_history", conversation_id="c")
        assert [one["content"] for one in said["messages"]] == ["A quince is an apple."]
        assert "project_id" not in said
        talks = client.ok("list_conversations")["conversations"]
        assert [one.get("project_id") for one in talks] == [None, "default"]
        answer = client.ok("ask_with_context", query="Where stands the old quince tree?")
        assert "wall" in answer["answer"]
        packed = client.ok("build_context", query="quince tree")
        assert "wall" in packed["context"]
        assert "gate" in packed["context"]
        assert "secret" not in json.dumps([shown, answer, packed])
        (alone,) = client.ok("retrieve_memory", query="quince", project_id="default")["results"]
        assert (alone["file_name"], "project_id" in alone) == ("old.md", False)


def test_what_lies_in_the_default_project_is_changed_there(db: Path, tmp_path: Path) -> None:
    with Session(db) as client:
        store(client, "old.md")
        store(client, "gone.md")
        client.ok("add_todo", title="Prune it")
    with Session(db, *AUTO, cwd=repository(tmp_path / "orchard")) as client:
        for one in ({"file_name": "old.md"}, {"resource_id": 1}):
            assert client.ok("update_memory", tags=[next(iter(one))], **one)["project_id"] == "default"
            assert client.ok("memory_history", **one)["project_id"] == "default"
        new = client.ok("store_memory", file_name="new.md", content="A pear.", supersedes=["old.md"])
        assert new["superseded"] == [1]
        listed = client.ok("list_memories")["memories"]
        assert [one["file_name"] for one in listed] == ["new.md", "gone.md"]
        assert "project_id" not in client.ok("update_memory", file_name="new.md", valid_from="2020-01-01")
        assert client.ok("get_memory", resource_id=1)["superseded_at"].startswith("2020-01-01")
        store(client, "gone.md", "Of the orchard.")
        assert "project_id" not in client.ok("update_memory", file_name="gone.md", tags=["own"])
        client.ok("update_todo", todo_id=1, title="Prune it now")
        client.ok("complete_todo", todo_id=1)
        client.ok("delete_todo", todo_id=1)
        client.ok("delete_memory", resource_id=2)
    assert projects_of(db) == ["default", project_of(tmp_path / "orchard"), project_of(tmp_path / "orchard")]


def test_an_own_memory_goes_before_one_of_its_name_in_the_default_project(db: Path, tmp_path: Path) -> None:
    here, there = repository(tmp_path / "here"), repository(tmp_path / "there")
    with Session(db) as client:
        store(client, "rules.md", "Decision: the old quince rule is to wait for frost.", tags=["decision"])
        store(client, "other.md", "Another quince tree.")
    text = "Decision: the new quince rule is to pick in October."
    with Session(db, *AUTO, cwd=here) as client:
        stored = client.ok("store_memory", file_name="rules.md", content=text, tags=["decision"])
        (warning,) = stored["warnings"]
        assert warning == "Project 'default' has a memory of this name too, which is not shown here any more."
        again = client.ok("store_memory", file_name="rules.md", content=text + " Early.", tags=["decision"])
        assert "warnings" not in again

        def found(tool: str, field: str, **arguments: Any) -> dict[str, Any]:
            answer = client.ok(tool, **arguments)
            assert answer["total"] == len(answer[field])
            return {hit["file_name"]: hit.get("project_id") for hit in answer[field]}

        own = {"rules.md": None, "other.md": "default"}
        blank = {"query": "", "filters": {"sources": "memory"}}
        assert found("retrieve_memory", "results", query="quince rule", top_k=9) == own
        assert found("retrieve_by_type", "results", query="quince", doc_type="document") == own
        assert found("advanced_context_search", "results", **blank) == own
        assert client.ok("advanced_context_search", **blank)["total_scanned"] == 2
        assert found("list_memories", "memories") == own
        assert client.ok("list_memories", prefix="rules")["total"] == 1
        assert "October" in client.ok("get_memory", file_name="rules.md")["content"]
        assert "frost" in client.ok("get_memory", file_name="rules.md", project_id="default")["content"]
        assert "frost" not in json.dumps(client.ok("ask_with_context", query="What is the quince rule?"))
    brief = run_cli("brief", "--db", str(db), cwd=here).stdout
    assert ("October" in brief, "frost" in brief) == (True, False)
    said = run_cli("remember", "Ours.", "--name", "rules.md", "--db", str(db), cwd=there)
    assert "Note: Project 'default' has a memory of this name" in said.stderr
    with Session(db, *AUTO, cwd=there) as client:
        client.ok("delete_memory", resource_id=client.ok("list_memories")["memories"][0]["resource_id"])
        assert "frost" in client.ok("get_memory", file_name="rules.md")["content"]


def test_what_does_not_look_into_the_default_project_says_how_much_is_there(db: Path, tmp_path: Path) -> None:
    with Session(db) as client:
        store(client, "old.md", tags=["fruit"])
        plan = client.ok("create_task_blueprint", title="Plan", description="Plant a quince.")["blueprint_id"]
        client.ok("log_code_attempt", input_prompt="count", generated_code="len(q)", result="pass")
        client.ok("link_resources", source_id="old.md", target_id="quince", relation="about")
    here = repository(tmp_path / "orchard")
    with Session(db, *AUTO, cwd=here) as client:
        hint = "1 {} more in project 'default': pass project_id 'default'."
        for tool, what, arguments in (
            ("forget", "things", {"tag": "fruit"}),
            ("find_conflicts", "memories", {}),
            ("get_code_statistics", "attempts", {}),
            ("analyze_code_patterns", "attempts", {}),
        ):
            assert client.ok(tool, **arguments)["warnings"] == [hint.format(what)], tool
            assert "warnings" not in client.ok(tool, project_id="default", **arguments), tool
        said = client.bad("forget", "NOT_FOUND", "ids", kind="memory", ids=[1])
        assert "project 'default' has it: pass project_id 'default'" in said["error"]
        assert client.ok("query_graph", entity="quince")["project_id"] == "default"
        assert client.ok("get_document_relationships", doc_id="old.md")["project_id"] == "default"
        (listed,) = client.ok("list_project_blueprints")["blueprints"]
        assert (listed["blueprint_id"], listed["project_id"]) == (plan, "default")
        client.ok("link_resources", source_id="quince", target_id="tree", relation="is_a")
        assert "project_id" not in client.ok("query_graph", entity="quince")
    for command in (("forget", "--tag", "fruit"), ("tidy",)):
        done = run_cli(*command, "--db", str(db), cwd=here)
        assert "1 " in done.stderr
        assert "more in project 'default': pass --project 'default'." in done.stderr


def test_what_was_stored_before_there_was_a_remote_is_still_found(db: Path, tmp_path: Path) -> None:
    here = repository(tmp_path / "here")
    before = project_of(here)
    with Session(db, *AUTO, cwd=here) as client:
        store(client)
    git(here, "remote", "add", "origin", "https://example.org/team/here")
    with Session(db, *AUTO, cwd=here) as client:
        store(client, "b.md")
        listed = client.ok("list_memories")["memories"]
        assert [(one["file_name"], one.get("project_id")) for one in listed] == [
            ("b.md", None),
            ("a.md", before),
        ]
        assert client.resource("ltmc://memory/a.md") == "The quince is ripe."
    assert projects_of(db) == [before, project_of(here)]


def test_pages_over_both_projects_are_slices_of_one_ranking(db: Path, tmp_path: Path) -> None:
    here = repository(tmp_path / "here")
    for flags in ((), AUTO):
        with Session(db, *flags, cwd=here) as client:
            for number in range(4):
                store(client, f"{len(flags)}-{number}.md", f"Quince tree {number} of row {len(flags)}.")
    with Session(db, *AUTO, cwd=here) as client:
        whole = client.ok("retrieve_memory", query="quince tree", top_k=8)
        pages = [
            client.ok("retrieve_memory", query="quince tree", top_k=3, offset=start) for start in (0, 3, 6)
        ]
        assert [hit["file_name"] for page in pages for hit in page["results"]] == [
            hit["file_name"] for hit in whole["results"]
        ]
        assert {page["total"] for page in pages} == {whole["total"]} == {8}
        assert [page["has_more"] for page in pages] == [True, True, False]


@pytest.mark.parametrize("chosen", [None, "auto", "default", "mine"])
def test_the_project_is_that_of_the_repository_unless_another_is_chosen(
    db: Path, tmp_path: Path, chosen: str | None
) -> None:
    here, settings = repository(tmp_path / "here"), tmp_path / "ltmc.toml"
    settings.write_text(f'project = "{chosen}"' if chosen else "")
    run_cli("remember", "The quince is ripe.", "--db", str(db), cwd=here, LTMC_CONFIG=str(settings))
    if chosen:
        with Session(db, cwd=here, env={"LTMC_PROJECT": chosen}) as client:
            store(client)
    assert set(projects_of(db)) == {project_of(here) if chosen in (None, "auto") else chosen}


def test_the_command_line_is_in_the_project_of_its_folder(db: Path, tmp_path: Path) -> None:
    here = repository(tmp_path / "here")
    run_cli("remember", "The quince is ripe.", "--db", str(db), cwd=here)
    assert projects_of(db) == [project_of(here)]
    done = run_cli("recall", "quince", "--db", str(db), cwd=here)
    assert "ripe" in done.stdout
    run_cli(
        "remember", "The quince is ripe!", "--name", "again", "--db", str(db), cwd=here, LTMC_PROJECT="auto"
    )
    done = run_cli("tidy", "--apply", "--json", "--db", str(db), cwd=here)
    assert len(json.loads(done.stdout)["near_duplicate"]) == 1, done
    done = run_cli("usage", "--json", "--db", str(db), cwd=here)
    assert "store_memory" in [row["tool"] for row in json.loads(done.stdout)["calls"]]


def test_files_of_the_project_lie_in_its_repository(db: Path, tmp_path: Path) -> None:
    here, there = repository(tmp_path / "here"), repository(tmp_path / "there")
    (there / "a.py").write_text("def f() -> None:\n    pass\n")
    with Session(db, *AUTO, cwd=here, env={"CLAUDE_PROJECT_DIR": str(there)}) as client:
        assert client.ok("detect_code_changes", file_paths=["a.py"])["files"]


def test_branch_and_commit_are_kept_and_filtered_by(db: Path, tmp_path: Path) -> None:
    here = repository(tmp_path / "here")
    first = git(here, "rev-parse", "HEAD")
    with Session(db, *AUTO, cwd=here) as client:
        store(client, "main.md", "The quince of the main branch.", metadata={"by": "ann"})
        git(here, "checkout", "--quiet", "-b", "topic/pear")
        git(here, "commit", "--quiet", "--allow-empty", "--message", "Second")
        second = git(here, "rev-parse", "HEAD")
        store(client, "topic.md", "The quince of the topic branch.")
        store(client, "own.md", "The quince says its own.", metadata={"branch": "mine"})
        store(client, "elsewhere.md", "The quince of another project.", project_id="other")
        client.ok("log_chat", content="Is it a quince?", conversation_id="c", metadata={"mood": "good"})

        def metadata(name: str, **where: str) -> dict[str, str]:
            return client.ok("get_memory", file_name=name, **where)["metadata"]

        assert metadata("main.md") == {"branch": "main", "commit": first, "by": "ann"}
        assert metadata("topic.md") == {"branch": "topic/pear", "commit": second}
        assert metadata("own.md") == {"branch": "mine", "commit": second}
        assert metadata("elsewhere.md", project_id="other") == {}
        listed = client.ok("list_memories", branch="topic/pear")
        assert ([one["file_name"] for one in listed["memories"]], listed["total"]) == (["topic.md"], 1)
        for query in ("quince", ""):
            found = client.ok("advanced_context_search", query=query, filters={"branch": "topic/pear"})
            assert {one["source"]: one.get("file_name") for one in found["results"]} == {
                "memory": "topic.md",
                "chat": None,
            }
            assert found["filters_applied"] == {"branch": "topic/pear"}

        again = client.ok(
            "store_memory",
            file_name="main.md",
            content="The quince of the main branch.",
            metadata={"by": "ann"},
        )
        assert (again["deduplicated"], again["changed_fields"]) == (True, [])
        client.ok("update_memory", file_name="main.md", metadata={"by": "bob"})
        assert metadata("main.md") == {"branch": "main", "commit": first, "by": "bob"}
        client.ok("update_memory", file_name="main.md", content="The quince was moved.")
        assert metadata("main.md") == {"branch": "topic/pear", "commit": second, "by": "bob"}
    listed = run_cli(
        "list", "--branch", "topic/pear", "--db", str(db), "--json", cwd=here, LTMC_PROJECT="auto"
    )
    assert json.loads(listed.stdout)["total"] == 2


@pytest.mark.parametrize("value", ["", "a b", "x" * 101, "ä", "*"])
def test_a_setting_that_is_no_project_is_refused(db: Path, value: str) -> None:
    done = run_cli("serve", "--db", str(db), "--project", value)
    assert done.returncode == 2
    assert "Setting project (flag) got " in done.stderr
    assert "letters, digits, _ or -; or auto" in done.stderr


@pytest.mark.parametrize("change", ["set-url", "remove"])
@pytest.mark.parametrize("by", ["server", "terminal", "hook", "import"])
def test_what_was_stored_before_the_remote_changed_is_found(
    db: Path, tmp_path: Path, by: str, change: str
) -> None:
    here = repository(tmp_path / "here", "https://example.org/team/old")
    env = {"LTMC_DB": str(db), "LTMC_PROJECT": "auto"}

    def hook(event: str, **more: str) -> str:
        payload = json.dumps({"session_id": more.pop("session"), "cwd": str(here), **more})
        return run_cli("hook", event, text=payload, cwd=here, **env).stdout

    if by == "server":
        with Session(db, *AUTO, cwd=here) as client:
            store(client)
    elif by == "terminal":
        assert run_cli("remember", "The quince is ripe.", "--name", "a.md", cwd=here, **env).returncode == 0
    elif by == "import":
        said = claude_record(1, "user", "Is the quince ripe?", cwd=str(here / "no-more"))
        transcript = write_lines(tmp_path / "s.jsonl", [said])
        assert run_cli("import", str(transcript), **env).returncode == 0
        run_cli("remember", "The quince is ripe.", "--project", project_of(here), **env)
    else:
        hook("start", session="s", hook_event_name="SessionStart")
        hook("prompt", session="s", prompt="Is the quince ripe?", hook_event_name="UserPromptSubmit")
        run_cli("remember", "The quince is ripe.", "--project", project_of(here), **env)
    before = project_of(here)
    more = ["https://example.org/team/new"] if change == "set-url" else []
    git(here, "remote", change, "origin", *more)
    assert project_of(here) != before
    with Session(db, *AUTO, "--read-only", cwd=here) as client:
        (found,) = client.ok("list_memories")["memories"]
        assert found["project_id"] == before
    assert "ripe" in run_cli("recall", "quince", cwd=here, **env).stdout
    assert "ripe" in run_cli("brief", cwd=here, **env).stdout
    assert "ripe" in hook("start", session="s2", hook_event_name="SessionStart")
    with Session(db, *AUTO, cwd=here) as client:
        store(client, "b.md", "A second one.")
        told = client.ok("hook_event", event="start", session_id="s3", cwd=str(here))["text"]
        assert "ripe" in told
    assert projects_of(db)[-1] == project_of(here)
    git(here, "remote", *(["set-url"] if more else ["add"]), "origin", "https://example.org/team/third")
    with Session(db, *AUTO, cwd=here) as client:
        assert client.ok("list_memories")["total"] == 2
        named = {one["project_id"] for one in client.ok("list_projects")["projects"]}
        assert named <= {before, *projects_of(db)}


def test_another_repository_at_the_same_place_is_told_nothing(db: Path, tmp_path: Path) -> None:
    here = repository(tmp_path / "here", "https://example.org/team/old")
    with Session(db, *AUTO, cwd=here) as client:
        store(client)
    here.rename(tmp_path / "gone")
    repository(here, "https://example.org/team/new")
    with Session(db, *AUTO, cwd=here) as client:
        assert client.ok("list_memories")["total"] == 0


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/c%3A/Users/me/a%20b%3Ac", "C:\\Users\\me\\a b:c"),
        ("/D:/work", "D:\\work"),
        ("/d%3a/work", "D:\\work"),
    ],
)
def test_a_root_on_a_drive_of_windows_is_understood_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch, address: str, path: str
) -> None:
    assert roots.path_of(address) == unquote(address)
    monkeypatch.setattr(roots, "url2pathname", nturl2path.url2pathname)
    assert roots.path_of(address) == path
