"""Tables of a TOML file, edited as text: the rest of the file stays as it is, byte for byte.

What is read back is read by `tomllib`, and an edit that does not give what was meant is refused.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ltmc.agents.text import EditError, line_end, line_of, newline_of

Table = tuple[str, ...]

_TOML_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TOML_PLACE = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(frozen=True, slots=True)
class _Statement:
    """A header of a table, or a key with its value.

    Attributes:
        table: the table that a header opens or a key is in; None for one of an array of tables.
        key: None for a header.
        value: where the value begins.
    """

    start: int
    end: int
    table: Table | None
    key: Table | None = None
    value: int = 0


def read(text: str, table: Table = ()) -> Any:
    """Return what stands under a table's name; None where nothing does.

    Raises:
        EditError: the text is no TOML; the error names the line.
    """
    try:
        found: Any = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else line_of(text, len(text))
        raise EditError(line, _TOML_PLACE.sub("", str(error)).strip()) from None
    for name in table:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def put(text: str, table: Table, values: dict[str, Any]) -> str:
    """Return the text with values in a table, which is added at the end if it is missing.

    Raises:
        EditError: the text is no TOML, or the table stands in it in a form that is not edited.
    """
    wanted = deepcopy(read(text))
    place = wanted
    for name in table:
        place = place.setdefault(name, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise EditError(1, f"{'.'.join(table)} is not a table")
    place |= values
    newline = newline_of(text)
    header = next((one for one in _statements(text) if one.table == table and one.key is None), None)
    if header is None:
        lines = [f"[{_name(table)}]", *(_line(key, value) for key, value in values.items())]
        made = text + _gap(text) + newline.join(lines) + newline
    else:
        made = text
        for key, value in values.items():
            made = _set(made, table, key, value)
    try:
        edited = read(made) == wanted
    except EditError:
        edited = False
    if not edited:
        raise EditError(1, f"{'.'.join(table)} stands here in a form that is not edited; write it by hand")
    return made


def source(text: str, table: Table) -> str | None:
    """Return the text of a table with those below it; None where there is none."""
    spans = list(_spans(text, table))
    return "".join(text[start:end] for start, end in spans) if spans else None


def put_source(text: str, table: Table, raw: str) -> str:
    """Return the text with a table, which is there, replaced by a text."""
    spans = list(_spans(text, table))
    for start, end in reversed(spans[1:]):
        text = text[:start] + text[end:]
    return text[: spans[0][0]] + raw + text[spans[0][1] :] if spans else text


def remove(text: str, table: Table) -> str:
    """Return the text without a table and those below it, and without the blank line before it.

    Raises:
        EditError: the text is no TOML, or the table stands in it in a form that is not edited.
    """
    if read(text, table) is None:
        return text
    spans = list(_spans(text, table))
    for start, end in reversed(spans):
        before = text[:start]
        newline = newline_of(text)
        if before.endswith(newline * 2) or before == newline:
            before = before[: -len(newline)]
        text = before + text[end:]
    if not spans or read(text, table) is not None:
        raise EditError(1, f"{'.'.join(table)} stands here in a form that is not edited; remove it by hand")
    return text


def _gap(text: str) -> str:
    newline = newline_of(text)
    if not text or text.endswith(newline * 2):
        return ""
    return newline if text.endswith("\n") else newline * 2


def _name(table: Table) -> str:
    return ".".join(name if _TOML_BARE.fullmatch(name) else json.dumps(name) for name in table)


def _line(key: str, value: Any) -> str:
    return f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    # A JSON text is TOML as well, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _set(text: str, table: Table, key: str, value: Any) -> str:
    inside = [one for one in _statements(text) if one.table == table]
    for statement in inside:
        if statement.key == (key,):
            if read(text, (*table, key)) == value:
                return text
            return text[: statement.value] + _value(value) + text[statement.end :]
    end = line_end(text, inside[-1].end)
    return text[:end] + newline_of(text) + _line(key, value) + text[end:]


def _spans(text: str, table: Table) -> Iterator[tuple[int, int]]:
    """Yield from where to where the lines of a table and of those below it go."""
    start = end = -1
    for one in _statements(text):
        if one.key is None:
            if start >= 0:
                yield start, end
            start = one.start if one.table is not None and one.table[: len(table)] == table else -1
        if start >= 0:
            stop = text.find("\n", one.end)
            end = len(text) if stop < 0 else stop + 1
    if start >= 0:
        yield start, end


def _statements(text: str) -> Iterator[_Statement]:
    """Yield the statements of a text that is TOML."""
    table: Table | None = ()
    at = 0
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
            continue
        if text[at] == "#":
            at = line_end(text, at)
            continue
        start = at
        if text[at] == "[":
            end = _over(text, at + 1, "]")
            is_array = text.startswith("[", at + 1)
            table = None if is_array else _names(text[at + 1 : end])
            at = end + (2 if is_array else 1)
            yield _Statement(start, at, table)
            continue
        equals = _over(text, at, "=")
        value = equals + 1
        while text[value] in " \t":
            value += 1
        at = _over_value(text, value)
        yield _Statement(start, at, table, _names(text[start:equals]), value)


def _over(text: str, at: int, until: str) -> int:
    """Return where a sign stands next, outside of quotes."""
    while text[at] != until:
        at = _over_string(text, at) if text[at] in "\"'" else at + 1
    return at


def _over_string(text: str, at: int) -> int:
    """Return where a string ends."""
    quotes = text[at] * 3 if text.startswith(text[at] * 3, at) else text[at]
    at += len(quotes)
    while not text.startswith(quotes, at):
        at += 2 if quotes[0] == '"' and text[at] == "\\" else 1
    at += len(quotes)
    while len(quotes) == 3 and text[at : at + 1] == quotes[0]:  # quotes right before the closing ones
        at += 1
    return at


def _over_value(text: str, at: int) -> int:
    """Return where a value ends: before the white space or comment that ends its line."""
    depth, end = 0, at
    while at < len(text):
        char = text[at]
        if char in "\"'":
            end = at = _over_string(text, at)
            continue
        if char == "#":
            at = line_end(text, at)
            if not depth:
                return end
            continue
        if char == "\n" and not depth:
            return end
        depth += (char in "[{") - (char in "]}")
        at += 1
        if char not in " \t\r\n":
            end = at
    return end


def _names(key: str) -> Table:
    """Return the parts of a dotted key."""
    found: Any = tomllib.loads(f"{key.strip()} = 0")
    names = []
    while isinstance(found, dict):
        ((name, found),) = found.items()
        names.append(name)
    return tuple(names)
