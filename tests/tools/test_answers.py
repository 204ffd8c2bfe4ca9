"""Answers from memory: what is quoted, from where, and what is said where there is none."""

import pytest

from tests.client import Session

RUNBOOK = """# Runbook of the payment service

## Retries

A charge that fails is tried again after one, five and thirty minutes; when the last
attempt fails, the order is put on hold and the customer gets an e-mail.

```python
def retry(charge):
    schedule(charge, minutes=(1, 5, 30))
```

## Certificates

The certificates of the gateway are renewed by hand every March.
"""

GARDEN = """# Garden

Tomatoes are sown in the greenhouse at the beginning of March. The water butt holds 200 litres.
"""


@pytest.fixture(scope="module")
def told(shared: Session) -> str:
    """A project with two documents, two conversations, todos and a code attempt."""
    project = "answers"
    shared.ok("store_memory", file_name="runbook.md", content=RUNBOOK, project_id=project)
    shared.ok("store_memory", file_name="garden.md", content=GARDEN, project_id=project)
    for conversation, day in (("here", "Thursday"), ("elsewhere", "Monday")):
        shared.ok(
            "log_chat",
            content=f"The next release of the mobile app goes out on {day}.",
            conversation_id=conversation,
            project_id=project,
        )
    todo = shared.ok("add_todo", title="Order new toner for the printer", project_id=project)
    shared.ok("complete_todo", todo_id=todo["todo_id"], project_id=project)
    shared.ok(
        "log_code_attempt",
        input_prompt="slugify a page title",
        generated_code="def slugify(title):\n    return '-'.join(title.lower().split())",
        result="pass",
        project_id=project,
    )
    return project


def ask(client: Session, project: str, query: str, conversation: str | None = None) -> dict:
    named = {} if conversation is None else {"conversation_id": conversation}
    return client.ok("ask_with_context", query=query, project_id=project, **named)


def test_a_wrapped_sentence_is_quoted_whole_and_alone(shared: Session, told: str) -> None:
    answer = ask(shared, told, "what happens to an order when a charge keeps failing")
    assert answer["answer"] == (
        "A charge that fails is tried again after one, five and thirty minutes; when the last attempt fails, "
        "the order is put on hold and the customer gets an e-mail. [1]"
    )
    (source,) = answer["sources"]
    assert (source["kind"], source["file_name"]) == ("memory", "runbook.md")
    assert source["quote"] in answer["answer"]


def test_other_words_find_the_sentence(shared: Session, told: str) -> None:
    assert "200 litres" in (ask(shared, told, "capacity of the rain barrel")["answer"] or "")


def test_code_is_quoted_only_where_it_is_asked_for(shared: Session, told: str) -> None:
    assert "def " not in ask(shared, told, "when is a failed charge tried again")["answer"]
    answer = ask(shared, told, "function to slugify a title")
    assert "def slugify" in answer["answer"]
    assert answer["sources"][0]["kind"] == "pattern"


def test_chats_answer_those_of_the_conversation_first(shared: Session, told: str) -> None:
    question = "when does the mobile app release go out"
    for conversation, day in (("here", "Thursday"), ("elsewhere", "Monday")):
        answer = ask(shared, told, question, conversation)
        first = answer["sources"][0]
        assert (first["kind"], first["conversation_id"]) == ("chat", conversation)
        assert day in first["quote"]


def test_a_question_is_no_answer(shared: Session, project: str) -> None:
    shared.ok("log_chat", content="Which port does the proxy use?", conversation_id="c", project_id=project)
    assert ask(shared, project, "Which port does the proxy use?", "c")["answer"] is None


def test_todos_answer_with_their_status(shared: Session, told: str) -> None:
    answer = ask(shared, told, "has toner for the printer been ordered")
    assert "Order new toner for the printer (todo, completed)" in answer["answer"]
    assert answer["sources"][0]["kind"] == "todo"


@pytest.mark.parametrize(
    "query",
    ["who won the world cup in 1998", "what is the capital of Mongolia", "how do I bake sourdough bread"],
)
def test_what_memory_does_not_hold_is_said_to_be_unknown(shared: Session, told: str, query: str) -> None:
    answer = ask(shared, told, query)
    assert (answer["answer"], answer["answer_mode"], answer["token_count"]) == (None, "none", 0)
    assert answer["note"] == "Memory holds no answer to this question."
    assert not any("quote" in source for source in answer["sources"])


def test_what_is_near_but_no_answer_is_marked_as_weak(shared: Session, told: str) -> None:
    answer = ask(shared, told, "who renews the domain name of the shop")
    assert answer["answer"] is None or answer["weak"] is True
    assert "no" in answer["note"]


def test_each_document_is_listed_once(shared: Session, project: str) -> None:
    for n in range(3):
        long = "\n\n".join(f"Paragraph {i} of the long document {n}. " * 20 for i in range(10))
        assert (
            shared.ok("store_memory", file_name=f"{n}.md", content=long, project_id=project)["chunk_count"]
            > 2
        )
    found = shared.ok("retrieve_by_type", query="", doc_type="document", top_k=10, project_id=project)
    assert (found["total"], found["count"]) == (3, 3)
    assert [one["file_name"] for one in found["results"]] == ["2.md", "1.md", "0.md"]
