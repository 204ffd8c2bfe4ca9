"""What has ended: told late, expired, or deleted; and names that are written in two ways."""

import pytest

from tests.client import Session
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
