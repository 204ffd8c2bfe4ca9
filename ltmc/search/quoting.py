"""Sentences that can be quoted, and which of them answer a question."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ltmc.search import index
from ltmc.search.analysis import query_terms, terms
from ltmc.search.vectors import cosine

LONGEST = 600
"""In characters, of a quote; what is longer, code as a rule, is cut."""

WRAPPED = 50
"""A line of so many characters that ends no sentence goes on in the next one."""

_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)")
_HEADING = re.compile(r"#{1,6}\s")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,}|~{3,}|\^{3,}|\*{3,}|\+{3,}|\"{3,}|_{3,})$")
_ITEM = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+")
_MARKUP = re.compile(r"\.\. |:[\w-]+:\s|\[?!\[|<[^>]*>$|\|[-\s|:]+$|\[[^\]]*\]:\s")
"""A line of no sentence: a directive or field of reStructuredText, an image, a tag, a rule of a table, a target."""

_ABBREVIATIONS = (
    "e.g",
    "i.e",
    "z.B",
    "d.h",
    "p.ex",
    "vs",
    "cf",
    "approx",
    "incl",
    "Dr",
    "Mr",
    "Mrs",
    "Ms",
    "Fig",
)
"""A full stop behind these ends no sentence, whatever follows."""

_END = re.compile(
    r"(?:[!?]|\.(?=[)\"'`*”’\s])"
    + "".join(rf"(?<!\b{re.escape(short)}\.)" for short in _ABBREVIATIONS)
    + r")[)\"'`*”’]*+\s++(?![a-z])|[。！？]"
)
_LINK = re.compile(r"\[([^\]\[]*)\]\([^()\[\s]{0,500}\)|https?://\S+")
_ASKS_FOR_CODE = re.compile(
    r"\b(?:code|snippets?|functions?|methods?|class|commands?|regex|examples?|scripts?|sql|syntax|implementations?)\b"
    r"|`",
    re.IGNORECASE,
)


class Sentence(NamedTuple):
    """A sentence, a list item, a row of a table or a block of code; its place in the text, its lines joined."""

    start: int
    end: int
    text: str
    is_code: bool = False


def asks_for_code(query: str) -> bool:
    """Return whether a question wants code for an answer."""
    return bool(_ASKS_FOR_CODE.search(query))


def sentences(text: str, first: int = 0, last: int | None = None) -> list[Sentence]:
    """Return what can be quoted of a text, or of its part from `first` to `last`; no headings, no markup."""
    last = len(text) if last is None else last
    found: list[Sentence] = []
    for start, end, is_code in _blocks(text):
        if end <= first or start >= last:
            continue
        if is_code:
            found.append(Sentence(start, end, text[start:end].strip("\n"), is_code=True))
            continue
        cuts = [match.end() for match in _END.finditer(text, start, end)]
        for begin, stop in zip([start, *cuts], [*cuts, end], strict=True):
            sentence = " ".join(_without_mark(text[begin:stop].strip()).split())
            plain = _LINK.sub(r"\1", sentence)
            if stop > first and begin < last and sum(letter.isalnum() for letter in plain) > 1:
                found.append(Sentence(begin, stop, plain))
    return found


def _without_mark(item: str) -> str:
    mark = _ITEM.match(item)
    return item[mark.end() :] if mark else item


@dataclass(slots=True)
class _Lines:
    """The block that is being read."""

    start: int
    end: int
    is_code: bool
    lines: int = 1


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, is code) of paragraphs, list items, rows of tables and blocks of code."""
    block: _Lines | None = None
    fenced = blank = False
    previous = ""
    position = 0
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        bare = line.strip()
        kind = _kind(line, bare, fenced=fenced, after=block, blank=blank)
        if kind == "fence":
            fenced = not fenced
        if kind == "underline" and block is not None and block.lines == 1:
            block = None  # a heading
        goes_on = block is not None and (
            (kind == "code" and block.is_code)
            or (kind == "text" and not block.is_code and not blank and _is_wrapped(previous, bare))
        )
        if goes_on and block is not None:
            block.end, block.lines = position, block.lines + 1
        elif kind != "blank" or (block is not None and not block.is_code):
            if block is not None:
                yield block.start, block.end, block.is_code
            new = kind in ("code", "text", "item", "row")
            block = _Lines(start, position, kind == "code") if new else None
        blank, previous = kind == "blank", bare
    if block is not None:
        yield block.start, block.end, block.is_code


def _kind(line: str, bare: str, *, fenced: bool, after: _Lines | None, blank: bool) -> str:
    """Return what a line is, by the block before it."""
    if _FENCE.match(line):
        return "fence"
    if fenced:
        return "code"
    if not bare:
        return "blank"
    indented = line.startswith(("    ", "\t"))
    if indented and ((after is not None and after.is_code) or (blank and not _ITEM.match(bare))):
        return "code"
    if _UNDERLINE.match(bare):
        return "underline"
    if _HEADING.match(bare) or _MARKUP.match(bare):
        return "markup"
    if bare.startswith("|"):
        return "row"
    return "item" if _ITEM.match(bare) else "text"


def _is_wrapped(previous: str, line: str) -> bool:
    return not previous.startswith("|") and (len(previous) >= WRAPPED or line[:1].islower())


class Candidate(NamedTuple):
    """A sentence that may answer.

    Attributes:
        place: of its source among the sources.
        weight: how well the source fits the question, 0 to 1.
    """

    place: int
    text: str
    weight: float


class Quote(NamedTuple):
    """A sentence with what it scores."""

    place: int
    text: str
    score: float


EMBEDDED = 48
"""So many sentences are compared by their meaning, the best by words and source."""

WORDS, SOURCE = 0.2, 0.6
"""What the share of the question's words in a sentence, and the score of its source, count beside its cosine."""

SURE, FLOOR, NEAR = 0.81, 0.52, 0.8
"""A best sentence below the first is not sure, below the second no answer; others need a share of it. Development
notes: 129 of 300 questions with an answer are sure, and 112 of these quote the right note; of 20 without, 4."""


def best(query: str, candidates: Sequence[Candidate], limit: int, *, by_meaning: bool) -> list[Quote]:
    """Return the sentences that answer best; none where even the best is below the floor."""
    wanted = set(query_terms(query))
    rated: dict[str, tuple[float, float, Candidate]] = {}
    for candidate in candidates:
        if candidate.text.endswith(("?", "？")):
            continue  # what asks does not answer
        words = len(wanted.intersection(terms(candidate.text))) / max(1, len(wanted))
        value = WORDS * words + SOURCE * candidate.weight
        known = rated.get(candidate.text)
        if known is None or known[0] < value:
            rated[candidate.text] = value, words, candidate
    first = sorted(rated.values(), key=lambda one: -one[0])[:EMBEDDED]
    nearness = [words for _, words, _ in first]
    if by_meaning:
        asked = index.query_vector(query)
        vectors = index.model().embed([candidate.text for _, _, candidate in first])
        nearness = [cosine(asked, vector) for vector in vectors]
    quotes = [
        Quote(candidate.place, candidate.text[:LONGEST], value + near)
        for (value, _, candidate), near in zip(first, nearness, strict=True)
    ]
    quotes.sort(key=lambda quote: -quote.score)
    least = max(FLOOR, NEAR * quotes[0].score) if quotes else 0.0
    return [quote for quote in quotes[:limit] if quote.score >= least]
