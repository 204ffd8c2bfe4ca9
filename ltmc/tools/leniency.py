"""What a client means by arguments that are not quite those of the listing.

Hosts and models send what schemas cannot keep them from: a member of their own among the arguments, numbers and
lists as text, 5.0 for 5, and an empty text in each field that they do not use.
"""

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

from ltmc.tools.aliases import ALIASES
from ltmc.tools.manifest import Tool

_WHOLE, _NUMBER = re.compile(r"-?[0-9]{1,18}"), re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_OF_HOSTS = {"wait_for_previous"}
"""What hosts add to the arguments of every tool: Gemini CLI."""

_NEAR = 0.75
"""How alike a name and that of an argument are, by `difflib`, when one may be meant for the other."""


def meant(raw: Mapping[str, Any], tool: Tool) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments as they are meant, and the names of those that are no arguments of the tool.

    A name that is like one of the tool's stays among the arguments, and so is refused with what is accepted; and so
    does any name where the tool destroys something, since it may have been meant to prevent that.
    """
    properties = tool.parameters["properties"]
    arguments: dict[str, Any] = {}
    ignored: list[str] = []
    for given, value in raw.items():
        name = given if given in properties else ALIASES.get(given, given)
        if name in properties:
            arguments[given] = _read(value, _kinds(properties[name]))
        elif given not in _OF_HOSTS and (tool.destructive or _is_like_one(given, properties)):
            arguments[given] = value
        else:
            ignored.append(given)
    return arguments, ignored


def _is_like_one(given: str, properties: Mapping[str, Any]) -> bool:
    bare = re.sub(r"[\W_]", "", given[:100]).lower()
    known = [name.replace("_", "") for name in properties]
    return bool(difflib.get_close_matches(bare, known, n=1, cutoff=_NEAR))


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    """Return the types that a schema allows."""
    kind = schema.get("type", [])
    kinds = {kind} if isinstance(kind, str) else set(kind)
    return kinds.union(*(_kinds(option) for option in schema.get("anyOf", ())))


def _read(value: Any, kinds: set[str]) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 and "integer" in kinds:
        return int(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if (text.startswith("[") and "array" in kinds) or (text.startswith("{") and "object" in kinds):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return value
    if "string" in kinds:
        return value
    if "integer" in kinds and _WHOLE.fullmatch(text):
        return int(text)
    if "number" in kinds and _NUMBER.fullmatch(text):
        return float(text)
    if "boolean" in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return value
