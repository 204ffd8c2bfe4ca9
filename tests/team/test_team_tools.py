"""The team tools through a real client, and the scoring for wide input."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltmc.features.team.calendar import completion, local_time
from ltmc.features.team.scoring import (
    WEIGHTS,
    Preferences,
    canonical,
    confidence,
    coverage,
    preferred_skill,
    ranked,
    rate,
)
from ltmc.storage.tables.team import Member
from ltmc.timestamps import format_utc
from ltmc.tools.arguments import WEEKDAYS
from tests.client import Session

UNKNOWN = "assign_000000000000"
SKILLS = st.lists(
    st.sampled_from(["python", "js", "JavaScript", "ts", "k8s", "sql", "cobol"]), unique=True, max_size=5
)


def worker(capacity: float, **calendar: Any) -> Member:
    return Member("p", "ann", None, [], capacity, "available", **calendar)


def task(
    client: Session, project: str, skills: tuple[str, ...] = (), minutes: int = 600, title: str = "A task"
) -> str:
    return client.ok(
        "create_task_blueprint",
        title=title,
        description="Do it.",
        required_skills=list(skills),
        estimated_duration_minutes=minutes,
        project_id=project,
    )["blueprint_id"]


def assign(client: Session, blueprint: str, *members: dict[str, Any], **preferences: Any) -> dict[str, Any]:
    return client.ok(
        "assign_task_to_team",
        blueprint_id=blueprint,
        available_members=list(members),
        preferences=preferences,
    )


def progress(client: Session, assignment: dict, percent: float, **more: Any) -> dict[str, Any]:
    return client.ok(
        "update_task_progress",
        assignment_id=assignment["assignment_id"],
        progress_percentage=percent,
        **more,
    )


def test_the_best_covered_member_is_chosen_with_figures(shared: Session, project: str) -> None:
    key = task(shared, project, ("javascript", "sql"))
    found = assign(
        shared,
        key,
        {"id": "ann", "name": "Ann", "skills": ["JS", "PostgreSQL"]},
        {"member_id": "bob", "skills": ["js", "sql"], "capacity": 0.5},
        {"id": "cem", "skills": ["cooking"]},
    )
    assert found["assigned_member"] == {"id": "bob", "name": None}
    assert found["score_breakdown"] == {
        "coverage": 1.0,
        "history": 0.5,
        "headroom": 1.0,
        "preference": 1.0,
        "total": 0.9,
    }
    assert (found["matched_skills"], found["missing_skills"]) == (["javascript", "sql"], [])
    # ann: an alias counts 1 and a related skill 0.5, so coverage 0.75 and a score of 0.775.
    assert found["alternatives"] == [{"member_id": "ann", "score": 0.775}]
    assert found["confidence_score"] == pytest.approx(0.7 * 0.9 + 0.3 * 0.125 / 0.2, abs=1e-4)
    end = completion(datetime.now(UTC), 10, worker(0.5))
    assert abs(datetime.fromisoformat(found["estimated_completion"]) - end) < timedelta(minutes=1)
    stored = shared.ok("get_blueprint", blueprint_id=key)
    assert stored["status"] == "active"
    assert [(row["member_id"], row["status"]) for row in stored["assignments"]] == [("bob", "assigned")]
    graph = shared.ok("query_blueprint_relationships", node_id=key, relationship_types=["Assigned_To"])
    assert [(node["kind"], node.get("status")) for node in graph["nodes"]] == [
        ("blueprint", "active"),
        ("assignment", "assigned"),
    ]


def test_preferences_decide_between_equals(shared: Session, project: str) -> None:
    members = [
        {"id": name, "skills": ["python"] + (["go"] if name == "cem" else [])}
        for name in ("ann", "bob", "cem")
    ]

    def chosen(**preferences: Any) -> str:
        return assign(shared, task(shared, project + "p", ("python",)), *members, **preferences)[
            "assigned_member"
        ]["id"]

    assert chosen(preferred_member_id="bob") == "bob"
    assert chosen(prefer_go_expert=True) == "cem"
    assert chosen(prefer_skills=["go"]) == "cem"
    assert chosen(exclude_member_ids=["ann", "bob"]) == "cem"
    assert chosen() == "ann", "cem and bob have more to do"
    assert chosen(balance_workload=True, prefer_go_experience=False) in ("ann", "bob")


def test_load_lowers_the_score(shared: Session, project: str) -> None:
    busy = task(shared, project, minutes=2400)
    assign(shared, busy, {"id": "ann"})
    found = assign(shared, task(shared, project), {"id": "ann"}, {"id": "bob"})
    assert found["assigned_member"]["id"] == "bob"
    assert found["alternatives"] == [{"member_id": "ann", "score": 0.7}]


def test_nobody_suitable_is_told_with_what_lacks(shared: Session, project: str) -> None:
    key = task(shared, project, ("rust", "sql", "kafka"))
    members = [
        {"id": "ann", "skills": ["sql"]},
        {"id": "bob"},
        {"id": "cem", "skills": ["rust", "sql"], "status": "away"},
    ]
    error = shared.bad(
        "assign_task_to_team", "NO_SUITABLE_MEMBER", blueprint_id=key, available_members=members
    )
    best = error["details"]["best_candidates"]
    assert [row["member_id"] for row in best] == ["ann", "bob"]
    assert best[0]["missing_skills"] == ["rust", "kafka"]
    assert shared.ok("get_blueprint", blueprint_id=key)["status"] == "draft"
    assert shared.ok("get_team_workload_overview", project_id=project)["members"] == [], "nothing is stored"
    found = assign(shared, key, *members, min_skill_coverage=0.3)
    assert found["assigned_member"]["id"] == "ann"


def test_an_open_prerequisite_warns_and_an_open_assignment_conflicts(shared: Session, project: str) -> None:
    first, second = task(shared, project, title="first"), task(shared, project, title="second")
    shared.ok("add_blueprint_dependency", dependent_blueprint_id=second, prerequisite_blueprint_id=first)
    found = assign(shared, second, {"id": "ann"})
    assert len(found["warnings"]) == 1
    assert first in found["warnings"][0]
    error = shared.bad(
        "assign_task_to_team", "CONFLICT", blueprint_id=second, available_members=[{"id": "ann"}]
    )
    assert error["details"]["assignment_id"] == found["assignment_id"]


def test_progress_is_kept_and_predicts(shared: Session, project: str) -> None:
    key = task(shared, project, minutes=600)
    given_ = assign(shared, key, {"id": "ann"})
    first = progress(shared, given_, 0)
    assert (first["status"], first["predicted_completion"], first["on_track"]) == ("assigned", None, None)
    half = progress(shared, given_, 50, actual_hours_worked=8, notes="half")
    assert (half["status"], half["previous"]) == ("in_progress", {"progress": 0.0, "status": "assigned"})
    assert half["hours_variance"] == 3.0
    assert half["on_track"] is True
    moment, end = (datetime.fromisoformat(half[name]) for name in ("updated_at", "predicted_completion"))
    assert abs(end - completion(moment, 8, worker(1.0))) < timedelta(seconds=0.01), (
        "8 hours are left at that pace"
    )
    shared.bad(
        "update_task_progress",
        "INVALID_ARGUMENT",
        "progress_percentage",
        assignment_id=given_["assignment_id"],
        progress_percentage=40,
    )
    assert progress(shared, given_, 40, notes="found more to do")["progress_percentage"] == 40
    done = progress(shared, given_, 100)
    assert (done["status"], done["blueprint_status"], done["actual_hours_worked"]) == (
        "completed",
        "completed",
        8.0,
    )
    assert done["completed_at"] is not None
    stored = shared.ok("get_blueprint", blueprint_id=key)
    assert stored["status"] == "completed"
    shared.bad(
        "update_task_progress",
        "CONFLICT",
        assignment_id=given_["assignment_id"],
        progress_percentage=50,
        notes="x",
    )


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("progress_percentage", {"progress_percentage": 101}),
        ("progress_percentage", {"progress_percentage": -1}),
        ("progress_percentage", {"progress_percentage": True}),
        ("status", {"progress_percentage": 99, "status": "completed"}),
        ("status", {"progress_percentage": 100, "status": "in_progress"}),
        ("status", {"progress_percentage": 100, "status": "blocked"}),
        ("status", {"progress_percentage": 100, "status": "assigned"}),
        ("status", {"progress_percentage": 10, "status": "paused"}),
        ("actual_hours_worked", {"progress_percentage": 60, "actual_hours_worked": 1}),
        ("actual_hours_worked", {"progress_percentage": 60, "actual_hours_worked": -1}),
    ],
)
def test_bad_progress_is_refused_and_changes_nothing(
    shared: Session, project: str, field: str, arguments: dict[str, Any]
) -> None:
    given_ = assign(shared, task(shared, project), {"id": "ann"})
    progress(shared, given_, 50, actual_hours_worked=2)
    shared.bad(
        "update_task_progress", "INVALID_ARGUMENT", field, assignment_id=given_["assignment_id"], **arguments
    )
    (row,) = shared.ok("get_blueprint", blueprint_id=given_["blueprint_id"])["assignments"]
    assert (row["progress_percentage"], row["status"]) == (50, "in_progress")


def test_unknown_assignments_are_not_found(shared: Session, project: str) -> None:
    given_ = assign(shared, task(shared, project), {"id": "ann"})
    for key, where in ((UNKNOWN, {}), (given_["assignment_id"], {"project_id": project + "x"})):
        shared.bad(
            "update_task_progress",
            "NOT_FOUND",
            "assignment_id",
            assignment_id=key,
            progress_percentage=1,
            **where,
        )


def test_failing_frees_the_task_for_another(shared: Session, project: str) -> None:
    key = task(shared, project)
    failed = progress(shared, assign(shared, key, {"id": "ann"}), 30, status="failed")
    assert (failed["status"], failed["blueprint_status"]) == ("failed", "active")
    found = assign(shared, key, {"id": "ann"}, {"id": "bob"})
    assert found["assigned_member"]["id"] == "bob", "ann's record is worse now"


def test_workload_adds_up(shared: Session, project: str) -> None:
    progress(shared, assign(shared, task(shared, project, minutes=1200), {"id": "ann", "capacity": 0.5}), 50)
    assign(shared, task(shared, project, minutes=4800), {"id": "bob"})
    task(shared, project, title="waiting")
    found = shared.ok("get_team_workload_overview", project_id=project)
    ann, bob = found["members"]
    assert (ann["remaining_hours"], ann["utilization"], ann["status"]) == (10.0, 0.5, "ok")
    assert (bob["remaining_hours"], bob["utilization"], bob["status"]) == (80.0, 2.0, "overloaded")
    assert (ann["active_assignments"], ann["overdue"], ann["known"]) == (1, 0, True)
    assert found["average_utilization"] == 1.25
    assert (found["overloaded"], found["available"]) == (["bob"], ["ann"])
    assert found["unassigned_blueprints"] == 1
    assert any("bob" in sentence for sentence in found["recommendations"])
    asked = shared.ok(
        "get_team_workload_overview", team_members=[{"id": "zoe"}, {"id": "bob"}], project_id=project
    )
    zoe, bob = asked["members"]
    assert (zoe["known"], zoe["utilization"], zoe["status"]) == (False, 0.0, "idle")
    assert bob["utilization"] == 2.0
    everywhere = shared.ok("get_team_workload_overview", project_id="*")
    assert {"ann", "bob"} <= {row["member_id"] for row in everywhere["members"]}
    empty = shared.ok("get_team_workload_overview", project_id=project + "x")
    assert (empty["members"], empty["average_utilization"]) == ([], None)


@pytest.mark.parametrize(
    ("members", "preferences", "field"),
    [
        ([], {}, "available_members"),
        ([{"name": "nobody"}], {}, "available_members[0].id"),
        ([{"id": " "}], {}, "available_members[0].id"),
        ([{"id": "a"}, {"member_id": "a"}], {}, "available_members[1].id"),
        ([{"id": "a", "member_id": "b"}], {}, "available_members[0].id"),
        ([{"id": "a", "capacity": 0}], {}, "available_members[0].capacity"),
        ([{"id": "a", "capacity": 2.5}], {}, "available_members[0].capacity"),
        ([{"id": "a", "mood": "good"}], {}, "available_members[0].mood"),
        ([{"id": "a"}], {"colour": "red"}, "preferences"),
        ([{"id": "a"}], {"min_skill_coverage": 2}, "preferences.min_skill_coverage"),
        ([{"id": "a"}], {"prefer_go": "yes"}, "preferences.prefer_go"),
        ([{"id": "a"}], {"exclude_member_ids": "a"}, "preferences.exclude_member_ids"),
    ],
)
def test_bad_teams_are_refused(
    shared: Session, project: str, members: list, preferences: dict, field: str
) -> None:
    shared.bad(
        "assign_task_to_team",
        "INVALID_ARGUMENT",
        field,
        blueprint_id=task(shared, project),
        available_members=members,
        preferences=preferences,
    )


def test_unknown_and_closed_tasks(shared: Session, project: str) -> None:
    members = [{"id": "ann"}]
    shared.bad("assign_task_to_team", "NOT_FOUND", blueprint_id="bp_none", available_members=members)
    key = task(shared, project)
    shared.ok("update_blueprint_metadata", blueprint_id=key, status="cancelled")
    shared.bad("assign_task_to_team", "CONFLICT", blueprint_id=key, available_members=members)


@given(required=SKILLS, has=SKILLS)
def test_coverage_is_a_share(required: list[str], has: list[str]) -> None:
    share, matched, missing = coverage(required, has)
    assert 0 <= share <= 1
    assert sorted(matched + missing) == sorted(required)
    assert coverage(required, [*has, *required])[0] == 1
    assert share >= len(matched) / len(required) if required else share == 1


@given(
    members=st.lists(st.tuples(SKILLS, st.floats(0.1, 2), st.floats(0, 200)), min_size=1, max_size=6),
    required=SKILLS,
    preferred=st.sampled_from([None, "m0", "nobody"]),
)
def test_scores_and_confidence_are_bounded(members: list, required: list[str], preferred: str | None) -> None:
    wishes = Preferences(preferred_member_id=preferred)
    order = ranked(
        rate(Member("p", f"m{place}", None, skills, capacity, "available"), required, [], load, wishes)
        for place, (skills, capacity, load) in enumerate(members)
    )
    assert [one.score for one in order] == sorted((one.score for one in order), reverse=True)
    for one in order:
        assert 0 <= one.score <= 1
        assert one.score == pytest.approx(sum(WEIGHTS[name] * one.parts[name] for name in WEIGHTS), abs=1e-3)
    assert 0 <= confidence(order) <= 1


def test_names_of_skills() -> None:
    assert canonical("JS") == canonical("javascript") == preferred_skill("prefer_js_expert")
    assert preferred_skill("prefer_machine_learning_experience") == canonical("ML")
    assert preferred_skill("likes_go") is None


@settings(max_examples=300, deadline=None)
@given(
    day=st.floats(0, 30),
    hours=st.floats(0, 500),
    capacity=st.floats(0.1, 2),
    working_days=st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    days_off=st.sets(st.dates(date(2026, 1, 1), date(2026, 6, 1)), max_size=40),
    zone=st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"]),
)
def test_work_is_done_on_working_days_that_are_not_off(
    day: float, hours: float, capacity: float, working_days: set[str], days_off: set[date], zone: str
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    calendar = {
        "working_days": [one for one in WEEKDAYS if one in working_days],
        "timezone": zone,
        "days_off": [one.isoformat() for one in days_off],
    }
    end = completion(start, hours, worker(capacity, **calendar))
    left, step = timedelta(days=hours / (8 * capacity)), start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    def works() -> bool:
        return WEEKDAYS[step.weekday()] in working_days and step.date() not in days_off

    while left > timedelta():  # day by day
        midnight = datetime.combine(step.date() + timedelta(days=1), time())
        worked = min(left, midnight - step) if works() else timedelta()
        left -= worked
        step = midnight if left > timedelta() else step + worked
    if hours > 0.01:
        assert abs(end - step.replace(tzinfo=ZoneInfo(zone))) < timedelta(seconds=1)


def test_a_completion_beyond_all_time_is_the_last_moment() -> None:
    assert completion(datetime(2026, 1, 5, tzinfo=UTC), 1e9, worker(0.1)).year == 9999
    off = [(date(2026, 1, 1) + timedelta(days=place)).isoformat() for place in range(366)]
    end = completion(datetime(2026, 1, 5, tzinfo=UTC), 8, worker(1, days_off=off))
    assert end == datetime(2027, 1, 5, tzinfo=UTC), (
        "the first working day after a year off, a Monday, has ended"
    )


@pytest.mark.parametrize(
    ("hours", "calendar", "end", "day"),
    [
        (4, {}, "2026-01-09T12:00+00:00", "Friday"),
        (12, {}, "2026-01-12T12:00+00:00", "Monday, behind a weekend"),
        (12, {"days_off": ["2026-01-12"]}, "2026-01-13T12:00+00:00", "Tuesday, for Monday is off"),
        (
            4,
            {"working_days": ["sat", "sun"]},
            "2026-01-10T12:00+00:00",
            "Saturday, for who works on weekends",
        ),
        (9, {"timezone": "America/New_York"}, "2026-01-09T22:00-05:00", "Friday there, Saturday in UTC"),
        (20, {"timezone": "Mars/Base"}, "2026-01-13T12:00+00:00", "an unknown zone is UTC"),
    ],
)
def test_a_prediction_is_on_a_working_day_where_the_member_lives(
    hours: float, calendar: dict[str, Any], end: str, day: str
) -> None:
    member = worker(1, **calendar)
    moment = completion(datetime(2026, 1, 9, tzinfo=UTC), hours, member)  # a Friday
    shown = local_time(format_utc(moment), member)
    zone = calendar.get("timezone", "UTC")
    assert shown == {"local_completion": end, "timezone": "UTC" if zone == "Mars/Base" else zone}, day


def test_predictions_follow_the_calendar_of_the_member(shared: Session, project: str) -> None:
    key = task(shared, project, minutes=24 * 60)
    ann = {"id": "ann", "working_days": ["Tue", "mon"], "timezone": "Asia/Tokyo", "days_off": []}
    moment = datetime.now(UTC)
    off = [(moment + timedelta(days=one)).date().isoformat() for one in range(-1, 30)]
    given_ = shared.ok(
        "assign_task_to_team",
        blueprint_id=key,
        available_members=[{**ann, "days_off": off}],
        project_id=project,
    )
    end = datetime.fromisoformat(given_["estimated_completion"])
    calendar = {"working_days": ["mon", "tue"], "timezone": "Asia/Tokyo", "days_off": off}
    assert abs(end - completion(moment, 24, worker(1, **calendar))) < timedelta(minutes=1)
    assert end > moment + timedelta(days=31)
    there = datetime.fromisoformat(given_["local_completion"])
    assert (given_["timezone"], str(there.utcoffset())) == ("Asia/Tokyo", "9:00:00")
    assert (WEEKDAYS[there.weekday()] in ("mon", "tue"), abs(there - end) < timedelta(minutes=1)) == (
        True,
        True,
    )
    half = progress(shared, given_, 50, actual_hours_worked=12)
    predicted, reported = (
        datetime.fromisoformat(half[name]) for name in ("predicted_completion", "updated_at")
    )
    assert predicted == completion(reported, 12, worker(1, **calendar)), "what is known of ann stays"
    assert half["timezone"] == "Asia/Tokyo"
    assert abs(datetime.fromisoformat(half["local_completion"]) - predicted) < timedelta(minutes=1)
    (load,) = shared.ok("get_team_workload_overview", project_id=project)["members"]
    assert load["utilization"] == 0.75, "12 of the 16 hours of two days"
    assert load["timezone"] == "Asia/Tokyo"
    (load,) = shared.ok(
        "get_team_workload_overview", team_members=[{"id": "ann", "days_off": []}], project_id=project
    )["members"]
    assert datetime.fromisoformat(load["next_free"]) < moment + timedelta(days=10)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("working_days", [], "at least 1"),
        ("working_days", ["mon", "xday"], "'mon', 'tue'"),
        ("timezone", "Mars/Base", "Europe/Berlin"),
        ("timezone", "../../etc/passwd", "Europe/Berlin"),
        ("timezone", "Europe", "Europe/Berlin"),
        ("days_off", ["2026-02-30"], "2026-12-24"),
        ("days_off", ["Friday"], "2026-12-24"),
        ("days_off", "2026-12-24", "list"),
        ("holidays", ["2026-12-24"], "the keys id, member_id, name, skills"),
    ],
)
def test_a_bad_calendar_is_refused_by_name(
    shared: Session, project: str, field: str, value: Any, allowed: str
) -> None:
    error = shared.any(
        "assign_task_to_team",
        blueprint_id=task(shared, project),
        available_members=[{"id": "ann", field: value}],
        project_id=project,
    )
    assert error["error_code"] == "INVALID_ARGUMENT"
    assert field in error["error"], error
    assert allowed in error["error"], error
    assert shared.ok("get_team_workload_overview", project_id=project)["members"] == []


def test_a_task_that_waited_is_completed_with_its_prerequisite(shared: Session, project: str) -> None:
    parent = shared.ok(
        "create_task_blueprint",
        title="Whole",
        description="- build it\n- ship it",
        complexity="COMPLEX",
        project_id=project,
    )["blueprint_id"]
    parts = shared.ok("decompose_task_blueprint", blueprint_id=parent, max_subtasks=2)["subtasks"]
    second, third = (part["blueprint_id"] for part in parts)
    first, unbegun = task(shared, project, title="first"), task(shared, project, title="unbegun")
    for later, earlier in ((second, first), (third, second), (unbegun, first)):
        shared.ok("add_blueprint_dependency", dependent_blueprint_id=later, prerequisite_blueprint_id=earlier)
    shared.ok("update_blueprint_metadata", blueprint_id=unbegun, status="active")
    given_ = {key: assign(shared, key, {"id": "ann"}) for key in (first, second, third)}
    for key in (third, second):
        assert progress(shared, given_[key], 100)["blueprint_status"] == "active"
    assert progress(shared, given_[first], 100)["blueprint_status"] == "completed"
    stored = {key: shared.ok("get_blueprint", blueprint_id=key) for key in (second, third, parent, unbegun)}
    assert [row["status"] for row in stored.values()] == ["completed", "completed", "completed", "active"]
    assert stored[parent]["history"][-1]["new_value"] == "completed"


def test_what_waited_is_completed_when_its_prerequisite_is_deleted(shared: Session, project: str) -> None:
    first, second = task(shared, project, title="first"), task(shared, project, title="second")
    shared.ok("add_blueprint_dependency", dependent_blueprint_id=second, prerequisite_blueprint_id=first)
    progress(shared, assign(shared, second, {"id": "ann"}), 100)
    assert shared.ok("delete_task_blueprint", blueprint_id=first)["unblocked"] == [second]
    assert shared.ok("get_blueprint", blueprint_id=second)["status"] == "completed"


def blocked(client: Session, assignment: dict, notes: str | None = None) -> None:
    more = {} if notes is None else {"notes": notes}
    assert progress(client, assignment, 0, status="blocked", **more)["status"] == "blocked"


def test_who_was_blocked_by_a_prerequisite_goes_on_when_the_last_of_them_ends(
    shared: Session, project: str
) -> None:
    schema, api = (
        task(shared, project, title="Design the schema"),
        task(shared, project, title="Build the API"),
    )
    waiting = {
        "without notes": (None, "assigned"),
        "with the title": ("Waits for the schema.", "assigned"),
        "with the id": (f"waits for {api}", "assigned"),
        "with the word": ("Blocked by its dependency", "assigned"),
        "otherwise": ("Ann is ill", "blocked"),
    }
    made = {title: task(shared, project, title=title) for title in waiting}
    given_ = {}
    for title, (notes, _) in waiting.items():
        for earlier in (schema, api):
            shared.ok(
                "add_blueprint_dependency",
                dependent_blueprint_id=made[title],
                prerequisite_blueprint_id=earlier,
            )
        given_[title] = assign(shared, made[title], {"id": "ann"})
        blocked(shared, given_[title], notes)
    free = assign(shared, task(shared, project, title="free"), {"id": "ann"})
    blocked(shared, free)
    progress(shared, given_["without notes"], 30, status="blocked")
    assert "now_ready" not in progress(shared, assign(shared, api, {"id": "bob"}), 100), "the schema is open"
    done = progress(shared, assign(shared, schema, {"id": "bob"}), 100)
    assert [(one["blueprint_id"], one["title"]) for one in done["now_ready"]] == [
        (key, title) for title, key in made.items()
    ]
    found = {one["title"]: one["assignment"] for one in done["now_ready"]}
    assert found["without notes"] == {
        "assignment_id": given_["without notes"]["assignment_id"],
        "member_id": "ann",
        "status": "in_progress",
        "progress_percentage": 30,
    }
    wanted = {title: status for title, (_, status) in waiting.items()} | {"without notes": "in_progress"}
    assert {title: one["status"] for title, one in found.items()} == wanted
    loads = shared.ok("get_team_workload_overview", project_id=project)["members"]
    stored = {one["title"]: one["status"] for load in loads for one in load.get("assignments", ())}
    assert stored == wanted | {"free": "blocked"}


@pytest.mark.parametrize(
    ("status", "notes"),
    [
        (
            "assigned",
            [
                "waiting",
                "waits",
                "can't start yet",
                "blocked by other task",
                "on hold until the previous step is done",
                "wartet noch",
                "Not my turn yet, will begin right away then",
                "en attente de l'étape précédente",
                "等待中",
                "Waiting for the approved list",
            ],
        ),
        (
            "blocked",
            [
                "Ann is ill",
                "Ben is on vacation until Monday",
                "no access to the server",
                "Waiting for the API key",
                "the hardware has not arrived",
                "waiting for the CTO's decision about the vendor",
                "Anna ist krank",
                "Zugang fehlt noch",
                "en attente d'une décision du client",
                "等待审批",
            ],
        ),
    ],
)
def test_notes_of_who_was_blocked_keep_it_so_only_by_a_reason_of_their_own(
    shared: Session, project: str, status: str, notes: list[str]
) -> None:
    first = task(shared, project, title="Approve the list")
    for note in notes:
        later = task(shared, project, title=note)
        shared.ok("add_blueprint_dependency", dependent_blueprint_id=later, prerequisite_blueprint_id=first)
        blocked(shared, assign(shared, later, {"id": "ann"}), note)
    done = shared.ok("update_blueprint_metadata", blueprint_id=first, status="cancelled")
    found = {one["title"]: one["assignment"]["status"] for one in done["now_ready"]}
    assert found == dict.fromkeys(notes, status)


def test_who_was_blocked_before_there_was_a_prerequisite_stays_so(shared: Session, project: str) -> None:
    first, second = task(shared, project, title="first"), task(shared, project, title="second")
    given_ = assign(shared, second, {"id": "ann"})
    blocked(shared, given_)
    shared.ok("add_blueprint_dependency", dependent_blueprint_id=second, prerequisite_blueprint_id=first)
    for status in ("active", "completed"):
        done = shared.ok("update_blueprint_metadata", blueprint_id=first, status=status)
    (ready,) = done["now_ready"]
    assert (ready["title"], ready["assignment"]["status"]) == ("second", "blocked")


def test_who_was_blocked_goes_on_when_the_prerequisite_is_cancelled_or_deleted(
    shared: Session, project: str
) -> None:
    for tool, more in (("update_blueprint_metadata", {"status": "cancelled"}), ("delete_task_blueprint", {})):
        first, second = task(shared, project, title="first"), task(shared, project, title="second")
        shared.ok("add_blueprint_dependency", dependent_blueprint_id=second, prerequisite_blueprint_id=first)
        blocked(shared, assign(shared, second, {"id": "ann"}))
        shared.ok(tool, blueprint_id=first, **more)
        (one,) = shared.ok("get_blueprint", blueprint_id=second)["assignments"]
        assert one["status"] == "assigned", tool


def test_a_completing_call_names_what_can_begin_through_all_that_it_completes(
    shared: Session, project: str
) -> None:
    parent, parts = in_parts(shared, project)
    later = [task(shared, project, title=f"later {place}") for place in range(12)]
    for key in later:
        shared.ok("add_blueprint_dependency", dependent_blueprint_id=key, prerequisite_blueprint_id=parent)
    ann = {"id": "ann", "skills": ["go"]}
    one, two = (assign(shared, part, ann) for part in parts)
    done = progress(shared, one, 100)
    assert done["now_ready"] == [
        {
            "blueprint_id": parts[1],
            "title": shared.ok("get_blueprint", blueprint_id=parts[1])["title"],
            "assignment": {
                "assignment_id": two["assignment_id"],
                "member_id": "ann",
                "status": "assigned",
                "progress_percentage": 0,
            },
        }
    ]
    done = progress(shared, two, 100)
    assert [row["blueprint_id"] for row in done["now_ready"]] == later[:10]
    assert done["now_ready_more"] == 2
    assert "now_ready" not in shared.ok("update_blueprint_metadata", blueprint_id=later[0], priority_score=1)


def test_a_parent_counts_once(shared: Session, project: str) -> None:
    parent = task(shared, project, ("go",), minutes=4800, title="Whole")
    shared.ok("update_blueprint_metadata", blueprint_id=parent, description="1. build it\n2. ship it")
    parts = shared.ok("decompose_task_blueprint", blueprint_id=parent, max_subtasks=2)["subtasks"]
    keys = [part["blueprint_id"] for part in parts]
    found = shared.ok("resolve_blueprint_execution_order", blueprint_ids=[parent, *keys])
    assert (found["total_minutes"], found["critical_path_minutes"]) == (4800, 4800)
    assert found["execution_order"] == [*keys, parent]
    apart = shared.ok("resolve_blueprint_execution_order", blueprint_ids=[parent])
    assert apart["total_minutes"] == 4800
    for key in (parent, *keys):
        assign(shared, key, {"id": "ann", "skills": ["go"]})
    (ann,) = shared.ok("get_team_workload_overview", project_id=project)["members"]
    assert ann["remaining_hours"] == 80
    metrics = shared.ok("get_taskmaster_performance_metrics", project_id=project)
    assert metrics["team_utilization"] == 2
    assert metrics["skills"]["bottleneck"]["open_minutes"] == 4800


def in_parts(client: Session, project: str, title: str = "Whole") -> tuple[str, list[str]]:
    """A task of 80 hours with two parts of 40."""
    parent = task(client, project, ("go",), minutes=4800, title=title)
    client.ok("update_blueprint_metadata", blueprint_id=parent, description="1. build it\n2. ship it")
    parts = client.ok("decompose_task_blueprint", blueprint_id=parent, max_subtasks=2)["subtasks"]
    return parent, [part["blueprint_id"] for part in parts]


def test_the_parts_of_an_assigned_parent_complete_it_and_wake_what_waits(
    shared: Session, project: str
) -> None:
    parent, parts = in_parts(shared, project)
    whole = assign(shared, parent, {"id": "ann", "skills": ["go"]})
    later = task(shared, project, title="later")
    shared.ok("add_blueprint_dependency", dependent_blueprint_id=later, prerequisite_blueprint_id=parent)
    assert progress(shared, assign(shared, later, {"id": "bob"}), 100)["blueprint_status"] == "active"
    for place, part in enumerate(parts):
        assert not shared.ok("get_task_dependencies", blueprint_id=later)["ready"], place
        progress(shared, assign(shared, part, {"id": "ann", "skills": ["go"]}), 100)
    stored = [shared.ok("get_blueprint", blueprint_id=one)["status"] for one in (parent, later)]
    assert stored == ["completed", "completed"]
    assert shared.ok("get_task_dependencies", blueprint_id=later)["ready"]
    (ann, _) = shared.ok("get_team_workload_overview", project_id=project)["members"]
    assert (ann["remaining_hours"], ann["active_assignments"]) == (0, 0)
    (own,) = shared.ok("get_blueprint", blueprint_id=parent)["assignments"]
    assert (own["status"], own["progress_percentage"]) == ("completed", 100)
    told = progress(shared, whole, 100, actual_hours_worked=70)
    assert (told["blueprint_status"], told["actual_hours_worked"]) == ("completed", 70), "told afterwards"
    late = {"assignment_id": whole["assignment_id"], "progress_percentage": 50, "notes": "a"}
    shared.bad("update_task_progress", "CONFLICT", "assignment_id", **late)


def test_an_assignment_alone_does_not_complete_a_parent(shared: Session, project: str) -> None:
    parent, parts = in_parts(shared, project)
    whole = assign(shared, parent, {"id": "ann", "skills": ["go"]})
    assert progress(shared, whole, 100)["blueprint_status"] == "active"
    for part in parts:
        shared.ok("update_blueprint_metadata", blueprint_id=part, status="cancelled")
    assert shared.ok("get_blueprint", blueprint_id=parent)["status"] == "completed"


def test_predictions_count_a_parent_once(shared: Session, project: str) -> None:
    ann = {"id": "ann", "skills": ["go"]}
    parent, parts = in_parts(shared, project)
    whole = assign(shared, parent, ann)
    given_ = [assign(shared, part, ann) for part in parts]
    moment = datetime.fromisoformat(given_[1]["estimated_completion"])
    assert abs(moment - datetime.fromisoformat(whole["estimated_completion"])) < timedelta(minutes=1)
    slow = progress(shared, whole, 10, actual_hours_worked=16)
    assert slow["predicted_completion"] <= slow["updated_at"][:19] + "Z", "its parts are all that is left"
    (load,) = shared.ok("get_team_workload_overview", project_id=project)["members"]
    assert load["remaining_hours"] == 80
    other, (part, _) = in_parts(shared, project, "Another")
    for one in shared.ok("decompose_task_blueprint", blueprint_id=part, force=True)["subtasks"]:
        assign(shared, one["blueprint_id"], {"id": "bob"}, min_skill_coverage=0)
    assign(shared, other, {"id": "cid", "skills": ["go"]})
    loads = shared.ok("get_team_workload_overview", project_id=project)["members"]
    assert [one["remaining_hours"] for one in loads] == [80, 40, 40]


def test_predictions_go_by_the_hours_worked_and_by_what_is_left(shared: Session, project: str) -> None:
    given_ = assign(shared, task(shared, project, minutes=4800), {"id": "ann", "capacity": 0.5})
    tenth = progress(shared, given_, 10)
    moment = datetime.fromisoformat(tenth["updated_at"])
    predicted = datetime.fromisoformat(tenth["predicted_completion"])
    assert abs(predicted - completion(moment, 72, worker(0.5))) < timedelta(seconds=1), (
        "nine tenths of 80 hours are left"
    )
    assert tenth["on_track"] is True
    slow = progress(shared, given_, 10, actual_hours_worked=16)
    predicted = datetime.fromisoformat(slow["predicted_completion"])
    assert abs(predicted - completion(moment, 144, worker(0.5))) < timedelta(minutes=1)
    assert slow["on_track"] is False
    (ann,) = shared.ok("get_team_workload_overview", project_id=project)["members"]
    assert ann["remaining_hours"] == 144


def test_what_is_completed_or_cancelled_by_hand_is_assigned_no_more(shared: Session, project: str) -> None:
    for status, share in (("completed", 100), ("cancelled", 30)):
        key = task(shared, project)
        progress(shared, assign(shared, key, {"id": "ann"}), 30)
        shared.ok("update_blueprint_metadata", blueprint_id=key, status=status)
        (row,) = shared.ok("get_blueprint", blueprint_id=key)["assignments"]
        assert (row["status"], row["progress_percentage"]) == (status, share)
    (ann,) = shared.ok("get_team_workload_overview", project_id=project)["members"]
    assert ann["active_assignments"] == 0


def ends(answer: dict) -> datetime:
    return datetime.fromisoformat(answer.get("predicted_completion") or answer["estimated_completion"])


def test_predictions_wait_for_open_prerequisites(shared: Session, project: str) -> None:
    hours = {"far": 40, "near": 16, "last": 8, "beside": 24}
    keys = {name: task(shared, project, minutes=60 * many, title=name) for name, many in hours.items()}
    for after, before, kind in (
        ("near", "far", "blocking"),
        ("last", "near", "blocking"),
        ("last", "beside", "soft"),
    ):
        ends_at = {"dependent_blueprint_id": keys[after], "prerequisite_blueprint_id": keys[before]}
        shared.ok("add_blueprint_dependency", **ends_at, dependency_type=kind)

    def after(many: float) -> datetime:
        """When so many hours are done from now on."""
        return completion(datetime.now(UTC), many, worker(1))

    last = assign(shared, keys["last"], {"id": "ann"})
    assert abs(ends(last) - after(64)) < timedelta(minutes=1)
    assert abs(ends(progress(shared, last, 50)) - after(60)) < timedelta(minutes=1)
    far = assign(shared, keys["far"], {"id": "bob"})
    near = assign(shared, keys["near"], {"id": "bob"})
    assert abs(ends(near) - after(56)) < timedelta(minutes=1), "of what is both before it and his"
    progress(shared, far, 50)
    assert abs(ends(progress(shared, last, 60)) - after(20 + 16 + 3.2)) < timedelta(minutes=1)
    progress(shared, near, 50)
    assert abs(ends(progress(shared, last, 70)) - after(20 + 8 + 2.4)) < timedelta(minutes=1)
    progress(shared, far, 100)
    progress(shared, near, 100)
    assert abs(ends(progress(shared, last, 75)) - after(2)) < timedelta(minutes=1)


def test_a_prerequisite_in_parts_ends_with_its_parts(shared: Session, project: str) -> None:
    parent, parts = in_parts(shared, project)
    later = task(shared, project, minutes=480, title="later")
    shared.ok("add_blueprint_dependency", dependent_blueprint_id=later, prerequisite_blueprint_id=parent)
    found = assign(shared, later, {"id": "ann"})
    assert abs(ends(found) - completion(datetime.now(UTC), 88, worker(1))) < timedelta(minutes=1)
    for status in ("active", "completed"):
        shared.ok("update_blueprint_metadata", blueprint_id=parts[0], status=status)
    found = progress(shared, found, 50)
    assert abs(ends(found) - completion(datetime.now(UTC), 44, worker(1))) < timedelta(minutes=1)


def test_a_known_member_keeps_what_a_call_leaves_out(shared: Session, project: str) -> None:
    first = task(shared, project, ("python",))
    assign(shared, first, {"id": "anna", "name": "Anna", "skills": ["python"], "capacity": 0.5})
    found = assign(shared, task(shared, project, ("python",)), {"id": "anna"})
    assert found["assigned_member"] == {"id": "anna", "name": "Anna"}
    assert found["matched_skills"] == ["python"]
    member = shared.ok("get_team_workload_overview", project_id=project)["members"][0]
    assert (member["name"], member["capacity"], member["active_assignments"]) == ("Anna", 0.5, 2)
    third = task(shared, project, ("python",))
    assign(shared, third, {"id": "anna", "skills": []}, {"id": "bo", "skills": ["python"]})
    shared.bad(
        "assign_task_to_team",
        "NO_SUITABLE_MEMBER",
        blueprint_id=task(shared, project, ("python",)),
        available_members=[{"id": "anna"}],
    )


def test_workload_names_the_assignments(shared: Session, project: str) -> None:
    key = task(shared, project, title="Paint the fence")
    made = assign(shared, key, {"id": "anna"})
    progress(shared, made, 25)
    member = shared.ok("get_team_workload_overview", project_id=project)["members"][0]
    assert member["assignments"] == [
        {
            "assignment_id": made["assignment_id"],
            "blueprint_id": key,
            "title": "Paint the fence",
            "status": "in_progress",
            "progress_percentage": 25,
        }
    ]
