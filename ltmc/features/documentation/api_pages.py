"""The managed block that documents a Python file: a heading, a signature and the docstring for each symbol."""

import re
from typing import NotRequired, TypedDict

from ltmc.code.source_files import dotted_module
from ltmc.code.symbols import Module, Symbol
from ltmc.documents.pages import fenced

_SECTION = re.compile(r"^### `([^`\n]+)`$", re.MULTILINE)


def render(module: Module, name: str) -> str:
    """Return the block for a file."""
    sections = [_section(symbol) for symbol in module.public()]
    head = [f"## API of {dotted_module(name)}"]
    if module.docstring:
        head.append(fenced("text", module.docstring.strip()))
    if not sections:
        head.append("Nothing in this file is public.")
    return "\n\n".join([*head, *sections])


def _section(symbol: Symbol) -> str:
    parts = [f"### `{symbol.qualname}`", fenced("python", symbol.signature.snippet(symbol.name, symbol.kind))]
    if symbol.docstring and symbol.docstring.strip():
        parts.append(fenced("text", symbol.docstring.strip()))
    return "\n\n".join(parts)


class PageChange(TypedDict):
    """A symbol of a page that changed, with its signatures."""

    symbol: str
    change: str
    before: NotRequired[str]
    after: NotRequired[str]


def changes(before: str, after: str) -> list[PageChange]:
    """Return what changed from one block to the next: added, removed and updated symbols with their signatures."""
    old, new = _sections(before), _sections(after)
    found: list[PageChange] = []
    for name, text in new.items():
        if name not in old:
            found.append({"symbol": name, "change": "added", "after": _signature(text)})
        elif old[name] != text:
            found.append(
                {
                    "symbol": name,
                    "change": "updated",
                    "before": _signature(old[name]),
                    "after": _signature(text),
                }
            )
    found += [
        {"symbol": name, "change": "removed", "before": _signature(text)}
        for name, text in old.items()
        if name not in new
    ]
    return found


def _sections(block: str) -> dict[str, str]:
    starts = list(_SECTION.finditer(block))
    ends = [match.start() for match in starts[1:]] + [len(block)]
    return {
        match.group(1): block[match.start() : end].strip() for match, end in zip(starts, ends, strict=False)
    }


def _signature(section: str) -> str:
    text, end, _ = section.partition("```python\n")[2].partition("\n```")
    return text if end else ""
