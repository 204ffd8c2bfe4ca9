"""What is stored for the pictures in docs/: a small project as it may be after a few weeks. Nobody in it exists."""

from typing import Any

from tests.dashboard import example_plans
from tests.http.serving import Serving

PROJECT = "harbour"

MEMORIES: list[dict[str, Any]] = [
    {
        "file_name": "decisions/database.md",
        "content": "# Database\n\nBookings are kept in PostgreSQL 16, one schema a tenant.\n\n"
        "- Migrations run before each release, never within it.\n- Backups: nightly, kept for 14 days.\n",
        "tags": ["decision", "database"],
    },
    {
        "file_name": "decisions/database.md",
        "content": "# Database\n\nBookings are kept in PostgreSQL 17, one schema a tenant.\n\n"
        "- Migrations run before each release, never within it.\n- Backups: every six hours, kept for 30 days.\n"
        "- A restore is rehearsed on the first Monday of a month.\n",
        "tags": ["decision", "database"],
    },
    {
        "file_name": "notes/deploy-friday.md",
        "content": "Releases go out on Fridays at 16:00, after the boats are in.",
        "tags": ["deploy"],
        "resource_type": "note",
    },
    {
        "file_name": "decisions/deploy.md",
        "content": "Releases go out on Mondays at 10:00, with a canary of 5 % for an hour. "
        "The harbour office is told first.",
        "tags": ["decision", "deploy"],
        "supersedes": ["notes/deploy-friday.md"],
    },
    {
        "file_name": "notes/tide-tables.md",
        "content": "The tide tables come from the hydrographic office as CSV; times are UTC and heights in metres "
        "above chart datum. The parser must not round before the draught is compared with them.",
        "tags": ["tides", "import"],
        "resource_type": "note",
    },
    {
        "file_name": "notes/berths-api.md",
        "content": "GET /berths answers at most 200 berths. The mobile app relies on the order: by pier, then number.",
        "tags": ["api"],
        "resource_type": "note",
    },
    {
        "file_name": "runbooks/restore.md",
        "content": "1. Stop the workers.\n2. Restore into a new database.\n3. Run `harbour verify`.\n"
        "4. Switch the alias.\n",
        "tags": ["runbook", "database"],
    },
    {
        "file_name": "notes/session-timeout.md",
        "content": "A session of the harbour office lasts 30 minutes.",
        "tags": ["auth"],
        "resource_type": "note",
    },
    {
        "file_name": "decisions/sessions.md",
        "content": "A session of the harbour office lasts 60 minutes.",
        "tags": ["auth", "decision"],
    },
]

CHAT = [
    ("user", "The tide for tomorrow is off by an hour. Did the import change?", None),
    (
        "assistant",
        "The office switched its CSV to UTC in spring; our parser still adds an hour.",
        "claude-code",
    ),
    ("user", "Then take the offset out, and write a test with a summer and a winter day.", None),
    ("assistant", "Done: `parse_tides` keeps UTC, and `test_tides.py` has one day of each.", "claude-code"),
]

ATTEMPTS: list[dict[str, Any]] = [
    {
        "input_prompt": "Parse the tide tables without rounding heights",
        "generated_code": "from decimal import Decimal\n\ndef parse_height(text: str) -> Decimal:\n"
        '    """Return a height in metres."""\n    return Decimal(text.replace(",", "."))\n',
        "result": "pass",
        "tags": ["tides", "parsing"],
        "file_name": "harbour/tides.py",
    },
    {
        "input_prompt": "Assign boats to berths by draught",
        "generated_code": "def assign(boats, berths):\n    return dict(zip(sorted(boats), sorted(berths)))\n",
        "result": "fail",
        "tags": ["berths"],
        "error_message": "TypeError: '<' not supported between instances of 'Boat' and 'Boat'",
        "file_name": "harbour/berths.py",
    },
    {
        "input_prompt": "Assign boats to berths by draught",
        "generated_code": "def assign(boats, berths):\n    free = sorted(berths, key=lambda berth: berth.depth)\n"
        "    placed = {}\n    for boat in sorted(boats, key=lambda boat: boat.draught):\n"
        "        placed[boat] = next(berth for berth in free if berth.depth > boat.draught)\n"
        "        free.remove(placed[boat])\n    return placed\n",
        "result": "partial",
        "tags": ["berths"],
        "file_name": "harbour/berths.py",
    },
]

TODOS: list[dict[str, Any]] = [
    {"title": "Rehearse the restore with the new backups", "priority": "high", "due": "in 2 days"},
    {
        "title": "Ask the office for heights in the CSV of buoys",
        "description": "They sent a sample without units.",
        "priority": "medium",
        "due": "in 9 days",
    },
    {"title": "Show the wind beside the tide", "priority": "low"},
]


def store(server: Serving) -> dict[str, str]:
    """Store the example; return the ids of its plans, see `example_plans.store`."""

    def ok(tool: str, **arguments: Any) -> None:
        answer = server.call(tool, project_id=PROJECT, **arguments)
        assert answer["success"], answer

    for memory in MEMORIES:
        ok("store_memory", **memory)
    for conversation in ("tides-in-summer", "berth-planning"):
        for role, content, agent in CHAT[: 4 if conversation == "tides-in-summer" else 2]:
            ok(
                "log_chat",
                conversation_id=conversation,
                role=role,
                content=content,
                source_tool=agent or "claude-code",
            )
    for attempt in ATTEMPTS:
        ok("log_code_attempt", **attempt)
    for todo in TODOS:
        ok("add_todo", **todo)
    ids = example_plans.store(server, PROJECT)
    for question in (
        "when do we release",
        "who may move a berth",
        "tides in summer",
        "what does a mooring cost",
    ):
        ok("retrieve_memory", query=question)
    server.call("get_memory", project_id=PROJECT, resource_id=404)
    return ids
