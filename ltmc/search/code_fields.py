"""The parts of a code attempt that are weighed apart: name, documentation, body."""

import keyword
import re

_NAME = re.compile(r"\b(?:def|class|function|func|fn|sub|interface|struct|trait|enum)\s+([A-Za-z_]\w*)")
_DOC = re.compile(r'("""|\'\'\')(.*?)\1|/\*\*?(.*?)\*/', re.DOTALL)
# Where a docstring's first paragraph ends.
_DETAILS = re.compile(r"\n\s*(?::\w+|@\w+|Args|Parameters|Returns|Raises|>>>|-{3})|\n\s*\n")
_WORD = re.compile(r"[A-Za-z_]\w*|\S")
SYNTAX = frozenset(keyword.kwlist) | {"self", "cls", "this", "function", "const", "let", "var"}


def fields(code: str, prompt: str = "", language: str | None = None) -> dict[str, str]:
    """Fields for ``index.Row``: name, doc, text (the body without keywords), context.

    A prompt that the code does not already hold belongs to the documentation.  The
    language is context, so that its name in a query weighs little among its own code.
    """
    named = _NAME.search(code)
    name = named.group(1) if named else ""
    quoted = _DOC.search(code)
    doc = (quoted.group(2) or quoted.group(3) or "") if quoted else ""
    body = code.replace(quoted.group(0), " ", 1) if quoted else code
    if named:
        body = body.replace(named.group(0), " ", 1)
    body = " ".join(w for w in _WORD.findall(body) if w not in SYNTAX)
    summary, *rest = _DETAILS.split(doc.strip(), maxsplit=1)
    said = prompt if prompt and prompt.strip() not in code else ""
    return {
        "name": name,
        "doc": f"{said} {summary}".strip(),
        "details": " ".join(rest),
        "text": body,
        "context": language or "",
    }
