"""Blueprints of code: the symbols of files, how they hang together, and whether the code still is as planned."""

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ltmc.code.signatures import Signature
from ltmc.code.source_files import SourceFile, dotted_module, read_python
from ltmc.code.symbols import Module, Symbol
from ltmc.errors import LtmcError, not_found
from ltmc.features.blueprints.lifecycle import require, symbols
from ltmc.features.blueprints.repository import insert
from ltmc.features.documentation.consistency import level_of
from ltmc.files.guard import PathGuard
from ltmc.storage.engine import Engine, Row, Transaction
from ltmc.storage.tables import blueprint_code, blueprints, documents, graph
from ltmc.timestamps import now
from ltmc.tools.project_scope import project_of

_OF_SYMBOLS = ("belongs_to", "inherits", "calls")
_SEVERITY = {
    "missing_in_code": "high",
    "kind_changed": "high",
    "signature_changed": "high",
    "async_changed": "high",
    "bases_changed": "medium",
    "missing_in_blueprint": "medium",
    "docstring_removed": "low",
}


async def files(tx: Transaction, blueprint_id: str) -> list[Row]:
    """The files attached to a blueprint."""
    return await blueprint_code.files(tx, blueprint_id)


async def node_ids(tx: Transaction, blueprint_ids: Collection[str]) -> list[str]:
    """The graph nodes of blueprints, with those of their symbols."""
    return [*sorted(blueprint_ids), *await blueprint_code.node_ids(tx, list(blueprint_ids))]


async def create_from_code(
    database: Engine, guard: PathGuard, file_path: str, title: str | None, project_id: str | None
) -> dict[str, Any]:
    """A blueprint of the code in a file; the one made from it before is refreshed."""
    source, module = await read_python(guard, file_path)
    imports = await asyncio.to_thread(_resolve_imports, guard, source, module)
    project, moment = project_of(project_id), now()
    columns = {
        "complexity": module.complexity,
        "complexity_score": module.complexity_score,
        "complexity_source": "auto",
        "complexity_factors": module.metrics,
    }
    async with database.write(project) as tx:
        known = await blueprint_code.defined_by(tx, project, source.name)
        if known is None:
            described = (module.docstring or "").strip().partition("\n\n")[0]
            row = await insert(
                tx,
                project,
                {
                    "kind": "code",
                    "title": title or dotted_module(source.name)[:200],
                    "description": described[:10_000] or f"The code of {source.name}.",
                    **columns,
                },
            )
        else:
            row = await require(tx, known, None)
            if row["complexity_source"] == "auto":
                await blueprints.update(tx, known, columns, moment)
            row = await require(tx, known, None)
        changes = await _store(tx, row, source, module, imports, "defines", moment)
        await documents.put_snapshot(tx, project, source, "blueprint", moment, keep=True)
    nodes = {
        symbol.qualname: _node(row["blueprint_id"], source.name, symbol.qualname)
        for symbol in module.symbols.values()
    }
    return {
        "blueprint_id": row["blueprint_id"],
        "file_path": source.name,
        "title": row["title"],
        "created": known is None,
        "elements": [
            {
                "node_id": nodes[symbol.qualname],
                "kind": symbol.kind,
                "name": symbol.qualname,
                "signature": symbol.shown_signature(),
                "line_start": symbol.line_start,
                "line_end": symbol.line_end,
                "complexity": symbol.complexity,
                "public": symbol.public,
            }
            for symbol in module.symbols.values()
        ],
        "relationships": [
            {"source_id": source_id, "target_id": target_id, "type": relation}
            for source_id, target_id, relation in changes.now
        ],
        "metrics": module.metrics,
        "complexity": row["complexity"],
        "complexity_score": row["complexity_score"],
    }


async def update(
    database: Engine,
    guard: PathGuard,
    blueprint_id: str,
    file_path: str,
    *,
    dry_run: bool,
    project_id: str | None,
) -> dict[str, Any]:
    """Have a blueprint hold a file's symbols as they are now; the first call attaches the file."""
    source, module = await read_python(guard, file_path)
    imports = await asyncio.to_thread(_resolve_imports, guard, source, module)
    moment = now()
    async with database.write() as tx:
        row = await require(tx, blueprint_id, project_id)
        attached = await blueprint_code.file(tx, blueprint_id, source.name)
        before = {one["qualname"]: one for one in await symbols(tx, blueprint_id, source.name)}
        added = [name for name in module.symbols if name not in before]
        removed = [name for name in before if name not in module.symbols]
        renamed = _renamed(before, module, removed, added)
        modified = [
            {
                "symbol": name,
                "before": _text(before[name]),
                "after": module.symbols[name].shown_signature(),
                "changes": what,
            }
            for name in module.symbols
            if name in before and (what := _differences(before[name], module.symbols[name], deep=True))
        ]
        compared = _compare(before, module)
        changes = _Changes([], [], [])
        if not dry_run:
            changes = await _store(tx, row, source, module, imports, "implements", moment)
    gone = {pair["from"] for pair in renamed} | {pair["to"] for pair in renamed}
    return {
        "blueprint_id": blueprint_id,
        "file_path": source.name,
        "attached": attached is None and not dry_run,
        "added": [name for name in added if name not in gone],
        "removed": [name for name in removed if name not in gone],
        "modified": modified,
        "renamed": renamed,
        "unchanged": len(module.symbols) - len(added) - len(modified),
        "relationships_added": len(changes.added),
        "relationships_removed": len(changes.removed),
        "consistency_before": compared[0] if attached is not None else None,
        "dry_run": dry_run,
    }


async def validate(database: Engine, guard: PathGuard, blueprint_id: str, file_path: str) -> dict[str, Any]:
    """Whether the code still is as the blueprint has it; the outcome is stored.

    The score is the identical symbols ÷ the union of both sides. The status is ``conflict`` when something
    public is gone or became something else, ``drift`` for any other difference.
    """
    source, module = await read_python(guard, file_path)
    moment = now()
    async with database.write() as tx:
        if await blueprint_code.file(tx, blueprint_id, source.name) is None:
            raise not_found(
                "file_path",
                file_path,
                f"file attached to {blueprint_id}",
                "update_blueprint_structure attaches it",
            )
        before = {one["qualname"]: one for one in await symbols(tx, blueprint_id, source.name)}
        score, found = _compare(before, module)
        broken = any(
            one["type"] in ("missing_in_code", "kind_changed") and before[one["element"]]["public"]
            for one in found
        )
        status = "conflict" if broken else "drift" if found else "consistent"
        await blueprint_code.set_consistency(tx, blueprint_id, source.name, status, score, moment)
    named = sorted({str(one["element"]) for one in found})
    counts: dict[str, int] = {}
    for one in found:
        counts[one["type"]] = counts.get(one["type"], 0) + 1
    return {
        "blueprint_id": blueprint_id,
        "file_path": source.name,
        "is_consistent": not found,
        "consistency_score": score,
        "consistency_level": level_of(score),
        "status": status,
        "inconsistencies": found,
        "summary": {
            "symbols_in_blueprint": len(before),
            "symbols_in_code": len(module.symbols),
            "by_type": counts,
        },
        "recommendations": [
            "If the code is right, run update_blueprint_structure; else change it back: "
            + ", ".join(named[:5])
            + "."
        ]
        if found
        else [],
        "last_validated_at": moment,
    }


@dataclass(frozen=True, slots=True)
class _Changes:
    """Edges as (source, target, relation): all there are now, and those new or gone."""

    now: list[tuple[str, str, str]]
    added: list[tuple[str, str, str]]
    removed: list[tuple[str, str, str]]


async def _store(
    tx: Transaction,
    row: Row,
    source: SourceFile,
    module: Module,
    imports: Sequence[str],
    link_type: str,
    moment: str,
) -> _Changes:
    """The symbols and edges of a file in place of those known before."""
    blueprint_id, project = row["blueprint_id"], row["project_id"]
    file_node = f"file:{source.name}"
    old = [one["node_id"] for one in await blueprint_code.symbols(tx, blueprint_id, source.name)]
    nodes = {name: _node(blueprint_id, source.name, name) for name in module.symbols}
    gone = [one for one in old if one not in nodes.values()]
    removed = await graph.remove_edges(tx, project, [*old, file_node], [*_OF_SYMBOLS, "imports"], auto=True)
    await graph.remove_nodes(tx, project, gone)
    await blueprint_code.replace_symbols(
        tx,
        blueprint_id,
        source.name,
        [_as_row(nodes[name], symbol) for name, symbol in module.symbols.items()],
    )
    known = await blueprint_code.file(tx, blueprint_id, source.name)
    kept = known["link_type"] if known else link_type
    await blueprint_code.upsert_file(tx, blueprint_id, source.name, kept, source.content_hash, moment)
    edges = [
        (file_node, blueprint_id, "implements"),
        *_edges(blueprint_id, nodes, module, file_node, imports),
    ]
    made: list[tuple[str, str, str | None, str]] = [(file_node, "file", source.name, source.name)]
    made += [(node, "symbol", blueprint_id, name) for name, node in nodes.items()]
    for _, end, _ in edges:
        kind, _, label = end.partition(":")
        if label and kind in ("module", "class", "file"):
            made.append((end, "symbol" if kind == "class" else "file", None, label))
    await graph.insert_nodes(tx, project, made, moment)
    await graph.put_edges(tx, project, edges, moment)
    before = {(one["source_id"], one["target_id"], one["relation"]) for one in removed}
    comparable = edges[1:] if known else edges
    return _Changes(
        edges,
        [edge for edge in comparable if edge not in before],
        [edge for edge in sorted(before) if edge not in edges],
    )


def _edges(
    blueprint_id: str, nodes: dict[str, str], module: Module, file_node: str, imports: Sequence[str]
) -> list[tuple[str, str, str]]:
    found: dict[tuple[str, str, str], None] = {}
    for name, symbol in module.symbols.items():
        owner = name.rpartition(".")[0]
        found[nodes[name], nodes.get(owner, blueprint_id), "belongs_to"] = None
        for base in symbol.bases:
            if "=" in base:
                continue  # a keyword such as metaclass
            name_of_base = base.partition("[")[0]
            first, dot, rest = name_of_base.partition(".")
            origin = module.imported.get(first)
            target = nodes.get(name_of_base) or f"class:{f'{origin}{dot}{rest}' if origin else name_of_base}"
            found[nodes[name], target, "inherits"] = None
        for called in symbol.calls:
            found[nodes[name], nodes[called], "calls"] = None
    for target in imports:
        found[file_node, target, "imports"] = None
    return list(found)


def _resolve_imports(guard: PathGuard, source: SourceFile, module: Module) -> list[str]:
    """The graph nodes of the modules that a file imports: files of the project, else names of modules."""
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


def _node(blueprint_id: str, file_path: str, qualname: str) -> str:
    """The same symbol keeps its node when the blueprint is refreshed."""
    text = "\0".join((blueprint_id, file_path, qualname))
    return f"sym_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _as_row(node_id: str, symbol: Symbol) -> dict[str, Any]:
    return {
        "node_id": node_id,
        "qualname": symbol.qualname,
        "kind": symbol.kind,
        "signature": symbol.signature.as_json(),
        "bases": list(symbol.bases),
        "public": int(symbol.public),
        "docstring": symbol.docstring,
        "docstring_hash": symbol.docstring_hash,
        "body_hash": symbol.body_hash,
        "line_start": symbol.line_start,
        "line_end": symbol.line_end,
        "complexity": symbol.complexity,
    }


def _text(stored: Row) -> str:
    signature: Signature = stored["signature"]
    return ("async " if signature.is_async else "") + signature.text(stored["qualname"])


def _differences(stored: Row, symbol: Symbol, *, deep: bool) -> list[str]:
    """How a symbol differs from what is stored; `deep` counts its body and docstring too."""
    old: Signature = stored["signature"]
    found = []
    if stored["kind"] != symbol.kind:
        found.append("kind_changed")
    elif old != symbol.signature:
        same_but_async = (old.parameters, old.returns, old.markers) == (
            symbol.signature.parameters,
            symbol.signature.returns,
            symbol.signature.markers,
        )
        found.append("async_changed" if same_but_async else "signature_changed")
    if tuple(stored["bases"]) != symbol.bases:
        found.append("bases_changed")
    if stored["docstring_hash"] and symbol.docstring is None:
        found.append("docstring_removed")
    if deep and stored["docstring_hash"] != symbol.docstring_hash and "docstring_removed" not in found:
        found.append("docstring_changed")
    if deep and stored["body_hash"] != symbol.body_hash:
        found.append("body_changed")
    return found


def _compare(before: dict[str, Row], module: Module) -> tuple[float, list[dict[str, Any]]]:
    """The score and the differences between stored symbols and those of the code."""
    found: list[dict[str, Any]] = []
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

    for name, stored in before.items():
        symbol = module.symbols.get(name)
        if symbol is None:
            differs("missing_in_code", name, None, _text(stored), None)
            continue
        differences = _differences(stored, symbol, deep=False)
        identical += not differences
        for kind in differences:
            expected: str | None = _text(stored)
            actual: str | None = symbol.shown_signature()
            if kind == "kind_changed":
                expected, actual = stored["kind"], symbol.kind
            elif kind == "bases_changed":
                expected, actual = ", ".join(stored["bases"]), ", ".join(symbol.bases)
            elif kind == "docstring_removed":
                expected, actual = "a docstring", None
            differs(kind, name, symbol.line_start, expected, actual)
    for name, symbol in module.symbols.items():
        if name not in before:
            differs("missing_in_blueprint", name, symbol.line_start, None, symbol.shown_signature())
    union = len(before.keys() | module.symbols.keys())
    return (round(identical / union, 4) if union else 1.0), found


def _renamed(
    before: dict[str, Row], module: Module, removed: Sequence[str], added: Sequence[str]
) -> list[dict[str, str]]:
    """Symbols that have another name but the same kind, signature and body."""
    free: dict[tuple[str, str, Signature], list[str]] = {}
    for name in added:
        symbol = module.symbols[name]
        free.setdefault((symbol.kind, symbol.body_hash, symbol.signature), []).append(name)
    found: list[dict[str, str]] = []
    for name in removed:
        stored = before[name]
        names = free.get((stored["kind"], stored["body_hash"], stored["signature"]))
        if names:
            found.append({"from": name, "to": names.pop(0)})
    return found


def elements(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Stored symbols as documents show them."""
    return [
        {
            "name": row["qualname"],
            "kind": row["kind"],
            "signature": _text(row),
            "docstring": row["docstring"],
            "file_path": row["file_path"],
            "line": row["line_start"],
            "public": bool(row["public"]),
        }
        for row in rows
    ]
