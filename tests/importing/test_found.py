"""`ltmc import --found`, and what the command says."""

import json
import shutil
from pathlib import Path

import pytest

from tests.client import Session, run_cli
from tests.importing import samples
from tests.importing.samples import claude_record, write_lines
from tests.importing.test_formats import SHOP


def found(home: Path, db: Path, **env: str) -> dict:
    """What an import of what is found says."""
    done = run_cli("import", "--found", "--db", str(db), "--json", HOME=str(home), **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_fresh_home_has_nothing(db: Path, tmp_path: Path) -> None:
    done = run_cli("import", "--found", "--db", str(db), HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stdout) == (0, "")
    assert "Nothing that can be imported was found in the usual places" in done.stderr
    assert not db.exists()
    assert not (tmp_path / "home").exists()


def test_the_usual_places_are_looked_at(db: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    claude = home / ".claude" / "projects" / "-work-no-such-shop"
    write_lines(claude / "claude-session.jsonl", [claude_record(1, "user", "From Claude Code.")])
    agent = claude_record(2, "assistant", "From a helper.", isSidechain=True, agentId="a1")
    write_lines(claude / "claude-session" / "subagents" / "agent-a1.jsonl", [agent])
    (claude / "memory").mkdir()
    (claude / "memory" / "MEMORY.md").write_text("- [Kiosk](kiosk.md)\n")
    (claude / "memory" / "kiosk.md").write_text(
        "---\nname: kiosk\ntype: project\n---\nIt waits for its DNS.\n"
    )
    (home / ".claude" / "CLAUDE.md").write_text("Be brief.\n<!-- ltmc:begin -->\nours\n<!-- ltmc:end -->\n")
    samples.codex(home / ".codex" / "sessions" / "2026" / "03" / "04")
    samples.opencode(home / ".local" / "share" / "opencode")
    samples.goose_database(home / ".local" / "share" / "goose" / "sessions")
    samples.cursor_database(home / ".config" / "Cursor" / "User" / "globalStorage")
    samples.copilot(home / ".copilot" / "session-state")
    samples.engram(home / ".engram")
    shutil.move(samples.vault(tmp_path), home / "basic-memory")
    report = found(home, db)
    assert report["new"] == {"messages": 13, "memories": 6, "links": 2}
    assert [one["error"] for one in report["sources"]] == [None] * len(report["sources"])
    assert found(home, db)["new"] == {}
    with Session(db) as client:
        assert client.ok("get_memory", file_name="claude-memory/kiosk.md", project_id=SHOP)["tags"] == [
            "project",
            "markdown",
        ]
        assert client.ok("get_memory", file_name=".claude/CLAUDE.md")["content"].strip() == "Be brief."
        talks = client.ok("list_conversations", project_id=SHOP)["conversations"]
        names = {one["conversation_id"] for one in talks}
        assert {"claude-session", "claude-session/agent-a1", "codex-session", "copilot-session"} <= names


@pytest.mark.parametrize(
    ("variable", "make"),
    [
        ("CLAUDE_CONFIG_DIR", lambda top: samples.claude_code(top / "projects" / "-work-shop")),
        ("CODEX_HOME", lambda top: samples.codex(top / "sessions")),
        ("GEMINI_CLI_HOME", lambda top: samples.gemini(top / ".gemini")),
        ("XDG_DATA_HOME", lambda top: samples.opencode(top / "opencode")),
        ("XDG_CONFIG_HOME", lambda top: samples.cursor_database(top / "Cursor" / "User" / "globalStorage")),
    ],
)
def test_the_variables_of_agents_are_followed(variable: str, make, db: Path, tmp_path: Path) -> None:
    make(tmp_path / "moved")
    report = found(tmp_path / "home", db, **{variable: str(tmp_path / "moved")})
    assert report["new"] == {"messages": 2}


def test_what_is_typed_wrongly_is_named(db: Path, tmp_path: Path) -> None:
    for arguments, named in (
        ([], "paths"),
        (["--found", str(tmp_path)], "both"),
        ([str(tmp_path / "gone")], "gone"),
        ([str(tmp_path), "--project", "a b"], "--project: got 'a b'"),
    ):
        done = run_cli("import", *arguments, "--db", str(db))
        assert done.returncode in (1, 2)
        assert named.lower() in done.stderr.lower()
        assert "Traceback" not in done.stderr
    (tmp_path / "empty").mkdir()
    assert run_cli("import", str(tmp_path / "empty"), "--db", str(db)).returncode == 3
    assert not db.exists()


def test_a_summary_for_people(db: Path, tmp_path: Path) -> None:
    samples.claude_code(tmp_path / "t")
    (tmp_path / "t" / "photo.png").write_bytes(b"\x89PNG")
    done = run_cli("import", str(tmp_path / "t"), "--db", str(db))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split() == ["claude-code", "1", "0", "2", "0", "0", "0"]
    assert "Left out or changed: 1 records that the program made for itself." in done.stdout
    assert "Left alone: 1 files of no known format." in done.stdout
    assert f"In the projects {SHOP}." in done.stdout
    assert "look in" not in done.stdout
    done = run_cli("import", str(tmp_path / "t"), "--db", str(tmp_path / "b.db"), LTMC_PROJECT="kiosk")
    assert "look in 'kiosk' alone" in done.stdout
    done = run_cli("import", str(tmp_path / "t"), "--db", str(db), LTMC_READ_ONLY="1")
    assert (done.returncode, "read-only" in done.stderr) == (1, True)


def test_what_was_said_is_recalled_from_a_terminal_where_no_memory_matches(db: Path, tmp_path: Path) -> None:
    run_cli("import", str(samples.claude_code(tmp_path)), "--project", "kiosk", "--db", str(db))
    where = ("--project", "kiosk", "--db", str(db))
    shown = run_cli("recall", "why is the kiosk slow", *where)
    assert shown.returncode == 0, shown.stderr
    assert "The kiosk waits for its DNS." in " ".join(shown.stdout.split())
    assert "assistant" in shown.stdout
    assert "2026-03-04" in shown.stdout
    assert shown.stderr.strip() == "No memory matches; this was said in conversations."
    answer = json.loads(run_cli("recall", "why is the kiosk slow", "--json", *where).stdout)
    assert answer["results"] == []
    assert {one["role"] for one in answer["conversations"]} == {"user", "assistant"}
    assert all(one["conversation_id"] and one["created_at"] for one in answer["conversations"])
    run_cli("remember", "The kiosk is slow since its DNS moved.", *where)
    answer = json.loads(run_cli("recall", "why is the kiosk slow", "--json", *where).stdout)
    assert answer["results"]
    assert "conversations" not in answer
    assert run_cli("recall", "kiosk", "--project", "empty", "--db", str(db)).returncode == 3
