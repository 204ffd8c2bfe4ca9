"""The fields of a code attempt, which weigh differently: name, documentation, body, context."""

import keyword
import re

_NAME = re.compile(r"\b(?:def|class|function|func|fn|sub|interface|struct|trait|enum)\s+([A-Za-z_]\w*)")
_DOC = re.compile(r'("""|\'\'\')(.*?)\1|/\*\*?(.*?)\*/', re.DOTALL)
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
    quoted = _DOC.search(code)
    doc = (quoted.group(2) or quoted.group(3) or "") if quoted else ""
    body = code.replace(quoted.group(0), " ", 1) if quoted else code
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
