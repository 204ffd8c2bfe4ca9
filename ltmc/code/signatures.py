"""Signatures of Python callables: from source, from documentation, to text, and whether two agree."""

import ast
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

PARAMETER_KINDS = ("positional_only", "positional", "var_positional", "keyword_only", "var_keyword")
_MARKS = {
    "property": "property",
    "cached_property": "property",
    "staticmethod": "static",
    "classmethod": "class",
}
MARKERS = {"property": "@property", "static": "@staticmethod", "class": "@classmethod"}
"""What a signature says of its decorators, and how that is written."""

RECEIVERS = ("self", "cls", "_self", "_cls", "_receiver_")
"""Names that documentation may give to what a bound call fills in."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter.

    Attributes:
        kind: one of `PARAMETER_KINDS`.
        default: the default's source text, normalised; None without one.
        annotation: the annotation's source text, normalised; None without one.
    """

    name: str
    kind: str
    default: str | None = None
    annotation: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A normalised signature: without the ``self`` or ``cls`` that the call itself gives.

    Attributes:
        markers: which of ``property``, ``static`` and ``class`` its decorators say, in order.
    """

    parameters: tuple[Parameter, ...] = ()
    returns: str | None = None
    is_async: bool = False
    markers: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For storage."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Signature":
        """From what `as_json` gave."""
        return cls(
            tuple(Parameter(**parameter) for parameter in value["parameters"]),
            value["returns"],
            value["is_async"],
            tuple(value["markers"]),
        )

    def text(self, name: str) -> str:
        """Return the call as it is written in a definition, without decorators."""
        returns = f" -> {self.returns}" if self.returns else ""
        return f"{name}({self._parameters()}){returns}"

    def snippet(self, name: str, kind: str) -> str:
        """Return the whole definition's head, with decorators, as documentation shows it."""
        lines = [MARKERS[marker] for marker in self.markers]
        if kind == "class":
            return "\n".join([*lines, f"class {self.text(name)}"])
        first = []
        if kind == "method" and "static" not in self.markers:
            taken = {parameter.name for parameter in self.parameters}
            usual = ("cls", "self") if "class" in self.markers else ("self", "cls")
            first = [
                Parameter(next(name for name in (*usual, *RECEIVERS) if name not in taken), "positional")
            ]
        if first and any(parameter.kind == "positional_only" for parameter in self.parameters):
            first = [replace(first[0], kind="positional_only")]
        shown = replace(self, parameters=(*first, *self.parameters))
        return "\n".join([*lines, f"{'async ' if self.is_async else ''}def {shown.text(name)}"])

    def _parameters(self) -> str:
        parts: list[str] = []
        starred = False
        for position, parameter in enumerate(self.parameters):
            if parameter.kind == "keyword_only" and not starred:
                parts.append("*")
                starred = True
            starred = starred or parameter.kind == "var_positional"
            prefix = {"var_positional": "*", "var_keyword": "**"}.get(parameter.kind, "")
            annotation = f": {parameter.annotation}" if parameter.annotation else ""
            equals = " = " if annotation else "="
            default = "" if parameter.default is None else f"{equals}{parameter.default}"
            parts.append(f"{prefix}{parameter.name}{annotation}{default}")
            following = self.parameters[position + 1 : position + 2]
            if parameter.kind == "positional_only" and not (
                following and following[0].kind == "positional_only"
            ):
                parts.append("/")
        return ", ".join(parts)


def of_function(node: ast.FunctionDef | ast.AsyncFunctionDef, *, method: bool) -> Signature:
    """Return the signature of a definition.

    Args:
        method: it stands in a class, so that its first parameter is given by the call.
    """
    markers = tuple(
        dict.fromkeys(_MARKS[name] for name in map(decorator_name, node.decorator_list) if name in _MARKS)
    )
    parameters = _parameters(node.args)
    if method and "static" not in markers:
        parameters = without_receiver(parameters)
    returns = ast.unparse(node.returns) if node.returns else None
    return Signature(parameters, returns, isinstance(node, ast.AsyncFunctionDef), markers)


def without_receiver(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Without the first parameter, if it is one that a bound call fills."""
    if parameters and parameters[0].kind in ("positional_only", "positional"):
        return parameters[1:]
    return parameters


def decorator_name(node: ast.expr) -> str:
    """Return the last part of a decorator's name, without its call."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _parameters(arguments: ast.arguments) -> tuple[Parameter, ...]:
    def one(argument: ast.arg, kind: str, default: ast.expr | None = None) -> Parameter:
        return Parameter(
            argument.arg,
            kind,
            ast.unparse(default) if default is not None else None,
            ast.unparse(argument.annotation) if argument.annotation else None,
        )

    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults += arguments.defaults
    found = [
        one(argument, "positional_only" if place < len(arguments.posonlyargs) else "positional", default)
        for place, (argument, default) in enumerate(zip(positional, defaults, strict=True))
    ]
    if arguments.vararg:
        found.append(one(arguments.vararg, "var_positional"))
    found += [
        one(argument, "keyword_only", default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        found.append(one(arguments.kwarg, "var_keyword"))
    return tuple(found)


_CALL = re.compile(
    r"(?P<prefix>(?:async\s+)?(?:def|class)\s+)?(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*\(", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Stated:
    """A signature that a text states.

    Attributes:
        defined: the text is a definition (``def``, ``class``), which tells all that there is to tell.
    """

    name: str
    signature: Signature
    defined: bool = False


def from_text(text: str) -> Stated | None:
    """Return what a text of the shape of a call states; None when it has another shape.

    ``name(a, b=1)``, ``Class.name(a) -> int``, ``async def name(a)`` and ``class Name(a)`` have it.
    """
    text = text.strip().removesuffix(":")
    match = _CALL.match(text)
    if match is None:
        return None
    prefix = match.group("prefix") or ""
    source = f"{'async ' if prefix.startswith('async') else ''}def _({text[match.end() :]}: ..."
    try:
        body = ast.parse(source).body
        node = body[0]
        if len(body) != 1 or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        if len(node.body) != 1 or not isinstance(node.body[0], ast.Expr):
            return None
        return Stated(match.group("name"), of_function(node, method=False), bool(prefix))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def agree(code: Signature, stated: Stated) -> bool:
    """Whether documentation states the signature of the code.

    Names, order, kinds and defaults must match; annotations count only where the documentation gives them,
    decorators and ``async`` only where it gives a whole definition. A leading ``self`` or ``cls`` in the
    documentation is left out, as in the code.
    """
    documented = stated.signature
    said = documented.parameters
    first = code.parameters[0].name if code.parameters else None
    if said and said[0].name in RECEIVERS and said[0].name != first:
        said = said[1:]
    if stated.defined and (documented.markers, documented.is_async) != (code.markers, code.is_async):
        return False
    if documented.returns not in (None, code.returns):
        return False
    return len(said) == len(code.parameters) and all(
        (told.name, told.kind, told.default) == (real.name, real.kind, real.default)
        and told.annotation in (None, real.annotation)
        for told, real in zip(said, code.parameters, strict=True)
    )
