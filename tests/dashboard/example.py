"""What a team of a shop might have stored: the pages are looked at with it, and its figures are known to tests."""

from typing import Any

from tests.http.serving import Serving

PROJECT = "harbour"

MEMORIES = {
    "adr/0007-payments.md": "We take payments through Adyen. Webhooks are the truth about a payment, not the redirect.",
    "adr/0011-queues.md": "Orders go through the outbox table to RabbitMQ; consumers are idempotent by order id.",
    "adr/0014-search.md": "Product search moves from LIKE queries to OpenSearch, fed by change events.",
    "runbooks/refunds.md": "A refund that hangs: look for the webhook in the log, replay it, then close the ticket.",
    "runbooks/search-index.md": "Rebuild the index beside the old one and swap the alias; it takes 40 minutes.",
    "notes/checkout-latency.md": "p95 of checkout is 820 ms; 500 of them are the tax service.",
    "notes/black-friday.md": "Last year the queue grew to 90,000 messages; four more consumers were enough.",
    "notes/tax-service.md": "Taxes are cached a day by postcode and category; the vendor allows 20 calls a second.",
    "postmortems/2026-09-double-charge.md": "A retry without an idempotency key charged 212 customers twice.",
    "guides/local-setup.md": "make up starts PostgreSQL, RabbitMQ and OpenSearch; make seed fills the shop.",
}

LINKS = [
    ("checkout", "depends_on", "payment gateway"),
    ("checkout", "depends_on", "tax service"),
    ("checkout", "depends_on", "order outbox"),
    ("order outbox", "contains", "order events"),
    ("warehouse sync", "uses", "order events"),
    ("search indexer", "uses", "order events"),
    ("storefront", "depends_on", "checkout"),
    ("storefront", "depends_on", "product search"),
    ("product search", "depends_on", "search indexer"),
    ("back office", "depends_on", "payment gateway"),
    ("refund worker", "depends_on", "payment gateway"),
    ("refund worker", "part_of", "back office"),
    ("adr/0007-payments.md", "documents", "payment gateway"),
    ("adr/0011-queues.md", "documents", "order outbox"),
    ("adr/0014-search.md", "documents", "product search"),
    ("runbooks/refunds.md", "documents", "refund worker"),
    ("runbooks/search-index.md", "documents", "search indexer"),
    ("notes/checkout-latency.md", "references", "tax service"),
    ("notes/checkout-latency.md", "references", "checkout"),
    ("notes/tax-service.md", "documents", "tax service"),
    ("notes/black-friday.md", "references", "order events"),
    ("postmortems/2026-09-double-charge.md", "caused_by", "payment gateway"),
    ("postmortems/2026-09-double-charge.md", "references", "adr/0007-payments.md"),
    ("runbooks/refunds.md", "references", "postmortems/2026-09-double-charge.md"),
    ("guides/local-setup.md", "references", "adr/0011-queues.md"),
    ("guides/local-setup.md", "references", "adr/0014-search.md"),
]

PLANS: dict[str, tuple[str, str, int, list[str], float]] = {
    "search": (
        "Move product search to OpenSearch",
        "Customers find products by name, brand and misspelt words; the index follows the catalogue in seconds.",
        4800,
        ["search", "python"],
        0.9,
    ),
    "retries": (
        "Make payment retries idempotent",
        "Every call to the gateway carries a key that is stored before it is sent. See the double charge in September.",
        960,
        ["payments", "python"],
        0.95,
    ),
    "tax": (
        "Cache taxes by postcode and category",
        "Half of the time of checkout goes to the tax service.",
        600,
        ["python", "redis"],
        0.7,
    ),
    "scale": (
        "Let queue consumers scale with the backlog",
        "Four consumers on quiet days, twelve on Black Friday.",
        1200,
        ["kubernetes", "rabbitmq"],
        0.8,
    ),
    "load": (
        "Rehearse Black Friday",
        "Replay last year's orders at three times their speed against staging, with search and payments as they will be.",
        720,
        ["testing", "kubernetes"],
        0.75,
    ),
}

PARTS = """1. Design the index and its analysers
2. Feed the index from change events
3. Backfill the whole catalogue beside the old search
4. Put the new search behind a flag in the storefront
5. Measure relevance and latency with real queries
6. Switch over and remove the old queries"""

TEAM: list[dict[str, Any]] = [
    {"id": "amira", "name": "Amira Haddad", "skills": ["python", "search", "redis"], "capacity": 1},
    {"id": "jonas", "name": "Jonas Weber", "skills": ["payments", "python"], "capacity": 0.8},
    {"id": "mei", "name": "Mei Tanaka", "skills": ["kubernetes", "rabbitmq", "testing"], "capacity": 1},
    {"id": "otto", "name": "Otto Lindqvist", "skills": ["typescript", "search", "testing"], "capacity": 0.5},
]


def store_example(server: Serving) -> dict[str, str]:
    """Store it in `PROJECT`; return the ids of the plans by their short names, the parts as search1, search2 …."""

    def ok(tool: str, **arguments: Any) -> dict[str, Any]:
        answer = server.call(tool, project_id=PROJECT, **arguments)
        assert answer["success"], answer
        return answer

    for name, content in MEMORIES.items():
        ok("store_memory", file_name=name, content=content, tags=[name.partition("/")[0]])
    for source, relation, target in LINKS:
        ok("link_resources", source_id=source, relation=relation, target_id=target)
    ids: dict[str, str] = {}
    for short, (title, description, minutes, skills, priority) in PLANS.items():
        ids[short] = ok(
            "create_task_blueprint",
            title=title,
            description=f"{description}\n\n{PARTS}" if short == "search" else description,
            estimated_duration_minutes=minutes,
            required_skills=skills,
            priority_score=priority,
            tags=["black-friday"]
            if short in ("scale", "load")
            else ["checkout"]
            if short != "search"
            else [],
        )["blueprint_id"]
    parts = ok("decompose_task_blueprint", blueprint_id=ids["search"], force=True)["subtasks"]
    ids |= {f"search{number}": part["blueprint_id"] for number, part in enumerate(parts, 1)}
    for dependent, prerequisite, kind in (
        ("load", "search", "blocking"),
        ("load", "scale", "blocking"),
        ("load", "retries", "blocking"),
        ("tax", "retries", "soft"),
    ):
        ok(
            "add_blueprint_dependency",
            dependent_blueprint_id=ids[dependent],
            prerequisite_blueprint_id=ids[prerequisite],
            dependency_type=kind,
        )
    ok(
        "link_resources",
        source_id="postmortems/2026-09-double-charge.md",
        relation="caused_by",
        target_id=ids["retries"],
    )
    ok("link_resources", source_id="adr/0014-search.md", relation="references", target_id=ids["search"])
    for short, member, progress in (
        ("search1", "amira", 100),
        ("search2", "amira", 60),
        ("search4", "otto", None),
        ("retries", "jonas", 35),
        ("scale", "mei", 80),
        ("tax", "amira", None),
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
