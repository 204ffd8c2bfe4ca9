"""Which files of a folder are a person's own: without version control, environments, caches and what
``.gitignore`` names."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ltmc.files.guard import MAX_FILE_BYTES, FileState, PathGuard

MAX_FILES = 5_000
_SKIPPED = frozenset(
    ".git .hg .svn .bzr .jj __pycache__ node_modules .venv venv .tox .nox .mypy_cache .pytest_cache .ruff_cache "
    ".hypothesis .cache .eggs .idea .vscode site-packages".split()
)
_TEMPORARY = re.compile(r"~$|^\.#|\.sw[a-z]$|\.tmp$|^4913$|^#.*#$|\.py[cod]$")


@dataclass(slots=True)
class Selection:
    """Files and folders found.

    Attributes:
        files: by name (see `PathGuard.name`), with their state.
        ignored: how many files and folders were left out.
        capped: there are more than `MAX_FILES`; the rest was left out.
    """

    files: dict[str, FileState] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    ignored: int = 0
    capped: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    folder: str
    pattern: re.Pattern[str]
    negated: bool
    folders_only: bool


def select(guard: PathGuard, paths: Sequence[Path]) -> Selection:
    """Return the files at `paths` (resolved) and below them; a file given itself is always selected."""
    found = Selection()
    for path in paths:
        if path.is_dir():
            _walk(guard, path, found)
        elif (state := guard.state(path)) is not None:
            found.files[guard.name(path)] = state
    return found


def _walk(guard: PathGuard, top: Path, found: Selection) -> None:
    stack: list[tuple[Path, tuple[_Rule, ...]]] = [(top, _rules_above(guard, top))]
    while stack:
        folder, rules = stack.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            found.ignored += 1
            continue
        rules = (*rules, *_rules(folder))
        found.folders.append(folder)
        for entry in entries:
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.is_symlink() or _left_out(entry, rules, is_folder=is_folder):
                    found.ignored += 1
                elif is_folder:
                    stack.append((Path(entry.path), rules))
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_size > MAX_FILE_BYTES:
                        found.ignored += 1
                    elif len(found.files) >= MAX_FILES:
                        found.ignored += 1
                        found.capped = True
                    else:
                        state = FileState(status.st_mtime_ns, status.st_size)
                        found.files[guard.name(Path(entry.path))] = state
            except OSError:  # gone between listing and asking
                continue


def _left_out(entry: "os.DirEntry[str]", rules: Sequence[_Rule], *, is_folder: bool) -> bool:
    if is_folder and (entry.name in _SKIPPED or (Path(entry.path) / "pyvenv.cfg").exists()):
        return True
    if not is_folder and _TEMPORARY.search(entry.name):
        return True
    ignored = False
    for rule in rules:  # the last rule that matches decides
        if rule.folders_only and not is_folder:
            continue
        if rule.pattern.fullmatch(os.path.relpath(entry.path, rule.folder).replace(os.sep, "/")):
            ignored = not rule.negated
    return ignored


def _rules_above(guard: PathGuard, folder: Path) -> tuple[_Rule, ...]:
    """Return the rules of the folders between the project's root and `folder`."""
    if not folder.is_relative_to(guard.root):
        return ()
    parts = folder.relative_to(guard.root).parts
    above = [guard.root.joinpath(*parts[:count]) for count in range(len(parts))]
    return tuple(rule for one in above for rule in _rules(one))


def _rules(folder: Path) -> list[_Rule]:
    path = folder / ".gitignore"
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            return []
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [rule for line in lines if (rule := _rule(str(folder), line)) is not None]


def _rule(folder: str, line: str) -> _Rule | None:
    """One line of a ``.gitignore`` (gitignore(5))."""
    text = line.rstrip()
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[negated:]
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    text = text.removeprefix("/")
    pattern = "" if anchored else "(?:.*/)?"
    place = 0
    while place < len(text):
        if text.startswith("**/", place) and (place == 0 or text[place - 1] == "/"):
            pattern, place = pattern + "(?:.*/)?", place + 3
        elif text.startswith("/**", place) and place + 3 == len(text):
            pattern, place = pattern + "/.*", place + 3
        elif text[place] == "\\" and place + 1 < len(text):
            pattern, place = pattern + re.escape(text[place + 1]), place + 2
        elif text[place] == "*":
            pattern, place = pattern + "[^/]*", place + 1
        elif text[place] == "?":
            pattern, place = pattern + "[^/]", place + 1
        elif text[place] == "[" and "]" in text[place + 2 :]:
            end = text.index("]", place + 2)
            inner = text[place + 1 : end].replace("\\", "\\\\")
            inner = "^" + inner[1:] if inner.startswith(("!", "^")) else inner
            pattern, place = f"{pattern}(?!/)[{inner}]", end + 1
        else:
            pattern, place = pattern + re.escape(text[place]), place + 1
    try:
        return _Rule(folder, re.compile(pattern), negated, folders_only)
    except re.error:
        return None
