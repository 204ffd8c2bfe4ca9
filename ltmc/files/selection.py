"""Which files of a folder are a person's own: without version control, environments, caches and what
``.gitignore`` names."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError
from ltmc.files.documents import NOT_ONES_OWN
from ltmc.files.guard import MAX_FILE_BYTES, FileState, PathGuard

MAX_FILES = 5_000
_STAR, _DEEP = "[^/]*", "(?:.*/)?"
"""What ``*`` and ``**/`` stand for."""

LONGEST_RULE = 4_096
"""In characters, as long as a path; a longer line of a .gitignore matches nothing."""

MOST_RULE_BYTES, MOST_RULE_STEPS = 256 * 1024, 200_000_000
"""How large the .gitignore files of a project that differ may be together, and how many steps it may take to compare
its paths with their rules: one for a rule that cannot match, one for each character of the path else, of up to 0.05 us.
Large projects have 10 kB of rules and take 10 million steps."""

_ONE = r"(?:\\.|[^\]\\])"
_SET = re.compile(
    rf"\[(?P<not>[!^]?)(?P<inner>(?:\](?:-{_ONE})?)?+(?:\[:[a-z]{{1,10}}:\]|{_ONE}-{_ONE}|{_ONE}){{0,255}}+)\]",
    re.DOTALL,
)
_IN_SET = re.compile(rf"\[:([a-z]{{1,10}}):\]|({_ONE}|\])-({_ONE})|{_ONE}|\]", re.DOTALL)
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
"""What stands between brackets in a ``.gitignore``, and its classes of ASCII (POSIX, 9.3.5)."""

_TEMPORARY = re.compile(r"~$|^\.#|\.sw[a-z]$|\.tmp$|^4913$|^#.*#$|\.py[cod]$")


@dataclass(slots=True)
class Selection:
    """Files and folders found.

    Attributes:
        files: by name (see `PathGuard.name`), with their state.
        ignored: how many files and folders were left out.
        capped: there are more than `MAX_FILES`; the rest was left out.
        rules: those of each text of a .gitignore, which may stand in many folders.
        rule_bytes, rule_steps: see `MOST_RULE_BYTES`.
    """

    files: dict[str, FileState] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    ignored: int = 0
    capped: bool = False
    rules: dict[str, "list[_Rule]"] = field(default_factory=dict)
    rule_bytes: int = 0
    rule_steps: int = 0


@dataclass(slots=True)
class _Rule:
    """A line of a ``.gitignore``.

    Attributes:
        literal: the longest text without wildcards in it, which is in every path that it matches.
    """

    expression: str
    literal: str
    ignores: bool
    folders_only: bool
    pattern: re.Pattern[str] | None = None

    def matches(self, path: str) -> bool:
        """Return whether it matches a path."""
        if self.pattern is None:
            self.pattern = re.compile(self.expression, re.DOTALL)
        return self.pattern.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of the ``.gitignore`` in a folder, the last first."""

    folder: str
    rules: list[_Rule]


def select(guard: PathGuard, paths: Sequence[Path]) -> Selection:
    """Return the files at `paths` (resolved) and below them; a file given itself is always selected.

    Raises:
        LtmcError: UNSUPPORTED for more rules in ``.gitignore`` than `MOST_RULE_BYTES` and `MOST_RULE_STEPS` allow.
    """
    found = Selection()
    for path in paths:
        if path.is_dir():
            _walk(guard, path, found)
        elif (state := guard.state(path)) is not None:
            found.files[guard.name(path)] = state
    return found


def is_ignored(root: Path, path: Path, further: Sequence[str] = ()) -> bool:
    """Return whether a path below `root`, or a folder above it, is named by a ``.gitignore`` on the way to it.

    Args:
        further: lines that stand as if in another one at the root.

    Raises:
        LtmcError: UNSUPPORTED for more rules than `MOST_RULE_BYTES` and `MOST_RULE_STEPS` allow.
    """
    found = Selection()
    own = [rule for line in reversed(further) if (rule := _rule(line)) is not None]
    rules: tuple[_Rules, ...] = (_Rules(str(root), own),)
    folder = root
    parts = path.relative_to(root).parts
    for place, part in enumerate(parts, start=1):
        rules = (*_rules(folder, found), *rules)
        folder = folder / part
        if _ignored(str(folder), rules, found, is_folder=place < len(parts)):
            return True
    return False


def _walk(guard: PathGuard, top: Path, found: Selection) -> None:
    stack: list[tuple[Path, tuple[_Rules, ...]]] = [(top, _rules_above(guard, top, found))]
    while stack:
        folder, rules = stack.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            found.ignored += 1
            continue
        rules = (*_rules(folder, found), *rules)
        found.folders.append(folder)
        for entry in entries:
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.is_symlink() or _left_out(entry, rules, found, is_folder=is_folder):
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


def _left_out(
    entry: "os.DirEntry[str]", rules: Sequence[_Rules], found: Selection, *, is_folder: bool
) -> bool:
    if is_folder and (entry.name in NOT_ONES_OWN or (Path(entry.path) / "pyvenv.cfg").exists()):
        return True
    if not is_folder and _TEMPORARY.search(entry.name):
        return True
    if any("\udc80" <= char <= "\udcff" for char in entry.name):  # bytes that are no text cannot be stored
        return True
    return _ignored(entry.path, rules, found, is_folder=is_folder)


def _ignored(path: str, all_rules: Sequence[_Rules], found: Selection, *, is_folder: bool) -> bool:
    """Return what the last rule that matches says, of the nearest folder that has one."""
    for one in all_rules:
        relative = path[len(one.folder) :].lstrip(os.sep).replace(os.sep, "/")
        found.rule_steps += len(one.rules)
        for rule in one.rules:
            if rule.literal in relative and (is_folder or not rule.folders_only):
                found.rule_steps += len(relative)
                if found.rule_steps > MOST_RULE_STEPS:
                    raise _too_many(one.folder, "more steps of comparing paths with rules", MOST_RULE_STEPS)
                if rule.matches(relative):
                    return rule.ignores
    return False


def _too_many(folder: str | Path, what: str, most: int) -> LtmcError:
    return LtmcError(
        ErrorCode.UNSUPPORTED,
        f"file_paths: {folder}: the .gitignore files make {what}; allowed: {most}. Shorten them, or name the folders "
        "inside that matter.",
        field="file_paths",
        details={"folder": str(folder), "allowed": most},
    )


def _rules_above(guard: PathGuard, folder: Path, found: Selection) -> tuple[_Rules, ...]:
    """Return the rules of the folders between the project's root and `folder`, the nearest first."""
    if not folder.is_relative_to(guard.root):
        return ()
    parts = folder.relative_to(guard.root).parts
    above = [guard.root.joinpath(*parts[:count]) for count in reversed(range(len(parts)))]
    return tuple(rules for one in above for rules in _rules(one, found))


def _rules(folder: Path, found: Selection) -> list[_Rules]:
    """Return the rules of a folder, if it has any."""
    path = folder / ".gitignore"
    try:
        size = path.stat().st_size if path.is_file() else 0
        if size > MOST_RULE_BYTES:
            raise _too_many(folder, f"{size} bytes", MOST_RULE_BYTES)
        text = path.read_text("utf-8", "replace") if size else ""
    except OSError:
        return []
    if text not in found.rules:
        found.rule_bytes += size
        if found.rule_bytes > MOST_RULE_BYTES:
            raise _too_many(folder, f"{found.rule_bytes} bytes", MOST_RULE_BYTES)
        found.rules[text] = [
            rule for line in reversed(text.splitlines()) if (rule := _rule(line)) is not None
        ]
    rules = found.rules[text]
    return [_Rules(str(folder), rules)] if rules else []


def _rule(line: str) -> _Rule | None:
    """Return what one line of a ``.gitignore`` says (gitignore(5))."""
    text = line.rstrip()
    if not text or text.startswith("#") or len(text) > LONGEST_RULE:
        return None
    negated = text.startswith("!")
    text = text[negated:]
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    text = text.removeprefix("/")
    parts, literals = [] if anchored else [_DEEP], [""]
    place = 0
    while place < len(text):
        plain = ""
        if text.startswith("**/", place) and (place == 0 or text[place - 1] == "/"):
            part, place = _DEEP, place + 3
        elif text.startswith("/**", place) and place + 3 == len(text):
            part, place = "/.*", place + 3
        elif anchored and text == "**":
            part, place = ".*", 2
        elif text[place] == "\\" and place + 1 < len(text):
            plain, place = text[place + 1], place + 2
        elif text[place] == "*":
            part, place = _STAR, place + 1
        elif text[place] == "?":
            part, place = "[^/]", place + 1
        elif found := _SET.match(text, place):
            part, place = _set_of(found), found.end()
        else:
            plain, place = text[place], place + 1
        if plain:
            part = re.escape(plain)
            literals[-1] += plain
        else:
            literals.append("")
        if part not in (_STAR, _DEEP) or parts[-1:] != [part]:
            parts.append(part)
    return _Rule(_joined(parts), max(literals, key=len), not negated, folders_only)


def _set_of(found: re.Match[str]) -> str:
    """Return the expression of what stands between brackets; one that matches nothing where that has no meaning."""

    def one_of(part: re.Match[str]) -> str:
        if part[1]:
            return _CLASSES[part[1]]
        if part[2]:
            first, last = part[2][-1], part[3][-1]
            return re.escape(first) + (f"-{re.escape(last)}" if first <= last else "")
        return re.escape(part[0][-1])

    try:
        inner = _IN_SET.sub(one_of, found["inner"])
    except KeyError:
        return "(?!)"
    if found["not"]:
        return f"[^/{inner}]"
    return f"(?!/)[{inner}]"


def _joined(parts: Sequence[str]) -> str:
    """Return the expression of the parts of a pattern.

    What stands between two stars is taken at the first place where it fits, for good: the later star takes
    whatever follows. So no name makes the match slow.
    """
    joined = ""
    starred = deep = False
    for place, part in enumerate(parts):
        if part == _STAR:
            joined += ")" if starred else ""
            rest = parts[place + 1 :]
            ends = [rest.index(end) for end in ("/", _DEEP) if end in rest]
            starred = _STAR in rest[: min(ends, default=len(rest))]
            joined += "(?>[^/]*?" if starred else _STAR
        elif part == _DEEP:
            joined += ")" if deep else ""
            deep = _DEEP in parts[place + 1 :]
            joined += "(?>(?:[^/]*/)*?" if deep else _DEEP
        else:
            joined += part
    return joined
