"""The marks of steps: bullets, and numbers of any script, letters and Roman numerals, on lines and inside them."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ltmc.features.blueprints.clauses import is_action
from ltmc.features.blueprints.lexicon import numbers
from ltmc.features.blueprints.sealed import sealed

_MARKDOWN = r"(?![0-9]{1,9}[.)](?:\s|$))"
_LINE = re.compile(
    rf"^([ \t]{{0,12}}){_MARKDOWN}(?:([•◦▪‣・·–—])|[(（](\d{{1,3}})[)）]|(\d{{1,3}})[.)、．）](?!\d)"
    r"|[(（]?([a-z]|[ivx]{1,5})[.)）](?=\s)|(?=(\[[ x]\])\s))[ \t]*(?=\S)",
    re.MULTILINE | re.IGNORECASE,
)
"""A mark that is none in Markdown: ``•``, ``(1)``, ``1、``, ``1.读``, ``a)``, ``ii.``, ``[ ]``."""

_ITEM = re.compile(
    r"\s{0,12}(?:[-*+•◦▪‣・·–—]|[(（]?(?:\d{1,9}|[a-z]{1,5})[.)、．）])(?:\s+|$)?", re.IGNORECASE
)
_NUMERAL = "[一二三四五六七八九十]{1,3}"
_SIGN = "[①-⑳⑴-⒛❶-❿➀-➓Ⅰ-Ⅻ]|\\d\\ufe0f?\\u20e3"
_WORD = r"[^\W\d_]{2,10}"
_STEP = (
    "step|task|schritt|aufgabe|étape|tâche|paso|tarea|passo|stap|krok|шаг|задача"
    "|步骤|任务|手順|ステップ|タスク|단계"
)
_STAGE = "phase|stage|fase|этап|阶段|フェーズ"
_BEHIND = r"(?:\s?[.:)\]：]|\s[-–—](?=\s))"
_INLINE = re.compile(
    r"(?:(?<=[\s,;:，、；：。.])|^)(?:[(（]?(?P<number>\d{1,2})(?:[)）、]|[.．](?=\s|[^\x00-\x7f]))"
    rf"|\*{{0,2}}[(\[]?(?:{_STEP})\s?(?P<step>\d{{1,2}}|{_NUMERAL})(?:{_BEHIND}\*{{0,2}})?"
    rf"|\*{{0,2}}[(\[]?(?:{_STEP}|{_STAGE})\s?(?P<worded>\d{{1,2}}|{_NUMERAL}|{_WORD}){_BEHIND}\*{{0,2}}"
    rf"|(?P<ordinal>{_WORD})\s(?:{_STEP}|{_STAGE})\s?[:：]"
    rf"|(?:(?<=[.;!?]\s)|(?<=\n)|(?<![\s\S]))(?P<word>{_WORD})\s?[:：](?=\s)"
    rf"|第(?P<nth>{_NUMERAL}|\d{{1,2}})步[:：，]?|(?P<numeral>{_NUMERAL})[、．.]"
    r"|[(（]?(?P<letter>[a-z]|[ivx]{1,5})[)）](?=\s))\s*"
    rf"|(?:[(（](?P<inside>{_NUMERAL})[)）]|(?P<sign>{_SIGN})[.、．]?)\s*",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?:(?<=[\s:：])|^)(?:[•◦▪‣・·]|[-–—*+](?=\s)|(?=\[[ xX]\]\s))\s*")
_NUMBERED_ITEM = re.compile(r"( *)\d{1,9}[.)] +(?=\S)")
_NESTED_ITEM = re.compile(r"( *)(?:[-*+]|\d{1,9}[.)]) ")
_DASHES = "-–—*+"
_ROMAN = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx".split()


def as_markdown(text: str) -> str:
    """Return a text with the marks and indents of its lists as Markdown has them; each line stays where it is."""
    lettered = [found for found in _LINE.finditer(text) if found[5]]
    by_place: dict[int, int | None] = {}
    for indent in {found[1] for found in lettered}:
        beside = [found for found in lettered if found[1] == indent]
        counted = _counted([found[5] for found in beside])
        by_place |= {found.start(): number for found, number in zip(beside, counted, strict=True)}

    def mark(found: re.Match[str]) -> str:
        digits = found[3] or found[4]
        number = int(digits) if digits else by_place.get(found.start())
        plain = "- " if found[2] or found[6] else f"{number}. " if number else found[0][len(found[1]) :]
        return found[1] + plain

    return "\n".join(_indented(list(_worded(_LINE.sub(mark, text).split("\n")))))


def _worded(lines: Sequence[str]) -> Iterator[str]:
    """Return lines that begin with marks such as "Step one:" as numbered items, as headings if each has a list."""
    marks = {place: mark for place, line in enumerate(lines) if (mark := _mark_of_line(line))}
    found = {place: _number(mark) for place, mark in marks.items()}
    counted = {
        place
        for one, two in pairwise(found)
        if (found[one] or 99) + 1 == found[two] and marks[one].lastgroup == marks[two].lastgroup
        for place in (one, two)
    }
    led = {place for place in counted if _NESTED_ITEM.match("".join(lines[place + 1 : place + 2]))}
    for place, line in enumerate(lines):
        if place not in counted or (led and led != counted):
            yield line
        else:
            begin, end = marks[place].span()
            yield (
                f"{line[:begin]}###### {line[begin:]}"
                if led
                else f"{line[:begin]}{found[place]}. {line[end:]}"
            )


def _mark_of_line(line: str) -> re.Match[str] | None:
    """Return the mark that a line begins with, if it is none that `_LINE` or Markdown knows."""
    found = _INLINE.match(line, len(line) - len(line.lstrip(" ")))
    return found if found and found.lastgroup not in ("number", "letter") else None


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
    if worded := _mark_of_line(item):
        return item[: worded.end()]
    return found[0] if (found := _ITEM.match(item)) else ""


def number_of(line: str) -> int:
    """Return the number of the mark in words, or in signs of another script, that a line begins with; 0 if none."""
    return _number(found) or 0 if (found := _mark_of_line(line)) else 0


def inline_marks(text: str) -> list[tuple[int, int]]:
    """Return where marks of a kind that count up from 1, or from the beginning of the text, stand inside it."""
    found = list(_INLINE.finditer(sealed(text)))
    for kind in dict.fromkeys(one.lastgroup for one in found):
        marks = [one for one in found if one.lastgroup == kind]
        values = _counted([one["letter"] for one in marks]) if kind == "letter" else list(map(_number, marks))
        cuts: list[tuple[int, int]] = []
        wanted: int | None = None
        for mark, number in zip(marks, values, strict=True):
            begins = wanted is None and (number in (0, 1) or not text[: mark.start()].strip())
            if number is not None and (number == wanted or begins):
                cuts.append(mark.span())
                wanted = number + 1
        if len(cuts) >= 2:
            return cuts
    return []


def inline_bullets(text: str) -> list[tuple[int, int]]:
    """Return where bullets of a kind stand inside a text.

    What else is a dash, or an asterisk, is one where all leads to it, or where each piece says what to do.
    """
    found = list(_BULLET.finditer(sealed(text)))
    for kind in dict.fromkeys(one[0][:1] for one in found):
        cuts = [one.span() for one in found if one[0][:1] == kind]
        lead = text[: cuts[0][0]].rstrip()
        if len(cuts) < 2:
            continue
        if kind not in _DASHES or not lead or lead.endswith((":", "：")):
            return cuts
        ends = [begin for begin, _ in cuts[1:]] + [len(text)]
        pieces = [lead, *(text[begin:end] for (_, begin), end in zip(cuts, ends, strict=True))]
        if kind != "+" and all(map(is_action, pieces)):
            return cuts
    return []


def _number(found: re.Match[str]) -> int | None:
    """Return the number of a mark; None where it is a word that is no number."""
    name = (found[found.lastgroup] if found.lastgroup else "").lower().rstrip("\ufe0f\u20e3")
    if name.isdecimal():
        return int(name)
    values = [int(unicodedata.numeric(char, 0)) for char in name]
    if not all(values):
        return numbers().get(name)
    if len(values) == 1:
        return values[0]
    before, ten, behind = name.partition("十")
    return 10 * (values[0] if before else 1) + (values[-1] if behind else 0) if ten else None


def _counted(names: Sequence[str]) -> list[int | None]:
    """Return the number of each letter or Roman numeral that counts up with its neighbour; None for the others."""
    found: list[int | None] = [None] * len(names)
    for place, (one, two) in enumerate(pairwise(names)):
        for value in (_letter, _roman):
            first, second = value(one), value(two)
            begins = first == 1 or place == 0 or found[place] == first
            if first and second == first + 1 and begins:
                found[place : place + 2] = [first, second]
                break
    return found


def _letter(name: str) -> int:
    return ord(name.lower()) - ord("a") + 1 if len(name) == 1 else 0


def _roman(name: str) -> int:
    return _ROMAN.index(name.lower()) + 1 if name.lower() in _ROMAN else 0
