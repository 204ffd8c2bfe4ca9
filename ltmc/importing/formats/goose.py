"""Sessions of Goose: its database, or in older versions a file of lines for each."""

from collections.abc import Iterator
from pathlib import Path

from ltmc.importing.items import Item, Position, Said
from ltmc.importing.streams import head, objects, parsed
from ltmc.importing.texts import string, text_of
from ltmc.storage.sqlite.foreign import has_tables, opened

NAME = "goose"

_NO_TEXT = "messages without text (calls of tools and what these answered)"


def detect(path: Path) -> bool:
    """Return whether a file is a session of Goose, or its database of sessions."""
    if path.suffix == ".jsonl":
        return any("working_dir" in one for one in head(path)[:1])
    return path.suffix == ".db" and has_tables(path, sessions="working_dir", messages="content_json")


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said."""
    if path.suffix == ".jsonl":
        folder = string(head(path)[0].get("working_dir"))
        for start, record in objects(path, position):
            role, text = record.get("role"), text_of(record.get("content"))
            if role in ("user", "assistant") and text.strip():
                yield Said(f"{path.stem}\n{start}", path.stem, str(role), text, record.get("created"), folder)
            else:
                position.skip(_NO_TEXT)
        return
    with opened(path) as database:
        for session in database.rows("sessions"):
            name = str(session["id"])
            for row in database.rows("messages", where=("session_id", session["id"]), order="id"):
                role, text = row.get("role"), text_of(parsed(str(row["content_json"])))
                if role not in ("user", "assistant") or not text.strip():
                    position.skip(_NO_TEXT)
                    continue
                key = f"{name}\n{row.get('message_id') or row.get('id')}"
                at = row.get("created_timestamp") or row.get("timestamp") or session.get("created_at")
                yield Said(key, name, str(role), text, at, string(session.get("working_dir")))
