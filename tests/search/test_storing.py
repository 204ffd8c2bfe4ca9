"""Storing is quick: text is embedded before the lock is taken, much of it in the background."""

import json
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ltmc.app.application import Application
from ltmc.app.calls import call
from ltmc.features.todos.service import TodoService
from ltmc.search import index
from ltmc.search.reindexing import PASS, embed_pending
from ltmc.tools.manifest import tool
from tests.client import Session, connected, pending, run_cli, use

SUBJECTS = ("harbour", "orchard", "printer", "glacier", "violin", "furnace", "parliament", "beehive")
HIDDEN = "Each employee may take the afternoon off when it is their birthday."
ASKED = "is there leave for an anniversary of one's birth"
"""Asks for `HIDDEN` in other words."""


def long_text(sections: int) -> str:
    """Markdown of about 1 kB a section, `HIDDEN` in the last."""
    parts = [
        f"## {SUBJECTS[n % 8]} {n}\n\n"
        + f"The {SUBJECTS[n % 8]} number {n} was measured in week {n % 50}. " * 16
        for n in range(sections)
    ]
    hidden = f"{HIDDEN} Who was born on a Sunday or a holiday chooses another day of that week instead. "
    return "\n\n".join([*parts, f"## Working hours\n\n{hidden * 3}\n"])


def embedded(client: Session, db: Path) -> dict:
    """The first answer to `ASKED` that does not say that something is to be embedded."""
    give_up = time.monotonic() + 60
    while "warnings" in (found := client.ok("retrieve_memory", query=ASKED)):
        assert time.monotonic() < give_up, pending(db)
        time.sleep(0.2)
    assert pending(db) == 0
    return found


def test_a_short_memory_is_found_by_meaning_in_the_next_call(db: Path) -> None:
    with Session(db) as client:
        for n, subject in enumerate(SUBJECTS):
            client.ok("store_memory", file_name=f"n{n}.md", content=f"The {subject} was measured.")
        stored = client.ok("store_memory", file_name="leave.md", content=HIDDEN)
        found = client.ok("retrieve_memory", query=ASKED)
        assert "warnings" not in stored
        assert "warnings" not in found
        assert found["results"][0]["resource_id"] == stored["resource_id"]


def test_a_long_document_is_found_by_words_at_once_and_by_meaning_soon_by_every_server(db: Path) -> None:
    with Session(db) as one, Session(db) as other:
        other.ok("store_memory", file_name="short.md", content="The harbour is deep.")
        assert other.ok("retrieve_memory", query=ASKED)["results"]
        stored = one.ok("store_memory", file_name="long.md", content=long_text(150))
        assert "ltmc doctor" in stored["warnings"][0]
        by_words = other.ok("retrieve_memory", query="employee birthday afternoon")
        assert HIDDEN in by_words["results"][0]["content"]
        assert by_words["warnings"] == stored["warnings"]
        report = json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)
        assert report["status"] == "healthy"
        assert "entries to be embedded" in report["health"]["search_index"]
        for client in (one, other):
            assert HIDDEN in embedded(client, db)["results"][0]["content"]
    report = json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)
    assert report["health"]["search_index"] == "ok"


def test_the_vectors_are_those_that_reindexing_makes(db: Path) -> None:
    """Whoever embeds it, at once or in batches: each chunk has a share of its whole document, and of no other."""

    def vectors() -> dict[int, bytes]:
        with closing(connected(db)) as connection:
            return dict(connection.execute("SELECT owner_id, vector FROM search_entries"))

    with Session(db) as client:
        for n in range(20):  # of four chunks each, so that batches of fifty would cut them
            client.ok(
                "store_memory", file_name=f"n{n}.md", content=long_text(3).replace("measured", f"seen {n}")
            )
    before = vectors()
    assert len(before) > 50
    assert run_cli("reindex", "--all", "--db", str(db)).returncode == 0
    assert vectors() == before


def test_two_passes_through_the_model_go_on_side_by_side(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together, real = threading.Barrier(2), index.embedded_together

    def passed(texts: list[str]) -> list[bytes]:
        together.wait(10)
        return real(texts)

    async def work(app: Application) -> None:
        for n in range(4 * PASS):
            await app.get(TodoService).add(f"water plant {n}", "", "low", None)
        with closing(connected(db)) as connection:
            before = connection.execute("SELECT owner_id, vector FROM search_entries").fetchall()
            connection.execute("UPDATE search_entries SET vector = x''")
            connection.commit()
            monkeypatch.setattr(index, "embedded_together", passed)
            assert await embed_pending(app.engine) == 4 * PASS
            after = connection.execute("SELECT owner_id, vector FROM search_entries").fetchall()
        assert sorted(after) == sorted(before)

    use(db, work)


def test_embedding_goes_on_after_a_sudden_death(db: Path) -> None:
    with Session(db) as client:
        pid = client.ok("get_performance_report")["server"]["pid"]
        client.ok("store_memory", file_name="long.md", content=long_text(400))
        total = pending(db)
        give_up = time.monotonic() + 30
        while pending(db) == total:
            assert time.monotonic() < give_up
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
    left = pending(db)
    assert 0 < left < total, "it died in the midst, and what it had done is kept"
    with Session(db) as client:
        client.ok("list_todos")  # any call begins it
        give_up = time.monotonic() + 60
        while pending(db):
            assert time.monotonic() < give_up
            time.sleep(0.1)
        assert HIDDEN in embedded(client, db)["results"][0]["content"]


def test_a_vector_of_another_size_counts_as_none(db: Path) -> None:
    with Session(db) as client:
        ids = [
            client.ok("store_memory", file_name=f"n{n}.md", content=f"The {subject} was measured.")[
                "resource_id"
            ]
            for n, subject in enumerate(SUBJECTS)
        ]
    with closing(connected(db)) as connection, connection:
        connection.execute("UPDATE search_entries SET vector = ? WHERE seq <= 4", (bytes(256),))
        connection.execute("UPDATE search_codes SET code = ? WHERE seq <= 4", (bytes(32),))
    with Session(db) as client:
        found = client.ok("retrieve_memory", query="orchard")
        assert found["results"][0]["resource_id"] == ids[1]
        assert client.ok("auto_link_documents", documents=[{"id": str(ids[0])}])["success"]


def test_vectors_of_another_model_count_as_none_while_they_are_made_anew(db: Path) -> None:
    with Session(db) as client:
        for n, subject in enumerate(SUBJECTS):
            client.ok("store_memory", file_name=f"n{n}.md", content=f"The {subject} was measured.")
    with closing(connected(db)) as connection, connection:
        connection.execute(
            "UPDATE search_state SET identity = '0:older', target = identity, "
            "boundary = (SELECT max(seq) FROM search_entries)"
        )
    with Session(db) as client:
        found = client.ok("retrieve_memory", query="orchard", explain=True)
        assert found["search_mode"] == "hybrid"
        assert found["results"][0]["file_name"] == "n1.md"
        assert {one["score_parts"]["semantic"] for one in found["results"]} == {0}
        assert "ltmc reindex" in found["warnings"][0]


STORING = [
    ("store_memory", {"file_name": "a.md", "content": HIDDEN}),
    ("store_memory", {"file_name": "a.md", "content": HIDDEN, "tags": ["leave"]}),
    ("log_chat", {"content": HIDDEN, "conversation_id": "c"}),
    ("add_todo", {"title": "Ask for leave"}),
    ("update_todo", {"todo_id": 1, "title": "Take leave"}),
    ("log_code_attempt", {"input_prompt": "leave", "generated_code": "go()", "result": "pass"}),
    ("create_task_blueprint", {"title": "Leave", "description": "Plan the summer's leave"}),
    ("update_blueprint_metadata", {"title": "Leave in summer"}),
    ("decompose_task_blueprint", {"force": True}),
]


def test_nothing_is_embedded_under_the_lock(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    locked: list[str] = []
    model = index.model()
    embed = type(model).embed

    def looking(self: object, given: list[str], **more: bool) -> list[bytes]:
        texts.extend(given)
        with closing(sqlite3.connect(db, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                locked.extend(given)
        return embed(self, given, **more)

    monkeypatch.setattr(type(model), "embed", looking)

    async def store(app: Application) -> None:
        blueprint = {}
        await call(app, tool("list_todos"), {})
        for name, given in STORING:
            await app.engine.settle()  # the log of use locks, too
            before = len(texts)
            named = blueprint if name.startswith(("update_blueprint", "decompose")) else {}
            found = await call(app, tool(name), given | named)
            assert found["success"], found
            assert "warnings" not in found, found
            assert len(texts) > before, name
            if name == "create_task_blueprint":
                blueprint = {"blueprint_id": found["blueprint_id"]}

    use(db, store)
    assert locked == []
    assert pending(db) == 0
