"""Which parameters a docstring documents: in the Google, NumPy and Sphinx styles."""

import inspect
import re

import docstring_parser
from docstring_parser import DocstringParam, DocstringStyle, ParseError

LONGEST_DOCSTRING = 100_000
"""In characters; what comes after is not looked at."""

_SECTION = re.compile(
    r"^(?:(?:Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters):[ \t]*$"
    r"|(?:Other )?Parameters[ \t]*\n-{3,}[ \t]*$)",
    re.MULTILINE,
)


def documented_parameters(docstring: str) -> list[str] | None:
    """Return the names in the sections on parameters, without stars; None when there is no such section."""
    found: list[str] = []
    for style in (DocstringStyle.GOOGLE, DocstringStyle.NUMPYDOC, DocstringStyle.REST):
        try:
            parsed = docstring_parser.parse(docstring[:LONGEST_DOCSTRING], style)
        except ParseError:
            continue
        found += [name for parameter in parsed.params for name in _names(parameter)]
    if not found and not _SECTION.search(inspect.cleandoc(docstring)):
        return None
    return list(dict.fromkeys(found))


def _names(parameter: DocstringParam) -> list[str]:
    """Return the names of an entry, which may have several; none for attributes."""
    if parameter.args and parameter.args[0] == "attribute":
        return []
    return [name.strip().lstrip("*\\") for name in parameter.arg_name.split(",")]
