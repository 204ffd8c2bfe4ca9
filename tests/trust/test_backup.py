"""Backups are whole, checked and never clobber; restoring reaches servers that are running."""

import json
import sqlite3
import stat
import threading
from pathlib import Path

from tests.client import Session, run_cli


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
