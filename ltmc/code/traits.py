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
    "python": r"^\s*(?:async )?def \w+\(.*\).*:|^\s*(?:from [\w.]+ )?import [\w., *]+$|^\s*class \w+.*:\s*$",
    "rust": r"\bfn \w+.*\{|\blet mut\b|\bimpl\b.*\{|^use \w+::",
    "go": r"^package \w+|^func (?:\(\w+ \*?\w+\) )?\w+\(|:= ",
    "typescript": r"^\s*(?:export )?interface \w+|: (?:string|number|boolean)\b[;,)=]",
    "javascript": r"\bfunction\s*\w*\(|\b(?:const|let|var) \w+ =|=> \{|\brequire\(",
    "java": r"\b(?:public|private|protected) (?:static )?(?:final )?[\w<>\[\]]+ \w+\(.*\{|\bSystem\.out\.",
    "c": r"^#include\s*[<\"]|\b(?:int|void|char)\s+\**\w+\([^)]*\)\s*\{",
    "sql": r"(?i)^\s*(?:select\b.+\bfrom\b|insert into\b|create (?:table|index)\b|update \w+ set\b)",
    "bash": r"^#!.*\b(?:ba)?sh\b|^\s*(?:if \[\[? |fi$|done$|echo )",
    "html": r"(?i)^\s*<(?:!doctype|html|div|head|body)\b",
}
_SIGN_PATTERNS = {language: re.compile(pattern, re.MULTILINE) for language, pattern in _SIGNS.items()}

LABELS = ("TRIVIAL", "SIMPLE", "MODERATE", "COMPLEX", "CRITICAL")
_BRANCH = re.compile(r"\b(?:if|elif|for|while|case|catch|except|match|switch|when)\b|&&|\|\||\?[^.:]*:")


def language_of(file_name: str | None, text: str) -> str | None:
    """Return the language by the file's extension, else by signs in the text; None where nothing tells."""
    if file_name:
        extension = PurePosixPath(file_name).suffix.lstrip(".").lower()
        if extension in _BY_EXTENSION:
            return _BY_EXTENSION[extension]
    counts = {language: len(pattern.findall(text)) for language, pattern in _SIGN_PATTERNS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else None


def first_function(text: str) -> str | None:
    """Return the name of the first function that a Python text defines, else None."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return min(functions, key=lambda node: node.lineno).name if functions else None


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
