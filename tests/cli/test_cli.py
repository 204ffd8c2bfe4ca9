"""The command line, run as a program."""

import json
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ltmc import __version__
from ltmc.distribution.check import is_wanted
from ltmc.search import kernel
from ltmc.tools import manifest
from tests.client import SOURCE_COMMAND, Session, run_cli


def test_help_names_every_command() -> None:
    done = run_cli("--help")
    assert done.returncode == 0
    for command in ("serve", "demo", "check", "doctor", "remember", "recall", "todo"):
        assert command in done.stdout
        assert run_cli(command, "--help").stdout.strip()
    assert __version__ in run_cli("--version").stdout


def test_remember_and_recall(db: Path) -> None:
    first = run_cli("remember", "The VPN needs the blue token.\n", "--tag", "vpn", "--db", str(db))
    assert first.returncode == 0
    assert "Stored as the-vpn-needs-the-blue-token.md" in first.stdout
    piped = run_cli("remember", "-", "--name", "poem.txt", "--json", text="roses\n\nred\n", LTMC_DB=str(db))
    assert json.loads(piped.stdout)["file_name"] == "poem.txt"
    found = run_cli("recall", "blue token", "--json", "--db", str(db))
    result, other = json.loads(found.stdout)["results"]
    assert other["file_name"] == "poem.txt"
    assert result["content"] == "The VPN needs the blue token.\n"
    table = run_cli("recall", "roses", "--db", str(db))
    assert "poem.txt" in table.stdout
    unsure = run_cli("recall", "zebra", "--db", str(db))
    assert (unsure.returncode, "perhaps not what you asked for" in unsure.stderr) == (0, True)
    nothing = run_cli("recall", "zebra", "--project", "empty", "--db", str(db))
    assert (nothing.returncode, nothing.stdout) == (3, "")
    assert "Nothing matches" in nothing.stderr
    elsewhere = run_cli("recall", "roses", "--project", "other", "--db", str(db))
    assert elsewhere.returncode == 3


def at_a_terminal(*arguments: str, **environment: str) -> bytes:
    """Run a command at a terminal of its own, whose user ends the input at once; return all that it shows."""
    ours, theirs = pty.openpty()
    os.write(ours, b"\x04")
    env = os.environ | environment
    subprocess.run(
        [*SOURCE_COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        check=True,
        env=env,
        timeout=60,
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):
        while part := os.read(ours, 65_536):
            shown += part
    os.close(ours)
    return shown


def test_a_server_at_a_terminal_says_what_it_waits_for(db: Path) -> None:
    assert b"`ltmc install`" in at_a_terminal("serve", "--db", str(db))


def test_no_color_means_no_escapes(db: Path) -> None:
    run_cli("remember", "The quince is ripe.", "--db", str(db))
    shown = at_a_terminal("recall", "quince", "--db", str(db), NO_COLOR="1", TERM="xterm-256color")
    assert b"quince" in shown
    assert b"\x1b" not in shown


def test_brackets_in_a_memory_are_shown_in_a_file_and_on_a_terminal(db: Path) -> None:
    text = "The quince [b] is [/b] ripe in " + "very " * 30 + "late October."
    run_cli("remember", text, "--name", "q.md", "--db", str(db))
    header, row = run_cli("recall", "quince", "--db", str(db)).stdout.splitlines()
    assert header.split() == ["Score", "Name", "Text", "Stored"]
    assert text in row
    shown = at_a_terminal("recall", "quince", "--db", str(db))
    assert b"[/b]" in shown


@pytest.mark.parametrize(
    "command",
    [["remember", "A plum."], ["recall", "quince"], ["todo", "add", "Pick"], ["todo", "list"], ["brief"]],
)
def test_what_needs_no_server_imports_none_and_nothing_for_a_terminal(db: Path, command: list[str]) -> None:
    run_cli("remember", "The quince is ripe.", "--db", str(db))
    run_cli("todo", "add", "Buy sugar", "--db", str(db))
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ltmc", *command],
        env={**os.environ, "LTMC_DB": str(db)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "ltmc" in imported
    assert not imported & {
        "fastmcp",
        "mcp",
        "mcp_types",
        "pydantic_settings",
        "rich",
        "starlette",
        "httpx2",
        "redis",
    }


def test_recall_tells_what_held_at_a_day(db: Path) -> None:
    for name, text, since in (
        ("bus.md", "The message bus is Kafka.", "2024-01-01"),
        ("bus.md", "The message bus is NATS.", "2025-01-01"),
        ("new.md", "The message bus is Zenoh.", "2025-06-01"),
    ):
        heir = ("--supersedes", "bus.md") if name == "new.md" else ()
        done = run_cli("remember", text, "--name", name, "--valid-from", since, *heir, "--db", str(db))
        assert done.returncode == 0, done
    with Session(db, "--project", "auto") as client:
        client.ok("log_chat", conversation_id="w", content="A heron was at the pond.")

    def recall(*arguments: str) -> str:
        done = run_cli("recall", *arguments, "--db", str(db), TZ="UTC")
        assert done.returncode == 0, done
        return done.stdout

    then = recall("message bus", "--as-of", "2024-05-01")
    assert "Kafka" in then
    assert "NATS" not in then
    assert "bus.md held until 2025-01-01 00:00+00:00; then bus.md." in then
    assert "held until 2025-06-01 00:00+00:00; then new.md." in recall("message bus", "--as-of", "2025-03-01")
    now = recall("message bus")
    assert "Zenoh" in now
    assert "held until" not in now
    found = json.loads(recall("message bus", "--as-of", "2025-03-01", "--json"))["results"]
    assert [one["content"] for one in found] == ["The message bus is NATS."]
    for query in ("message bus", "heron"):
        assert run_cli("recall", query, "--as-of", "2023-01-01", "--db", str(db)).returncode == 3
    assert "heron" in recall("heron")
    wrong = run_cli("recall", "heron", "--as-of", "soon", "--db", str(db))
    assert wrong.returncode == 2
    assert "--as-of:" in wrong.stderr


def test_remember_names_what_it_is_like_and_recall_what_may_be_out_of_date(db: Path, tmp_path: Path) -> None:
    (tmp_path / "pool.toml").write_text("size = 5\n")

    def ltmc(*arguments: str) -> str:
        done = run_cli(*arguments, "--db", str(db), "--project", "shop", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with Session(db) as client:
        client.ok("register_project", project_id="shop", root_path=str(tmp_path))
    ltmc("remember", "The pool has 5 connections (see pool.toml).", "--name", "a.md")
    said = ltmc("remember", "The pool has 9 connections (see pool.toml).", "--name", "b.md")
    assert "May contradict (number): a.md (id 1): The pool has 5 connections" in said
    assert "Similar: " in ltmc("remember", "The pool has 9 connections.", "--name", "c.md")
    assert "out of date" not in ltmc("recall", "pool")
    (tmp_path / "pool.toml").write_text("size = 11\n")
    assert "a.md may be out of date; changed since: pool.toml." in ltmc("recall", "pool")


def test_todos(db: Path) -> None:
    assert "todo 1" in run_cli("todo", "add", "Ship it", "--priority", "high", "--db", str(db)).stdout
    listed = json.loads(run_cli("todo", "list", "--json", "--db", str(db)).stdout)
    assert listed["todos"][0]["title"] == "Ship it"
    assert "is done" in run_cli("todo", "done", "1", "--db", str(db)).stdout
    assert "already" in run_cli("todo", "done", "1", "--db", str(db)).stdout
    assert "0 of 0" in run_cli("todo", "list", "--db", str(db)).stdout
    assert "Ship it" in run_cli("todo", "list", "--all", "--db", str(db)).stdout
    unknown = run_cli("todo", "done", "7", "--db", str(db))
    assert (unknown.returncode, unknown.stderr) == (1, "Error: TODO_ID: no todo 7.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["remember", " "], "TEXT"),
        (["todo", "add", "a", "--priority", "huge"], "low, medium, high"),
        (["recall", "a", "--top", "99"], "from 1 to 50"),
        (["recall", "a", "--project", "no spaces"], "--project"),
    ],
)
def test_bad_arguments_exit_with_two(db: Path, arguments: list[str], words: str) -> None:
    assert run_cli("todo", "add", "a", "--db", str(db)).returncode == 0
    done = run_cli(*arguments, "--db", str(db))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_check_is_green_and_lists_every_entry() -> None:
    done = run_cli("check", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert (report["ok"], report["form"]) == (True, "source")
    names = {entry["name"] for entry in report["entries"]}
    assert {tool.name for tool in manifest.tools()} | set(filter(is_wanted, manifest.modules())) <= names
    assert "0" in run_cli("check").stdout


def test_demo_shows_the_main_job() -> None:
    done = run_cli("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for words in ("store_memory", "Staging is restored", "INVALID_ARGUMENT", "We deploy on Tuesdays. [1]"):
        assert words in done.stdout
    assert len(done.stdout.splitlines()) <= 40, "one screen"
    assert '"resource_id": 1' in run_cli("demo", "--whole").stdout


def test_what_a_command_does_is_said_in_whole_sentences() -> None:
    for group in ([], ["token"], ["cache"], ["todo"], ["model"]):
        listed = run_cli(*group, "--help").stdout.partition("Commands:")[2]
        assert listed
        assert "..." not in listed


@pytest.mark.database_file
def test_doctor_tells_origins_and_hides_passwords(db: Path, tmp_path: Path) -> None:
    toml = tmp_path / "ltmc.toml"
    toml.write_text('profile = "core"\nlog_level = "info"\n')
    url = "redis://user:hunter2@127.0.0.1:1/0"
    assert run_cli("todo", "add", "a", "--db", str(db)).returncode == 0
    done = run_cli(
        "doctor", "--json", "--db", str(db), LTMC_CONFIG=str(toml), LTMC_LOG_LEVEL="ERROR", LTMC_REDIS_URL=url
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0, "a cache that is down is no failure"
    assert report["settings"]["db"] == [str(db), "flag"]
    assert report["settings"]["profile"] == ["core", str(toml)]
    assert report["settings"]["log_level"] == ["ERROR", "environment"]
    assert report["settings"]["read_only"] == [False, "default"]
    assert report["settings"]["redis_url"] == ["redis://127.0.0.1:1/0", "environment"]
    assert report["health"]["status"] == "degraded"
    assert "down" in report["health"]["cache"]
    assert report["database"]["schema"] == report["database"]["known schema"]
    assert "hunter2" not in done.stdout + done.stderr
    assert report["search"]["kernel"] == f"built; uses {kernel.available()[-1]}"
    assert "healthy" in run_cli("doctor", "--db", str(db)).stdout


REFUSED_URLS = ["http://h/0", "localhost:6379", "redis://:a/hunter2@h:1/0", "redis://u:hunter2@h:x/0"]


@pytest.mark.parametrize("url", REFUSED_URLS)
@pytest.mark.parametrize("command", ["doctor", "serve"])
def test_what_is_no_redis_is_refused(db: Path, command: str, url: str) -> None:
    assert run_cli("todo", "add", "a", "--db", str(db)).returncode == 0
    done = run_cli(command, "--db", str(db), text="", LTMC_REDIS_URL=url)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "redis_url" in line
    assert "rediss://" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("query", ["nix=1", "db=x", "socket_timeout=x", "password=hunter2&nix=1"])
def test_doctor_ends_whatever_redis_thinks_of_a_url(db: Path, query: str) -> None:
    assert run_cli("todo", "add", "a", "--db", str(db)).returncode == 0
    url = f"redis://127.0.0.1:1/0?{query}"
    done = run_cli("doctor", "--json", "--db", str(db), LTMC_REDIS_URL=url)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert "redis_url is not as Redis reads it" in report["health"]["cache"]
    assert "hunter2" not in done.stdout + done.stderr


def test_doctor_ends_where_a_table_is_gone(db: Path) -> None:
    assert run_cli("todo", "add", "a", "--db", str(db)).returncode == 0
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("DROP TABLE chat_messages")
    done = run_cli("doctor", "--json", "--db", str(db))
    assert (done.returncode, "Traceback (most" in done.stderr) == (1, False), done.stderr
    assert "chat_messages" in json.loads(done.stdout)["database"]["error"]


def test_doctor_fails_on_what_is_no_database(tmp_path: Path) -> None:
    broken = tmp_path / "ltmc.db"
    broken.write_bytes(b"nonsense" * 1000)
    done = run_cli("doctor", "--db", str(broken))
    assert done.returncode == 1
    assert "not a database" in done.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("profile = 3", "profile"),
        ('colour = "red"', "colour"),
        ("log_level = ", "ltmc.toml"),
        ('durability = "some"', "durability"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, db: Path, text: str, words: str) -> None:
    toml = tmp_path / "ltmc.toml"
    toml.write_text(text)
    done = run_cli("todo", "list", "--db", str(db), LTMC_CONFIG=str(toml))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
