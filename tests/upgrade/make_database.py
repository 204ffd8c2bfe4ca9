"""Makes the database that `test_upgrade.py` opens, and records the answers over it. Run once, by hand:

    python -m tests.upgrade.make_database

in a checkout of the version whose database it is to be (1.0 for what lies here); the server of that checkout
is driven through a real client. Three working days are lived through, a session each. After each session all
times that it left are moved to a day of the past, so that what depends on the distance to the present (a trend
over 30 days, what is overdue) is the same whenever the answers are asked for again.
"""

import gzip
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.client import Session
from tests.upgrade.recorded import (
    ANSWERS,
    DATABASE,
    FILES,
    YEAR,
    first_difference,
    normalised,
    register,
    restore,
)

DAYS = [datetime.fromisoformat(f"{YEAR}{day}T09:00:00+00:00") for day in ("03-04", "03-25", "04-22")]
"""Where the three sessions are moved to."""

MOVED_ROOT = "/home/ann/work"
"""The folder of the projects as it is kept in the database: one that is not there when the database is opened."""

CART = '''"""A shopping cart."""

from app.prices import total


class Cart:
    """Holds what a customer wants to buy."""

    def __init__(self, currency: str = "EUR") -> None:
        self.currency = currency
        self.lines: list[tuple[str, int]] = []

    def add(self, article: str, count: int = 1) -> None:
        """Put an article in.

        Args:
            article: its number.
            count: how many of it.
        """
        if count < 1:
            raise ValueError("count: at least 1")
        self.lines.append((article, count))

    def sum(self) -> int:
        """What all of it costs, in cents."""
        return total(self.lines)


def _hidden(lines):
    return sorted(lines)
'''

PRICES = '''"""Prices of articles."""

PRICES = {"apple": 30, "bread": 250}


def price(article: str) -> int:
    """The price of an article in cents."""
    return PRICES[article]


def total(lines: list[tuple[str, int]], *, discount: float = 0.0) -> int:
    """The sum over lines of articles and counts.

    Args:
        lines: articles and counts.
        discount: a share that is taken off.
    """
    whole = 0
    for article, count in lines:
        whole += price(article) * count
    return round(whole * (1 - discount))


async def refresh(url: str) -> bool:
    return url.startswith("https:")
'''

MAIL = '''"""Mails to customers."""


def subject(order: int) -> str:
    """The subject line for an order."""
    return f"Your order {order}"
'''

README = """# The shop

A small shop. `Cart` holds what a customer wants, `total(lines, *, discount=0.0)` adds it up.

- Start it with `python -m app`.
- Straße, 東京 and naïve are words too.
"""

GUIDE = """# Prices

## `price(article: str) -> int`

What an article costs.

## `sum_up(lines)`

Was taken out long ago.
"""

TALLY = '''"""Counting words of notes."""


def tally(text):
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return counts
'''

LONG = "\n\n".join(
    f"## Step {number}\n\n{text} "
    + "This step is checked by a second person before the next one begins. " * 4
    for number, text in enumerate(
        [
            "Freeze the main branch and tell the team in the release channel.",
            "Build the container image and push it to the registry under the new tag.",
            "Run the database migration on the staging cluster and compare row counts.",
            "Roll the image out to production, one availability zone after another.",
            "Watch the error rate and the latency of the checkout for thirty minutes.",
            "If anything looks wrong, roll back with the previous tag and write an incident report.",
        ],
        start=1,
    )
)


class Maker:
    """The sessions in which the database comes to be.

    Attributes:
        ids: what was made, by a name of ours, for the questions.
        called: the tools used so far.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = folder / "ltmc.db"
        self.ids: dict[str, Any] = {}
        self.called: set[str] = set()
        self.day = DAYS[0]

    def run(self, day: datetime, work: Callable[[], None]) -> None:
        """Live through a day, then move what it left to `day`."""
        self.day = day
        began = time.time()
        with Session(self.db) as self.client:
            self.listed = {
                tool["name"]: tool["annotations"].get("readOnlyHint") for tool in self.client.tools()
            }
            work()
        self._move(datetime.fromtimestamp(began, UTC), day)
        for path in self._files():
            if path.stat().st_mtime >= began:  # written by the server
                os.utime(path, (day.timestamp() + 3600, day.timestamp() + 3600))

    def call(self, tool: str, project: str | None = "shop", **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must succeed."""
        self.called.add(tool)
        return self.client.ok(tool, **arguments, **({"project_id": project} if project else {}))

    def write(self, name: str, text: str) -> None:
        """Write a file as of the day."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        os.utime(path, (self.day.timestamp(), self.day.timestamp()))

    def save(self) -> None:
        """Write the database and the files to their place beside this module."""
        connection = sqlite3.connect(self.db)
        connection.execute("UPDATE projects SET root_path = replace(root_path, ?1, ?2)", self._moved_root())
        connection.execute(
            "UPDATE projects SET allowed_paths = replace(allowed_paths, ?1, ?2)", self._moved_root()
        )
        connection.commit()
        active = connection.execute("SELECT * FROM sync_sessions WHERE status = 'active'").fetchall()
        assert not active, "the server did not end its sessions; an answer would hang on its process id"
        connection.execute("VACUUM")
        connection.close()
        assert not self.db.with_name("ltmc.db-wal").exists()
        data = self.db.read_bytes()
        assert str(self.folder).encode() not in data, "the database tells where it was made"
        DATABASE.write_bytes(gzip.compress(data, mtime=0))
        files = {
            path.relative_to(self.folder).as_posix(): {
                "modified": int(path.stat().st_mtime),
                "text": path.read_bytes().decode(),
            }
            for path in self._files()
        }
        FILES.write_text(json.dumps(files, ensure_ascii=False, indent=1) + "\n", "utf-8")

    def _moved_root(self) -> dict[str, str]:
        return {"1": str(self.folder), "2": MOVED_ROOT}

    def _files(self) -> list[Path]:
        folders = [self.folder / name for name in ("shop", "notes", "shared")]
        return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())

    def _move(self, began: datetime, day: datetime) -> None:
        """Move every time since `began` by as much as brings `began` to `day`."""
        shape = "%Y-%m-%dT%H:%M:%S.%fZ"

        def moved(value: Any) -> Any:
            try:
                moment = datetime.strptime(value, shape).replace(tzinfo=UTC)
            except (TypeError, ValueError):
                return value
            return value if moment < began else (moment - began + day).strftime(shape)

        connection = sqlite3.connect(self.db)
        connection.create_function("moved", 1, moved)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
                if kind == "TEXT":
                    connection.execute(
                        f"UPDATE {table} SET {column} = moved({column}) WHERE {column} GLOB '2*Z'"
                    )
        connection.commit()
        connection.close()

    # The first day: memories, chats, todos, links, code patterns, the cache.

    def first_day(self) -> None:
        self.write("shop/app/cart.py", CART)
        self.write("shop/app/prices.py", PRICES)
        self.write("shop/app/mail.py", MAIL)
        self.write("shop/README.md", README)
        self.write("shop/docs/prices.md", GUIDE)
        self.write("notes/tally.py", TALLY)
        self.write("notes/ideas.md", "# Ideas\n\nCount words with `tally(text)`.\n")
        self.write("shared/names.md", "# Names\n\nOf people.\n")
        register(self.client, self.folder)
        self.called.add("register_project")
        self._memories()
        self._chats()
        self._todos()
        self._links()
        self._attempts()
        self._cache()

    def _memory(
        self, name: str, file_name: str, content: str, project: str | None = "shop", **more: Any
    ) -> None:
        stored = self.call("store_memory", project, file_name=file_name, content=content, **more)
        self.ids[name] = stored["resource_id"]

    def _memories(self) -> None:
        self._memory(
            "payments",
            "decisions/payments.md",
            "We take Stripe for payments, because its webhooks are signed and retried.",
            tags=["decision", "payments"],
            metadata={"author": "ann", "sprint": 4},
        )
        self._memory(
            "payments 2",
            "decisions/payments.md",
            "We take Adyen for payments: Stripe does not settle in Swiss francs. Its webhooks are signed too.",
            tags=["decision", "payments"],
            metadata={"author": "bob", "sprint": 5},
        )
        self._memory(
            "deploy old", "notes/deploy.md", "Deploy by hand over ssh, on Fridays.", resource_type="note"
        )
        self._memory(
            "deploy",
            "notes/deploy.md",
            "Deploy with the pipeline; nobody logs into the production hosts any more.",
            resource_type="note",
            on_conflict="replace",
            tags=["ops"],
        )
        self._memory("release", "runbooks/release.md", "# Release\n\n" + LONG, tags=["ops", "runbook"])
        self._memory(
            "parse",
            "snippets/parse.py",
            'def parse_money(text):\n    """Cents of a text such as 12.50."""\n'
            "    euros, _, cents = text.partition('.')\n    return int(euros) * 100 + int(cents or 0)\n",
            resource_type="code",
            tags=["money"],
        )
        self._memory(
            "flags",
            "data/flags.json",
            '{"new_checkout": true, "dark_mode": false}',
            resource_type="data",
            metadata={"author": "ann", "active": True},
        )
        self._memory(
            "schema",
            "architecture/database.md",
            "PostgreSQL holds orders and customers. Orders are partitioned by month. The search index of articles "
            "is rebuilt at night, and the cache in Redis is cleared after it.",
            tags=["architecture", "database"],
        )
        self._memory(
            "outage",
            "incidents/2024-01-12.md",
            "On 2024-01-12 the checkout was down for 40 minutes: the connection pool of PostgreSQL ran dry, because "
            'a report held its transactions open. The message was "remaining connection slots are reserved".',
            tags=["incident", "database"],
            metadata={"author": "cem", "severity": "high"},
        )
        self._memory(
            "words",
            "notes/wörter.md",
            "Grüße aus Straßburg: naïve café, 東京の注文, emoji 🛒.",
            resource_type="note",
        )
        self._memory(
            "wrong", "notes/wrong.md", "This was a mistake and is to be forgotten.", resource_type="note"
        )
        self.call(
            "store_memory", file_name="notes/wrong.md", content="This was a mistake and is to be forgotten."
        )
        self.client.bad(
            "store_memory",
            "CONFLICT",
            file_name="notes/deploy.md",
            content="Something else.",
            on_conflict="error",
            project_id="shop",
        )
        self.call("delete_memory", resource_id=self.ids["wrong"])
        self._memory("bees", "bees.md", "Bees overwinter as a cluster; the queen is in its middle.", "notes")
        self._memory(
            "garden",
            "garden.md",
            "Sow the beans after the ice saints, in the middle of May, when the soil is warm.",
            "notes",
            tags=["garden"],
        )
        self._memory(
            "hives", "hives.md", "The queen bee overwinters in the middle of the cluster of bees.", "notes"
        )
        self._memory("style", "preferences.md", "The user wants short answers and tabs of four spaces.", None)
        self._memory(
            "clock", "facts/clock.md", "All servers run in UTC; the cron of backups starts at 02:30.", None
        )

    def _chats(self) -> None:
        def say(content: str, conversation: str = "planning", **more: Any) -> int:
            said = self.call("log_chat", content=content, conversation_id=conversation, **more)
            return int(said["message_id"])

        say("Which payment provider do we take, and why?", agent_name="ann", source_tool="claude-code")
        found = self.call("retrieve_memory", query="payment provider", conversation_id="planning", top_k=3)
        self.ids["chunk"] = found["results"][0]["chunk_id"]
        self.ids["message"] = say(
            "Adyen, because Stripe does not settle in Swiss francs.",
            role="assistant",
            agent_name="helper",
            source_tool="claude-code",
            metadata={"model": "small"},
        )
        say(
            "Then we agreed to move the webhooks first.",
            agent_name="bob",
            context_chunk_ids=[self.ids["chunk"]],
        )
        say("The webhooks were moved.", role="system")
        say("Was the outage discussed with the hoster?", "outage", agent_name="cem", source_tool="cursor")
        self.call("ask_with_context", query="why was the checkout down", conversation_id="outage")
        say("Yes: the pool of connections was too small.", "outage", role="assistant", agent_name="helper")
        say("A long tale. " + "And then the report ran on and on. " * 80, "outage", role="tool")
        self.call(
            "log_chat",
            "notes",
            content="How do bees get through the winter?",
            conversation_id="garden",
            agent_name="ann",
        )

    def _todos(self) -> None:
        def add(name: str, title: str, project: str | None = "shop", **more: Any) -> None:
            self.ids[name] = self.call("add_todo", project, title=title, **more)["todo_id"]

        add(
            "rotate",
            "Rotate the webhook keys",
            description="Both of Adyen and of the mailer.",
            priority="high",
        )
        add("pool", "Raise the connection pool", priority="high")
        add("docs", "Write down how prices are rounded", priority="low")
        add("reports", "Move reports to a replica", description="They hold transactions open.")
        add("typo", "Mend the tpyo in the footer", priority="low")
        add("reopened", "Check the backups")
        add("beans", "Buy bean seeds", "notes")
        self.call("complete_todo", todo_id=self.ids["pool"])
        self.call(
            "update_todo", todo_id=self.ids["typo"], title="Mend the typo in the footer", priority="medium"
        )
        self.call("complete_todo", todo_id=self.ids["reopened"])
        self.call("update_todo", todo_id=self.ids["reopened"], status="pending", description="Restore one.")

    def _links(self) -> None:
        def link(source: Any, relation: str, target: Any, project: str = "shop", **more: Any) -> None:
            self.call(
                "link_resources", project, source_id=source, relation=relation, target_id=target, **more
            )

        link(self.ids["payments 2"], "depends_on", self.ids["schema"], weight=0.8, properties={"since": "v2"})
        link("checkout", "depends_on", "decisions/payments.md")
        link("checkout", "depends_on", "PostgreSQL", weight=0.5)
        link("incidents/2024-01-12.md", "caused_by", "PostgreSQL", properties={"pool": 20})
        link("search", "related to", "checkout", bidirectional=True)
        link("checkout", "depends_on", "PostgreSQL", weight=0.9)
        link("bees.md", "references", "garden.md", "notes")
        ids = [{"id": str(self.ids[name])} for name in ("bees", "hives", "garden")]
        self.call("auto_link_documents", "notes", documents=ids, similarity_threshold=0.6)
        self.call(
            "auto_link_documents", documents=[{"id": str(self.ids["outage"])}], similarity_threshold=0.3
        )

    def _attempts(self) -> None:
        def attempt(name: str, prompt: str, code: str, result: str, **more: Any) -> None:
            logged = self.call(
                "log_code_attempt", input_prompt=prompt, generated_code=code, result=result, **more
            )
            self.ids[name] = logged["pattern_id"]

        read = (
            "import csv\n\n\ndef read_rows(path):\n    with open(path) as file:\n"
            "        return list(csv.reader(file))\n"
        )
        attempt("csv", "read the rows of a csv file", read, "pass", tags=["csv", "io"], execution_time_ms=12)
        attempt(
            "csv again", "read the rows of a csv file", read, "pass", tags="csv, io", execution_time_ms=18
        )
        attempt(
            "csv failed",
            "read the rows of a csv file with a header",
            "def read_dicts(path):\n    return list(csv.DictReader(open(path)))\n",
            "error",
            tags=["csv", "io"],
            file_name="rows.py",
            error_message='Traceback (most recent call last):\n  File "rows.py", line 2\n'
            "NameError: name 'csv' is not defined",
        )
        attempt(
            "retry",
            "call a web service again after a failure",
            "def retry(call, times=3):\n    for left in range(times - 1, -1, -1):\n        try:\n"
            "            return call()\n        except OSError:\n            if not left:\n                raise\n",
            "partial",
            tags=["http", "retry"],
            module_name="app.net",
            execution_time_ms=250,
        )
        attempt(
            "profile",
            "show the profile of a user",
            "function getUserProfile(id) { return fetch(`/users/${id}`).then((r) => r.json()); }",
            "fail",
            tags=["http", "ui"],
            language="JavaScript",
            error_message="TypeError: r.json is not a function",
        )

    def _cache(self) -> None:
        for key, value in {
            "user:1": {"name": "Ann", "roles": ["admin", None]},
            "user:2": {"name": "Bob", "roles": []},
            "rate": 1.25,
            "text": "漢字 and more",
            "nothing": None,
            "page:1": [1, 2, 3],
            "page:2": [4],
        }.items():
            self.call("redis_set_cache", key=key, value=value)
        self.call("redis_set_cache", key="rate", value=1.5)
        self.call("redis_set_cache", key="session", value="over by the time it is asked for", ttl=3600)
        self.call("redis_set_cache", "notes", key="user:1", value="another project's")
        self.call("redis_get_cache", key="rate")
        self.call("redis_get_cache", key="unknown")
        self.call("redis_delete_cache", key="page:2")
        self.call("redis_clear_cache", pattern="page:*")

    # The second day: blueprints of tasks and of code, the team, documentation.

    def second_day(self) -> None:
        self._blueprints()
        self._team()
        self._code()

    def _blueprint(self, name: str, title: str, description: str, project: str = "shop", **more: Any) -> None:
        made = self.call("create_task_blueprint", project, title=title, description=description, **more)
        self.ids[name] = made["blueprint_id"]

    def _blueprints(self) -> None:
        self._blueprint(
            "move",
            "Move payments to Adyen",
            "Migrate the payment provider in production without downtime:\n- implement the API client\n"
            "- verify the signatures of webhooks\n- migrate stored credentials\n- switch traffic over\n"
            "- remove the Stripe code",
            required_skills=["python", "security", "payments"],
            priority_score=0.9,
            tags=["payments", "q2"],
            resource_requirements={"hosts": 2, "keys": ["adyen"]},
        )
        self._blueprint(
            "pool task",
            "Pool connections",
            "Put a connection pool before PostgreSQL and measure the latency under load.",
            complexity="MODERATE",
            estimated_duration_minutes=300,
            required_skills=["postgresql", "devops"],
            priority_score=0.7,
            tags=["database"],
        )
        self._blueprint(
            "report task",
            "Reports from a replica",
            "Set up streaming replication and let the reports read from the replica.",
            required_skills=["postgresql"],
            priority_score=0.6,
            tags=["database", "q2"],
        )
        self._blueprint("typo task", "Fix a typo", "Rename the label in the footer.", priority_score=0.1)
        self._blueprint(
            "crash",
            "Fix the crash of the cart",
            "The cart crashes with an error when a count is zero; a regression of the last release.",
            estimated_duration_minutes=480,
            required_skills=["python", "testing"],
            tags=["bug"],
        )
        self._blueprint(
            "dropped", "Write our own queue", "Build a distributed queue from scratch.", tags=["q2"]
        )
        self._blueprint("gone", "To be deleted", "Nobody needs this.")
        self._blueprint("beds", "Dig the beds", "Dig and then plant the beans.", "notes", tags=["garden"])
        self.call(
            "decompose_task_blueprint",
            blueprint_id=self.ids["move"],
            decomposition_strategy="feature_based",
            max_subtasks=6,
            force=True,
        )
        parts = self.call(
            "decompose_task_blueprint", blueprint_id=self.ids["crash"], template="bug_fix", force=True
        )
        self.ids["parts"] = [part["blueprint_id"] for part in parts["subtasks"]]
        for dependent, prerequisite, kind, critical in (
            ("move", "pool task", "blocking", True),
            ("report task", "pool task", "blocking", False),
            ("typo task", "crash", "soft", False),
            ("move", "report task", "resource", False),
        ):
            self.call(
                "add_blueprint_dependency",
                dependent_blueprint_id=self.ids[dependent],
                prerequisite_blueprint_id=self.ids[prerequisite],
                dependency_type=kind,
                is_critical=critical,
            )
        self.call(
            "update_blueprint_metadata",
            blueprint_id=self.ids["report task"],
            title="Let reports read from a replica",
            priority_score=0.65,
            tags=["database", "reports"],
        )
        self.call("update_blueprint_metadata", blueprint_id=self.ids["dropped"], status="cancelled")
        self.call("update_blueprint_metadata", blueprint_id=self.ids["pool task"], complexity="AUTO")
        self.call("delete_task_blueprint", blueprint_id=self.ids["gone"])

    def _team(self) -> None:
        team = [
            {"id": "ann", "name": "Ann", "skills": ["python", "security"], "capacity": 1.0},
            {"id": "bob", "name": "Bob", "skills": ["postgres", "kubernetes"], "capacity": 0.5},
            {"member_id": "cem", "skills": ["JS", "testing", "python"], "status": "available"},
            {"id": "dee", "name": "Dee", "skills": ["python"], "status": "away"},
        ]

        def assign(name: str, blueprint: str, **preferences: Any) -> None:
            made = self.call(
                "assign_task_to_team",
                blueprint_id=blueprint,
                available_members=team,
                preferences=preferences,
            )
            self.ids[name] = made["assignment_id"]

        assign("pool work", self.ids["pool task"])
        assign("move work", self.ids["move"], prefer_security=True, min_skill_coverage=0.3)
        assign("part work", self.ids["parts"][0], preferred_member_id="cem", balance_workload=True)
        self.call(
            "update_task_progress",
            assignment_id=self.ids["pool work"],
            progress_percentage=40,
            actual_hours_worked=2.5,
            notes="The pool stands, measuring is left.",
        )
        self.call(
            "update_task_progress",
            assignment_id=self.ids["move work"],
            progress_percentage=10,
            status="blocked",
            notes="The keys are not there yet.",
        )

    def _code(self) -> None:
        for name, file_path, title in (
            ("cart code", "app/cart.py", "The cart"),
            ("prices code", "app/prices.py", None),
        ):
            made = self.call("create_blueprint_from_code", file_path=file_path, title=title)
            self.ids[name] = made["blueprint_id"]
        made = self.call("create_blueprint_from_code", "notes", file_path="tally.py")
        self.ids["tally code"] = made["blueprint_id"]
        self.call(
            "update_blueprint_structure", blueprint_id=self.ids["crash"], file_path="app/cart.py"
        )  # a task that is to change a file
        self.call("sync_documentation_with_code", file_path="app/cart.py")
        self.call("sync_documentation_with_code", file_path="app/mail.py", doc_path="docs/mail.md")
        self.call("update_documentation_from_blueprint", blueprint_id=self.ids["crash"])
        self.call(
            "update_documentation_from_blueprint",
            blueprint_id=self.ids["cart code"],
            sections=["api_documentation", "architecture_diagram"],
            doc_path="docs/design/cart.md",
        )
        self.call(
            "detect_code_changes", file_paths=["app/cart.py", "app/prices.py", "app/mail.py", "README.md"]
        )
        self.call("detect_code_changes", "notes", file_paths=["tally.py"])

    # The third day: code changes, work goes on, live sync.

    def third_day(self) -> None:
        self.write(
            "shop/app/prices.py",
            PRICES.replace("discount: float = 0.0)", "discount: float = 0.0, tax: float = 0.19)"),
        )
        self.write("shop/app/cart.py", CART.replace("count: int = 1)", "count: int = 1, *, note: str = '')"))
        self.call("detect_code_changes", file_paths=["app/prices.py"], update_baseline=True)
        self.call(
            "update_blueprint_structure", blueprint_id=self.ids["prices code"], file_path="app/prices.py"
        )
        self._live()
        self.call(
            "update_task_progress",
            assignment_id=self.ids["pool work"],
            progress_percentage=100,
            actual_hours_worked=7.5,
        )
        self.call(
            "update_task_progress",
            assignment_id=self.ids["part work"],
            progress_percentage=60,
            actual_hours_worked=1,
        )
        self.call(
            "assign_task_to_team",
            blueprint_id=self.ids["report task"],
            available_members=[{"id": "bob"}],
            preferences={"min_skill_coverage": 0},
        )
        self._memory(
            "pool done",
            "decisions/pool.md",
            "The connection pool is PgBouncer with 50 server connections; reports go to the replica.",
            tags=["decision", "database"],
            metadata={"author": "bob", "sprint": 8},
        )
        self.call("log_chat", content="The pool is done.", conversation_id="outage", agent_name="bob")
        self.call(
            "log_code_attempt",
            input_prompt="read the rows of a csv file with a header",
            generated_code="import csv\n\n\ndef read_dicts(path):\n    with open(path) as file:\n"
            "        return list(csv.DictReader(file))\n",
            result="pass",
            tags=["csv", "io"],
            file_name="rows.py",
            execution_time_ms=15,
        )
        self.call("route_query", query="which todo tasks are pending?")
        self.call("build_context", query="connections of the database", max_tokens=300)

    def _live(self) -> None:
        """A session that saw changes and was stopped, and one that the end of the server cuts off."""
        started = self.call("start_real_time_sync", file_paths=["app", "docs"], sync_interval_ms=100)
        self.ids["sync"] = started["sync_id"]
        self.write("shop/app/mail.py", MAIL.replace("order: int", "order: int, name: str = ''"))
        self._until(lambda found: found["sessions"][0]["syncs_done"] == 1)
        self.call("stop_real_time_sync", sync_id=started["sync_id"])
        self.ids["cut off"] = self.call("start_real_time_sync", file_paths=["README.md"])["sync_id"]
        self.call("start_real_time_sync", "notes", file_paths=["."], auto_sync=False)

    def _until(self, done: Callable[[dict[str, Any]], bool]) -> None:
        end = time.monotonic() + 20
        while not done(found := self.call("get_sync_status")):
            assert time.monotonic() < end, found
            time.sleep(0.05)


def questions(ids: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every tool that only reads, with its arguments.

    No question may depend on the day it is asked: none of the current month or year, none of a day without year.
    (3650 days reach the stored times until 2034.)
    """
    shop, notes = {"project_id": "shop"}, {"project_id": "notes"}
    every = {"project_id": "*"}
    blueprints = [ids[name] for name in ("move", "pool task", "report task", "typo task", "crash")]

    def over(tool: str, name: str, *values: Any, **more: Any) -> list[tuple[str, dict[str, Any]]]:
        return [(tool, {name: value, **more}) for value in values]

    return [
        # First, while the log of use holds only what was stored.
        ("get_context_usage_statistics", {}),
        ("get_context_usage_statistics", shop),
        ("get_context_usage_statistics", {**every, "top_k": 3}),
        ("get_context_usage_statistics", {**shop, "time_range_days": 3650, "top_k": 2}),
        ("get_chats_by_tool", {**shop, "source_tool": "claude-code"}),
        ("get_chats_by_tool", {**shop, "source_tool": "retrieve_memory"}),
        (
            "get_chats_by_tool",
            {**shop, "source_tool": "ask_with_context", "conversation_id": "outage", "limit": 2},
        ),
        ("get_chats_by_tool", {**shop, "source_tool": "log_chat", "limit": 3, "offset": 2}),
        ("get_chats_by_tool", {**notes, "source_tool": "nobody"}),
        ("redis_cache_stats", {}),
        ("redis_cache_stats", shop),
        ("redis_cache_stats", notes),
        *over(
            "redis_get_cache",
            "key",
            "user:1",
            "user:2",
            "rate",
            "text",
            "nothing",
            "session",
            "page:1",
            **shop,
        ),
        *over("redis_get_cache", "key", "user:1", "rate", **notes),
        ("redis_cache_stats", shop),
        ("redis_health_check", {}),
        # Projects.
        ("list_projects", {}),
        ("list_projects", {"limit": 1, "offset": 1}),
        # Memories.
        *over(
            "retrieve_memory",
            "query",
            "why did we choose the payment provider",
            "connection pool of the database ran dry",
            '"remaining connection slots"',
            "how is a release rolled out and rolled back",
            "outage in January 2024",
            "decisions of April 2024",
            "parse_money",
            "東京 café",
            "nothing that anybody wrote about zeppelins",
            **shop,
        ),
        ("retrieve_memory", {**shop, "query": "webhooks", "top_k": 2, "offset": 1, "explain": True}),
        ("retrieve_memory", {**shop, "query": "deploy to production", "resource_type": "note"}),
        ("retrieve_memory", {**shop, "query": "database", "min_score": 0.4, "top_k": 10}),
        ("retrieve_memory", {**shop, "query": "webhooks of payments", "conversation_id": "planning"}),
        ("retrieve_memory", {**notes, "query": "queen bee in winter"}),
        ("retrieve_memory", {"query": "what does the user like"}),
        ("retrieve_memory", {"query": " "}),
        ("ask_with_context", {**shop, "query": "Why was the checkout down?", "conversation_id": "outage"}),
        (
            "ask_with_context",
            {
                **shop,
                "query": "Which payment provider?",
                "top_k": 2,
                "max_tokens": 200,
                "include_history": False,
            },
        ),
        ("ask_with_context", {**notes, "query": "When are beans sown?"}),
        ("ask_with_context", {"query": "In which time zone do servers run?", "max_tokens": 64}),
        (
            "build_context",
            {
                "documents": [
                    {"content": "Short and important.", "title": "One", "score": 0.9, "type": "note"},
                    {"content": "A longer text about trains and boats. " * 30, "id": "two"},
                    {"content": "Short and important.", "id": 3, "score": 0.1},
                ],
                "max_tokens": 120,
            },
        ),
        ("build_context", {**shop, "query": "how do we release", "max_tokens": 500}),
        ("build_context", {**shop, "query": "database incident", "top_k": 3, "max_tokens": 100}),
        *over(
            "route_query",
            "query",
            "which todo tasks are pending?",
            "what was agreed in the discussion about webhooks",
            "python function to read csv rows",
            "what depends on checkout, in the graph",
            "blueprint that was planned for payments",
            "why does the pool run dry",
            "latest and newest",
            '"connection slots"',
            **shop,
        ),
        ("route_query", {**shop, "query": "open tasks about keys", "execute": False}),
        (
            "route_query",
            {
                **shop,
                "query": "what did ann say about payment",
                "available_methods": ["chat_history", "keyword_search"],
                "conversation_id": "planning",
                "top_k": 2,
            },
        ),
        ("route_query", {**shop, "query": "anything", "available_methods": ["magic"]}),
        *over(
            "retrieve_by_type",
            "doc_type",
            *("document", "code", "note", "data", "chat", "todo", "pattern", "blueprint"),
            query="database connection",
            **shop,
        ),
        *over(
            "retrieve_by_type",
            "doc_type",
            *("document", "code", "note", "data", "chat", "todo", "pattern", "blueprint"),
            query="",
            top_k=3,
            **shop,
        ),
        ("retrieve_by_type", {**shop, "query": "", "doc_type": "document", "top_k": 2, "offset": 2}),
        ("retrieve_by_type", {**shop, "query": "x", "doc_type": "film"}),
        ("advanced_context_search", {**shop, "query": "webhooks", "explain": True}),
        *over(
            "advanced_context_search",
            "filters",
            {"tags_any": ["decision", "incident"]},
            {"tags_all": ["decision", "database"]},
            {"metadata.author": "ann"},
            {"metadata.active": True},
            {"file_name": "notes/*"},
            {"sources": "chat", "role": ["user", "assistant"], "agent_name": "helper"},
            {"sources": ["pattern"], "language": "python"},
            {"date_from": "2024-04-01"},
            {
                "date_from": "2024-03-01",
                "date_to": "2024-03-31",
                "sources": "memory",
                "resource_type": "note",
            },
            {"colour": "red"},
            query="",
            top_k=10,
            **shop,
        ),
        ("advanced_context_search", {**shop, "query": "pool", "filters": {"conversation_id": "outage"}}),
        (
            "advanced_context_search",
            {**shop, "query": "csv", "filters": {"sources": "pattern", "min_score": 0.2}},
        ),
        ("advanced_context_search", {**shop, "query": "database", "top_k": 3, "offset": 3}),
        ("advanced_context_search", {**shop, "query": ""}),
        *over("get_memory", "resource_id", ids["payments"], ids["payments 2"], ids["deploy old"], **shop),
        *over("get_memory", "resource_id", ids["words"], ids["wrong"], **shop),
        ("get_memory", {**shop, "resource_id": ids["release"], "offset": 100, "max_characters": 200}),
        ("get_memory", {**shop, "chunk_id": ids["chunk"]}),
        ("get_memory", {**shop, "message_id": ids["message"]}),
        ("get_memory", {**shop, "pattern_id": ids["csv failed"]}),
        ("get_memory", {**notes, "resource_id": ids["payments"]}),
        # Chats.
        ("get_chat_history", {**shop, "conversation_id": "planning"}),
        ("get_chat_history", {**shop, "conversation_id": "outage", "newest_first": True, "limit": 2}),
        ("get_chat_history", {**shop, "conversation_id": "outage", "offset": 2}),
        ("get_chat_history", {**notes, "conversation_id": "garden"}),
        ("get_chat_history", {"conversation_id": "planning"}),
        # Todos.
        ("list_todos", shop),
        ("list_todos", notes),
        ("list_todos", {**shop, "status": "completed"}),
        ("list_todos", {**shop, "status": "pending", "sort": "created", "limit": 2, "offset": 1}),
        ("list_todos", {**shop, "priority": "high"}),
        ("search_todos", {**shop, "query": "key"}),
        ("search_todos", {**shop, "query": "connection pool", "status": "completed"}),
        ("search_todos", {**shop, "query": "the", "limit": 2}),
        ("search_todos", {**notes, "query": "seeds"}),
        # The graph.
        ("query_graph", {**shop, "entity": "checkout"}),
        ("query_graph", {**shop, "entity": "checkout", "max_depth": 3, "limit": 10}),
        ("query_graph", {**shop, "entity": "PostgreSQL", "direction": "incoming"}),
        (
            "query_graph",
            {**shop, "entity": "checkout", "relation_type": "depends_on", "direction": "outgoing"},
        ),
        ("query_graph", {**shop, "entity": ids["schema"], "relation_type": ["depends_on", "documents"]}),
        ("query_graph", {**notes, "entity": "bees.md", "max_depth": 2}),
        ("query_graph", {**shop, "entity": "chekout"}),
        ("get_document_relationships", {**shop, "doc_id": "decisions/payments.md"}),
        ("get_document_relationships", {**shop, "doc_id": ids["outage"], "max_depth": 2}),
        ("get_document_relationships", {**notes, "doc_id": ids["bees"], "include_metadata": False}),
        ("get_document_relationships", {**shop, "doc_id": "docs/api/app.cart.md", "max_depth": 2}),
        # Code patterns.
        ("get_code_patterns", {**shop, "query": "read a csv file"}),
        ("get_code_patterns", {**shop, "query": "csv", "result_filter": "pass", "explain": True}),
        ("get_code_patterns", {**shop, "query": "user profile", "language": "javascript"}),
        ("get_code_patterns", {**shop, "query": "http", "tags": "retry", "top_k": 1}),
        ("get_code_patterns", {**shop, "query": "rows", "file_name": "rows.py", "offset": 1}),
        ("analyze_code_patterns", shop),
        ("analyze_code_patterns", {**shop, "tags": ["csv"], "time_range_days": 3650}),
        ("analyze_code_patterns", {**shop, "time_range_days": 30}),
        ("analyze_code_patterns", {**every, "query": "csv header"}),
        ("get_code_statistics", shop),
        ("get_code_statistics", every),
        ("get_code_statistics", {}),
        # Blueprints.
        *over("get_blueprint", "blueprint_id", *blueprints, ids["cart code"], ids["prices code"], **shop),
        *over("get_blueprint", "blueprint_id", ids["dropped"], ids["parts"][0], ids["gone"]),
        ("list_project_blueprints", {**shop, "limit": 50}),
        ("list_project_blueprints", notes),
        ("list_project_blueprints", {**shop, "kind": "code"}),
        ("list_project_blueprints", {**shop, "status": "active", "limit": 2}),
        ("list_project_blueprints", {**shop, "parent_id": ids["crash"]}),
        ("list_project_blueprints", {**shop, "tags": ["q2"], "min_complexity": "SIMPLE"}),
        ("list_project_blueprints", {**shop, "max_complexity": "TRIVIAL", "offset": 1}),
        *over("get_task_dependencies", "blueprint_id", *blueprints, include_transitive=True),
        ("get_task_dependencies", {**shop, "blueprint_id": ids["parts"][-1]}),
        ("resolve_blueprint_execution_order", {**shop, "blueprint_ids": blueprints}),
        (
            "resolve_blueprint_execution_order",
            {**shop, "blueprint_ids": [ids["move"], *ids["parts"]], "include_prerequisites": True},
        ),
        (
            "analyze_task_complexity",
            {
                **shop,
                "title": "Move invoices to a new provider",
                "description": "Migrate payments in production, verify the API and then switch over.",
                "required_skills": ["python", "payments"],
            },
        ),
        (
            "analyze_task_complexity",
            {**notes, "title": "Fix a typo", "description": "In the label of a jar."},
        ),
        ("get_team_workload_overview", shop),
        ("get_team_workload_overview", every),
        (
            "get_team_workload_overview",
            {**shop, "team_members": [{"id": "bob", "capacity": 0.1}, {"id": "new", "name": "New"}]},
        ),
        ("get_taskmaster_performance_metrics", shop),
        ("get_taskmaster_performance_metrics", {**every, "time_range_days": 3650}),
        ("get_taskmaster_performance_metrics", {**shop, "time_range_days": 30}),
        # Blueprints of code.
        ("validate_blueprint_consistency", {"blueprint_id": ids["cart code"], "file_path": "app/cart.py"}),
        (
            "validate_blueprint_consistency",
            {"blueprint_id": ids["prices code"], "file_path": "app/prices.py"},
        ),
        (
            "validate_blueprint_consistency",
            {"blueprint_id": ids["crash"], "file_path": "app/cart.py", **shop},
        ),
        (
            "validate_blueprint_consistency",
            {"blueprint_id": ids["tally code"], "file_path": "tally.py", **notes},
        ),
        *over(
            "query_blueprint_relationships", "node_id", ids["cart code"], ids["move"], ids["crash"], **shop
        ),
        ("query_blueprint_relationships", {**shop, "node_id": ids["move"], "max_depth": 3, "limit": 20}),
        (
            "query_blueprint_relationships",
            {
                **shop,
                "node_id": ids["pool task"],
                "relationship_types": ["depends_on"],
                "direction": "incoming",
            },
        ),
        *over(
            "generate_blueprint_documentation",
            "format",
            *("markdown", "html", "rst", "json", "txt"),
            blueprint_id=ids["cart code"],
        ),
        ("generate_blueprint_documentation", {**shop, "blueprint_id": ids["move"]}),
        ("generate_blueprint_documentation", {"blueprint_id": ids["crash"], "include_relationships": False}),
        # Documentation.
        *over(
            "validate_documentation_consistency",
            "file_path",
            *("app/cart.py", "app/prices.py", "app/mail.py", "app/none.py", "../elsewhere.py"),
            **shop,
        ),
        (
            "validate_documentation_consistency",
            {**shop, "file_path": "app/prices.py", "doc_path": "docs/prices.md"},
        ),
        ("validate_documentation_consistency", {**notes, "file_path": "tally.py"}),
        *over(
            "detect_documentation_drift", "file_path", "app/cart.py", "app/prices.py", "app/mail.py", **shop
        ),
        (
            "detect_documentation_drift",
            {
                **shop,
                "file_path": "app/prices.py",
                "doc_path": "docs/prices.md",
                "time_threshold_hours": 1_000_000,
            },
        ),
        (
            "get_documentation_consistency_score",
            {**shop, "file_path": "app/cart.py", "detailed_analysis": True},
        ),
        ("get_documentation_consistency_score", {**shop, "file_path": "app/mail.py"}),
        (
            "get_documentation_consistency_score",
            {**shop, "file_path": "app/prices.py", "doc_source": "docstrings", "detailed_analysis": True},
        ),
        ("get_documentation_consistency_score", {**notes, "file_path": "tally.py"}),
        # Live sync.
        ("get_sync_status", shop),
        ("get_sync_status", {**notes, "limit": 5}),
        ("get_sync_status", {"sync_id": ids["sync"]}),
        ("get_sync_status", {"sync_id": ids["cut off"], "limit": 1}),
        ("get_sync_status", {"sync_id": "sync_unknown"}),
        # Last, for it counts the calls.
        ("get_performance_report", every),
        ("get_performance_report", {**shop, "time_range_hours": 1}),
        ("get_performance_report", {"time_range_hours": 720}),
    ]


def answers(asked: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The answers over what was saved, each with its call."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Session(restore(folder)) as client:
            register(client, folder)
            return [
                {
                    "tool": tool,
                    "arguments": arguments,
                    "answer": normalised(tool, client.any(tool, **arguments), folder),
                }
                for tool, arguments in asked
            ]


def main() -> None:
    """Make the database, then ask twice over: what differs between the two is not normalised yet."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "home").mkdir()
        os.environ["HOME"] = str(folder / "home")  # keeps to itself
        maker = Maker(folder)
        for day, work in zip(DAYS, (maker.first_day, maker.second_day, maker.third_day), strict=True):
            maker.run(day, work)
        maker.save()
        writing = {tool for tool, reads in maker.listed.items() if not reads}
        assert writing <= maker.called, f"never called: {writing - maker.called}"
        asked = questions(maker.ids)
        reading = {tool for tool, reads in maker.listed.items() if reads}
        assert {tool for tool, _ in asked} == reading, {tool for tool, _ in asked} ^ reading
        first, second = answers(asked), answers(asked)
    for one, other in zip(first, second, strict=True):
        assert (difference := first_difference(one, other)) is None, (
            one["tool"],
            one["arguments"],
            difference,
        )
    lines = ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in first)
    ANSWERS.write_text(f"[\n{lines}\n]\n", "utf-8")
    for path in (DATABASE, FILES, ANSWERS):
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    print(f"{len(first)} answers of {len(reading)} tools")


if __name__ == "__main__":
    main()
