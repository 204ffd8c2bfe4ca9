"""Parts of a text between marks, such as what somebody calls private, and the text without them."""

import re

PRIVATE = re.compile(
    r"<\s{0,20}+(?P<end>/\s{0,20}+)?private(?:\s(?:[^<>\"']|\"[^\"]{0,500}+\"|'[^']{0,500}+'){0,500}+[^>]{0,1000}+)?>",
    re.IGNORECASE,
)
"""A mark may have blanks and, as one of XML, attributes."""

_TOLD, _TOLD_END = "<hook_context>", "</hook_context>"


def without_told(prompt: str) -> str:
    """Return a prompt without what hooks told before it: Gemini CLI puts that in front of the first of a session."""
    if not prompt.startswith(_TOLD):
        return prompt
    told, mark, rest = prompt.partition(_TOLD_END)
    return rest.lstrip() if mark else told


def without(text: str, marks: re.Pattern[str], instead: str = "") -> str:
    """Return a text without the parts between marks, which may lie in each other, and the rest where an end is missing.

    Args:
        marks: matches what begins such a part, and with the group `end` what ends it.
        instead: stands in the place of each part.
    """
    parts, place, depth = [], 0, 0
    for mark in marks.finditer(text):
        if mark["end"] is None:
            if not depth:
                parts += [text[place : mark.start()], instead]
            depth += 1
        elif depth:
            depth -= 1
            place = mark.end()
    return "".join([*parts, "" if depth else text[place:]]) if parts else text
