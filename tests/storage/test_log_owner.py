"""A log that lies beside the database and belongs to the file before it."""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from ltmc.storage.sqlite.backup import backup
from tests.client import Session, run_cli
from tests.soak.database_life import Server
from tests.storage.test_replaced import titles

LEFT = ("-wal", "-shm", "-opened")


@pytest.fixture
def replaced(db: Path, tmp_path: Path) -> Server:
    """A server that is stopped since before its database, with a log full of what is not in the new one, was
    replaced."""
    server = Server(db)
    assert add(server, "in both")
    backup(db, tmp_path / "copy")
    for number in range(20):
        assert add(server, f"lost {number}")
    server.process.send_signal(signal.SIGSTOP)
    os.link(db, tmp_path / "old")
    (tmp_path / "copy").replace(db)
    return server


def add(server: Server, title: str) -> bool:
    answer = server.answer(server.begin("add_todo", title=title))
    return bool(answer and answer["success"])


@pytest.mark.parametrize("end", ["goes on", "is closed", "is killed", "was killed"])
def test_who_opens_the_new_file_first_takes_the_old_log_for_no_part_of_it(
    db: Path, tmp_path: Path, replaced: Server, end: str
) -> None:
    if end == "was killed":
        replaced.kill()
    with Session(db) as new:
        assert [todo["title"] for todo in new.ok("list_todos")["todos"]] == ["in both"]
        new.ok("add_todo", title="second")
        replaced.process.send_signal(signal.SIGCONT)
        if end == "goes on":
            assert add(replaced, "third")
        elif end == "is closed":
            replaced.close()
        replaced.kill()
        new.ok("add_todo", title="fourth")
    with Session(db) as later:
        later.ok("list_todos")
    assert titles(db) == {"in both", "second", "fourth"} | ({"third"} if end == "goes on" else set())
    if "killed" in end:  # what only the log holds is kept
        (log,) = db.parent.glob("ltmc.db-wal.of-replaced-*")
        log.rename(tmp_path / "old-wal")
    assert len(titles(tmp_path / "old")) == 21


def test_a_backup_and_a_restore_take_none_of_the_old_log(db: Path, tmp_path: Path, replaced: Server) -> None:
    done = run_cli("backup", str(tmp_path / "made"), "--db", str(db))
    assert done.returncode == 0, done.stderr
    assert titles(tmp_path / "made") == {"in both"}
    done = run_cli("restore", str(tmp_path / "made"), "--force", "--db", str(db))
    assert done.returncode == 0, done.stderr
    replaced.process.send_signal(signal.SIGCONT)
    assert add(replaced, "second")
    replaced.close()
    assert titles(db) == {"in both", "second"}


def test_a_restore_alone_keeps_none_of_the_old_log(db: Path, tmp_path: Path, replaced: Server) -> None:
    shutil.copy(db, tmp_path / "made")
    done = run_cli("restore", str(tmp_path / "made"), "--force", "--db", str(db))
    assert done.returncode == 0, done.stderr
    (kept,) = db.parent.glob("*.before-restore-*")
    assert titles(kept) == titles(db) == {"in both"}
    replaced.process.send_signal(signal.SIGCONT)
    replaced.close()
    assert titles(db) == {"in both"}


def test_read_only_reads_none_of_the_old_log(db: Path, replaced: Server) -> None:
    with Session(db, "--read-only") as reader:
        assert "belongs to the file before" in reader.bad("list_todos", "BACKEND_UNAVAILABLE")["error"]
        replaced.process.send_signal(signal.SIGCONT)
        assert add(replaced, "second")
        assert reader.ok("list_todos")["total"] == 2
    replaced.close()


@pytest.mark.database_file
def test_a_log_that_was_moved_with_its_database_is_read(db: Path, tmp_path: Path) -> None:
    server = Server(db)
    assert add(server, "first")
    server.kill()
    moved = tmp_path / "moved.db"
    for suffix in ("", *LEFT):
        shutil.copy(f"{db}{suffix}", f"{moved}{suffix}")
    with Session(moved) as client:
        assert client.ok("list_todos")["total"] == 1
    for suffix in ("", *LEFT):  # over the old ones, as rsync does
        with suppress(FileNotFoundError):
            shutil.copy(f"{moved}{suffix}", f"{db}{suffix}.new")
            Path(f"{db}{suffix}.new").replace(f"{db}{suffix}")
    with Session(db) as client:
        assert client.ok("list_todos")["total"] == 1


@pytest.mark.database_file
def test_nothing_is_left_beside_a_database_that_was_closed(db: Path) -> None:
    with Session(db) as one, Session(db) as other:
        one.ok("add_todo", title="first")
        other.ok("list_todos")
        assert all(Path(f"{db}{suffix}").exists() for suffix in LEFT)
    assert [path.name for path in db.parent.iterdir()] == ["ltmc.db"]
