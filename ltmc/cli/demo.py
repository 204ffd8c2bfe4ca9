"""``ltmc demo``: a real MCP client drives a real server on a scratch database, and prints what passes."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from rich.console import Console

from ltmc.distribution.form import own_command

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "An agent learns something and keeps it.",
        "store_memory",
        {
            "file_name": "notes/deploy.md",
            "content": "We deploy on Tuesdays. The staging database is restored from backup every night at "
            "02:00, so migrations must be run again after it.",
            "tags": ["deploy", "database"],
        },
    ),
    (
        "It plans, and it notes what failed.",
        "add_todo",
        {"title": "Automate the migration after the restore", "priority": "high"},
    ),
    (
        "",
        "log_code_attempt",
        {
            "input_prompt": "restore the staging database",
            "generated_code": "def restore(dump):\n    run(['pg_restore', '--clean', dump])\n",
            "result": "fail",
            "error_message": "pg_restore: error: must be owner of extension plpgsql",
        },
    ),
    (
        "A later session recalls it.",
        "retrieve_memory",
        {"query": "when is the staging database restored?", "conversation_id": "demo"},
    ),
    ("", "ask_with_context", {"query": "Which day do we deploy?"}),
    ("", "get_code_patterns", {"query": "pg_restore staging"}),
    ("", "list_todos", {"status": "pending"}),
    ("A wrong call gets an answer that helps.", "retrieve_memory", {"query": "deploy", "top_k": 500}),
]


async def run(console: Console) -> bool:
    """Print each call and its answer; whether all went as they should."""
    as_expected = True
    with tempfile.TemporaryDirectory(prefix="ltmc-demo-") as folder:
        program, *arguments = own_command()
        database = str(Path(folder) / "ltmc.db")
        transport = StdioTransport(program, [*arguments, "serve", "--db", database], keep_alive=False)
        started = time.perf_counter()
        async with Client(transport) as client:
            tools = await client.list_tools()
            ready_ms = (time.perf_counter() - started) * 1000
            console.print(f"Server ready after {ready_ms:.0f} ms, {len(tools)} tools.\n", highlight=False)
            for heading, tool, arguments_ in CALLS:
                if heading:
                    console.print(f"[bold]{heading}[/bold]")
                console.print(f"[cyan]→ {tool}[/cyan] {json.dumps(arguments_)}", highlight=False)
                began = time.perf_counter()
                result = await client.call_tool(tool, arguments_, raise_on_error=False)
                took_ms = (time.perf_counter() - began) * 1000
                answer = result.structured_content or {}
                console.print_json(data=answer)
                console.print(f"[dim]{took_ms:.1f} ms[/dim]\n", highlight=False)
                as_expected &= result.is_error == (answer.get("error_code") == "INVALID_ARGUMENT")
            as_expected &= not (await client.call_tool("list_todos", {})).is_error
    console.print("Add LTMC to your agent with the line in the README; your own memories stay in one file.")
    return as_expected
