"""``ltmc demo``: real MCP clients drive real servers on a scratch database, in two sessions, and show what passes."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from rich.console import Console
from rich.text import Text

from ltmc.distribution.form import own_command


class Call(NamedTuple):
    """A call of a tool.

    Attributes:
        tool: its name.
        arguments: what it is called with.
        shown: what of that is shown.
        told: what of the answer is shown.
    """

    tool: str
    arguments: dict[str, Any]
    shown: str
    told: Callable[[dict[str, Any]], str]


def _found(answer: dict[str, Any]) -> str:
    (best, *_) = answer["results"]
    return f"{best['file_name']}, score {best['score']:.2f}: {best['content']}"


FACT = "We deploy on Tuesdays. Staging is restored from a backup every night at 02:00."
CODE = "def restore(dump):\n    run(['pg_restore', '--clean', dump])\n"
FAILURE = "pg_restore: error: must be owner of extension plpgsql"
TODO = "Automate the migration after the restore"

SESSIONS: list[tuple[str, list[Call]]] = [
    (
        "Monday: an agent works, and keeps what it learns.",
        [
            Call(
                "store_memory",
                {"file_name": "deploy.md", "content": FACT, "tags": ["ops"]},
                FACT,
                lambda answer: f"memory {answer['resource_id']}, {answer['file_name']}",
            ),
            Call(
                "log_code_attempt",
                {
                    "input_prompt": "restore the staging database",
                    "generated_code": CODE,
                    "result": "fail",
                    "error_message": FAILURE,
                },
                f"restore(dump) failed: {FAILURE}",
                lambda answer: f"code attempt {answer['pattern_id']}, function {answer['function_name']}",
            ),
            Call(
                "add_todo",
                {"title": TODO, "priority": "high"},
                TODO,
                lambda answer: f"todo {answer['todo_id']}, {answer['priority']}",
            ),
        ],
    ),
    (
        "Tuesday: another agent, which knows nothing, asks in its words.",
        [
            Call(
                "retrieve_memory",
                {"query": "why did my test data vanish overnight?"},
                "why did my test data vanish overnight?",
                _found,
            ),
            Call(
                "ask_with_context",
                {"query": "Which day do we deploy?"},
                "Which day do we deploy?",
                lambda answer: answer["answer"],
            ),
            Call(
                "get_code_patterns",
                {"query": "load a database dump"},
                "load a database dump",
                lambda answer: f"{answer['patterns'][0]['result']}: {answer['patterns'][0]['error_message']}",
            ),
            Call(
                "list_todos",
                {"status": "pending"},
                "pending",
                lambda answer: ", ".join(f"{todo['title']} ({todo['priority']})" for todo in answer["todos"]),
            ),
            Call(
                "retrieve_memory",
                {"query": "deploy", "top_k": 500},
                "deploy, 500 results",
                lambda answer: f"{answer['error_code']}: {answer['error']}",
            ),
        ],
    ),
]
"""The last call is wrong: its answer helps."""


async def run(console: Console, *, whole: bool = False, started_as: str = "ltmc") -> bool:
    """Show each call and what it is answered; return whether all went as it should.

    Args:
        whole: show the JSON of arguments and answers instead of what matters in it.
        started_as: what is typed to start LTMC.
    """
    as_expected = True
    with tempfile.TemporaryDirectory(prefix="ltmc-demo-") as folder:
        program, *arguments = own_command()
        arguments += ["serve", "--db", str(Path(folder) / "ltmc.db")]
        for heading, calls in SESSIONS:
            started = time.perf_counter()
            async with Client(StdioTransport(program, arguments, keep_alive=False)) as client:
                tools = await client.list_tools()
                ready = f"server ready after {_ms(started)}, {len(tools)} tools"
                console.print(Text.assemble((heading, "bold"), (f"  {ready}", "dim")))
                for call in calls:
                    began = time.perf_counter()
                    result = await client.call_tool(call.tool, call.arguments, raise_on_error=False)
                    took, answer = _ms(began), result.structured_content or {}
                    as_expected &= result.is_error == (answer.get("error_code") == "INVALID_ARGUMENT")
                    shown = json.dumps(call.arguments) if whole else call.shown
                    console.print(Text.assemble("→ ", (call.tool, "cyan"), f"  {shown}"))
                    if whole:
                        console.print_json(data=answer)
                    console.print(Text.assemble(("" if whole else f"  {call.told(answer)}  "), (took, "dim")))
            console.print()
    console.print("Between the two the server ended: what it kept lies in one file of yours.")
    console.print(f"To give it to your agents: {started_as} install --all", soft_wrap=True)
    return as_expected


def _ms(since: float) -> str:
    return f"{(time.perf_counter() - since) * 1000:.0f} ms"
