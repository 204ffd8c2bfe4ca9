"""Talks with Cursor: a file of lines of its command line, or the database of its editor."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ltmc.importing.items import Item, Position, Said
from ltmc.importing.streams import head, objects, parsed
from ltmc.importing.texts import mapping, string, text_of
from ltmc.storage.sqlite.foreign import ForeignDatabase, is_sqlite, opened

NAME = "cursor"

_TABLE = "cursorDiskKV"
_QUERY = re.compile(r"</?user_query>\s*")


def detect(path: Path) -> bool:
    """Return whether a file is a talk with Cursor, or a database of them."""
    if path.suffix == ".jsonl":
        return any("role" in one and "message" in one and "type" not in one for one in head(path)[:1])
    return path.suffix == ".vscdb" and is_sqlite(path)


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield what was said."""
    if path.suffix == ".jsonl":
        yield from _lines(path, position)
        return
    with opened(path) as database:
        for row in database.rows(_TABLE, order="key", between=("key", "composerData:", "composerData;")):
            yield from _composer(database, str(row["key"]).partition(":")[2], _object(row["value"]), position)


def _lines(path: Path, position: Position) -> Iterator[Item]:
    folders = [folder for folder in path.parents if folder.parent.name == "projects"]
    folder, at = (_folder(folders[0].name) if folders else None), path.stat().st_mtime
    for start, record in objects(path, position):
        role, text = record.get("role"), text_of(mapping(record.get("message")).get("content"))
        text = _QUERY.sub("", text).strip()
        if role in ("user", "assistant") and text:
            yield Said(f"{path.stem}\n{start}", path.stem, str(role), text, at, folder)
        else:
            position.skip("messages without text (calls of tools and what these answered)")


def _folder(slug: str) -> str:
    """Return the folder that a name with dashes for its slashes stands for; one that is there, if any."""
    found, parts = Path("/"), slug.split("-")
    while parts:
        for count in range(len(parts), 0, -1):
            deeper = found / "-".join(parts[:count])
            if deeper.is_dir():
                found, parts = deeper, parts[count:]
                break
        else:
            return f"/{slug}"
    return str(found)


def _composer(
    database: ForeignDatabase, name: str, composer: dict[str, Any], position: Position
) -> Iterator[Item]:
    headers = composer.get("fullConversationHeadersOnly")
    if isinstance(headers, list) and headers:
        keys = [f"bubbleId:{name}:{mapping(one).get('bubbleId')}" for one in headers]
        rows: Iterator[dict[str, Any]] = (
            row for key in keys if (row := database.row(_TABLE, "key", key)) is not None
        )
    else:
        rows = database.rows(_TABLE, between=("key", f"bubbleId:{name}:", f"bubbleId:{name};"))
    for row in rows:
        bubble = _object(row["value"])
        text = string(bubble.get("text")) or string(bubble.get("rawText"))
        if text is None:
            position.skip("messages without text (calls of tools and what these answered)")
            continue
        yield Said(
            key=str(row["key"]),
            conversation=name,
            role="user" if bubble.get("type") == 1 else "assistant",
            text=text,
            at=bubble.get("timestamp") or bubble.get("createdAt") or composer.get("createdAt"),
            folder=string(bubble.get("workspaceProjectDir")),
            metadata={"title": title} if (title := string(composer.get("name"))) else {},
        )


def _object(value: Any) -> dict[str, Any]:
    return mapping(parsed(value)) if isinstance(value, str | bytes) else {}
