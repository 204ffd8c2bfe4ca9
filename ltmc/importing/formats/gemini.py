"""Sessions of Gemini CLI: a line of JSON for each message, or in older versions one object."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ltmc.features.hooks.marked_parts import without_told
from ltmc.importing.items import Item, Position, Said
from ltmc.importing.streams import begins_with, document, head, objects, parsed
from ltmc.importing.texts import mapping, string, text_of

NAME = "gemini"

_CONTEXT = "<session_context>"
"""How the message begins in which the program tells of its surroundings."""

_ROLES = {"user": "user", "gemini": "assistant"}


def detect(path: Path) -> bool:
    """Return whether a file is a session of Gemini CLI."""
    if path.suffix == ".jsonl":
        return any("sessionId" in one and "projectHash" in one for one in head(path)[:1])
    return path.suffix == ".json" and path.name.startswith("session-") and begins_with(path, b"{")


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said and not taken back."""
    folder = _folder(path)
    if path.suffix == ".json":
        session = mapping(document(path, position))
        name, messages = string(session.get("sessionId")), session.get("messages")
        for message in messages if name and isinstance(messages, list) else []:
            yield from _said(str(name), mapping(message), folder, position)
        return
    session_id = str(head(path)[0]["sessionId"])
    kept = _kept(path)
    for start, record in objects(path, position):
        for number, message in enumerate(_messages(record)):
            if (start, number) in kept:
                yield from _said(session_id, message, folder, position)
            else:
                position.skip("records that are no messages, or were taken back")


def _messages(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages in a line: itself, or those that it sets."""
    given = mapping(record.get("$set")).get("messages")
    return [*map(mapping, given)] if isinstance(given, list) else [record]


def _kept(path: Path) -> set[tuple[int, int]]:
    """Return where the messages stand that were not taken back, of each the last one written: line and place in it."""
    places: dict[str, tuple[int, int]] = {}
    for start, record in objects(path, Position()):
        back = string(record.get("$rewindTo"))
        if back in places:
            order = [*places]
            for gone in order[order.index(back) :]:
                del places[gone]
        for number, message in enumerate(_messages(record)):
            name = string(message.get("id"))
            if name is not None and str(message.get("type")) in _ROLES:
                places[name] = (start, number)
    return set(places.values())


def _said(session: str, message: dict[str, Any], folder: str | None, position: Position) -> Iterator[Item]:
    name, text = string(message.get("id")), without_told(text_of(message.get("content")))
    role = _ROLES.get(str(message.get("type")))
    if text.lstrip().startswith(_CONTEXT):
        position.skip("records that the program made for itself")
    elif name and role and text.strip():
        yield Said(f"{session}\n{name}", session, role, text, message.get("timestamp"), folder)
    else:
        position.skip("messages without text (calls of tools and what these answered)")


def _folder(path: Path) -> str | None:
    """Return the folder that a session is of, from the files beside it."""
    project = next((folder.parent for folder in path.parents if folder.name == "chats"), path.parent)
    with suppress(OSError, UnicodeDecodeError):
        return string((project / ".project_root").read_text("utf-8").strip())
    with suppress(OSError):
        projects = mapping(parsed((project.parent.parent / "projects.json").read_bytes()))
        named = mapping(projects.get("projects")) or projects
        return next((folder for folder, name in named.items() if name == project.name), None)
    return None
