"""The index is kept in step with what is stored, and can be made anew."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.client import SOURCE_COMMAND, Session, run_cli


def fill(db: Path, count: int = 30) -> None:
    with Session(db) as client:
        for n in range(count):
            client.ok("store_memory", file_name=f"n{n}.md", content=f"walnut number {n}")
        client.ok("add_todo", title="crack the walnuts")
        client.ok("log_chat", content="walnut?", conversation_id="c", agent_name="ann")
        client.ok("log_code_attempt", input_prompt="walnut", generated_code="eat()", result="pass")
        client.ok("create_task_blueprint", title="Walnut", description="Plant a walnut tree")


def change(db: Path, *statements: str) -> None:
    with sqlite3.connect(db) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def reindex(db: Path, *flags: str) -> dict:
    result = run_cli("reindex", "--db", str(db), "--json", *flags)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return json.loads(result.stdout)


def health(db: Path) -> str:
    report = json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)
    return report["health"]["search_index"]


def test_an_index_in_step_is_left_alone(db: Path) -> None:
    fill(db, 3)
    report = reindex(db)
    assert (report["indexed"], report["removed"], report["anew"]) == (0, 0, False)
    assert report["entries"] == {"chunk": 3, "message": 1, "todo": 1, "pattern": 1, "blueprint": 1}
    assert reindex(db, "--all")["indexed"] == 7
    assert health(db) == "ok"


def test_what_is_missing_and_what_is_too_much_is_repaired_beside_a_server(db: Path) -> None:
    fill(db)
    with Session(db) as client:
        assert client.ok("retrieve_memory", query="walnut", top_k=50)["total"] == 30
        change(
            db,
            "DELETE FROM search_entries WHERE kind = 'chunk' AND owner_id % 3 = 0",
            "DELETE FROM todos",
        )
        assert "chunk: 30 rows, 20 indexed" in health(db)
        assert "todo: 0 rows, 1 indexed" in health(db)
        assert "ltmc reindex" in health(db)
        report = reindex(db)
        assert (report["indexed"], report["removed"], report["anew"]) == (10, 1, False)
        assert health(db) == "ok"
        assert client.ok("retrieve_memory", query="walnut", top_k=50)["total"] == 30
        assert client.ok("search_todos", query="walnuts")["total"] == 0


def test_an_index_of_another_version_is_searched_by_terms_and_made_anew(db: Path) -> None:
    fill(db, 5)
    with Session(db) as client:
        assert client.ok("retrieve_memory", query="walnut")["search_mode"] == "hybrid"
        change(db, "UPDATE search_state SET identity = '0:older'")
        assert "another version" in health(db)
        found = client.ok("retrieve_memory", query="walnut")
        assert (found["search_mode"], found["total"]) == ("lexical", 5)
        report = reindex(db)
        assert (report["indexed"], report["anew"]) == (9, True)
        assert client.ok("retrieve_memory", query="walnut")["search_mode"] == "hybrid"
        assert health(db) == "ok"


def test_an_interrupted_reindexing_goes_on_where_it_stopped(db: Path) -> None:
    fill(db, 120)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_AFTER_A_BATCH, str(db)], cwd=Path(__file__).parents[2]
    )
    assert process.wait(60) == 9
    assert "unfinished" in health(db)
    report = reindex(db)
    assert 0 < report["indexed"] < 124, "the first batch was not done twice"
    assert report["anew"]
    assert health(db) == "ok"
    with Session(db) as client:
        assert client.ok("retrieve_memory", query="walnut number 7")["results"][0]["file_name"] == "n7.md"


KILLED_AFTER_A_BATCH = """
import asyncio, os, sys
from pathlib import Path
from ltmc.search.reindexing import reindex
from ltmc.storage.sqlite.database import Database
asyncio.run(reindex(Database(Path(sys.argv[1])), everything=True, progress=lambda done, of: os._exit(9)))
"""


def test_progress_is_shown_on_a_terminal_only(db: Path) -> None:
    fill(db, 2)
    assert run_cli("reindex", "--all", "--db", str(db)).stdout == "Indexed 6, removed 0; the index holds 6.\n"
    script = ["script", "-qec", " ".join([*SOURCE_COMMAND, "reindex", "--all", "--db", str(db)]), "/dev/null"]
    shown = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "Indexing" in shown
    assert "100%" in shown
