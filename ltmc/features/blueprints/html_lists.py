"""Lists that are written in HTML, as trackers and mail programs write them, as lists in Markdown."""

import re

from ltmc.features.blueprints.sealed import sealed

_TAG = re.compile(r"<(/?)(ul|ol|li)(?: [^<>]{0,200})?>", re.IGNORECASE)
_BEGINS = re.compile(r"(?:(?<=[\n:：>])|\A)[ \t]*<(?:ul|ol)(?: [^<>]{0,200})?>\s*<li\b", re.IGNORECASE)
"""Where a list begins: on a line of its own, or behind a colon or another tag; elsewhere it is talked about."""


def as_markdown_lists(text: str) -> str:
    """Return a text with its HTML lists as Markdown; all but their tags and the blanks around these stays."""
    covered = sealed(text)
    begin = _BEGINS.search(covered)
    if begin is None or not re.search(r"</(?:ul|ol)>", covered[begin.end() :], re.IGNORECASE):
        return text
    pieces, done = [text[: begin.start()].rstrip()], begin.start()
    lists: list[int | None] = []
    """Of each list around: the number of its last item; None if it has none."""
    for tag in _TAG.finditer(covered, begin.start()):
        pieces.append(_inside(text[done : tag.start()], within=bool(lists)))
        done = tag.end()
        closes, name = tag[1], tag[2].lower()
        if name == "li" and lists and not closes:
            number = lists[-1] = None if lists[-1] is None else lists[-1] + 1
            pieces.append("\n" + "   " * (len(lists) - 1) + ("- " if number is None else f"{number}. "))
        elif name != "li" and closes:
            lists = lists[:-1]
            pieces.append("" if lists else "\n\n")
        elif name != "li":
            pieces.append("" if lists else "\n\n")
            lists.append(0 if name == "ol" else None)
    pieces.append(text[done:])
    return "".join(pieces)


def _inside(text: str, *, within: bool) -> str:
    """Return what stands between two tags; in a list it is of one line, as in HTML."""
    return " ".join(text.split()) if within else text
