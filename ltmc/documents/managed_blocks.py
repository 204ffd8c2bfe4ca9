"""Blocks of a Markdown file that LTMC writes, between markers of its own. All other text is a person's.

A marker is a line of its own: ``<!-- ltmc:begin NAME -->`` and ``<!-- ltmc:end NAME -->``.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

from ltmc.errors import ErrorCode, LtmcError

_MARKER = re.compile(r"^<!-- ltmc:(begin|end) (\S+) -->[ \t]*\r?$", re.MULTILINE)
_LOOKS_LIKE_MARKER = re.compile(r"<!--(?=\s*ltmc:)")


@dataclass(frozen=True, slots=True)
class ManagedBlock:
    """A block in a text.

    Attributes:
        start: where its begin marker begins.
        end: where its end marker ends.
        content: the lines between the markers, with plain line ends.
    """

    name: str
    start: int
    end: int
    content: str

    def lines(self, text: str) -> range:
        """Return the numbers of its lines in `text`, markers included, from 1."""
        first = text.count("\n", 0, self.start) + 1
        return range(first, first + text.count("\n", self.start, self.end) + 1)


def block_name(kind: str, reference: str) -> str:
    """Return the name of the block of a kind for a file or a section."""
    return f"{kind}:{quote(reference, safe='/._')}"


def find(text: str) -> dict[str, ManagedBlock]:
    """Return the blocks of a text by name.

    Raises:
        LtmcError: CONFLICT for a marker without its partner, or a name that occurs twice: there nobody can
            tell whose the text is.
    """
    found: dict[str, ManagedBlock] = {}
    opened: re.Match[str] | None = None
    for match in _MARKER.finditer(text):
        side, name = match.groups()
        if side == "begin":
            if opened is not None or name in found:
                raise _broken(text, match, "opens a block inside of another" if opened else "occurs twice")
            opened = match
            continue
        if opened is None or opened.group(2) != name:
            raise _broken(text, match, "has no begin before it")
        content = text[min(opened.end() + 1, match.start()) : match.start()].replace("\r\n", "\n")
        found[name] = ManagedBlock(name, opened.start(), match.end(), content)
        opened = None
    if opened is not None:
        raise _broken(text, opened, "has no end after it")
    return found


def put(text: str, name: str, content: str) -> str:
    """Return the text with the block's content replaced, or with the block added at the end.

    Everything outside of the block stays as it is, byte for byte; the block takes the line ends of the text.
    """
    known = find(text).get(name)
    first = text.find("\n")
    newline = "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
    safe = _LOOKS_LIKE_MARKER.sub("&lt;!--", content).replace("\r\n", "\n").strip("\n")
    block = newline.join([f"<!-- ltmc:begin {name} -->", *safe.split("\n"), f"<!-- ltmc:end {name} -->"])
    if known is not None:
        ending = "\r" if text[: known.end].endswith("\r") else ""
        return text[: known.start] + block + ending + text[known.end :]
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return text + gap + block + newline


def _broken(text: str, match: re.Match[str], why: str) -> LtmcError:
    line = text.count("\n", 0, match.start()) + 1
    return LtmcError(
        ErrorCode.CONFLICT,
        f"doc_path: line {line}: the marker {match.group().strip()} {why}; repair it by hand, so that no text "
        "of yours is lost.",
        field="doc_path",
        details={"line": line, "marker": match.group().strip()},
    )
