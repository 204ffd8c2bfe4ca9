"""Sessions of GitHub Copilot CLI: a line of JSON for each event."""

from collections.abc import Iterator
from pathlib import Path

from ltmc.importing.items import Item, Position, Said
from ltmc.importing.streams import head, objects
from ltmc.importing.texts import mapping, string, text_of

NAME = "copilot-cli"

_ROLES = {"user.message": "user", "assistant.message": "assistant"}


def detect(path: Path) -> bool:
    """Return whether a file is a session of Copilot CLI."""
    return path.suffix == ".jsonl" and any(one.get("type") == "session.start" for one in head(path)[:1])


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said."""
    about = mapping(head(path)[0].get("data"))
    context = mapping(about.get("context"))
    session = string(about.get("sessionId")) or path.parent.name
    for start, record in objects(path, position):
        role, data = _ROLES.get(str(record.get("type"))), mapping(record.get("data"))
        text = text_of(data.get("content"))
        if role and text.strip():
            key = f"{session}\n{string(record.get('id')) or start}"
            yield Said(key, session, role, text, record.get("timestamp"), string(context.get("cwd")))
        else:
            position.skip("records that are no messages" if role is None else "messages without text")
