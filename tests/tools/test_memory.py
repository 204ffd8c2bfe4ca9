"""The memory tools through a real client; what was stored is read back by another tool."""

import pytest

from tests.client import Session

TEXT = "The billing service retries failed payments three times.\nIt waits 5 minutes between tries.\n"


def store(
    client: Session, project: str, name: str = "billing.md", content: str = TEXT, **more: object
) -> dict:
    return client.ok("store_memory", file_name=name, content=content, project_id=project, **more)


def test_stored_text_is_found_byte_for_byte(shared: Session, project: str) -> None:
    text = "Quotes \"'`, signs <>:|?*;&$ \\ and \ttabs\r\nstay — 漢字 🎉 zebra\n"
    stored = store(shared, project, content=text, tags=["Ops", "ops "], metadata={"team": "pay"})
    assert stored["chunk_count"] == 1
    assert stored["version"] == 1
    assert stored["deduplicated"] is False
    found = shared.ok("retrieve_memory", query="zebra", include_context=True, project_id=project)
    (result,) = found["results"]
    assert result["content"] == text
    assert result["resource_id"] == stored["resource_id"]
    assert result["tags"] == ["ops"]
    assert result["file_name"] == "billing.md"
    assert found["total"] == found["count"] == 1
    assert text in found["context"]
    plain = shared.ok("retrieve_memory", query="zebra", project_id=project)
    assert "context" not in plain, "no text stands in an answer twice"


def test_same_content_is_stored_once(shared: Session, project: str) -> None:
    first = store(shared, project)
    again = store(shared, project)
    assert again["deduplicated"] is True
    assert again["resource_id"] == first["resource_id"]
    assert again["chunk_count"] == first["chunk_count"]
    assert shared.ok("retrieve_memory", query="payments", project_id=project)["total"] == 1


def test_another_text_of_a_name_takes_the_place_of_the_one_before(shared: Session, project: str) -> None:
    store(shared, project)
    second = store(shared, project, content=TEXT + "Since May it waits longer.")
    assert second["version"] == 2
    found = shared.ok("retrieve_memory", query="payments", project_id=project)
    assert [result["resource_id"] for result in found["results"]] == [second["resource_id"]]
    third = store(shared, project, content="Payments are never tried again.", on_conflict="replace")
    assert third["version"] == 3
    found = shared.ok("retrieve_memory", query="payments", project_id=project)
    assert [result["resource_id"] for result in found["results"]] == [third["resource_id"]]


def test_the_number_of_a_version_names_one_text(shared: Session, project: str) -> None:
    def store(text: str) -> dict:
        return shared.ok("store_memory", file_name="bus.md", content=text, project_id=project)

    store("Kafka")
    nats = store("NATS")
    undo = shared.ok("delete_memory", resource_id=nats["resource_id"])["undo"]
    assert store("Zenoh")["version"] == 3
    shared.bad("get_memory", "NOT_FOUND", file_name="bus.md", version=2, project_id=project)
    history = shared.ok("memory_history", file_name="bus.md", project_id=project)
    assert [one["version"] for one in history["versions"]] == [3, 1]
    shared.bad("forget", "CONFLICT", undo=undo, project_id=project)
    chosen = {"kind": "memory", "ids": ["bus.md"], "project_id": project}
    shared.ok("forget", **chosen, confirm=shared.ok("forget", **chosen)["confirm"])
    changed = store("MQTT")
    assert changed["version"] == 4
    shared.ok("delete_memory", resource_id=changed["resource_id"])
    store("AMQP")
    updated = shared.ok("update_memory", file_name="bus.md", content="Redis", project_id=project)
    assert updated["version"] == 6
    shared.bad("get_memory", "NOT_FOUND", file_name="bus.md", version=4, project_id=project)


def test_conflict_is_refused_on_request(shared: Session, project: str) -> None:
    store(shared, project)
    shared.bad(
        "store_memory",
        "CONFLICT",
        "file_name",
        file_name="billing.md",
        content="other",
        on_conflict="error",
        project_id=project,
    )
    assert store(shared, project, on_conflict="error")["deduplicated"] is True
    assert shared.ok("retrieve_memory", query="other", project_id=project)["weak"] is True


def test_long_text_is_cut_into_chunks_that_cover_it(shared: Session, project: str) -> None:
    text = "\n\n".join(
        f"# Part {n}\nParagraph {n} says pineapple{n} " + "and more words " * 150 for n in range(12)
    )
    stored = store(shared, project, content=text)
    assert stored["chunk_count"] > 12 / 2
    for n in (0, 5, 11):
        (result, *_) = shared.ok("retrieve_memory", query=f"pineapple{n}", project_id=project)["results"]
        assert f"pineapple{n} " in result["content"]
    found = shared.ok("retrieve_memory", query="paragraph", top_k=50, project_id=project)
    assert found["count"] == found["total"] == 1, "the best chunk of one memory"


def test_text_without_punctuation_or_spaces_is_stored_whole(shared: Session, project: str) -> None:
    stored = store(shared, project, content="x" * 20_000 + " needle")
    assert stored["chunk_count"] > 1
    assert shared.ok("retrieve_memory", query="needle", project_id=project)["total"] == 1


def test_projects_do_not_see_each_other(shared: Session, project: str) -> None:
    store(shared, project + "_a")
    store(shared, project + "_b", content="payments elsewhere")
    found = shared.ok("retrieve_memory", query="payments", project_id=project + "_a")
    assert [result["content"] for result in found["results"]] == [TEXT]
    assert shared.ok("retrieve_memory", query="payments", project_id=project)["total"] == 0


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("content", {"content": ""}),
        ("content", {"content": " \n "}),
        ("content", {"content": "nul \x00"}),
        ("content", {"content": "x" * 1_000_001}),
        ("content", {"content": 7}),
        ("content", {"content": None}),
        ("file_name", {"file_name": ""}),
        ("file_name", {"file_name": "/etc/passwd"}),
        ("file_name", {"file_name": "a/../b"}),
        ("file_name", {"file_name": "x" * 256}),
        ("resource_type", {"resource_type": "film"}),
        ("on_conflict", {"on_conflict": "merge"}),
        ("tags", {"tags": "one"}),
        ("tags", {"tags": ["x" * 65]}),
        ("tags", {"tags": [f"t{n}" for n in range(33)]}),
        ("metadata", {"metadata": ["list"]}),
        ("project_id", {"project_id": "a b"}),
        ("fileName", {"fileName": "b.md"}),
    ],
)
def test_store_memory_refuses(shared: Session, project: str, field: str, arguments: dict) -> None:
    good = {"file_name": "a.md", "content": "text", "project_id": project}
    error = shared.bad("store_memory", "INVALID_ARGUMENT", field, **(good | arguments))
    assert field in error["error"]
    assert error["details"]
    assert shared.ok("retrieve_by_type", query="", doc_type="document", project_id=project)["total"] == 0


def test_missing_argument_and_unknown_argument_are_named(shared: Session) -> None:
    assert "required" in shared.bad("store_memory", "INVALID_ARGUMENT", "content", file_name="a")["error"]
    error = shared.bad("store_memory", "INVALID_ARGUMENT", "contnt", file_name="a", contnt="b")
    assert "accepted: file_name, content" in error["error"]


def test_enum_values_and_older_names_are_accepted(shared: Session, project: str) -> None:
    assert store(shared, project, resource_type="CODE", content="def f(): pass")["resource_type"] == "code"
    assert shared.ok("ask_with_context", question="def", context_limit=3, project_id=project)["sources"]
    shared.bad("ask_with_context", "INVALID_ARGUMENT", "query", question="a", query="b")


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("query", {"query": "  "}),
        ("query", {"query": "x" * 2001}),
        ("top_k", {"top_k": 0}),
        ("top_k", {"top_k": 51}),
        ("top_k", {"top_k": "5 or so"}),
        ("top_k", {"top_k": True}),
        ("top_k", {"top_k": 1.5}),
        ("min_score", {"min_score": 1.1}),
        ("resource_type", {"resource_type": "chat"}),
        ("conversation_id", {"conversation_id": "\n"}),
        ("offset", {"offset": -1}),
    ],
)
def test_retrieve_memory_refuses(shared: Session, field: str, arguments: dict) -> None:
    shared.bad("retrieve_memory", "INVALID_ARGUMENT", field, **({"query": "a"} | arguments))


def test_empty_memory_is_an_empty_success(shared: Session, project: str) -> None:
    found = shared.ok("retrieve_memory", query="anything", project_id=project)
    assert (found["results"], found["total"]) == ([], 0)


def test_retrieval_filters_pages_and_labels(shared: Session, project: str) -> None:
    for n in range(7):
        store(shared, project, f"n{n}.md", f"walnut number {n}", resource_type="note" if n % 2 else "code")
    pages = [
        shared.ok("retrieve_memory", query="walnut", top_k=3, offset=offset, project_id=project)
        for offset in (0, 3, 6)
    ]
    assert [page["count"] for page in pages] == [3, 3, 1]
    assert [page["has_more"] for page in pages] == [True, True, False]
    assert {page["total"] for page in pages} == {7}
    names = [result["file_name"] for page in pages for result in page["results"]]
    assert sorted(names) == [f"n{n}.md" for n in range(7)]
    notes = shared.ok("retrieve_memory", query="walnut", resource_type="note", project_id=project)
    assert {result["file_name"] for result in notes["results"]} == {"n1.md", "n3.md", "n5.md"}
    scores = [result["score"] for result in pages[0]["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_retrieval_writes_no_chat_message(shared: Session, project: str) -> None:
    store(shared, project)
    shared.ok("retrieve_memory", query="payments", conversation_id="c1", project_id=project)
    usage = shared.ok("get_context_usage_statistics", project_id=project)
    assert usage["conversations"]["messages"] == 0
    assert usage["retrieval"]["total_queries"] == 1
    assert usage["links"]["total_context_links"] == 1


@pytest.mark.parametrize(
    "query", ['"', "'", "a AND", "NEAR(", "x*", "-x", "col:x", "(", "%", "_", "\\", "🎉", "^"]
)
def test_no_query_text_is_a_syntax_error(shared: Session, project: str, query: str) -> None:
    shared.ok("retrieve_memory", query=query, project_id=project)
    shared.ok("search_todos", query=query, project_id=project)
    shared.ok("get_code_patterns", query=query, project_id=project)
    shared.ok("analyze_code_patterns", query=query, project_id=project)


def test_answers_quote_their_sources(shared: Session, project: str) -> None:
    store(shared, project)
    store(shared, project, "lunch.md", "Lunch is at noon. The billing team eats fish.")
    shared.ok("log_chat", content="We talked of payments.", conversation_id="c", project_id=project)
    answer = shared.ok(
        "ask_with_context",
        query="How often are failed payments retried?",
        conversation_id="c",
        include_context=True,
        project_id=project,
    )
    assert "retries failed payments three times." in answer["answer"]
    assert answer["answer_mode"] == "extractive"
    assert answer["sources"][0]["file_name"] == "billing.md"
    assert answer["sources"][0]["quote"] in TEXT
    assert [message["content"] for message in answer["history"]] == ["We talked of payments."]
    assert "We talked of payments." in answer["context"]
    small = shared.ok("ask_with_context", query="failed payments", max_tokens=16, project_id=project)
    assert small["token_count"] <= 16
    assert "context" not in small


def test_no_answer_is_said_plainly(shared: Session, project: str) -> None:
    answer = shared.ok("ask_with_context", query="payments", project_id=project)
    assert answer["answer"] is None
    assert answer["answer_mode"] == "none"
    assert answer["note"]
    shared.bad("ask_with_context", "INVALID_ARGUMENT", "max_tokens", query="a", max_tokens=15)


def test_context_is_packed_into_its_budget(shared: Session) -> None:
    documents = [
        {"id": "low", "content": "small one", "score": 0.1},
        {"id": "big", "content": "First sentence here. " + "Word " * 500, "score": 0.9},
        {"id": "top", "content": "the best", "title": "Best", "score": 1.0},
    ]
    packed = shared.ok("build_context", documents=documents, max_tokens=40)
    assert packed["included_ids"] == ["top", "big", "low"]
    assert packed["truncated_ids"] == ["big"]
    assert packed["token_count"] <= 40
    assert "First sentence here. [cut]" in packed["context"]
    assert packed["context"].startswith("## Best\nthe best")
    tiny = shared.ok("build_context", documents=documents[1:2], token_limit=16)
    assert 0 < tiny["token_count"] <= 16


def test_context_of_nothing_and_of_a_query(shared: Session, project: str) -> None:
    empty = shared.ok("build_context", documents=[])
    assert (empty["context"], empty["token_count"]) == ("", 0)
    store(shared, project)
    found = shared.ok("build_context", query="payments", project_id=project)
    assert "retries failed payments" in found["context"]
    shared.bad("build_context", "INVALID_ARGUMENT", "documents")
    shared.bad("build_context", "INVALID_ARGUMENT", "documents[1].content", documents=[{"content": "a"}, {}])
    shared.bad("build_context", "INVALID_ARGUMENT", "documents[0].content", documents=[{"content": 1}])


def test_recall_by_type_filters_before_the_cut(shared: Session, project: str) -> None:
    for n in range(8):
        store(shared, project, f"doc{n}.md", f"mango mango mango {n}")
    store(shared, project, "one.txt", "a mango note", resource_type="note")
    shared.ok("add_todo", title="buy a mango", project_id=project)
    shared.ok("log_chat", content="mango?", conversation_id="c", project_id=project)
    shared.ok(
        "log_code_attempt", input_prompt="mango", generated_code="eat()", result="pass", project_id=project
    )

    def recall(doc_type: str, query: str = "mango") -> dict:
        return shared.ok("retrieve_by_type", query=query, doc_type=doc_type, top_k=1, project_id=project)

    assert recall("note")["results"][0]["file_name"] == "one.txt"
    assert recall("document")["total"] == 8
    assert recall("todo")["results"][0]["title"] == "buy a mango"
    assert recall("chat")["results"][0]["content"] == "mango?"
    assert recall("pattern")["results"][0]["content"] == "eat()"
    assert recall("Document", query="")["results"][0]["file_name"] == "doc7.md", "blank: the newest"
    error = shared.bad("retrieve_by_type", "INVALID_ARGUMENT", "doc_type", query="a", doc_type="film")
    assert "note" in error["error"]


def test_filters_narrow_across_keys_and_widen_inside_lists(shared: Session, project: str) -> None:
    store(shared, project, "src/a.py", "def plum():\n    return 1\n", resource_type="code", tags=["x", "y"])
    store(shared, project, "b.md", "plum jam", tags=["x"], metadata={"lang": "en", "n": 3})
    for role, agent in (("user", "ann"), ("ai", "bot")):
        shared.ok(
            "log_chat",
            content=f"plum from {agent}",
            conversation_id="talk",
            role=role,
            agent_name=agent,
            metadata={"lang": "de"},
            project_id=project,
        )
    shared.ok(
        "log_code_attempt",
        input_prompt="plum",
        generated_code="fn plum() {}",
        result="pass",
        project_id=project,
    )

    def search(query: str = "plum", **filters: object) -> list[str]:
        found = shared.ok(
            "advanced_context_search",
            query=query,
            filters={key.replace("__", "."): value for key, value in filters.items()},
            top_k=50,
            project_id=project,
        )
        assert sorted(found["filters_applied"]) == sorted(key.replace("__", ".") for key in filters)
        return sorted(str(result.get("file_name") or result["content"]) for result in found["results"])

    assert len(search()) == 5
    assert search(sources=["chat"]) == ["plum from ann", "plum from bot"]
    assert search(role="assistant") == ["plum from bot"]
    assert search(agent_name=["ann", "bot"], conversation_id="talk") == ["plum from ann", "plum from bot"]
    assert search(tags_any=["y", "z"]) == ["src/a.py"]
    assert search(tags_all=["x"]) == ["b.md", "src/a.py"]
    assert search(tags_all=["x", "y"]) == ["src/a.py"]
    assert search(file_name="src/*") == ["src/a.py"]
    assert search(language="Python") == ["src/a.py"]
    assert search(language="rust") == ["fn plum() {}"]
    assert search(complexity=["trivial"]) == ["fn plum() {}", "src/a.py"]
    assert search(metadata__lang=["en", "fr"]) == ["b.md"]
    assert search(metadata__n=3) == ["b.md"]
    assert search(resource_type="document") == ["b.md"]
    assert search(query="", resource_type=["document", "code"]) == ["b.md", "src/a.py"]
    assert search(date_to="2001-01-01") == []
    assert len(search(date_from="2001-01-01", date_to="2999-12-31")) == 5
    assert search(min_score=1) == []


@pytest.mark.parametrize(
    ("field", "filters"),
    [
        ("filters.colour", {"colour": "red"}),
        ("filters.date_from", {"date_from": "yesterday"}),
        ("filters.date_from", {"date_from": "2026-02-01", "date_to": "2026-01-01"}),
        ("filters.sources", {"sources": ["mail"]}),
        ("filters.role", {"role": "boss"}),
        ("filters.min_score", {"min_score": 2}),
        ("filters.tags_any", {"tags_any": [1]}),
        ("filters.file_name", {"file_name": []}),
    ],
)
def test_filters_are_checked(shared: Session, field: str, filters: dict) -> None:
    error = shared.bad("advanced_context_search", "INVALID_ARGUMENT", field, query="a", filters=filters)
    if field == "filters.colour":
        assert "tags_any" in error["error"]


def test_blank_search_needs_a_filter(shared: Session) -> None:
    shared.bad("advanced_context_search", "INVALID_ARGUMENT", "query", query=" ")


def test_routing_runs_the_search_it_recommends(shared: Session, project: str) -> None:
    shared.ok("add_todo", title="water the ferns", project_id=project)
    store(shared, project)
    todo = shared.ok("route_query", query="which todo tasks are pending?", project_id=project)
    assert todo["recommended_method"] == "todo_search"
    assert todo["results"][0]["title"] == "water the ferns"
    shares = [todo["confidence"], *(other["confidence"] for other in todo["alternatives"])]
    assert sum(shares) == pytest.approx(1, abs=0.001)
    only = shared.ok(
        "route_query", query="failed payments", available_methods=["keyword_search"], project_id=project
    )
    assert only["recommended_method"] == "keyword_search"
    assert only["results"][0]["file_name"] == "billing.md"
    fallen = shared.ok("route_query", query="what was said in the discussion of payments", project_id=project)
    assert fallen["recommended_method"] == "chat_history"
    assert fallen["fallback_used"] is True
    assert fallen["results"][0]["file_name"] == "billing.md"
    dry = shared.ok("route_query", query="payments", execute=False, project_id=project)
    assert "results" not in dry
    shared.bad("route_query", "INVALID_ARGUMENT", "available_methods", query="a", available_methods=[])
    shared.bad("route_query", "INVALID_ARGUMENT", "available_methods", query="a", available_methods=["magic"])


def test_a_text_of_an_earlier_version_is_a_new_version(shared: Session, project: str) -> None:
    for text in ("We use Kafka.", "We use NATS."):
        shared.ok("store_memory", file_name="bus.md", content=text, project_id=project)
    back = shared.ok(
        "store_memory",
        file_name="bus.md",
        content="We use Kafka.",
        on_conflict="replace",
        tags=["bus"],
        metadata={"by": "ann"},
        project_id=project,
    )
    assert (back["deduplicated"], back["version"]) == (False, 3)
    found = shared.ok("retrieve_memory", query="which bus do we use", project_id=project)
    assert [(one["content"], one["tags"]) for one in found["results"]] == [("We use Kafka.", ["bus"])]
    read = shared.ok("get_memory", resource_id=back["resource_id"], project_id=project)
    assert (read["metadata"], read["archived"]) == ({"by": "ann"}, False)


def test_the_same_text_again_takes_what_is_new_of_the_rest(shared: Session, project: str) -> None:
    text = "def area(r):\n    return 3.14 * r * r\n"
    older = shared.ok("store_memory", file_name="area.py", content="pass", project_id=project)
    first = shared.ok(
        "store_memory",
        file_name="area.py",
        content=text,
        tags=["Geometry"],
        metadata={"unit": "m2"},
        project_id=project,
    )
    again = shared.ok(
        "store_memory",
        file_name="area.py",
        content=text,
        resource_type="code",
        tags=["circle"],
        on_conflict="replace",
        project_id=project,
    )
    assert (again["resource_id"], again["deduplicated"]) == (first["resource_id"], True)
    assert (again["changed_fields"], again["resource_type"]) == (["resource_type", "tags"], "code")
    read = shared.ok("get_memory", resource_id=first["resource_id"], project_id=project)
    assert (read["resource_type"], read["tags"], read["metadata"]) == ("code", ["circle"], {"unit": "m2"})
    found = shared.ok("advanced_context_search", query="", filters={"language": "python"}, project_id=project)
    assert [one["resource_id"] for one in found["results"]] == [first["resource_id"]]
    assert shared.ok("retrieve_memory", query="circle", project_id=project)["total"] == 1, "found by its tag"
    assert shared.ok("get_memory", resource_id=older["resource_id"], project_id=project)["archived"] is True
    third = shared.ok(
        "store_memory", file_name="area.py", content=text, tags=[], metadata={}, project_id=project
    )
    assert (third["deduplicated"], third["changed_fields"]) == (True, [])
    read = shared.ok("get_memory", resource_id=first["resource_id"], project_id=project)
    assert (read["resource_type"], read["tags"], read["metadata"]) == ("code", ["circle"], {"unit": "m2"})


def test_links_outlive_the_versions_of_what_they_link(shared: Session, project: str) -> None:
    def links() -> list[tuple[str, str]]:
        found = shared.ok("query_graph", entity="plan.md", project_id=project)
        return sorted((one["relation"], one["target_id"]) for one in found["relationships"])

    first = shared.ok("store_memory", file_name="plan.md", content="Plan one", project_id=project)
    for relation, target in (("uses", "redis"), ("needs", "kafka")):
        shared.ok(
            "link_resources", source_id="plan.md", target_id=target, relation=relation, project_id=project
        )
    second = shared.ok("store_memory", file_name="plan.md", content="Plan two", project_id=project)
    shared.ok(
        "link_resources",
        source_id="plan.md",
        target_id="redis",
        relation="uses",
        weight=0.5,
        project_id=project,
    )
    shared.ok(
        "link_resources",
        source_id=second["resource_id"],
        target_id=first["resource_id"],
        relation="replaces",
        project_id=project,
    )
    gone = shared.ok("delete_memory", resource_id=first["resource_id"], project_id=project)
    assert gone["removed"]["links"] == 2, "what the newer version has too, and that between the two"
    assert links() == [("needs", "kafka"), ("uses", "redis")]
    found = shared.ok("query_graph", entity=second["resource_id"], relation_type="uses", project_id=project)
    assert found["relationships"][0]["weight"] == 0.5, "the link of the version that stays is kept"
    third = shared.ok(
        "store_memory", file_name="plan.md", content="Plan three", on_conflict="replace", project_id=project
    )
    shared.ok("delete_memory", resource_id=second["resource_id"], project_id=project)
    assert links() == [("needs", "kafka"), ("uses", "redis")], "an archived version is deleted"
    gone = shared.ok("delete_memory", resource_id=third["resource_id"], project_id=project)
    assert (gone["removed"]["links"], links()) == (2, [])


def test_filters_of_any_size_answer(shared: Session, project: str) -> None:
    store(shared, project, "big.md", "Some plums.", metadata={"n": 2**70, "kind": "fruit"}, tags=["plum"])

    def search(**filters: object) -> list[str]:
        found = shared.ok(
            "advanced_context_search",
            query="",
            filters={key.replace("__", "."): value for key, value in filters.items()},
            project_id=project,
        )
        return [one["file_name"] for one in found["results"]]

    many = [f"v{n}" for n in range(999)]
    assert search(metadata__n=2**70) == ["big.md"]
    assert search(metadata__n=2**71) == []
    assert search(metadata__kind=[*many, "fruit"], file_name=[*many, "b*g.md"]) == ["big.md"]
    assert search(tags_any=[*many, "plum"]) == ["big.md"]
    assert search(**{f"metadata__k{n}": n for n in range(100)}) == []
    for filters, field, named in (
        ({"metadata.kind": ["x"] * 40_000}, "filters.metadata.kind", "1 to 1000 values"),
        ({"file_name": many + many}, "filters.file_name", "1 to 1000 values"),
        ({f"metadata.k{n}": n for n in range(2_000)}, "filters", "at most 100 keys"),
    ):
        refused = shared.bad(
            "advanced_context_search", "INVALID_ARGUMENT", field, query="plum", filters=filters
        )
        assert named in refused["error"]
