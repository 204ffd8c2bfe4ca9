"""What the tools that write files may write: documents, and nothing that a program or a tool reads."""

import hashlib
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from ltmc.tools import selection
from tests.client import Session
from tests.forms import steps

WRITERS = {"sync_documentation_with_code", "update_documentation_from_blueprint"}
"""The tools that write the file that `doc_path` names; live sync calls the first."""

READERS = {
    "validate_documentation_consistency",
    "detect_documentation_drift",
    "get_documentation_consistency_score",
}

NO_DOCUMENTS = [
    ".venv/lib/python3.11/site-packages/x.pth",
    ".git/config",
    ".git/hooks/post-checkout",
    ".git/notes.md",
    ".github/notes.md",
    "Makefile",
    ".env",
    "app.py",
    "package.json",
    "docs/.hidden.md",
    "docs/.obsidian/plugins.md",
    "Docs/../.git/config",
    "linked.md",
    "linked/notes.md",
    "env/notes.md",
    "env/lib/notes.md",
    "lib/site-packages/notes.md",
    "NODE_MODULES/notes.md",
    "app.egg-info/entry_points.txt",
    "build/notes.md",
    "docs/\u200c.git/notes.md",
    "CMakeLists.txt",
    "requirements-dev.txt",
    "requirements/base.txt",
    "dev-requirements.txt",
    "constraints_test.txt",
    "pip.lock.txt",
    "conanfile.txt",
    "packages.txt",
    "robots.txt",
    "docs/_build/notes.md",
    "vendor/lib/README.md",
    "cmake-build-debug/notes.md",
    "GIT~1/notes.md",
    "build./notes.md",
    "poetry.lock",
    "notes.md/",
    "~/notes.md",
    "$HOME/notes.md",
    "file:///etc/notes.md",
    "requires.txt",
    "install_requires.txt",
    "dependency.txt",
    "modules.txt",
    "SOURCES.txt",
    "version.txt",
    "environment.txt",
    "tox.txt",
    "CLAUDE.md",
    "AGENTS.md",
    "docs/skills/x/SKILL.md",
    "CLAUDE.local.md",
    "WARP.md",
    "docs/requirements/base.txt",
    "src/build/docs/notes.md",
    "docs/build/requirements.txt",
]

DOCUMENTS = ["docs/a.md", "README.md", "guide/a.markdown", "guide/a.mdx", "a.rst", "notes/a.TXT", "venv.md"]
DOCUMENTS += ["requirements.md", "docs/locking.txt", "packages/app/README.md", "docs/agents-guide.md"]
DOCUMENTS += ["docs/build/index.md", "doc/Coverage/a.rst", "packages/README.txt", "requirements/CHANGES.txt"]


@pytest.fixture
def root(tmp_path: Path, shared: Session, project: str) -> Path:
    """A project with much that is no document."""
    root = tmp_path / "root"
    for folder in (".git/hooks", ".venv/lib/python3.11/site-packages", "env/lib", "docs", "app.egg-info"):
        (root / folder).mkdir(parents=True)
    (root / "env" / "pyvenv.cfg").write_text("home = /usr\n")
    (root / "app.py").write_text("def count(things):\n    return things\n")
    (root / "notes.md").mkdir()
    for name in (".git/config", ".env", "Makefile", "package.json", "CMakeLists.txt"):
        (root / name).write_text("theirs\n")
    (root / "linked.md").symlink_to("app.py")
    (root / "linked").symlink_to(".git")
    shared.ok("register_project", project_id=project, root_path=str(root))
    return root


def hashed(folder: Path) -> dict[str, str]:
    """Every file below a folder with a hash of what it holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_tools_that_take_a_document_are_known() -> None:
    taking = {tool.name for tool in selection.select("all") if "doc_path" in tool.parameters["properties"]}
    assert taking == WRITERS | READERS


class Watching(steps.Recorder):
    """Notes which tools change the files of a project."""

    def __init__(self, client: Session, root: Path) -> None:
        super().__init__(client)
        self.root, self.tools, self.writers = root, set[str](), set[str]()

    def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, which must succeed."""
        before = hashed(self.root)
        answer = super().ok(tool, **arguments)
        self.tools.add(tool)
        if hashed(self.root) != before:
            self.writers.add(tool)
        return answer


def test_no_other_tool_writes_a_file(db: Path, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with Session(db) as client:
        watching = Watching(client, tmp_path / "project")
        steps.use_every_tool(watching, watching.root)
    assert watching.tools == {tool.name for tool in selection.select("all")}
    assert watching.writers <= WRITERS
    assert watching.writers


@pytest.mark.parametrize("path", NO_DOCUMENTS)
def test_what_is_no_document_is_not_touched(shared: Session, project: str, root: Path, path: str) -> None:
    task = shared.ok("create_task_blueprint", title="a", description="b", project_id=project)
    before = hashed(root)
    code = "INVALID_ARGUMENT" if path == "notes.md/" else "PATH_NOT_ALLOWED"
    for tool in (*sorted(READERS), "sync_documentation_with_code"):
        error = shared.bad(tool, code, "doc_path", file_path="app.py", doc_path=path, project_id=project)
    where = {"blueprint_id": task["blueprint_id"], "doc_path": path, "project_id": project}
    error = shared.bad("update_documentation_from_blueprint", code, "doc_path", **where)
    assert path.encode("unicode_escape").decode() in error["error"]
    if code == "PATH_NOT_ALLOWED":
        assert ".md" in error["error"], "it says what is allowed"
    assert hashed(root) == before
    found = shared.ok("advanced_context_search", query="theirs", project_id=project)
    assert found["count"] == 0, "nothing of it was stored"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_documents_are_written(shared: Session, project: str, root: Path, path: str) -> None:
    shared.ok("sync_documentation_with_code", file_path="app.py", doc_path=path, project_id=project)
    assert "count(things)" in (root / path).read_text()


def test_a_file_in_a_dot_folder_has_a_document_in_an_ordinary_one(
    shared: Session, project: str, root: Path
) -> None:
    (root / ".hooks").mkdir()
    (root / ".hooks" / "run.py").write_text("def run(): ...\n")
    done = shared.ok("sync_documentation_with_code", file_path=".hooks/run.py", project_id=project)
    assert done["doc_path"] == "docs/api/hooks.run.md"


@pytest.mark.parametrize("synced", ["2026-01-01T00:00:00.000000Z", None])
def test_a_link_that_an_older_version_stored_is_not_followed(
    tmp_path: Path, db: Path, synced: str | None
) -> None:
    """`validate_documentation_consistency` used to store where live sync would write."""
    (tmp_path / "m.py").write_text("def count(): ...\n")
    (tmp_path / "Makefile").write_text("theirs\n")
    (tmp_path / "README.md").write_text("mine\n")
    doc_path = "Makefile" if synced else "README.md"
    with Session(db) as client:
        client.ok("register_project", project_id="p", root_path=str(tmp_path))
        with sqlite3.connect(db) as connection:
            connection.execute(
                "INSERT INTO doc_links (project_id, kind, ref, doc_path, last_sync_at) VALUES "
                "('p', 'code', 'm.py', ?, ?)",
                (doc_path, synced),
            )
        connection.close()
        client.ok("start_real_time_sync", file_paths=["m.py"], sync_interval_ms=100, project_id="p")
        (tmp_path / "m.py").write_text("def count(things): ...\n")
        end = time.monotonic() + 20
        while True:
            events = client.ok("get_sync_status", project_id="p")["recent_events"]
            if events and "handled_at" in events[0]:  # what is null is left out
                break
            assert time.monotonic() < end
            time.sleep(0.05)
        assert events[0]["sync_state"] == ("failed" if synced else "ignored")
    assert (tmp_path / "Makefile").read_text() == "theirs\n"
    assert (tmp_path / "README.md").read_text() == "mine\n"


def test_a_check_stores_no_link(tmp_path: Path, db: Path) -> None:
    (tmp_path / "m.py").write_text("def count(): ...\n")
    (tmp_path / "README.md").write_text("`count()`\n")
    with Session(db) as client:
        client.ok("register_project", project_id="p", root_path=str(tmp_path))
        where = {"file_path": "m.py", "project_id": "p"}
        client.ok("validate_documentation_consistency", doc_path="README.md", **where)
        done = client.ok("sync_documentation_with_code", dry_run=True, **where)
    assert done["doc_path"] == "docs/api/m.md", "only a person aims what is written"
