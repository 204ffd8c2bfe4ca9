"""JSON with comments and trailing commas, read with positions and edited as text.

Everything that is not part of the edit stays as it is, byte for byte. What is put in takes the indentation and
the line ends of what is around it, and removing it again gives the text from before.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from ltmc.agents.text import EditError, indent_before, line_indent, line_of, newline_of

DEEPEST = 100
"""How far values may be nested."""

_JSON_SPACE = re.compile(r"[ \t\r\n]+")
_JSON_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_JSON_WORD = re.compile(r"[-+.\w]+")


@dataclass(slots=True)
class Part:
    """A member of an object or an item of an array.

    Attributes:
        start: where it begins: for a member, its key.
        key: of a member.
        comma: where the comma after it is, if one is.
    """

    start: int
    value: "Node"
    key: str | None
    comma: int | None = None

    @property
    def end(self) -> int:
        """Where its value ends."""
        return self.value.end


@dataclass(slots=True)
class Node:
    """A value and where it stands."""

    start: int
    kind: Literal["object", "array", "scalar"]
    end: int = 0
    scalar: Any = None
    parts: list[Part] = field(default_factory=list)

    def member(self, key: str) -> Part | None:
        """Return the member of a key, the last one if several have it: that is the one that readers take."""
        return next((part for part in reversed(self.parts) if part.key == key), None)

    def plain(self) -> Any:
        """Return the value as Python has it."""
        if self.kind == "object":
            return {part.key: part.value.plain() for part in self.parts}
        if self.kind == "array":
            return [part.value.plain() for part in self.parts]
        return self.scalar


def parse(text: str) -> Node:
    """Return the value of a text.

    Raises:
        EditError: it is none; the error names the line.
    """
    return _Reader(text).document()


def read(text: str, keys: tuple[str, ...] = ()) -> Any:
    """Return the value under keys, None where there is none; a blank text is an empty object.

    Raises:
        EditError: the text is no JSON.
    """
    found = _find(parse(text), keys) if text.strip() else None
    return found.plain() if found else None


def source(text: str, keys: tuple[str, ...]) -> str | None:
    """Return the text of the value under keys; None where there is none."""
    found = _find(parse(text), keys) if text.strip() else None
    return text[found.start : found.end] if found else None


def put(text: str, keys: tuple[str, ...], value: Any) -> str:
    """Return the text with a value under keys; what is missing on the way is made.

    Raises:
        EditError: the text is no JSON, or something on the way is no object.
    """
    if not text.strip():
        made = json.dumps(_nested(keys, value), indent=2, ensure_ascii=False) + "\n"
        return made.replace("\n", newline_of(text))
    node = parse(text)
    for depth, key in enumerate(keys):
        if node.kind != "object":
            raise EditError(line_of(text, node.start), f"{_said(keys[:depth])} is not an object")
        member = node.member(key)
        if member is None:
            return _insert(text, node, key, _nested(keys[depth + 1 :], value))
        node = member.value
    if node.plain() == value:
        return text
    return text[: node.start] + _rendered(text, value, node.start) + text[node.end :]


def put_source(text: str, keys: tuple[str, ...], raw: str) -> str:
    """Return the text with the value under keys, which is there, replaced by a text."""
    node = _find(parse(text), keys)
    return text[: node.start] + raw + text[node.end :] if node else text


def append(text: str, keys: tuple[str, ...], value: Any) -> str:
    """Return the text with an item at the end of the array under keys, which is made if it is missing.

    Raises:
        EditError: the text is no JSON, or what is there is no array.
    """
    array = _find(parse(text), keys) if text.strip() else None
    if array is None:
        return put(text, keys, [value])
    if array.kind != "array":
        raise EditError(line_of(text, array.start), f"{_said(keys)} is not an array")
    return _insert(text, array, None, value)


def remove(text: str, keys: tuple[str, ...], *, keep: tuple[str, ...] = ()) -> str:
    """Return the text without the value under keys, and without the objects that this empties.

    Args:
        keep: the keys of an object that stays even when it is empty, as all above it do.

    Raises:
        EditError: the text is no JSON.
    """
    while text.strip() and keys and keys != keep[: len(keys)]:
        parent = _find(parse(text), keys[:-1])
        if parent is None or parent.kind != "object" or (member := parent.member(keys[-1])) is None:
            return text
        text = _delete(text, parent, parent.parts.index(member))
        if len(parent.parts) > 1:
            return text
        keys = keys[:-1]
    return text


def remove_items(
    text: str, keys: tuple[str, ...], ours: Callable[[Any], bool], *, keep: tuple[str, ...] = ()
) -> str:
    """Return the text without the items that are `ours` of the array under keys; see `remove` for what that empties.

    Raises:
        EditError: the text is no JSON.
    """
    while text.strip():
        array = _find(parse(text), keys)
        if array is None or array.kind != "array":
            return text
        place = next((n for n, part in enumerate(array.parts) if ours(part.value.plain())), None)
        if place is None:
            return text
        text = _delete(text, array, place)
        if len(array.parts) == 1:
            return remove(text, keys, keep=keep)
    return text


def _find(node: Node, keys: tuple[str, ...]) -> Node | None:
    for key in keys:
        member = node.member(key) if node.kind == "object" else None
        if member is None:
            return None
        node = member.value
    return node


def _nested(keys: tuple[str, ...], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _said(keys: tuple[str, ...]) -> str:
    return ".".join(keys) or "the whole"


def _unit(text: str) -> str:
    """Return what one step of indentation is here."""
    root = parse(text)
    return (indent_before(text, root.parts[0].start) if root.parts else None) or "  "


def _rendered(text: str, value: Any, position: int, indent: str | None = None) -> str:
    """Return a value as text that stands at a position, on one line where the whole text is one."""
    root = parse(text)
    if root.parts and "\n" not in text[root.start : root.end]:
        return json.dumps(value, ensure_ascii=False)
    if indent is None:
        indent = line_indent(text, position)
    lines = json.dumps(value, indent=_unit(text), ensure_ascii=False).split("\n")
    return (newline_of(text) + indent).join(lines)


def _insert(text: str, node: Node, key: str | None, value: Any) -> str:
    """Return the text with a last member or item in an object or array."""
    newline, named = newline_of(text), f"{json.dumps(key, ensure_ascii=False)}: " if key is not None else ""
    if not node.parts:
        return _insert_first(text, node, named, value)
    first, last = node.parts[0], node.parts[-1]
    indent = indent_before(text, first.start)
    if "\n" not in text[node.start : first.start] or indent is None:
        made = named + json.dumps(value, ensure_ascii=False)
        if last.comma is None:
            return f"{text[: last.end]}, {made}{text[last.end :]}"
        return f"{text[: last.comma + 1]} {made},{text[last.comma + 1 :]}"
    made = newline + indent + named + _rendered(text, value, first.start, indent)
    after = _end_of_remarks(text, last.end if last.comma is None else last.comma + 1)
    if last.comma is None:
        return f"{text[: last.end]},{text[last.end : after]}{made}{text[after:]}"
    return f"{text[:after]}{made},{text[after:]}"


def _insert_first(text: str, node: Node, named: str, value: Any) -> str:
    inner = text[node.start + 1 : node.end - 1]
    root = parse(text)
    if root.parts and "\n" not in text[root.start : root.end]:
        made = named + json.dumps(value, ensure_ascii=False)
        return text[: node.end - 1] + made + text[node.end - 1 :]
    newline, base = newline_of(text), line_indent(text, node.start)
    indent = base + _unit(text)
    made = newline + indent + named + _rendered(text, value, node.start, indent) + newline + base
    return text[: node.start + 1] + inner.rstrip() + made + text[node.end - 1 :]


def _end_of_remarks(text: str, position: int) -> int:
    """Return where the comments on the rest of a line end."""
    end = position
    while True:
        while position < len(text) and text[position] in " \t":
            position += 1
        if text.startswith("//", position):
            stop = text.find("\n", position)
            stop = len(text) if stop < 0 else stop
            return stop - 1 if text[stop - 1] == "\r" else stop
        close = text.find("*/", position) if text.startswith("/*", position) else -1
        if close < 0 or "\n" in text[position:close]:
            return end
        end = position = close + 2


def _delete(text: str, node: Node, place: int) -> str:
    """Return the text without a member or an item."""
    part, last = node.parts[place], len(node.parts) - 1
    start = part.start
    while text[start - 1] in " \t":
        start -= 1
    alone = text[start - 1] == "\n"
    if alone:
        start -= 2 if text[start - 2 : start] == "\r\n" else 1
    end = part.end if part.comma is None else part.comma + 1
    if last == 0:
        left = text[node.start + 1 : start] + text[end : node.end - 1]
        return text[: node.start + 1] + (left if left.strip() else "") + text[node.end - 1 :]
    if place == 0 and not alone:  # what follows takes its place
        while text[end] in " \t":
            end += 1
        return text[: part.start] + text[end:]
    comma = node.parts[place - 1].comma
    if place == last and part.comma is None and comma is not None:  # it is one too many now
        return text[:comma] + text[comma + 1 : start] + text[end:]
    return text[:start] + text[end:]


class _Reader:
    """Reads one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> Node:
        node = self.value(0)
        self.space()
        if self.at < len(self.text):
            raise self.wrong("something follows the end")
        return node

    def wrong(self, why: str) -> EditError:
        return EditError(line_of(self.text, self.at), why)

    def space(self) -> None:
        """Go on to what is neither white space nor a comment."""
        while True:
            if match := _JSON_SPACE.match(self.text, self.at):
                self.at = match.end()
            if self.text.startswith("//", self.at):
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at + 2)
                if end < 0:
                    raise self.wrong("a comment has no end")
                self.at = end + 2
            else:
                return

    def value(self, depth: int) -> Node:
        self.space()
        char = self.text[self.at : self.at + 1]
        if char in ("{", "["):
            if depth == DEEPEST:
                raise self.wrong(f"it is nested deeper than {DEEPEST}")
            return self.container("object" if char == "{" else "array", depth)
        node = Node(self.at, "scalar")
        node.scalar = self.string() if char == '"' else self.word()
        node.end = self.at
        return node

    def container(self, kind: Literal["object", "array"], depth: int) -> Node:
        node = Node(self.at, kind)
        close = "}" if kind == "object" else "]"
        self.at += 1
        while True:
            self.space()
            if self.text.startswith(close, self.at):
                self.at += 1
                node.end = self.at
                return node
            if node.parts and node.parts[-1].comma is None:
                raise self.wrong(f"a comma or {close} is missing")
            start, key = self.at, None
            if kind == "object":
                key = self.string()
                self.space()
                if not self.text.startswith(":", self.at):
                    raise self.wrong("a colon is missing after a key")
                self.at += 1
            part = Part(start, self.value(depth + 1), key)
            node.parts.append(part)
            self.space()
            if self.text.startswith(",", self.at):
                part.comma = self.at
                self.at += 1

    def string(self) -> str:
        match = _JSON_STRING.match(self.text, self.at)
        if match is None:
            raise self.wrong("a string in double quotes is missing or has no end")
        try:
            found = json.loads(match[0], strict=False)
        except ValueError as error:
            raise self.wrong(f"a string is not valid: {error}") from None
        self.at = match.end()
        return str(found)

    def word(self) -> Any:
        match = _JSON_WORD.match(self.text, self.at)
        try:
            found = json.loads(match[0]) if match else None
        except ValueError:
            match = None
        if match is None:
            raise self.wrong("a value is missing or is none that JSON knows")
        self.at = match.end()
        return found
