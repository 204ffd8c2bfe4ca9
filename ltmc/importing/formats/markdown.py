"""Notes in Markdown: folders such as those of Obsidian and basic-memory, and the files that agents are told by."""

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ltmc.features.hooks.marked_parts import without
from ltmc.importing.items import Item, Linked, Noted, Position
from ltmc.importing.streams import head
from ltmc.importing.texts import string, strings

NAME = "markdown"

SUFFIXES = (".md", ".markdown")

LARGEST, MOST_FILES, MOST_LINKS = 1_000_000, 100_000, 200_000
"""In bytes, of a note; and how many notes and links are taken of one folder."""

_OWN = re.compile("<!-- ltmc:(?:begin|(?P<end>end)) -->")
_FRONT = re.compile(r"---[ \t]*\r?\n(?P<front>.{0,20000}?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_KEY = re.compile(r"(?P<key>[\w-]{1,64})[ \t]*:[ \t]*(?P<value>[^\n]*)")
_RELATION = re.compile(
    r"^[-*] (?P<relation>[A-Za-z][\w -]{0,60}?) \[\[(?P<target>[^\]|#\n]{1,200})[^\]\n]{0,200}\]\]",
    re.MULTILINE,
)
_LINK = re.compile(r"\[\[(?P<target>[^\]|#\n]{1,200})")


def detect(path: Path) -> bool:
    """Return whether a file or a folder has notes."""
    return any(True for _ in files(path))


def files(path: Path) -> Iterator[Path]:
    """Yield the notes of a folder, in order, without those in hidden folders; or a note itself."""
    if path.is_file():
        yield from [path] if path.suffix.lower() in SUFFIXES else []
        return
    for folder, inside, names in os.walk(path):
        inside[:] = sorted(name for name in inside if not name.startswith(".") and name != "node_modules")
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES):
                yield Path(folder) / name


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield each note, and then how they are linked."""
    top = path if path.is_dir() else path.parent
    notes = list(islice(files(path), MOST_FILES))
    folder, prefix = _folder(top)
    names = {note: prefix + note.relative_to(top).as_posix() for note in notes}
    by_title = {note.stem.lower(): name for note, name in reversed(names.items())}
    links: dict[Linked, None] = {}
    for note, name in names.items():
        text = _text(note, position)
        if text is None:
            continue
        front, body = front_matter(text)
        if title := string(front.get("title")):
            by_title[title.lower()] = name
        if permalink := string(front.get("permalink")):
            by_title.setdefault(permalink.lower(), name)
        yield Noted(
            name=name,
            text=body if body.strip() else text,
            kind="document",
            tags=_tags(front),
            metadata={key: value for key, value in front.items() if key != "tags" and isinstance(value, str)},
            at=note.stat().st_mtime,
            folder=folder,
        )
        if len(links) < MOST_LINKS:
            typed = {
                found["target"]: found["relation"].strip().replace(" ", "_")
                for found in _RELATION.finditer(body)
            }
            for target in dict.fromkeys(found["target"] for found in _LINK.finditer(body)):
                links[Linked(name, typed.get(target, "references"), target.strip(), folder)] = None
    for link in links:
        target = by_title.get(link.target.lower()) or by_title.get(link.target.rpartition("/")[2].lower())
        if target != link.source:
            yield Linked(link.source, link.relation, target or link.target, folder)


def _text(note: Path, position: Position) -> str | None:
    try:
        if note.is_symlink() or not note.is_file():
            position.skip("links to files, and what is no file")
        elif note.stat().st_size > LARGEST:
            position.skip("files that are too large")
        else:
            content = note.read_bytes()
            position.read += len(content)
            text = without(content.decode("utf-8-sig", "replace"), _OWN)
            if text.strip():
                return text
            position.skip("empty files")
    except OSError:
        position.skip("files that cannot be read")
    return None


def is_memory_of_claude(folder: Path) -> bool:
    """Return whether a folder is what Claude Code remembers of a project."""
    return (
        folder.name == "memory"
        and folder.parent.parent.name == "projects"
        and (folder / "MEMORY.md").exists()
    )


def _folder(top: Path) -> tuple[str | None, str]:
    """Return the folder of the project that notes are of, and how their names begin."""
    if is_memory_of_claude(top):
        for transcript in sorted(top.parent.glob("*.jsonl")):
            for record in head(transcript):
                if folder := string(record.get("cwd")):
                    return folder, "claude-memory/"
        return f"/{top.parent.name}", "claude-memory/"
    top = top.resolve()
    for root in (top, *top.parents):
        if (root / ".git").exists():  # a note has one name, whichever of its folders is imported
            return str(root), "" if top == root else f"{top.relative_to(root).as_posix()}/"
    return None, f"{top.name}/".lstrip("/")


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Return the values in the head of a note, texts and lists of texts, and the text without it."""
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    values: dict[str, Any] = {}
    key = ""
    for line in match["front"].splitlines():
        found = _KEY.match(line)
        if found is not None:
            key = found["key"].lower()
            values[key] = _value(found["value"].strip())
        elif key and line.lstrip().startswith("- "):
            known = values[key]
            values[key] = [*(known if isinstance(known, list) else []), _unquoted(line.lstrip()[2:])]
    return values, text[match.end() :]


def _value(text: str) -> str | list[str]:
    if text.startswith("[") and text.endswith("]"):
        return [part for one in text[1:-1].split(",") if (part := _unquoted(one))]
    return _unquoted(text)


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _tags(front: dict[str, Any]) -> tuple[str, ...]:
    given = front.get("tags")
    tags = strings(given) if isinstance(given, list) else re.split(r"[,\s]+", given or "")
    return (*tags, *([front["type"]] if isinstance(front.get("type"), str) else []))
