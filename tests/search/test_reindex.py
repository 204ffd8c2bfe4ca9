"""The index is kept in step with what is stored, and can be made anew."""

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from ltmc.search import analysis
from ltmc.storage.sqlite import migrations
from tests.client import SOURCE_COMMAND, Session, connected, run_cli


def fill(db: Path, count: int = 30) -> None:
    with Session(db) as client:
        for n in range(count):
            client.ok("store_memory", file_name=f"n{n}.md", content=f"walnut number {n}")
        client.ok("add_todo", title="crack the walnuts")
        client.ok("log_chat", content="walnut?", conversation_id="c", agent_name="ann")
        client.ok("log_code_attempt", input_prompt="walnut", generated_code="eat()", result="pass")
        client.ok("create_task_blueprint", title="Walnut", description="Plant a walnut tree")


def change(db: Path, *statements: str) -> None:
    with connected(db) as connection:
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
    assert report["entries"] == {
        "chunk": 3,
        "superseded": 0,
        "message": 1,
        "todo": 1,
        "pattern": 1,
        "blueprint": 1,
    }
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


def soon(client: Session, query: str, total: int) -> dict:
    """The first answer that says nothing of an index that is behind."""
    give_up = time.monotonic() + 30
    while True:
        found = client.ok("retrieve_memory", query=query, top_k=50)
        if "warnings" not in found:
            assert found["total"] == total
            return found
        assert "ltmc reindex" in found["warnings"][0]
        assert time.monotonic() < give_up, found
        time.sleep(0.1)


def test_an_index_of_an_older_version_is_made_anew_in_the_background(db: Path) -> None:
    older = "UPDATE search_state SET identity = '0:older'"
    fill(db, 5)
    change(db, older)
    assert "another version" in health(db)
    with Session(db) as client:
        found = client.ok("retrieve_memory", query="walnut")
        assert (found["search_mode"], found["total"], len(found["warnings"])) == ("lexical", 5, 1)
        assert soon(client, "walnut", 5)["search_mode"] == "hybrid"
        change(db, older)  # beside a server that runs
        assert soon(client, "walnut", 5)["search_mode"] == "hybrid"
        assert health(db) == "ok"


def test_what_was_stored_before_there_was_an_index_is_found_after_the_migration(db: Path) -> None:
    db.parent.mkdir()
    then = "2024-05-05T05:05:05.000000Z"
    with closing(connected(db)) as connection:
        connection.executescript(migrations.script(migrations.FILES[0]))
        connection.execute("INSERT INTO schema_migrations VALUES (1, ?)", (then,))
        for n in range(120):
            connection.execute(
                "INSERT INTO resources VALUES (?, 'default', ?, 'note', ?, 'h', 1, '[]', '{}', NULL, NULL, 0, ?, ?)",
                (n + 1, f"old{n}.md", f"walnut {n}", then, then),
            )
            connection.execute(
                "INSERT INTO resource_chunks VALUES (?, ?, 0, 0, 8, ?, 2)", (n + 1, n + 1, f"walnut {n}")
            )
        connection.execute(
            "INSERT INTO todos VALUES (1, 'default', 'crack walnuts', '', 2, 'pending', ?, NULL)", (then,)
        )
        connection.commit()
    with Session(db) as client:
        client.ok("store_memory", file_name="new.md", content="walnut, later")
        soon(client, "walnut", 121)
        assert client.ok("search_todos", query="walnuts")["total"] == 1
    assert health(db) == "ok"
    assert len(list(db.parent.glob("*.v1-*.backup"))) == 1


NEWER = """
import asyncio, sys
from pathlib import Path
from ltmc.search import analysis
from ltmc.search.reindexing import reindex
from ltmc.app.application import Application
from ltmc.settings import load
analysis.ANALYSIS_VERSION += 1
path, waiting = sys.argv[1], sys.argv[2:]
def progress(done, of):
    if waiting:
        print(waiting.pop(), flush=True)
        sys.stdin.readline()
async def main():
    database = Application(load(db=path)[0]).engine
    try:
        await reindex(database, everything=bool(waiting), progress=progress)
    finally:
        await database.close()
asyncio.run(main())
"""
"""A program of a newer version that makes the index anew; with a second argument it waits after a batch."""


def newer(db: Path, *waiting: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", NEWER, str(db), *waiting],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def index_of(db: Path) -> tuple[str, str | None, int, int]:
    """Whose the index is and whose it is to be (ours or the newer one's), how many memories there are, and how many
    of them are indexed."""
    names = {str(analysis.ANALYSIS_VERSION): "ours", str(analysis.ANALYSIS_VERSION + 1): "newer"}
    with closing(connected(db)) as connection:
        identity, target = connection.execute("SELECT identity, target FROM search_state").fetchone()
        rows = connection.execute("SELECT count(*) FROM resource_chunks").fetchone()[0]
        indexed = "SELECT count(*) FROM search_entries WHERE kind = 'chunk'"
        whose, whose_then = (one and names[one.partition(":")[0]] for one in (identity, target))
        return whose, whose_then, rows, connection.execute(indexed).fetchone()[0]


def test_an_older_server_leaves_a_newer_index_alone_and_its_rows_to_it(db: Path) -> None:
    fill(db, 5)
    with Session(db) as client:
        assert newer(db).wait(60) == 0
        assert index_of(db) == ("newer", None, 5, 5)
        client.ok("store_memory", file_name="late.md", content="walnut, late")
        assert index_of(db) == ("newer", "newer", 6, 5)
        assert "unfinished" in health(db)
        found = client.ok("retrieve_memory", query="walnut")
        assert (found["search_mode"], found["total"]) == ("lexical", 5)
        assert "newer" in found["warnings"][0]
        assert index_of(db) == ("newer", "newer", 6, 5)
    assert newer(db).wait(60) == 0
    assert index_of(db) == ("newer", None, 6, 6)


def test_of_two_versions_that_reindex_at_a_time_the_last_to_begin_labels_the_index(db: Path) -> None:
    fill(db, 120)
    first = newer(db, "begun")
    assert first.stdout
    assert first.stdout.readline() == "begun\n"
    with Session(db) as client:
        client.ok("store_memory", file_name="late.md", content="walnut, late")
    assert index_of(db)[:2] == ("ours", "newer")
    assert reindex(db)["anew"]
    assert index_of(db) == ("ours", None, 121, 121)
    _, errors = first.communicate("\n", timeout=60)
    assert "another version" in errors
    assert index_of(db) == ("ours", None, 121, 121)
    assert health(db) == "ok"
    second = newer(db, "begun")
    assert second.stdout
    assert second.stdout.readline() == "begun\n"
    with Session(db) as client:
        client.ok("store_memory", file_name="later.md", content="walnut, later")
        client.ok("store_memory", file_name="n1.md", content="walnut, altered")
    second.communicate("\n", timeout=60)
    assert index_of(db) == ("newer", None, 123, 122), "one is superseded"


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
from ltmc.app.application import Application
from ltmc.settings import load
engine = Application(load(db=sys.argv[1])[0]).engine
asyncio.run(reindex(engine, everything=True, progress=lambda done, of: os._exit(9)))
"""


def test_progress_is_shown_on_a_terminal_only(db: Path) -> None:
    fill(db, 2)
    assert run_cli("reindex", "--all", "--db", str(db)).stdout == "Indexed 6, removed 0; the index holds 6.\n"
    script = ["script", "-qec", " ".join([*SOURCE_COMMAND, "reindex", "--all", "--db", str(db)]), "/dev/null"]
    shown = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "Indexing" in shown
    assert "100%" in shown
