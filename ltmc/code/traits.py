"""What can be told of a piece of code without running it: its language, its first function, how complex."""

import ast
import math
import re
from pathlib import PurePosixPath

EXTENSIONS = {
    "bash": ("sh", "bash"),
    "c": ("c", "h"),
    "cpp": ("cc", "cpp", "cxx", "hpp"),
    "csharp": ("cs",),
    "css": ("css", "scss"),
    "go": ("go",),
    "html": ("html", "htm"),
    "java": ("java",),
    "javascript": ("js", "mjs", "cjs", "jsx"),
    "kotlin": ("kt", "kts"),
    "php": ("php",),
    "python": ("py", "pyi"),
    "ruby": ("rb",),
    "rust": ("rs",),
    "sql": ("sql",),
    "swift": ("swift",),
    "typescript": ("ts", "tsx"),
}
_BY_EXTENSION = {extension: language for language, names in EXTENSIONS.items() for extension in names}

_SIGNS = {
    "python": (
        r"^[ \t]*(?:async )?def \w+\([^)\n]*\)[^:\n]*:"
        r"|^[ \t]*(?:from [\w.]+ )?import [\w., *]+$|^[ \t]*class \w.*:[ \t]*$"
    ),
    "rust": r"\bfn \w+[(<]|\blet mut\b|^[ \t]*(?:unsafe )?impl\b.*\{|^use \w+::",
    "go": r"^package \w+|^func (?:\(\w+ \*?\w+\) )?\w+\(|:= ",
    "typescript": r"^[ \t]*(?:export )?interface \w+|: (?:string|number|boolean)\b[;,)=]",
    "javascript": r"\bfunction\s*\w*\(|\b(?:const|let|var) \w+ =|=> \{|\brequire\(",
    "java": r"\b(?:public|private|protected) (?:static )?(?:final )?[\w<>\[\]]+ \w+\(|\bSystem\.out\.",
    "c": r"^#include\s*[<\"]|\b(?:int|void|char)\s+\**\w+\([^()]*\)\s*\{",
    "sql": r"(?i)^[ \t]*(?:select\b.+\bfrom\b|insert into\b|create (?:table|index)\b|update \w+ set\b)",
    "bash": r"^#!.*\b(?:ba)?sh\b|^[ \t]*(?:if \[\[? |fi$|done$|echo )",
    "html": r"(?i)^[ \t]*<(?:!doctype|html|div|head|body)\b",
}
_SIGN_PATTERNS = {language: re.compile(pattern, re.MULTILINE) for language, pattern in _SIGNS.items()}

LABELS = ("TRIVIAL", "SIMPLE", "MODERATE", "COMPLEX", "CRITICAL")
_BRANCH = re.compile(r"\b(?:if|elif|for|while|case|catch|except|match|switch|when)\b|&&|\|\||\?[^?.:]*:")


def language_of(file_name: str | None, text: str) -> str | None:
    """Return the language by the file's extension, else by signs in the text; None where nothing tells."""
    if file_name:
        extension = PurePosixPath(file_name).suffix.lstrip(".").lower()
        if extension in _BY_EXTENSION:
            return _BY_EXTENSION[extension]
    counts = {language: len(pattern.findall(text)) for language, pattern in _SIGN_PATTERNS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else None


def first_function(text: str, path: str = "") -> str | None:  # noqa: ARG001 - see `ltmc.code.apart.parse`
    """Return the name of the first function that a Python text defines, else None.

    For a method such as ``__init__`` it is that of its class.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not functions:
        return None
    first = min(functions, key=lambda node: node.lineno)
    if not (first.name.startswith("__") and first.name.endswith("__")):
        return first.name
    owners = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and first in node.body)
    return next(owners, first).name


def complexity_of(text: str) -> str:
    """One of `LABELS` from the branches and the length of a piece of code.

    The score is the mean of ln(1 + branches) / ln 51 and ln(1 + lines) / ln 501, each capped at 1, cut
    into the five bands of the task complexity labels (0.2, 0.4, 0.6, 0.8).
    """
    lines = sum(1 for line in text.splitlines() if line.strip())
    branches = len(_BRANCH.findall(text))
    score = (min(1, math.log1p(branches) / math.log(51)) + min(1, math.log1p(lines) / math.log(501))) / 2
    return label_of(score)


def label_of(score: float) -> str:
    """Return the label of a complexity score, 0 to 1."""
    return LABELS[sum(score > bound for bound in (0.2, 0.4, 0.6, 0.8))]
