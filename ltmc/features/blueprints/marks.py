"""The marks of steps: bullets, and numbers of any script, letters and Roman numerals, on lines and inside them."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

_MARKDOWN = r"(?![0-9]{1,9}[.)](?:\s|$))"
_LINE = re.compile(
    rf"^([ \t]{{0,12}}){_MARKDOWN}(?:([•◦▪‣・·–—])|[(（](\d{{1,3}})[)）]|(\d{{1,3}})[.)、．）](?!\d)"
    r"|[(（]?([a-z]|[ivx]{1,5})[.)）](?=\s))[ \t]*(?=\S)",
    re.MULTILINE | re.IGNORECASE,
)
"""A mark that is none in Markdown: ``•``, ``(1)``, ``1、``, ``1.读``, ``a)``, ``ii.``."""

_ITEM = re.compile(
    r"\s{0,12}(?:[-*+•◦▪‣・·–—]|[(（]?(?:\d{1,9}|[a-z]{1,5})[.)、．）])(?:\s+|$)?", re.IGNORECASE
)
_INLINE = re.compile(
    r"(?:(?<=[\s,;:，、；：。.])|^)"
    r"(?:[(（]?(\d{1,2})(?:[)）、]|[.．](?=\s|[^\x00-\x7f]))"
    r"|(?:step|task|schritt|aufgabe|étape|tâche|paso|tarea|шаг|задача|步骤|任务|ステップ|手順|タスク|단계)"
    r"\s?(\d{1,2})(?:\s?[.:)：]|\s[-–—](?=\s))?"
    r"|第([一二三四五六七八九十])步[:：，]?|([①-⑳])|[(（]?([a-z]|[ivx]{1,5})[)）](?=\s))\s*",
    re.IGNORECASE,
)
_NUMBERED_ITEM = re.compile(r"( *)\d{1,9}[.)] +(?=\S)")
_NESTED_ITEM = re.compile(r"( *)(?:[-*+]|\d{1,9}[.)]) ")
_NUMERALS = "一二三四五六七八九十"
_ROMAN = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split()


def as_markdown(text: str) -> str:
    """Return a text with the marks and indents of its lists as Markdown has them; each line stays where it is."""
    lettered = [found for found in _LINE.finditer(text) if found[5]]
    numbers: dict[int, int | None] = {}
    for indent in {found[1] for found in lettered}:
        beside = [found for found in lettered if found[1] == indent]
        counted = _counted([found[5] for found in beside])
        numbers |= {found.start(): number for found, number in zip(beside, counted, strict=True)}

    def mark(found: re.Match[str]) -> str:
        digits = found[3] or found[4]
        number = int(digits) if digits else numbers.get(found.start())
        plain = "- " if found[2] else f"{number}. " if number else found[0][len(found[1]) :]
        return found[1] + plain

    return "\n".join(_indented(_LINE.sub(mark, text).split("\n")))


def _indented(lines: Sequence[str]) -> Iterator[str]:
    """Return lines with lists inside numbered items as far in as Markdown asks for; many write two blanks."""
    outer, width, shift = 0, 0, 0
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if line.strip() and (indent <= outer or not width):
            item = _NUMBERED_ITEM.match(line)
            outer, width, shift = indent, item.end() if item else 0, 0
        elif width and not shift and _NESTED_ITEM.match(line):
            shift = max(0, width - indent)
        yield " " * shift + line if indent > outer else line


def item_mark(item: str) -> str:
    """Return the mark that a list item begins with, and the blanks around it."""
    found = _ITEM.match(item)
    return found[0] if found else ""


def inline_marks(text: str) -> list[tuple[int, int]]:
    """Return where marks that count up from 1, or from the beginning of the text, stand inside it."""
    found = list(_INLINE.finditer(text))
    letters = [one for one in found if one[5]]
    for marks, numbers in (
        ([one for one in found if not one[5]], [_number(one) for one in found if not one[5]]),
        (letters, _counted([one[5] for one in letters])),
    ):
        cuts: list[tuple[int, int]] = []
        wanted: int | None = None
        for mark, number in zip(marks, numbers, strict=True):
            begins = wanted is None and (number in (0, 1) or not text[: mark.start()].strip())
            if number is not None and (number == wanted or begins):
                cuts.append(mark.span())
                wanted = number + 1
        if len(cuts) >= 2:
            return cuts
    return []


def _number(found: re.Match[str]) -> int:
    if digits := found[1] or found[2]:
        return int(digits)
    return _NUMERALS.index(found[3]) + 1 if found[3] else ord(found[4]) - ord("①") + 1


def _counted(names: Sequence[str]) -> list[int | None]:
    """Return the number of each letter or Roman numeral that counts up with its neighbour; None for the others."""
    numbers: list[int | None] = [None] * len(names)
    for place, (one, two) in enumerate(pairwise(names)):
        for value in (_letter, _roman):
            first, second = value(one), value(two)
            begins = first == 1 or place == 0 or numbers[place] == first
            if first and second == first + 1 and begins:
                numbers[place : place + 2] = [first, second]
                break
    return numbers


def _letter(name: str) -> int:
    return ord(name.lower()) - ord("a") + 1 if len(name) == 1 else 0


def _roman(name: str) -> int:
    return _ROMAN.index(name.lower()) + 1 if name.lower() in _ROMAN else 0
