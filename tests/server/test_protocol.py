"""The server as a peer on the wire: eras, frames, profiles, listings."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from ltmc.server import listing
from ltmc.settings import Settings
from ltmc.tools import manifest, selection
from ltmc.tools.binding import bind
from tests.client import SOURCE_COMMAND, Session, run_cli

SNAPSHOTS = Path(__file__).parent / "snapshots"
ERAS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]


@pytest.mark.parametrize("era", ERAS)
def test_store_recall_list_in_every_era(db: Path, era: str) -> None:
    with Session(db, version=era) as client:
        assert client.protocol_version == era
        assert len(client.tools()) == len(selection.select("all"))
        stored = client.ok("store_memory", file_name="a.md", content="The quince is ripe.")
        client.ok("add_todo", title="pick the quince")
    with Session(db, version=era) as client:
        found = client.raw("retrieve_memory", {"query": "quince"})
        assert found.structured_content["results"][0]["resource_id"] == stored["resource_id"]
        assert json.loads(found.content[0].text) == found.structured_content
        assert client.ok("list_todos")["todos"][0]["title"] == "pick the quince"


@pytest.mark.parametrize("era", ERAS[:-1])  # the newest has no handshake; tests/http asks
def test_only_what_exists_is_offered(db: Path, era: str) -> None:
    with Session(db, version=era) as client:
        offered = client.client.session.server_capabilities
        assert offered is not None
        assert None not in (offered.tools, offered.prompts, offered.resources, offered.completions)
        assert not offered.resources.subscribe
        assert not offered.resources.list_changed
        assert not offered.prompts.list_changed
    with Session(db, "--profile", "todos", version=era) as client:
        offered = client.client.session.server_capabilities
        assert offered is not None
        assert (offered.prompts, offered.resources, offered.completions) == (None, None, None)
        assert offered.tools is not None


def requests(*messages: tuple[str, dict]) -> str:
    handshake = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    lines = [{"id": 0, "method": "initialize", "params": handshake}, {"method": "notifications/initialized"}]
    lines += [{"id": n, "method": method, "params": params} for n, (method, params) in enumerate(messages, 1)]
    return "".join(json.dumps({"jsonrpc": "2.0", **line}) + "\n" for line in lines)


@pytest.mark.parametrize("level", ["WARNING", "DEBUG"])
def test_stdout_carries_only_frames(db: Path, level: str) -> None:
    db.parent.mkdir()
    db.write_bytes(b"this is no database at all, " * 100)
    calls = [
        ("tools/list", {}),
        ("tools/call", {"name": "store_memory", "arguments": {"file_name": "a", "content": "b"}}),
        ("tools/call", {"name": "store_memory", "arguments": {}}),
        ("tools/call", {"name": "no_such_tool", "arguments": {}}),
        ("no/such/method", {}),
    ]
    with subprocess.Popen(
        [*SOURCE_COMMAND, "serve", "--db", str(db)],
        env={"LTMC_LOG_LEVEL": level, "PATH": "/usr/bin:/bin", "HOME": str(db.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(requests(*calls))
        process.stdin.flush()
        answers = {}
        while len(answers) < len(calls) + 1:
            frame = json.loads(process.stdout.readline())
            assert frame["jsonrpc"] == "2.0"
            if "id" in frame:
                answers[frame["id"]] = frame
        process.stdin.close()
        rest = process.stdout.read()
        log = process.stderr.read()
        assert process.wait(timeout=10) == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    assert answers[0]["result"]["serverInfo"]["name"] == "ltmc"
    broken = answers[2]["result"]["structuredContent"]
    assert broken["error_code"] == "BACKEND_UNAVAILABLE"
    assert str(db) in broken["error"]
    assert answers[3]["result"]["structuredContent"]["error_code"] == "INVALID_ARGUMENT"
    assert answers[4]["result"]["structuredContent"]["error_code"] == "NOT_FOUND"
    assert answers[5]["error"]["code"] == -32601
    assert (level == "DEBUG") == ("DEBUG" in log)
    assert db.read_bytes() == b"this is no database at all, " * 100, "what is no database is left alone"


def test_nothing_slow_is_touched_before_initialize(db: Path) -> None:
    trace = f"import sys; sys.argv = ['ltmc', 'serve', '--db', {str(db)!r}]; from ltmc.cli.main import main\n"
    report = (
        "import atexit; atexit.register(lambda: print(sorted(n for n in sys.modules "
        "if n.startswith(('ltmc.', 'aiosqlite', 'redis', 'sqlite3'))), file=sys.stderr))\nmain()"
    )
    done = subprocess.run(
        [SOURCE_COMMAND[0], "-c", trace + report],
        input=requests(("tools/list", {})),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"serverInfo"' in done.stdout
    loaded = set(re.findall(r"'([\w.]+)'", done.stderr.splitlines()[-1]))
    assert "ltmc.server.mcp_server" in loaded
    heavy = {name for name in loaded if name.startswith(("ltmc.features", "ltmc.storage", "ltmc.search"))}
    assert not heavy
    assert not loaded & {"aiosqlite", "redis", "sqlite3"}
    assert not db.exists()


def test_an_unknown_tool_is_an_error_like_every_other(shared: Session) -> None:
    error = shared.bad("retrieve_memry", "NOT_FOUND", "name")
    assert "retrieve_memory" in error["error"]


def test_listing_is_in_manifest_order(shared: Session) -> None:
    assert [tool["name"] for tool in shared.tools()] == [tool.name for tool in selection.select("all")]


@pytest.mark.parametrize(
    ("profile", "project", "most"),
    [
        ("all", "auto", 30_000),
        ("all", "default", 30_000),
        ("core", "auto", 8_000),
        ("core", "default", 8_000),
    ],
)
def test_listing_is_small(db: Path, profile: str, project: str, most: int) -> None:
    with Session(db, "--profile", profile, "--project", project) as client:
        wire = json.dumps({"tools": client.tools()}, separators=(",", ":"), ensure_ascii=False)
    assert len(wire.encode()) <= most


def test_a_repository_lists_project_id_where_other_projects_are_read(db: Path) -> None:
    def naming(project: str) -> set[str]:
        found = listing.lists(listing.offered(Settings(db=db, project=project)))["tools/list"]["tools"]
        return {tool["name"] for tool in found if "project_id" in tool["inputSchema"]["properties"]}

    here = naming("auto")
    assert {"retrieve_memory", "get_memory", "get_chat_history", "list_todos", "register_project"} <= here
    assert naming("default") - here >= {"query_graph", "create_task_blueprint", "detect_code_changes"}
    assert not naming("default") & {"redis_get_cache", "get_performance_report"}
    with Session(db, "--project", "auto", cwd=db.parent.parent) as client:
        client.ok("redis_set_cache", key="a", value=1, project_id="elsewhere")
        assert client.ok("redis_get_cache", key="a", project_id="elsewhere")["found"]


def test_ranges_are_in_the_words() -> None:
    """Hosts drop minimum and maximum on the way to the model."""
    said = 0
    for tool in manifest.tools():
        listed = listing.of_tool(tool)["inputSchema"]
        assert not re.search("minimum|maximum|maxLength|anyOf", json.dumps(listed))
        model = bind(tool.module, tool.name).model.model_json_schema()["properties"]
        for name, schema in listed["properties"].items():
            of = {
                key: value
                for option in model[name].get("anyOf", [model[name]])
                for key, value in option.items()
            }
            if name in manifest.SIZES:
                assert of["maximum"] == manifest.SIZES[name]
                continue
            if of.get("minimum", 0) > 16 or of.get("maximum", 1_000) < 1_000:
                said += 1
                assert schema["description"].startswith(f"{of['minimum']}-{of['maximum']}"), (tool.name, name)
    assert said >= 5
    for name, most in manifest.SIZES.items():
        assert f"{name} to {most}" in listing.instructions([], [], in_repository=True)


SAID_IN_SENTENCES = {*manifest.SIZES, "offset", "project_id"}
"""What the server's instructions say of arguments, beside the list of those that stand alone."""


@pytest.mark.parametrize("project", ["auto", "default"])
@pytest.mark.parametrize("profile", ["all", "core", "lean"])
def test_each_argument_is_described(db: Path, profile: str, project: str) -> None:
    """By words of its own, by the values that it takes, or once for all tools by the server's instructions."""
    with Session(db, "--profile", profile, "--project", project) as client:
        tools, told = client.tools(), client.client.instructions
    assert told is not None
    assert all(name in told for name in SAID_IN_SENTENCES)
    (alone,) = re.findall(r"^Arguments that stand alone: (.+)\.$", told, re.MULTILINE)
    common = {name for said in alone.split("; ") for name in said.partition(": ")[0].split(", ")}
    listed = [
        (tool["name"], name, schema)
        for tool in tools
        for name, schema in tool["inputSchema"]["properties"].items()
    ]
    bare = {
        (tool, name)
        for tool, name, schema in listed
        if not schema.get("description") and "enum" not in schema
    }
    assert {(tool, name) for tool, name in bare if name not in common | SAID_IN_SENTENCES} == set()
    assert common <= {name for _, name in bare}, "the instructions say what no tool lists"
    assert not any("properties" in schema.get("items", schema) for _, _, schema in listed), (
        "keys are in words"
    )


def test_what_the_instructions_say_of_an_argument_holds_for_many_tools() -> None:
    names = [name for tool in manifest.tools() for name in listing.of_tool(tool)["inputSchema"]["properties"]]
    assert {name for name in manifest.COMMON if names.count(name) < 3} == set()


def test_each_argument_that_is_required_is_listed() -> None:
    for tool in manifest.tools():
        listed = listing.of_tool(tool)["inputSchema"]
        assert set(listed.get("required", ())) <= listed["properties"].keys()
        assert not listed["properties"] or "unlisted" not in json.dumps(listed)


@pytest.mark.parametrize("tool", [tool.name for tool in selection.select("all")])
def test_listing_of_each_tool_is_as_recorded(
    shared: Session, tool: str, request: pytest.FixtureRequest
) -> None:
    """Run pytest with --update-snapshots to record a change that is meant."""
    (listed,) = [entry for entry in shared.tools() if entry["name"] == tool]
    text = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    recorded = SNAPSHOTS / f"{tool}.json"
    if request.config.getoption("--update-snapshots"):
        recorded.write_text(text, "utf-8")
    assert text == recorded.read_text("utf-8")


def test_each_recorded_listing_has_its_tool() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == {tool.name for tool in selection.select("all")}


def test_core_profile_is_small_and_read_only_is_read_only(db: Path) -> None:
    with Session(db, "--profile", "core") as client:
        assert 10 <= len(client.tools()) <= 15
        error = client.bad("redis_set_cache", "NOT_FOUND", "name", key="a", value=1)
        assert "--profile" in error["error"]
    with Session(db, "--profile", "todos,graph", "--read-only") as client:
        names = {tool["name"] for tool in client.tools()}
        assert names == {"list_todos", "search_todos", "query_graph", "get_document_relationships"}
        assert all(tool["annotations"]["readOnlyHint"] for tool in client.tools())


def test_unknown_profile_is_refused_before_serving(db: Path) -> None:
    done = run_cli("serve", "--db", str(db), "--profile", "everything")
    assert done.returncode == 2
    assert "profile" in done.stderr
    assert "core" in done.stderr
    assert done.stdout == ""


def test_instructions_are_short_and_tell_what_matters(shared: Session, db: Path) -> None:
    told = shared.client.instructions
    assert told == listing.offered(Settings(db=db, project="default")).instructions
    assert len(told) <= 1_950, "Claude Code cuts off what is behind 2,048 characters"
    for word in (
        "store_memory",
        "retrieve_memory",
        "list_todos",
        "log_chat",
        "has_more",
        "offset",
        "supersedes",
    ):
        assert word in told


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("profile", ["all", "core", *manifest.categories()])
def test_instructions_speak_only_of_tools_that_are_offered(db: Path, profile: str, read_only: bool) -> None:
    offered = listing.offered(Settings(db=db, profile=profile, read_only=read_only))
    named = set(re.findall(r"[a-z]+(?:_[a-z]+)+", offered.instructions)) & {
        tool.name for tool in selection.select("all")
    }
    assert named <= {tool.name for tool in offered.tools}


def test_the_server_ends_with_its_input(db: Path) -> None:
    done = subprocess.run(
        [*SOURCE_COMMAND, "serve", "--db", str(db)],
        input=requests(("tools/call", {"name": "add_todo", "arguments": {"title": "a"}})),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == ""
