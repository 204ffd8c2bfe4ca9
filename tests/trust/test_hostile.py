"""Every argument of every tool gets what no program expects: lists without end, numbers beyond 64 bits, broken text.

Each answer is a success or a refusal that says what is wrong with what; none is INTERNAL, and all can be sent.
"""

import copy
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ltmc.app.application import Application
from ltmc.app.calls import call
from ltmc.tools import manifest, selection
from ltmc.tools.manifest import Tool
from tests.client import use

LONG = 10_000
MANY = [f"v{n}" for n in range(LONG)]
WORDS = " ".join(f"{n:x}q" for n in range(256, 656))
"""As many words as a query takes."""

PAIRS = "".join(map(chr, range(0x4E00, 0x4E00 + 2_000)))
"""The same without spaces."""

VALUES: list[Any] = [
    *[-1, 2**63, 2**70, -(2**63) - 1, 10**4000, float("nan"), float("inf"), 5e-324],
    *[
        "",
        "\ud800",
        "a lone \ud800 surrogate",
        "a\x00b",
        "🎉",
        "🎉 👩‍👩‍👧 🇩🇪",
        "\u200b",
        "é" * LONG,
        "9" * 30,
    ],
    *["resource:" + "9" * 30, WORDS, PAIRS, '"' * 1_999],
    *[[2**70], ["\ud800"], ["a\x00b"], [[]], [{}], [float("nan")]],
    *[{"k": 2**70}, {"k": "\ud800"}, {"\ud800": 1}, {f"k{n}": n for n in range(2_000)}],
]
COLLECTIONS: list[Any] = [MANY, list(range(LONG)), {"k": MANY}]
"""What takes long to refuse: for arguments that may be lists or objects."""

SOURCE = '''"""A module with \\ud800."""

class Box(Generic["\\ud800"]):
    """A box with \\ud800."""

    def __init__(self, size="\\ud800", label: "\\ud800" = f"\\ud800{1}") -> "\\ud800":
        """Make one of \\ud800."""

def f(x=b"\\xff"):
    """A lone \\ud800 surrogate.

    Args:
        x: of \\ud800.
    """
'''
FILTERS: list[Any] = [
    *({name: MANY} for name in ("tags_any", "tags_all", "file_name", "conversation_id", "metadata.k")),
    *({name: ["\ud800"]} for name in ("tags_any", "file_name", "agent_name", "date_from", "metadata.k")),
    *({name: "é" * LONG} for name in ("file_name", "source_tool", "metadata.k")),
    *({"metadata.k": value} for value in (2**63, 2**70, float("nan"), "a\x00b", 10**4000, [2**70, 1])),
    {"metadata.k": list(range(LONG))},
    {f"metadata.k{n}": n for n in range(2_000)},
    {"metadata." + "k" * LONG: 1},
    {"metadata.\ud800": 1},
    {"metadata.a\x00b": 1},
    {"min_score": 2**70},
    {"file_name": "[" * 10_000},
    {"date_from": "9" * LONG},
]
"""What a search may be narrowed by."""


TASK = {"title": "Some words", "description": "Some words."}
USED_UP = {
    "delete_memory": ("resource_id", "store_memory", {"file_name": "gone.md", "content": "Some words."}),
    "complete_todo": ("todo_id", "add_todo", {"title": "Some words"}),
    "delete_todo": ("todo_id", "add_todo", {"title": "Some words"}),
    "delete_task_blueprint": ("blueprint_id", "create_task_blueprint", TASK),
    "decompose_task_blueprint": ("blueprint_id", "create_task_blueprint", TASK),
    "assign_task_to_team": ("blueprint_id", "create_task_blueprint", TASK),
    "update_task_progress": ("assignment_id", "assign_task_to_team", {"available_members": [{"id": "ann"}]}),
}
"""Tools that a thing can be given to once: the argument, and the call that makes another."""


async def _do(app: Application, name: str, **arguments: Any) -> dict[str, Any]:
    answer = await call(app, manifest.tool(name), arguments)
    assert answer["success"], answer
    return answer


async def _another(app: Application, tool: str) -> Any:
    argument, maker, arguments = USED_UP[tool]
    if maker in USED_UP:
        arguments = arguments | {USED_UP[maker][0]: await _another(app, maker)}
    return (await _do(app, maker, **arguments))[argument]


async def _examples(app: Application, folder: Path) -> dict[str, Any]:
    """Return a right value for each argument that is required somewhere."""

    do = partial(_do, app)
    (folder / "m.py").write_text(SOURCE)
    (folder / os.fsdecode(b"not-utf-8-\xff.py")).write_text(SOURCE)
    await do("register_project", project_id="default", root_path=str(folder))
    memory = await do("store_memory", file_name="a.md", content="Some words.", metadata={"k": 1}, tags=["t"])
    todo = await do("add_todo", title="Some words")
    await do("log_chat", content="Some words", conversation_id="c")
    await do("log_code_attempt", input_prompt="Some words", generated_code="def f(): ...", result="pass")
    first, second = [(await do("create_task_blueprint", **TASK))["blueprint_id"] for _ in range(2)]
    assigned = await do("assign_task_to_team", blueprint_id=first, available_members=[{"id": "ann"}])
    watched = await do("start_real_time_sync", file_paths=["."])
    return {
        "file_name": "a.md",
        "content": "Some words.",
        "query": "words",
        "doc_type": "note",
        "conversation_id": "c",
        "source_tool": "store_memory",
        "title": "Some words",
        "description": "Some words.",
        "todo_id": todo["todo_id"],
        "source_id": "a",
        "target_id": "b",
        "relation": "uses",
        "entity": "a",
        "documents": [{"id": "a", "content": "Some words."}],
        "doc_id": memory["resource_id"],
        "input_prompt": "Some words",
        "generated_code": "def f(): ...",
        "result": "pass",
        "key": "k",
        "value": 1,
        "blueprint_id": second,
        "blueprint_ids": [first, second],
        "dependent_blueprint_id": first,
        "prerequisite_blueprint_id": second,
        "available_members": [{"id": "ann"}],
        "team_members": [{"id": "ann"}],
        "assignment_id": assigned["assignment_id"],
        "progress_percentage": 10,
        "file_path": "m.py",
        "node_id": second,
        "file_paths": ["m.py"],
        "sync_id": watched["sync_id"],
        "resource_id": memory["resource_id"],
        "project_id": "default",
        "root_path": str(folder),
        "event": "prompt",
    }


def _values(schema: dict[str, Any]) -> list[Any]:
    return VALUES + COLLECTIONS if re.search("array|object", str(schema)) else VALUES


def _calls(tool: Tool, examples: dict[str, Any], seen: Counter[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (what is wrong, arguments): one bad value at a time, inside of lists of objects too.

    Of an argument that several tools have, the second tool and those after it get every fourth value, in turn.
    """
    properties = tool.parameters["properties"]
    good = {name: examples[name] for name in tool.parameters.get("required", ())}
    yield "nothing", good
    for name, schema in properties.items():
        seen[name] += 1
        values = [*_values(schema), *(FILTERS if name == "filters" else ())]
        for value in values if seen[name] < 2 else values[seen[name] % 4 :: 4]:
            yield name, good | {name: value}
        for inner, inner_schema in schema.get("items", {}).get("properties", {}).items():
            for value in _values(inner_schema):
                outer = copy.deepcopy(good | {name: examples[name]})
                outer[name][0][inner] = value
                yield f"{name}[0].{inner}", outer
    for text in ("\ud800", "unknown"):
        yield "an unknown argument", good | {text: text}


def test_no_argument_is_too_much(db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # tools write documents into the folder that LTMC was started in

    async def run(app: Application) -> int:
        (tmp_path / "root").mkdir()
        examples = await _examples(app, tmp_path / "root")
        tried, seen = 0, Counter[str]()
        for tool in selection.select("all"):
            for wrong, arguments in _calls(tool, examples, seen):
                if tool.name in USED_UP and wrong != (argument := USED_UP[tool.name][0]):
                    arguments[argument] = await _another(app, tool.name)
                answer = await call(app, tool, arguments)
                tried += 1
                where = f"{tool.name}, {wrong}: {arguments!r}"[:300]
                assert answer.get("error_code") != "INTERNAL", where
                json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
        return tried

    assert use(db, run) > 5_000
