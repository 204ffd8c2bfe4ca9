"""The blueprint tools through a real client."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client import Session

UNKNOWN = "bp_000000000000"
PHASED = """Rework the importer:
1. read the old format
2. write the new format with checks
3. compare both on production data
4. switch over
"""


def make(client: Session, project: str, title: str = "A task", **more: Any) -> dict[str, Any]:
    more.setdefault("description", f"Do it: {title}.")
    return client.ok("create_task_blueprint", title=title, project_id=project, **more)


def need(client: Session, later: dict, earlier: dict, **more: Any) -> dict[str, Any]:
    return client.ok(
        "add_blueprint_dependency",
        dependent_blueprint_id=later["blueprint_id"],
        prerequisite_blueprint_id=earlier["blueprint_id"],
        **more,
    )


def status(client: Session, blueprint: dict) -> str:
    return client.ok("get_blueprint", blueprint_id=blueprint["blueprint_id"])["status"]


def test_a_blueprint_is_stored_as_given(shared: Session, project: str) -> None:
    made = make(
        shared,
        project,
        "Index the archive",
        description="Build a search index\nwith <tags> & 'quotes'.",
        estimated_duration_minutes=125,
        required_skills=[" Python ", "SQL", "python"],
        priority_score=0.25,
        tags=["Search", "search"],
        resource_requirements={"gpu": 1},
    )
    assert made["blueprint_id"].startswith("bp_")
    assert len(made["blueprint_id"]) == 15
    assert (made["kind"], made["status"], made["parent_id"]) == ("task", "draft", None)
    assert made["required_skills"] == ["python", "sql"]
    assert made["tags"] == ["search"]
    stored = shared.ok("get_blueprint", blueprint_id=made["blueprint_id"])
    assert {key: stored[key] for key in made if key != "success"} == {
        key: value for key, value in made.items() if key != "success"
    }
    graph = shared.ok("query_graph", entity=made["blueprint_id"], project_id=project)
    assert graph["nodes"] == [{"id": made["blueprint_id"], "kind": "blueprint", "label": "Index the archive"}]


@pytest.mark.parametrize(
    ("label", "stored", "score", "minutes"),
    [
        ("TRIVIAL", "TRIVIAL", 0.1, 30),
        ("low", "SIMPLE", 0.3, 90),
        ("Medium", "MODERATE", 0.5, 240),
        ("HIGH", "COMPLEX", 0.7, 480),
        ("critical", "CRITICAL", 0.9, 960),
    ],
)
def test_a_label_by_hand_gives_its_midpoint(
    shared: Session, project: str, label: str, stored: str, score: float, minutes: int
) -> None:
    made = make(shared, project, complexity=label)
    assert (made["complexity"], made["complexity_score"], made["complexity_source"]) == (
        stored,
        score,
        "manual",
    )
    assert made["estimated_duration_minutes"] == minutes
    assert made["complexity_factors"]["auto"]["complexity"] == "TRIVIAL"


def test_scoring_is_the_same_in_both_tools_and_stores_nothing(shared: Session, project: str) -> None:
    task = {
        "title": "Migrate the queue to Kafka",
        "description": "Move production traffic to Kafka on Kubernetes without downtime.",
        "required_skills": ["kafka", "kubernetes"],
    }
    analysed = shared.ok("analyze_task_complexity", project_id=project, **task)
    assert shared.ok("list_project_blueprints", project_id=project)["total"] == 0
    made = shared.ok("create_task_blueprint", project_id=project, **task)
    assert analysed["complexity_score"] == made["complexity_score"]
    assert analysed["factors"] == made["complexity_factors"]
    assert made["complexity_source"] == "auto"
    assert "kafka" in analysed["reasoning"]
    assert analysed["estimated_duration_minutes"]["basis"] == "label"
    again = shared.ok("analyze_task_complexity", project_id=project, **task)
    assert again["similar_blueprints"][0]["blueprint_id"] == made["blueprint_id"]
    assert again["similar_blueprints"][0]["similarity"] == 1.0


def test_history_gives_the_estimate_but_never_the_score(shared: Session, project: str) -> None:
    text = {"title": "Convert a report", "description": "Convert one monthly report to the new layout."}
    before = shared.ok("analyze_task_complexity", project_id=project, **text)
    for hours in (1, 2, 3, 4, 10):
        task = shared.ok("create_task_blueprint", project_id=project, **text)
        given = shared.ok(
            "assign_task_to_team", blueprint_id=task["blueprint_id"], available_members=[{"id": "ann"}]
        )
        shared.ok(
            "update_task_progress",
            assignment_id=given["assignment_id"],
            progress_percentage=100,
            actual_hours_worked=hours,
        )
    after = shared.ok("analyze_task_complexity", project_id=project, **text)
    estimate = after["estimated_duration_minutes"]
    assert estimate == {"p50": 180.0, "p90": 600.0, "basis": "history", "samples": 5, "error": 0.5}
    made = shared.ok("create_task_blueprint", project_id=project, **text)
    assert made["estimated_duration_minutes"] == 180
    assert (made["complexity"], after["recommend_decomposition"]) == (before["complexity"], False)
    by_hand = shared.ok("create_task_blueprint", project_id=project, estimated_duration_minutes=7, **text)
    assert by_hand["estimated_duration_minutes"] == 7
    given = shared.ok(
        "assign_task_to_team", blueprint_id=made["blueprint_id"], available_members=[{"id": "ann"}]
    )
    told = shared.ok(
        "update_task_progress",
        assignment_id=given["assignment_id"],
        progress_percentage=50,
        actual_hours_worked=2,
    )
    assert told["hours_variance"] == 0.5, "of the 1.5 hours that half of it takes by what was learnt"
    other = {"title": "Paint the shed", "description": "Green."}
    learned = shared.ok("analyze_task_complexity", project_id=project, **other)["estimated_duration_minutes"]
    plain = shared.ok("analyze_task_complexity", project_id=project + "x", **other)[
        "estimated_duration_minutes"
    ]
    assert (learned["basis"], learned["samples"], plain["basis"]) == ("project", 5, "label")
    assert learned["p50"] / plain["p50"] == pytest.approx(
        180 / before["estimated_duration_minutes"]["p50"], abs=0.1
    )
    made = shared.ok("create_task_blueprint", project_id=project, **other)
    assert made["estimated_duration_minutes"] == round(learned["p50"])
    assert after["complexity_score"] == before["complexity_score"]


def test_a_task_that_takes_long_by_what_was_learnt_is_to_be_cut(shared: Session, project: str) -> None:
    text = {"title": "Add a field to the order form", "description": "- Validate it\n- Test it"}
    for _ in range(5):
        task = shared.ok("create_task_blueprint", project_id=project, **text)
        given = shared.ok(
            "assign_task_to_team", blueprint_id=task["blueprint_id"], available_members=[{"id": "ann"}]
        )
        done = {"progress_percentage": 100, "actual_hours_worked": 10}
        shared.ok("update_task_progress", assignment_id=given["assignment_id"], **done)
    analysed = shared.ok("analyze_task_complexity", project_id=project, **text)
    assert analysed["recommend_decomposition"]
    made = shared.ok("create_task_blueprint", project_id=project, **text)
    cut = shared.ok("decompose_task_blueprint", blueprint_id=made["blueprint_id"])
    assert (cut["requires_decomposition"], cut["sequential_minutes"]) == (True, 600)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", " "),
        ("title", "x" * 201),
        ("description", ""),
        ("description", "x" * 10_001),
        ("complexity", "epic"),
        ("estimated_duration_minutes", 0),
        ("estimated_duration_minutes", 40_321),
        ("estimated_duration_minutes", True),
        ("priority_score", 1.1),
        ("required_skills", "python"),
        ("required_skills", [" "]),
        ("resource_requirements", [1]),
        ("tags", ["x" * 65]),
        ("project_id", "a b"),
    ],
)
def test_bad_blueprints_are_refused(shared: Session, field: str, value: object) -> None:
    arguments = {"title": "a", "description": "b", field: value}
    error = shared.bad("create_task_blueprint", "INVALID_ARGUMENT", **arguments)
    assert error["field"].startswith(field)


def test_a_cancelled_prerequisite_holds_nothing_up(shared: Session, project: str) -> None:
    first, second, third = (make(shared, project, name) for name in ("first", "second", "third"))
    need(shared, third, first)
    need(shared, third, second)
    for one in (first, second):
        waiting = shared.ok("get_task_dependencies", blueprint_id=third["blueprint_id"])
        assert waiting["blocking_open"][-1] == second["blueprint_id"]
        assert not waiting["ready"]
        shared.ok("update_blueprint_metadata", blueprint_id=one["blueprint_id"], status="cancelled")
    found = shared.ok("get_task_dependencies", blueprint_id=third["blueprint_id"])
    assert (found["ready"], found["blocking_open"]) == (True, [])
    assert [one["status"] for one in found["dependencies"]] == ["cancelled", "cancelled"]
    gone = shared.ok("delete_task_blueprint", blueprint_id=first["blueprint_id"])
    assert gone["unblocked"] == [], "it waited for nothing"


def test_a_change_is_answered_without_factors_that_stayed(shared: Session, project: str) -> None:
    key = make(shared, project)["blueprint_id"]
    changed = shared.ok("update_blueprint_metadata", blueprint_id=key, priority_score=0.9)
    assert "complexity_factors" not in changed
    scored = shared.ok("update_blueprint_metadata", blueprint_id=key, description="Move it to Kafka.")
    assert scored["complexity_factors"] == shared.ok("get_blueprint", blueprint_id=key)["complexity_factors"]


def test_only_what_is_given_changes_and_is_kept_as_history(shared: Session, project: str) -> None:
    made = make(shared, project, tags=["a"], required_skills=["python"], resource_requirements={"a": 1})
    key = made["blueprint_id"]
    changed = shared.ok(
        "update_blueprint_metadata", blueprint_id=key, tags=[], resource_requirements={}, priority_score=0.9
    )
    assert changed["changed_fields"] == ["priority_score", "tags", "resource_requirements"]
    assert (changed["tags"], changed["resource_requirements"], changed["priority_score"]) == ([], {}, 0.9)
    assert changed["title"] == made["title"]
    history = shared.ok("get_blueprint", blueprint_id=key)["history"]
    assert [(row["field"], row["old_value"], row["new_value"]) for row in history] == [
        ("priority_score", 0.5, 0.9),
        ("tags", ["a"], []),
        ("resource_requirements", {"a": 1}, {}),
    ]
    same = shared.ok("update_blueprint_metadata", blueprint_id=key, priority_score=0.9)
    assert same["changed_fields"] == []
    shared.bad("update_blueprint_metadata", "INVALID_ARGUMENT", blueprint_id=key)
    shared.bad("update_blueprint_metadata", "NOT_FOUND", "blueprint_id", blueprint_id=UNKNOWN, tags=[])
    shared.bad("update_blueprint_metadata", "NOT_FOUND", blueprint_id=key, tags=[], project_id=project + "x")


def test_text_scores_anew_unless_the_label_is_by_hand(shared: Session, project: str) -> None:
    automatic, by_hand = make(shared, project, "Fix a typo"), make(shared, project, complexity="TRIVIAL")
    hard = "Migrate production to Kafka with CQRS on Kubernetes; breaking, irreversible, security critical."
    first = shared.ok(
        "update_blueprint_metadata", blueprint_id=automatic["blueprint_id"], title="Migrate", description=hard
    )
    assert first["complexity_score"] > automatic["complexity_score"]
    assert {"title", "description", "complexity", "complexity_score"} <= set(first["changed_fields"])
    key = by_hand["blueprint_id"]
    second = shared.ok("update_blueprint_metadata", blueprint_id=key, description=hard)
    assert (second["complexity"], second["complexity_source"]) == ("TRIVIAL", "manual")
    third = shared.ok("update_blueprint_metadata", blueprint_id=key, complexity="auto")
    assert third["complexity_source"] == "auto"
    assert third["complexity_score"] > 0.4
    found = shared.ok("retrieve_by_type", query="Kafka CQRS", doc_type="blueprint", project_id=project)
    assert {row["blueprint_id"] for row in found["results"]} == {key, automatic["blueprint_id"]}
    gone = shared.ok("retrieve_by_type", query="typo", doc_type="blueprint", project_id=project)
    assert gone["weak"], "the index follows the text"


def test_the_lifecycle(shared: Session, project: str) -> None:
    task = make(shared, project)
    key = task["blueprint_id"]

    def becomes(wanted: str) -> dict[str, Any]:
        return shared.ok("update_blueprint_metadata", blueprint_id=key, status=wanted)

    shared.bad("update_blueprint_metadata", "CONFLICT", "status", blueprint_id=key, status="completed")
    assert becomes("Active")["status"] == "active"
    assert becomes("completed")["completed_at"] is not None
    shared.bad("update_blueprint_metadata", "CONFLICT", "status", blueprint_id=key, status="cancelled")
    reopened = becomes("active")
    assert (reopened["status"], reopened["completed_at"]) == ("active", None)
    assert becomes("cancelled")["status"] == "cancelled"
    assert becomes("cancelled")["changed_fields"] == []
    history = shared.ok("get_blueprint", blueprint_id=key)["history"]
    assert [row["new_value"] for row in history] == ["active", "completed", "active", "cancelled"]
    shared.bad("update_blueprint_metadata", "INVALID_ARGUMENT", "status", blueprint_id=key, status="done")


def test_completing_waits_for_blocking_prerequisites(shared: Session, project: str) -> None:
    first, second = make(shared, project, "first"), make(shared, project, "second")
    need(shared, second, first)
    key = second["blueprint_id"]
    shared.ok("update_blueprint_metadata", blueprint_id=key, status="active")
    error = shared.bad(
        "update_blueprint_metadata", "CONFLICT", blueprint_id=key, status="completed", title="new"
    )
    assert error["details"]["blocking_open"] == [first["blueprint_id"]]
    assert shared.ok("get_blueprint", blueprint_id=key)["title"] == "second", "a failed call changes nothing"
    for wanted in ("active", "completed"):
        shared.ok("update_blueprint_metadata", blueprint_id=first["blueprint_id"], status=wanted)
    shared.ok("update_blueprint_metadata", blueprint_id=key, status="completed")


def test_a_list_shows_the_beginning_of_a_long_description(shared: Session, project: str) -> None:
    made = make(shared, project, description="word " * 1_000)
    key = made["blueprint_id"]
    (listed,) = shared.ok("list_project_blueprints", project_id=project)["blueprints"]
    changed = shared.ok("update_blueprint_metadata", blueprint_id=key, status="active")
    for one in (made, listed, changed):
        assert (len(one["description"]), one["truncated"], one["characters"]) == (400, True, 5_000)
    assert len(shared.ok("get_blueprint", blueprint_id=key)["description"]) >= 4_999


def test_a_long_history_is_shown_in_part(shared: Session, project: str) -> None:
    key = make(shared, project)["blueprint_id"]
    for number in range(102):
        shared.ok("update_blueprint_metadata", blueprint_id=key, title=f"Title {number}")
    shared.ok("update_blueprint_metadata", blueprint_id=key, description="word " * 1_000)
    history = shared.ok("get_blueprint", blueprint_id=key)["history"]
    assert len(history) == 100
    assert "Title 101" in [change["new_value"] for change in history]
    assert "Title 0" not in [change["new_value"] for change in history]
    (changed,) = (change for change in history if change["field"] == "description")
    assert (len(changed["new_value"]), changed["new_value"][:6]) == (1_001, '"word ')


def test_json_objects_have_a_limit(shared: Session, project: str) -> None:
    make(shared, project, resource_requirements={"a": "x" * 99_991})
    said = shared.bad(
        "create_task_blueprint",
        "INVALID_ARGUMENT",
        "resource_requirements",
        title="Large",
        description="Large.",
        resource_requirements={"a": "x" * 99_992},
        project_id=project,
    )
    assert "a JSON object of at most 100,000 characters" in said["error"]


def test_listing_filters_before_it_pages(shared: Session, project: str) -> None:
    for number in range(6):
        make(
            shared,
            project,
            f"task {number}",
            priority_score=number / 10,
            tags=["even" if number % 2 == 0 else "odd", "all"],
            complexity=("TRIVIAL", "SIMPLE", "MODERATE", "COMPLEX", "CRITICAL", "CRITICAL")[number],
        )

    def titles(**filters: Any) -> list[str]:
        listed = shared.ok("list_project_blueprints", project_id=project, **filters)
        assert listed["count"] == len(listed["blueprints"])
        return [row["title"] for row in listed["blueprints"]]

    assert titles() == [f"task {number}" for number in (5, 4, 3, 2, 1, 0)]
    assert titles(tags=["even"]) == ["task 4", "task 2", "task 0"]
    assert titles(tags=["even", "odd"], limit=2, offset=1) == ["task 4", "task 3"]
    assert titles(min_complexity="medium", max_complexity="COMPLEX") == ["task 3", "task 2"]
    assert titles(status="active") == []
    assert titles(kind="code") == []
    page = shared.ok("list_project_blueprints", project_id=project, tags=["all"], limit=4)
    assert (page["count"], page["total"], page["has_more"]) == (4, 6, True)
    assert shared.ok("list_project_blueprints", project_id=project + "x")["total"] == 0
    shared.bad(
        "list_project_blueprints",
        "INVALID_ARGUMENT",
        "min_complexity",
        min_complexity="COMPLEX",
        max_complexity="SIMPLE",
    )


def test_dependencies_say_whether_a_task_can_begin(shared: Session, project: str) -> None:
    plan, build, test, shop = (make(shared, project, title) for title in ("plan", "build", "test", "shop"))
    first = need(shared, build, plan, is_critical=True)
    assert (first["created"], first["updated"]) == (True, False)
    need(shared, test, build)
    need(shared, build, shop, dependency_type="resource")
    again = need(shared, build, plan, dependency_type="soft")
    assert (again["created"], again["updated"]) == (False, True)
    need(shared, build, plan, dependency_type="blocking")
    key = build["blueprint_id"]
    found = shared.ok("get_task_dependencies", blueprint_id=key)
    assert found["ready"] is False
    assert found["blocking_open"] == [plan["blueprint_id"]]
    assert {row["prerequisite_blueprint_id"]: row["satisfied"] for row in found["dependencies"]} == {
        plan["blueprint_id"]: False,
        shop["blueprint_id"]: True,
    }
    assert found["dependencies"][0]["is_critical"] is True
    assert [row["dependent_blueprint_id"] for row in found["dependents"]] == [test["blueprint_id"]]
    for wanted in ("active", "completed"):
        shared.ok("update_blueprint_metadata", blueprint_id=plan["blueprint_id"], status=wanted)
    assert shared.ok("get_task_dependencies", blueprint_id=key)["ready"] is True
    shared.ok("update_blueprint_metadata", blueprint_id=shop["blueprint_id"], status="active")
    assert shared.ok("get_task_dependencies", blueprint_id=key)["blocking_open"] == [shop["blueprint_id"]]
    deep = shared.ok("get_task_dependencies", blueprint_id=test["blueprint_id"], include_transitive=True)
    assert {row["title"]: row["depth"] for row in deep["dependencies"]} == {"build": 1, "plan": 2, "shop": 2}
    assert shared.ok("get_task_dependencies", blueprint_id=plan["blueprint_id"])["dependencies"] == []
    shared.bad("get_task_dependencies", "NOT_FOUND", "blueprint_id", blueprint_id=UNKNOWN)
    graph = shared.ok("query_graph", entity=key, relation_type="depends_on", project_id=project)
    assert len(graph["relationships"]) == 3


def test_cycles_are_refused_with_their_path_and_nothing_is_stored(shared: Session, project: str) -> None:
    a, b, c = (make(shared, project, title)["blueprint_id"] for title in "abc")
    for later, earlier in ((b, a), (c, b)):
        shared.ok("add_blueprint_dependency", dependent_blueprint_id=later, prerequisite_task_id=earlier)
    error = shared.bad(
        "add_blueprint_dependency",
        "CYCLE_DETECTED",
        dependent_blueprint_id=a,
        prerequisite_blueprint_id=c,
        dependency_type="soft",
    )
    assert error["details"]["path"] == [a, c, b, a]
    assert shared.ok("get_task_dependencies", blueprint_id=a)["dependencies"] == []
    other = make(shared, project + "x")["blueprint_id"]
    for prerequisite, code in ((a, "INVALID_ARGUMENT"), (UNKNOWN, "NOT_FOUND"), (other, "INVALID_ARGUMENT")):
        shared.bad(
            "add_blueprint_dependency",
            code,
            "prerequisite_blueprint_id",
            dependent_blueprint_id=a,
            prerequisite_blueprint_id=prerequisite,
        )


def test_the_order_of_work(shared: Session, project: str) -> None:
    tasks = {
        name: make(shared, project, name, estimated_duration_minutes=minutes, priority_score=priority)
        for name, minutes, priority in (
            ("design", 60, 0.5),
            ("api", 120, 0.5),
            ("ui", 30, 0.9),
            ("release", 10, 0.5),
            ("alone", 5, 1.0),
            ("dropped", 500, 0.5),
        )
    }
    key = {name: row["blueprint_id"] for name, row in tasks.items()}
    name_of = {value: name for name, value in key.items()}
    for later, earlier in (("api", "design"), ("ui", "design"), ("release", "api"), ("release", "ui")):
        need(shared, tasks[later], tasks[earlier])
    need(shared, tasks["design"], tasks["alone"], dependency_type="soft")
    shared.ok("update_blueprint_metadata", blueprint_id=key["dropped"], status="cancelled")
    found = shared.ok("resolve_blueprint_execution_order", blueprint_ids=[*key.values(), key["api"]])
    assert [name_of[one] for one in found["execution_order"]] == ["alone", "design", "ui", "api", "release"]
    groups = [[name_of[one] for one in group] for group in found["parallel_groups"]]
    assert groups == [["alone", "design"], ["ui", "api"], ["release"]]
    assert [name_of[one] for one in found["critical_path"]] == ["design", "api", "release"]
    assert (found["critical_path_minutes"], found["total_minutes"]) == (190, 225)
    assert found["skipped"] == [key["dropped"]]
    part = shared.ok("resolve_blueprint_execution_order", blueprint_ids=[key["release"]])
    assert {name_of[row["id"]]: row["required_by"] for row in part["external_prerequisites"]} == {
        "api": [key["release"]],
        "ui": [key["release"]],
    }
    whole = shared.ok(
        "resolve_blueprint_execution_order", blueprint_ids=[key["release"]], include_prerequisites=True
    )
    assert sorted(name_of[one] for one in whole["execution_order"]) == [
        "alone",
        "api",
        "design",
        "release",
        "ui",
    ]
    for wanted in ("active", "completed"):
        shared.ok("update_blueprint_metadata", blueprint_id=key["design"], status=wanted)
    done = shared.ok("resolve_blueprint_execution_order", blueprint_ids=list(key.values()))
    assert done["already_completed"] == [key["design"]]
    assert done["critical_path_minutes"] == 130
    shared.bad("resolve_blueprint_execution_order", "INVALID_ARGUMENT", "blueprint_ids", blueprint_ids=[])
    error = shared.bad(
        "resolve_blueprint_execution_order", "NOT_FOUND", blueprint_ids=[key["api"], UNKNOWN, "bp_x"]
    )
    assert error["details"]["missing"] == [UNKNOWN, "bp_x"]


def test_deleting_tells_what_went_and_what_is_free_now(shared: Session, project: str) -> None:
    parent = make(shared, project, description=PHASED, complexity="CRITICAL")
    after, later = make(shared, project, "after"), make(shared, project, "later")
    need(shared, after, parent)
    need(shared, later, after)
    key = parent["blueprint_id"]
    subtasks = shared.ok("decompose_task_blueprint", blueprint_id=key)["subtasks"]
    assigned = shared.ok(
        "assign_task_to_team", blueprint_id=subtasks[0]["blueprint_id"], available_members=[{"id": "ann"}]
    )
    error = shared.bad("delete_task_blueprint", "CONFLICT", blueprint_id=key)
    assert error["details"]["open_assignments"] == [assigned["assignment_id"]]
    gone = shared.ok("delete_task_blueprint", blueprint_id=key, force=True)
    assert gone["removed"]["subtasks"] == len(subtasks)
    assert gone["removed"]["assignments"] == 1
    assert gone["removed"]["dependencies"] == 1 + len(subtasks) - 1
    assert gone["unblocked"] == [after["blueprint_id"]]
    assert shared.ok("list_project_blueprints", project_id=project)["total"] == 2
    assert shared.ok("get_task_dependencies", blueprint_id=after["blueprint_id"])["ready"] is True
    shared.bad("delete_task_blueprint", "NOT_FOUND", blueprint_id=key)
    shared.bad("get_blueprint", "NOT_FOUND", blueprint_id=subtasks[0]["blueprint_id"])
    shared.bad(
        "update_task_progress", "CONFLICT", assignment_id=assigned["assignment_id"], progress_percentage=5
    )
    assert shared.ok("query_graph", entity=key, project_id=project)["entity_found"] is False
    found = shared.ok("retrieve_by_type", query="importer format", doc_type="blueprint", project_id=project)
    assert found["total"] == 2, "those that are left"


def test_a_deleted_blueprint_comes_back_whole(shared: Session, project: str) -> None:
    parent = make(shared, project, description=PHASED, complexity="CRITICAL")
    after = make(shared, project, "after")
    need(shared, after, parent)
    key = parent["blueprint_id"]
    subtasks = shared.ok("decompose_task_blueprint", blueprint_id=key)["subtasks"]
    keys = [key, after["blueprint_id"], *(one["blueprint_id"] for one in subtasks)]
    given_ = shared.ok("assign_task_to_team", blueprint_id=keys[2], available_members=[{"id": "ann"}])
    shared.ok("link_resources", source_id=key, target_id="harbour", relation="built_at", project_id=project)

    def seen() -> list[dict]:
        shown = [shared.ok("get_blueprint", blueprint_id=one) for one in keys]
        shown += [shared.ok("get_task_dependencies", blueprint_id=one) for one in keys]
        shown.append(shared.ok("list_project_blueprints", project_id=project, limit=50))
        shown.append(shared.ok("query_graph", entity=key, max_depth=3, project_id=project))
        shown.append(
            shared.ok("retrieve_by_type", query="importer", doc_type="blueprint", project_id=project)
        )
        return [{name: value for name, value in one.items() if name != "latency_ms"} for one in shown]

    before = seen()
    gone = shared.ok("delete_task_blueprint", blueprint_id=key, force=True)
    shared.bad("get_blueprint", "NOT_FOUND", blueprint_id=keys[2])
    back = shared.ok("forget", undo=gone["undo"])
    assert (back["restored"], back["kinds"]) == (1 + len(subtasks), {"blueprint": 1 + len(subtasks)})
    assert seen() == before
    moved = shared.ok("update_task_progress", assignment_id=given_["assignment_id"], progress_percentage=5)
    assert moved["status"] == "in_progress", "what was cancelled with it is open again"
    shared.bad("forget", "NOT_FOUND", "undo", undo=gone["undo"])


def test_a_subtask_comes_back_where_its_parent_is_gone_and_never_closes_a_circle(
    shared: Session, project: str
) -> None:
    parent = make(shared, project, description=PHASED, complexity="CRITICAL")
    subtasks = shared.ok("decompose_task_blueprint", blueprint_id=parent["blueprint_id"])["subtasks"]
    part = shared.ok("delete_task_blueprint", blueprint_id=subtasks[1]["blueprint_id"])
    shared.ok("delete_task_blueprint", blueprint_id=parent["blueprint_id"])
    shared.ok("forget", undo=part["undo"])
    alone = shared.ok("get_blueprint", blueprint_id=subtasks[1]["blueprint_id"])
    assert (alone["parent_id"], alone["title"]) == (None, subtasks[1]["title"])

    first, middle, last = (make(shared, project, title) for title in ("first", "middle", "last"))
    need(shared, middle, first)
    need(shared, last, middle)
    gone = shared.ok("delete_task_blueprint", blueprint_id=middle["blueprint_id"])
    need(shared, first, last)
    shared.bad("forget", "CYCLE_DETECTED", "undo", undo=gone["undo"])
    shared.bad("get_blueprint", "NOT_FOUND", blueprint_id=middle["blueprint_id"])


def test_subtasks_that_are_replaced_can_be_put_back(shared: Session, project: str) -> None:
    key = make(shared, project, description=PHASED, complexity="CRITICAL")["blueprint_id"]
    first = shared.ok("decompose_task_blueprint", blueprint_id=key)
    assert "undo" not in first
    again = shared.ok("decompose_task_blueprint", blueprint_id=key, replace=True)
    shared.ok("forget", undo=again["undo"])
    children = shared.ok("get_blueprint", blueprint_id=key)["children"]
    assert {one["blueprint_id"] for one in [*first["subtasks"], *again["subtasks"]]} == {*children}


def test_decomposing_a_numbered_description(shared: Session, project: str) -> None:
    parent = make(
        shared,
        project,
        description=PHASED,
        estimated_duration_minutes=1001,
        required_skills=["python", "sql"],
    )
    key = parent["blueprint_id"]
    found = shared.ok("decompose_task_blueprint", blueprint_id=key, max_subtasks=4)
    assert (found["requires_decomposition"], found["strategy_used"]) == (True, "feature_based")
    parts = found["subtasks"]
    assert [part["title"] for part in parts] == [
        "Read the old format",
        "Write the new format with checks",
        "Compare both on production data",
        "Switch over",
    ]
    assert sum(part["estimated_duration_minutes"] for part in parts) == 1001 == found["sequential_minutes"]
    assert found["parallel_minutes"] == 1001, "numbered steps follow one another"
    assert parts[1]["depends_on"] == [parts[0]["blueprint_id"]]
    listed = shared.ok("list_project_blueprints", parent_id=key, project_id=project)
    assert {row["blueprint_id"] for row in listed["blueprints"]} == {part["blueprint_id"] for part in parts}
    shared.bad("decompose_task_blueprint", "CONFLICT", "replace", blueprint_id=key)
    again = shared.ok(
        "decompose_task_blueprint", blueprint_id=key, replace=True, decomposition_strategy="skill_based"
    )
    assert again["strategy_used"] == "skill_based"
    assert shared.ok("list_project_blueprints", parent_id=key, project_id=project)["total"] == len(
        again["subtasks"]
    )
    shared.bad(
        "add_blueprint_dependency",
        "INVALID_ARGUMENT",
        dependent_blueprint_id=again["subtasks"][0]["blueprint_id"],
        prerequisite_blueprint_id=key,
    )


@pytest.mark.parametrize(
    ("description", "count"),
    [
        ("Export the rows (CSV; all of them), then import them into `a; b`.", 2),
        ("To do: • lüften (kurz) • fegen • wischen", 3),
        ("To do: - lüften (kurz) - fegen - wischen", 3),
        ("Die Küche lüften (kurz), danach den Boden wischen.", 2),
        ("Ouvrir la fenêtre, puis balayer le sol.", 2),
        ("Abrir la ventana, luego barrer el suelo.", 2),
        ("Открыть окно, затем подмести пол.", 2),
        ("打开窗户然后扫地最后关窗", 3),
        ("一、开窗；二、扫地；三、关窗", 3),
        ("Step one: open it. Step two: sweep. Step three: close it.", 3),
    ],
)
def test_steps_that_are_given_win_over_a_template(
    shared: Session, project: str, description: str, count: int
) -> None:
    made = make(shared, project, "Clean the kitchen", description=description)["blueprint_id"]
    found = shared.ok("decompose_task_blueprint", blueprint_id=made, force=True)
    assert (found["strategy_used"], len(found["subtasks"])) == ("feature_based", count)


def test_the_strategy_asked_for_is_the_one_used(shared: Session, project: str) -> None:
    text = "- add a table for invoices\n- show a page with invoices\n- test the whole"
    skills = ["sql", "react", "testing"]
    task = make(shared, project, "Invoices", description=text, complexity="COMPLEX", required_skills=skills)
    for wanted in ("feature_based", "phase_based", "layer_based", "skill_based", "feature_based"):
        found = shared.ok(
            "decompose_task_blueprint",
            blueprint_id=task["blueprint_id"],
            decomposition_strategy=wanted,
            replace=True,
        )
        assert found["strategy_used"] == wanted
        texts = [part["description"] for part in found["subtasks"]]
        for item in ("add a table for invoices", "show a page with invoices", "test the whole"):
            assert sum(item in text for text in texts) == 1
    assert [part["required_skills"] for part in found["subtasks"]] == [["sql"], ["react"], ["testing"]]
    bare = make(shared, project, "One thing", description="It is slow.", complexity="COMPLEX")
    for wanted, needed in (("feature_based", "list them"), ("skill_based", "required_skills")):
        error = shared.bad(
            "decompose_task_blueprint",
            "INVALID_ARGUMENT",
            "decomposition_strategy",
            blueprint_id=bare["blueprint_id"],
            decomposition_strategy=wanted,
        )
        assert wanted in error["error"]
        assert needed in error["error"]


def test_small_tasks_are_left_whole_unless_forced(shared: Session, project: str) -> None:
    small = make(shared, project, "Fix the crash on start", description="It crashes.", complexity="SIMPLE")
    key = small["blueprint_id"]
    found = shared.ok("decompose_task_blueprint", blueprint_id=key)
    assert (found["requires_decomposition"], found["subtasks"]) == (False, [])
    assert shared.ok("get_blueprint", blueprint_id=key)["children"] == []
    forced = shared.ok("decompose_task_blueprint", blueprint_id=key, force=True)
    assert forced["strategy_used"] == "phase_based"
    assert forced["subtasks"][0]["title"] == "Reproduce: Fix the crash on start"
    assert sum(part["estimated_duration_minutes"] for part in forced["subtasks"]) == 90


def test_the_last_child_completes_its_parent(shared: Session, project: str) -> None:
    parent = make(shared, project, description="- write the code\n- write the text", complexity="CRITICAL")
    parts = shared.ok("decompose_task_blueprint", blueprint_id=parent["blueprint_id"], max_subtasks=2)[
        "subtasks"
    ]
    for number, part in enumerate(parts):
        assert status(shared, parent) == ("draft" if number == 0 else "active")
        for wanted in ("active", "completed"):
            shared.ok("update_blueprint_metadata", blueprint_id=part["blueprint_id"], status=wanted)
    assert status(shared, parent) == "completed"
    shared.bad("decompose_task_blueprint", "CONFLICT", blueprint_id=parent["blueprint_id"], replace=True)


def test_decomposition_is_at_most_three_deep(shared: Session, project: str) -> None:
    key = make(shared, project, complexity="CRITICAL")["blueprint_id"]
    for _ in range(3):
        found = shared.ok("decompose_task_blueprint", blueprint_id=key, max_subtasks=2, force=True)
        key = found["subtasks"][0]["blueprint_id"]
    shared.bad("decompose_task_blueprint", "CONFLICT", "blueprint_id", blueprint_id=key, force=True)


def test_users_add_templates_in_a_folder(tmp_path: Path, db: Path) -> None:
    folder = tmp_path / "config" / "ltmc" / "blueprint_templates"
    folder.mkdir(parents=True)
    phases = [{"title": "Call", "share": 1}, {"title": "Write", "share": 3, "after": []}]
    (folder / "survey.json").write_text(
        json.dumps({"name": "survey", "title": "Survey", "keywords": ["survey"], "phases": phases})
    )
    with Session(db, env={"XDG_CONFIG_HOME": str(tmp_path / "config")}) as client:
        task = make(client, "p", "A survey of users", complexity="MODERATE", description="Ask.")
        key = task["blueprint_id"]
        found = client.ok("decompose_task_blueprint", blueprint_id=key, template="survey", force=True)
        parts = found["subtasks"]
        assert [part["title"] for part in parts] == ["Call: A survey of users", "Write: A survey of users"]
        assert [part["estimated_duration_minutes"] for part in parts] == [61, 179]
        assert found["parallel_minutes"] == 179
        error = client.bad(
            "decompose_task_blueprint",
            "INVALID_ARGUMENT",
            "template",
            blueprint_id=key,
            template="x",
            replace=True,
        )
        assert "bug_fix" in error["error"]
        assert "survey" in error["error"]
        (folder / "survey.json").write_text('{"name": "survey"}')
        error = client.bad(
            "decompose_task_blueprint",
            "INVALID_ARGUMENT",
            "template",
            blueprint_id=key,
            replace=True,
            force=True,
        )
        assert "survey.json" in error["error"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decomposition_strategy", "magic"),
        ("max_subtasks", 1),
        ("max_subtasks", 21),
        ("target_duration_minutes", 0),
        ("force", "yes"),
    ],
)
def test_bad_decompositions_are_refused(shared: Session, field: str, value: object) -> None:
    shared.bad(
        "decompose_task_blueprint", "INVALID_ARGUMENT", field, **{"blueprint_id": UNKNOWN, field: value}
    )


def test_queries_are_routed_to_blueprints(shared: Session, project: str) -> None:
    made = make(shared, project, "Move billing to the cloud")
    routed = shared.ok("route_query", query="which blueprint plans the billing move", project_id=project)
    assert routed["recommended_method"] == "blueprint_search"
    assert [row["blueprint_id"] for row in routed["results"]] == [made["blueprint_id"]]
    assert routed["fallback_used"] is False


def test_a_dependency_added_again_keeps_what_is_left_out(shared: Session, project: str) -> None:
    later, earlier = make(shared, project, "Later"), make(shared, project, "Earlier")
    first = need(shared, later, earlier)
    assert (first["dependency_type"], first["is_critical"], first["created"]) == ("blocking", False, True)
    need(shared, later, earlier, dependency_type="resource", is_critical=True)
    again = need(shared, later, earlier)
    assert (again["dependency_type"], again["is_critical"], again["updated"]) == ("resource", True, False)
    softer = need(shared, later, earlier, dependency_type="soft")
    assert (softer["dependency_type"], softer["is_critical"]) == ("soft", True)
    stored = shared.ok("get_task_dependencies", blueprint_id=later["blueprint_id"])["dependencies"]
    assert [(one["dependency_type"], one["is_critical"]) for one in stored] == [("soft", True)]


def test_the_order_of_work_has_titles(shared: Session, project: str) -> None:
    plan, build, shop = (make(shared, project, title) for title in ("plan", "build", "shop"))
    need(shared, build, plan)
    need(shared, build, shop)
    found = shared.ok(
        "resolve_blueprint_execution_order",
        blueprint_ids=[build["blueprint_id"], plan["blueprint_id"]],
    )
    assert found["titles"] == {one["blueprint_id"]: one["title"] for one in (plan, build, shop)}
