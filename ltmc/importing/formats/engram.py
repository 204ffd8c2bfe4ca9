"""The database of engram."""

from collections.abc import Iterator
from pathlib import Path

from ltmc.importing.items import Item, Noted, Position, Said
from ltmc.importing.texts import name_of, string
from ltmc.storage.sqlite.foreign import has_tables, opened

NAME = "engram"


def detect(path: Path) -> bool:
    """Return whether a file is a database of engram."""
    return path.suffix == ".db" and has_tables(path, observations="content", sessions="directory")


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield observations as notes, prompts as messages."""
    with opened(path) as database:
        sessions = {row.get("id"): row for row in database.rows("sessions")}
        for row in database.rows("observations"):
            text, title = string(row.get("content")), string(row.get("title"))
            session = sessions.get(row.get("session_id"), {})
            if row.get("deleted_at") is not None or text is None:
                position.skip("observations that were deleted or are empty")
                continue
            topic = string(row.get("topic_key")) or f"{row.get('id')}-{(title or 'note').replace('/', ' ')}"
            yield Noted(
                name=f"engram/{name_of(topic, 100)}.md",
                text=f"{title}\n\n{text}" if title else text,
                origin=f"{row.get('session_id')}\n{row.get('id')}",
                tags=(str(row.get("type") or ""), str(row.get("scope") or "")),
                at=row.get("updated_at") or row.get("created_at"),
                folder=string(session.get("directory")),
                project=string(row.get("project")) or string(session.get("project")),
            )
        for row in database.rows("user_prompts"):
            text, name = string(row.get("content")), string(row.get("session_id"))
            if text is None or name is None:
                position.skip("prompts without text")
                continue
            session = sessions.get(name, {})
            project = string(row.get("project")) or string(session.get("project"))
            key = f"{name}\n{row.get('id')}"
            yield Said(
                key, name, "user", text, row.get("created_at"), string(session.get("directory")), project
            )
