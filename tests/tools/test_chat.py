"""The chat tools through a real client."""

import pytest

from tests.client import Session


def test_messages_are_kept_and_found_by_their_tool(shared: Session, project: str) -> None:
    first = shared.ok(
        "log_chat",
        content="Use tabs?\n",
        conversation_id="style; DROP TABLE x -- update",
        role="AI",
        agent_name="bot",
        metadata={"turn": 1},
        source_tool="claude-code",
        project_id=project,
    )
    second = shared.ok(
        "log_chat", content="No.", conversation_id="style; DROP TABLE x -- update", project_id=project
    )
    assert second["message_id"] > first["message_id"]
    assert first["timestamp"].endswith("Z")
    found = shared.ok("get_chats_by_tool", source_tool="claude-code", project_id=project)
    (message,) = found["messages"]
    assert message == {
        "message_id": first["message_id"],
        "conversation_id": "style; DROP TABLE x -- update",
        "role": "assistant",
        "content": "Use tabs?\n",
        "agent_name": "bot",
        "source_tool": "claude-code",
        "timestamp": first["timestamp"],
        "metadata": {"turn": 1},
    }
    assert found["total"] == found["count"] == 1
    assert shared.ok("get_chats_by_tool", source_tool="claude-code")["total"] == 0, "another project"
    assert shared.ok("get_chats_by_tool", source_tool="cursor", project_id=project)["messages"] == []


def test_conversations_that_called_a_tool_are_found(shared: Session, project: str) -> None:
    for n in range(3):
        shared.ok("log_chat", content=f"m{n}", conversation_id="c1", project_id=project)
    shared.ok("log_chat", content="elsewhere", conversation_id="c2", project_id=project)
    shared.ok("retrieve_memory", query="m", conversation_id="c1", project_id=project)
    found = shared.ok("get_chats_by_tool", source_tool="retrieve_memory", limit=2, project_id=project)
    assert [message["content"] for message in found["messages"]] == ["m2", "m1"]
    assert (found["total"], found["has_more"]) == (3, True)
    (conversation,) = found["conversations"]
    assert (conversation["conversation_id"], conversation["message_count"], conversation["call_count"]) == (
        "c1",
        3,
        1,
    )
    rest = shared.ok("get_chats_by_tool", source_tool="retrieve_memory", offset=2, project_id=project)
    assert [message["content"] for message in rest["messages"]] == ["m0"]


def test_an_answer_is_linked_to_what_was_retrieved_for_it(shared: Session, project: str) -> None:
    shared.ok("store_memory", file_name="a.md", content="kiwi", project_id=project)
    (hit,) = shared.ok("retrieve_memory", query="kiwi", conversation_id="c", project_id=project)["results"]
    user = shared.ok("log_chat", content="?", conversation_id="c", project_id=project)
    assert user["context_links"] == 0
    answer = shared.ok("log_chat", content="!", conversation_id="c", role="assistant", project_id=project)
    assert answer["context_links"] == 1
    later = shared.ok("log_chat", content="!!", conversation_id="c", role="assistant", project_id=project)
    assert later["context_links"] == 0, "nothing was retrieved since the last answer"
    given = shared.ok(
        "log_chat", content="x", conversation_id="d", context_chunk_ids=[hit["chunk_id"]], project_id=project
    )
    assert given["context_links"] == 1
    usage = shared.ok("get_context_usage_statistics", project_id=project)
    assert usage["links"]["unique_messages"] == 2
    assert usage["most_used_chunks"][0]["chunk_id"] == hit["chunk_id"]
    assert usage["most_used_chunks"][0]["uses"] == 3


@pytest.mark.parametrize(
    ("code", "field", "arguments"),
    [
        ("INVALID_ARGUMENT", "content", {"content": " "}),
        ("INVALID_ARGUMENT", "conversation_id", {"conversation_id": ""}),
        ("INVALID_ARGUMENT", "conversation_id", {"conversation_id": "a\nb"}),
        ("INVALID_ARGUMENT", "conversation_id", {"conversation_id": "x" * 256}),
        ("INVALID_ARGUMENT", "role", {"role": "boss"}),
        ("INVALID_ARGUMENT", "metadata", {"metadata": 3}),
        ("INVALID_ARGUMENT", "context_chunk_ids[0]", {"context_chunk_ids": ["x"]}),
        ("NOT_FOUND", "context_chunk_ids", {"context_chunk_ids": [999_999]}),
    ],
)
def test_log_chat_refuses(shared: Session, project: str, code: str, field: str, arguments: dict) -> None:
    good = {"content": "a", "conversation_id": "c", "source_tool": "t", "project_id": project}
    shared.bad("log_chat", code, field, **(good | arguments))
    assert shared.ok("get_chats_by_tool", source_tool="t", project_id=project)["total"] == 0


def test_a_chunk_of_another_project_is_not_found(shared: Session, project: str) -> None:
    shared.ok("store_memory", file_name="a.md", content="fig", project_id=project)
    (hit,) = shared.ok("retrieve_memory", query="fig", project_id=project)["results"]
    arguments = {"content": "a", "conversation_id": "c", "context_chunk_ids": [hit["chunk_id"]]}
    shared.bad("log_chat", "NOT_FOUND", "context_chunk_ids", **arguments, project_id=project + "_other")


def test_lists_show_previews_of_long_messages(shared: Session, project: str) -> None:
    told = {"conversation_id": "long", "source_tool": "long", "project_id": project}
    made = shared.ok("log_chat", content="word " * 1_000, **told)
    for found in (
        shared.ok("get_chats_by_tool", source_tool="long", project_id=project),
        shared.ok("get_chat_history", conversation_id="long", project_id=project),
    ):
        (message,) = found["messages"]
        assert (len(message["content"]), message["truncated"], message["characters"]) == (800, True, 5_000)
    whole = shared.ok("get_memory", message_id=made["message_id"])
    assert (len(whole["content"]), whole["characters"], "truncated" in whole) == (5_000, 5_000, False)


def test_a_search_shows_the_passage_of_a_long_message_that_answers(shared: Session, project: str) -> None:
    before = "".join(
        f"Line {number} of the log says that all is well with the plums. " for number in range(60)
    )
    answer = "The orchard gate has the code 4711."
    made = shared.ok(
        "log_chat", content=f"{before}\n\n{answer}\n\n{before}", conversation_id="log", project_id=project
    )
    shared.ok("log_chat", content=f"Of plums and gates. {answer}", conversation_id="log", project_id=project)
    chats = {"filters": {"sources": ["chat"]}, "project_id": project}
    found = shared.ok("advanced_context_search", query="code of the orchard gate", **chats)["results"]
    (log,) = [one for one in found if one["message_id"] == made["message_id"]]
    (short,) = [one for one in found if one["message_id"] != made["message_id"]]
    assert answer in log["content"]
    assert len(log["content"]) <= 600
    assert (log["truncated"], log["characters"]) == (True, 2 * len(before) + len(answer) + 4)
    rest = shared.ok("get_memory", message_id=made["message_id"], offset=log["offset"])
    assert rest["content"].startswith(log["content"])
    assert "truncated" not in short
    (log, *_) = shared.ok("retrieve_by_type", query="log of plums", doc_type="chat", project_id=project)[
        "results"
    ]
    assert log["offset"] == 0
    listed = shared.ok("advanced_context_search", query="", **chats)["results"]
    assert max(len(one["content"]) for one in listed) == 800, "without a query, the beginning"


def test_get_chats_by_tool_refuses(shared: Session) -> None:
    shared.bad("get_chats_by_tool", "INVALID_ARGUMENT", "source_tool", source_tool=" ")
    shared.bad("get_chats_by_tool", "INVALID_ARGUMENT", "limit", source_tool="t", limit=101)
