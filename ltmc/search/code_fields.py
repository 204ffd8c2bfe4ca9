"""The fields of a code attempt, which weigh differently: name, documentation, body, context."""

import keyword
import re

_NAME = re.compile(r"\b(?:def|class|function|func|fn|sub|interface|struct|trait|enum)\s+([A-Za-z_]\w*)")
_QUOTES = (('"""', '"""'), ("'''", "'''"), ("/*", "*/"))
"""Between what documentation stands."""

_DETAILS = re.compile(r"\n\s*(?::\w+|@\w+|Args|Parameters|Returns|Raises|>>>|-{3})|\n\s*\n")
"""Where a docstring's first paragraph ends."""

_WORD = re.compile(r"[A-Za-z_]\w*|\S")
SYNTAX = frozenset(keyword.kwlist) | {"self", "cls", "this", "function", "const", "let", "var"}
"""Words of the syntax of programming languages, left out of the body."""


def fields(code: str, prompt: str = "", language: str | None = None) -> dict[str, str]:
    """Cut code into the fields that `ltmc.search.profiles.CODE` weighs.

    Returns:
        ``name``, ``doc`` (the docstring's summary and the prompt, unless the code holds it), ``details`` (the
        rest of the docstring), ``text`` (the body without keywords), and the language as ``context``, so that
        its name in a query weighs little among its own code.
    """
    named = _NAME.search(code)
    name = named.group(1) if named else ""
    start, end, doc = _documentation(code)
    body = f"{code[:start]} {code[end:]}" if end else code
    if named:
        body = body.replace(named.group(0), " ", 1)
    body = " ".join(word for word in _WORD.findall(body) if word not in SYNTAX)
    summary, *rest = _DETAILS.split(doc.strip(), maxsplit=1)
    asked = prompt if prompt and prompt.strip() not in code else ""
    return {
        "name": name,
        "doc": f"{asked} {summary}".strip(),
        "details": " ".join(rest),
        "text": body,
        "context": language or "",
    }


def _documentation(code: str) -> tuple[int, int, str]:
    """Return where the first documentation begins and ends, and its text; zeros where there is none."""
    found: list[tuple[int, int, str]] = []
    for opening, closing in _QUOTES:
        start = code.find(opening)
        end = code.find(closing, start + len(opening)) if start >= 0 else -1
        if end >= 0:
            text = code[start + len(opening) : end]
            found.append((start, end + len(closing), text.removeprefix("*") if opening == "/*" else text))
    return min(found, default=(0, 0, ""))
