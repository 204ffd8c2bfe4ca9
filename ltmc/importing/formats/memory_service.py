"""The database of mcp-memory-service."""

from collections.abc import Iterator
from pathlib import Path

from ltmc.importing.items import Item, Noted, Position
from ltmc.importing.streams import parsed
from ltmc.importing.texts import mapping, string
from ltmc.storage.sqlite.foreign import has_tables, opened

NAME = "mcp-memory-service"


def detect(path: Path) -> bool:
    """Return whether a file is a database of mcp-memory-service."""
    return path.suffix == ".db" and has_tables(path, memories="content_hash")


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield the memories that were not deleted."""
    with opened(path) as database:
        for row in database.rows("memories"):
            text, name = string(row.get("content")), string(row.get("content_hash"))
            if row.get("deleted_at") is not None:
                position.skip("memories that were deleted")
            elif text is None or name is None:
                position.skip("memories without text")
            else:
                tags = str(row.get("tags") or "").split(",")
                yield Noted(
                    name=f"memory-service/{name[:16]}.md",
                    text=text,
                    origin=name,
                    tags=(*tags, str(row.get("memory_type") or "")),
                    metadata=mapping(parsed(str(row.get("metadata")))),
                    at=row.get("created_at"),
                )
