"""Pages made of sections and blocks, written as Markdown, HTML, reStructuredText, JSON or plain text."""

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under headers."""

    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to be shown as they are; ``mermaid`` is a diagram."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside of a section."""

    text: str


PageBlock = Text | Table | Code | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page.

    Attributes:
        name: for programs.
        data: what the blocks show, for JSON.
    """

    name: str
    title: str
    blocks: list[PageBlock] = field(default_factory=list)
    data: Any = None


def write(title: str, sections: Sequence[Section], form: str) -> str:
    """Return the page in a format: markdown, html, rst, json or txt."""
    return _WRITERS[form](title, sections)


def blocks_as_markdown(blocks: Sequence[PageBlock]) -> str:
    """Blocks for a Markdown document that has other content too."""
    return "\n\n".join(_markdown_block(block) for block in blocks)


def _markdown(title: str, sections: Sequence[Section]) -> str:
    parts = [f"# {markdown_text(title)}"]
    for section in sections:
        parts += [f"## {section.title}", blocks_as_markdown(section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown_text(text: str) -> str:
    """Text on one line whose characters do not act as Markdown or HTML."""
    flat = " ".join(text.split())
    escaped = re.sub(r"([\\`*_\[\]|#~])", r"\\\1", flat)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fenced(language: str, text: str) -> str:
    """Return a fenced block that no content can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _markdown_block(block: PageBlock) -> str:
    if isinstance(block, Text):
        return markdown_text(block.text)
    if isinstance(block, Heading):
        return f"### {markdown_text(block.text)}"
    if isinstance(block, Code):
        return fenced(block.language, block.text)
    lines = [
        "| " + " | ".join(block.headers) + " |",
        "|" + " --- |" * len(block.headers),
        *("| " + " | ".join(markdown_text(cell) or " " for cell in row) + " |" for row in block.rows),
    ]
    return "\n".join(lines)


def _html(title: str, sections: Sequence[Section]) -> str:
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title></head><body>',
        f"<h1>{html.escape(title)}</h1>",
    ]
    for section in sections:
        parts.append(f'<section id="{html.escape(section.name)}"><h2>{html.escape(section.title)}</h2>')
        parts += [_html_block(block) for block in section.blocks]
        parts.append("</section>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _html_block(block: PageBlock) -> str:
    if isinstance(block, Text):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Heading):
        return f"<h3>{html.escape(block.text)}</h3>"
    if isinstance(block, Code):
        if block.language == "mermaid":
            return f'<pre class="mermaid">{html.escape(block.text)}</pre>'
        return f"<pre><code>{html.escape(block.text)}</code></pre>"
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in block.headers)
    rows = ("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _rst(title: str, sections: Sequence[Section]) -> str:
    def underlined(text: str, mark: str) -> str:
        escaped = _rst_text(text)
        return f"{escaped}\n{mark * max(3, len(escaped))}"

    parts = [underlined(title, "=")]
    for section in sections:
        parts.append(underlined(section.title, "-"))
        for block in section.blocks:
            if isinstance(block, Text):
                parts.append(_rst_text(block.text))
            elif isinstance(block, Heading):
                parts.append(underlined(block.text, "~"))
            elif isinstance(block, Code):
                # Sphinx shows mermaid only with an extension, so a diagram is its source here.
                language = "text" if block.language == "mermaid" else block.language
                parts.append(f".. code-block:: {language}\n\n" + _indented(block.text))
            else:
                lines = [".. list-table::", "   :header-rows: 1", ""]
                for row in (block.headers, *block.rows):
                    for place, cell in enumerate(row):
                        lines.append(f"   {'* -' if place == 0 else '  -'} {_rst_text(cell)}".rstrip())
                parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _rst_text(text: str) -> str:
    return re.sub(r"([\\`*_|])", r"\\\1", " ".join(text.split()))


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" if line else "" for line in text.split("\n"))


def _txt(title: str, sections: Sequence[Section]) -> str:
    parts = [title.upper()]
    for section in sections:
        parts.append(section.title.upper())
        for block in section.blocks:
            if isinstance(block, Text | Heading):
                parts.append(block.text)
            elif isinstance(block, Code):
                if block.language != "mermaid":
                    parts.append(_indented(block.text))
            else:
                rows = [tuple(" ".join(cell.split()) for cell in row) for row in (block.headers, *block.rows)]
                widths = [max(len(row[place]) for row in rows) for place in range(len(block.headers))]
                lines = (
                    "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                    for row in rows
                )
                parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _json(title: str, sections: Sequence[Section]) -> str:
    page = {"title": title, **{section.name: section.data for section in sections}}
    return json.dumps(page, ensure_ascii=False, indent=2) + "\n"


_WRITERS: dict[str, Callable[[str, Sequence[Section]], str]] = {
    "markdown": _markdown,
    "html": _html,
    "rst": _rst,
    "json": _json,
    "txt": _txt,
}


def mermaid(direction: str, nodes: dict[str, str], edges: Sequence[tuple[str, str, str]]) -> str:
    """Return a flowchart.

    Args:
        direction: TD or LR.
        nodes: label by id.
        edges: (from, to, label).
    """
    short = {node: f"n{place}" for place, node in enumerate(nodes)}
    lines = [f"graph {direction}"]
    lines += [f'    {short[node]}["{_mermaid_text(label)}"]' for node, label in nodes.items()]
    lines += [
        f"    {short[start]} -->|{_mermaid_text(label)}| {short[end]}"
        for start, end, label in edges
        if start in short and end in short
    ]
    return "\n".join(lines)


def _mermaid_text(text: str) -> str:
    """Text in Mermaid's entity codes, so that none of it acts as syntax."""
    flat = " ".join(text.split())[:80]
    return "".join(one if one.isalnum() or one in " .,:-_()/" else f"#{ord(one)};" for one in flat)
