"""Listings of memories and conversations."""

from tests.client import Session


def test_memories_are_listed_by_tag_and_name_in_pages(shared: Session, project: str) -> None:
    def store(name: str, content: str, **more: object) -> dict:
        return shared.ok("store_memory", file_name=name, content=content, project_id=project, **more)

    def names(**more: object) -> list[str]:
        found = shared.ok("list_memories", project_id=project, **more)
        assert found["count"] == len(found["memories"])
        return [one["file_name"] for one in found["memories"]]

    assert names() == []
    for number in range(5):
        store(
            f"notes/{number}.md", f"# Note {number}\n\n" + "walnut " * 100, tags=["Nut"] if number % 2 else []
        )
    store("plan_a.md", "Long ago.")
    store("planXa.md", "Not now.", valid_from="2999-01-01")
    store("plan_a.md", "Plan A.")
    assert names()[:2] == ["plan_a.md", "notes/4.md"]
    assert names(tag=" nut ") == ["notes/3.md", "notes/1.md"]
    assert names(prefix="notes/", tag="nut", limit=1, offset=1) == ["notes/1.md"]
    assert names(prefix="plan_") == ["plan_a.md"]
    assert names(prefix="Notes/") == names(prefix="%") == names(tag="walnut") == []
    first = shared.ok("list_memories", limit=4, project_id=project)
    assert (first["total"], first["has_more"]) == (6, True)
    assert (first["memories"][0]["line"], first["memories"][0]["version"]) == ("Plan A.", 2)
    assert len(first["memories"][1]["line"]) == 121
    last = shared.ok("list_memories", limit=4, offset=4, project_id=project)
    assert (last["total"], last["has_more"], last["count"]) == (6, False, 2)
    beyond = shared.ok("list_memories", offset=50, project_id=project)
    assert (beyond["memories"], beyond["has_more"], beyond["total"]) == ([], False, 6)
    shared.bad("list_memories", "INVALID_ARGUMENT", "limit", limit=0)


def test_conversations_are_listed_the_last_used_first(shared: Session, project: str) -> None:
    for name in ("a", "b", "c", "a"):
        shared.ok("log_chat", content="hello", conversation_id=name, project_id=project)
    found = shared.ok("list_conversations", limit=2, project_id=project)
    assert [(one["conversation_id"], one["messages"]) for one in found["conversations"]] == [
        ("a", 2),
        ("c", 1),
    ]
    assert found["conversations"][0]["first_at"] < found["conversations"][0]["last_at"]
    assert (found["total"], found["has_more"]) == (3, True)
    rest = shared.ok("list_conversations", offset=2, project_id=project)
    assert [one["conversation_id"] for one in rest["conversations"]] == ["b"]
    assert shared.ok("list_conversations", project_id=project + "x")["total"] == 0
