"""The command line where something is odd: the home, the terminal, the database's path, the current folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client import run_cli

HOMELESS = """
import pwd, sys
def getpwuid(uid): raise KeyError(uid)
pwd.getpwuid = getpwuid
from ltmc.cli.main import main
main()
"""


def homeless(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user without HOME and without an entry in the list of users."""
    return subprocess.run(
        [sys.executable, "-c", HOMELESS, *arguments],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_user_without_a_home_needs_only_a_database(db: Path) -> None:
    stored = homeless("remember", "The quince is ripe.", "--db", str(db))
    assert (stored.returncode, stored.stderr) == (0, "")
    assert "quince" in homeless("recall", "quince", LTMC_DB=str(db)).stdout
    assert homeless("check").returncode == 0
    assert homeless("doctor", "--db", str(db)).returncode == 0


@pytest.mark.parametrize("command", [["todo", "list"], ["serve"], ["remember", "a"], ["token", "path"]])
def test_without_a_home_the_missing_database_is_named(command: list[str]) -> None:
    done = homeless(*command)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "home" in line
    assert "LTMC_DB" in line


def test_an_unknown_home_in_a_path_is_named() -> None:
    done = run_cli("todo", "list", "--db", "~no-such-user/ltmc.db")
    assert done.returncode == 2
    assert "~no-such-user" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_of_another_encoding_gets_escapes(db: Path) -> None:
    env = {"PYTHONIOENCODING": "latin-1", "LTMC_DB": str(db)}
    text = "東京 ✨ 𝔘 café"
    assert run_cli("remember", text, "--name", "東京.md", LTMC_DB=str(db)).returncode == 0
    for arguments in (["remember", text, "--name", "2.md"], ["todo", "add", text], ["recall", "café"]):
        for more in ([], ["--json"]):
            done = subprocess.run(
                [sys.executable, "-m", "ltmc", *arguments, *more],
                env=os.environ | env,
                capture_output=True,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, b""), arguments
            if more:
                assert json.loads(done.stdout)["success"]
    answer = json.loads(run_cli("recall", "café", "--json", **env).stdout)
    assert text in {result["content"] for result in answer["results"]}
    missing = run_cli("recall", "東京", "--project", "東 京", **env)
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr


@pytest.mark.parametrize(
    "command", [["remember", "a"], ["todo", "list"], ["serve"], ["doctor"], ["token", "path"]]
)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{folder}", "a folder"),
        ("", "the path of a file"),
        ("mysql://u:hunter2@host/ltmc", "mysql"),
        ("redis://localhost:6379/0", "redis"),
        ("http://localhost/ltmc.db", "http"),
        ("sqlite:///x/ltmc.db", "sqlite"),
    ],
)
def test_what_is_no_path_of_a_file_is_refused(
    tmp_path: Path, command: list[str], value: str, words: str
) -> None:
    value = value.format(folder=tmp_path)
    for by_flag in (True, False):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ltmc", *command, *(["--db", value] if by_flag else [])],
            env=os.environ | ({} if by_flag else {"LTMC_DB": value}),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert (done.returncode, done.stdout) == (2, ""), done
        (line,) = done.stderr.splitlines()
        assert "db" in line
        assert words in line
        assert "allowed: the path of a file" in line
        assert "hunter2" not in line
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ["recall", "a"],
        ["todo", "list"],
        ["todo", "done", "1"],
        ["usage"],
        ["routing"],
        ["reindex"],
        ["backup", "copy.db"],
        ["doctor"],
        ["doctor", "--service", "sqlite"],
    ],
)
def test_a_mistyped_database_is_named_and_not_made(tmp_path: Path, command: list[str]) -> None:
    missing = tmp_path / "lmtc" / "ltmc.db"
    done = run_cli(*command, "--db", str(missing))
    assert "no database" in done.stdout + done.stderr
    assert str(missing) in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if command == ["doctor"] else 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--port", "8765"], "--port"),
        (["--host", "127.0.0.1"], "--host"),
        (["--public"], "--public"),
        (["--allow-host", "memory.example"], "--allow-host"),
        (["--transport", "stdio", "--port", "0"], "--port"),
    ],
)
def test_flags_of_http_need_http(db: Path, flags: list[str], named: str) -> None:
    done = run_cli("serve", *flags, "--db", str(db), text="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {named}: needs --transport http.\n"


@pytest.mark.parametrize(
    ("arguments", "typed", "unknown"),
    [
        (["remember", " "], "TEXT", "file_name"),
        (["remember", "-"], "TEXT", "file_name"),
        (["remember", "text", "--name", "a\nb"], "--name", "file_name"),
        (["remember", "text", "--tag", " "], "--tag", "tags:"),
        (["remember", "text", "--type", "song"], "--type", "resource_type"),
        (["recall", "a", "--top", "0"], "--top", "top_k"),
        (["recall", "a", "--project", "no spaces"], "--project", "project_id"),
        (["todo", "list", "--limit", "0"], "--limit", "limit:"),
        (["todo", "add", " "], "TITLE", "title"),
        (["todo", "add", "a", "--priority", "huge"], "--priority", "priority:"),
        (["todo", "done", "7"], "TODO_ID", "todo_id"),
    ],
)
def test_messages_name_what_was_typed(db: Path, arguments: list[str], typed: str, unknown: str) -> None:
    assert run_cli("todo", "add", "a", "--db", str(db)).returncode == 0
    done = run_cli(*arguments, "--db", str(db), text="")
    assert done.returncode in {1, 2}
    assert typed in done.stderr
    assert unknown not in done.stderr.replace(typed, "")
    assert "Traceback" not in done.stderr


def test_the_demo_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    for name in ("ltmc", "queue", "click"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    done = subprocess.run(
        [Path(sys.executable).with_name("ltmc"), "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [("doctor",), ("recall", "quince"), ("todo", "list")])
def test_nothing_breaks_where_stdout_is_closed(db: Path, arguments: tuple[str, ...]) -> None:
    run_cli("remember", "The quince is ripe.", "--db", str(db))
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m ltmc "$@" >&-', sys.executable, *arguments, "--db", str(db)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
