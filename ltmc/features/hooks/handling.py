"""What is kept of an event, and what is told of it: the same in the command and in a server.

What is kept are messages: prompts of the user, edits and failed commands of tools, checkpoints. Nothing is made a
memory. Private parts and secrets are taken out first, so that what follows has never seen them.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ltmc.features.hooks.answers import can_inject
from ltmc.features.hooks.brief import LOOKED_AT, brief, state
from ltmc.features.hooks.framing import flat, framed, one_line
from ltmc.features.hooks.marked_parts import PRIVATE, without
from ltmc.features.hooks.payloads import Event
from ltmc.features.hooks.small_talk import asks_for_something
from ltmc.search import by_words
from ltmc.storage.sqlite.hook_store import HookStore, Quoted
from ltmc.tools import project_scope

RECALL_TOKENS, RECALLED, RECALL_CHARACTERS = 400, 3, 330
"""The most that is recalled for a prompt: tokens, memories, characters of each."""

PROMPT, EDIT, COMMAND, OUTPUT, SAID = 8_000, 400, 500, 1_000, 2_000
"""How many characters are kept of a prompt, of what a file was changed to, of a failed command and of what it said,
and of what the agent said."""

LONGEST_SECRET = 5_000
"""So many characters more are looked at than are kept: a secret that is cut would not be known as one."""

MOST_KEPT = 1_000
"""How many messages are kept of a session."""

EVENT_DAYS, REMOVED_AT_ONCE = 30, 200
"""How many days edits and failed commands are kept, and how many older ones go when a session starts."""

NEVER_KEPT = (
    ".env",
    ".env.*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "id_rsa*",
    "id_ed25519*",
    ".netrc",
    ".git/",
)
"""Files of which nothing is kept, whatever the project says."""

MOST_WORDS, MOST_NAMES = 500, 50
"""Of a command that has more words, or seems to name more files, nothing is kept."""

_WORD, _SIGN, _WILD = re.compile(r"[^\s\"'`,;()|&<>=\\]+"), re.compile(r"[./~$*?\[]"), re.compile(r"[*?\[]")
"""A word of a command, what the name of a file has in it, and what makes it a pattern of names."""

_GLUED, _GOES = re.compile(r"^-[A-Za-z](?=[./~$])"), ("cd", "pushd")
"""An option that the name of a file follows without a blank, and after what a command works in another folder."""

_STARTS_THERE = re.compile(r"\s{0,9}cd[ \t]{1,9}[^\s;&|()]{1,500}[ \t]{0,9}(?:&&|;|\n)")
"""A command all of which works in another folder."""

_TO_HOME_OR_ROOT = re.compile(
    r"(?:^|[;&|(\s])(?:cd|pushd)[ \t]{0,9}-?[ \t]{0,9}(?:$|[;&|)\n])|[ \t]/[ \t]{0,9}(?:$|[;&|)\n\"']|-\w)"
)
"""``cd`` without a folder, and the root folder at the end of a command or before an option; not a division."""

_PATHS = ("$PATH", "${PATH}", "$PYTHONPATH", "${PYTHONPATH}", "$LD_LIBRARY_PATH", "${LD_LIBRARY_PATH}")
"""Lists of folders, which are not looked at."""

_SOFTWARE = (
    "/bin",
    "/dev",
    "/lib",
    "/lib32",
    "/lib64",
    "/sbin",
    "/usr",
    "/opt/homebrew",
    "/Library",
    "/System",
)
"""The folders of the system that hold what is installed; a folder ``src`` in them is anybody's."""

_ANSWERS = {"Stop", "AfterAgent", "agentStop", "afterAgentResponse", "agent_end"}
"""The events of clients, run at `end` too, that end not the session but an answer."""

IN_PLACE_OF_PRIVATE = "[private]"


class Rules(NamedTuple):
    """What a session's project allows.

    Attributes:
        mask: takes secrets out of a text.
        ignore: patterns of files of which nothing is kept, as in a ``.gitignore``.
    """

    mask: Callable[[str], str]
    capture: bool = True
    inject: bool = True
    ignore: Sequence[str] = ()


class Place(NamedTuple):
    """Where a session is.

    Attributes:
        projects: that in which things are kept; after it those in which memories are looked for too.
        root: the folder of the project.
        marks: the branch and commit there, noted of what is kept.
        clone: what tells the repository from others on this machine; None once it is noted for the project.
    """

    projects: Sequence[str]
    root: Path
    rules: Rules
    marks: Mapping[str, str]
    clone: str | None = None


def known_place(place: Place, store: HookStore) -> Place:
    """Return a place with the projects that its repository was before, when it had other remotes."""
    if place.clone is None:
        return place
    known = store.projects_of_clone(place.clone)
    projects = project_scope.with_earlier(place.projects, known)
    return place._replace(projects=projects, clone=None if place.projects[0] in known else place.clone)


class Recalled(NamedTuple):
    """A part of a memory that fits a prompt, and how well."""

    chunk_id: int
    score: float
    memory: Quoted


class Recall(NamedTuple):
    """What fits a prompt, the best first; how it was found, and in how many milliseconds."""

    found: Sequence[Recalled] = ()
    mode: str = "lexical"
    latency_ms: float = 0.0


def clean(event: Event, place: Place) -> Event:
    """Take out of an event what must not be kept: private parts, secrets, and files that are ignored."""

    root, rules = place.root, place.rules
    event.session = rules.mask(event.session)

    def cleaned(text: str, most: int) -> str:
        text = rules.mask(without(text, PRIVATE, IN_PLACE_OF_PRIVATE)[: most + LONGEST_SECRET])
        return text if len(text) <= most else f"{text[:most]}…"

    event.prompt, event.said = cleaned(event.prompt, PROMPT), cleaned(event.said, SAID)
    event.edits = [
        (rules.mask(name), cleaned(text, EDIT))
        for path, text in event.edits
        if (name := _kept_name(path, event.cwd, root, rules.ignore)) is not None
    ]
    if _names_unkept(event.command, event.cwd, root, rules.ignore):
        event.command = event.output = ""
    event.command = cleaned(event.command, COMMAND)
    output = rules.mask(without(event.output, PRIVATE, IN_PLACE_OF_PRIVATE)[-OUTPUT - LONGEST_SECRET :])
    event.output = output if len(output) <= OUTPUT else f"…{output[-OUTPUT:]}"  # its end says why
    return event


def _names_unkept(command: str, cwd: str, root: Path, ignore: Sequence[str]) -> bool:
    """Tell whether a command names a file that is ignored, or a file or folder outside of the project."""
    words = list(islice((found[0] for found in _WORD.finditer(command)), MOST_WORDS + 1))
    if len(words) > MOST_WORDS or _TO_HOME_OR_ROOT.search(command):
        return True
    start = folder = cwd
    names = list[tuple[str, str]]()  # each with the folder that it is looked for in
    for number, (before, word) in enumerate(pairwise(["", *words])):
        for part in [word] if "://" in word else _GLUED.sub("", word).split(":"):
            if part.strip("/") and part not in _PATHS:
                name = os.path.expanduser(os.path.expandvars(part))  # noqa: PTH111 - the fastest
                names += [(place, name) for place in {start, folder} if _may_be_one(part, name, place)]
                if before in _GOES:
                    folder = os.path.join(folder, name)  # noqa: PTH118
                    if number == 1 and _STARTS_THERE.match(command) and os.path.isdir(folder):  # noqa: PTH112
                        start = folder
        if len(names) > 2 * MOST_NAMES:
            return True
    for place, pattern in [(place, name) for place, name in names if _WILD.search(name)]:
        if pattern.startswith("/") or ".." in pattern:
            return True  # who knows what it finds
        from glob import iglob

        found = islice(iglob(pattern, root_dir=place), MOST_NAMES)  # noqa: PTH207 - names as the shell gives them
        names += [(place, name) for name in found]
    return any(_is_ignored(name, at, root, ignore) or _is_outside(name, at, root) for at, name in names)


def _may_be_one(word: str, name: str, place: str) -> bool:
    return bool(_SIGN.search(word)) or os.path.lexists(os.path.join(place, name))  # noqa: PTH118


def _is_outside(name: str, cwd: str, root: Path) -> bool:
    """Tell whether a name is that of something outside of the project, but no program, no device and no folder of
    the system's software."""
    if "://" in name or name.startswith("/dev/"):
        return False
    full = Path(os.path.realpath(os.path.join(cwd, name)))  # noqa: PTH118
    if full.is_relative_to(root):
        return False
    if os.path.isdir(full):  # noqa: PTH112
        return "src" in full.parts or not any(full.is_relative_to(one) for one in _SOFTWARE)
    return not (os.access(full, os.X_OK) and full.parent.name in ("bin", "sbin", "libexec"))


def _kept_name(path: str, cwd: str, root: Path, ignore: Sequence[str]) -> str | None:
    """Return the name of a file inside of the project; None for one outside, or that is ignored."""
    try:
        inside = Path(os.path.realpath(os.path.join(cwd, path))).relative_to(root)  # noqa: PTH118
    except ValueError:
        return None
    if "\0" in path or _is_ignored(path, cwd, root, ignore):
        return None
    return inside.as_posix()


def _is_ignored(path: str, cwd: str, root: Path, ignore: Sequence[str]) -> bool:
    try:
        full = Path(os.path.realpath(os.path.join(cwd, path)))  # noqa: PTH118
    except (OSError, ValueError):
        return False
    from ltmc.files.selection import is_ignored  # most events name no file

    return full != root and full.is_relative_to(root) and is_ignored(root, full, [*ignore, *NEVER_KEPT])


def by_words_alone(store: HookStore, projects: Sequence[str], prompt: str) -> list[Recalled]:
    """Return the memories of some projects that a prompt surely means by its words."""
    if not asks_for_something(prompt):
        return []
    each = [by_words.find(store, project, prompt, 4 * RECALLED) for project in projects]
    matches = sorted([match for one in each for match in one], key=lambda match: -match.share)
    chunks = store.chunks(projects, [match.chunk_id for match in matches])
    return [
        Recalled(match.chunk_id, round(match.share, 4), chunks[match.chunk_id])
        for match in matches
        if match.chunk_id in chunks
    ]


def handle(event: Event, place: Place, store: HookStore, recall: Recall) -> str:
    """Keep what is to be kept of a clean event and return what is to be told, in a transaction that writes.

    Args:
        recall: what fits the prompt of the event.
    """
    project, rules = place.projects[0], place.rules
    inject = rules.inject and can_inject(event)
    told = ""
    if inject and event.name in ("start", "after-compact"):
        told = brief(store, place.projects, event.session)["text"]
    if inject and event.name == "prompt":
        told = _recalled(store, project, event.session, recall)
    if rules.capture:
        if event.name == "start":
            old = store.remove_old_events(project, EVENT_DAYS, REMOVED_AT_ONCE)
            by_words.remove_messages(store, old)
        if store.count_kept(project, event.session) < MOST_KEPT:
            _keep(event, project, store, place.marks)
            if place.clone is not None:
                store.note_clone(project, place.clone)
    return told


def _recalled(store: HookStore, project: str, session: str, recall: Recall) -> str:
    """Return the memories that the session was not shown yet, and record that it is."""
    seen, new = store.shown(project, session), list[Recalled]()
    for one in recall.found:
        if one.memory.id not in seen and len(new) < RECALLED:
            seen.add(one.memory.id)
            new.append(one)
    if not new:
        return ""
    shown = [(one.chunk_id, one.score) for one in new]
    store.show(project, session, shown, recall.mode, recall.latency_ms)
    lines = [
        f"{one_line(one.memory.text, RECALL_CHARACTERS)} [memory {one.memory.id}, {one_line(one.memory.name, 80)}]"
        for one in new
    ]
    return framed("recall", project, [("On what was asked", lines)], RECALL_TOKENS)


def _keep(event: Event, project: str, store: HookStore, marks: Mapping[str, str]) -> None:
    """Store the messages that an event makes."""

    def add(hook: str, role: str, text: str, **more: Any) -> None:
        metadata = {"hook": hook, **more, **marks}
        message = store.add_message(project, event.session, role, text, event.agent, metadata)
        fields = by_words.message_fields(text, event.agent, metadata)
        by_words.add_message(store, message, project, event.session, fields)

    if event.name == "prompt" and event.prompt.strip():
        add("prompt", "user", event.prompt)
    for name, text in event.edits:
        add("edit", "tool", f"Edited {name}\n{text}".rstrip(), file=name)
    if event.command:
        add("failure", "tool", f"Failed: {event.command}\n{event.output}".rstrip())
    if event.name == "after-compact" and event.said.strip():
        add("summary", "assistant", event.said)
    if event.native in _ANSWERS:
        if event.said.strip():
            add("answer", "assistant", event.said)
    elif event.name in ("before-compact", "end"):
        lines = state(store.kept(project, event.session, LOOKED_AT), flat)
        said = [event.said] if event.said.strip() else []
        if lines or said:
            hook = "checkpoint" if event.name == "before-compact" else "end"
            old = store.remove_former(project, event.session, hook)
            by_words.remove_messages(store, old)
            add(hook, "system", "\n".join([*said, *lines]))
