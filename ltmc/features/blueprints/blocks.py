"""The Markdown of a description in sections and blocks: headings, lists, tables of tasks, and prose."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ltmc.features.blueprints.clauses import is_action, tells
from ltmc.features.blueprints.html_lists import as_markdown_lists
from ltmc.features.blueprints.lexicon import terms, words_of
from ltmc.features.blueprints.marks import as_markdown

LISTS = ("list", "table")
"""The kinds of blocks that have items."""

_BOLD = re.compile(r"(\*\*|__)(?=\S)[^*_\n]{1,200}\1[:：]?")
BOLD_LEVEL = 7
"""The level of a bold line that heads what stands below it, under those of Markdown's own headings."""

_CELL = re.compile(r"(?<!\\)\|")


@dataclass(slots=True)
class Block:
    """A block of Markdown: ``heading``, ``list``, ``table`` of tasks, ``prose`` or ``other``.

    Attributes:
        items: of a list its items, of a table its rows.
        titles: of a table what its rows name, each at the place of its row.
        head: of a table the lines before its rows.
    """

    kind: str
    text: str
    level: int = 0
    items: list[str] = field(default_factory=list)
    ordered: bool = False
    start: int = 1
    titles: list[str] = field(default_factory=list)
    head: str = ""


@dataclass(slots=True)
class Section:
    """A heading, none for what stands before the first, and the blocks under it."""

    heading: str = ""
    level: int = 0
    blocks: list[Block] = field(default_factory=list)
    goals: bool = False

    @property
    def is_context(self) -> bool:
        """Whether it tells about the task rather than what to do."""
        return self.goals or (bool(self.heading) and tells(self.heading))


def read_sections(text: str) -> list[Section]:
    """Return the sections of a Markdown text; each of its lines lies in exactly one block or heading."""
    found = [Section()]
    for block in _blocks(as_markdown_lists(text)):
        if block.kind == "heading" and not (
            block.level == BOLD_LEVEL and found[-1].is_context and found[-1].level < BOLD_LEVEL
        ):
            found.append(Section(block.text, block.level))
        else:
            found[-1].blocks.append(block)
    return found


def goals_apart(sections: Iterable[Section]) -> list[Section]:
    """Return the sections with what tells goals, risks and the like as sections of their own.

    That stands under a heading or behind "Goals:"; risks and the like are no actions.
    """
    found: list[Section] = []
    above = 0
    for section in sections:
        if not above or section.level <= above:
            above = section.level if _is_aside(section.heading, section.blocks) else 0
        found.append(replace(section, blocks=[], goals=above > 0))
        for place, block in enumerate(section.blocks):
            following = section.blocks[place + 1 : place + 2]
            leads = block.kind == "prose" and any(one.kind in LISTS for one in following)
            listed = found[-1].goals and not found[-1].heading and block.kind in LISTS
            if leads and _is_aside(block.text, following):
                found.append(Section(goals=True))
            elif found[-1].goals and not found[-1].heading and not listed:
                found.append(Section())
            found[-1].blocks.append(block)
    return found


def _is_aside(lead: str, told: Iterable[Block]) -> bool:
    name = "-".join(words_of(lead))
    if name not in terms("asides"):
        return name in terms("goals")
    acts = [is_action(item.lstrip("-*+0123456789.) ")) for one in told for item in one.items]
    return 2 * sum(acts) < len(acts)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _blocks(text: str) -> list[Block]:
    """Return the blocks of a Markdown text; each of its lines lies in exactly one."""
    lines = text.splitlines()
    text = "\n".join(lines)
    tokens = _parser().parse(as_markdown(text))
    lines = text.split("\n")
    found: list[Block] = []
    done = 0
    for place, token in enumerate(tokens):
        if token.level or token.map is None or token.nesting < 0:
            continue
        begin, end = token.map
        _rest(lines[done:begin], found)
        part = "\n".join(lines[begin:end]).strip("\n")
        done = end
        if token.type == "heading_open":
            found.append(Block("heading", part, int(token.tag[1:])))
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            starts = [*_item_starts(tokens[place + 1 :]), end]
            items = ["\n".join(lines[one:two]).rstrip() for one, two in pairwise(starts)]
            ordered = token.type == "ordered_list_open"
            start = int(token.attrs.get("start", 1)) if ordered else 1
            found.append(Block("list", part, 0, items, ordered, start))
        elif token.type == "table_open":
            found.append(_table(part.split("\n")))
        elif token.type == "paragraph_open":
            found.append(
                Block("heading", part, BOLD_LEVEL) if _BOLD.fullmatch(part) else Block("prose", part)
            )
        else:
            found.append(Block("other", part))
    _rest(lines[done:], found)
    return found


def _table(lines: Sequence[str]) -> Block:
    """Return a table; it names tasks where one of its columns says what to do in at least half of its rows."""
    head, rows = "\n".join(lines[:2]), list(lines[2:])
    cells = [[cell.strip() for cell in _CELL.split(row.strip().strip("|"))] for row in rows]
    columns = [
        [one[place] if place < len(one) else "" for one in cells]
        for place in range(len(_CELL.split(lines[0])))
    ]
    titles = max(columns, key=lambda column: sum(map(is_action, column)))
    if len(rows) < 2 or sum(map(is_action, titles)) * 2 < len(rows):
        return Block("other", "\n".join(lines))
    numbered = any(column == [str(number) for number in range(1, len(rows) + 1)] for column in columns)
    return Block("table", "\n".join(lines), 0, rows, numbered, titles=titles, head=head)


def _rest(lines: Sequence[str], found: list[Block]) -> None:
    """Keep lines that are in no block, such as the targets of links."""
    if text := "\n".join(lines).strip():
        found.append(Block("other", text))


def _item_starts(tokens: Sequence[Token]) -> Iterator[int]:
    for token in tokens:
        if token.level == 0:
            return
        if token.type == "list_item_open" and token.level == 1 and token.map:
            yield token.map[0]
