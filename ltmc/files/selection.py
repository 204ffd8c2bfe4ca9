"""Which files of a folder are a person's own: without version control, environments, caches and what
``.gitignore`` names."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

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
class _Rules:
    """The ``.gitignore`` of a folder."""

    folder: Path
    patterns: GitIgnoreSpec

    def ignored(self, path: str, *, is_folder: bool) -> bool | None:
        """Return whether a path is ignored; None where no rule speaks of it."""
        name = os.path.relpath(path, self.folder).replace(os.sep, "/")
        names = (name, name + "/") if is_folder else (name,)
        matches = [match for match in map(self.patterns.check_file, names) if match.index is not None]
        last = max(matches, key=lambda match: match.index or 0, default=None)
        return None if last is None else last.include


def select(guard: PathGuard, paths: Sequence[Path]) -> Selection:
    """The files at `paths` (resolved) and below them; a file given itself is always selected."""
    found = Selection()
    for path in paths:
        if path.is_dir():
            _walk(guard, path, found)
        elif (state := guard.state(path)) is not None:
            found.files[guard.name(path)] = state
    return found


def _walk(guard: PathGuard, top: Path, found: Selection) -> None:
    stack: list[tuple[Path, tuple[_Rules, ...]]] = [(top, _rules_above(guard, top))]
    while stack:
        folder, rules = stack.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            found.ignored += 1
            continue
        rules = (*rules, *_rules_of(folder))
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


def _left_out(entry: "os.DirEntry[str]", rules: Sequence[_Rules], *, is_folder: bool) -> bool:
    if is_folder and (entry.name in _SKIPPED or (Path(entry.path) / "pyvenv.cfg").exists()):
        return True
    if not is_folder and _TEMPORARY.search(entry.name):
        return True
    answers = (rule.ignored(entry.path, is_folder=is_folder) for rule in reversed(rules))
    return next((answer for answer in answers if answer is not None), False)  # the nearest folder decides


def _rules_above(guard: PathGuard, folder: Path) -> tuple[_Rules, ...]:
    """Return the rules of the folders between the project's root and `folder`."""
    if not folder.is_relative_to(guard.root):
        return ()
    parts = folder.relative_to(guard.root).parts
    above = [guard.root.joinpath(*parts[:count]) for count in range(len(parts))]
    return tuple(rules for one in above for rules in _rules_of(one))


def _rules_of(folder: Path) -> list[_Rules]:
    """Return the rules of a folder; none where it has no ``.gitignore`` that can be read."""
    path = folder / ".gitignore"
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            return []
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    patterns = []
    for line in lines:
        with suppress(GitIgnorePatternError):  # git passes over what is no pattern too
            patterns.append(GitIgnoreSpecPattern(line))
    return [_Rules(folder, GitIgnoreSpec(patterns))]
