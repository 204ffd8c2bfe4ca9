"""The symbols of a blueprint compared with those of the code."""

from collections.abc import Mapping, Sequence

from ltmc.code import changes
from ltmc.code.signatures import Signature
from ltmc.code.symbols import Module
from ltmc.features.code_structure.results import Inconsistency, Modified, Renamed
from ltmc.features.code_structure.symbols import KnownSymbol

_SEVERITY = {
    "missing_in_code": "high",
    changes.KIND: "high",
    changes.SIGNATURE: "high",
    changes.ASYNC: "high",
    changes.BASES: "medium",
    "missing_in_blueprint": "medium",
    changes.DOCSTRING_REMOVED: "low",
}
"""The differences that make a blueprint inconsistent, and how severe they are."""


def compare(before: Mapping[str, KnownSymbol], module: Module) -> tuple[float, list[Inconsistency]]:
    """Return the identical symbols ÷ the union of both sides, to 4 places, and every difference."""
    found: list[Inconsistency] = []
    identical = 0

    def differs(kind: str, name: str, line: int | None, expected: str | None, actual: str | None) -> None:
        found.append(
            {
                "type": kind,
                "element": name,
                "severity": _SEVERITY[kind],
                "line": line,
                "expected": expected,
                "actual": actual,
            }
        )

    for name, known in before.items():
        symbol = module.symbols.get(name)
        if symbol is None:
            differs("missing_in_code", name, None, known.shown_signature(), None)
            continue
        kinds = [kind for kind in changes.differences(known, symbol) if kind in _SEVERITY]
        identical += not kinds
        for kind in kinds:
            expected: str | None = known.shown_signature()
            actual: str | None = symbol.shown_signature()
            if kind == changes.KIND:
                expected, actual = known.kind, symbol.kind
            elif kind == changes.BASES:
                expected, actual = ", ".join(known.bases), ", ".join(symbol.bases)
            elif kind == changes.DOCSTRING_REMOVED:
                expected, actual = "a docstring", None
            differs(kind, name, symbol.line_start, expected, actual)
    for name, symbol in module.symbols.items():
        if name not in before:
            differs("missing_in_blueprint", name, symbol.line_start, None, symbol.shown_signature())
    union = len(before.keys() | module.symbols.keys())
    return (round(identical / union, 4) if union else 1.0), found


def modified(before: Mapping[str, KnownSymbol], module: Module) -> list[Modified]:
    """List the symbols on both sides that changed in any way, bodies and docstrings included."""
    return [
        {
            "symbol": name,
            "before": before[name].shown_signature(),
            "after": symbol.shown_signature(),
            "changes": kinds,
        }
        for name, symbol in module.symbols.items()
        if name in before
        and (
            kinds := [
                kind for kind in changes.differences(before[name], symbol) if kind != changes.VISIBILITY
            ]
        )
    ]


def renamed(
    before: Mapping[str, KnownSymbol], module: Module, removed: Sequence[str], added: Sequence[str]
) -> list[Renamed]:
    """List the symbols that have another name but the same kind, signature and body."""
    free: dict[tuple[str, str, Signature], list[str]] = {}
    for name in added:
        symbol = module.symbols[name]
        free.setdefault((symbol.kind, symbol.body_hash, symbol.signature), []).append(name)
    found: list[Renamed] = []
    for name in removed:
        known = before[name]
        names = free.get((known.kind, known.body_hash, known.signature))
        if names:
            found.append({"from": name, "to": names.pop(0)})
    return found
