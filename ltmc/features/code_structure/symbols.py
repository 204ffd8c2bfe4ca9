"""The symbols of a file and their edges, as the blueprint of the file keeps them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ltmc.code.signatures import Signature
from ltmc.code.source_files import SourceFile
from ltmc.code.symbols import Module, Symbol
from ltmc.code.traits import label_of
from ltmc.errors import LtmcError
from ltmc.features.code_structure.results import SymbolView
from ltmc.files.guard import PathGuard
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import blueprint_code, blueprints, graph
from ltmc.storage.tables.blueprint_code import StoredSymbol
from ltmc.storage.tables.blueprints import Blueprint

_RELATIONS = ("belongs_to", "inherits", "calls", "imports")
"""The relations that begin at symbols and files."""

Triple = tuple[str, str, str]
"""An edge as (source, target, relation)."""


@dataclass(frozen=True, slots=True)
class KnownSymbol:
    """A stored symbol with its signature read; see `ltmc.code.changes.SymbolState`."""

    stored: StoredSymbol
    signature: Signature

    @property
    def kind(self) -> str:
        """Function, class or method."""
        return self.stored.kind

    @property
    def bases(self) -> list[str]:
        """The base classes as written."""
        return self.stored.bases

    @property
    def public(self) -> bool:
        """Others may use it."""
        return self.stored.public

    @property
    def docstring_hash(self) -> str | None:
        """Changes with the docstring."""
        return self.stored.docstring_hash

    @property
    def body_hash(self) -> str:
        """Changes with the body."""
        return self.stored.body_hash

    def shown_signature(self) -> str:
        """Return the signature under the qualified name, as results show it."""
        return ("async " if self.signature.is_async else "") + self.signature.text(self.stored.qualname)


@dataclass(frozen=True, slots=True)
class EdgeChanges:
    """The edges of a file: all there are now, and those new or gone."""

    now: list[Triple]
    added: list[Triple]
    removed: list[Triple]


async def known_symbols(
    tx: Transaction, blueprint_id: str, file_path: str | None = None
) -> list[KnownSymbol]:
    """Return the stored symbols of a blueprint, by file and line."""
    rows = await blueprint_code.symbols(tx, blueprint_id, file_path)
    return [KnownSymbol(row, Signature.from_json(row.signature)) for row in rows]


def views(symbols: Sequence[KnownSymbol]) -> list[SymbolView]:
    """Return stored symbols as documents show them."""
    return [
        {
            "name": symbol.stored.qualname,
            "kind": symbol.kind,
            "signature": symbol.shown_signature(),
            "docstring": symbol.stored.docstring,
            "file_path": symbol.stored.file_path,
            "line": symbol.stored.line_start,
            "public": symbol.public,
        }
        for symbol in symbols
    ]


async def store(
    tx: Transaction,
    row: Blueprint,
    source: SourceFile,
    module: Module,
    imports: Sequence[str],
    link_type: str,
    moment: str,
) -> EdgeChanges:
    """Store the symbols, edges and metrics of a file in place of those known before."""
    blueprint_id, project = row.blueprint_id, row.project_id
    file_node = f"file:{source.name}"
    changes = await edge_changes(tx, row, source, module, imports)
    old = [symbol.node_id for symbol in await blueprint_code.symbols(tx, blueprint_id, source.name)]
    nodes = {name: node_of(blueprint_id, source.name, name) for name in module.symbols}
    kept_nodes = set(nodes.values())
    gone = [node for node in old if node not in kept_nodes]
    await graph.remove_edges(tx, project, [*old, file_node], _RELATIONS, auto=True)
    await graph.remove_nodes(tx, project, gone)
    stored = [
        _stored(nodes[name], blueprint_id, source.name, symbol) for name, symbol in module.symbols.items()
    ]
    await blueprint_code.replace_symbols(tx, blueprint_id, source.name, stored)
    known = await blueprint_code.file(tx, blueprint_id, source.name)
    kept = known.link_type if known else link_type
    measured = {**module.metrics, "complexity_score": module.complexity_score}
    await blueprint_code.upsert_file(
        tx, blueprint_id, source.name, kept, source.content_hash, measured, moment
    )
    if row.kind == "code":
        await blueprints.update(tx, blueprint_id, await _measures(tx, row), moment)
    made: list[tuple[str, str, str | None, str]] = [(file_node, "file", source.name, source.name)]
    made += [(node, "symbol", blueprint_id, name) for name, node in nodes.items()]
    for _, end, _ in changes.now:
        kind, _, label = end.partition(":")
        if label and kind in ("module", "class", "file"):
            made.append((end, "symbol" if kind == "class" else "file", None, label))
    await graph.insert_nodes(tx, project, made, moment)
    await graph.put_edges(tx, project, changes.now, moment)
    return changes


async def edge_changes(
    tx: Transaction, row: Blueprint, source: SourceFile, module: Module, imports: Sequence[str]
) -> EdgeChanges:
    """Return the edges of a file, and how they differ from those that are stored."""
    blueprint_id, file_node = row.blueprint_id, f"file:{source.name}"
    nodes = {name: node_of(blueprint_id, source.name, name) for name in module.symbols}
    edges = [
        (file_node, blueprint_id, "implements"),
        *_edges(blueprint_id, nodes, module, file_node, imports),
    ]
    old = [symbol.node_id for symbol in await blueprint_code.symbols(tx, blueprint_id, source.name)]
    stored = await graph.edges(
        tx, row.project_id, [*old, file_node], outgoing=True, incoming=False, relations=_RELATIONS
    )
    before = {(edge.source_id, edge.target_id, edge.relation) for edge in stored if edge.auto}
    known = await blueprint_code.file(tx, blueprint_id, source.name)
    comparable, now = edges[1:] if known else edges, set(edges)
    return EdgeChanges(
        edges,
        [edge for edge in comparable if edge not in before],
        sorted(before - now),
    )


async def _measures(tx: Transaction, row: Blueprint) -> dict[str, Any]:
    """Return the columns on complexity of a blueprint of code: its files together, scored as the most complex one."""
    files = await blueprint_code.metrics(tx, row.blueprint_id)
    counted = [(file["functions"] + file["methods"], file["avg_cyclomatic"] or 0) for file in files]
    functions = sum(count for count, _ in counted)
    branches = sum(count * average for count, average in counted)
    highest = [file["max_cyclomatic"] for file in files if file["max_cyclomatic"] is not None]
    metrics = {
        **{name: sum(file[name] for file in files) for name in ("functions", "classes", "methods", "loc")},
        "avg_cyclomatic": round(branches / functions, 2) if functions else None,
        "max_cyclomatic": max(highest, default=None),
    }
    score = max(file["complexity_score"] for file in files)
    measured = {"complexity": label_of(score), "complexity_score": score}
    if row.complexity_source == "manual":
        return {"complexity_factors": {**metrics, "auto": measured}}
    return {**measured, "complexity_factors": metrics}


def node_of(blueprint_id: str, file_path: str, qualname: str) -> str:
    """Return the graph node of a symbol, which it keeps when the blueprint is refreshed."""
    text = "\0".join((blueprint_id, file_path, qualname))
    return f"sym_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def imported_nodes(guard: PathGuard, source: SourceFile, module: Module) -> list[str]:
    """Return the graph nodes of the modules that a file imports: files of the project, else module names."""
    found: dict[str, None] = {}
    parents = PurePosixPath(source.name).parents
    for name in module.imports:
        level = len(name) - len(name.lstrip("."))
        if level > len(parents):
            continue
        inner = name[level:].replace(".", "/")
        bases = (
            [parents[level - 1] / inner] if level else [PurePosixPath(inner), PurePosixPath("src") / inner]
        )
        target = f"module:{name}"
        for base in bases:
            for candidate in (f"{base}.py", f"{base}/__init__.py"):
                try:
                    resolved = guard.resolve(candidate)
                except LtmcError:
                    continue
                if target.startswith("module:") and guard.state(resolved) is not None:
                    target = f"file:{guard.name(resolved)}"
        found[target] = None
    return list(found)


def _edges(
    blueprint_id: str, nodes: dict[str, str], module: Module, file_node: str, imports: Sequence[str]
) -> list[Triple]:
    found: dict[Triple, None] = {}
    for name, symbol in module.symbols.items():
        owner = name.rpartition(".")[0]
        found[nodes[name], nodes.get(owner, blueprint_id), "belongs_to"] = None
        for base in symbol.bases:
            if "=" in base:
                continue  # a keyword such as metaclass
            base_name = base.partition("[")[0]
            first, dot, rest = base_name.partition(".")
            origin = module.imported.get(first)
            target = nodes.get(base_name) or f"class:{f'{origin}{dot}{rest}' if origin else base_name}"
            found[nodes[name], target, "inherits"] = None
        for called in symbol.calls:
            found[nodes[name], nodes[called], "calls"] = None
    for target in imports:
        found[file_node, target, "imports"] = None
    return list(found)


def _stored(node_id: str, blueprint_id: str, file_path: str, symbol: Symbol) -> StoredSymbol:
    return StoredSymbol(
        node_id=node_id,
        blueprint_id=blueprint_id,
        file_path=file_path,
        qualname=symbol.qualname,
        kind=symbol.kind,
        signature=symbol.signature.as_json(),
        bases=list(symbol.bases),
        public=symbol.public,
        docstring=symbol.docstring,
        docstring_hash=symbol.docstring_hash,
        body_hash=symbol.body_hash,
        line_start=symbol.line_start,
        line_end=symbol.line_end,
        complexity=symbol.complexity,
    )
