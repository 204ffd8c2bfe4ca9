"""What was kept of version 1.0: a database, the files of its projects, and its answers over both.

`make_database.py` wrote them, `test_upgrade.py` compares with them. No line here may depend on how the server
is built inside, for that is what changes between the two.

What is answered otherwise on purpose was changed in the record since:
- One thing has one name in an answer: a message that a search found has `created_at` and no `timestamp` beside it,
  a todo `relevance_score` and no `score`; the graph calls a memory ``resource:<id>`` everywhere.
- Of a name only the newest version is current, found and counted; the others are superseded.
- A hit of a filtered search does not repeat the filters, and the walks of the graph are pages with `has_more`.
- The order of work has `titles`, and the workload of a member `assignments`.
"""

import gzip
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from tests.client import Session

HERE = Path(__file__).parent
DATABASE = HERE / "v1_0.db.gz"
FILES = HERE / "v1_0_files.json"
ANSWERS = HERE / "v1_0_answers.json"

YEAR = "2024-"
"""Every time in the database was moved into this year, so that a time of another year is one of the call."""

VARIES = {
    "age_hours",  # of a file, now
    "db_bytes",
    "free_bytes",
    "latency_ms",
    "memory",  # of the cache's backend, with SQLite that of the whole database
    "route_id",  # random
    "uptime_seconds",
}
"""Keys whose values differ from call to call."""

VARIES_IN = {
    # What the server is made of and how fast it was, not what the database holds.
    "get_performance_report": {
        "server",
        "registered",
        "by_category",
        "never_called",
        "latency",
        "slow_tools",
        "targets",
        "recommendations",
        "backends",  # the probes of a report read less than those of 1.0, and say less
    },
    "redis_health_check": {"version"},  # of SQLite
    # What is left goes by the hours worked, and a parent counts once.
    "get_team_workload_overview": {"remaining_hours", "utilization", "average_utilization"},
    "get_taskmaster_performance_metrics": {"skills", "team_utilization"},
}
"""Further keys by tool."""

SEARCHES = {
    "advanced_context_search",
    "analyze_task_complexity",
    "ask_with_context",
    "build_context",
    "get_code_patterns",
    "get_document_relationships",
    "retrieve_by_type",
    "retrieve_memory",
    "route_query",
    "search_todos",
}
"""Tools that search: a better search finds otherwise, so only the names in their answers are compared, and that the
best result of 1.0 is still found."""

GONE = {".route_id", ".results.matched_filters"}
"""What a search answers no more: routes learn nothing from outcomes, so that none needs an id, and each hit matched
all of the filters, which `filters_applied` says once."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{6}Z)?")


def normalised(tool: str, answer: Any, folder: Path) -> Any:
    """An answer without what differs from call to call, although the database is the same.

    Values of the keys above and times of another year become ``<varies>`` (what is null stays null), and the
    folder in which the projects lie becomes ``<folder>``.
    """
    if isinstance(answer, dict):
        varies = VARIES | VARIES_IN.get(tool, set())
        return {
            key: "<varies>" if key in varies and value is not None else normalised(tool, value, folder)
            for key, value in answer.items()
        }
    if isinstance(answer, list):
        return [normalised(tool, one, folder) for one in answer]
    if isinstance(answer, str):
        if _TIME.fullmatch(answer) and not answer.startswith(YEAR):
            return "<varies>"
        return answer.replace(str(folder.resolve()), "<folder>")
    return answer


def restore(folder: Path) -> Path:
    """Put the database and the files of its projects into a folder; the path of the database."""
    database = folder / "ltmc.db"
    database.write_bytes(gzip.decompress(DATABASE.read_bytes()))
    database.chmod(0o600)
    for name, file in json.loads(FILES.read_text("utf-8")).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file["text"].encode())
        os.utime(path, (file["modified"], file["modified"]))
    return database


def register(client: Session, folder: Path) -> None:
    """Say where the files of the projects are, which is what a user does who moved them."""
    client.ok(
        "register_project",
        project_id="shop",
        root_path=str(folder / "shop"),
        name="The shop",
        allowed_paths=[str(folder / "shared")],
    )
    client.ok("register_project", project_id="notes", root_path=str(folder / "notes"))


def names(answer: Any, path: str = "") -> set[str]:
    """The path of every key in an answer, without the places in lists."""
    if isinstance(answer, dict):
        return set().union(
            *({f"{path}.{key}"} | names(value, f"{path}.{key}") for key, value in answer.items())
        )
    if isinstance(answer, list):
        return set().union(*(names(one, path) for one in answer))
    return set()


def lost(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What a search of 1.0 answered and this one does not, or ''."""
    if missing := sorted(names(old) - names(new) - GONE):
        return f": has no {missing[0]}"
    for key in ("results", "patterns", "todos"):
        ids = [_identity(one) for one in new.get(key, [])]
        if old.get(key) and ids and _identity(old[key][0]) not in ids:
            return f".{key}: lacks {_identity(old[key][0])}"
    return ""


def _identity(hit: dict[str, Any]) -> list[Any]:
    return [hit.get(key) for key in ("resource_id", "message_id", "todo_id", "pattern_id", "blueprint_id")]


def first_difference(recorded: Any, found: Any, place: str = "") -> str | None:
    """Where two answers differ first and what stands there; None where they do not."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        for key in [*recorded, *(key for key in found if key not in recorded)]:
            if key not in found:
                return f"{place}.{key}: is missing, was {recorded[key]!r}"
            if key not in recorded:
                return f"{place}.{key}: is new, {found[key]!r}"
            if difference := first_difference(recorded[key], found[key], f"{place}.{key}"):
                return difference
        return None
    if isinstance(recorded, list) and isinstance(found, list):
        for number, (was, now) in enumerate(zip(recorded, found, strict=False)):
            if difference := first_difference(was, now, f"{place}[{number}]"):
                return difference
        if len(recorded) != len(found):
            return f"{place}: has {len(found)} members, had {len(recorded)}"
        return None
    # 1, 1.0 and True are equal to Python, and not the same to a client.
    same = type(recorded) is type(found) and recorded == found
    if sys.version_info >= (3, 12) and type(recorded) is type(found) and type(found) in (float, str):
        # Recorded on 3.11: from 3.12 on sum() of floats is compensated, so the fourth place may be rounded otherwise.
        was, now = (re.split(r"(\d+\.\d+)", str(value)) for value in (recorded, found))
        numbers = zip(was[1::2], now[1::2], strict=False)
        same = was[::2] == now[::2] and all(abs(float(a) - float(b)) < 0.00015 for a, b in numbers)
    return None if same else f"{place}: is {found!r}, was {recorded!r}"
