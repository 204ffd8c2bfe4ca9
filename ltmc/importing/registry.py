"""Every format, and the files and folders that are to be imported."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ltmc.importing.formats import (
    chat_exports,
    claude_code,
    claude_mem,
    cline,
    codex,
    copilot,
    cursor_agent,
    engram,
    gemini,
    goose,
    markdown,
    memory_service,
    opencode,
    own_export,
    server_memory,
)
from ltmc.importing.items import Format
from ltmc.importing.refusals import require_readable

FORMATS: tuple[Format, ...] = (
    own_export,
    claude_code,
    codex,
    copilot,
    gemini,
    cursor_agent,
    goose,
    opencode,
    cline,
    server_memory,
    claude_mem,
    memory_service,
    engram,
    chat_exports,
)
"""The formats of files, in the order in which they are tried; what is left is looked at as notes in Markdown."""

_LEFT_OUT = frozenset({"node_modules", ".git", ".venv", "__pycache__"})


Found = tuple[Path, Format | None]
"""A file or folder and its format; None where nothing knows it."""


def sources(paths: Iterable[tuple[Path, bool]]) -> tuple[list[Found], int]:
    """Return what there is to import at some paths, and how many files in folders nothing knows.

    Args:
        paths: files and folders, each with whether notes in Markdown in a folder count.

    Raises:
        LtmcError: for a path where nothing is, or that cannot be read; see `require_readable`.
    """
    found: dict[Path, Format | None] = {}
    unknown = 0
    for path, notes in paths:
        require_readable(path)
        for one, form in _in_folder(path, notes=notes) if path.is_dir() else [(path, _format(path))]:
            if form is None and path.is_dir():
                unknown += 1
            else:
                found.setdefault(one.resolve(), form)
    return [*found.items()], unknown


def _format(path: Path) -> Format | None:
    if not path.stat().st_size:
        return None
    return next((form for form in (*FORMATS, markdown) if form.detect(path)), None)


def _in_folder(top: Path, *, notes: bool) -> Iterator[Found]:
    exported = chat_exports.files(top) if chat_exports.detect(top) else []
    if exported and not (notes and markdown.detect(top)):
        yield top, chat_exports
        return
    yield from [(path, chat_exports) for path in exported]  # the notes beside it are imported as the folder
    has_notes = False
    for folder, inside, names in os.walk(top):
        if markdown.is_memory_of_claude(Path(folder)):
            yield Path(folder), markdown
            inside.clear()
            continue
        inside[:] = sorted(name for name in inside if name not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(folder, name)
            if name.lower().endswith(markdown.SUFFIXES):
                has_notes = True
            elif path.is_file() and not path.is_symlink() and path not in exported:
                yield path, next((form for form in FORMATS if form.detect(path)), None)
    if has_notes and notes:
        yield top, markdown
