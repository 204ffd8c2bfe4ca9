"""The database of OpenCode."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ltmc.importing.items import Item, Position, Said
from ltmc.importing.streams import parsed
from ltmc.importing.texts import mapping, string
from ltmc.storage.sqlite.foreign import has_tables, opened

NAME = "opencode"


def detect(path: Path) -> bool:
    """Return whether a file is a database of OpenCode."""
    return path.suffix == ".db" and has_tables(path, session="directory", message="data", part="data")


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said."""
    with opened(path) as database:
        for session in database.rows("session"):
            name = str(session["id"])
            for message in database.rows("message", where=("session_id", name), order="time_created"):
                about = mapping(parsed(str(message["data"])))
                parts = database.rows("part", where=("message_id", message["id"]), order="id")
                texts = [text for part in parts if (text := _text(mapping(parsed(str(part["data"])))))]
                role = string(about.get("role"))
                if role not in ("user", "assistant") or not texts:
                    position.skip("messages without text (calls of tools and what these answered)")
                    continue
                yield Said(
                    key=str(message["id"]),
                    conversation=name,
                    role=role,
                    text="\n\n".join(texts),
                    at=mapping(about.get("time")).get("created") or message.get("time_created"),
                    folder=string(session.get("directory")),
                    metadata={"title": title} if (title := string(session.get("title"))) else {},
                )


def _text(part: dict[str, Any]) -> str | None:
    return string(part.get("text")) if part.get("type") == "text" and not part.get("synthetic") else None
