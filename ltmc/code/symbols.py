"""The symbols of a Python file, read from its syntax tree without running it."""

import ast
import hashlib
import io
import math
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ltmc.code.signatures import Signature, of_function
from ltmc.code.traits import label_of
from ltmc.errors import ErrorCode, LtmcError

Function = ast.FunctionDef | ast.AsyncFunctionDef
_BRANCHES = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.IfExp,
    ast.Assert,
    ast.match_case,
)
_NESTING = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.Try,
    ast.TryStar,
    ast.With,
    ast.AsyncWith,
    ast.Match,
)


MOST_SYMBOLS, MOST_PARAMETERS = (
    10_000,
    20_000,
)  # of a file; the standard library's largest has 1,000 and 3,000


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function, class or method.

    Attributes:
        qualname: ``name`` or ``Class.name``.
        kind: ``function``, ``class`` or ``method``.
        signature: for a class that of its ``__init__``.
        bases: the base classes as written.
        public: no part of the name begins with an underscore, and ``__all__``, if there is one, lists it.
        body_hash: changes with the code of the body, not with its comments, layout or docstring.
        complexity: the cyclomatic complexity (1 + branches).
        calls: the symbols of this file that the body calls.
    """

    qualname: str
    kind: str
    signature: Signature
    docstring: str | None
    bases: tuple[str, ...]
    public: bool
    line_start: int
    line_end: int
    body_hash: str
    complexity: int = 1
    calls: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the qualified name."""
        return self.qualname.rpartition(".")[2]

    @property
    def docstring_hash(self) -> str | None:
        """Changes with the docstring."""
        return None if self.docstring is None else _sha256(self.docstring)

    def shown_signature(self) -> str:
        """Return the signature under its qualified name, as results show it."""
        return ("async " if self.signature.is_async else "") + self.signature.text(self.qualname)

    def as_json(self) -> dict[str, Any]:
        """Return what a snapshot keeps of it, as JSON."""
        return {
            "qualname": self.qualname,
            "kind": self.kind,
            "signature": self.signature.as_json(),
            "bases": list(self.bases),
            "public": self.public,
            "line_start": self.line_start,
            "body_hash": self.body_hash,
            "docstring_hash": self.docstring_hash,
        }


@dataclass(frozen=True, slots=True)
class SymbolSnapshot:
    """What a snapshot keeps of a symbol; see `Symbol`."""

    qualname: str
    kind: str
    signature: Signature
    bases: tuple[str, ...]
    public: bool
    line_start: int
    body_hash: str
    docstring_hash: str | None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "SymbolSnapshot":
        """Read what `Symbol.as_json` gave."""
        signature = Signature.from_json(value["signature"])
        return cls(**{**value, "signature": signature, "bases": tuple(value["bases"])})


@dataclass(frozen=True, slots=True)
class Module:
    """What a Python file defines.

    Attributes:
        symbols: by qualified name, in the order of the file; of several definitions the last counts.
        imports: the modules that it imports, dotted, each once.
        imported: for each imported name where it comes from, dotted.
        metrics: functions, classes, methods, loc, avg_cyclomatic, max_cyclomatic.
    """

    docstring: str | None
    symbols: dict[str, Symbol]
    imports: tuple[str, ...]
    imported: dict[str, str]
    metrics: dict[str, Any]
    complexity_score: float

    @property
    def complexity(self) -> str:
        """The label of the score."""
        return label_of(self.complexity_score)

    def public(self) -> list[Symbol]:
        """Return the symbols that others may use."""
        return [symbol for symbol in self.symbols.values() if symbol.public]


def decode(data: bytes, path: str) -> str:
    """Return the text of a Python file, in the encoding that it declares.

    Raises:
        LtmcError: UNSUPPORTED when it is no text.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise _unsupported(path, f"its text cannot be decoded ({error})") from None
    if "\x00" in text:
        raise _unsupported(path, "it is a binary file")
    return text


def parse_module(text: str, path: str) -> Module:
    """Return the symbols of a Python text.

    Args:
        path: named in errors.

    Raises:
        LtmcError: PARSE_ERROR with line and column, or UNSUPPORTED for code nested too deeply to read or
            with more than `MOST_SYMBOLS` or `MOST_PARAMETERS`.
    """
    try:
        module = _Reader(ast.parse(text), text).module()
    except SyntaxError as error:
        raise LtmcError(
            ErrorCode.PARSE_ERROR,
            f"{path}: line {error.lineno}, column {error.offset}: {error.msg}.",
            field="file_path",
            details={"path": path, "line": error.lineno, "column": error.offset, "reason": error.msg},
        ) from None
    except (RecursionError, MemoryError):
        raise _unsupported(path, "its code is nested too deeply to be read") from None
    except ValueError as error:
        raise _unsupported(path, str(error)) from None
    symbols = module.symbols.values()
    _require_at_most(MOST_SYMBOLS, len(symbols), "symbols", path)
    parameters = sum(len(symbol.signature.parameters) + len(symbol.bases) for symbol in symbols)
    _require_at_most(MOST_PARAMETERS, parameters, "parameters and base classes", path)
    return module


def _require_at_most(most: int, count: int, what: str, path: str) -> None:
    if count > most:
        raise _unsupported(path, f"it defines {count} {what}; allowed: {most}. Split it into smaller files")


def _unsupported(path: str, why: str) -> LtmcError:
    details = {"path": path, "reason": why}
    return LtmcError(ErrorCode.UNSUPPORTED, f"{path}: {why}.", field="file_path", details=details)


@dataclass(slots=True)
class _Reader:
    tree: ast.Module
    text: str
    symbols: dict[str, Symbol] = field(default_factory=dict)
    bodies: dict[str, list[ast.AST]] = field(default_factory=dict)

    def module(self) -> Module:
        exported = _exported(self.tree)
        self._read(self.tree.body, "", exported=exported, public=True, methods=True)
        for qualname, symbol in self.symbols.items():
            self.symbols[qualname] = replace(symbol, calls=self._calls(qualname))
        functions = [symbol for symbol in self.symbols.values() if symbol.kind != "class"]
        complexities = [symbol.complexity for symbol in functions]
        lines = sum(1 for line in self.text.splitlines() if line.strip())
        imports, imported = _imports(self.tree)
        return Module(
            _docstring(self.tree),
            self.symbols,
            imports,
            imported,
            {
                "functions": sum(symbol.kind == "function" for symbol in functions),
                "classes": len(self.symbols) - len(functions),
                "methods": sum(symbol.kind == "method" for symbol in functions),
                "loc": lines,
                "avg_cyclomatic": round(sum(complexities) / len(complexities), 2) if complexities else None,
                "max_cyclomatic": max(complexities, default=None),
            },
            _score(self.tree, max(complexities, default=1), lines, functions),
        )

    def _read(
        self,
        body: Sequence[ast.stmt],
        prefix: str,
        *,
        exported: frozenset[str] | None,
        public: bool,
        methods: bool,
    ) -> None:
        """Return the definitions of a module or of a class, also those under ``if``, ``try`` or ``with``.

        Args:
            methods: false in a private class: there they are a part of its body.
        """
        for node in _statements(body):
            if isinstance(node, Function) and methods:
                if prefix and node.name == "__init__":
                    continue  # the class's own signature
                if any(_accessor(decorator) for decorator in node.decorator_list):
                    continue  # the property's getter stands for it
                self._add(self._function(node, prefix, self._is_public(node.name, exported, public)))
            elif isinstance(node, ast.ClassDef):
                shown = self._is_public(node.name, exported, public)
                if prefix + node.name in self.symbols:
                    self._forget(prefix + node.name)
                opened = methods and not node.name.startswith("_")
                self._add(self._class(node, prefix, public=shown, methods=opened))
                self._read(node.body, f"{prefix}{node.name}.", exported=None, public=shown, methods=opened)

    def _is_public(self, name: str, exported: frozenset[str] | None, public: bool) -> bool:
        return public and not name.startswith("_") and (exported is None or name in exported)

    def _forget(self, qualname: str) -> None:
        """Forget a class with its methods: a later one of the same name replaces it."""
        for known in [name for name in self.symbols if name.startswith(qualname + ".")]:
            del self.symbols[known], self.bodies[known]

    def _add(self, symbol: Symbol) -> None:
        self.symbols.pop(symbol.qualname, None)
        self.symbols[symbol.qualname] = symbol

    def _function(self, node: Function, prefix: str, public: bool) -> Symbol:
        qualname = prefix + node.name
        body = _without_docstring(node.body)
        self.bodies[qualname] = [node]
        return Symbol(
            qualname,
            "method" if prefix else "function",
            of_function(node, method=bool(prefix)),
            _docstring(node),
            (),
            public,
            node.lineno,
            node.end_lineno or node.lineno,
            _digest([*node.decorator_list, *body]),
            _cyclomatic(node),
        )

    def _class(self, node: ast.ClassDef, prefix: str, *, public: bool, methods: bool) -> Symbol:
        qualname = prefix + node.name
        made = [one for one in _statements(node.body) if isinstance(one, Function) and one.name == "__init__"]
        own: list[ast.AST] = [
            one
            for one in _without_docstring(node.body)
            if not (methods and isinstance(one, Function | ast.ClassDef))
        ]
        signature = Signature()
        if made:
            signature = replace(of_function(made[-1], method=True), returns=None)
            own += _without_docstring(made[-1].body)
        self.bodies[qualname] = own
        return Symbol(
            qualname,
            "class",
            signature,
            _docstring(node) or (_docstring(made[-1]) if made else None),
            tuple(ast.unparse(base) for base in [*node.bases, *node.keywords]),
            public,
            node.lineno,
            node.end_lineno or node.lineno,
            _digest([*node.decorator_list, *own]),
            _cyclomatic(made[-1]) if made else 1,
        )

    def _calls(self, qualname: str) -> tuple[str, ...]:
        """Return the symbols of this file that a body calls by a name that leaves no doubt."""
        owner = qualname.rpartition(".")[0]
        found: dict[str, None] = {}
        for body in self.bodies[qualname]:
            for node in ast.walk(body):
                if not isinstance(node, ast.Call):
                    continue
                target = _dotted(node.func)
                if target is not None and owner and target.startswith(("self.", "cls.")):
                    target = f"{owner}.{target.partition('.')[2]}"
                if target in self.symbols and target != qualname:
                    found[target] = None
        return tuple(found)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Return the statements of a body and of the blocks in it, functions and classes left closed."""
    stack = list(reversed(body))
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, Function | ast.ClassDef):
            continue
        inner: list[ast.stmt] = [*getattr(node, "body", [])] if isinstance(node, ast.stmt) else []
        for handler in getattr(node, "handlers", []):
            inner += handler.body
        for case in getattr(node, "cases", []):
            inner += case.body
        inner += [*getattr(node, "orelse", []), *getattr(node, "finalbody", [])]
        stack += reversed(inner)


def _exported(tree: ast.Module) -> frozenset[str] | None:
    """Return the names in ``__all__``, as far as they are written out; None without it."""
    found: set[str] | None = None
    for node in tree.body:
        value: ast.expr | None = None
        if isinstance(node, ast.Assign) and any(_dotted(target) == "__all__" for target in node.targets):
            value, found = node.value, set()
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and _dotted(node.target) == "__all__":
            value, found = node.value, (found or set()) if isinstance(node, ast.AugAssign) else set()
        if value is not None and found is not None:
            found |= {
                one.value
                for one in ast.walk(value)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
    return None if found is None else frozenset(found)


def _imports(tree: ast.Module) -> tuple[tuple[str, ...], dict[str, str]]:
    modules: dict[str, None] = {}
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.name] = None
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            modules[origin] = None
            for alias in node.names:
                names[alias.asname or alias.name] = (
                    f"{origin}.{alias.name}" if node.module else origin + alias.name
                )
    return tuple(modules), names


def _without_docstring(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return list(body[1:])
    return list(body)


def _docstring(node: ast.Module | ast.ClassDef | Function) -> str | None:
    """Return the docstring as it can be stored: a lone surrogate stays the escape that the code has."""
    text = ast.get_docstring(node)
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def _accessor(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter", "getter")


def _dotted(node: ast.AST) -> str | None:
    """``a.b.c`` for such an expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join(reversed([*parts, node.id]))


def _cyclomatic(node: ast.AST) -> int:
    """1 + the branches (McCabe 1976), boolean operators and comprehension conditions included."""
    count = 1
    for one in ast.walk(node):
        if isinstance(one, _BRANCHES):
            count += 1
        elif isinstance(one, ast.BoolOp):
            count += len(one.values) - 1
        elif isinstance(one, ast.comprehension):
            count += 1 + len(one.ifs)
    return count


def _score(tree: ast.Module, most_branches: int, lines: int, functions: Sequence[Symbol]) -> float:
    """Return the complexity of a file, 0 to 1: branches of the worst function, length, nesting, parameters.

    0.4 ln(1 + branches) / ln 51 + 0.3 ln(1 + lines) / ln 2001 + 0.2 nesting / 8 + 0.1 parameters / 10, each
    fraction capped at 1.
    """
    parameters = max((len(symbol.signature.parameters) for symbol in functions), default=0)
    score = (
        0.4 * min(1, math.log(most_branches) / math.log(51) if most_branches > 1 else 0)
        + 0.3 * min(1, math.log1p(lines) / math.log(2001))
        + 0.2 * min(1, _nesting(tree) / 8)
        + 0.1 * min(1, parameters / 10)
    )
    return round(score, 4)


def _nesting(tree: ast.Module) -> int:
    """How many blocks stand in one another at the deepest place."""
    deepest = 0
    stack: list[tuple[ast.AST, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        depth += isinstance(node, _NESTING)
        deepest = max(deepest, depth)
        stack += [(child, depth) for child in ast.iter_child_nodes(node)]
    return deepest


def _digest(nodes: Sequence[ast.AST]) -> str:
    """Return a hash of syntax trees that is the same in every Python version: empty fields, which newer versions
    add, do not count."""
    digest = hashlib.sha256()
    stack: list[Any] = list(reversed(nodes))
    while stack:
        item = stack.pop()
        if isinstance(item, ast.AST):
            digest.update(f"({type(item).__name__}".encode())
            stack.append(_CLOSE)
            for name, value in reversed(list(ast.iter_fields(item))):
                if name in ("ctx", "kind", "type_comment") or value is None or value == []:
                    continue
                stack += [value, _Token(name)]
        elif isinstance(item, list):
            stack += [_CLOSE, *reversed(item)]
        elif isinstance(item, _Token):
            digest.update(item.encode())
        else:
            text = hex(item) if type(item) is int else repr(item)
            digest.update(f"{type(item).__name__}:{len(text)}:{text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


class _Token(str):
    """Structure, as opposed to a constant of the code."""

    __slots__ = ()


_CLOSE = _Token(")")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
