"""A database of schema 7, in which all versions of a memory were live, has one current version of each name."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.client import Session, run_cli
from tests.upgrade.make_versions import SCHEMA_7


@pytest.fixture
def old(tmp_path: Path) -> Path:
    db = tmp_path / "ltmc.db"
    db.write_bytes(gzip.decompress(SCHEMA_7.read_bytes()))
    db.chmod(0o600)
    return db


def test_the_newest_version_is_current_and_the_others_are_history(old: Path) -> None:
    def names(client: Session, query: str, **more: object) -> list[str]:
        found = client.ok("retrieve_memory", query=query, project_id="shop", **more)
        return sorted(one["content"].rstrip(".").split()[-1] for one in found["results"])

    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT max(version) FROM schema_migrations").fetchone() == (7,)
        assert connection.execute("SELECT count(*) FROM resources WHERE NOT archived").fetchone() == (5,)
    with Session(old) as client:
        assert names(client, "orders broker") == ["9090", "NATS", "shop"], "before it is indexed"
        read = client.ok("get_memory", file_name="broker.md", version=1, project_id="shop")
        assert (read["content"], read["current"]) == ("The shop sends its orders through Kafka.", False)
        second = client.ok("get_memory", file_name="broker.md", version=2, project_id="shop")
        assert read["superseded_by"] == {"resource_id": second["resource_id"], "file_name": "broker.md"}
        assert read["superseded_at"] == second["created_at"]
    assert run_cli("reindex", "--db", str(old)).returncode == 0
    with Session(old) as client:
        assert names(client, "orders broker") == ["9090", "NATS", "shop"]
        assert names(client, "orders broker", include_superseded=True) == [
            "9090",
            "Kafka",
            "NATS",
            "RabbitMQ",
            "shop",
        ], "what was replaced by schema 7 is in no index, as before"
    report = json.loads(run_cli("doctor", "--db", str(old), "--json").stdout)
    assert report["health"]["search_index"] == "ok"


def test_what_was_stored_before_can_be_forgotten_and_put_back(old: Path) -> None:
    with Session(old) as client:
        before = client.ok("memory_history", file_name="broker.md", project_id="shop")
        chosen = {"kind": "memory", "ids": ["broker.md"], "project_id": "shop"}
        done = client.ok("forget", **chosen, confirm=client.ok("forget", **chosen)["confirm"])
        assert done["forgotten"] == len(before["versions"])
        client.bad("memory_history", "NOT_FOUND", file_name="broker.md", project_id="shop")
        client.ok("forget", undo=done["undo"])
        assert client.ok("memory_history", file_name="broker.md", project_id="shop") == before
        client.ok("update_memory", file_name="broker.md", expires=3, project_id="shop")
        assert "expires_at" in client.ok("get_memory", file_name="broker.md", project_id="shop")


def test_members_stored_before_there_were_calendars_work_from_monday_to_friday(tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    db.write_bytes(gzip.decompress((SCHEMA_7.parent / "v1_0.db.gz").read_bytes()))
    db.chmod(0o600)
    with Session(db) as client:
        loads = client.ok("get_team_workload_overview", project_id="shop")["members"]
        assert [load["member_id"] for load in loads] == ["ann", "bob", "cem", "dee"]
    with closing(sqlite3.connect(db)) as connection:
        kept = connection.execute(
            "SELECT DISTINCT working_days, timezone, days_off FROM team_members"
        ).fetchall()
    assert kept == [('["mon", "tue", "wed", "thu", "fri"]', "UTC", "[]")]


def test_what_was_stored_before_can_agree(old: Path) -> None:
    with Session(old) as client:
        listed = client.ok("list_memories", project_id="shop")["memories"]
        one, other = (memory["resource_id"] for memory in listed[:2])
        client.ok("update_memory", resource_id=one, agrees_with=[other], project_id="shop")
        assert client.ok("get_memory", resource_id=other, project_id="shop")["agrees_with"] == [one]


def test_a_database_made_before_there_were_imports_takes_them(old: Path, tmp_path: Path) -> None:
    note = tmp_path / "notes" / "kiosk.md"
    note.parent.mkdir()
    note.write_text("The kiosk waits for its DNS.")
    for new in ({"memories": 1}, {}):
        done = run_cli("import", str(note), "--project", "shop", "--db", str(old), "--json")
        assert (done.returncode, json.loads(done.stdout)["new"]) == (0, new), done.stderr
    with Session(old) as client:
        assert (
            client.ok("get_memory", file_name="notes/kiosk.md", project_id="shop")["content"]
            == note.read_text()
        )
        assert client.ok("get_memory", file_name="broker.md", project_id="shop")["version"] == 3
