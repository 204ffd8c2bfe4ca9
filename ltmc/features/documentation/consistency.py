"""How far documentation says what the code says: documented symbols, issues, score.

The score is the documented public symbols whose signature matches ÷ all public symbols.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NotRequired, TypedDict

from ltmc.code.docstrings import documented_parameters
from ltmc.code.signatures import MARKERS, Signature, Stated, agree, from_text
from ltmc.code.symbols import Module, Symbol
from ltmc.documents import managed_blocks, markdown
from ltmc.features.measures import level_of, ratio

NO_SYMBOLS = "The file has no public symbols, so there is nothing to document."
PYTHON = ("", "py", "python", "python3", "pycon")
"""The languages of snippets that are read."""

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*", re.ASCII)
_DEFINITION = re.compile(r"^(\s*)(async\s+def|def|class)\s+(\w+)")
_BODY = re.compile(r":[ \t]*+(?:(?:\.\.\.|pass)[ \t]*+|return\b[^\n]*+)?(?:#[^\n]*+)?\n\Z")
_ASIDE = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|#.*")
"""Strings and comments, whose brackets do not count."""

LINES_PER_SIGNATURE, LONGEST_SIGNATURE = 40, 5_000
LONGEST_LINE = 2_000
"""Longer headings and pieces of code state no signatures."""

MANAGED, HEADING, SNIPPET, INLINE = range(4)
"""Where a signature is stated, the most binding first."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A signature stated at a line of a document."""

    stated: Stated
    place: int
    line: int


class Issue(TypedDict):
    """A disagreement between code and documentation; lines count from 1."""

    type: str
    symbol: str
    severity: str
    code_signature: str | None
    doc_signature: str | None
    line: int | None
    doc_line: int | None
    suggestion: str


class ConsistencySummary(TypedDict):
    """The score, 0 to 1, and what it means; `note`: that nothing is public."""

    consistency_score: float
    consistency_level: str
    is_consistent: bool
    note: NotRequired[str]


class Components(TypedDict):
    """Ratios that stand beside the score, 0 to 1; None where there is nothing to count."""

    coverage: float | None
    signature_match: float | None
    docstring_coverage: float | None
    annotation_coverage: float | None


@dataclass(slots=True)
class Consistency:
    """A file of code against its documentation.

    Attributes:
        source: ``file`` or ``docstrings``: where the documentation is.
        documented: the public symbols that are documented.
        matching: those of them whose signature matches.
        stale: what is documented but not in the code, with its mention.
        issues: as results show them.
    """

    source: str
    public: list[Symbol]
    documented: list[str] = field(default_factory=list)
    matching: list[str] = field(default_factory=list)
    stale: dict[str, Mention] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)

    @property
    def score(self) -> float:
        """Matching ÷ public, to 4 places; 1.0 when nothing is public."""
        return round(len(self.matching) / len(self.public), 4) if self.public else 1.0

    @property
    def level(self) -> str:
        """HIGH, MEDIUM or LOW."""
        return level_of(self.score)

    @property
    def is_consistent(self) -> bool:
        """Every public symbol matches and nothing is stale."""
        return len(self.matching) == len(self.public) and not self.stale

    def summary(self) -> ConsistencySummary:
        """Return what every result shows."""
        summary: ConsistencySummary = {
            "consistency_score": self.score,
            "consistency_level": self.level,
            "is_consistent": self.is_consistent,
        }
        if not self.public:
            summary["note"] = NO_SYMBOLS
        return summary


def mentions(text: str, own_block: str) -> list[Mention]:
    """List the signatures that a Markdown text states: in headings, snippets and inline code.

    Args:
        own_block: the name of the managed block of the file in question; those of other files are skipped.
    """
    text = text.replace("\r\n", "\n")
    blocks = managed_blocks.find(text)
    lines = {name: block.lines(text) for name, block in blocks.items()}
    others = [lines[name] for name in blocks if name != own_block and name.startswith("api:")]
    own = lines.get(own_block, range(0))
    found: list[Mention] = []
    heading = ""
    for part in markdown.elements(text):
        if any(part.line in block for block in others):
            continue
        if part.kind == "block":
            if part.language in PYTHON:
                place = MANAGED if part.line in own else SNIPPET
                found += [
                    Mention(stated, place, part.line + offset)
                    for offset, stated in _definitions(part.text.splitlines(), heading)
                ]
        elif len(part.text) > LONGEST_LINE:
            continue
        elif part.kind == "heading":
            title = part.text.replace("`", "").replace("\\", "").strip()
            heading = title if _DOTTED.fullmatch(title) else ""
            if stated := from_text(title):
                heading = stated.name
                found.append(Mention(stated, MANAGED if part.line in own else HEADING, part.line))
        elif stated := from_text(part.text):
            found.append(Mention(stated, INLINE, part.line))
    return found


def _definitions(lines: Sequence[str], heading: str) -> list[tuple[int, Stated]]:
    """Return the definitions in a snippet with the number of their line; a class or the heading qualifies them."""
    found: list[tuple[int, Stated]] = []
    owners: list[tuple[int, str]] = []
    markers: list[str] = []
    marks = {text.removeprefix("@"): marker for marker, text in MARKERS.items()}
    for place, line in enumerate(lines):
        if line.strip().startswith("@"):
            name = line.strip()[1:].partition("(")[0].rpartition(".")[2]
            markers += [marks[name]] if name in marks else []
            continue
        match = _DEFINITION.match(line)
        if match is None:
            continue
        indent, (word, name) = len(match.group(1)), match.group(2, 3)
        while owners and owners[-1][0] >= indent:
            owners.pop()
        qualname = f"{owners[-1][1]}.{name}" if owners else name
        if not owners and heading.rpartition(".")[2] == name:
            qualname = heading
        stated, whole = _signature_at(lines, place)
        if word == "class":
            owners.append((indent, qualname))
            if whole:  # what stands between the brackets of a class statement are its bases
                stated = None
        if stated is not None:
            signature = replace(stated.signature, markers=tuple(dict.fromkeys(markers)))
            if name == "__init__":
                qualname, signature = qualname.rpartition(".")[0], replace(signature, returns=None)
            found.append((place, Stated(qualname, signature, defined=True)))
        markers = []
    return found


def _signature_at(lines: Sequence[str], place: int) -> tuple[Stated | None, bool]:
    """Return the signature that begins at a line, and whether it is a statement with its colon."""
    text, depth = "", 0
    for line in lines[place : place + LINES_PER_SIGNATURE]:
        text += line + "\n"
        if len(text) > LONGEST_SIGNATURE:
            break
        code = _ASIDE.sub("", line)
        depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
        if depth > 0:
            continue
        head = _BODY.sub("", text)
        for candidate in dict.fromkeys((text, head)):
            if stated := from_text(candidate):
                return stated, candidate == head != text or text.rstrip().endswith(":")
        if not code.endswith("\\"):
            break
    return None, False


def compare_with_document(module: Module, text: str, own_block: str) -> Consistency:
    """Compare the code with a Markdown text."""
    result = Consistency("file", module.public())
    by_symbol: dict[str, list[Mention]] = {}
    for mention in mentions(text, own_block):
        by_symbol.setdefault(_full_name(mention.stated.name, module), []).append(mention)
    for symbol in result.public:
        found = by_symbol.get(symbol.qualname, [])
        best = min((mention.place for mention in found), default=None)
        binding = [mention for mention in found if mention.place == best]
        if not binding:
            result.issues.append(
                _issue(
                    "undocumented",
                    symbol,
                    "medium",
                    suggestion=f"Document {symbol.qualname}, or run sync_documentation_with_code.",
                )
            )
            continue
        result.documented.append(symbol.qualname)
        if any(agree(symbol.signature, mention.stated) for mention in binding):
            binding = [one for one in found if one.place != best and _contradicts(one, symbol.signature)]
        if not binding:
            result.matching.append(symbol.qualname)
            continue
        said = binding[0].stated
        result.issues.append(
            _issue(
                "signature_mismatch",
                symbol,
                "high",
                doc_signature=said.signature.text(said.name),
                doc_line=binding[0].line,
                suggestion=f"Write {symbol.shown_signature()}.",
            )
        )
    for name, found in by_symbol.items():
        stating = [mention for mention in found if mention.place != INLINE]
        if name in module.symbols or not stating:
            continue
        result.stale[name] = stating[0]
        said = stating[0].stated
        result.issues.append(
            {
                "type": "stale",
                "symbol": name,
                "severity": "high",
                "code_signature": None,
                "doc_signature": said.signature.text(said.name),
                "line": None,
                "doc_line": stating[0].line,
                "suggestion": f"Remove {name}: the code does not define it.",
            }
        )
    return result


def _contradicts(mention: Mention, code: Signature) -> bool:
    """Return whether a mention says something else than the code; inline code may well be an example of a call."""
    if agree(code, mention.stated):
        return False
    real, told = (
        [(one.name, one.kind, one.default is None) for one in signature.parameters]
        for signature in (code, mention.stated.signature)
    )
    return mention.place != INLINE or real == told


def _full_name(name: str, module: Module) -> str:
    """Return the qualified name that a document means; it may write the module's name before it."""
    while name not in module.symbols and "." in name:
        shorter = name.partition(".")[2]
        if shorter in module.symbols:
            return shorter
        if shorter.partition(".")[0] not in module.symbols:
            break
        name = shorter
    return name


def compare_with_docstrings(module: Module) -> Consistency:
    """Compare the code with its own docstrings.

    A symbol is documented if it has a docstring; that matches if every parameter it documents exists and,
    where it has a section on parameters, none is missing.
    """
    result = Consistency("docstrings", module.public())
    for symbol in result.public:
        if not (symbol.docstring or "").strip():
            result.issues.append(
                _issue("missing_docstring", symbol, "low", suggestion=f"Give {symbol.qualname} a docstring.")
            )
            continue
        result.documented.append(symbol.qualname)
        told = documented_parameters(symbol.docstring or "")
        real = [parameter.name for parameter in symbol.signature.parameters]
        if told is None or set(told) == set(real):
            result.matching.append(symbol.qualname)
            continue
        extra = [name for name in told if name not in real]
        missing = [name for name in real if name not in told]
        words = [f"remove {', '.join(extra)}"] if extra else []
        words += [f"add {', '.join(missing)}"] if missing else []
        result.issues.append(
            _issue(
                "docstring_param_mismatch",
                symbol,
                "low",
                doc_signature=f"{symbol.qualname}({', '.join(told)})",
                doc_line=symbol.line_start,
                suggestion=f"In the docstring of {symbol.qualname}: {'; '.join(words)}.",
            )
        )
    return result


def components(result: Consistency) -> Components:
    """Return the parts that stand beside the score: rates, None where there is nothing to count."""
    public = result.public
    slots = [
        annotation
        for symbol in public
        for annotation in (
            *(parameter.annotation for parameter in symbol.signature.parameters),
            *([] if symbol.kind == "class" else [symbol.signature.returns]),
        )
    ]
    return {
        "coverage": ratio(len(result.documented), len(public)),
        "signature_match": ratio(len(result.matching), len(result.documented)),
        "docstring_coverage": ratio(sum(bool(symbol.docstring) for symbol in public), len(public)),
        "annotation_coverage": ratio(sum(one is not None for one in slots), len(slots)),
    }


def _issue(
    kind: str,
    symbol: Symbol,
    severity: str,
    *,
    suggestion: str,
    doc_signature: str | None = None,
    doc_line: int | None = None,
) -> Issue:
    return {
        "type": kind,
        "symbol": symbol.qualname,
        "severity": severity,
        "code_signature": symbol.shown_signature(),
        "doc_signature": doc_signature,
        "line": symbol.line_start,
        "doc_line": doc_line,
        "suggestion": suggestion,
    }
