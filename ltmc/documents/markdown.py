"""Reading Markdown: its headings, code blocks and inline code, each with its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

_WORD = re.compile(r"[\w+-]+")


@dataclass(frozen=True, slots=True)
class MarkdownElement:
    """A heading, a code block or a piece of inline code.

    Attributes:
        text: of a heading as written, without its marks; of a block its lines.
        language: the first word behind the fence of a block, in lower case; else "".
        line: where it begins, the content of a block where that begins; from 1.
    """

    kind: Literal["heading", "block", "inline"]
    text: str
    language: str
    line: int


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def elements(text: str) -> Iterator[MarkdownElement]:
    """Yield the parts of a Markdown text that may state a signature, in their order."""
    heading = False
    for token in _parser().parse(text):
        line = token.map[0] + 1 if token.map else 1
        if token.type == "fence":
            language = _WORD.match(token.info.strip())
            yield MarkdownElement("block", token.content, language[0].lower() if language else "", line + 1)
        elif token.type == "heading_open":
            heading = True
        elif token.type == "inline" and heading:
            yield MarkdownElement("heading", token.content, "", line)
            heading = False
        elif token.type == "inline":
            yield from _inline_code(token, line)


def _inline_code(token: Token, line: int) -> Iterator[MarkdownElement]:
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        elif child.type == "code_inline":
            yield MarkdownElement("inline", child.content, "", line)
