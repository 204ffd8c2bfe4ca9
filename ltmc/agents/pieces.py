"""What LTMC puts into the files of an agent: an entry, an item of a list, a block, or a file of its own.

A piece works on the text of a file: `put` gives the text with it, `remove` the text without it. Where the file
held something else in its place before LTMC came, `original`, the text from then, says what.
"""

import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltmc.agents import blocks, jsonc, toml_text, yaml_text
from ltmc.agents.text import EditError, line_of

SERVER = "ltmc"
"""The name of LTMC's server in every agent."""

_HOOK_CALL = re.compile(r"\bhook\W{1,8}[a-z-]{1,20}\W{1,8}--agent\b")


@dataclass(frozen=True, slots=True)
class Piece(ABC):
    """A part of a file."""

    path: Path

    @abstractmethod
    def put(self, text: str) -> str:
        """Return the text with this in it."""

    @abstractmethod
    def remove(self, text: str, original: str) -> str:
        """Return the text without this."""

    def found(self, text: str) -> Any:  # noqa: ARG002 - for pieces that a person can add something to
        """Return what stands in the text in the place of this; it compares equal where that means the same."""
        return None

    def command(self, text: str) -> list[str] | None:  # noqa: ARG002 - for pieces that name the server
        """Return what the agent starts as LTMC's server; None where the text names none."""
        return None


def command_of(entry: Any) -> list[str] | None:
    """Return the program and its arguments that the entry of a server names; None if it names none."""
    if not isinstance(entry, dict):
        return None
    command = entry.get("command", entry.get("cmd"))
    parts = command if isinstance(command, list) else [command]
    arguments = entry.get("args") or []
    found = [*parts, *arguments] if isinstance(arguments, list) else [None]
    return [str(part) for part in found] if all(isinstance(part, str) for part in found) else None


def _require_command(known: Any, name: str, line: int) -> None:
    """Refuse to write into an entry that is of another kind, such as a server that is reached by a URL."""
    if known is not None and command_of(known) is None:
        raise EditError(line, f"there is an entry {name} that starts no command; remove it first")


def with_options(entry: dict[str, Any], known: Any) -> dict[str, Any]:
    """Return the entry of the server with the options that a person gave it in the one that is there."""
    theirs, ours = command_of(known) or [], command_of(entry) or []
    if "serve" not in theirs or "serve" not in ours:
        return entry
    given, own = (words[words.index("serve") + 1 :] for words in (theirs, ours))
    names = {word.partition("=")[0] for word in given}
    more = [word for pair in zip(own[::2], own[1::2], strict=True) if pair[0] not in names for word in pair]
    words = [*ours[: ours.index("serve") + 1], *given, *more]
    if isinstance(entry.get("command"), list):
        return entry | {"command": words}
    return entry | {"args": words[1:]}


@dataclass(frozen=True, slots=True)
class JsonServer(Piece):
    """The entry of the server in a JSON file; what a person added to it stays."""

    keys: tuple[str, ...]
    entry: dict[str, Any]

    def found(self, text: str) -> Any:
        """Return the entry, and whether it seems to hold a comment."""
        source = jsonc.source(text, self.keys)
        return source and (jsonc.read(text, self.keys), "//" in source or "/*" in source)

    def command(self, text: str) -> list[str] | None:
        """Return what the entry starts; None where there is no entry."""
        return command_of(jsonc.read(text, self.keys))

    def put(self, text: str) -> str:
        """Return the text with the entry."""
        known = jsonc.read(text, self.keys)
        if known is None:
            return jsonc.put(text, self.keys, self.entry)
        _require_command(
            known, ".".join(self.keys), line_of(text, text.find(jsonc.source(text, self.keys) or ""))
        )
        for key, value in with_options(self.entry, known).items():
            if key in ("command", "args") or key not in known:
                text = jsonc.put(text, (*self.keys, key), value)
        return text

    def remove(self, text: str, original: str) -> str:
        """Return the text without the entry, unless it is one that LTMC did not make: one that starts no command."""
        if raw := jsonc.source(original, self.keys):
            return jsonc.put_source(text, self.keys, raw)
        return _removed(text, self.keys, original) if self.command(text) else text


@dataclass(frozen=True, slots=True)
class JsonDefault(Piece):
    """A value that a JSON file must have and that stays as it is where it has one."""

    key: str
    value: Any

    def put(self, text: str) -> str:
        """Return the text with the value."""
        return text if jsonc.read(text, (self.key,)) is not None else jsonc.put(text, (self.key,), self.value)

    def remove(self, text: str, original: str) -> str:
        """Return the text without the value, if nothing else is left to need it."""
        needed = original.strip() or jsonc.read(text) != {self.key: self.value}
        return text if needed else jsonc.remove(text, (self.key,))


@dataclass(frozen=True, slots=True)
class JsonHooks(Piece):
    """LTMC's hooks in a list of hooks in a JSON file."""

    keys: tuple[str, ...]
    hooks: list[dict[str, Any]]

    def found(self, text: str) -> Any:
        """Return LTMC's hooks in the list."""
        present = jsonc.read(text, self.keys)
        return [item for item in present if is_own_hook(item)] if isinstance(present, list) else []

    def put(self, text: str) -> str:
        """Return the text with these hooks and no other ones of LTMC's in the list."""
        if self.found(text) == self.hooks:
            return text
        text = jsonc.remove_items(text, self.keys, is_own_hook, keep=self.keys)
        for hook in self.hooks:
            text = jsonc.append(text, self.keys, hook)
        return text

    def remove(self, text: str, original: str) -> str:
        """Return the text without LTMC's hooks in the list."""
        return jsonc.remove_items(text, self.keys, is_own_hook, keep=_known(original, self.keys))


def is_own_hook(hook: Any) -> bool:
    """Whether a hook calls LTMC."""
    written = json.dumps(hook)
    return _HOOK_CALL.search(written) is not None or '"hook_event"' in written


@dataclass(frozen=True, slots=True)
class TomlServer(Piece):
    """The table of the server in a TOML file."""

    table: tuple[str, ...]
    entry: dict[str, Any]

    def found(self, text: str) -> Any:
        """Return the table, and whether it seems to hold a comment."""
        source = toml_text.source(text, self.table)
        return source and (toml_text.read(text, self.table), "#" in source)

    def command(self, text: str) -> list[str] | None:
        """Return what the table says to start; None where there is no table."""
        return command_of(toml_text.read(text, self.table))

    def put(self, text: str) -> str:
        """Return the text with the table."""
        known = toml_text.read(text, self.table)
        source = toml_text.source(text, self.table) or ""
        _require_command(known, ".".join(self.table), line_of(text, text.find(source)))
        return toml_text.put(text, self.table, with_options(self.entry, known))

    def remove(self, text: str, original: str) -> str:
        """Return the text without the table, unless it is one that LTMC did not make: one that starts no command."""
        if raw := toml_text.source(original, self.table):
            return toml_text.put_source(text, self.table, raw)
        return toml_text.remove(text, self.table) if self.command(text) else text


@dataclass(frozen=True, slots=True)
class YamlServer(Piece):
    """The entry of the server in a section of a YAML file."""

    section: str
    entry: dict[str, Any]

    def found(self, text: str) -> Any:
        """Return the entry."""
        return yaml_text.read(text, self.section, SERVER)

    def command(self, text: str) -> list[str] | None:
        """Return what the entry starts; None where there is no entry."""
        return command_of(yaml_text.read(text, self.section, SERVER))

    def put(self, text: str) -> str:
        """Return the text with the entry; one that a person switched off stays off."""
        known = yaml_text.read(text, self.section, SERVER)
        _require_command(known, f"{self.section}.{SERVER}", 1)
        kept = set(known) - {"cmd", "args"} if isinstance(known, dict) else set()
        entry = {key: value for key, value in with_options(self.entry, known).items() if key not in kept}
        return yaml_text.put(text, self.section, SERVER, entry)

    def remove(self, text: str, original: str) -> str:
        """Return the text without the entry, unless it is one that LTMC did not make: one that starts no command."""
        known = yaml_text.read(original, self.section, SERVER)
        if isinstance(known, dict):
            return yaml_text.put(yaml_text.remove(text, self.section, SERVER), self.section, SERVER, known)
        if self.command(text) is None:
            return text
        kept = isinstance(original_data := yaml_text.read(original), dict) and self.section in original_data
        return yaml_text.remove(text, self.section, SERVER, keep_section=kept)


@dataclass(frozen=True, slots=True)
class Block(Piece):
    """LTMC's guidance in a file of instructions."""

    content: str

    def found(self, text: str) -> Any:
        """Return the words of the block."""
        place = blocks.find(text)
        return place and text[slice(*place)].split()

    def put(self, text: str) -> str:
        """Return the text with the block."""
        return blocks.put(text, self.content)

    def remove(self, text: str, original: str) -> str:  # noqa: ARG002 - the block is LTMC's in any case
        """Return the text without the block."""
        return blocks.remove(text)


@dataclass(frozen=True, slots=True)
class OwnFile(Piece):
    """A file that is LTMC's as a whole.

    Attributes:
        server: where the entry of the server is in it, if it is JSON with one.
        executable: it is a program.
    """

    content: str
    server: tuple[str, ...] = ()
    executable: bool = False

    def found(self, text: str) -> Any:
        """Return the words of the file."""
        return text.split()

    def put(self, text: str) -> str:  # noqa: ARG002 - whatever there is is replaced
        """Return the file's text."""
        return self.content

    def remove(self, text: str, original: str) -> str:  # noqa: ARG002 - whatever there is is removed
        """Return what was there before LTMC came."""
        return original

    def command(self, text: str) -> list[str] | None:
        """Return what the file says to start."""
        return command_of(jsonc.read(text, self.server)) if self.server else None


def json_file(path: Path, content: Any, server: tuple[str, ...] = ()) -> OwnFile:
    """Return a JSON file of LTMC's own."""
    return OwnFile(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n", server)


def _known(original: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return as many of the keys as the original has."""
    while keys and jsonc.source(original, keys) is None:
        keys = keys[:-1]
    return keys


def _removed(text: str, keys: tuple[str, ...], original: str) -> str:
    return jsonc.remove(text, keys, keep=_known(original, keys))
