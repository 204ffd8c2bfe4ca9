"""Which parameters a docstring documents: in the Google, NumPy and Sphinx styles."""

import inspect
import re

LINE_LENGTH = 500
"""What is looked at of a line."""

_GOOGLE = re.compile(
    r"^(?:Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters):[ \t]*$", re.M
)
_NUMPY = re.compile(r"^(?:Other )?Parameters[ \t]*\n-{3,}[ \t]*$", re.M)
_SPHINX = re.compile(
    r"^[ \t]*:(?:param|parameter|arg|argument|key|keyword)\b([^:\n]{0,200}?)(\*{0,2}\w{1,200})[ \t]*:", re.M
)
_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?:\([^)]*\))?\s*(?::|$)")


def documented_parameters(docstring: str) -> list[str] | None:
    """The names in the sections on parameters, without stars; None when there is no such section."""
    text = inspect.cleandoc(docstring)
    found: list[str] = []
    sections = False
    for match in _GOOGLE.finditer(text):
        sections = True
        found += _entries(_indented(text[match.end() + 1 :]))
    for match in _NUMPY.finditer(text):
        sections = True
        found += _entries(_until_underlined(text[match.end() + 1 :]))
    for match in _SPHINX.finditer(text):
        sections = True
        found.append(match.group(2))
    return [name.lstrip("*") for name in dict.fromkeys(found)] if sections else None


def _indented(text: str) -> list[str]:
    """The lines of an indented section, without the indentation of its entries."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() and not line.startswith((" ", "\t")):
            break
        lines.append(line)
    filled = [line for line in lines if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    return [line[indent:] for line in filled]


def _until_underlined(text: str) -> list[str]:
    lines = text.splitlines()
    for place in range(1, len(lines)):
        if re.fullmatch(r"-{3,}[ \t]*", lines[place]):
            return lines[: place - 1]
    return lines


def _entries(lines: list[str]) -> list[str]:
    names: list[str] = []
    for line in lines:
        if line and not line[0].isspace() and (match := _ENTRY.match(line[:LINE_LENGTH])):
            names += [name.strip() for name in match.group(1).split(",")]
    return names
