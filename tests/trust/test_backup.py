"""Backups are whole, checked and never clobber; restoring reaches servers that are running."""

import json
import os
import sqlite3
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ltmc.storage.sqlite.files import scratch_file
from tests.client import SOURCE_COMMAND, Session, run_cli
from tests.upgrade.recorded import restore as database_of_version_1_0

pytestmark = pytest.mark.database_file  # a server of PostgreSQL has its own


def change(path: Path, *statements: str) -> None:
    """Change a database behind LTMC's back."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def todos(path: Path) -> set[tuple[int, str]]:
    """The ids and titles of the todos in a database."""
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT id, title FROM todos"))


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What a statement finds in a database."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def saved(db: Path, tmp_path: Path) -> Path:
    """A backup of a database with one todo, "saved"; the database then has another one, "later"."""
    with Session(db) as client:
        client.ok("add_todo", title="saved")
        assert run_cli("backup", str(tmp_path / "saved"), "--db", str(db)).returncode == 0
        client.ok("add_todo", title="later")
    return tmp_path / "saved"


def test_a_backup_made_under_writes_is_consistent(db: Path, tmp_path: Path) -> None:
    target = tmp_path / "copies" / "ltmc.backup"
    with Session(db) as client:
        client.ok("store_memory", file_name="a.md", content="papaya")
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                client.ok("add_todo", title="x")

        writer = threading.Thread(target=write)
        writer.start()
        done = run_cli("backup", str(target), "--json", "--db", str(db))
        stop.set()
        writer.join()
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["ltmc.backup"], "no scratch file is left"
    with sqlite3.connect(target) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM todos").fetchone()[0] == report["rows"]["todos"]
    copy.close()
    with Session(target) as client:
        assert client.ok("retrieve_memory", query="papaya")["total"] == 1
        assert client.ok("list_todos")["total"] == client.ok("search_todos", query="x")["total"]
    again = run_cli("backup", str(target), "--db", str(db))
    assert again.returncode == 1
    assert "--force" in again.stderr
    assert run_cli("backup", str(target), "--force", "--db", str(db)).returncode == 0


def test_restoring_keeps_what_was_there_and_reaches_running_servers(db: Path, tmp_path: Path) -> None:
    target = tmp_path / "b"
    with Session(db) as client:
        client.ok("store_memory", file_name="old.md", content="guava")
        assert run_cli("backup", str(target), "--db", str(db)).returncode == 0
        client.ok("store_memory", file_name="new.md", content="guava, later")
        refused = run_cli("restore", str(target), "--db", str(db))
        assert refused.returncode == 1
        assert "--force" in refused.stderr
        assert client.ok("retrieve_memory", query="guava")["total"] == 2
        done = run_cli("restore", str(target), "--force", "--json", "--db", str(db))
        assert done.returncode == 0, done.stderr
        assert client.ok("retrieve_memory", query="guava")["total"] == 1
        client.ok("store_memory", file_name="after.md", content="guava, after")
        assert client.ok("retrieve_memory", query="guava")["total"] == 2
    with Session(Path(json.loads(done.stdout)["kept"])) as client:
        assert client.ok("retrieve_memory", query="guava")["total"] == 2
    fresh = tmp_path / "fresh" / "ltmc.db"
    assert run_cli("restore", str(target), "--db", str(fresh)).returncode == 0
    with Session(fresh) as client:
        assert client.ok("retrieve_memory", query="guava")["total"] == 1


def test_what_is_no_backup_is_refused(db: Path, tmp_path: Path) -> None:
    with Session(db) as client:
        client.ok("add_todo", title="a")
    text, foreign, damaged = tmp_path / "text", tmp_path / "foreign", tmp_path / "damaged"
    text.write_text("hello " * 1000)
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert run_cli("backup", str(damaged), "--db", str(db)).returncode == 0
    data = bytearray(damaged.read_bytes())
    data[8192:40_000] = b"\xa5" * (40_000 - 8192)
    damaged.write_bytes(data)
    for path, words in (
        (text, "not a database"),
        (foreign, "not an LTMC"),
        (damaged, "damaged"),
        (tmp_path / "no", "no backup"),
    ):
        done = run_cli("restore", str(path), "--force", "--db", str(db))
        assert done.returncode == 1, path
        assert words in done.stderr or "malformed" in done.stderr
        assert "Traceback" not in done.stderr
    assert run_cli("backup", str(tmp_path / "x"), "--db", str(tmp_path / "none")).returncode == 1
    with Session(db) as client:
        assert client.ok("list_todos")["total"] == 1


def test_what_is_written_while_restoring_is_in_the_database_or_in_what_is_kept(db: Path, saved: Path) -> None:
    stop = threading.Event()
    acknowledged: set[tuple[int, str]] = set()

    def write(name: str) -> None:
        with Session(db) as client:
            count = 0
            while not stop.is_set():
                title = f"{name} {count}"
                count += 1
                acknowledged.add((client.ok("add_todo", title=title)["todo_id"], title))

    writers = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    kept = []
    for _ in range(5):
        done = run_cli("restore", str(saved), "--force", "--json", "--db", str(db))
        assert done.returncode == 0, done.stderr
        kept.append(Path(json.loads(done.stdout)["kept"]))
    stop.set()
    for writer in writers:
        writer.join()
    assert len(acknowledged) > 5
    lost = acknowledged - todos(db).union(*map(todos, kept))
    assert not lost, f"{len(lost)} of {len(acknowledged)}"


def test_a_file_of_the_database_is_never_the_target(db: Path, tmp_path: Path) -> None:
    with Session(db) as client:
        client.ok("add_todo", title="a")
        wal = db.with_name("ltmc.db-wal")
        links = [tmp_path / "hard", tmp_path / "soft", tmp_path / "wal"]
        os.link(db, links[0])
        links[1].symlink_to(db)
        os.link(wal, links[2])
        journal = db.parent / ".." / db.parent.name / "ltmc.db-journal"
        for target in (db, wal, db.with_name("ltmc.db-shm"), journal, *links):
            done = run_cli("backup", str(target), "--force", "--db", str(db))
            assert (done.returncode, "FILE: got" in done.stderr) == (2, True), (target, done)
        for source in (db, links[0], links[1]):
            done = run_cli("restore", str(source), "--force", "--db", str(db))
            assert (done.returncode, "FILE: got" in done.stderr) == (2, True), (source, done)
        client.ok("add_todo", title="b")
        with Session(db) as second:
            assert second.ok("list_todos")["total"] == 2
    other = tmp_path / "other" / "ltmc.db"
    with Session(other) as client:
        client.ok("add_todo", title="theirs")
        done = run_cli("backup", str(other), "--force", "--db", str(db))
        assert (done.returncode, "in use" in done.stderr) == (1, True), done
        assert client.ok("list_todos")["total"] == 1
    for target in (tmp_path, Path("/dev/null")):
        assert run_cli("backup", str(target), "--force", "--db", str(db)).returncode == 2


def _damage_pages(db: Path) -> None:
    data = bytearray(db.read_bytes())
    data[8192:] = b"\xa5" * (len(data) - 8192)
    db.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "pages": _damage_pages,
    "cut off": lambda db: os.truncate(db, db.stat().st_size // 2 + 100),
    "header": lambda db: db.write_bytes(b"\xa5" * 8192 + db.read_bytes()[8192:]),
    "another file": lambda db: db.write_bytes(b"hello " * 1000),
    "newer": lambda db: change(
        db, "INSERT INTO schema_migrations VALUES (999, '')", "ALTER TABLE todos ADD due TEXT"
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("served", [False, True], ids=["alone", "served"])
def test_what_is_damaged_or_newer_is_replaced_and_kept(
    db: Path, saved: Path, damage: str, served: bool
) -> None:
    def restore() -> Path:
        before = db.read_bytes()
        DAMAGE[damage](db)
        held = db.read_bytes()
        assert held != before or damage == "newer"
        refused = run_cli("restore", str(saved), "--db", str(db))
        assert (refused.returncode, "--force" in refused.stderr) == (1, True), refused
        done = run_cli("restore", str(saved), "--force", "--json", "--db", str(db))
        assert done.returncode == 0, done.stderr
        kept = Path(json.loads(done.stdout)["kept"])
        if damage != "newer":  # which SQLite copies page by page
            assert kept.read_bytes() == held
        else:
            assert {title for _, title in todos(kept)} == {"saved", "later"}
        return kept

    if served:
        with Session(db) as client:
            client.ok("list_todos")
            restore()
            client.any("list_todos")  # it may have read what was damaged, and says so once
            assert client.ok("list_todos")["total"] == 1
            client.ok("add_todo", title="after")
        assert {title for _, title in todos(db)} == {"saved", "after"}
    else:
        restore()
        with Session(db) as client:
            assert client.ok("list_todos")["total"] == 1
            assert client.ok("search_todos", query="saved")["total"] == 1


HOSTILE = {
    "the trigger": ["CREATE TRIGGER x AFTER INSERT ON todos BEGIN DELETE FROM resources; END"],
    "lacks the table": ["DROP TABLE routing_priors"],
    "lacks the index": ["DROP INDEX todos_by_status"],
    "the view endless": [
        "CREATE VIEW endless AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"
    ],
    "lacks the table todos": [
        "DROP TABLE todos",
        "CREATE VIEW todos AS WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r) SELECT id FROM r",
    ],
    "table cache_stats": ["ALTER TABLE cache_stats ADD COLUMN x AS (hex(since))"],
    "schema versions": ["UPDATE schema_migrations SET version = -version"],
    "the schema versions [1, 3]": ["DELETE FROM schema_migrations WHERE version <> 1 AND version <> 3"],
    "schema versions []": ["DELETE FROM schema_migrations"],
    "knows versions up to": ["INSERT INTO schema_migrations VALUES (9000000000000000000, '')"],
    "is not an LTMC database": [
        "DROP TABLE schema_migrations",
        "CREATE TABLE schema_migrations (version, applied_at)",
        "INSERT INTO schema_migrations VALUES ('three', '')",
    ],
}


def rewritten(table: str, old: str, new: str) -> list[str]:
    """Statements that change the text of a table's schema, whatever SQLite thinks of it."""
    where = f"WHERE name = '{table}'"
    return [
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') {where}",
    ]


HOSTILE |= {
    # In a name SQLite takes for letters what Unicode takes for blanks.
    "has another table resources": rewritten("resources", "content TEXT", "\xa0content TEXT"),
    "has another table todos": rewritten("todos", "title TEXT NOT NULL", "title TEXT\xa0NOT\xa0NULL"),
    "has another table search_terms_data": rewritten(
        "search_terms_data", "block BLOB", "block BLOB CHECK (length(block) < 4000)"
    ),
    "has another table sqlite_sequence": rewritten("sqlite_sequence", "seq)", "seq CHECK (seq < 2))"),
    "holds the table sqlite_stat1": ["ANALYZE", *rewritten("sqlite_stat1", "stat)", "stat, more)")],
}


@pytest.mark.parametrize("words", HOSTILE)
def test_a_schema_that_is_not_expected_is_refused(db: Path, saved: Path, words: str) -> None:
    change(saved, *HOSTILE[words])
    before = todos(db)
    done = run_cli("restore", str(saved), "--force", "--db", str(db))
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert todos(db) == before
    assert [path.name for path in db.parent.iterdir()] == ["ltmc.db"]


def test_a_refused_backup_leaves_no_database(saved: Path, tmp_path: Path) -> None:
    change(saved, "DROP TABLE todos")
    assert run_cli("restore", str(saved), "--db", str(tmp_path / "fresh" / "ltmc.db")).returncode == 1
    assert not (tmp_path / "fresh").exists()


def test_a_pipe_or_a_folder_is_refused(db: Path, saved: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        done = run_cli("restore", str(path), "--force", "--db", str(db))
        assert (done.returncode, "FILE: got" in done.stderr) == (2, True), done
        done = run_cli("restore", str(saved), "--force", "--db", str(path))
        assert (done.returncode in (1, 2), str(path)[:60] in done.stderr, "Traceback" in done.stderr) == (
            True,
            True,
            False,
        ), done


def test_pages_of_another_size_and_older_schemas_are_taken(db: Path, saved: Path, tmp_path: Path) -> None:
    change(saved, "PRAGMA page_size = 8192", "VACUUM", "ANALYZE")
    done = run_cli("restore", str(saved), "--force", "--db", str(db))
    assert done.returncode == 0, done.stderr
    assert {title for _, title in todos(db)} == {"saved"}
    folder = tmp_path / "old"
    folder.mkdir()
    old = database_of_version_1_0(folder)
    assert run_cli("backup", str(tmp_path / "copy"), "--db", str(old)).returncode == 0
    done = run_cli("restore", str(old), "--force", "--db", str(db))
    assert done.returncode == 0, done.stderr


MOMENT = "'2026-01-01T00:00:00.000000Z'"
CACHED = "INSERT INTO cache_entries VALUES ('p', 'k'"
ROUTED = (
    "INSERT INTO routing_log (project_id, query_hash, features, method, confidence, alternatives, created_at) "
    "VALUES ('p', 'h', '{}', 'memories'"
)
MEMBER = (
    "INSERT INTO team_members (project_id, member_id, created_at, updated_at, {}) "
    f"VALUES ('p', 'anna', {MOMENT}, {MOMENT}, {{}})"
)
UNSOUND = {
    "table resources, row 1: its tags is no JSON)": ["UPDATE resources SET tags = '[broken' WHERE id = 1"],
    "table resources, row 1: its tags is no JSON list": ["UPDATE resources SET tags = '{}' WHERE id = 1"],
    "its metadata is no JSON object": ["UPDATE resources SET metadata = '[]'"],
    "its tags is no JSON": ["UPDATE resources SET tags = '" + "[" * 100_000 + "'"],
    "its tags is no JSON list of the right form": ["UPDATE resources SET tags = '[null]'"],
    "its files is no JSON list of the right form": ["UPDATE resources SET files = '[null]'"],
    "row 1: its files is no JSON list of the right form": [
        "UPDATE resources SET files = '[{}]' WHERE id = 1"
    ],
    "its metadata is no JSON)": ["""UPDATE resources SET metadata = '{"a": NaN}'"""],
    "row 1: its metadata is no JSON)": ["""UPDATE resources SET metadata = '{"a": -Infinity}'"""],
    "resources, row 1: its metadata is no JSON)": ["""UPDATE resources SET metadata = '{"a": 1e999}'"""],
    "table resources, row 1: its metadata is no JSON)": [
        """UPDATE resources SET metadata = '{"a": "\\ud800"}'"""
    ],
    "its valid_from is no time": ["UPDATE resources SET valid_from = 'soon'"],
    "its created_at is no time": ["UPDATE resources SET created_at = '0001-01-01T00:00:00+14:00'"],
    "table cache_entries, row 1: its value is no JSON": [f"{CACHED}, '{{', 1, NULL, {MOMENT}, {MOMENT})"],
    "table cache_entries, row 1: its expires_at is no time": [f"{CACHED}, '1', 1, 'x', {MOMENT}, {MOMENT})"],
    "table cache_entries, row 1: its size_bytes is no INTEGER": [
        f"{CACHED}, '1', 'x', NULL, {MOMENT}, {MOMENT})"
    ],
    "table todos, row 1: its title is no TEXT": ["UPDATE todos SET title = x'ff'"],
    "table todos, row 1: its priority is no INTEGER": ["UPDATE todos SET priority = 1.5"],
    "table routing_log, row 1: its confidence is no REAL": [f"{ROUTED}, 9e999, '[]', {MOMENT})"],
    "its alternatives is no JSON list of the right form": [f"{ROUTED}, 1, '[1]', {MOMENT})"],
    "its skills is no JSON list of the right form": [MEMBER.format("skills", "'[1]'")],
    "its capacity is no REAL": [MEMBER.format("capacity", "0.0")],
    "its working_days is no JSON list of the right form": [MEMBER.format("working_days", "'[]'")],
    "its days_off is no JSON list of the right form": [MEMBER.format("days_off", """'["soon"]'""")],
    "table file_snapshots, row 1: its symbols is no JSON list of the right form": [
        f"INSERT INTO file_snapshots VALUES ('p', 'a.py', 'h', 1, 1, '[{{}}]', 'seen', {MOMENT})"
    ],
    "table imported, row 2: its owner_id is no INTEGER": ["INSERT INTO imported VALUES ('a', 1), ('b', 'x')"],
    "table trash, row 1: its tags is no JSON list of the right form": [
        f"INSERT INTO forgettings VALUES ('t', 'p', {MOMENT}, '{{}}')",
        """INSERT INTO trash VALUES (1, 't', 'resources', '{"tags": "[null]"}')""",
    ],
    "table todos, row after 0: Could not decode": ["UPDATE todos SET title = CAST(x'ff' AS TEXT)"],
    "its seq is no id, or leaves none": [f"UPDATE sqlite_sequence SET seq = {2**63 - 1}"],
    "table sqlite_sequence, row 1: its seq is no id": ["UPDATE sqlite_sequence SET seq = 'x'"],
    "table todos, row 9223372036854775807: its id is no id": [f"UPDATE todos SET id = {2**63 - 1}"],
    "table resource_chunks, row 2: it belongs to a row of resources": [
        "INSERT INTO resource_chunks SELECT 2, 99, 0, 0, 1, 'x', 1"
    ],
}


@pytest.mark.parametrize("words", UNSOUND)
def test_rows_that_no_tool_could_read_are_refused_and_named(db: Path, tmp_path: Path, words: str) -> None:
    bad = tmp_path / "bad"
    with Session(db) as client:
        client.ok("store_memory", file_name="a.md", content="papaya", tags=["fruit"])
        client.ok("add_todo", title="a")
        assert run_cli("backup", str(bad), "--db", str(db)).returncode == 0
        change(bad, *UNSOUND[words])
        done = run_cli("restore", str(bad), "--force", "--db", str(db))
        assert (done.returncode, words in done.stderr, str(bad) in done.stderr) == (1, True, True), done
        assert client.ok("retrieve_memory", query="papaya")["total"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "data"]


def test_bad_rows_are_kept_and_named(db: Path, tmp_path: Path) -> None:
    bad, other = tmp_path / "bad", tmp_path / "other" / "ltmc.db"
    with Session(db) as client:
        for title in ("a", "b"):
            client.ok("add_todo", title=title)
        change(
            db, "UPDATE todos SET priority = 1.5, title = x'ff' WHERE id = 1", "UPDATE todos SET due_at = 'x'"
        )
        rows = query(db, "SELECT * FROM todos")
        done = run_cli("backup", str(bad), "--json", "--db", str(db))
        doctor = run_cli("doctor", "--db", str(db))
    assert done.returncode == 0, done.stderr
    named = ["table todos, row 1: its title is no TEXT", "table todos, row 2: its due_at is no time"]
    assert json.loads(done.stdout)["bad_rows"] == named
    assert all(f"Warning: {bad} has a row that tools cannot read: {row}." in done.stderr for row in named)
    assert (doctor.returncode, all(row in doctor.stdout for row in named)) == (1, True), doctor.stdout
    assert query(bad, "SELECT * FROM todos") == rows
    refused = run_cli("restore", str(bad), "--db", str(other))
    assert (refused.returncode, "--accept-bad-rows" in refused.stderr) == (1, True), refused
    taken = run_cli("restore", str(bad), "--accept-bad-rows", "--db", str(other))
    assert (taken.returncode, named[0] in taken.stderr) == (0, True), taken
    assert query(other, "SELECT * FROM todos") == rows
    change(other, "UPDATE todos SET priority = 1, title = 'a' WHERE id = 1", "UPDATE todos SET due_at = NULL")
    assert run_cli("doctor", "--db", str(other)).returncode == 0


INDEX_DAMAGE = {
    "blocks": ["UPDATE search_terms_data SET block = x'deadbeef' WHERE id > 10"],
    "no blocks": ["DELETE FROM search_terms_data WHERE id > 10"],
    "no structure": ["DELETE FROM search_terms_data"],
    "no settings": ["DELETE FROM search_terms_config"],
    "no pages": [
        "DELETE FROM search_terms_data",
        "DELETE FROM search_terms_idx",
        "DELETE FROM search_terms_config",
    ],
    "other terms": ["UPDATE search_entries SET impacts = replace(impacts, ' ', ' x')"],
    "no entries": ["DELETE FROM search_entries"],
    "one entry less": ["DELETE FROM search_entries WHERE seq = 1"],
    "no codes": ["DELETE FROM search_codes"],
    "no state": ["DELETE FROM search_state"],
    "a blob": ["UPDATE search_entries SET impacts = x'ff'"],
    "no UTF-8": ["UPDATE search_entries SET impacts = CAST(x'20ff' AS TEXT)"],
    "another scope": ["UPDATE search_entries SET project_id = 'p'", "DELETE FROM search_terms_idx"],
}


@pytest.mark.parametrize("damage", INDEX_DAMAGE)
def test_a_damaged_search_index_is_made_anew(db: Path, tmp_path: Path, damage: str) -> None:
    bad = tmp_path / "bad"
    with Session(db) as client:
        for number in range(3):
            client.ok("store_memory", file_name=f"{number}.md", content=f"papaya {number}")
        assert run_cli("backup", str(bad), "--json", "--db", str(db)).returncode == 0
        client.ok("store_memory", file_name="later.md", content="papaya, later")
        change(bad, *INDEX_DAMAGE[damage])

        done = run_cli("restore", str(bad), "--force", "--json", "--db", str(db))
        assert (done.returncode, json.loads(done.stdout)["index_damage"] is not None) == (0, True), done
        assert client.ok("retrieve_memory", query="papaya")["total"] == 3
        client.ok("store_memory", file_name="after.md", content="papaya, after")
        assert client.ok("retrieve_memory", query="papaya")["total"] == 4

    with Session(bad) as client:  # a server that has the damaged one open
        client.any("retrieve_memory", query="papaya")
        done = run_cli("reindex", "--all", "--db", str(bad))
        assert done.returncode == 0, done.stderr
        assert client.ok("retrieve_memory", query="papaya")["total"] == 3
        gone = client.ok("retrieve_memory", query="papaya")["results"][0]["resource_id"]
        client.ok("delete_memory", resource_id=gone)
        assert client.ok("retrieve_memory", query="papaya")["total"] == 2
    report = json.loads(run_cli("backup", str(tmp_path / "whole"), "--json", "--db", str(bad)).stdout)
    assert report["index_damage"] is None


def test_a_damaged_search_index_is_named_with_what_mends_it(db: Path, tmp_path: Path) -> None:
    with Session(db) as client:
        client.ok("store_memory", file_name="a.md", content="papaya")
    change(db, "UPDATE search_terms_data SET block = x'deadbeef' WHERE id > 10")
    with Session(db) as client:
        error = client.bad("retrieve_memory", "BACKEND_UNAVAILABLE", query="papaya")["error"]
    assert "`ltmc reindex --all`" in error
    done = run_cli("backup", str(tmp_path / "copy"), "--db", str(db))
    assert (done.returncode, "`ltmc reindex --all`" in done.stdout) == (0, True), done


@pytest.mark.parametrize("size", [512, 8192, 65536])
def test_pages_of_another_size_are_taken_where_no_database_is(saved: Path, tmp_path: Path, size: int) -> None:
    change(saved, f"PRAGMA page_size = {size}", "VACUUM")
    fresh, empty = tmp_path / "fresh" / "ltmc.db", tmp_path / "empty.db"
    empty.touch()
    for target in (fresh, empty):
        done = run_cli("restore", str(saved), "--db", str(target))
        assert done.returncode == 0, done.stderr
        assert {title for _, title in todos(target)} == {"saved"}
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o600


def scratch_of(db: Path) -> list[Path]:
    """The scratch folders beside a database."""
    return [path for path in db.parent.glob(".ltmc-scratch-????????") if path.is_dir()]


@pytest.mark.parametrize("command", ["restore", "backup"])
def test_what_a_killed_process_left_is_removed_and_nothing_else(db: Path, saved: Path, command: str) -> None:
    mine = db.parent / ".ltmc-scratch-of-mine", db.parent / ".restore-abcdefgh"
    for folder in mine:
        folder.mkdir()
        (folder / "copy.db").write_text("mine")
    (db.parent / ".ltmc-scratch-12345678").write_text("a file")
    file = saved if command == "restore" else db.parent / "copy"
    for _ in range(20):
        arguments = [command, str(file), "--force", "--db", str(db)]
        process = subprocess.Popen([*SOURCE_COMMAND, *arguments], stdout=subprocess.DEVNULL)
        while process.poll() is None and not scratch_of(db):
            time.sleep(0.001)
        process.kill()
        process.wait()
        if scratch_of(db):
            break
    assert scratch_of(db), "it was killed in the midst of it"
    with Session(db) as client:
        client.ok("list_todos")
        assert scratch_of(db) == []
    assert all((folder / "copy.db").read_text() == "mine" for folder in mine)
    assert (db.parent / ".ltmc-scratch-12345678").read_text() == "a file"


def test_the_scratch_file_of_a_living_process_stays(db: Path, saved: Path) -> None:
    with scratch_file(db.parent) as mine:
        assert run_cli("restore", str(saved), "--force", "--db", str(db)).returncode == 0
        with Session(db) as client:
            client.ok("list_todos")
        assert scratch_of(db) == [mine.parents[1]]
        assert mine.exists()
    assert scratch_of(db) == []


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE schema_migrations (version)", "INSERT INTO schema_migrations VALUES ('three')"],
        ["CREATE TABLE schema_migrations (version)", "INSERT INTO schema_migrations VALUES (-1)"],
        ["CREATE TABLE schema_migrations (version)", "INSERT INTO schema_migrations VALUES (NULL)"],
        ["CREATE TABLE moz_places (url)"],
    ],
)
def test_a_database_of_another_program_is_left_alone(tmp_path: Path, statements: list[str]) -> None:
    foreign = tmp_path / "places.sqlite"
    change(foreign, *statements)
    with Session(foreign) as client:
        for tool, arguments in (("list_todos", {}), ("add_todo", {"title": "a"})):
            assert "not one of LTMC's" in client.bad(tool, "UNSUPPORTED", **arguments)["error"]
    with closing(sqlite3.connect(foreign)) as connection:
        assert len(connection.execute("SELECT name FROM sqlite_master").fetchall()) == 1


def test_what_was_kept_long_ago_is_removed_and_nothing_else(db: Path, saved: Path) -> None:
    for _ in range(2):
        assert "for 30 days" in run_cli("restore", str(saved), "--force", "--db", str(db)).stdout
    old = "2026-01-01T000000.000000Z"
    first, second = sorted(db.parent.glob("*.before-restore-*"))
    first.rename(db.with_name(f"ltmc.db.before-restore-{old}"))
    for name in (f"ltmc.db.before-restore-{old}-wal", f"ltmc.db-wal.of-replaced-{old}"):
        db.with_name(name).touch()
    mine = [f"my.db.before-restore-{old}", f"ltmc.db.before-restore-{old}.gz", f"ltmc.db.v1-{old}.backup"]
    for name in mine:
        db.with_name(name).touch()
    with Session(db) as client:
        client.ok("list_todos")
    assert {path.name for path in db.parent.iterdir()} == {"ltmc.db", second.name, *mine}
