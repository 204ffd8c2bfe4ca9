"""How an answer is written: in the things of a list, what is null or empty is left out, since each would repeat it.

The fields of the answer itself are always there.
"""

from typing import Any

_VALUES = {"value", "old_value", "new_value"}
"""What is data even where it is null or empty."""

_AS_STORED = {*_VALUES, "metadata", "properties", "resource_requirements", "filters_applied", "arguments"}
"""What callers gave, and schemas: JSON that is written as it is."""


def written(value: Any) -> Any:
    """Return an answer, or a part of one, as clients get it."""
    if isinstance(value, dict):
        return {name: part if name in _AS_STORED else written(part) for name, part in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list) else value


def _listed(item: Any) -> Any:
    shown = written(item)
    if not isinstance(shown, dict):
        return shown
    return {
        name: part
        for name, part in shown.items()
        if name in _VALUES or (part is not None and part not in ("", [], {}))
    }
