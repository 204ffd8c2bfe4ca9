"""What of a text is one piece, whatever signs it holds: code, addresses, quoted text, brackets."""

import re

_WHOLE = re.compile(
    r"(`{1,3})[^`]{1,1000}\1|[a-z][a-z0-9+.-]{1,15}://[!-~]*[^\x00-\x20.,;:!?)\]}>\"'\x7f-\U0010ffff]"
    r'|(?<!\w)"[^"\n]{1,500}"(?!\w)|“[^“”]{1,500}”|„[^„“”]{1,500}[“”]|«[^«»]{1,500}»|»[^«»]{1,500}«'
    r"|「[^「」]{1,500}」|『[^『』]{1,500}』|(?<!\w)(?:'(?:[^'\n]|\b'\b){1,500}'|‘(?:[^‘’\n]|\b’\b){1,500}’)(?!\w)",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"[()\[\]{}（）［］【】]|\n\s*\n")
_CLOSED_BY = dict(zip("([{（［【", ")]}）］】", strict=True))
_MARK = re.compile(r"\d{1,3}|[一二三四五六七八九十]{1,3}|[a-z]|[ivx]{1,5}|[ xX]", re.IGNORECASE)
"""What stands in the brackets of a mark of a step, such as ``(1)`` and ``[x]``."""

_COVER = "_"


def sealed(text: str) -> str:
    """Return a text of the same length whose code, addresses, quoted text and brackets are covered inside.

    A sign that would end a clause or begin a step does neither there.
    """
    text = _WHOLE.sub(lambda found: found[0][0] + _COVER * (len(found[0]) - 2) + found[0][-1], text)
    pieces, done = [], 0
    for begin, end in _brackets(text):
        pieces += [text[done:begin], _COVER * (end - begin)]
        done = end
    return "".join([*pieces, text[done:]])


def _brackets(text: str) -> list[tuple[int, int]]:
    """Return where the insides of brackets that close in their paragraph lie; those of inner ones are in them."""
    spans: list[tuple[int, int]] = []
    opened: list[tuple[str, int]] = []
    for found in _BRACKET.finditer(text):
        if found[0] in _CLOSED_BY:
            opened.append((_CLOSED_BY[found[0]], found.end()))
        elif found[0].isspace():
            opened = []
        elif opened and opened[-1][0] == found[0]:
            begin = opened.pop()[1]
            if not _MARK.fullmatch(text, begin, found.start()):
                while spans and spans[-1][0] > begin:
                    spans.pop()
                spans.append((begin, found.start()))
    return spans
