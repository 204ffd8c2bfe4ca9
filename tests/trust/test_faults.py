"""Disks that are full or read-only, files that vanish or rot, a Redis that hangs: named, and survived."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.client import Session
from tests.conftest import RedisServer, unavailable


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB of the test's own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        unavailable("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_nothing_is_half_written(small_disk: Path) -> None:
    with Session(small_disk / "ltmc.db") as client:
        kept = client.ok("store_memory", file_name="kept.md", content="starfruit")
        acknowledged = {"kept.md", "more.md"}
        refused = 0
        for n in range(100):
            answer = client.any("store_memory", file_name=f"big{n}.md", content=f"filler {n} " * 10_000)
            if not answer["success"]:
                assert answer["error_code"] == "BACKEND_UNAVAILABLE", answer
                assert "full" in answer["error"]
                refused += 1
            else:
                acknowledged.add(f"big{n}.md")
        assert refused > 50
        found = client.ok("retrieve_memory", query="starfruit")
        assert found["results"][0]["resource_id"] == kept["resource_id"]
        subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
        client.ok("store_memory", file_name="more.md", content="filler once more")
        more = client.ok("retrieve_memory", query="filler once more", top_k=50)["results"]
        assert "more.md" in {one["file_name"] for one in more}
    with closing(sqlite3.connect(small_disk / "ltmc.db")) as connection:
        assert {name for (name,) in connection.execute("SELECT file_name FROM resources")} == acknowledged
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Session(small_disk / "ltmc.db") as client:
        found = client.ok("retrieve_memory", query="starfruit")
        assert found["results"][0]["resource_id"] == kept["resource_id"]


def test_a_disk_that_becomes_read_only_is_named_and_survived(small_disk: Path) -> None:
    with Session(small_disk / "ltmc.db") as client:
        client.ok("store_memory", file_name="a.md", content="starfruit")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with Session(small_disk / "ltmc.db") as client:
        error = client.bad("store_memory", "BACKEND_UNAVAILABLE", file_name="b.md", content="b")
        assert str(small_disk) in error["error"]
        client.bad("retrieve_memory", "BACKEND_UNAVAILABLE", query="starfruit")
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        assert client.ok("retrieve_memory", query="starfruit")["total"] == 1


def test_a_vanished_database_is_not_silently_begun_anew(db: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    with Session(db) as client:
        client.ok("add_todo", title="a")
        db.parent.rename(away)
        for tool, arguments in (("add_todo", {"title": "b"}), ("list_todos", {})):
            assert "moved or removed" in client.bad(tool, "BACKEND_UNAVAILABLE", **arguments)["error"]
        assert not db.exists()
        away.rename(db.parent)
        assert client.ok("list_todos")["total"] == 1
        client.ok("add_todo", title="c")
    with Session(db) as client:
        assert client.ok("list_todos")["total"] == 2


def test_a_damaged_database_is_named_and_left_alone(db: Path) -> None:
    with Session(db) as client:
        for n in range(200):
            client.ok("store_memory", file_name=f"m{n}.md", content=f"starfruit {n} " * 50)
    data = bytearray(db.read_bytes())
    data[4096 * 8 :] = b"\xa5" * (len(data) - 4096 * 8)
    db.write_bytes(data)
    before = bytes(data)
    with Session(db) as client:
        answer = client.any("retrieve_memory", query="starfruit")
        assert answer.get("error_code") == "BACKEND_UNAVAILABLE", answer
        assert str(db) in answer["error"]
        client.any("store_memory", file_name="new.md", content="new")
        client.ok("redis_health_check")
        assert len(client.tools()) > 1
    assert db.read_bytes() == before


def test_a_redis_that_hangs_is_named(db: Path, redis_server: RedisServer) -> None:
    with Session(db, env={"LTMC_REDIS_URL": redis_server.url}) as client:
        client.ok("redis_set_cache", key="a", value=1)
        os.kill(redis_server.process.pid, signal.SIGSTOP)
        try:
            error = client.bad("redis_get_cache", "BACKEND_UNAVAILABLE", key="a")
            assert "Timeout" in error["error"]
            assert client.ok("redis_health_check")["status"] == "down"
            client.ok("add_todo", title="still works")
        finally:
            os.kill(redis_server.process.pid, signal.SIGCONT)
        assert client.ok("redis_get_cache", key="a")["value"] == 1
