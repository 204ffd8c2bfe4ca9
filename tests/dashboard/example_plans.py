"""What the example has of a graph and of plans, for the pictures in docs/ and for tests that know its figures."""

from typing import Any

from tests.http.serving import Serving

LINKS = [
    ("booking", "depends_on", "berth register"),
    ("booking", "depends_on", "tide tables"),
    ("booking", "depends_on", "payments"),
    ("berth register", "contains", "draught limits"),
    ("berth planner", "uses", "draught limits"),
    ("berth planner", "uses", "tide tables"),
    ("mobile app", "depends_on", "booking"),
    ("mobile app", "depends_on", "berth register"),
    ("harbour office", "uses", "berth planner"),
    ("harbour office", "uses", "sign-in"),
    ("mobile app", "uses", "sign-in"),
    ("tide import", "part_of", "tide tables"),
    ("notes/tide-tables.md", "documents", "tide import"),
    ("notes/berths-api.md", "documents", "berth register"),
    ("notes/berths-api.md", "references", "mobile app"),
    ("decisions/database.md", "documents", "booking"),
    ("runbooks/restore.md", "references", "decisions/database.md"),
    ("decisions/deploy.md", "references", "harbour office"),
    ("decisions/sessions.md", "documents", "sign-in"),
    ("runbooks/restore.md", "tests", "berth register"),
]

PLANS: dict[str, tuple[str, str, int, list[str], float]] = {
    "planner": (
        "Plan berths by tide and draught",
        "The office gives a boat the berth that it can reach at any tide of its stay.",
        4800,
        ["search", "python"],
        0.9,
    ),
    "restore": (
        "Rehearse the restore every month",
        "The backups of six hours are restored into a new database and verified, without the office noticing.",
        960,
        ["database", "python"],
        0.95,
    ),
    "buoys": ("Read the CSV of buoys", "With units, once the office sends them.", 600, ["python"], 0.6),
    "queue": (
        "Let the booking workers scale with the season",
        "Two workers in winter, twelve on the weekend of the regatta.",
        1200,
        ["kubernetes"],
        0.8,
    ),
    "regatta": (
        "Rehearse the regatta weekend",
        "Replay last year's bookings at three times their speed, with the planner as it will be.",
        720,
        ["testing", "kubernetes"],
        0.75,
    ),
}

PARTS = """1. Model how deep each berth is at each tide
2. Feed the model from the tide tables
3. Place the boats of a day by draught
4. Show the plan to the office behind a flag
5. Compare a month of plans with what the office did
6. Switch over and remove the old list"""

TEAM: list[dict[str, Any]] = [
    {"id": "amira", "name": "Amira Haddad", "skills": ["python", "search", "database"], "capacity": 1},
    {"id": "jonas", "name": "Jonas Weber", "skills": ["database", "python"], "capacity": 0.8},
    {"id": "mei", "name": "Mei Tanaka", "skills": ["kubernetes", "testing"], "capacity": 1},
    {"id": "otto", "name": "Otto Lindqvist", "skills": ["typescript", "testing"], "capacity": 0.5},
]


def store(server: Serving, project: str) -> dict[str, str]:
    """Store it; return the ids of the plans by their short names, those of parts as planner1, planner2 …."""

    def ok(tool: str, **arguments: Any) -> dict[str, Any]:
        answer = server.call(tool, project_id=project, **arguments)
        assert answer["success"], answer
        return answer

    for source, relation, target in LINKS:
        ok("link_resources", source_id=source, relation=relation, target_id=target)
    ids: dict[str, str] = {}
    for short, (title, description, minutes, skills, priority) in PLANS.items():
        ids[short] = ok(
            "create_task_blueprint",
            title=title,
            description=f"{description}\n\n{PARTS}" if short == "planner" else description,
            estimated_duration_minutes=minutes,
            required_skills=skills,
            priority_score=priority,
            tags=["black-friday"]
            if short in ("queue", "regatta")
            else ["checkout"]
            if short != "planner"
            else [],
        )["blueprint_id"]
    parts = ok("decompose_task_blueprint", blueprint_id=ids["planner"], force=True)["subtasks"]
    ids |= {f"planner{number}": part["blueprint_id"] for number, part in enumerate(parts, 1)}
    for dependent, prerequisite, kind in (
        ("regatta", "planner", "blocking"),
        ("regatta", "queue", "blocking"),
        ("regatta", "restore", "blocking"),
        ("buoys", "planner", "soft"),
    ):
        ok(
            "add_blueprint_dependency",
            dependent_blueprint_id=ids[dependent],
            prerequisite_blueprint_id=ids[prerequisite],
            dependency_type=kind,
        )
    ok("link_resources", source_id="runbooks/restore.md", relation="documents", target_id=ids["restore"])
    ok("link_resources", source_id=ids["planner"], relation="implements", target_id="berth planner")
    for short, member, progress in (
        ("planner1", "amira", 100),
        ("planner2", "amira", 60),
        ("planner4", "otto", None),
        ("restore", "jonas", 35),
        ("queue", "mei", 80),
        ("buoys", "amira", None),
    ):
        given = ok(
            "assign_task_to_team",
            blueprint_id=ids[short],
            available_members=TEAM,
            preferences={
                "preferred_member_id": member,
                "min_skill_coverage": 0,
                "exclude_member_ids": [one["id"] for one in TEAM if one["id"] != member],
            },
        )["assignment_id"]
        if progress is not None:
            ok(
                "update_task_progress",
                assignment_id=given,
                progress_percentage=progress,
                actual_hours_worked=progress / 10,
            )
    return ids
