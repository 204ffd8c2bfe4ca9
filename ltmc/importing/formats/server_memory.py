"""The file of the MCP reference server for memory: a line of JSON for each entity and relation."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ltmc.importing.items import Item, Linked, Noted, Position
from ltmc.importing.streams import head, objects
from ltmc.importing.texts import name_of, string, strings

NAME = "server-memory"

ABOUT = "documents"
"""How the memory of an entity is linked with it."""


def detect(path: Path) -> bool:
    """Return whether a file holds entities and relations."""
    return path.suffix in (".jsonl", ".json") and any(
        _is_entity(one) or _is_relation(one) for one in head(path)
    )


def read(path: Path, position: Position) -> Iterator[Item]:
    """Yield a note for each entity that something was observed of, and the links."""
    for _, record in objects(path, position):
        if _is_entity(record):
            name, kind = str(record["name"]), str(record["entityType"])
            seen = list(dict.fromkeys(strings(record.get("observations"))))
            if not seen:
                position.skip("entities without observations")
                continue
            note = f"entities/{name_of(name)}.md"
            lines = "\n".join(f"- {one}" for one in seen)
            yield Noted(note, f"{name} ({kind})\n\n{lines}\n", tags=(kind,))
            yield Linked(note, ABOUT, name)
        elif _is_relation(record):
            yield Linked(str(record["from"]), str(record["relationType"]), str(record["to"]))
        else:
            position.skip("records of an unknown kind")


def _is_entity(one: dict[str, Any]) -> bool:
    return one.get("type") == "entity" and bool(string(one.get("name")) and string(one.get("entityType")))


def _is_relation(one: dict[str, Any]) -> bool:
    named = all(string(one.get(key)) for key in ("from", "to", "relationType"))
    return one.get("type") == "relation" and named
