"""What is exported and imported again is the same memory."""

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ltmc.storage.tables import transfer
from tests.client import SOURCE_COMMAND, Session, run_cli
from tests.forms import steps
from tests.importing.test_formats import imported, odd_values
from tests.upgrade.recorded import restore


def exported(db: Path, *flags: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The head and the rows of an export."""
    done = run_cli("export", "--db", str(db), *flags)
    assert done.returncode == 0, done.stderr
    head, *rows = map(json.loads, done.stdout.splitlines())
    return head, rows


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A database in which every tool was used, with versions of memories."""
    db = tmp_path / "full" / "ltmc.db"
    (tmp_path / "files").mkdir()
    with Session(db) as client:
        steps.use_every_tool(steps.Recorder(client), tmp_path / "files")
        for broker in ("Kafka", "RabbitMQ", "NATS"):
            client.ok(
                "store_memory", file_name="broker.md", content=f"Orders go through {broker}.", tags=["broker"]
            )
        client.ok("store_memory", file_name="queue.md", content="NATS it is.", supersedes=["broker.md"])
        client.ok("store_memory", file_name="later.md", content="Pulsar.", valid_from="2999-01-01", expires=5)
        client.ok("update_memory", file_name="queue.md", agrees_with=["later.md"])
        client.ok("log_chat", content="Which broker?", conversation_id="broker")
        found = client.ok("retrieve_memory", query="broker", conversation_id="broker")["results"]
        assert found
        client.ok("log_chat", content="NATS.", conversation_id="broker", role="assistant")
        client.ok("add_todo", title="Move to NATS", due="2999-01-01")
    return db


def test_the_same_memory_in_an_empty_database(full: Path, db: Path, tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    done = run_cli("export", "--db", str(full), "--output", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    first = imported(db, path)
    assert set(first["skipped"]) <= {"rows that are here, or do not fit to what is here"}, first
    head, rows = exported(full)
    new_head, new_rows = exported(db)
    assert new_head["origin"] != head["origin"]
    assert {row["table"] for row in rows} >= {*transfer.NAMES} - {"doc_links"}
    for table in transfer.NAMES:
        before, after = ([row for row in of if row["table"] == table] for of in (rows, new_rows))
        assert after == before, table
    with Session(db) as client:
        assert client.ok("retrieve_memory", query="which broker")["results"][0]["content"] == "NATS it is."
        history = client.ok("memory_history", file_name="broker.md")["versions"]
        assert [one["version"] for one in history] == [3, 2, 1]
        assert client.ok("query_graph", entity="river")["count"] == 1
        assert client.ok("store_memory", file_name="new.md", content="It still takes what is new.")
    report = json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)
    assert report["health"]["search_index"] == "ok"
    assert imported(db, path)["sources"][0]["unchanged"]
    path.touch()
    assert imported(db, path)["new"] == {}
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_database_of_version_1_0_goes_the_same_way(db: Path, tmp_path: Path) -> None:
    old = restore(tmp_path)
    path = tmp_path / "old.jsonl"
    assert run_cli("export", "--db", str(old), "--output", str(path)).returncode == 0
    imported(db, path)
    assert exported(db)[1] == exported(old)[1]


def test_into_the_database_that_it_comes_from_nothing_comes_twice(full: Path, tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    assert run_cli("export", "--db", str(full), "--output", str(path)).returncode == 0
    before = exported(full)[1]
    assert imported(full, path)["new"] == {}
    assert exported(full)[1] == before


def test_beside_what_is_there_already_ids_are_given_anew(full: Path, db: Path, tmp_path: Path) -> None:
    with Session(db) as client:
        for number in range(12):
            client.ok("store_memory", file_name=f"own-{number}.md", content=f"Own text {number}.")
        client.ok("store_memory", file_name="broker.md", content="Orders go by mail.")
        client.ok("log_chat", content="Own.", conversation_id="own")
    path = tmp_path / "all.jsonl"
    assert run_cli("export", "--db", str(full), "--output", str(path)).returncode == 0
    imported(db, path)
    path.touch()
    assert imported(db, path)["new"] == {}
    with Session(db) as client:
        assert client.ok("get_memory", file_name="own-0.md")["content"] == "Own text 0."
        versions = client.ok("memory_history", file_name="broker.md")["versions"]
        assert len(versions) == 4
        assert [one["content"] for one in client.ok("retrieve_memory", query="NATS")["results"]].count(
            "NATS it is."
        ) == 1
        assert client.ok("get_chat_history", conversation_id="broker")["total"] == 2
        node = client.ok("get_document_relationships", doc_id="queue.md")
        assert node["document"]["file_name"] == "queue.md"


def test_what_is_of_the_wrong_shape_is_left_out(db: Path, tmp_path: Path) -> None:
    head = {"ltmc_export": 1, "origin": "x"}
    moment = "2026-01-01T00:00:00.000000Z"
    todo = {
        "id": 1,
        "project_id": "p",
        "title": "t",
        "priority": 1,
        "status": "pending",
        "created_at": moment,
    }
    message = {
        "project_id": "p",
        "conversation_id": "c",
        "role": "user",
        "content": "x",
        "created_at": moment,
    }
    rows = [
        ("todos", todo),
        ("todos", todo | {"id": 2, "status": "unheard of"}),
        ("todos", todo | {"id": 2**62}),
        ("todos", todo | {"id": 2**60, "title": "a large id is not kept"}),
        ("todos", todo | {"id": 3, "created_at": "yesterday"}),
        ("todos", todo | {"id": 3, "title": ["x"]}),
        ("todos", todo | {"id": 3, "project_id": "../x"}),
        ("projects", {"project_id": "q", "created_at": moment, "root_path": "/", "allowed_paths": ["/"]}),
        ("chat_messages", message | {"id": 1, "metadata": "text"}),
        ("superseded_by", {"id": 7, "superseded_by": 8}),
        ("context_links", {"message_id": "x"}),
        ("sqlite_master", {"sql": "x"}),
        ("todos", None),
    ]
    path = tmp_path / "hostile.jsonl"
    path.write_text(
        "".join(json.dumps(one) + "\n" for one in [head, *({"table": t, "row": r} for t, r in rows)])
    )
    report = imported(db, path)
    assert report["new"] == {"others": 3}
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT id, title FROM todos").fetchall() == [
            (1, "t"),
            (2, "a large id is not kept"),
        ]
        assert connection.execute(
            "SELECT root_path, allowed_paths FROM projects WHERE project_id = 'q'"
        ).fetchall() == [(None, "[]")]
    path.write_text(json.dumps({"ltmc_export": 99, "origin": "x"}) + "\n")
    assert "version 99" in imported(db, path, code=1)["sources"][0]["error"]


def test_one_project_alone(full: Path) -> None:
    rows = exported(full, "--project", "birds")[1]
    assert rows
    assert {row["row"]["project_id"] for row in rows if "project_id" in row["row"]} == {"birds"}


def test_markdown_for_people_can_be_read_back(full: Path, db: Path, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    done = run_cli("export", "--db", str(full), "--format", "markdown", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    page = (folder / "default" / "queue.md").read_text()
    assert page.startswith("---\nname: queue.md\nproject: default\n")
    assert page.endswith("---\nNATS it is.\n")
    assert not (folder / "default" / "broker.md").exists(), "it holds no more"
    again = run_cli("export", "--db", str(full), "--format", "markdown", "--output", str(folder))
    assert again.returncode == 2
    assert "--output" in again.stderr
    assert imported(db, folder)["new"]["memories"] == len(list(folder.rglob("*.md")))


def test_every_table_is_exported_or_named_as_not(full: Path) -> None:
    with closing(sqlite3.connect(full)) as connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
    own = {name for name in tables if not name.startswith(("sqlite_", "search_terms"))}
    assert own == {*transfer.TABLES, transfer.AGREEING, transfer.INFORMED} | transfer.NOT_EXPORTED


def test_whatever_stands_in_a_row_is_stored_or_left_out(full: Path, db: Path, tmp_path: Path) -> None:
    head, rows = exported(full)
    one_of_each = {row["table"]: row for row in rows}
    odd = [
        {"table": table, "row": one} for table, row in one_of_each.items() for one in odd_values(row["row"])
    ]
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in [head, *odd, *rows]))
    report = imported(db, path)
    assert report["sources"][0]["error"] is None
    assert exported(db)[1]
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        bad = "NOT json_valid(metadata) OR NOT json_valid(tags) OR NOT json_valid(files)"
        assert connection.execute(f"SELECT count(*) FROM resources WHERE {bad}").fetchone() == (0,)
    with Session(db) as client:
        for tool in ("list_memories", "list_conversations", "list_todos", "list_project_blueprints"):
            client.ok(tool)
        client.ok("advanced_context_search", query="NATS", filters={"tags_any": ["broker"]})
        client.ok("get_team_workload_overview")
        client.ok("query_graph", entity="river")
        client.ok("get_code_patterns", query="count birds")


def test_an_output_that_takes_no_more_is_no_failure_of_the_database(db: Path, tmp_path: Path) -> None:
    run_cli("remember", "-", "--db", str(db), text="A quince. " * 30_000)
    command = [*SOURCE_COMMAND, "export", "--db", str(db)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout
        assert run.stderr
        run.stdout.readline()
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 141
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        b"Error: --output: stdout cannot be written: No space left on device.\n",
    )
    for to in ("a", str(tmp_path / "b.jsonl")):
        assert run_cli("export", "--db", str(db), "--output", to, cwd=tmp_path).returncode == 0
