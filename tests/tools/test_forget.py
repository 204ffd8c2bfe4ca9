"""Forgetting: after a preview, out of everything at once, back for 30 days, then gone from the file."""

import json
import re
from contextlib import closing
from pathlib import Path

import pytest

from tests.client import InProject, Session, connected, run_cli


class Things(InProject):
    """The things of one project."""

    def store(self, name: str, content: str, **more: object) -> int:
        return self.ok("store_memory", file_name=name, content=content, **more)["resource_id"]

    def forget(self, **filters: object) -> dict:
        return self.ok("forget", **filters, confirm=self.ok("forget", **filters)["confirm"])

    def say(self, conversation: str, content: str, **more: object) -> int:
        return self.ok("log_chat", conversation_id=conversation, content=content, **more)["message_id"]

    def seen(self) -> dict[str, object]:
        """Whatever searches, lists, answers and the graph show of herons."""
        shown: dict[str, object] = {}
        for tool, arguments in {
            "retrieve_memory": {"query": "heron", "top_k": 50, "include_superseded": True},
            "advanced_context_search": {"query": "heron", "top_k": 50},
            "retrieve_by_type": {"query": "", "doc_type": "chat", "top_k": 50},
            "ask_with_context": {"query": "Where does the heron wait?"},
            "list_memories": {},
            "list_conversations": {},
            "list_todos": {},
            "search_todos": {"query": "heron"},
            "get_code_patterns": {"query": "heron"},
            "analyze_code_patterns": {},
            "query_graph": {"entity": "river", "max_depth": 3},
        }.items():
            answer = self.ok(tool, **arguments)
            told = str([answer[key] for key in answer if key not in ("latency_ms", "context")])
            shown[tool] = re.sub(r"(score'): [\d.]+", r"\1", told)  # it depends on the age
        return shown


@pytest.fixture
def things(shared: Session, project: str) -> Things:
    return Things(shared, project)


@pytest.fixture
def full(things: Things) -> Things:
    """A project with something of every kind."""
    things.store("other.md", "The gull sleeps.")
    things.store("birds/heron.md", "The heron waits at the river.", tags=["bird"])
    things.store("birds/heron.md", "The heron waits at the lake.", tags=["bird"])
    things.say("walk", "I saw a heron.")
    things.say("walk", "The heron struck.", role="assistant")
    things.say("home", "No heron here.")
    things.ok("add_todo", title="Count the heron")
    things.ok(
        "log_code_attempt",
        input_prompt="count heron",
        generated_code="heron = 1",
        result="pass",
        tags=["bird"],
    )
    things.ok("link_resources", source_id="birds/heron.md", target_id="river", relation="lives_at")
    things.ok("link_resources", source_id="river", target_id="sea", relation="flows_to")
    return things


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ({"kind": "memory", "ids": ["birds/heron.md"]}, {"memory": 2}),
        ({"prefix": "birds/"}, {"memory": 2}),
        ({"tag": "Bird"}, {"memory": 2, "pattern": 1}),
        ({"conversation_id": "walk"}, {"chat": 2}),
        ({"kind": "todo"}, {"todo": 1}),
        ({"kind": "link", "ids": ["sea"]}, {"link": 1}),
        ({"kind": "link", "ids": ["birds/heron.md", "sea"]}, {"link": 2}),
        ({"before": "2999-01-01", "kind": "pattern"}, {"pattern": 1}),
        ({}, {"link": 2, "memory": 3, "chat": 3, "todo": 1, "pattern": 1}),
        ({"before": "2020-01-01"}, {}),
    ],
    ids=str,
)
def test_what_filters_choose_goes_after_a_preview_and_comes_back(
    full: Things, filters: dict, kinds: dict
) -> None:
    before = full.seen()
    preview = full.ok("forget", **filters)
    assert (preview["preview"], preview["kinds"], preview["total"]) == (True, kinds, sum(kinds.values()))
    assert full.seen() == before, "a preview changes nothing"
    if not kinds:
        assert "confirm" not in preview
        return
    assert {one["kind"] for one in preview["examples"]} <= kinds.keys()
    done = full.ok("forget", **filters, confirm=preview["confirm"])
    assert (done["forgotten"], done["kinds"]) == (sum(kinds.values()), kinds)
    after = full.seen()
    assert after != before
    if not filters:
        assert "heron" not in str(after).lower().replace("where does the heron wait", "")
        assert "gull" not in str(after)
    back = full.ok("forget", undo=done["undo"])
    assert back == {"success": True, "restored": done["forgotten"], "kinds": kinds}
    assert full.seen() == before
    full.bad("forget", "NOT_FOUND", "undo", undo=done["undo"])


def test_a_token_is_of_exactly_one_selection(full: Things) -> None:
    token = full.ok("forget", conversation_id="walk")["confirm"]
    full.say("walk", "One more heron.")
    refused = full.bad("forget", "CONFLICT", "confirm", conversation_id="walk", confirm=token)
    assert refused["details"]["total"] == 3
    assert full.ok("get_chat_history", conversation_id="walk")["total"] == 3
    full.bad("forget", "CONFLICT", "confirm", conversation_id="home", confirm=refused["details"]["confirm"])
    full.ok("forget", conversation_id="walk", confirm=refused["details"]["confirm"])
    assert full.ok("get_chat_history", conversation_id="walk")["total"] == 0
    full.bad("forget", "CONFLICT", "confirm", conversation_id="walk", confirm=refused["details"]["confirm"])


def test_wrong_filters_are_named(full: Things) -> None:
    full.client.bad("forget", "INVALID_ARGUMENT", None)
    full.bad("forget", "INVALID_ARGUMENT", "kind", ids=[1])
    full.bad("forget", "INVALID_ARGUMENT", "kind", kind="blueprint")
    wrong = full.bad("forget", "INVALID_ARGUMENT", "kind", kind="todo", tag="bird")
    assert "memory, pattern" in wrong["error"]
    full.bad("forget", "INVALID_ARGUMENT", "kind", tag="bird", conversation_id="walk")
    full.bad("forget", "INVALID_ARGUMENT", "before", before="soon")
    full.bad("forget", "NOT_FOUND", "ids", kind="memory", ids=["birds/heron.md", "nowhere.md"])
    full.bad("forget", "NOT_FOUND", "undo", undo="fg_000000000000")
    full.bad("forget", "INVALID_ARGUMENT", "undo", undo="fg_000000000000", kind="todo")
    done = full.forget(kind="todo")
    full.client.bad("forget", "NOT_FOUND", "undo", undo=done["undo"], project_id=full.project + "x")
    assert full.client.ok("forget", undo=done["undo"])["restored"] == 1


@pytest.mark.parametrize("first", [0, 1])
def test_what_was_superseded_and_forgotten_after_its_heir_comes_back_superseded(
    things: Things, first: int
) -> None:
    old = things.store("a.md", "The heron waits at the river.")
    heir = things.store("b.md", "The heron waits at the lake.", supersedes=["a.md"])
    undo = [things.ok("delete_memory", resource_id=heir)["undo"], things.forget(prefix="a.md")["undo"]]
    for token in (undo[first], undo[1 - first]):
        things.ok("forget", undo=token)
    read = things.ok("get_memory", resource_id=old)
    assert read["superseded_by"] == {"resource_id": heir, "file_name": "b.md"}
    assert "note" not in read
    assert [one["file_name"] for one in things.ok("list_memories")["memories"]] == ["b.md"]


def test_deletions_of_one_thing_can_be_undone_too(full: Things) -> None:
    before = full.seen()
    newest = full.ok("get_memory", file_name="birds/heron.md")["resource_id"]
    todo = full.ok("list_todos")["todos"][0]["todo_id"]
    first = full.ok("delete_memory", resource_id=newest)["undo"]
    second = full.ok("delete_todo", todo_id=todo)["undo"]
    assert full.seen() != before
    full.ok("forget", undo=first)
    full.ok("forget", undo=second)
    assert full.seen() == before
    history = full.ok("memory_history", file_name="birds/heron.md")["versions"]
    assert [one.get("superseded_by", {}).get("resource_id") for one in history] == [None, newest]


def test_a_name_that_was_stored_anew_is_not_overwritten(things: Things) -> None:
    things.store("a.md", "The heron waits.")
    done = things.forget(kind="memory", ids=["a.md"])
    things.store("a.md", "The heron strikes.")
    before = things.seen()
    refused = things.bad("forget", "CONFLICT", "undo", undo=done["undo"])
    assert "a.md" in refused["error"]
    assert things.seen() == before
    again = things.forget(kind="memory", ids=["a.md"])
    things.ok("forget", undo=done["undo"])
    assert things.ok("get_memory", file_name="a.md")["content"] == "The heron waits."
    things.ok("forget", undo=again["undo"])
    assert things.ok("get_memory", file_name="a.md")["content"] == "The heron strikes."
    history = things.ok("memory_history", file_name="a.md")["versions"]
    assert [(one["version"], one["current"]) for one in history] == [(2, True), (1, False)]


def test_dependencies_go_and_come_back_unless_they_would_close_a_circle(things: Things) -> None:
    first, second = (
        things.ok("create_task_blueprint", title=title, description="Do it.")["blueprint_id"]
        for title in ("First", "Second")
    )
    pair = {"dependent_blueprint_id": second, "prerequisite_blueprint_id": first}
    things.ok("add_blueprint_dependency", **pair)
    preview = things.ok("forget", kind="dependency", ids=[second])
    assert preview["examples"] == [
        {"kind": "dependency", "id": f"{second}>{first}", "title": "Second waits for First"}
    ]
    assert things.ok("forget", kind="link")["total"] == 0, "LTMC keeps those links itself"
    done = things.forget(kind="dependency", ids=[f"{second}>{first}"])
    assert things.ok("get_task_dependencies", blueprint_id=second)["ready"]
    assert things.ok("query_blueprint_relationships", node_id=second)["relationships"] == []
    opposite = {"dependent_blueprint_id": first, "prerequisite_blueprint_id": second}
    things.ok("add_blueprint_dependency", **opposite)
    things.bad("forget", "CYCLE_DETECTED", "undo", undo=done["undo"])
    things.forget(kind="dependency", ids=[first])
    things.ok("forget", undo=done["undo"])
    assert things.ok("get_task_dependencies", blueprint_id=second)["blocking_open"] == [first]
    assert len(things.ok("query_blueprint_relationships", node_id=second)["relationships"]) == 1


def test_links_of_messages_to_memories_come_back_with_either(things: Things) -> None:
    memory = things.store("a.md", "The heron waits.")
    chunk_id = things.ok("retrieve_memory", query="heron")["results"][0]["chunk_id"]
    things.say("walk", "So it does.", context_chunk_ids=[chunk_id])

    def links() -> int:
        return things.ok("get_context_usage_statistics")["links"]["unique_messages"]

    before = links()
    for filters in ({"kind": "memory", "ids": [memory]}, {"kind": "chat"}, {}):
        done = things.forget(**filters)
        assert links() < before
        things.ok("forget", undo=done["undo"])
        assert links() == before


def test_what_is_purged_is_not_in_the_file_any_more(db: Path) -> None:
    words = ("Quetzalcoatlus", "Archaeopteryx", "Gastornis", "Moa-Dinornis", "Phorusrhacos-talk")
    with Session(db) as client:
        for number in range(40):
            client.ok("store_memory", file_name=f"n{number}.md", content=f"Walnut note {number} stays here.")
        for number in range(20):
            client.ok(
                "store_memory", file_name=f"s{number}.md", content=f"{words[0]} {number} was here. " * 60
            )
            client.ok("log_chat", conversation_id=words[4], content=f"{words[1]} {number}")
            client.ok("retrieve_memory", query="walnut", conversation_id=words[4])
        client.ok(
            "log_code_attempt", input_prompt=words[2], generated_code=f"x = '{words[2]}'", result="pass"
        )
        client.ok("add_todo", title=words[3])
        said = client.ok("log_chat", conversation_id="stays", content="It was said.")["message_id"]
        client.ok("log_chat", conversation_id="stays", content="It is kept.")
        token = client.ok("forget", kind="chat", ids=[said])["confirm"]
        client.ok("forget", kind="chat", ids=[said], confirm=token)
        for filters in (
            {"prefix": "s"},
            {"conversation_id": words[4]},
            {"kind": "pattern"},
            {"kind": "todo"},
        ):
            token = client.ok("forget", **filters)["confirm"]
            undo = client.ok("forget", **filters, confirm=token)["undo"]

    def held() -> list[str]:
        files = [path for path in db.parent.iterdir() if path.name in ("ltmc.db", "ltmc.db-wal")]
        kept = b"".join(path.read_bytes() for path in files).lower()
        return [word for word in words if word.lower().encode()[:9] in kept]

    assert held() == list(words), "it could be undone"
    done = run_cli("forget", "--purge", "--yes", "--db", str(db))
    assert (done.returncode, "5 times" in done.stdout) == (0, True), done
    assert held() == []
    with closing(connected(db)) as connection:
        named = "SELECT count(*) FROM tool_calls WHERE conversation_id = 'stays'"
        assert connection.execute(named).fetchone() == (2,), "of what has messages left the log keeps the id"
    with Session(db) as client:
        client.bad("forget", "NOT_FOUND", "undo", undo=undo)
        assert client.ok("retrieve_memory", query="walnut", top_k=50)["total"] == 40
    with closing(connected(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO search_terms (search_terms) VALUES ('integrity-check')")
        connection.rollback()


@pytest.mark.database_file
def test_purging_names_the_copies_that_keep_what_they_held(db: Path, tmp_path: Path) -> None:
    assert run_cli("todo", "add", "Quetzalcoatlus", "--db", str(db)).returncode == 0
    assert run_cli("backup", str(tmp_path / "copy"), "--db", str(db)).returncode == 0
    done = run_cli("restore", str(tmp_path / "copy"), "--force", "--json", "--db", str(db))
    kept = json.loads(done.stdout)["kept"]
    replaced = db.with_name("ltmc.db-wal.of-replaced-2999-01-01T000000.000000Z")
    replaced.touch()
    done = run_cli("forget", "--purge", "--yes", "--json", "--db", str(db))
    assert json.loads(done.stdout)["copies"] == [str(replaced), kept]


def test_a_server_purges_what_was_forgotten_long_ago(db: Path) -> None:
    with Session(db) as client:
        for name in ("a", "b"):
            client.ok("log_chat", conversation_id=name, content=f"Quetzalcoatlus {name}")
            token = client.ok("forget", conversation_id=name)["confirm"]
            client.ok("forget", conversation_id=name, confirm=token)
    with closing(connected(db)) as connection, connection:
        (kept, old) = connection.execute(
            "SELECT token FROM forgettings ORDER BY forgotten_at DESC"
        ).fetchall()
        connection.execute("UPDATE forgettings SET forgotten_at = '2020-01-01' WHERE token = ?", old)
    with Session(db) as client:
        client.ok("list_todos")
        for _ in range(200):
            if client.any("forget", undo=old[0]).get("error_code") == "NOT_FOUND":
                break
        client.bad("forget", "NOT_FOUND", "undo", undo=old[0])
        assert client.ok("forget", undo=kept[0])["restored"] == 1
