"""The project of commands that name none: that of the repository they run in, as for agents and hooks there."""

import json
from pathlib import Path

import pytest

from ltmc.app.project_identity import project_of
from tests.client import Session, run_cli
from tests.hooks.clients import PAYLOADS, context
from tests.paths.test_identity import git, repository


class Here:
    """Commands in a folder."""

    def __init__(self, folder: Path, db: Path) -> None:
        self.folder, self.db, self.id = folder, db, project_of(folder)

    def ok(self, *arguments: str, **env: str) -> str:
        """The output of a command that must succeed."""
        done = run_cli(*arguments, "--db", str(self.db), cwd=self.folder, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def prompt(self, text: str, session: str = "s") -> str:
        """What the hook at a prompt tells in the folder."""
        payload = json.dumps(PAYLOADS["claude-code"]["prompt"])
        for mark, value in (("CWD", str(self.folder)), ("SID", session), ("PROMPT", text)):
            payload = payload.replace(mark, value)
        done = run_cli("hook", "prompt", text=payload, cwd=self.folder, LTMC_DB=str(self.db))
        return context(done.stdout.encode())


@pytest.fixture
def orchard(db: Path, tmp_path: Path) -> Here:
    """A repository."""
    return Here(repository(tmp_path / "orchard"), db)


@pytest.fixture
def vineyard(db: Path, tmp_path: Path) -> Here:
    """Another one."""
    return Here(repository(tmp_path / "vineyard"), db)


def test_what_is_remembered_in_one_repository_is_not_told_in_another(orchard: Here, vineyard: Here) -> None:
    said = orchard.ok("remember", "Quinces are picked in October.")
    assert f"in the project {orchard.id}." in said
    assert f"in the project {orchard.id}." in orchard.ok("todo", "add", "Pick the quinces")
    assert "October" in orchard.ok("recall", "when are quinces picked")
    assert "October" in orchard.ok("brief")
    assert "October" in orchard.prompt("when are the quinces picked?")
    with Session(orchard.db, "--project", "auto", cwd=orchard.folder) as agent:
        (found,) = agent.ok("retrieve_memory", query="quinces")["results"]
        assert "project_id" not in found, "it is the agent's own project"
        assert agent.ok("list_todos")["total"] == 1
    nothing = run_cli("recall", "quinces", "--db", str(vineyard.db), cwd=vineyard.folder)
    assert nothing.returncode == 3
    assert "0 of 0" in vineyard.ok("list")
    assert "0 of 0" in vineyard.ok("todo", "list")
    assert vineyard.ok("brief") == vineyard.prompt("when are the quinces picked?") == ""


def test_what_an_agent_and_hooks_keep_is_at_hand_in_the_terminal(orchard: Here) -> None:
    with Session(orchard.db, "--project", "auto", cwd=orchard.folder) as agent:
        agent.ok("store_memory", file_name="quince.md", content="Quinces are picked in October.")
    inside = Here(orchard.folder / "src", orchard.db)
    inside.folder.mkdir()
    assert "October" in inside.ok("recall", "quinces")
    usage = json.loads(inside.ok("usage", "--json"))
    assert "store_memory" in [row["tool"] for row in usage["calls"]]


def test_a_project_that_is_named_or_set_goes_before(orchard: Here, vineyard: Here, tmp_path: Path) -> None:
    orchard.ok("remember", "Quinces are picked in October.", "--project", "garden")
    assert "October" in vineyard.ok("recall", "quinces", "--project", "garden")
    assert "October" in vineyard.ok("recall", "quinces", LTMC_PROJECT="garden")
    file = tmp_path / "ltmc.toml"
    file.write_text('project = "garden"\n')
    assert "October" in vineyard.ok("recall", "quinces", LTMC_CONFIG=str(file))
    assert "0 of 0" in orchard.ok("list")
    assert "October" not in orchard.ok("brief")


def test_what_was_stored_without_a_project_stays_at_hand(orchard: Here) -> None:
    with Session(orchard.db, cwd=orchard.folder) as before:  # as 1.0 did
        before.ok("store_memory", file_name="old.md", content="Quinces are picked in October.")
        before.ok("add_todo", title="Pick the quinces")
        before.ok("store_memory", file_name="b.md", content="A medlar.", project_id="other")
    assert "October" in orchard.ok("show", "old.md")
    for found in (orchard.ok("list"), orchard.ok("recall", "quinces"), orchard.ok("todo", "list")):
        assert "Project" in found
        assert "default" in found
    assert "is done" in orchard.ok("todo", "done", "1")
    assert "version 2" in orchard.ok("edit", "old.md", "--text", "Quinces are picked in May.")
    assert "October" in orchard.ok("history", "old.md")
    assert "Forgot 2" in orchard.ok("forget", "old.md", "--yes")
    changes = (("edit", "2", "--text", "A pear."), ("forget", "2", "--yes"))
    for arguments in (*changes, ("show", "2"), ("history", "2")):
        refused = run_cli(*arguments, "--db", str(orchard.db), cwd=orchard.folder)
        assert (refused.returncode, "no memory 2" in refused.stderr) == (1, True), "that of another project"
    orchard.ok("remember", "A pear.")
    assert "Project" not in orchard.ok("list")


def test_a_hook_tells_the_own_memory_instead_of_one_of_its_name_in_the_default_project(orchard: Here) -> None:
    with Session(orchard.db, cwd=orchard.folder) as before:
        before.ok("store_memory", file_name="rule.md", content="Quinces are picked after the first frost.")
    assert "frost" in orchard.prompt("when are the quinces picked?")
    orchard.ok("remember", "Quinces are picked in October.", "--name", "rule.md")
    told = orchard.prompt("when are the quinces picked?", session="t")
    assert ("October" in told, "frost" in told) == (True, False)


def test_worktrees_are_one_project_for_commands_hooks_and_agents(orchard: Here, tmp_path: Path) -> None:
    git(orchard.folder, "worktree", "add", "--quiet", "-b", "topic", str(tmp_path / "topic"))
    topic = Here(tmp_path / "topic", orchard.db)
    assert topic.id == orchard.id
    orchard.ok("remember", "Quinces are picked in October.")
    assert "October" in topic.ok("brief")
    assert "October" in topic.prompt("when are the quinces picked?")
    assert "last asked" in orchard.ok("brief"), "the prompt in the worktree is kept in the same project"
    topic.ok("remember", "Medlars are picked after the first frost.", "--name", "medlar.md")
    assert "frost" in orchard.prompt("when are the medlars picked?")
    with Session(orchard.db, "--project", "auto", cwd=topic.folder) as agent:
        assert agent.ok("list_memories")["total"] == 2
