"""What has ended: told late, expired, or deleted; and names that are written in two ways."""

import unicodedata
from contextlib import closing
from pathlib import Path

import pytest

from tests.client import Session, connected
from tests.tools.test_current import Memory, day


@pytest.fixture
def memory(shared: Session, project: str) -> Memory:
    return Memory(shared, project)


def test_what_ended_before_it_is_told_is_history(memory: Memory) -> None:
    memory.store("db.md", "The shop ran on MySQL.", valid_until=day(-30))
    assert memory.found() == set()
    assert memory.found(as_of=day(-40)) == {"The shop ran on MySQL."}
    memory.store("db.md", "The shop runs on Postgres.")
    assert memory.found() == {"The shop runs on Postgres."}
    error = memory.bad(
        "store_memory",
        "INVALID_ARGUMENT",
        "valid_until",
        file_name="db.md",
        content="The shop ran on Oracle.",
        valid_until=day(-60),
    )
    assert "valid_from" in error["error"]
    error = memory.bad(
        "update_memory", "INVALID_ARGUMENT", "valid_until", file_name="db.md", valid_until=day(-5)
    )
    assert "valid_from" in error["error"]
    memory.ok("update_memory", file_name="db.md", valid_from=day(-20), valid_until=day(-5))
    assert memory.found() == set()
    assert memory.found(as_of=day(-10)) == {"The shop runs on Postgres."}


def test_an_end_before_it_was_told_leaves_the_start_that_is_known(memory: Memory) -> None:
    memory.store("lift.md", "The shop has a lift.", valid_from=day(-90))
    memory.store("lift.md", "The shop has a lift.", valid_until=day(-30))
    stairs = memory.store("stairs.md", "The shop has stairs.")
    memory.ok("update_memory", resource_id=stairs["resource_id"], valid_until=day(-40))
    assert memory.found() == set()
    assert memory.found(as_of=day(-35)) == {"The shop has a lift."}
    assert memory.found(as_of=day(-95)) == {"The shop has stairs."}


def test_names_are_one_in_both_forms_of_unicode(memory: Memory) -> None:
    composed, apart = (unicodedata.normalize(form, "entscheidungen/übergabe é.md") for form in ("NFC", "NFD"))
    first = memory.store(apart, "The shop hands over at 8.")
    second = memory.store(composed, "The shop hands over at 9.")
    assert (first["file_name"], second["version"]) == (composed, 2)
    assert second["superseded"] == [first["resource_id"]]
    assert memory.ok("get_memory", file_name=apart)["content"] == "The shop hands over at 9."
    prefix = unicodedata.normalize("NFD", "entscheidungen/ü")
    assert memory.ok("list_memories", prefix=prefix)["total"] == 1
    heir = memory.store("other.md", "The shop hands over at 10.", supersedes=[apart])
    assert heir["superseded"] == [second["resource_id"]]


def test_a_name_that_was_stored_apart_is_found_by_either_form(db: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "übergabe.md") for form in ("NFC", "NFD"))
    with Session(db) as client:
        stored = client.ok("store_memory", file_name=composed, content="The shop hands over at 8.")
    with closing(connected(db)) as connection, connection:
        connection.execute("UPDATE resources SET file_name = ?", (apart,))
    with Session(db) as client:
        for name in (composed, apart):
            read = client.ok("get_memory", file_name=name)
            assert read["resource_id"] == stored["resource_id"]
            assert client.ok("memory_history", file_name=name)["total"] == 1
            assert client.ok("forget", kind="memory", ids=[name])["total"] == 1
        again = client.ok("store_memory", file_name=composed, content="The shop hands over at 9.")
        assert (again["version"], again["superseded"]) == (2, [stored["resource_id"]])
        client.ok("update_memory", file_name=apart, content="The shop hands over at 10.")
        assert client.ok("memory_history", file_name=composed)["total"] == 3
        assert client.ok("forget", kind="memory", ids=[composed])["total"] == 3


def test_what_an_expired_version_superseded_does_not_come_back_and_says_so(db: Path) -> None:
    def end(name: str) -> None:
        with closing(connected(db)) as connection, connection:
            connection.execute(
                "UPDATE resources SET expires_at = '2020-01-01' WHERE expires_at IS NOT NULL AND file_name = ?",
                (name,),
            )

    with Session(db) as client:
        memory = Memory(client, "shop")
        memory.store("port.md", "The shop listens on port 8080.")
        memory.store("port.md", "The shop listens on port 9090.", expires=3)
        memory.store("old.md", "The shop is in Basel.")
        memory.store("new.md", "The shop is in Bern.", supersedes=["old.md"], expires=3)
        assert "note" not in memory.ok("get_memory", file_name="old.md"), "what took its place is there"
        end("port.md")
        end("new.md")
    for _ in range(2):  # the first server forgets them
        with Session(db) as client:
            memory = Memory(client, "shop")
            assert memory.found() == set()
            for name in ("port.md", "old.md"):
                read = memory.ok("get_memory", file_name=name)
                assert (read["version"], read["current"]) == (1, False)
                assert "expired" in read["note"]
                error = memory.bad("update_memory", "CONFLICT", "resource_id", file_name=name, tags=["a"])
                assert "expired" in error["error"]
    with Session(db) as client:
        memory = Memory(client, "shop")
        assert memory.store("port.md", "The shop listens on port 8080.")["version"] > 1
        assert memory.found() == {"The shop listens on port 8080."}


def test_a_plan_that_is_reworded_and_begins_earlier_keeps_its_end(memory: Memory) -> None:
    planned = memory.store("db.md", "The shop will run on Postgres.", valid_from=day(10), valid_until=day(25))
    changed = {"content": "The shop runs on Postgres.", "valid_from": day(-40)}
    memory.ok("update_memory", resource_id=planned["resource_id"], **changed)
    assert memory.found() == {"The shop runs on Postgres."}
    assert memory.found(as_of=day(30)) == set()
