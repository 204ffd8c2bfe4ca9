"""A hook never stands in the way of the agent: whatever is broken, it ends with 0, in time, and says so in its log."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ltmc.app import hooks
from ltmc.search import analysis
from tests.client import SOURCE_COMMAND, Session, run_cli, use
from tests.hooks.clients import Project, context

ASKED = {"claude-code": "", "gemini": "{}", "cursor": '{"continue": true}'}


@pytest.mark.parametrize("agent", ASKED)
@pytest.mark.parametrize(
    "given", [b"", b"{", b"[]", b"\xff\xfe", b'{"a":' * 5_000, b" " * (hooks.PAYLOAD_BYTES + 1)]
)
def test_a_payload_that_is_none(repository: Project, agent: str, given: bytes) -> None:
    done = repository.run("prompt", given, "--agent", agent)
    assert done.stdout.decode() == ASKED[agent]
    (line,) = repository.failures()
    assert "stdin" in line
    assert repository.kept() == []


@pytest.mark.parametrize(
    "arguments", [[], ["lunch"], ["start", "--agent", "abacus"], ["start", "a", "b"], ["--x"]]
)
def test_wrong_arguments(repository: Project, arguments: list[str]) -> None:
    done = subprocess.run(
        [*SOURCE_COMMAND, "hook", *arguments],
        input=b"{}",
        capture_output=True,
        env={**os.environ, "LTMC_DB": str(repository.db)},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")
    (line,) = repository.failures()
    assert "allowed" in line


def test_no_secret_is_kept_or_logged(repository: Project) -> None:
    core = "zqxjkvwp"
    token = f"ghp_{core * 4}zqxj"
    place = Project(repository.root.with_name(token), repository.db)
    place.root.joinpath(".git", "HEAD").write_text(f"ref: refs/heads/fix/{token}\n")
    place.prompt("Why does the kiosk wait?", session=token)
    for arguments in ([token], ["prompt", "--agent", token], [token, "--agent", "codex"]):
        place.run(arguments[0], {}, *arguments[1:])
    (message,) = place.messages()
    assert message["content"] == "Why does the kiosk wait?"
    held = b"".join(path.read_bytes() for path in place.db.parent.iterdir()).lower()
    assert core.encode() not in held


def test_read_only_hooks_leave_no_trace(repository: Project) -> None:
    repository.remember("The kiosk waits for its DNS.", "--tag", "decision")

    def seen() -> dict[str, int]:
        return {
            path.name: path.lstat().st_mtime_ns
            for path in (repository.db.parent, *repository.db.parent.iterdir())
        }

    before = seen()
    env = {"LTMC_READ_ONLY": "1"}
    assert "kiosk" in repository.start(**env)
    repository.prompt("Why does the kiosk wait?", **env)
    for payload in (b"nonsense", b"{}"):
        repository.run("lunch", payload, **env)
        repository.run("start", payload, **env)
    repository.run("start", {}, LTMC_PROFILE="lunch", LTMC_SECRETS="none", **env)
    done = run_cli("brief", "--project", repository.id, LTMC_DB=str(repository.db), **env)
    assert "kiosk" in done.stdout
    assert seen() == before


@pytest.mark.parametrize("kind", ["another", "newer", "older", "folder", "index"])
def test_a_database_that_cannot_be_used(repository: Project, kind: str) -> None:
    path = repository.db
    if kind == "another":
        path.write_bytes(b"this is no database at all, " * 100)
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    else:
        with closing(sqlite3.connect(path)) as connection:
            if kind == "newer":
                connection.execute("INSERT INTO schema_migrations VALUES (999, '2099')")
            elif kind == "older":
                connection.execute("DELETE FROM schema_migrations WHERE version > 1")
            else:
                connection.execute("DROP TABLE search_terms")
            connection.commit()
    for number in (1, 2):
        assert repository.prompt("a quince") == ""
        assert len(repository.failures()) == number
    assert ("search_terms" if kind == "index" else str(path)) in repository.failures()[0]


def test_a_database_that_stays_locked(repository: Project) -> None:
    with closing(sqlite3.connect(repository.db, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert repository.prompt("a quince") == ""
    (line,) = repository.failures()
    assert "locked" in line


def test_a_full_disk(repository: Project) -> None:
    def no_more() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = subprocess.run(
        [*SOURCE_COMMAND, "hook", "prompt"],
        input=json.dumps(repository.payload("claude-code", "prompt", prompt="a quince")).encode(),
        capture_output=True,
        env={**os.environ, "LTMC_DB": str(repository.db)},
        preexec_fn=no_more,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert repository.kept() == []


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "</dev/null", ">/dev/full", "< ."])
def test_closed_streams(repository: Project, closed: str) -> None:
    payload = repository.root / "payload.json"
    payload.write_text(json.dumps(repository.payload("claude-code", "prompt", prompt="a quince")))
    streams = f"< {payload} {closed}" if "<" not in closed else closed
    done = subprocess.run(
        ["/bin/bash", "-c", f"{' '.join(SOURCE_COMMAND)} hook prompt {streams}"],
        env={**os.environ, "LTMC_DB": str(repository.db)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in ((0,) if closed != "< ." else (0, 1))
    assert repository.kept() == ([] if "<" in closed else ["a quince"])


def test_a_client_that_never_ends_its_payload(repository: Project) -> None:
    with subprocess.Popen(
        [*SOURCE_COMMAND, "hook", "prompt", "--agent", "gemini"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "LTMC_DB": str(repository.db)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"session_id":')
        process.stdin.flush()
        assert process.stdout.read() == b"{}"
        assert process.wait(timeout=60) == 0
    (line,) = repository.failures()
    assert "TimeoutError" in line


def test_the_log_stays_small_and_keeps_secrets_out(repository: Project) -> None:
    secret = "ghp_" + "a1B2" * 9
    repository.log.write_text("an earlier line\n" * 5_000)
    for _ in range(3):
        repository.run("prompt", f'"token = {secret}"'.encode())
    lines = repository.failures()
    assert len(lines) >= 3
    assert all("stdin" in line for line in lines[-3:])
    assert repository.log.stat().st_size < hooks.LOG_BYTES
    assert secret not in repository.log.read_text()
    assert "bytes of something else" in lines[-1]


def test_hooks_side_by_side_lose_nothing(repository: Project) -> None:
    repository.remember("Quinces are picked in October.")
    with Session(repository.db, "--project", "auto") as client, ThreadPoolExecutor(20) as pool:
        client.ok("store_memory", file_name="a.md", content="The first.", project_id=repository.id)
        runs = [
            pool.submit(
                repository.prompt if number % 2 else repository.start,
                *((f"prompt {number}: when are quinces picked?",) if number % 2 else ()),
                session=f"s{number % 4}",
            )
            for number in range(40)
        ]
        for number in range(10):
            client.ok("store_memory", file_name=f"{number}.md", content="More.", project_id=repository.id)
        told = [run.result() for run in runs]
    assert not repository.failures()
    assert sorted(repository.kept()) == sorted(
        f"prompt {number}: when are quinces picked?" for number in range(1, 40, 2)
    )
    recalled = [text for number, text in enumerate(told) if number % 2 and "Quinces" in text]
    assert len(recalled) == 2, "once in each of the two sessions that asked"


def test_the_index_is_in_step(repository: Project) -> None:
    from ltmc.search.reindexing import differences

    repository.prompt("a quince")
    repository.run("tool", repository.payload("claude-code", "edit"))
    entries, problems = use(repository.db, lambda app: differences(app.engine))
    assert problems == []
    assert entries["message"] == 2


def test_the_first_message_of_a_new_database_is_left_to_a_server(tmp_path: Path, db: Path) -> None:
    project = Project(tmp_path / "orchard", db)
    project.start()
    project.prompt("a ripe quince")
    with Session(db) as client:
        client.ok("log_chat", content="hello", conversation_id="c", project_id=project.id)
        for _ in range(200):
            found = client.ok(
                "advanced_context_search",
                query="quince",
                filters={"sources": ["chat"]},
                project_id=project.id,
            )
            texts = [one["content"] for one in found["results"]]
            if "a ripe quince" in texts:
                break
    assert "a ripe quince" in texts


def test_old_edits_go_and_prompts_stay(repository: Project) -> None:
    repository.prompt("a quince")
    repository.run("tool", repository.payload("claude-code", "edit"))
    repository.run("tool", repository.payload("claude-code", "failure"))
    with closing(sqlite3.connect(repository.db)) as connection:
        connection.execute("UPDATE chat_messages SET created_at = '2020-01-01T00:00:00.000000Z'")
        connection.commit()
    repository.start(session="s2")
    assert repository.kept() == ["a quince"]
    from ltmc.search.reindexing import differences

    assert use(repository.db, lambda app: differences(app.engine))[1] == []


def test_nothing_heavy_is_imported(repository: Project) -> None:
    repository.remember("Quinces are picked in October.")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ltmc", "hook", "prompt"],
        input=json.dumps(
            repository.payload("claude-code", "prompt", prompt="when are quinces picked?")
        ).encode(),
        capture_output=True,
        env={**os.environ, "LTMC_DB": str(repository.db)},
        timeout=60,
        check=True,
    )
    assert "October" in context(done.stdout)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert "ltmc.app.hooks" in imported
    tops = {name.partition(".")[0] for name in imported}
    assert not tops & {
        "fastmcp",
        "mcp",
        "mcp_types",
        "rich",
        "click",
        "pydantic",
        "asyncio",
        "aiosqlite",
        "logging",
        "dataclasses",
        "inspect",
    }


@pytest.mark.parametrize(
    "env", [{"LTMC_CAPTURE": "perhaps"}, {"LTMC_CAPTURE_IGNORE": "{}"}, {"LTMC_CONFIG": "bad"}]
)
def test_wrong_settings_are_told(repository: Project, env: dict[str, str]) -> None:
    repository.root.joinpath("bad").write_text("= 1")
    assert repository.prompt("a quince", **env) == ""
    assert repository.kept() == []


def test_runs_of_ascii_are_the_same_as_of_any_text() -> None:
    texts = [
        "C++ and c# in a.b-c/d:e+f#g@h\\i",
        "x86_64::Foo.bar/baz.py -- f++x C#9 v1.2.3-rc1",
        "__init__ a..b 'it's",
    ]
    for text in [*texts, "".join(map(chr, range(128)))]:
        assert analysis._ASCII_RUN.findall(text) == analysis._RUN.pattern.findall(text)
