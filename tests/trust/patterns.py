"""Every regular expression of the program, and long texts made out of each one's own parts."""

import ast
import importlib
import pkgutil
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import ltmc
from ltmc.distribution.check import is_wanted

ANCHORED = {"match", "fullmatch"}
METHODS = {"search", "sub", "subn", "split", "findall", "finditer", *ANCHORED}
NOT_IMPORTED = ("ltmc.distribution.pyinstaller.hook", "ltmc.__main__", "ltmc.tools.__main__")
PAIRED_BY_CHANCE = 30
TERMINATORS = ("", "\0", "\n", "!", " x", '"')


@dataclass(slots=True)
class Found:
    """A pattern, where it stands, and the methods that the program calls on it."""

    where: str
    pattern: re.Pattern[Any]
    methods: set[str] = field(default_factory=set)

    def runs(self) -> Iterator[Callable[[Any], object]]:
        methods = self.methods or {"finditer"}
        for name in sorted(methods & ANCHORED):
            yield getattr(self.pattern, name)
        if methods - ANCHORED:
            yield lambda text: [None for _ in self.pattern.finditer(text)]


def collect() -> tuple[list[Found], list[str]]:
    """Return every pattern, and the places where one is made from what is known only at run time."""
    found: dict[tuple[Any, int], Found] = {}
    used: dict[str, set[str]] = {}
    trees = {name: ast.parse(path.read_text()) for name, path in _modules()}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS and not _is_re(node):
                for name in {one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)}:
                    used.setdefault(name, set()).add(node.attr)

    def add(where: str, pattern: re.Pattern[Any], methods: set[str]) -> None:
        one = found.setdefault((pattern.pattern, pattern.flags), Found(where, pattern))
        one.methods |= methods

    dynamic: list[str] = []
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_re(node.func)
            ):
                continue
            where = f"{module}:{node.lineno}"
            try:
                text = ast.literal_eval(node.args[0])
                flags = (
                    eval(ast.unparse(node.args[1]), {"re": re})
                    if node.func.attr == "compile" and node.args[1:]
                    else 0
                )
                pattern = re.compile(text, flags)
            except (ValueError, NameError):
                dynamic.append(where)
                continue
            if node.func.attr != "compile":
                add(where, pattern, {node.func.attr})
    for module in trees:
        if module.startswith(NOT_IMPORTED) or not is_wanted(module):
            continue
        space = vars(importlib.import_module(module))
        own = [(name, value) for name, value in space.items() if not name.startswith("__")]
        for kind in [v for _, v in own if isinstance(v, type) and v.__module__ == module]:
            own += list(vars(kind).items())
        for name, value in own:
            for pattern in _patterns_in(value):
                add(
                    f"{module}.{name}",
                    pattern,
                    used.get(name, set()) if isinstance(value, re.Pattern) else set(),
                )
    return list(found.values()), dynamic


def _modules() -> Iterator[tuple[str, Path]]:
    top = Path(ltmc.__path__[0])
    for info in pkgutil.walk_packages([str(top)], "ltmc."):
        path = top.joinpath(*info.name.split(".")[1:])
        source = path / "__init__.py" if info.ispkg else path.with_suffix(".py")
        if source.exists():  # the kernel's library looks like a module
            yield info.name, source


def _is_re(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "re" and node.attr in {*METHODS, "compile"}


def _patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _patterns_in(one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _patterns_in(one)
    elif type(value).__module__.startswith("ltmc."):
        late = [name for name, one in vars(type(value)).items() if isinstance(one, cached_property)]
        early = [one.name for one in fields(value)] if is_dataclass(value) else []
        yield from _patterns_in([getattr(value, name) for name in (*early, *late)])


def texts(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], Any]]:
    """Yield makers of texts of a length, from the pattern's prefixes, literals and classes.

    Each repeat stands behind what comes before it in the pattern; others are paired by chance, and so are the ends.
    """
    binary = isinstance(pattern.pattern, bytes)
    source = pattern.pattern.decode("latin-1") if binary else pattern.pattern
    pairs: dict[tuple[str, str], None] = {}
    _sample(_parser.parse(source, pattern.flags & ~re.UNICODE if binary else pattern.flags), "", pairs)
    atoms = list(dict.fromkeys([*(atom for _, atom in pairs), "a", " ", "\n", "1"]))
    pairs |= dict.fromkeys(("", atom) for atom in atoms)
    chance = random.Random(source)
    prefixes = list(dict.fromkeys(prefix for prefix, _ in pairs))
    pairs |= {(chance.choice(prefixes), chance.choice(atoms)): None for _ in range(PAIRED_BY_CHANCE)}
    for prefix, atom in pairs:
        for head, unit in dict.fromkeys([(prefix, atom), ("", prefix + atom), ("", atom + prefix)]):
            for end in chance.sample(TERMINATORS, 2):
                yield _maker(pattern, head, unit, end)


def _maker(pattern: re.Pattern[Any], head: str, unit: str, end: str) -> Callable[[int], Any]:
    def make(size: int) -> Any:
        text = head + unit * max(1, (size - len(head) - len(end)) // len(unit)) + end
        return text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")

    make.__name__ = f"{head!r} + {unit!r} * n + {end!r}"
    return make


def _sample(tree: Any, before: str, pairs: dict[tuple[str, str], None]) -> str:
    """Return a short text that a part matches; note its own parts with what stands before them."""
    text = ""
    for code, value in tree:
        piece, head = "", before + text
        if code is op.LITERAL:
            piece = chr(value)
        elif code is op.NOT_LITERAL:
            piece = "a" if value != ord("a") else "b"
        elif code is op.ANY:
            piece = "a"
        elif code is op.IN:
            several = _of_class(value)
            pairs |= dict.fromkeys((head, one) for one in several)
            piece = several[0]
        elif code is op.BRANCH:
            piece, *_ = [_sample(one, head, pairs) for one in value[1]]
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, _, body = value
            inner = _sample(body, head, pairs)
            pairs[head, inner or " "] = None
            piece = inner * max(least, 1)
        elif code is op.SUBPATTERN:
            piece = _sample(value[3], head, pairs)
        elif code is op.ATOMIC_GROUP:
            piece = _sample(value, head, pairs)
        elif code in (op.ASSERT, op.ASSERT_NOT):
            _sample(value[1], head, pairs)
        text += piece
    if len(text) < 200:
        pairs[before, text or " "] = None
    return text


_CATEGORIES = {
    op.CATEGORY_DIGIT: "1",
    op.CATEGORY_NOT_DIGIT: "a",
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_SPACE: "a",
    op.CATEGORY_WORD: "a",
    op.CATEGORY_NOT_WORD: "-",
}


def _of_class(items: Any) -> list[str]:
    """Return characters of a class: one of each of its items, the first of it if it is negated."""
    negated = items[0][0] is op.NEGATE
    found: list[str] = []
    for code, value in items:
        if code is op.LITERAL:
            found.append(chr(value))
        elif code is op.RANGE:
            found += [chr(value[0])]
        elif code is op.CATEGORY:
            found.append(_CATEGORIES[value])
    if not negated:
        return found[:6]
    own = "[" + "".join(re.escape(one) for one in found) + "]"
    categories = {value for code, value in items if code is op.CATEGORY}
    fitting = [one for one in "a1 -\n_.é中" if not re.match(own, one)]
    if op.CATEGORY_SPACE in categories:
        fitting = [one for one in fitting if not one.isspace()]
    if op.CATEGORY_NOT_WORD in categories:
        fitting = [one for one in fitting if one.isalnum() or one == "_"]
    if op.CATEGORY_WORD in categories:
        fitting = [one for one in fitting if not one.isalnum()]
    return fitting[:3] or ["a"]
