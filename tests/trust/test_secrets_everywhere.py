"""Every tool is given a secret in each of its texts, and in the files that it reads; none may be found afterwards."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ltmc.app.secret_guard import SecretGuard
from tests.client import Session, run_cli
from tests.forms import steps
from tests.http.serving import HEADERS, Serving

CORE = "zqxjkvwp"
TOKEN = "ghp_" + CORE * 4 + "zqxj"
PASSWORD = "hqx7-" + "vvzz91-wwkk"
BASIC = b64encode(f"admin:{PASSWORD}".encode()).decode()
WRITERS = {
    *("store_memory", "log_chat", "add_todo", "update_todo", "link_resources", "auto_link_documents"),
    *("log_code_attempt", "redis_set_cache", "create_task_blueprint", "update_blueprint_metadata"),
    *("update_task_progress", "register_project", "create_blueprint_from_code", "update_blueprint_structure"),
    *("sync_documentation_with_code", "update_documentation_from_blueprint", "detect_code_changes"),
    *("start_real_time_sync", "route_query", "retrieve_memory", "ask_with_context"),
}
"""Tools that store texts, of which some calls must have succeeded for the test to say something."""

SOURCE = f'''"""Waits, with {TOKEN}."""

TOKEN = "{TOKEN}"


def wait(minutes: int, password: str = "{PASSWORD}") -> int:
    """Wait, as {TOKEN} allows.

    Args:
        minutes: how long, {TOKEN}.
    """
    return minutes


class {TOKEN}:
    pass
'''


class Recording(steps.Recorder):
    """Notes each call with its arguments."""

    def __init__(self, client: Session) -> None:
        super().__init__(client)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must succeed."""
        self.calls.append((tool, deepcopy(arguments)))
        return super().ok(tool, **arguments)


def leaks(arguments: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The arguments with a secret in one of their texts, keys and lists, or in one that they leave out."""
    for name, part in schema["properties"].items():
        given = arguments.get(name)
        kinds = kinds_of(part)
        values: list[Any] = []
        if "string" in kinds:
            values += [TOKEN, f"{given or 'a'}\n{TOKEN}", f"{given or 'a'} \\n{TOKEN}", f"Basic {BASIC}"]
        if "array" in kinds:
            values += [[TOKEN], *([*places(given)] if given else [])]
        if "object" in kinds or not kinds:
            values += [{"password": {"value": PASSWORD}}, {"run": ["--password", PASSWORD]}]
            values += [{"password": PASSWORD}, {TOKEN: 1}, {"deep": [{"text": f"a {TOKEN}"}]}, *places(given)]
        for value in values:
            yield {**arguments, name: value}
        if (
            kinds & {"string", "integer"}
            and name != "conversation_id"
            and "conversation_id" in schema["properties"]
        ):
            yield {**arguments, "conversation_id": TOKEN, name: None}
    yield {**arguments, TOKEN: 1}


def kinds_of(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a part of a schema allows; none said: any."""
    kind = schema.get("type", [])
    options = [kinds_of(option) for option in schema.get("anyOf", [])]
    return {*([kind] if isinstance(kind, str) else kind)}.union(*options)


def places(value: Any) -> Iterator[Any]:
    """The JSON value with a secret in place of each of its texts in turn."""
    if isinstance(value, str):
        yield TOKEN
    for key, item in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        for changed in places(item):
            copy = deepcopy(value)
            copy[key] = changed
            yield copy


def files_of(db: Path) -> str:
    """What the files of a database hold, in lower case, as the index holds words."""
    return "\n".join(
        path.read_bytes().decode("utf-8", "replace").lower() for path in db.parent.iterdir() if path.is_file()
    )


@pytest.mark.parametrize("action", ["mask", "refuse"])
def test_no_tool_lets_a_secret_through(db: Path, tmp_path: Path, action: str) -> None:
    folder, log = tmp_path / "project", tmp_path / "log"
    folder.mkdir()
    env = {"LTMC_SECRETS": action, "LTMC_LOG_LEVEL": "DEBUG"}
    done: dict[str, int] = {}
    with Session(db, env=env, log=log) as client:
        schemas = {tool["name"]: tool["inputSchema"] for tool in client.tools()}
        recorded = Recording(client)
        steps.use_every_tool(recorded, folder)
        assert {tool for tool, _ in recorded.calls} == schemas.keys()
        (folder / "heron.py").write_text(SOURCE)
        page = folder / "docs" / "api" / "heron.md"
        page.write_text(f"{page.read_text()}\nBy hand: {TOKEN}\n")
        for tool, arguments in recorded.calls:
            for changed in (arguments, *leaks(arguments, schemas[tool])):
                envelope = client.any(tool, **changed)
                done[tool] = done.get(tool, 0) + envelope["success"]
                if not envelope["success"]:
                    assert envelope["error_code"] != "INTERNAL", (tool, changed, log.read_text()[-3000:])
                    assert CORE not in str(envelope).lower(), (tool, changed)
                    assert PASSWORD not in str(envelope), (tool, changed)
                    assert BASIC[:20] not in str(envelope), (tool, changed)
        client.any(TOKEN)
    assert f"By hand: {TOKEN}" in page.read_text()
    kept = files_of(db)
    for place in kept.split(CORE)[:-1]:
        raise AssertionError(f"the token is stored after {place[-300:]!r}")
    assert PASSWORD not in kept
    assert CORE not in log.read_text().lower()
    assert PASSWORD not in log.read_text()
    assert BASIC.lower() not in kept + log.read_text().lower()
    assert "lost" not in log.read_text()
    if action == "mask":
        assert "[masked github token]" in kept
        assert {tool for tool, successes in done.items() if successes} > WRITERS


def project_of(client: Session, folder: Path) -> dict[str, Any]:
    """A project with a file that holds a secret where a blueprint keeps it."""
    folder.mkdir()
    (folder / "heron.py").write_text(SOURCE)
    (folder / "docs/api").mkdir(parents=True)
    (folder / "docs/api/heron.md").write_text(f"# Heron\n\n{TOKEN}\n")
    client.ok("register_project", project_id="birds", root_path=str(folder))
    return {"file_path": "heron.py", "project_id": "birds"}


@pytest.mark.parametrize(
    ("tool", "flags"),
    [("create_blueprint_from_code", {}), ("sync_documentation_with_code", {"force_update": True})],
)
def test_a_file_with_a_secret_is_named(db: Path, tmp_path: Path, tool: str, flags: dict[str, bool]) -> None:
    with Session(db, env={"LTMC_SECRETS": "refuse"}) as client:
        where = {**project_of(client, tmp_path / "project"), **flags}
        before = (tmp_path / "project/docs/api/heron.md").read_bytes()
        error = client.bad(tool, "INVALID_ARGUMENT", "heron.py", **where)
        assert "secret (" in error["error"]
        assert TOKEN not in str(error)
        assert (tmp_path / "project/docs/api/heron.md").read_bytes() == before
    for action, done in (("mask", "masked"), ("warn", "stored as it is")):
        with Session(db, env={"LTMC_SECRETS": action}) as client:
            (warning, *_) = client.ok(tool, **where)["warnings"]
            assert "heron.py" in warning
            assert done in warning
            assert TOKEN not in warning


def test_a_watched_file_with_a_secret_is_named(db: Path, tmp_path: Path) -> None:
    def state(client: Session) -> dict[str, Any]:
        for _ in range(100):
            events = client.ok("get_sync_status", project_id="birds")["recent_events"]
            if events and events[0]["sync_state"] != "pending":
                return dict(events[0])
            time.sleep(0.1)
        raise AssertionError(events)

    with Session(db, env={"LTMC_SECRETS": "refuse"}) as client:
        where = project_of(client, tmp_path / "project")
        client.ok("start_real_time_sync", file_paths=["heron.py"], project_id=where["project_id"])
        (tmp_path / "project/heron.py").write_text(SOURCE.replace("minutes", "hours"))
        event = state(client)
    assert event["sync_state"] == "failed"
    assert "heron.py" in event["error"]
    assert "secret (" in event["error"]
    assert CORE not in files_of(db)


def test_what_was_stored_before_can_be_found_and_removed(db: Path) -> None:
    with Session(db, env={"LTMC_SECRETS": "off"}) as client:
        found = client.ok("store_memory", file_name="a.md", content=f"the token {TOKEN}")["resource_id"]
        todo = client.ok("add_todo", title=f"Use {TOKEN}")["todo_id"]
    with Session(db, env={"LTMC_SECRETS": "refuse"}) as client:
        assert client.ok("retrieve_memory", query=TOKEN)["results"][0]["resource_id"] == found
        client.ok("delete_memory", resource_id=found)
        client.ok("update_todo", todo_id=todo, title="Use the token in the vault")
        assert CORE not in json.dumps(client.ok("list_todos"))


def errors_over_http(server: Serving) -> Iterator[str]:
    yield server.request(
        "POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": [TOKEN]}), **HEADERS
    ).text
    yield server.request("POST", "/mcp", json.dumps({TOKEN: TOKEN}), **HEADERS).text
    yield server.request("POST", "/mcp", f'{{"jsonrpc": {TOKEN}}}', **HEADERS).text
    yield server.request("GET", f"/{TOKEN}", **HEADERS).text
    for era in ("2025-11-25", "2026-07-28"):
        for method, params in (
            (TOKEN, {}),
            ("tools/call", {"name": TOKEN, "arguments": {}}),
            ("tools/call", {"name": "add_todo", "arguments": TOKEN}),
            ("resources/read", {"uri": f"a://{TOKEN}"}),
            ("prompts/get", {"name": TOKEN}),
        ):
            yield server.rpc(method, params, era).text


def test_http_errors_and_logs_repeat_no_secret(db: Path) -> None:
    with Serving(db, LTMC_LOG_LEVEL="DEBUG") as server:
        answers = [*errors_over_http(server)]
    assert not [answer for answer in answers if CORE in answer]
    assert sum("masked GitHub token" in answer for answer in answers) >= 3
    assert not [line for line in server.log if CORE in line]


def test_the_command_line_repeats_no_secret(db: Path) -> None:
    for arguments in (["remember", "-", "--name", "../" + TOKEN], ["todo", "add", TOKEN], ["recall", TOKEN]):
        done = run_cli(*arguments, text="text", LTMC_SECRETS="refuse", LTMC_DB=str(db))
        assert CORE not in done.stderr, arguments
    assert CORE not in files_of(db)


@pytest.mark.parametrize("action", ["off", "refuse"])
def test_no_error_about_arguments_or_settings_repeats_a_secret(db: Path, tmp_path: Path, action: str) -> None:
    assert run_cli("todo", "add", "a", "--db", str(db)).returncode == 0
    long = "x" * 50 + " " + TOKEN  # it is cut where it is shown
    (tmp_path / TOKEN).write_text("{")
    for arguments, env in (
        ([TOKEN], {}),
        (["todo", TOKEN], {}),
        (["recall", "a", TOKEN], {}),
        (["recall", "a", "--top", TOKEN], {}),
        (["serve", "--transport", TOKEN], {}),
        (["list", "--project", long], {}),
        (["show", long], {}),
        (["brief", "--project", TOKEN, TOKEN], {}),
        (["import", str(tmp_path / TOKEN)], {}),
        (["list"], {"LTMC_PROFILE": long}),
        (["serve"], {"LTMC_LOG_LEVEL": long}),
    ):
        done = run_cli(*arguments, text="", LTMC_SECRETS=action, LTMC_DB=str(db), **env)
        assert done.returncode, arguments
        assert CORE not in done.stderr, arguments


@pytest.mark.parametrize("look", [SecretGuard("mask").stored, SecretGuard("refuse").logged])
def test_values_of_every_kind_are_looked_at(look: Callable[[Any], Any]) -> None:
    values = (
        1,
        None,
        b"x",
        TOKEN,
        {"a": [TOKEN]},
        f'{{"a": "x\\n{TOKEN}"}}',
        [{"name": "DB_PASSWORD", "value": PASSWORD}],
    )
    assert CORE not in str(look(values))
    assert PASSWORD not in str(look(values))
    assert CORE not in str(look({"1": TOKEN}))
