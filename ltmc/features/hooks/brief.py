"""The brief: what a session is told of those before it."""

from collections.abc import Callable, Sequence
from typing import TypedDict

from ltmc.features.hooks.framing import framed, one_line
from ltmc.storage.sqlite.hook_store import HookStore, Kept

TOKENS = 800
"""The most that a brief has."""

MEMORIES, TODOS, FILES, FAILURES, WARNINGS = 6, 6, 8, 3, 4
"""How many of each are named."""

LINE, PROMPT, SAID = 160, 200, 250
"""In characters: a line, the last prompt, and what was said last."""

LOOKED_AT = 200
"""How many messages of a session are looked at, the newest."""


class Brief(TypedDict):
    """A brief: its text as it goes into a context, and its lines by heading."""

    project_id: str
    text: str
    sections: dict[str, list[str]]


def brief(store: HookStore, projects: Sequence[str], session: str = "") -> Brief:
    """Return the brief of the first of some projects; its text is empty where nothing is stored.

    Args:
        projects: memories, todos and attempts are those of all.
        session: the one that it is for. What was kept of this one itself comes before any other.
    """
    project = projects[0]
    own = store.kept(project, session, LOOKED_AT) if session else []
    last = store.last_session(project, session) if not own else None
    kept = own or (store.kept(project, last, LOOKED_AT) if last else [])
    files = files_of(kept)
    warnings = store.failures(projects, files, LINE, WARNINGS)
    todos = store.todos(projects, LINE, TODOS)
    memories = store.decisions(projects, 2 * LINE, MEMORIES)
    sections = {
        "This session so far" if own else "The last session": state(kept),
        "Attempts that failed on these files": [
            f"{one_line(one.name, LINE)}: {one_line(one.text, LINE)} [code pattern {one.id}]"
            for one in warnings
        ],
        "Open todos": [
            f"{one_line(one.text, LINE)}{f' (due {one.name})' if one.name else ''} [todo {one.id}]"
            for one in todos
        ],
        "Stored lately": [
            f"{one_line(one.text, LINE)} [memory {one.id}, {one_line(one.name, 80)}]" for one in memories
        ],
    }
    sections = {heading: lines for heading, lines in sections.items() if lines}
    text = framed("brief", project, [*sections.items()], TOKENS)
    return {"project_id": project, "text": text, "sections": sections}


def state(kept: list[Kept], line: Callable[[str, int], str] = one_line) -> list[str]:
    """Return what happened in a session, of its messages, the newest first.

    Args:
        line: makes a line of a text.
    """
    lines = []
    for hook, what, most in (
        ("prompt", "last asked", PROMPT),
        ("answer", "last answered", SAID),
        ("summary", "summary of a compaction", SAID),
        ("end", "ended", SAID),
    ):
        newest = next((one for one in kept if one.hook == hook), None)
        if newest is not None:
            lines.append(f"{what} ({newest.created_at[:16]}Z): {line(newest.text, most)}")
    files = [line(name, 80) for name in files_of(kept)]
    if files:
        more = f" and {len(files) - FILES} more" if len(files) > FILES else ""
        lines.append(f"edited: {', '.join(files[:FILES])}{more}")
    failures = list(dict.fromkeys(line(one.text, LINE) for one in kept if one.hook == "failure"))
    return [*lines, *(f"a command failed: {failure}" for failure in failures[:FAILURES])]


def files_of(kept: list[Kept]) -> list[str]:
    """Return the files that a session edited, the last first."""
    return list(dict.fromkeys(one.file for one in kept if one.file))
