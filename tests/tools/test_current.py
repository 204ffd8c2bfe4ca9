"""What is current: versions, what supersedes what, and when a memory holds."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from tests.client import InProject, Session, connected

TODAY = datetime.now(UTC).date()


def day(offset: int) -> str:
    """A day from today on."""
    return (TODAY + timedelta(days=offset)).isoformat()


class Memory(InProject):
    """The memories of one project."""

    def store(self, name: str, content: str, **more: object) -> dict:
        return self.ok("store_memory", file_name=name, content=content, **more)

    def found(self, query: str = "shop", **more: object) -> set[str]:
        """The texts that a search finds, by each way to search."""
        listed = {
            one["content"] for one in self.ok("retrieve_memory", query=query, top_k=50, **more)["results"]
        }
        if not more:
            filtered = self.ok("advanced_context_search", query=query, top_k=50)
            assert {one["content"] for one in filtered["results"]} == listed
            assert filtered["total_scanned"] == filtered["total"] == len(listed)
            newest = self.ok("retrieve_by_type", query="", doc_type="document", top_k=50)
            assert {one["content"] for one in newest["results"]} == listed
            assert newest["total"] == len(listed)
            packed = self.ok("build_context", query=query, top_k=50)
            assert packed["documents_included"] == len(listed)
            asked = self.ok("ask_with_context", query=query, top_k=50)
            assert {one.get("resource_id") for one in asked["sources"]} <= {
                one["resource_id"] for one in filtered["results"]
            }
        return listed


@pytest.fixture
def memory(shared: Session, project: str) -> Memory:
    return Memory(shared, project)


def test_a_new_version_is_current_and_the_old_one_is_history(memory: Memory) -> None:
    first = memory.store(
        "bus.md", "The shop sends orders through Kafka.\nIt has three brokers.", tags=["bus"]
    )
    second = memory.store("bus.md", "The shop sends orders through NATS.\nIt has three brokers.")
    assert (second["version"], second["superseded"]) == (2, [first["resource_id"]])
    assert memory.found() == {"The shop sends orders through NATS.\nIt has three brokers."}
    both = memory.ok("retrieve_memory", query="Kafka NATS", include_superseded=True)
    old = next(one for one in both["results"] if one["version"] == 1)
    assert old["superseded_by"] == {"resource_id": second["resource_id"], "file_name": "bus.md"}
    assert old["superseded_at"] == second["created_at"]
    assert both["total"] == 2
    read = memory.ok("get_memory", file_name="bus.md", version=1)
    assert ("Kafka" in read["content"], read["current"]) == (True, False)
    read = memory.ok("get_memory", file_name="bus.md")
    assert (read["version"], "current" in read) == (2, False)
    history = memory.ok("memory_history", file_name="bus.md")
    assert [one["current"] for one in history["versions"]] == [True, False]
    assert history["versions"][0]["difference"].splitlines()[1:3] == [
        "-The shop sends orders through Kafka.",
        "+The shop sends orders through NATS.",
    ]
    assert "difference" not in history["versions"][1]
    page = memory.ok("memory_history", resource_id=first["resource_id"], limit=1)
    assert (page["has_more"], page["total"]) == (True, 2)
    assert page["versions"][0]["difference"]
    memory.bad("get_memory", "NOT_FOUND", "version", file_name="bus.md", version=3)
    memory.bad("get_memory", "NOT_FOUND", "file_name", file_name="car.md")
    memory.bad("get_memory", "INVALID_ARGUMENT", "version", resource_id=first["resource_id"], version=1)
    memory.bad("memory_history", "NOT_FOUND", "file_name", file_name="car.md")
    memory.bad("memory_history", "INVALID_ARGUMENT", "resource_id")


def test_a_correction_leaves_no_trace_in_searches(memory: Memory) -> None:
    first = memory.store("port.md", "The shop listens on 8080.")
    memory.store("port.md", "The shop listens on 9090.", on_conflict="replace")
    assert memory.found(include_superseded=True) == {"The shop listens on 9090."}
    assert memory.ok("get_memory", file_name="port.md", version=1)["resource_id"] == first["resource_id"]


def test_a_retraction_takes_the_place_of_the_plan(memory: Memory) -> None:
    plan = memory.store("plan.md", "We move the shop to Kafka in May.")
    other = memory.store("plan-b.md", "We rent a server for Kafka for the shop.")
    stays = memory.store("team.md", "Anna plans the shop.")
    retraction = memory.store(
        "retraction.md",
        "The shop is not moved to Kafka.",
        supersedes=["plan.md", other["resource_id"], "plan.md"],
    )
    assert sorted(retraction["superseded"]) == [plan["resource_id"], other["resource_id"]]
    assert memory.found() == {"Anna plans the shop.", "The shop is not moved to Kafka."}
    memory.bad(
        "store_memory",
        "NOT_FOUND",
        "supersedes[1]",
        file_name="x.md",
        content="x shop",
        supersedes=["team.md", "nowhere.md"],
    )
    assert len(memory.found()) == 2, "nothing is stored, and nothing superseded"
    memory.bad("update_memory", "CONFLICT", "resource_id", file_name="plan.md", tags=["a"])
    again = memory.store("plan.md", "We move the shop to Kafka in May.")
    assert (again["version"], again["deduplicated"]) == (2, False), "what comes back is told anew"
    assert len(memory.found()) == 3
    memory.ok("update_memory", file_name="team.md", supersedes=["plan.md"])
    assert memory.found() == {"Anna plans the shop.", "The shop is not moved to Kafka."}
    heir = {"resource_id": stays["resource_id"], "file_name": "team.md"}
    assert memory.ok("get_memory", file_name="plan.md")["superseded_by"] == heir


def test_an_update_changes_what_is_given(memory: Memory) -> None:
    stored = memory.store("a.md", "The shop opens at nine.", tags=["hours"], metadata={"by": "ann"})
    changed = memory.ok("update_memory", file_name="a.md", tags=["opening"], resource_type="note")
    assert changed["resource_id"] == stored["resource_id"]
    assert changed["changed_fields"] == ["resource_type", "tags"]
    text = memory.ok("update_memory", resource_id=stored["resource_id"], content="The shop opens at ten.")
    assert (text["version"], text["superseded"]) == (2, [stored["resource_id"]])
    read = memory.ok("get_memory", file_name="a.md")
    assert (read["content"], read["tags"], read["metadata"], read["resource_type"]) == (
        "The shop opens at ten.",
        ["opening"],
        {"by": "ann"},
        "note",
    )
    memory.ok("update_memory", file_name="a.md", tags=[], metadata={})
    read = memory.ok("get_memory", file_name="a.md")
    assert (read["version"], read["tags"], read["metadata"]) == (2, [], {})
    assert memory.ok("retrieve_memory", query="opening")["results"][0].get("tags") is None
    memory.bad("update_memory", "INVALID_ARGUMENT", None, file_name="a.md")
    memory.bad("update_memory", "INVALID_ARGUMENT", "resource_id", tags=["x"])
    memory.bad(
        "update_memory", "INVALID_ARGUMENT", "resource_id", resource_id=1, file_name="a.md", tags=["x"]
    )
    memory.bad("update_memory", "NOT_FOUND", "file_name", file_name="b.md", tags=["x"])
    memory.bad("update_memory", "CONFLICT", "resource_id", resource_id=stored["resource_id"], content="z")


def test_a_search_leaves_out_what_does_not_hold_now(memory: Memory) -> None:
    memory.store("now.md", "The shop is open.")
    memory.store("then.md", "The shop moves to Bern.", valid_from=day(2))
    memory.store("before.md", "The shop is in Basel.", valid_from=day(-9), valid_until=day(-1))
    memory.store("today.md", "The shop is closed for a day.", valid_from=day(0), valid_until=day(0))
    assert memory.found() == {"The shop is open.", "The shop is closed for a day."}
    assert memory.found(as_of=day(3)) == {"The shop is open.", "The shop moves to Bern."}
    assert memory.found(as_of=day(-1)) == {"The shop is in Basel."}
    assert memory.found(as_of=day(-10)) == set()
    assert len(memory.found(include_superseded=True)) == 4
    memory.ok("update_memory", file_name="now.md", valid_until=(datetime.now(UTC)).isoformat())
    assert memory.found() == {"The shop is closed for a day."}
    again = memory.store("now.md", "The shop is open.")
    assert again["version"] == 2, "what has ended begins anew"
    memory.ok("update_memory", file_name="before.md", valid_until="never")
    assert "The shop is in Basel." in memory.found()
    assert "valid_until" not in memory.ok("get_memory", file_name="before.md")
    for arguments in (
        {"valid_from": day(3), "valid_until": day(2)},
        {"valid_from": "soon"},
        {"valid_until": "0001-01-01"},
    ):
        memory.bad("store_memory", "INVALID_ARGUMENT", None, file_name="c.md", content="shop", **arguments)


def test_what_is_to_take_a_place_later_does_so_then(memory: Memory) -> None:
    memory.store("db.md", "The shop runs on Postgres 16.")
    memory.store("db.md", "The shop runs on Postgres 18.", valid_from=day(10))
    assert memory.found() == {"The shop runs on Postgres 16."}
    assert memory.found(as_of=day(11)) == {"The shop runs on Postgres 18."}
    memory.ok("update_memory", file_name="db.md", content="The shop runs on Postgres 16.3.")
    assert memory.found() == {"The shop runs on Postgres 16.3."}
    assert memory.found(as_of=day(11)) == {"The shop runs on Postgres 18."}, "the plan stays"
    plan = memory.ok("get_memory", file_name="db.md", version=2)
    memory.ok("delete_memory", resource_id=plan["resource_id"])
    assert memory.found(as_of=day(11)) == {"The shop runs on Postgres 16.3."}, "nothing takes its place"


def test_what_only_held_before_takes_no_place(memory: Memory) -> None:
    memory.store("db.md", "The shop runs on Postgres.", valid_from=day(-20))
    memory.store("db.md", "The shop ran on MySQL.", valid_from=day(-90), valid_until=day(-30))
    assert memory.found() == {"The shop runs on Postgres."}
    assert memory.found(as_of=day(-40)) == {"The shop ran on MySQL."}
    assert memory.ok("get_memory", file_name="db.md")["content"] == "The shop runs on Postgres."


def test_a_deletion_is_whole_whatever_the_state(memory: Memory) -> None:
    ids = [memory.store("a.md", f"The shop has {n} doors.")["resource_id"] for n in ("two", "three", "four")]
    memory.ok("delete_memory", resource_id=ids[1])
    assert memory.found(include_superseded=True) == {"The shop has two doors.", "The shop has four doors."}
    history = memory.ok("memory_history", file_name="a.md")["versions"]
    assert [one.get("superseded_by") for one in history] == [None, None]
    memory.ok("delete_memory", resource_id=ids[2])
    assert memory.found() == set(), "what was superseded does not come back by itself"
    assert memory.found(include_superseded=True) == {"The shop has two doors."}
    assert memory.store("a.md", "The shop has four doors.")["version"] == 4
    memory.ok("delete_memory", resource_id=ids[0])
    assert memory.found(include_superseded=True) == {"The shop has four doors."}


def test_nothing_is_known_of_the_days_of_a_version_that_was_deleted(memory: Memory) -> None:
    ids = [
        memory.store("a.md", f"The shop has {doors} doors.", valid_from=day(start))["resource_id"]
        for doors, start in (("two", -90), ("three", -60), ("four", -30))
    ]
    memory.store("b.md", "The gate is old.", valid_from=day(-90))
    memory.store("a.md", "The shop has five doors.", valid_from=day(-10), supersedes=["b.md"])
    undo = memory.ok("delete_memory", resource_id=ids[1])["undo"]
    assert memory.found(as_of=day(-70)) == {"The shop has two doors.", "The gate is old."}
    assert memory.found(as_of=day(-50)) == {"The gate is old."}, "nothing, and no older text"
    assert memory.found(as_of=day(-20)) == {"The shop has four doors.", "The gate is old."}
    memory.ok("forget", undo=undo)
    assert memory.found(as_of=day(-50)) == {"The shop has three doors.", "The gate is old."}
    token = memory.ok("forget", kind="memory", ids=ids[1:])["confirm"]
    undo = memory.ok("forget", kind="memory", ids=ids[1:], confirm=token)["undo"]
    assert memory.found(as_of=day(-50)) == memory.found(as_of=day(-20)) == {"The gate is old."}
    assert memory.found() == {"The shop has five doors."}
    memory.store("a.md", "The shop has six doors.", valid_from=day(-65))
    assert memory.found(as_of=day(-62)) == {"The shop has six doors.", "The gate is old."}
    memory.bad("update_memory", "CONFLICT", "resource_id", resource_id=ids[0], tags=["x"])


def test_history_goes_by_when_versions_held(memory: Memory) -> None:
    memory.store("a.md", "The shop has four doors.", valid_from=day(-30))
    memory.store("a.md", "The shop has two doors.", valid_from=day(-90))
    memory.store("a.md", "The shop has three doors.", valid_from=day(-60))
    memory.store("a.md", "The shop has 4 doors.", on_conflict="replace")
    shown = memory.ok("memory_history", file_name="a.md")["versions"]
    assert [(one["version"], one["current"]) for one in shown] == [
        (4, True),
        (1, False),
        (3, False),
        (2, False),
    ]
    assert [one["difference"].splitlines()[1] for one in shown if "difference" in one] == [
        "-The shop has four doors.",
        "-The shop has three doors.",
        "-The shop has two doors.",
    ]


def test_the_resource_of_a_memory_says_that_it_does_not_hold(db: Path) -> None:
    with Session(db) as client:
        client.ok("store_memory", file_name="a.md", content="The shop has two doors.")
        new = client.ok("store_memory", file_name="a.md", content="The shop has three doors.")["resource_id"]
        assert client.resource("ltmc://memory/a.md") == "The shop has three doors."
        client.ok("delete_memory", resource_id=new)
        assert client.resource("ltmc://memory/a.md").splitlines() == [
            "The shop has two doors.",
            "[It does not hold now; get_memory tells when it did.]",
        ]


def test_names_of_what_was_superseded_stay_in_the_graph(memory: Memory) -> None:
    memory.store("plan.md", "We move the shop.")
    memory.ok("link_resources", source_id="plan.md", target_id="shop", relation="moves")
    memory.store("no.md", "We do not move the shop.", supersedes=["plan.md"])
    seen = memory.ok("query_graph", entity="plan.md")
    assert [one["target_id"] for one in seen["relationships"]] == ["shop"]


def test_what_has_expired_is_in_no_search_and_no_list(db: Path) -> None:
    with Session(db) as client:
        memory = Memory(client, "shop")
        memory.store("stays.md", "The shop is open.", expires=day(9))
        memory.store("code.md", "The shop's door code is 4711.", expires="2999-12-31")
        memory.store("offer.md", "The shop sells walnuts cheaply.", expires=30)
        memory.store("offer.md", "The shop sells walnuts very cheaply.")
        assert memory.ok("get_memory", file_name="code.md")["expires_at"][:10] == "2999-12-31"
        for wrong in (0, -1, "0", True, 1.5, [], "soon", day(-1), 10**9, "9" * 30):
            memory.bad(
                "store_memory", "INVALID_ARGUMENT", "expires", file_name="x.md", content="x", expires=wrong
            )
        changed = memory.ok("update_memory", file_name="stays.md", expires="never")
        assert changed["changed_fields"] == ["expires"]
        assert "expires_at" not in memory.ok("get_memory", file_name="stays.md")
        moved = memory.ok("update_memory", file_name="code.md", content="The shop's door code is 4712.")
        assert "expires_at" in memory.ok("get_memory", file_name="code.md"), "what is left out stays"
        assert moved["version"] == 2
        memory.found()
        with closing(connected(db)) as connection, connection:
            connection.execute("UPDATE resources SET expires_at = '2020-01-01' WHERE expires_at IS NOT NULL")
        left = {"The shop is open.", "The shop sells walnuts very cheaply."}
        assert memory.found() == memory.found(include_superseded=True) == left
        assert memory.found(as_of=day(1)) == left
        assert memory.ok("list_memories")["total"] == 2
        again = memory.store("code.md", "The shop's door code is 4712.")
        assert not again["deduplicated"]
    with Session(db) as client:  # the upkeep of a server that starts
        memory = Memory(client, "shop")
        for _ in range(200):
            if memory.ok("memory_history", file_name="code.md")["total"] == 1:
                break
        (version,) = memory.ok("memory_history", file_name="code.md")["versions"]
        assert version["current"]
        assert memory.ok("memory_history", file_name="offer.md")["total"] == 1
        assert memory.found() == left | {"The shop's door code is 4712."}
        with closing(connected(db)) as connection:
            ((kinds,),) = connection.execute("SELECT kinds FROM forgettings")
        assert kinds == '{"memory": 3}'


def test_what_has_expired_is_not_there_before_upkeep_forgets_it(db: Path) -> None:
    with Session(db) as client:
        memory = Memory(client, "shop")
        memory.store("code.md", "The shop's door code is 4711.", expires=30)
        gone = memory.store("code.md", "The shop's door code is 4712.", expires=30)["resource_id"]
        memory.store("plan.md", "The shop is open.")
        client.ok("store_memory", file_name="key.md", content="The key is below the mat.", expires=30)
        memory.ok("link_resources", source_id="plan.md", target_id="code.md", relation="uses")
        (hit,) = memory.ok("retrieve_memory", query="door code")["results"][:1]
        with closing(connected(db)) as connection, connection:
            connection.execute("UPDATE resources SET expires_at = '2020-01-01' WHERE expires_at IS NOT NULL")
        memory.bad("get_memory", "NOT_FOUND", "resource_id", resource_id=gone)
        memory.bad("get_memory", "NOT_FOUND", "chunk_id", chunk_id=hit["chunk_id"])
        memory.bad("get_memory", "NOT_FOUND", "file_name", file_name="code.md")
        memory.bad("get_memory", "NOT_FOUND", "version", file_name="code.md", version=1)
        for name, value in (("file_name", "code.md"), ("resource_id", gone)):
            memory.bad("memory_history", "NOT_FOUND", name, **{name: value})
            memory.bad("update_memory", "NOT_FOUND", name, **{name: value}, tags=["x"])
        memory.bad("update_memory", "NOT_FOUND", "supersedes[0]", file_name="plan.md", supersedes=[str(gone)])
        memory.bad(
            "link_resources", "NOT_FOUND", "source_id", source_id=str(gone), target_id="x", relation="y"
        )
        with pytest.raises(MCPError, match=r"key\.md"):
            client.resource("ltmc://memory/key.md")
        memory.store("code.md", "The shop has no code.")
        (version,) = memory.ok("memory_history", file_name="code.md")["versions"]
        assert (version["version"], "difference" in version) == (3, False)
        assert memory.ok("get_memory", file_name="code.md")["version"] == 3


def test_a_plan_is_edited_and_postponed(memory: Memory) -> None:
    memory.store("p.md", "The shop listens on 8080.")
    plan = memory.store("p.md", "The shop listens on 9090.", valid_from=day(20))
    memory.store("q.md", "The shop has a plan.", valid_from=day(20), supersedes=["p.md"])
    edited = memory.ok("update_memory", resource_id=plan["resource_id"], content="The shop listens on 9191.")
    assert memory.found() == {"The shop listens on 8080."}
    assert memory.found(as_of=day(21)) == {"The shop listens on 9191.", "The shop has a plan."}
    memory.ok("update_memory", resource_id=edited["resource_id"], valid_from=day(30))
    assert memory.found(as_of=day(19)) == {"The shop listens on 8080."}
    assert memory.found(as_of=day(31)) == {"The shop listens on 9191.", "The shop has a plan."}


def test_what_another_memory_took_the_place_of_follows_its_start(memory: Memory) -> None:
    memory.store("a.md", "The shop has 5 doors.", valid_from=day(-90))
    new = memory.store("b.md", "The shop has 9 doors.", valid_from=day(-60), supersedes=["a.md"])
    memory.ok("update_memory", resource_id=new["resource_id"], valid_from=day(-30))
    assert memory.found(as_of=day(-40)) == {"The shop has 5 doors."}
    assert memory.found(as_of=day(-20)) == memory.found() == {"The shop has 9 doors."}
    memory.ok("update_memory", resource_id=new["resource_id"], valid_from=day(5))
    assert memory.found() == {"The shop has 5 doors."}
    memory.ok(
        "update_memory", resource_id=new["resource_id"], valid_from=day(9), content="The shop has 8 doors."
    )
    assert memory.found(as_of=day(7)) == {"The shop has 5 doors."}
    assert memory.found(as_of=day(10)) == {"The shop has 8 doors."}


@pytest.mark.parametrize(
    "way", ["store_memory", "update_memory", "same text", "replace", "both", "both, late first"]
)
def test_what_a_name_took_the_place_of_ends_where_its_first_version_begins(memory: Memory, way: str) -> None:
    memory.store("a.md", "The shop has 5 doors.", valid_from=day(-90))
    if way != "both":
        memory.store("b.md", "The shop has 9 doors.", valid_from=day(-30), supersedes=["a.md"])
    told: dict[str, Any] = {"file_name": "b.md", "content": "The shop has 7 doors.", "valid_from": day(-60)}
    if way == "same text":
        told["content"] = "The shop has 9 doors."
    elif way == "replace":
        told["on_conflict"] = "replace"
    elif way not in {"store_memory", "update_memory"}:
        told["supersedes"] = ["a.md"]
    memory.ok("update_memory" if way == "update_memory" else "store_memory", **told)
    if way == "both":
        memory.store("b.md", "The shop has 9 doors.", valid_from=day(-30), supersedes=["a.md"])
    assert memory.found(as_of=day(-61)) == {"The shop has 5 doors."}
    assert memory.found(as_of=day(-40)) == {told["content"]}
    memory.store("b.md", "The shop has 8 doors.", valid_from=day(-45))
    assert memory.found(as_of=day(-50)) == {told["content"]}
    assert memory.found(as_of=day(-40)) == {"The shop has 8 doors."}
    last = 8 if way in {"same text", "replace"} else 9
    assert memory.found() == {f"The shop has {last} doors."}
    assert memory.found(as_of=day(-80)) == {"The shop has 5 doors."}


def test_what_began_in_between_or_held_beside_a_name_stays(memory: Memory) -> None:
    memory.store("a.md", "The shop has 5 doors.", valid_from=day(-60))
    memory.store("b.md", "The shop has 9 doors.", valid_from=day(-30), supersedes=["a.md"])
    memory.store("b.md", "The shop has 1 door.", valid_from=day(-90), valid_until=day(-80))
    assert memory.found(as_of=day(-40)) == {"The shop has 5 doors."}
    memory.store("c.md", "The shop has a bell.", valid_from=day(-90))
    memory.store("c.md", "The shop has 2 bells and 9 doors.", valid_from=day(-10), supersedes=["b.md"])
    memory.store("c.md", "The shop has an old bell.", valid_from=day(-20))
    assert memory.found(as_of=day(-15)) == {"The shop has 9 doors.", "The shop has an old bell."}


def test_a_backdated_text_says_what_holds_after_it(memory: Memory) -> None:
    later = memory.store("p.md", "The shop has 5 doors.", valid_from=day(-9))
    for _ in range(2):
        stored = memory.store("p.md", "The shop has 3 doors.", valid_from=day(-99))
        assert "superseded" not in stored
        assert stored["superseded_by"] == {"resource_id": later["resource_id"], "file_name": "p.md"}
        assert stored["version"] == 2
    assert memory.found() == {"The shop has 5 doors."}
    assert memory.found(as_of=day(-10)) == {"The shop has 3 doors."}
    memory.store("p.md", "The shop has 3 doors.", valid_from=day(9))
    memory.store("p.md", "The shop has 5 doors.", valid_from=day(3))
    assert memory.found(as_of=day(4)) == {"The shop has 5 doors."}, "what holds then needs no plan"
    assert memory.found(as_of=day(10)) == {"The shop has 3 doors."}, "what held once may come back"


@pytest.mark.parametrize("tool", ["store_memory", "update_memory"])
def test_a_text_from_before_the_current_one_is_history_by_either_tool(memory: Memory, tool: str) -> None:
    current = memory.store("p.md", "The shop has 5 doors.", valid_from=day(-9), valid_until=day(9))
    for _ in range(2):
        told = memory.ok(tool, file_name="p.md", content="The shop has 3 doors.", valid_from=day(-99))
        assert told["version"] == 2
        assert told["superseded_by"] == {"resource_id": current["resource_id"], "file_name": "p.md"}
    memory.ok(tool, file_name="p.md", content="The shop has 4 doors.", valid_from=day(-50))
    assert memory.found() == {"The shop has 5 doors."}
    assert memory.found(as_of=day(-10)) == {"The shop has 4 doors."}
    assert memory.found(as_of=day(-51)) == {"The shop has 3 doors."}
    assert memory.found(include_superseded=True) == {f"The shop has {count} doors." for count in (3, 4, 5)}


@pytest.mark.parametrize("way", ["supersedes", "replace", "moved", "postponed"])
def test_a_version_of_before_does_not_come_back_when_a_backdated_text_takes_the_place(
    memory: Memory, way: str
) -> None:
    memory.store("a.md", "The log tool is Splunk.")
    second = memory.store("a.md", "The log tool is Splunk 9.")
    since = "2026-01-01"
    if way == "supersedes":
        memory.store("b.md", "The log tool is Loki.", supersedes=["a.md"], valid_from=since)
    elif way == "replace":
        memory.store("a.md", "The log tool is Loki.", on_conflict="replace", valid_from=since)
    elif way == "moved":
        memory.ok("update_memory", resource_id=second["resource_id"], valid_from=since)
    else:
        memory.store("b.md", "The log tool is Loki.", supersedes=["a.md"], valid_from="2099-01-01")
        memory.ok("update_memory", file_name="b.md", valid_from=since)
    expected = "The log tool is Splunk 9." if way == "moved" else "The log tool is Loki."
    for moment in ({}, {"as_of": "2026-02-01"}):
        found = memory.ok("retrieve_memory", query="log tool", **moment)["results"]
        assert [one["content"] for one in found] == [expected]
    assert memory.ok("retrieve_memory", query="log tool", as_of="2025-12-01")["results"] == []


def test_the_name_of_a_deleted_version_says_so(memory: Memory) -> None:
    memory.store("a.md", "The shop has 2 doors.")
    memory.ok("delete_memory", resource_id=memory.store("a.md", "The shop has 3 doors.")["resource_id"])
    error = memory.bad("update_memory", "CONFLICT", "resource_id", file_name="a.md", tags=["x"])["error"]
    assert "deleted; store the text anew" in error
    assert "update that one" not in error


def test_digits_that_are_an_id_and_a_name_are_refused(memory: Memory) -> None:
    first = memory.store("a.md", "The shop has 2 doors.")["resource_id"]
    named = memory.store(str(first), "The shop has 3 windows.")["resource_id"]
    arguments = {"file_name": "b.md", "content": "The shop has 4 walls."}
    error = memory.bad("store_memory", "CONFLICT", "supersedes[0]", **arguments, supersedes=[str(first)])[
        "error"
    ]
    assert f"resource:{first}" in error
    assert f"resource:{named}" in error
    assert memory.store("b.md", "The shop has 4 walls.", supersedes=[f"resource:{named}"])["superseded"] == [
        named
    ]


def test_an_end_is_a_date_a_moment_or_never(memory: Memory) -> None:
    stored = memory.store("a.md", "The shop is open.", valid_until="never")
    for tool, named in (("store_memory", {"content": "The shop is open."}), ("update_memory", {})):
        error = memory.bad(
            tool, "INVALID_ARGUMENT", "valid_until", file_name="a.md", **named, valid_until="soon"
        )
        assert "2026-01-31" in error["error"]
        assert "never" in error["error"]
    memory.ok("update_memory", file_name="a.md", valid_until=day(0))
    assert "valid_until" in memory.ok("get_memory", resource_id=stored["resource_id"])
    memory.store("a.md", "The shop is open.", valid_until="None")
    assert "valid_until" not in memory.ok("get_memory", resource_id=stored["resource_id"])


def test_what_was_superseded_stands_after_its_heir_and_says_so(memory: Memory) -> None:
    memory.store("plan.md", "Plan: we rewrite the importer in Rust in spring.")
    memory.store("retract.md", "The rewrite of the importer is cancelled.", supersedes=["plan.md"])
    query = "do we rewrite the importer in Rust in spring"
    found = memory.ok("retrieve_memory", query=query, include_superseded=True, include_context=True)
    assert [one["file_name"] for one in found["results"]] == ["retract.md", "plan.md"]
    assert "plan.md (superseded by retract.md)" in found["context"]


def test_history_shows_what_changed_in_long_lines_and_long_texts(memory: Memory) -> None:
    words = "The shop sells " + "walnuts and " * 150
    memory.store("a.md", f"{words} retries 3 {words}")
    memory.store("a.md", f"{words} retries 5 {words}")
    difference = memory.ok("memory_history", file_name="a.md")["versions"][0]["difference"]
    assert "retries 3" in difference
    assert "retries 5" in difference
    assert len(difference) < 600
    lines = "\n".join(f"door {number}" for number in range(300))
    memory.store("b.md", lines)
    memory.store("b.md", f"{lines}\ndoor 300")
    assert (
        memory.ok("memory_history", file_name="b.md")["versions"][0]["difference"]
        == "@@ -301 +301 @@\n+door 300"
    )
