"""What search results look like, and the filters that narrow a search."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ltmc.code.traits import LABELS
from ltmc.errors import ErrorCode, LtmcError, invalid, shorten
from ltmc.search.index import Hit
from ltmc.storage.engine import Row, Transaction
from ltmc.storage.sqlite.search_index import Condition, is_in, tags_condition
from ltmc.storage.tables import blueprints, chats, patterns, resources, todos
from ltmc.timestamps import format_utc, parse

PREVIEW_CHARACTERS = 2_000
"""How much of a text a search result shows; what is longer is marked as truncated."""

PRIORITIES = {1: "low", 2: "medium", 3: "high"}

SOURCES = ("memory", "chat", "pattern")


async def describe(
    tx: Transaction, kind: str, hits: Sequence[Hit], *, explain: bool = False
) -> list[dict[str, Any]]:
    """The results that a search shows for `hits` of a kind, in their order.

    Args:
        explain: with the parts of each score, which add up to it.
    """
    if not hits:
        return []
    lookup, show = _KINDS[kind]
    rows = await lookup(tx, [hit.id for hit in hits])
    return [
        {**show(rows[hit.id]), "score": hit.score, **({"score_parts": hit.parts} if explain else {})}
        for hit in hits
        if hit.id in rows
    ]


def preview(text: str) -> dict[str, Any]:
    """`text` cut to a preview, and said so."""
    if len(text) <= PREVIEW_CHARACTERS:
        return {"content": text}
    return {"content": text[:PREVIEW_CHARACTERS], "truncated": True, "characters": len(text)}


def message(row: Row) -> dict[str, Any]:
    """A chat message as tools show it."""
    return {
        "message_id": row["id"],
        "conversation_id": row["conversation_id"],
        "role": row["role"],
        "content": row["content"],
        "agent_name": row["agent_name"],
        "source_tool": row["source_tool"],
        "timestamp": row["created_at"],
        "metadata": json.loads(row["metadata"]),
    }


def todo(row: Row) -> dict[str, Any]:
    """A todo as tools show it."""
    return {
        "todo_id": row["id"],
        "title": row["title"],
        "description": row["description"],
        "priority": PRIORITIES[row["priority"]],
        "status": row["status"],
        "created_at": row["created_at"],
        "completed_at": row["completed_at"],
    }


def _chunk_result(row: Row) -> dict[str, Any]:
    return {
        "resource_id": row["resource_id"],
        "chunk_id": row["chunk_id"],
        "file_name": row["file_name"],
        "resource_type": row["type"],
        "version": row["version"],
        "content": row["text"],
        "tags": json.loads(row["tags"]),
        "created_at": row["created_at"],
    }


def _message_result(row: Row) -> dict[str, Any]:
    shown = {**message(row), **preview(row["content"])}
    return {**shown, "created_at": shown.pop("timestamp")}


def _pattern_result(row: Row) -> dict[str, Any]:
    return {
        "pattern_id": row["id"],
        "input_prompt": row["input_prompt"],
        **preview(row["generated_code"]),
        "result": row["result"],
        "function_name": row["function_name"],
        "file_name": row["file_name"],
        "language": row["language"],
        "tags": json.loads(row["tags"]),
        "created_at": row["created_at"],
    }


def _blueprint_result(row: Row) -> dict[str, Any]:
    return {
        "blueprint_id": row["blueprint_id"],
        "title": row["title"],
        **preview(row["description"]),
        "kind": row["kind"],
        "status": row["status"],
        "complexity": row["complexity"],
        "tags": row["tags"],
        "created_at": row["created_at"],
    }


_KINDS: dict[str, tuple[Callable[..., Any], Callable[[Row], dict[str, Any]]]] = {
    "chunk": (resources.chunks_by_id, _chunk_result),
    "message": (chats.by_id, _message_result),
    "todo": (todos.by_id, todo),
    "pattern": (patterns.by_id, _pattern_result),
    "blueprint": (blueprints.by_id, _blueprint_result),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a search: AND across keys, OR inside a list.

    Attributes:
        names: the keys given.
        sources: where to look.
        conversation: the conversation named, when exactly one is.
    """

    given: dict[str, list[Any]]
    sources: tuple[str, ...]
    min_score: float
    names: list[str]

    @property
    def conversation(self) -> str | None:
        named = self.given.get("conversation_id", [])
        return named[0] if len(named) == 1 else None

    @classmethod
    def parse(cls, filters: dict[str, Any]) -> "Filters":
        """Check the filters.

        Raises:
            LtmcError: INVALID_ARGUMENT for an unknown key (with the valid ones), a bad date or value.
        """
        given: dict[str, list[Any]] = {}
        for key, value in filters.items():
            if key not in _VALID and not (key.startswith("metadata.") and len(key) > len("metadata.")):
                raise LtmcError(
                    ErrorCode.INVALID_ARGUMENT,
                    f"filters: unknown key {shorten(key)}; valid: {', '.join(_VALID)}, metadata.<key>.",
                    field=f"filters.{key}",
                    details={"value": shorten(value), "valid": [*_VALID, "metadata.<key>"]},
                )
            values = value if isinstance(value, list) else [value]
            given[key] = [_checked(key, item) for item in values]
            if not values:
                raise invalid(f"filters.{key}", value, "at least one value")
        for key in ("date_from", "date_to", "min_score"):
            if len(given.get(key, [])) > 1:
                raise invalid(f"filters.{key}", filters[key], "one value")
        start, end = given.get("date_from"), given.get("date_to")
        if start and end and start[0] > end[0]:
            raise invalid("filters.date_from", filters["date_from"], "a date not after date_to")
        return cls(
            given,
            tuple(given.pop("sources", SOURCES)),
            given.pop("min_score", [0.0])[0],
            sorted(filters),
        )

    def by_source(self) -> dict[str, list[Condition]]:
        """For each source that has every key asked for, its conditions."""
        found = {}
        for source in SOURCES:
            builders = [_condition(source, key, values) for key, values in self.given.items()]
            if source in self.sources and all(builder is not None for builder in builders):
                found[source] = [condition for condition in builders if condition is not None]
        return found


_TEXT_KEYS = {
    "file_name": {"memory": "r.file_name", "pattern": "p.file_name"},
    "resource_type": {"memory": "r.type"},
    "conversation_id": {"chat": "m.conversation_id"},
    "role": {"chat": "m.role"},
    "agent_name": {"chat": "m.agent_name"},
    "source_tool": {"chat": "m.source_tool"},
    "language": {"memory": "r.language", "pattern": "p.language"},
    "complexity": {"memory": "r.complexity", "pattern": "p.complexity"},
}
_TAGS = {"memory": "r.tags", "pattern": "p.tags"}
_METADATA = {"memory": "r.metadata", "chat": "m.metadata"}
_CREATED = {"memory": "r.created_at", "chat": "m.created_at", "pattern": "p.created_at"}
_VALID = ("sources", *_TEXT_KEYS, "tags_any", "tags_all", "date_from", "date_to", "min_score")
_ALLOWED = {
    "sources": SOURCES,
    "resource_type": ("document", "code", "note", "data"),
    "role": ("user", "assistant", "system", "tool"),
    "complexity": LABELS,
}
_COMPLEXITY_ALIASES = {"LOW": "SIMPLE", "MEDIUM": "MODERATE", "HIGH": "COMPLEX"}


def _checked(key: str, value: Any) -> Any:
    """`value` in its canonical form."""
    field = f"filters.{key}"
    if key == "min_score":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise invalid(field, value, "a number from 0 to 1")
        return float(value)
    if key.startswith("metadata."):
        if '"' in key or not isinstance(value, str | int | float):
            raise invalid(field, value, "text, a number, true or false, under a key without quotes")
        return value
    if not isinstance(value, str) or not value.strip():
        raise invalid(field, value, "text that is not blank, or a list of such")
    if key in ("date_from", "date_to"):
        return _moment(field, value, end=key == "date_to")
    if key == "complexity":
        value = _COMPLEXITY_ALIASES.get(value.upper(), value.upper())
    elif key in ("tags_any", "tags_all", "sources", "resource_type", "role", "language"):
        value = value.strip().lower()
    if key in _ALLOWED and value not in _ALLOWED[key]:
        raise invalid(field, value, ", ".join(_ALLOWED[key]))
    return value


def _moment(field: str, text: str, *, end: bool) -> str:
    """The date as a timestamp; a day as the end of a range means its last moment."""
    try:
        moment = parse(text)
        if end and len(text.strip()) <= len("2026-01-31"):
            moment += timedelta(days=1, microseconds=-1)
        return format_utc(moment)
    except (ValueError, OverflowError):
        raise invalid(field, text, "a date or date-time in ISO 8601, such as 2026-01-31") from None


def _condition(source: str, key: str, values: list[Any]) -> Condition | None:
    """The condition of one key on one source; None where the source has no such thing."""
    if key in ("date_from", "date_to"):
        return Condition(f"{_CREATED[source]} {'>=' if key == 'date_from' else '<='} ?", values)
    if key in ("tags_any", "tags_all"):
        column = _TAGS.get(source)
        return tags_condition(column, values, every=key == "tags_all") if column else None
    if key.startswith("metadata."):
        column = _METADATA.get(source)
        path = '$."' + key.removeprefix("metadata.") + '"'
        marks = ", ".join("?" * len(values))
        return Condition(f"json_extract({column}, ?) IN ({marks})", [path, *values]) if column else None
    column = _TEXT_KEYS[key].get(source)
    if column is None:
        return None
    if key == "file_name":
        return Condition(" OR ".join(f"{column} GLOB ?" for _ in values), values)
    if key in ("language", "complexity") and source == "memory":
        stated = f"coalesce(json_extract(r.metadata, '$.{key}'), {column})"
        return is_in(f"{'lower' if key == 'language' else 'upper'}({stated})", values)
    return is_in(column, values)
