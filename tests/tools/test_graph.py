"""The graph tools through a real client."""

import pytest

from tests.client import Session


def link(
    client: Session, project: str, source: object, target: object, relation: str, **more: object
) -> dict:
    return client.ok(
        "link_resources", source_id=source, target_id=target, relation=relation, project_id=project, **more
    )


def edges(answer: dict) -> list[tuple[str, str, str]]:
    return [(one["source_id"], one["relation"], one["target_id"]) for one in answer["relationships"]]


def test_links_keep_their_direction(shared: Session, project: str) -> None:
    first = link(shared, project, "api", "database", "Depends On", weight=0.5, properties={"why": "data"})
    assert first["relation"] == "depends_on"
    assert first["created"] is True
    assert first["created_nodes"] == ["api", "database"]
    again = link(shared, project, "api", "database", "depends_on", weight=0.7)
    assert (again["created"], again["edge_id"], again["created_nodes"]) == (False, first["edge_id"], [])
    link(shared, project, "web", "api", "calls")
    both = shared.ok("query_graph", entity="api", project_id=project)
    assert edges(both) == [("api", "depends_on", "database"), ("web", "calls", "api")]
    assert both["relationships"][0]["weight"] == 0.7
    assert both["relationships"][0]["inverse"] == "required_by"
    incoming = shared.ok("query_graph", entity="api", direction="INCOMING", project_id=project)
    assert edges(incoming) == [("web", "calls", "api")]
    outgoing = shared.ok("query_graph", entity="api", direction="outgoing", project_id=project)
    assert edges(outgoing) == [("api", "depends_on", "database")]
    only = shared.ok("query_graph", entity="api", relation_type=["calls"], project_id=project)
    assert edges(only) == [("web", "calls", "api")]


def test_walks_are_breadth_first_and_survive_cycles(shared: Session, project: str) -> None:
    for source, target in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e")):
        link(shared, project, source, target, "uses")
    near = shared.ok("query_graph", entity="a", direction="outgoing", max_depth=2, project_id=project)
    assert [(edge["source_id"], edge["depth"]) for edge in near["relationships"]] == [("a", 1), ("b", 2)]
    everything = shared.ok("query_graph", entity="a", max_depth=5, project_id=project)
    assert everything["count"] == 5
    assert {node["id"] for node in everything["nodes"]} == {"a", "b", "c", "d", "e"}
    cut = shared.ok("query_graph", entity="a", max_depth=5, limit=2, project_id=project)
    assert (cut["count"], cut["total"], cut["has_more"], cut["truncated"]) == (2, 5, True, True)


def test_links_are_read_in_pages(shared: Session, project: str) -> None:
    for number in range(5):
        link(shared, project, "a", f"b{number}", "uses")
        link(shared, project, f"b{number}", "c", "uses")
    for tool, name, lists in (
        ("query_graph", "entity", ["relationships"]),
        ("get_document_relationships", "doc_id", ["incoming", "outgoing", "indirect"]),
    ):
        seen: list[tuple[str, str]] = []
        more = True
        while more:
            page = shared.ok(tool, **{name: "a"}, max_depth=2, limit=4, offset=len(seen), project_id=project)
            shown = [edge for each in lists for edge in page[each]]
            seen += [(edge["source_id"], edge["target_id"]) for edge in shown]
            more = page["has_more"]
            assert page["truncated"] is more
            assert len(shown) <= 4
        assert len(seen) == len(set(seen)) == 10


def test_unknown_entities_suggest_near_names(shared: Session, project: str) -> None:
    link(shared, project, "billing-service", "queue", "uses")
    found = shared.ok("query_graph", entity="biling-servce", project_id=project)
    assert (found["entity_found"], found["count"]) == (False, 0)
    assert found["suggestions"] == ["billing-service"]


def test_memories_are_nodes_by_id_and_by_name(shared: Session, project: str) -> None:
    stored = shared.ok("store_memory", file_name="auth.md", content="tokens", project_id=project)
    made = link(shared, project, stored["resource_id"], "login", "documents", bidirectional=True)
    assert made["source_id"] == f"resource:{stored['resource_id']}"
    assert made["created_nodes"] == ["login"]
    assert made["reverse_edge_id"] != made["edge_id"]
    shared.ok("store_memory", file_name="auth.md", content="tokens, newer", project_id=project)
    by_name = shared.ok("query_graph", entity="auth.md", direction="outgoing", project_id=project)
    assert edges(by_name) == [(made["source_id"], "documents", "login")], "links of older versions are found"
    assert by_name["nodes"][0] == {"id": made["source_id"], "kind": "resource", "label": "auth.md"}
    relations = shared.ok("get_document_relationships", doc_id=str(stored["resource_id"]), project_id=project)
    assert relations["document"]["file_name"] == "auth.md"
    assert [edge["target_id"] for edge in relations["outgoing"]] == ["login"]
    assert [edge["source_id"] for edge in relations["incoming"]] == ["login"]
    assert relations["by_relation"] == {"documents": 2}
    assert relations["total_relationships"] == 2


def test_far_relationships_come_with_their_path(shared: Session, project: str) -> None:
    link(shared, project, "a", "b", "uses")
    link(shared, project, "b", "c", "uses")
    found = shared.ok("get_document_relationships", doc_id="a", max_depth=2, project_id=project)
    (far,) = found["indirect"]
    assert far["path"] == ["a", "b", "c"]
    assert "properties" not in found["outgoing"][0], "there are none"
    shared.ok(
        "link_resources",
        source_id="a",
        target_id="b",
        relation="uses",
        properties={"since": None},
        project_id=project,
    )
    found = shared.ok("get_document_relationships", doc_id="a", max_depth=2, project_id=project)
    assert found["outgoing"][0]["properties"] == {"since": None}, "what was stored comes back as it was"
    plain = shared.ok("get_document_relationships", doc_id="a", include_metadata=False, project_id=project)
    assert "properties" not in plain["outgoing"][0]


def test_similar_documents_are_linked_once(shared: Session, project: str) -> None:
    text = "The parser reads tokens from the lexer and builds a syntax tree of nodes"
    documents = [
        {"id": "one", "content": text},
        {"id": "two", "content": text + " quickly"},
        {"id": "three", "content": "Bananas ripen faster beside apples in a paper bag"},
        {"id": "none", "content": "..."},
    ]
    dry = shared.ok("auto_link_documents", documents=documents, dry_run=True, project_id=project)
    assert (dry["links_created"], len(dry["links"])) == (0, 1)
    assert shared.ok("query_graph", entity="one", project_id=project)["entity_found"] is False
    made = shared.ok("auto_link_documents", items=documents, project_id=project)
    assert (made["links_created"], made["links_updated"]) == (1, 0)
    assert {made["links"][0]["source_id"], made["links"][0]["target_id"]} == {"one", "two"}
    assert made["links"][0]["similarity"] >= 0.75
    assert [skip["id"] for skip in made["skipped"]] == ["none"]
    again = shared.ok("auto_link_documents", documents=documents, project_id=project)
    assert (again["links_created"], again["links_updated"]) == (0, 1)
    (edge,) = shared.ok("query_graph", entity="two", project_id=project)["relationships"]
    assert (edge["relation"], edge["auto"]) == ("similar_to", True)


def test_unlinked_documents_that_are_alike_are_suggested(shared: Session, project: str) -> None:
    texts = {
        "upload.md": "Retry the upload with exponential backoff when the gateway times out",
        "retry.md": "When the gateway times out, retry uploads with a growing backoff",
        "lunch.md": "Bananas ripen faster beside apples in a paper bag",
    }
    ids = {
        name: shared.ok("store_memory", file_name=name, content=text, project_id=project)["resource_id"]
        for name, text in texts.items()
    }
    found = shared.ok("get_document_relationships", doc_id=str(ids["upload.md"]), project_id=project)
    assert [one["file_name"] for one in found["suggestions"]] == ["retry.md"]
    assert 0.6 <= found["suggestions"][0]["similarity"] < 1
    link(shared, project, ids["upload.md"], ids["retry.md"], "references")
    found = shared.ok("get_document_relationships", doc_id=str(ids["upload.md"]), project_id=project)
    assert found["suggestions"] == []


def test_one_document_is_compared_with_what_is_stored(shared: Session, project: str) -> None:
    text = "Retry the upload with exponential backoff when the gateway times out"
    shared.ok("store_memory", file_name="x.md", content=text, project_id=project)
    new = shared.ok("store_memory", file_name="y.md", content=text + " again", project_id=project)
    made = shared.ok("auto_link_documents", documents=[{"id": new["resource_id"]}], project_id=project)
    assert made["links_created"] == 1


@pytest.mark.parametrize(
    ("tool", "code", "field", "arguments"),
    [
        ("link_resources", "INVALID_ARGUMENT", "source_id", {"source_id": " "}),
        ("link_resources", "INVALID_ARGUMENT", "target_id", {"target_id": "a"}),
        ("link_resources", "INVALID_ARGUMENT", "relation", {"relation": "9 lives"}),
        ("link_resources", "INVALID_ARGUMENT", "relation", {"relation": ""}),
        ("link_resources", "INVALID_ARGUMENT", "weight", {"weight": 1.5}),
        ("link_resources", "INVALID_ARGUMENT", "weight", {"weight": "heavy"}),
        ("query_graph", "INVALID_ARGUMENT", "max_depth", {"max_depth": 6}),
        ("query_graph", "INVALID_ARGUMENT", "direction", {"direction": "up"}),
        ("query_graph", "INVALID_ARGUMENT", "entity", {"entity": ""}),
        ("auto_link_documents", "INVALID_ARGUMENT", "documents", {"documents": []}),
        ("auto_link_documents", "INVALID_ARGUMENT", "documents[0].id", {"documents": [{"content": "a"}]}),
        (
            "auto_link_documents",
            "INVALID_ARGUMENT",
            "documents[1].id",
            {"documents": [{"id": "a", "content": "x"}] * 2},
        ),
        ("auto_link_documents", "NOT_FOUND", "documents[0].id", {"documents": [{"id": "gone"}]}),
        ("get_document_relationships", "NOT_FOUND", "doc_id", {"doc_id": "gone"}),
    ],
)
def test_graph_tools_refuse(
    shared: Session, project: str, tool: str, code: str, field: str, arguments: dict
) -> None:
    good = {
        "link_resources": {"source_id": "a", "target_id": "b", "relation": "uses"},
        "query_graph": {"entity": "a"},
    }.get(tool, {})
    shared.bad(tool, code, field, project_id=project, **(good | arguments))
    assert shared.ok("query_graph", entity="a", project_id=project)["entity_found"] is False


def test_a_link_again_keeps_what_is_left_out(shared: Session, project: str) -> None:
    made = link(shared, project, "api", "redis", "uses")
    assert made["weight"] == 1.0
    link(shared, project, "api", "redis", "uses", weight=0.3, properties={"why": "cache"})
    again = link(shared, project, "api", "redis", "uses")
    assert (again["created"], again["weight"]) == (False, 0.3)
    found = shared.ok("get_document_relationships", doc_id="api", project_id=project)
    assert [(one["weight"], one["properties"]) for one in found["outgoing"]] == [(0.3, {"why": "cache"})]


def test_what_ltmc_links_leaves_a_link_made_by_hand(shared: Session, project: str) -> None:
    text = "Rotate the signing keys every ninety days"
    documents = [{"id": name, "content": text} for name in ("a", "b")]
    link(shared, project, "a", "b", "similar_to", weight=0.2, properties={"why": "told"})
    made = shared.ok("auto_link_documents", documents=documents, project_id=project)
    assert (made["links_created"], made["links_updated"]) == (0, 0)
    found = shared.ok("get_document_relationships", doc_id="a", project_id=project)["outgoing"]
    assert [(one["weight"], one["auto"], one["properties"]) for one in found] == [
        (0.2, False, {"why": "told"})
    ]


def test_names_differ_by_more_than_their_case(shared: Session, project: str) -> None:
    link(shared, project, "Redis", "cache", "serves")
    again = link(shared, project, "redis", "CACHE", "serves")
    assert (again["created"], again["source_id"], again["target_id"]) == (False, "Redis", "cache")
    link(shared, project, "Äpfel", "rEdis", "uses")
    assert link(shared, project, "äpfel", "redis", "uses")["created_nodes"] == []
    found = shared.ok("query_graph", entity="REDIS", project_id=project)
    assert (found["entity"], found["entity_found"], found["count"]) == ("Redis", True, 2)
    stored = shared.ok("store_memory", file_name="Notes.md", content="Notes", project_id=project)
    made = link(shared, project, "notes.md", "redis", "mentions")
    assert (made["source_id"], made["created_nodes"]) == (f"resource:{stored['resource_id']}", [])
    shared.bad("link_resources", "INVALID_ARGUMENT", "target_id", source_id="Redis", target_id="redis",
               relation="uses", project_id=project)  # fmt: skip
    shared.bad("link_resources", "INVALID_ARGUMENT", "target_id", source_id="New", target_id="NEW",
               relation="uses", project_id=project)  # fmt: skip
    twins = [{"id": "twin", "content": "Same."}, {"id": "Twin", "content": "Same."}]
    shared.bad(
        "auto_link_documents", "INVALID_ARGUMENT", "documents[1].id", documents=twins, project_id=project
    )
    other = shared.ok("store_memory", file_name="notes.md", content="Other", project_id=project)
    exact = link(shared, project, "notes.md", "redis", "mentions")
    assert exact["source_id"] == f"resource:{other['resource_id']}", "the exact name comes first"


@pytest.mark.parametrize(
    "wrong", [987654321, "987654321", "resource:987654321", "-7", "9" * 40, "bp_0123456789ab"]
)
def test_a_mistyped_id_makes_no_node(shared: Session, project: str, wrong: object) -> None:
    for field, ends in (
        ("source_id", {"source_id": wrong, "target_id": "b"}),
        ("target_id", {"source_id": "a", "target_id": wrong}),
    ):
        error = shared.bad("link_resources", "NOT_FOUND", field, **ends, relation="uses", project_id=project)
        assert str(wrong)[:9] in error["error"]
    documents = [{"id": wrong, "content": "A text."}, {"id": "b", "content": "A text."}]
    shared.bad("auto_link_documents", "NOT_FOUND", "documents[0].id", documents=documents, project_id=project)
    for entity in ("a", "b", str(wrong)):
        assert shared.ok("query_graph", entity=entity, project_id=project)["entity_found"] is False


def test_a_memory_without_links_is_found(shared: Session, project: str) -> None:
    stored = shared.ok("store_memory", file_name="alone.md", content="Alone", project_id=project)
    node = {"id": f"resource:{stored['resource_id']}", "kind": "resource", "label": "alone.md"}
    for entity in ("alone.md", "ALONE.md", stored["resource_id"], str(stored["resource_id"]), node["id"]):
        found = shared.ok("query_graph", entity=entity, project_id=project)
        assert (found["entity"], found["entity_found"], found["nodes"]) == (node["id"], True, [node])
        assert found["relationships"] == []


def test_a_memory_has_one_name_in_the_graph(shared: Session, project: str) -> None:
    text = "Rotate the signing keys every ninety days"
    one, two = (
        shared.ok("store_memory", file_name=name, content=text, project_id=project)["resource_id"]
        for name in ("one.md", "two.md")
    )
    found = shared.ok("get_document_relationships", doc_id=one, project_id=project)
    assert (found["doc_id"], found["document"]["id"]) == (f"resource:{one}", f"resource:{one}")
    assert [suggestion["id"] for suggestion in found["suggestions"]] == [f"resource:{two}"]
    assert "resource_id" not in found["document"] | found["suggestions"][0]
    linked = shared.ok(
        "auto_link_documents", documents=[{"id": str(one)}, {"id": f"resource:{two}"}], project_id=project
    )["links"][0]
    assert {linked["source_id"], linked["target_id"]} == {f"resource:{one}", f"resource:{two}"}
    for name in (two, str(two), f"resource:{two}"):
        assert shared.ok("get_memory", resource_id=name)["file_name"] == "two.md"
    assert shared.ok("delete_memory", resource_id=f"resource:{two}")["deleted"] is True
    shared.bad("get_memory", "INVALID_ARGUMENT", "resource_id", resource_id="resource:two")
