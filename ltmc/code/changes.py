"""What changed in a file since its baseline, symbol by symbol."""

from collections.abc import Sequence
from typing import Any

from ltmc.code.signatures import Signature
from ltmc.code.symbols import Module

ADDED, REMOVED = "added", "removed"
SIGNATURE, BODY, DOCSTRING = "signature_changed", "body_changed", "docstring_changed"


def differences(before: Sequence[dict[str, Any]], module: Module) -> list[dict[str, Any]]:
    """The changed symbols; one that changed in several ways has a row for each.

    Args:
        before: the symbols of a snapshot (`Symbol.as_json`).
    """
    old = {one["qualname"]: one for one in before}
    found: list[dict[str, Any]] = []

    def changed(symbol: str, change: str, line: int | None, *, public: bool) -> None:
        found.append(
            {
                "symbol": symbol,
                "change": change,
                "line": line,
                "requires_doc_update": public and change != BODY,
            }
        )

    for name, symbol in module.symbols.items():
        known = old.get(name)
        if known is None:
            changed(name, ADDED, symbol.line_start, public=symbol.public)
            continue
        public = symbol.public or known["public"]
        shape = (known["kind"], Signature.from_json(known["signature"]), tuple(known["bases"]))
        if shape != (symbol.kind, symbol.signature, symbol.bases) or known["public"] != symbol.public:
            changed(name, SIGNATURE, symbol.line_start, public=public)
        if known["body_hash"] != symbol.body_hash:
            changed(name, BODY, symbol.line_start, public=public)
        if known["docstring_hash"] != symbol.docstring_hash:
            changed(name, DOCSTRING, symbol.line_start, public=public)
    for name, known in old.items():
        if name not in module.symbols:
            changed(name, REMOVED, None, public=known["public"])
    return found
