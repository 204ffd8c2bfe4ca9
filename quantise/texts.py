"""Texts that a model is fitted to, and others that it is judged by: never the same ones."""

import ast
import pydoc_data.topics
import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

CALIBRATION, COMPARISON = 360, 2000


def _modules(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        if not {"site-packages", "tests", "test", "idlelib", "lib2to3"} & set(path.relative_to(folder).parts):
            yield path.read_text(encoding="utf-8", errors="replace")


def _docstrings(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            said := ast.get_docstring(node)
        ):
            yield said


def _kinds(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Return sentences, paragraphs and pieces of code, without repetition."""
    sentences, paragraphs, code = {}, {}, {}
    for text in _modules(folder):
        for said in _docstrings(text):
            if 200 < len(said) < 2500:
                paragraphs[said] = None
            for block in said.split("\n\n"):
                flat = " ".join(block.split())
                for sentence in re.split(r"(?<=[.!?]) (?=[A-Z])", flat):
                    if 15 < len(sentence) < 200 and re.match("[A-Z`'\"]", sentence):
                        sentences[sentence] = None
        lines = text.split("\n")
        for start in range(20, len(lines) - 30, 97):
            code["\n".join(lines[start : start + 5 + start % 25])] = None
    return list(sentences), list(paragraphs), list(code)


def calibration() -> list[str]:
    """Texts of NumPy, whose exact version the extra `quantise` names: the same on every machine."""
    sentences, paragraphs, code = _kinds(Path(np.__file__).parent)
    draw = random.Random(99)
    third = CALIBRATION // 3
    return [text for kind in (sentences, paragraphs, code) for text in draw.sample(kind, third)]


def comparison() -> list[str]:
    """Texts of Python's library and language reference, mostly short, as memories are; some of code."""
    sentences, paragraphs, code = _kinds(Path(sysconfig.get_path("stdlib")))
    prose = []
    for topic in pydoc_data.topics.topics.values():
        flat = [" ".join(block.split()) for block in topic.split("\n\n")]
        prose += [block for block in flat if 80 < len(block) < 700 and re.match("[A-Z]", block)]
    draw = random.Random(7)
    parts = ((sentences, 1100), (prose, 500), (paragraphs, 150), (code, 250))
    return [text for kind, count in parts for text in draw.sample(sorted(set(kind)), count)]
