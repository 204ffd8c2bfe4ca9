"""Which files of a folder are watched."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltmc.errors import ErrorCode, LtmcError
from ltmc.files import selection as file_selection
from ltmc.files.guard import PathGuard
from ltmc.files.selection import MOST_RULE_BYTES, MOST_RULE_STEPS, select


def selected(root: Path, *paths: str) -> set[str]:
    guard = PathGuard.of(root)
    return set(select(guard, [guard.resolve(path) for path in paths or (".",)]).files)


def fill(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_what_is_not_a_persons_own_is_left_out(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "a.py",
        "sub/b.md",
        ".git/config",
        "node_modules/x/y.js",
        "__pycache__/a.pyc",
        "env/pyvenv.cfg",
        "env/lib/c.py",
        "a.py~",
        ".#a.py",
        ".a.py.swp",
        "x.tmp",
    )
    (tmp_path / "big.bin").write_bytes(b"0" * (2 * 1024 * 1024 + 1))
    (tmp_path / "link.py").symlink_to("a.py")
    (tmp_path / "up").symlink_to("..")
    assert selected(tmp_path) == {"a.py", "sub/b.md"}
    assert selected(tmp_path, "sub", "a.py~") == {"sub/b.md", "a.py~"}, "a file that is named is watched"


def test_ignored_files_of_inner_folders(tmp_path: Path) -> None:
    fill(tmp_path, "a.log", "keep.log", "sub/b.log", "sub/c.txt", "sub/d.txt", "out/e.py", "docs/out/f.py")
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\n/out/\n# comment\n")
    (tmp_path / "sub" / ".gitignore").write_text("c.txt\n!b.log\n")
    found = selected(tmp_path)
    assert found == {".gitignore", "keep.log", "sub/.gitignore", "sub/b.log", "sub/d.txt", "docs/out/f.py"}
    assert selected(tmp_path, "sub") == {"sub/.gitignore", "sub/b.log", "sub/d.txt"}, "rules above count too"


def test_the_number_of_files_is_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_selection, "MAX_FILES", 5)
    fill(tmp_path, *(f"{number}.py" for number in range(8)))
    guard = PathGuard.of(tmp_path)
    found = select(guard, [tmp_path])
    assert (len(found.files), found.ignored, found.capped) == (5, 3, True)


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        ("*a" * 20 + "b{}", f"allowed: {MOST_RULE_BYTES}"),
        ("*a*a*?c{}", f"allowed: {MOST_RULE_STEPS}"),
    ],
    ids=["bytes", "steps"],
)
def test_rules_made_to_be_slow_are_refused_by_a_limit_that_is_named(
    tmp_path: Path, line: str, limit: str
) -> None:
    fill(tmp_path, *("a" * 200 + f"c{number}x" for number in range(300)))
    size, lines = 0, []
    while size < (2_000_000 if str(MOST_RULE_BYTES) in limit else MOST_RULE_BYTES - 20):
        lines.append(line.format(len(lines) % 7))
        size += len(lines[-1]) + 1
    (tmp_path / ".gitignore").write_text("\n".join(lines))
    with pytest.raises(LtmcError, match=limit) as caught:
        selected(tmp_path)
    assert caught.value.code == ErrorCode.UNSUPPORTED
    assert str(tmp_path) in caught.value.message


def test_the_rules_of_all_folders_count_together(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{number}/a" for number in range(30)))
    for number in range(30):
        (tmp_path / str(number) / ".gitignore").write_text(f"{number}\n" * 5_000)
    with pytest.raises(LtmcError, match=f"allowed: {MOST_RULE_BYTES}"):
        selected(tmp_path)
    assert "1/a" in selected(tmp_path, "1", "2")


@pytest.mark.filterwarnings("error")
def test_signs_between_brackets_stand_for_themselves(tmp_path: Path) -> None:
    fill(tmp_path, "a1", "b&", "c[", "d|", "e~", "f")
    (tmp_path / ".gitignore").write_text("[a-e][[&&||~~]\n")
    assert {*selected(tmp_path)} >= {"a1", "f"}
    assert not {*selected(tmp_path)} & {"b&", "c[", "d|", "e~"}


def test_the_same_rules_in_many_folders_count_once(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{number}/{name}" for number in range(60) for name in "ax"))
    for number in range(60):
        (tmp_path / str(number) / ".gitignore").write_text("x\n" * 5_000)
    assert {name for name in selected(tmp_path) if name.endswith(("/a", "/x"))} == {
        f"{number}/a" for number in range(60)
    }


SETS = r"[ab] [!a] [[:alpha:]] [![:digit:]] [[:punct:]-] [^]a] [\]a] [[:none:]a] [[:a] [b- [1-\3] [a-[:x] []-a] [b-a]"
PIECES = st.sampled_from(
    ["*", "?", "a", "b", "ab", "/", "**/", "/**", ".", "*.x", "!", "#", "\\a", *SETS.split()]
)
RULES = st.lists(
    st.lists(PIECES, min_size=1, max_size=4)
    .map("".join)
    .filter(lambda rule: "//" not in rule and "***" not in rule)
    # gitignore(5) calls such asterisks regular ones, but git decides by comparing two unrelated addresses.
    .filter(lambda rule: not re.search(r"[^/]\*\*/", rule.removeprefix("!"))),
    min_size=1,
    max_size=4,
)
FILES = (
    "a",
    "b",
    "ab",
    "ba",
    "a.x",
    "d/a",
    "d/b",
    "d/ab",
    "d/e/a",
    "d/e/a.x",
    "a.b/a",
    "2",
    "d/]",
    "a-",
    "(",
)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge of what it ignores")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rules=RULES)
def test_rules_mean_what_they_mean_to_git(tmp_path_factory: pytest.TempPathFactory, rules: list[str]) -> None:
    root = tmp_path_factory.mktemp("rules")
    fill(root, *FILES)
    (root / ".gitignore").write_text("\n".join(rules) + "\n")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", "init", "-q", root], check=True, env=environment)
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    ).stdout.split("\n")
    assert selected(root) == set(filter(None, listed)), rules
