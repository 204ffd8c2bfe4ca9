"""Texts, names and times of other programs as LTMC stores them."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from ltmc.features.hooks.marked_parts import PRIVATE, without
from ltmc.timestamps import format_utc, parse
from ltmc.tools.arguments import TAG_LENGTH, TAGS

LONGEST_TEXT, LONGEST_NAME = 1_000_000, 255
"""In characters, as the tools allow."""

LONGEST_VALUE = 500
"""In characters, of a text in the metadata."""

_TEXT_TYPES = ("text", "input_text", "output_text", None)


def text_of(content: Any) -> str:
    """Return the text of a message: a string, or those of its parts that are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return ""
    parts = [
        part if isinstance(part, str) else part.get("text")
        for part in content
        if isinstance(part, str) or (isinstance(part, dict) and part.get("type") in _TEXT_TYPES)
    ]
    return "\n\n".join(part for part in parts if isinstance(part, str) and part.strip())


def string(value: Any) -> str | None:
    """Return a value if it is a text that is not blank."""
    return value if isinstance(value, str) and value.strip() else None


def strings(value: Any) -> list[str]:
    """Return the texts of a list."""
    return [one for one in value if string(one)] if isinstance(value, list) else []


def mapping(value: Any) -> dict[str, Any]:
    """Return a value if it is an object of JSON, else an empty one."""
    return value if isinstance(value, dict) else {}


def storable(text: str) -> str:
    """Return a text without what cannot be stored: NUL, and halves of characters."""
    text = text.replace("\x00", "")
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def name_of(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text as a name: on one line, printable, relative, and not too long."""
    flat = "".join(
        char if char.isprintable() else " " for char in unicodedata.normalize("NFC", storable(text[:4_000]))
    )
    parts = [part.strip() for part in flat.replace("\\", "/").split("/")]
    name = "/".join(part for part in parts if part and part != "..")
    if len(name) > longest:
        stem, dot, suffix = name.rpartition(".")
        ending = dot + suffix if stem and len(suffix) <= 10 else ""
        name = name[: longest - len(ending)].rstrip() + ending
    return name


def tags_of(values: Iterable[Any]) -> list[str]:
    """Return texts as tags."""
    cleaned = (name_of(value.lower().lstrip("#"), TAG_LENGTH) for value in values if isinstance(value, str))
    return [*dict.fromkeys(tag for tag in cleaned if tag)][:TAGS]


def metadata_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return those of some values that can be kept beside a thing: short texts and numbers."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, str) and value.strip():
            kept[name_of(key, 64)] = storable(without(value, PRIVATE))[:LONGEST_VALUE]
        elif isinstance(value, bool | int) and abs(value) < 2**53:
            kept[name_of(key, 64)] = value
    return {key: value for key, value in kept.items() if key}


def moment_of(value: Any) -> str | None:
    """Return a time as a timestamp, None where it is none: ISO 8601, or seconds, milliseconds, … since 1970."""
    try:
        if isinstance(value, str):
            text = value.strip()
            value = float(text) if text.replace(".", "", 1).isdigit() else parse(text)
        if isinstance(value, int | float) and not isinstance(value, bool):
            while 1e11 < value < 1e22:  # 1e11 s is the year 5138
                value /= 1000
            value = datetime.fromtimestamp(value, UTC)
        if isinstance(value, datetime) and value.year >= 1970:
            return format_utc(value)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def key_of(*parts: str) -> str:
    """Return what is remembered of a thing that came in."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
