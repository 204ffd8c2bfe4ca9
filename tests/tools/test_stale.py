"""A memory that names files says when they were changed since."""

import os
import subprocess
from pathlib import Path

import pytest

from ltmc.files.tracked import paths_by_name
from tests.client import Session


@pytest.fixture
def root(shared: Session, project: str, tmp_path: Path) -> Path:
    """The folder of a project."""
    folder = tmp_path / "work"
    (folder / "src").mkdir(parents=True)
    shared.ok("register_project", project_id=project, root_path=str(folder))
    return folder


def stale(client: Session, project: str, query: str = "walnut") -> list[str] | None:
    (one, *_) = client.ok("retrieve_memory", query=query, project_id=project)["results"]
    (same, *_) = client.ok("advanced_context_search", query=query, project_id=project)["results"]
    assert one.get("stale") == same.get("stale")
    return one.get("stale")


def test_a_changed_file_is_named_until_the_memory_is_confirmed(
    shared: Session, project: str, root: Path
) -> None:
    code, readme = root / "src" / "walnut.py", root / "README.md"
    code.write_text("size = 1\n")
    readme.write_text("Walnuts.\n")
    text = "The walnut has size 1 (see ./src/walnut.py, README.md and gone.py)."
    arguments = {"file_name": "walnut.md", "content": text, "project_id": project}
    shared.ok("store_memory", **arguments)
    assert stale(shared, project) is None
    os.utime(code, (1, 1))
    assert stale(shared, project) is None, "touched, and the same"
    code.write_text("size = 2\n")
    assert stale(shared, project) == ["src/walnut.py"]
    readme.unlink()
    assert stale(shared, project) == ["src/walnut.py", "README.md"]
    again = shared.ok("store_memory", **arguments)
    assert (again["deduplicated"], again["changed_fields"]) == (True, [])
    assert stale(shared, project) is None, "stored again, it is known to hold"
    code.write_text("size = 33\n")
    assert stale(shared, project) == ["src/walnut.py"]
    shared.ok("update_memory", file_name="walnut.md", tags=["nut"], project_id=project)
    assert stale(shared, project) == ["src/walnut.py"], "a tag confirms nothing"
    read = shared.ok("get_memory", file_name="walnut.md", project_id=project)
    (listed,) = shared.ok("list_memories", project_id=project)["memories"]
    asked = shared.ok("ask_with_context", query="What size has the walnut?", project_id=project)
    assert read["stale"] == listed["stale"] == asked["sources"][0]["stale"] == ["src/walnut.py"]
    for tool, given in (("build_context", {}), ("retrieve_memory", {"include_context": True})):
        context = shared.ok(tool, query="walnut", project_id=project, **given)["context"]
        assert "walnut.md (stale: src/walnut.py)" in context
    shared.ok("update_memory", file_name="walnut.md", content=text, project_id=project)
    assert stale(shared, project) is None


def test_no_file_outside_or_hidden_is_looked_at(
    shared: Session, project: str, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("a")
    (root / "link.py").symlink_to(outside)
    (root / ".env.py").write_text("a")
    (root / "src" / "folder.py").mkdir()
    (root / "large.py").write_bytes(b"x" * (2 * 1024 * 1024 + 1))
    text = f"The walnut: link.py ../outside.py {outside} .env.py src/folder.py large.py \\..\\outside.py"
    shared.ok("store_memory", file_name="walnut.md", content=text, project_id=project)
    outside.write_text("bb")
    (root / ".env.py").write_text("bb")
    (root / "large.py").write_text("bb")
    assert stale(shared, project) is None


def test_many_files_and_a_folder_that_is_gone_are_no_trouble(
    shared: Session, project: str, root: Path
) -> None:
    names = [f"f{number}.py" for number in range(100)]
    for name in names:
        (root / name).write_text("a")
    shared.ok("store_memory", file_name="walnut.md", content="walnut " + " ".join(names), project_id=project)
    for name in names:
        (root / name).write_text("bb")
    assert stale(shared, project) == names[:8], "no more are told"
    for name in names[:12]:
        (root / name).write_text("a")
    assert stale(shared, project) == names[12:20], "more than those are known"
    root.rename(root.with_name("moved"))
    assert stale(shared, project) is None
    shared.ok("store_memory", file_name="walnut.md", content="walnut f1.py", project_id=project)


def test_files_without_a_suffix_and_absolute_paths_are_known(
    shared: Session, project: str, root: Path
) -> None:
    names = ["Makefile", "Dockerfile", "src/Procfile", "src/nut.py"]
    for name in names:
        (root / name).write_text("a")
    text = f"The walnut is made by Makefile, Dockerfile and src/Procfile; see {root}/src/nut.py."
    shared.ok("store_memory", file_name="walnut.md", content=text, project_id=project)
    for name in names:
        (root / name).write_text("bb")
    assert stale(shared, project) == names


def test_a_memory_is_judged_by_the_folder_it_was_stored_in(tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "walnut.py").write_text(folder)
    given = {"file_name": "walnut.md", "content": "The walnut is in walnut.py."}
    with Session(db, cwd=tmp_path / "one") as client:
        client.ok("store_memory", **given)
    with Session(db, cwd=tmp_path / "other") as client:
        (found,) = client.ok("retrieve_memory", query="walnut")["results"]
        assert "stale" not in found, "that is another walnut.py"
    (tmp_path / "one" / "walnut.py").write_text("changed")
    with Session(db, cwd=tmp_path / "one") as client:
        (found,) = client.ok("retrieve_memory", query="walnut")["results"]
        assert found["stale"] == ["walnut.py"]


GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]


@pytest.mark.parametrize("version", ["2", "3", "4"])
@pytest.mark.parametrize("below", ["", "part"])
def test_a_file_named_without_its_folder_is_the_only_tracked_one(
    shared: Session, project: str, tmp_path: Path, version: str, below: str
) -> None:
    top = tmp_path / "work"
    root = top / below
    for name in (
        "src/shop/settings.py",
        "src/a/twice.py",
        "src/b/twice.py",
        ".hidden/secret.py",
        "src/shop/set.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("size = 1\n")
    subprocess.run([*GIT, "init", "-q", str(top)], check=True)
    subprocess.run([*GIT, "-C", str(top), "add", "."], check=True)
    if version == "3":
        (root / "src/shop/later.py").write_text("")
        subprocess.run([*GIT, "-C", str(top), "add", "-N", "."], check=True)
    subprocess.run([*GIT, "-C", str(top), "update-index", "--index-version", version], check=True)
    (root / "src/untracked.py").write_text("size = 1\n")
    shared.ok("register_project", project_id=project, root_path=str(root))
    text = "The walnut: settings.py, twice.py, secret.py, untracked.py and src/shop/settings.py."
    shared.ok("store_memory", file_name="walnut.md", content=text, project_id=project)
    assert stale(shared, project) is None
    for path in root.rglob("*.py"):
        path.write_text("size = 22\n")
    assert stale(shared, project) == ["src/shop/settings.py"]


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"DIRC",
        b"DIRC\0\0\0\x02\xff\xff\xff\xff" + bytes(200),
        b"DIRC\0\0\0\x04\0\0\0\x09" + b"\xff" * 300,
    ],
)
def test_a_broken_index_of_git_has_no_files(tmp_path: Path, index: bytes) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "index").write_bytes(index)
    assert paths_by_name(tmp_path, ["settings.py"]) == {}
