"""Which project a folder belongs to, in repositories that git itself made and in hostile ones."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from ltmc.app.project_identity import branch_and_commit, project_of
from ltmc.settings import PROJECT_PATTERN
from tests.client import run_cli


def git(folder: Path, *arguments: str) -> str:
    """Run git, away from the settings of whoever runs the tests."""
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"]
        + list(arguments),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def repository(folder: Path, remote: str | None = None) -> Path:
    """Make a repository with one commit on the branch ``main``."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "First")
    if remote:
        git(folder, "remote", "add", "origin", remote)
    return folder


def test_a_repository_is_one_project_in_all_its_folders_and_worktrees(tmp_path: Path) -> None:
    main = repository(tmp_path / "garden")
    (main / "src" / "deep").mkdir(parents=True)
    git(main, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "elsewhere"))
    (tmp_path / "link").symlink_to(main)
    folders = [main, main / "src" / "deep", main / ".git", tmp_path / "elsewhere", tmp_path / "link" / "src"]
    assert len({project_of(folder) for folder in folders}) == 1
    assert re.fullmatch("garden-[0-9a-f]{8}", project_of(main))


def test_a_bare_repository_is_one_project_with_its_worktrees(tmp_path: Path) -> None:
    bare, tree = tmp_path / "plan.git", tmp_path / "trees" / "one"
    git(tmp_path, "clone", "--quiet", "--bare", str(repository(tmp_path / "first")), str(bare))
    git(bare, "remote", "remove", "origin")
    git(bare, "worktree", "add", "--quiet", str(tree))
    assert project_of(bare) == project_of(tree)
    assert re.fullmatch("plan-[0-9a-f]{8}", project_of(tree))


def test_a_separate_git_folder_is_followed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    git(tmp_path, "init", "--quiet", "--separate-git-dir", str(tmp_path / "kept"), str(tree))
    assert project_of(tree) == project_of(tmp_path / "kept")


def test_a_submodule_is_its_own_project(tmp_path: Path) -> None:
    outer, inner = repository(tmp_path / "outer"), repository(tmp_path / "inner")
    git(outer, "submodule", "--quiet", "add", str(inner), "parts/inner")
    assert project_of(outer / "parts") == project_of(outer)
    assert project_of(outer / "parts" / "inner") != project_of(outer)


def test_repositories_and_folders_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    one, two = repository(tmp_path / "a" / "app"), repository(tmp_path / "b" / "app")
    remote = repository(tmp_path / "c" / "app", "https://example.org/c/app")
    (tmp_path / "d" / "app").mkdir(parents=True)
    found = {project_of(folder) for folder in (one, two, remote, tmp_path / "d" / "app")}
    assert len(found) == 4
    assert all(name.startswith("app-") for name in found)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/team/app.git",
        "https://example.org/team/app/",
        "https://someone:secret@Example.org:443/team/app",
        "http://example.org/team/app",
        "git@example.org:team/app.git",
        "example.org:team/app",
        "ssh://git@example.org/team/app.git",
        "ssh://git@Example.org:22/team/app",
        "git://example.org/team/app",
        "git+ssh://git@example.org:22/team/app",
    ],
)
def test_clones_of_one_remote_are_one_project_however_it_is_written(tmp_path: Path, url: str) -> None:
    first = repository(tmp_path / "app", "https://example.org/team/app")
    assert project_of(repository(tmp_path / "other", url)) == project_of(first)


@pytest.mark.parametrize(
    "url",
    ["https://example.org/team/other", "https://example.org:8443/team/app", "https://example.com/team/app"],
)
def test_other_remotes_are_other_projects(tmp_path: Path, url: str) -> None:
    first = repository(tmp_path / "app", "https://example.org/team/app")
    assert project_of(repository(tmp_path / "other", url)) != project_of(first)


@pytest.mark.parametrize(
    "host", ["github.com", "gitlab.com", "bitbucket.org", "dev.azure.com", "codeberg.org"]
)
def test_hosts_that_ignore_case_and_user_are_known(tmp_path: Path, host: str) -> None:
    forms = [
        "git@{}:o/r.git",
        "https://{}/o/r",
        "ssh://git@{}/O/R.git",
        "org-1@{}:O/R.GIT",
        "https://{}/o/R/",
    ]
    found = {project_of(repository(tmp_path / str(n), form.format(host))) for n, form in enumerate(forms)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice@server:app.git", "bob@server:app.git"),
        ("alice@server:app.git", "server:app.git"),
        ("https://example.org/team/app", "https://example.org/Team/app"),
    ],
)
def test_what_another_server_tells_apart_is_apart(tmp_path: Path, one: str, other: str) -> None:
    assert project_of(repository(tmp_path / "a", one)) != project_of(repository(tmp_path / "b", other))


def test_the_user_does_not_count_where_the_path_is_whole(tmp_path: Path) -> None:
    first = repository(tmp_path / "a", "alice@server:/srv/app.git")
    assert project_of(first) == project_of(repository(tmp_path / "b", "ssh://bob@server/srv/app"))


@pytest.mark.parametrize("form", ["{}", "file://{}", "../first"])
def test_a_clone_on_the_same_machine_is_the_project_that_it_was_cloned_from(
    tmp_path: Path, form: str
) -> None:
    first, second = repository(tmp_path / "first"), repository(tmp_path / "second", "placeholder")
    git(second, "remote", "set-url", "origin", form.format(first))
    assert project_of(second) == project_of(first)


def test_the_remote_origin_goes_before_others(tmp_path: Path) -> None:
    tree = repository(tmp_path / "app")
    git(tree, "remote", "add", "fork", "https://example.org/me/app")
    forked = project_of(tree)
    assert forked == project_of(repository(tmp_path / "b", "https://example.org/me/app"))
    git(tree, "remote", "add", "origin", "https://example.org/team/app")
    assert (
        project_of(tree) == project_of(repository(tmp_path / "c", "https://example.org/team/app")) != forked
    )


@pytest.mark.parametrize("name", ["a b.c", "Übung", "项目", "x" * 200, "-", "..a", "a'; DROP"])
def test_the_id_of_any_folder_is_one_that_tools_take(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    repository(tmp_path / f"{name[:100]}r")
    for folder in (tmp_path / name, tmp_path / f"{name[:100]}r"):
        assert re.fullmatch(PROJECT_PATTERN, project_of(folder))


def test_what_can_be_no_project_is_the_default_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert {project_of(Path("/")), project_of(tmp_path), project_of(Path("a\0b"))} == {"default"}


def test_branch_and_commit_are_what_git_says(tmp_path: Path) -> None:
    tree, other = repository(tmp_path / "tree"), tmp_path / "other"
    commit = git(tree, "rev-parse", "HEAD")
    assert branch_and_commit(tree) == ("main", commit)
    git(tree, "worktree", "add", "--quiet", "-b", "topic/one", str(other))
    git(other, "commit", "--quiet", "--allow-empty", "--message", "Second")
    later = git(other, "rev-parse", "HEAD")
    assert branch_and_commit(other) == ("topic/one", later)
    git(tree, "pack-refs", "--all")
    assert not (tree / ".git" / "refs" / "heads" / "main").exists()
    assert branch_and_commit(tree) == ("main", commit)
    git(other, "checkout", "--quiet", "--detach")
    assert branch_and_commit(other) == (None, later)
    git(tree, "checkout", "--quiet", "--orphan", "unborn")
    assert branch_and_commit(tree) == ("unborn", None)
    assert branch_and_commit(tmp_path) == (None, None)


HEAD = "ref: refs/heads/main\n"
POINTERS = {
    "binary": b"\xff\x00\xfe" * 10_000,
    "huge": b"gitdir: " + b"a" * 50_000_000,
    "itself": b"gitdir: .git",
    "loop": b"gitdir: ../b",
    "nowhere": b"gitdir: /nowhere/at/all",
    "NUL": b"gitdir: a\0b",
    "device": b"gitdir: /dev",
    "empty": b"",
}


@pytest.mark.parametrize("kind", [*POINTERS, "pipe", "link to itself", "link to a device", "unreadable"])
def test_a_git_file_that_is_no_such_thing_changes_nothing(tmp_path: Path, kind: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    expected, git_file = project_of(tree), tree / ".git"
    if kind in POINTERS:
        git_file.write_bytes(POINTERS[kind])
        (tmp_path / "b").write_bytes(b"gitdir: tree/.git")
    elif kind == "pipe":
        os.mkfifo(git_file)
    elif kind == "unreadable":
        git_file.mkdir(mode=0)
    else:
        git_file.symlink_to(git_file if kind == "link to itself" else "/dev/zero")
    assert project_of(tree) == expected
    assert branch_and_commit(tree) == (None, None)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config", b"\xff" * 1_000_000),
        ("config", b'[remote "origin"]\n' + b"url" * 1_000_000),
        ("config", b'[remote "' * 200_000),
        ("config", b'[remote "origin"]\nurl = ' + b"x" * 5_000),
        ("config", b'[remote "origin"]\nurl = \nurl\n=\n'),
        ("commondir", b"."),
        ("commondir", b"loop"),
        ("HEAD", b"ref: refs/heads/../../../secret"),
        ("HEAD", b"ref: /etc/passwd"),
        ("HEAD", b"ref: refs/heads/\x1b[31mred"),
        ("HEAD", b"ref: refs/heads/" + b"a" * 5_000),
        ("HEAD", b"a" * 1_000_000),
    ],
)
def test_hostile_files_in_a_repository_name_nothing(tmp_path: Path, file: str, content: bytes) -> None:
    tree = repository(tmp_path / "tree")
    expected = project_of(tree)
    (tree / ".git" / "loop").symlink_to(tree / ".git")
    (tmp_path / "secret").write_text("a" * 40)
    (tree / ".git" / file).write_bytes(content)
    assert project_of(tree) == expected
    branch, commit = branch_and_commit(tree)
    assert (branch, commit) == (None, None) if file == "HEAD" else (branch == "main" and commit)


def test_doctor_says_the_project_of_the_folder_without_credentials(tmp_path: Path, db: Path) -> None:
    tree = repository(tmp_path / "app", "https://someone:hunter2secret@example.org/team/app")
    done = run_cli("doctor", "--json", "--db", str(db), cwd=tree)
    assert json.loads(done.stdout)["this folder"]["project"] == project_of(tree)
    assert "hunter2secret" not in done.stdout
