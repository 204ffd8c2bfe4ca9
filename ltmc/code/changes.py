"""What changed in the symbols of a file: the one comparison of a symbol as it was with one as it is."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypedDict

from ltmc.code.signatures import Signature
from ltmc.code.symbols import Module, Symbol, SymbolSnapshot

KIND, SIGNATURE, ASYNC, BASES = "kind_changed", "signature_changed", "async_changed", "bases_changed"
VISIBILITY, DOCSTRING_REMOVED = "visibility_changed", "docstring_removed"
DOCSTRING, BODY = "docstring_changed", "body_changed"
ADDED, REMOVED = "added", "removed"


class SymbolState(Protocol):
    """What is compared of a symbol, wherever it was kept."""

    @property
    def kind(self) -> str: ...
    @property
    def signature(self) -> Signature: ...
    @property
    def bases(self) -> Sequence[str]: ...
    @property
    def public(self) -> bool: ...
    @property
    def docstring_hash(self) -> str | None: ...
    @property
    def body_hash(self) -> str: ...


class SymbolChange(TypedDict):
    """A change of a symbol as results show it; `line`: None for one that is gone."""

    symbol: str
    change: str
    line: int | None
    requires_doc_update: bool


def differences(before: SymbolState, after: SymbolState) -> tuple[str, ...]:
    """Name in which ways a symbol changed, in the order of the constants above.

    A signature is compared where the kind is the same; `ASYNC` says that nothing else of it differs.
    """
    old, new = before.signature, after.signature
    same_but_async = (old.parameters, old.returns, old.markers) == (new.parameters, new.returns, new.markers)
    same_kind = before.kind == after.kind
    removed = before.docstring_hash is not None and after.docstring_hash is None
    found = {
        KIND: not same_kind,
        SIGNATURE: same_kind and not same_but_async,
        ASYNC: same_kind and same_but_async and old != new,
        BASES: tuple(before.bases) != tuple(after.bases),
        VISIBILITY: before.public != after.public,
        DOCSTRING_REMOVED: removed,
        DOCSTRING: not removed and before.docstring_hash != after.docstring_hash,
        BODY: before.body_hash != after.body_hash,
    }
    return tuple(name for name, differs in found.items() if differs)


def changes_since(baseline: Sequence[SymbolSnapshot], module: Module) -> list[SymbolChange]:
    """List the symbols that changed since a baseline; one that changed in several ways has an entry for each.

    Everything that callers see of a symbol counts as its signature here.
    """
    known = {symbol.qualname: symbol for symbol in baseline}
    found: list[SymbolChange] = []
    for name, symbol in module.symbols.items():
        before = known.get(name)
        if before is None:
            found.append(_change(symbol, ADDED, public=symbol.public))
            continue
        changed = set(differences(before, symbol))
        for change, signs in (
            (SIGNATURE, {KIND, SIGNATURE, ASYNC, BASES, VISIBILITY}),
            (BODY, {BODY}),
            (DOCSTRING, {DOCSTRING, DOCSTRING_REMOVED}),
        ):
            if changed & signs:
                found.append(_change(symbol, change, public=symbol.public or before.public))
    return [*found, *removed_symbols(symbol for symbol in baseline if symbol.qualname not in module.symbols)]


def removed_symbols(symbols: Iterable[SymbolSnapshot]) -> list[SymbolChange]:
    """List symbols that are gone."""
    return [
        {
            "symbol": symbol.qualname,
            "change": REMOVED,
            "line": None,
            "requires_doc_update": symbol.public,
        }
        for symbol in symbols
    ]


def _change(symbol: Symbol, change: str, *, public: bool) -> SymbolChange:
    return {
        "symbol": symbol.qualname,
        "change": change,
        "line": symbol.line_start,
        "requires_doc_update": public and change != BODY,
    }
