"""How long another client's ping takes while a tool works on the largest input that it accepts.

    python -m tests.soak.ping [--memories 10000] [--size 1000000] [--only TOOL ...]

A server over HTTP has a database of 10,000 memories, 2,000 messages, todos and blueprints, and a graph of 20,000
edges. One client calls every tool of the manifest, each argument as long as its type allows, the long texts in
each of several shapes that regular expressions and parsers like least; files are as large as LTMC reads. Another
client, on its own connection, pings every 50 ms during the call and a moment after it.

Prints, for each tool, its worst ping: how long it took by the clock, and how much of a processor the server used
meanwhile; the shape, the length of the call and the load of the machine, which a ping waits for too.
Exits with 1 if a ping took longer than 0.5 s.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltmc.search import index
from ltmc.storage.sqlite.database import Database
from ltmc.tools import manifest, selection
from ltmc.tools.arguments import LONGEST_OBJECT
from ltmc.tools.binding import bind
from tests.benchmarks.search import Texts, fill
from tests.http.serving import Serving
from tests.soak.http_load import Peer

LONGEST_PING = 0.5
EVERY = 0.05
AFTERWARDS = 0.2
LONGEST_TEXT, LONGEST_FILE, LONGEST_REQUEST = 1_000_000, 2 * 1024 * 1024, 15_000_000
PROJECT = "default"
SHAPES = {
    "words": "some words that are all indexed, number 12 ",
    "password": "password=",
    "questions": "?",
    "lines": "\n",
    "blanks": " \n",
    "functions": "int a(",
    "brackets": "def a(" + ")" * 60,
    "comments": "/* ",
    "docstrings": "Args:\n",
    "ideographs": "中文",
    "one word": "a",
    "sentences": "A. ",
}
MANY_ROWS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO todos (project_id, title, description, priority, status, created_at)
SELECT 'default', 'todo ' || i, printf('%.5000c', 'x'), 1 + i % 3, 'pending', '2026-01-01T00:00:00Z' FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO blueprints (blueprint_id, project_id, kind, title, description, complexity, complexity_score,
    complexity_source, estimated_duration_minutes, status, created_at, updated_at)
SELECT printf('bp_%012d', i), 'default', 'task', 'task ' || i, printf('%.9000c', 'x'), 'COMPLEX', 0.9, 'auto',
    4000, 'draft', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z' FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000), k(j) AS (VALUES (1), (2), (7), (40))
INSERT INTO blueprint_dependencies SELECT printf('bp_%012d', i + j), printf('bp_%012d', i), 'blocking', 0,
    '2026-01-01T00:00:00Z' FROM n, k WHERE i > 100 AND i + j <= 2000;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
INSERT INTO graph_nodes (project_id, node_id, kind, label, created_at)
SELECT 'default', 'node' || i, 'entity', printf('%.100c', 'x') || i, '2026-01-01T00:00:00Z' FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000),
    k(j) AS (VALUES (1), (3), (9), (50), (700))
INSERT INTO graph_edges (project_id, source_id, target_id, relation, created_at, updated_at)
SELECT 'default', 'node' || i, 'node' || (1 + (i + j) % 4000), 'uses', '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z' FROM n, k;
"""


@dataclass
class Slowest:
    """A tool's worst ping, in seconds; `computed`: how much of a processor the server used until it answered."""

    ping: float
    computed: float
    call: float
    load: float
    shape: str
    refused: bool

    def __str__(self) -> str:
        return (
            f"{self.ping * 1000:5.0f} ms, computed {self.computed * 1000:5.0f} ms  {self.shape:14} "
            f"call {self.call:5.2f} s, load {self.load:4.1f}{', refused' if self.refused else ''}"
        )


async def fill_database(db: Path, memories: int) -> None:
    """Make a large database."""
    database, texts = Database(db), Texts()
    await fill(database, "chunk", [texts.text(25) for _ in range(memories)], index.prepared)
    await fill(database, "message", [texts.text(25) for _ in range(memories // 5)], index.prepared)
    await database.close()
    with sqlite3.connect(db) as connection:
        connection.executescript(MANY_ROWS)
    connection.close()


def fill_folder(folder: Path, size: int) -> list[str]:
    """Write files as large as LTMC reads, and many; return the names of those to read one by one."""
    few = {
        "pieces.py": 'x = f"' + "{a}" * (size // 3) + '"\n',
        "functions.py": "".join(f"def f{number}(a: int = 1): return a\n" for number in range(size // 250)),
        "docstring.py": 'def f(a):\n    """F.\n\n    Args:\n'
        + "        a: of b.\n" * (size // 17)
        + '    """\n',
        "long.py": "x = 1\n" * (size // 6),
        "heading.md": ("# a" + " " * 1_990 + "x\n") * (size // 2_000),
        "quotes.md": "> " * (size // 2),
        "links.md": "[a](" * (size // 4),
    }
    for name, text in few.items():
        (folder / name).write_text(text)
    (folder / ".gitignore").write_text(("*a" * 100 + "b\n") * 200)
    for number in range(size // 450):
        (folder / f"{number:0>100}.py").write_text(f"def f{number}(): ...\n")
    return list(few)


def parts_of(size: int, text: str) -> dict[str, Any]:
    """Return a JSON object of about a size, with one long text, many keys and deep lists."""
    third = size // 3
    return {
        "long": text[:third],
        "many": {f"k{n}": n for n in range(third // 14)},
        "deep": [[1]] * (third // 6),
    }


def calls(
    tool: manifest.Tool, given: dict[str, Any], files: list[str], shapes: dict[str, str], size: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (shape, arguments) with which a tool is called."""
    properties = bind(tool.module, tool.name).model.model_json_schema()["properties"]
    markdown = [name for name in files if name.endswith(".md")]
    code = [name for name in files if name.endswith(".py")]

    def arguments(text: str, file: int) -> dict[str, Any]:
        kept = parts_of(min(size, LONGEST_OBJECT * 4 // 5), text)
        special = {
            **given,
            "file_path": code[file % len(code)],
            "doc_path": markdown[file % len(markdown)],
            "tags": [f"{n} {text.strip()[:40]}" for n in range(32)],
            "required_skills": [f"{n} {text.strip()[:40]}" for n in range(50)],
            **dict.fromkeys(("metadata", "properties", "resource_requirements"), kept),
            "value": parts_of(size * 9 // 10, text),
            "documents": [
                {
                    "id": f"document {n}",
                    "content": text[: LONGEST_REQUEST * size // len(json.dumps(text)) // 200],
                }
                for n in range(min(200, size // 1_000))
            ],
        }
        found: dict[str, Any] = {}
        for name, schema in properties.items():
            kinds = [schema, *schema.get("anyOf", [])]
            longest = max((kind.get("maxLength", 0) for kind in kinds), default=0)
            if name in OMITTED.get(tool.name, ()):
                continue
            if name in special:
                found[name] = special[name]
            elif (
                any("maximum" in kind and kind.get("type") == "integer" for kind in kinds)
                and name in GREATEST
            ):
                found[name] = max(kind.get("maximum", 0) for kind in kinds)
            elif longest:
                found[name] = text[: min(longest, size)]
        return found | SPECIAL.get(tool.name, {})

    long = any(
        name in properties
        for name in (
            "content",
            "generated_code",
            "query",
            "description",
            "documents",
            "value",
            "tool_response",
        )
    )
    for place, (shape, piece) in enumerate(shapes.items()):
        text = ("x" + piece * (size // len(piece) + 1))[:size]
        by_file = "file_path" in properties
        if long or by_file or not place:
            yield files[place % len(files)] if by_file and not long else shape, arguments(text, place)


GREATEST = ("top_k", "limit", "max_depth", "max_tokens", "max_characters", "max_links", "max_subtasks")
OMITTED = {
    "retrieve_memory": ("resource_type", "conversation_id"),
    "get_memory": ("chunk_id", "message_id", "pattern_id", "file_name", "version"),
    "update_memory": (
        "resource_id",
        "supersedes",
        "agrees_with",
        "valid_from",
        "valid_until",
        "expires",
    ),
    "update_todo": ("due",),
    "add_todo": ("due",),
    "forget": ("ids", "conversation_id", "tag", "confirm", "undo"),
    "memory_history": ("resource_id",),
    "update_blueprint_metadata": ("complexity", "status"),
    "get_code_patterns": ("tags", "function_name", "file_name", "module_name", "language"),
    "analyze_code_patterns": ("tags", "function_name", "file_name", "module_name", "query"),
    "decompose_task_blueprint": ("template",),
    "list_project_blueprints": ("tags", "parent_id"),
    "query_graph": ("relation_type",),
    "query_blueprint_relationships": ("relationship_types",),
    "get_sync_status": ("sync_id",),
    "create_blueprint_from_code": ("title",),
    "register_project": ("allowed_paths",),
    "build_context": ("query",),
    "log_chat": ("context_chunk_ids",),
}
SPECIAL: dict[str, dict[str, Any]] = {
    "retrieve_by_type": {"doc_type": "document"},
    "advanced_context_search": {
        "filters": {"file_name": ["*a" * 100] * 20, "sources": ["memory", "chat", "pattern"]}
    },
    "log_code_attempt": {"result": "fail"},
    "delete_task_blueprint": {"blueprint_id": "bp_000000001500"},
    "decompose_task_blueprint": {"force": True, "replace": True},
    "resolve_blueprint_execution_order": {"include_prerequisites": True},
    "get_task_dependencies": {"include_transitive": True},
    "update_task_progress": {"progress_percentage": 10},
    "forget": {"kind": "memory", "prefix": "m", "before": "2999-01-01"},
    "hook_event": {"event": "tool", "tool_name": "Bash"},
    "auto_link_documents": {"similarity_threshold": 0.0},
    "detect_code_changes": {"update_baseline": True},
}


async def prepare(client: Peer, folder: Path, size: int) -> dict[str, Any]:
    """Make what calls refer to; return the arguments that have one right value."""

    async def do(tool: str, **arguments: Any) -> dict[str, Any]:
        answer = await client.request("tools/call", {"name": tool, "arguments": arguments})
        found: dict[str, Any] = answer["structuredContent"]
        assert found["success"], found
        return found

    await do("register_project", project_id=PROJECT, root_path=str(folder))
    members = [{"id": f"member {n}", "skills": [f"{k} skill" for k in range(50)]} for n in range(200)]
    assigned = await do("assign_task_to_team", blueprint_id="bp_000000000001", available_members=members)
    await do("store_memory", file_name="large.md", content="a b. " * (size // 5))
    for _ in range(20):
        await do("log_chat", content="a b. " * (size // 5), conversation_id="long")
    return {
        "project_id": PROJECT,
        "root_path": str(folder),
        "file_name": "large.md",
        "conversation_id": "long",
        "source_tool": "store_memory",
        "source_id": "node1",
        "target_id": "node9",
        "relation": "uses",
        "entity": "node1",
        "doc_id": "resource:1",
        "todo_id": 5,
        "resource_id": 7,
        "key": "k",
        "pattern": "*a" * 50,
        "blueprint_id": "bp_000000000300",
        "blueprint_ids": [f"bp_{n:012}" for n in range(300, 800)],
        "dependent_blueprint_id": "bp_000000001999",
        "prerequisite_blueprint_id": "bp_000000000101",
        "node_id": "node1",
        "assignment_id": assigned["assignment_id"],
        "available_members": members,
        "team_members": members,
        "file_paths": ["."],
        "sync_interval_ms": 100,
        "time_range_days": 3650,
    }


def used(pid: int) -> float:
    """Return the seconds of a processor that a process used."""
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid says it in C


async def watched(
    client: Peer, other: Peer, pid: int, tool: str, shape: str, arguments: dict[str, Any]
) -> Slowest:
    """Make a call and ping meanwhile."""
    started = time.perf_counter()
    call = asyncio.create_task(client.request("tools/call", {"name": tool, "arguments": arguments}))
    worst, ended = (0.0, 0.0), 0.0
    while not ended or time.perf_counter() < ended + AFTERWARDS:
        sent, before = time.perf_counter(), used(pid)
        await other.request("ping")
        took = time.perf_counter() - sent
        worst = max(worst, (took, used(pid) - before))
        await asyncio.sleep(EVERY)
        if not ended and call.done():
            ended = time.perf_counter()
    try:
        answer = (await call).get("structuredContent", {"success": True})  # a hook's answer is text
    except AssertionError as error:
        if "504" not in str(error)[:40]:
            raise
        answer = {"success": False}  # it ran into the limit of a call
    assert answer.get("error_code") != "INTERNAL", (tool, answer)
    return Slowest(*worst, ended - started, os.getloadavg()[0], shape, not answer["success"])


async def run(
    folder: Path, shapes: dict[str, str], *, memories: int, size: int, only: list[str] | None = None
) -> dict[str, Slowest]:
    """Make the calls one after another; return the slowest ping of each tool."""
    db, project = folder / "ltmc.db", folder / "project"
    project.mkdir()
    await fill_database(db, memories)
    files = fill_folder(project, min(size * 2, LONGEST_FILE) - 10)
    slowest: dict[str, Slowest] = {}
    with Serving(db) as server:
        async with Peer(server, "2025-11-25") as client:
            given = await prepare(client, project, size)
        async with Peer(server, "2025-11-25") as client, Peer(server, "2025-11-25") as other:
            for tool in selection.select("all"):
                if only and tool.name not in only:
                    continue
                for shape, arguments in calls(tool, given, files, shapes, size):
                    found = await watched(client, other, server.process.pid, tool.name, shape, arguments)
                    if tool.name not in slowest or found.ping > slowest[tool.name].ping:
                        slowest[tool.name] = found
                    if found.ping > LONGEST_PING or found.refused:
                        print(f"  {tool.name:36} {found}", flush=True)
                if tool.name in slowest:
                    print(f"{tool.name:36} {slowest[tool.name]}", flush=True)
    return slowest


def main() -> None:
    """Print the table and fail when a ping took too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=LONGEST_TEXT)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        slowest = asyncio.run(
            run(Path(scratch), SHAPES, memories=options.memories, size=options.size, only=options.only)
        )
    print()
    for tool, found in sorted(slowest.items(), key=lambda item: -item[1].ping):
        print(f"{tool:36} {found}")
    if max(found.ping for found in slowest.values()) > LONGEST_PING:
        sys.exit(f"A ping was kept waiting for more than {LONGEST_PING} s.")


if __name__ == "__main__":
    main()
