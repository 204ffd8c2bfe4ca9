"""An entry of a mapping in a YAML file, edited as text: the rest of the file stays as it is, byte for byte.

A YAML reader says where things stand, and an edit that does not give what was meant is refused.
"""

import json
from copy import deepcopy
from typing import Any

import yaml

from ltmc.agents.text import EditError, line_end, newline_of


def read(text: str, section: str | None = None, name: str | None = None) -> Any:
    """Return the document, a section of it or an entry of one; None where there is none.

    Raises:
        EditError: the text is no YAML of one document; the error names the line.
    """
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise EditError(mark.line + 1 if mark else 1, getattr(error, "problem", None) or str(error)) from None
    for key in (section, name):
        if key is not None:
            found = found.get(key) if isinstance(found, dict) else None
    return found


def put(text: str, section: str, name: str, values: dict[str, Any]) -> str:
    """Return the text with values in an entry of a section; the section and the entry are made if missing.

    Raises:
        EditError: the text is no YAML, or its section has a form that is not edited.
    """
    data = read(text)
    if data is not None and not isinstance(data, dict):
        raise EditError(1, "it is not a mapping")
    wanted = deepcopy(data) or {}
    if not isinstance(wanted.get(section) or {}, dict):
        raise EditError(_line_of(text, section), f"{section} is not a mapping")
    entries = wanted[section] = wanted.get(section) or {}
    known = entries.get(name)
    entry = (known if isinstance(known, dict) else {}) | values
    if known == entry:
        return text
    entries[name] = entry
    if known is not None:
        text = _without(text, section, name)
    made = _with(text, section, name, entry)
    return _proved(made, wanted, text, section)


def remove(text: str, section: str, name: str, *, keep_section: bool = True) -> str:
    """Return the text without an entry, and without the section if that is empty then and not to be kept.

    Raises:
        EditError: the text is no YAML, or its section has a form that is not edited.
    """
    data = read(text)
    if read(text, section, name) is None:
        return text
    del data[section][name]
    made = _without(text, section, name)
    if not data[section] and not keep_section:
        key, value = _member(text, None, section)
        if value.flow_style:
            raise EditError(key.start_mark.line + 1, f"{section} has a form that is not edited")
        key, _ = _member(made, None, section)
        start = key.start_mark.index - key.start_mark.column
        end = line_end(made, start)
        made = made[:start] + made[end:].removeprefix("\r").removeprefix("\n")
        del data[section]
    elif not data[section]:
        data[section] = None
    return _proved(made, data, text, section)


def _proved(made: str, wanted: dict[str, Any], text: str, section: str) -> str:
    try:
        found = read(made) or {}
    except EditError:
        found = None
    if found != wanted:
        raise EditError(
            _line_of(text, section), f"{section} stands here in a form that is not edited; edit it by hand"
        )
    return made


def _member(text: str, section: str | None, name: str) -> tuple[yaml.Node, yaml.Node]:
    """Return the nodes of a key and its value, at the top or in a section."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if section is not None:
        node = next(value for key, value in node.value if key.value == section)
    key, value = next(pair for pair in node.value if pair[0].value == name)
    return key, value


def _line_of(text: str, section: str) -> int:
    found = read(text)
    if not isinstance(found, dict) or section not in found:
        return 1
    key, _ = _member(text, None, section)
    return int(key.start_mark.line) + 1


def _rendered(name: str, entry: dict[str, Any], indent: str, newline: str) -> str:
    """Return the lines of an entry; JSON is YAML too."""
    lines = [f"{indent}{name}:"]
    lines += [f"{indent}  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    return newline.join(lines) + newline


def _with(text: str, section: str, name: str, entry: dict[str, Any]) -> str:
    newline = newline_of(text)
    data = read(text)
    if not data or section not in data:
        if text and not text.endswith("\n"):
            text += newline
        column = yaml.compose(text, Loader=yaml.SafeLoader).start_mark.column if data else 0
        top = " " * column
        return f"{text}{top}{section}:{newline}{_rendered(name, entry, top + '  ', newline)}"
    key, value = _member(text, None, section)
    empty = not data[section]
    if not empty and value.flow_style:
        place = value.start_mark.index + 1
        made = f"{json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}, "
        return text[:place] + made + text[place:]
    indent = " " * (key.start_mark.column + 2 if empty else value.value[0][0].start_mark.column)
    if empty:  # nothing, null or {}
        start, end = value.start_mark.index, value.end_mark.index
        text = text[:start].rstrip(" ") + text[end:]
    place = line_end(text, key.start_mark.index)
    rest = text[place:]
    rest = rest.removeprefix("\r").removeprefix("\n")
    return text[:place] + newline + _rendered(name, entry, indent, newline) + rest


def _without(text: str, section: str, name: str) -> str:
    """Return the text without the lines of an entry, which has lines of its own."""
    key, value = _member(text, section, name)
    _, parent = _member(text, None, section)
    if parent.flow_style:
        start, end = key.start_mark.index, value.end_mark.index
        rest = text[end:].lstrip(" ")
        return text[:start] + (rest[1:].lstrip(" ") if rest.startswith(",") else rest)
    start = key.start_mark.index - key.start_mark.column
    last = _last_leaf(value)
    stop = text.find("\n", max(last.start_mark.index, last.end_mark.index - 1))
    return text[:start] + ("" if stop < 0 else text[stop + 1 :])


def _last_leaf(node: yaml.Node) -> yaml.Node:
    """Return what ends a value; a collection's own end is where the next thing begins."""
    while not isinstance(node, yaml.ScalarNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node
