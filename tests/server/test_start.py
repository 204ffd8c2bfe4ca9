"""What a server on stdio imports and keeps in memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ltmc.server.quick_imports import NOT_FOR_STDIO, ONE_FOR_A_CLIENT
from tests import artefacts
from tests.client import Session
from tests.memory import TEN_CALLS, maps, resident_mb, tree

REPORT = """
import atexit, sys
from ltmc.server import quick_imports
def report():
    stand_ins = [n for n, m in sys.modules.items() if isinstance(m, quick_imports._StandIn)]
    print(*stand_ins, *sys.modules, file=open({report!r}, "w"))
atexit.register(report)
{more}
sys.argv[0] = "ltmc"
from ltmc.__main__ import main
main()
"""


def imported(tmp_path: Path, version: str, more: str = "") -> set[str]:
    """The modules of a server after ten calls; a stand-in is one by another name."""
    report = tmp_path / "report"
    command = [sys.executable, "-c", REPORT.format(report=str(report), more=more)]
    with Session(tmp_path / "ltmc.db", command=command, version=version) as client:
        for tool, arguments in TEN_CALLS.items():
            client.ok(tool, **arguments)
        client.bad("no_such_tool", "NOT_FOUND")
    return set(report.read_text().split())


@pytest.mark.parametrize("version", ["2024-11-05", "2026-07-28"])
def test_what_stdio_does_not_need_is_not_imported(tmp_path: Path, version: str) -> None:
    modules = imported(tmp_path, version)
    (types,) = modules & {*ONE_FOR_A_CLIENT}
    assert version.startswith("2026") == types.endswith("2026_07_28")
    assert "fastmcp.server.server" in modules
    assert modules.isdisjoint({*NOT_FOR_STDIO, "beartype", "key_value", "watchfiles", "jsonschema"})


def test_a_memory_is_stored_without_what_other_tools_need(tmp_path: Path) -> None:
    report = tmp_path / "report"
    command = [sys.executable, "-c", REPORT.format(report=str(report), more="")]
    with Session(tmp_path / "ltmc.db", command=command) as client:
        client.ok("store_memory", file_name="a.md", content="The quince is ripe.")
    own = {name for name in report.read_text().split() if name.startswith("ltmc.")}
    assert "ltmc.features.memory.service" in own
    others = (
        "blueprints",
        "cache",
        "code_structure",
        "documentation",
        "graph",
        "hooks",
        "patterns",
        "sync",
        "team",
    )
    assert {
        name for name in own if name.startswith(tuple(f"ltmc.features.{other}" for other in others))
    } == set()
    assert own.isdisjoint(f"ltmc.storage.tables.{name}" for name in ("cache", "graph", "team"))


def test_a_server_starts_though_fastmcp_inherits_from_what_it_was_to_do_without(tmp_path: Path) -> None:
    modules = imported(
        tmp_path, "2025-06-18", "quick_imports.NOT_FOR_STDIO += ('mcp.server.auth', 'pydantic_settings')"
    )
    assert {"pydantic_settings", "mcp.server.auth"} <= modules


LATE = """
import sys
from ltmc.server.quick_imports import quick_imports
with quick_imports(["calendar", "xml"]):
    import calendar, xml.etree.ElementTree as tree
    from calendar import TextCalendar
    from xml.etree.ElementTree import ParseError, fromstring
assert not sys.modules.keys() & {"calendar", "xml", "xml.etree.ElementTree"}
assert not isinstance(1, TextCalendar) and "calendar" not in sys.modules
assert isinstance(TextCalendar(2), TextCalendar) and isinstance(calendar.TextCalendar(), TextCalendar)
assert TextCalendar.formatday(TextCalendar(), 3, 0, 2) == " 3"
assert tree.fromstring("<a/>").tag == fromstring("<a/>").tag == "a"
import calendar as real
assert type(TextCalendar()) is real.TextCalendar
"""


def test_what_is_imported_late_does_what_it_does_else() -> None:
    subprocess.run([sys.executable, "-c", LATE], check=True)


@pytest.mark.parametrize("form", artefacts.FORMS)
def test_memory(form: str, tmp_path: Path) -> None:
    """Below 60 MB after the lists, below 80 after ten calls."""
    command = [*artefacts.command(form), "serve", "--db", str(tmp_path / "ltmc.db"), "--project", "default"]
    for _ in range(2):  # the first start of some unpacks and compiles
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            listed, called, model = measured(process)
    assert listed < 60
    assert called < 80
    assert model


def measured(process: "subprocess.Popen[bytes]") -> tuple[float, float, bool]:
    """The memory in MB after the lists and after ten calls, and whether the sentence model is mapped then."""

    def ask(number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        assert answer["id"] == number
        return answer["result"]

    client = {"name": "test", "version": "1"}
    ask(1, "initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
    assert process.stdin is not None
    process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    ask(2, "tools/list", {})
    listed = resident_mb(process.pid)
    for number, (tool, arguments) in enumerate(TEN_CALLS.items(), 3):
        assert not ask(number, "tools/call", {"name": tool, "arguments": arguments})["isError"]
    called = resident_mb(process.pid)
    return listed, called, any(".ltms" in maps(one) for one in tree(process.pid))
