"""Blueprints as documents: what they are, what they wait for, who does them, what code they describe."""

from collections.abc import Awaitable, Callable, Sequence

from ltmc.code.source_files import dotted_module
from ltmc.documents.pages import (
    Code,
    Heading,
    PageBlock,
    Section,
    Table,
    Text,
    blocks_as_markdown,
    mermaid,
    write,
)
from ltmc.features.blueprints.complexity import WEIGHTS
from ltmc.features.blueprints.lifecycle import shown
from ltmc.features.code_structure.results import BlueprintDocument
from ltmc.features.code_structure.symbols import KnownSymbol, known_symbols, views
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import blueprint_code, blueprints, graph, team
from ltmc.storage.tables.blueprints import Blueprint
from ltmc.timestamps import now

DIAGRAM_NODES = 60
"""A diagram shows at most so many nodes; more cannot be read."""


async def render(
    tx: Transaction, row: Blueprint, form: str, *, include_relationships: bool
) -> BlueprintDocument:
    """Return the whole document of a blueprint."""
    sections = [_overview(row), _complexity(row)]
    if include_relationships:
        sections += [await _dependencies(tx, row), await _diagram(tx, row)]
    sections += [await _subtasks(tx, row), await _assignments(tx, row), await _api(tx, row)]
    kept = [section for section in sections if section.blocks]
    text = write(row.title, kept, form)
    edges = await graph.edges(
        tx, row.project_id, [row.blueprint_id], outgoing=True, incoming=True, relations=None
    )
    return {
        "blueprint_id": row.blueprint_id,
        "documentation": text,
        "format": form,
        "sections": [section.name for section in kept],
        "statistics": {
            "elements": len(await blueprint_code.symbols(tx, row.blueprint_id)),
            "relationships": len(edges),
            "characters": len(text),
        },
        "generated_at": now(),
    }


async def section_for_document(tx: Transaction, row: Blueprint, name: str) -> tuple[str, str | None]:
    """Return a section of `SECTIONS` as Markdown, or the reason why there is nothing to write."""
    section = await SECTIONS[name](tx, row)
    if not section.blocks:
        return "", _EMPTY[name]
    return f"## {section.title}\n\n{blocks_as_markdown(section.blocks)}", None


def _overview(row: Blueprint) -> Section:
    names = {
        "Id": row.blueprint_id,
        "Kind": row.kind,
        "Status": row.status,
        "Project": row.project_id,
        "Estimate": f"{row.estimated_duration_minutes} minutes",
        "Priority": f"{row.priority_score:g}",
        "Skills": ", ".join(row.required_skills),
        "Tags": ", ".join(row.tags),
        "Resources": ", ".join(f"{key}: {value}" for key, value in row.resource_requirements.items()),
        "Created": row.created_at,
        "Completed": row.completed_at or "",
    }
    rows = [(name, value) for name, value in names.items() if value]
    return Section(
        "overview", "Overview", [Text(row.description), Table(("Field", "Value"), rows)], shown(row)
    )


def _complexity(row: Blueprint) -> Section:
    factors = row.complexity_factors
    rows = [
        (
            name,
            f"{factors[name]['value']:g}",
            f"{factors[name]['weight']:g}",
            ", ".join(factors[name]["matched_terms"]),
        )
        for name in WEIGHTS
        if name in factors
    ]
    if not rows:  # of code: its metrics
        rows = [
            (name.replace("_", " "), f"{value:g}", "", "")
            for name, value in factors.items()
            if isinstance(value, int | float)
        ]
    blocks: list[PageBlock] = [
        Text(f"{row.complexity} ({row.complexity_score:g}, {row.complexity_source})."),
        Table(("Factor", "Value", "Weight", "Terms"), rows),
    ]
    data = {key: getattr(row, key) for key in ("complexity", "complexity_score", "complexity_source")}
    return Section("complexity", "Complexity", blocks, {**data, "factors": factors})


async def _dependencies(tx: Transaction, row: Blueprint) -> Section:
    edges = await blueprints.dependencies(tx, row.project_id)
    own = row.blueprint_id
    near = [edge for edge in edges if own in (edge.dependent_blueprint_id, edge.prerequisite_blueprint_id)]
    others = [
        edge.prerequisite_blueprint_id if edge.dependent_blueprint_id == own else edge.dependent_blueprint_id
        for edge in near
    ]
    found = await blueprints.many(tx, others)
    rows = []
    data = []
    for edge, other in zip(near, others, strict=True):
        relation = "depends on" if edge.dependent_blueprint_id == own else "required by"
        rows.append((relation, found[other].title, found[other].status, edge.dependency_type))
        data.append(
            {
                "relation": relation.replace(" ", "_"),
                "blueprint_id": other,
                "title": found[other].title,
                "status": found[other].status,
                "dependency_type": edge.dependency_type,
                "is_critical": edge.is_critical,
            }
        )
    table = Table(("Relation", "Blueprint", "Status", "Type"), rows)
    return Section("dependencies", "Dependencies", [table] if rows else [], data)


async def _subtasks(tx: Transaction, row: Blueprint) -> Section:
    children = await blueprints.children(tx, row.blueprint_id)
    rows = [
        (child.title, child.status, child.complexity, f"{child.estimated_duration_minutes}")
        for child in children
    ]
    table = Table(("Subtask", "Status", "Complexity", "Minutes"), rows)
    return Section("subtasks", "Subtasks", [table] if rows else [], [shown(child) for child in children])


async def _assignments(tx: Transaction, row: Blueprint) -> Section:
    keys = (
        "assignment_id",
        "member_id",
        "status",
        "progress_percentage",
        "actual_hours_worked",
        "estimated_completion",
        "completed_at",
    )
    found = await team.of_blueprint(tx, row.blueprint_id)
    rows = [
        (
            one.member_id,
            one.status,
            f"{one.progress_percentage:g} %",
            one.completed_at or one.estimated_completion,
        )
        for one in found
    ]
    table = Table(("Member", "Status", "Progress", "Completion"), rows)
    data = [{key: getattr(one, key) for key in keys} for one in found]
    return Section("assignments", "Assignments", [table] if rows else [], data)


async def _api(tx: Transaction, row: Blueprint) -> Section:
    """Return the public symbols with their signatures and docstrings, file by file."""
    stored = await known_symbols(tx, row.blueprint_id)
    public = [one for one in stored if one.public]
    blocks: list[PageBlock] = []
    for place, one in enumerate(public):
        if place == 0 or public[place - 1].stored.file_path != one.stored.file_path:
            blocks.append(Text(f"File: {one.stored.file_path}"))
        name = one.stored.qualname.rpartition(".")[2]
        blocks += [Heading(one.stored.qualname), Code("python", one.signature.snippet(name, one.kind))]
        if one.stored.docstring:
            blocks.append(Code("text", one.stored.docstring))
    return Section("api_documentation", "API", blocks, views(stored))


async def _diagram(tx: Transaction, row: Blueprint) -> Section:
    """Return the blueprint with what it depends on, its parts, and the symbols of its code."""
    edges = await graph.edges(
        tx, row.project_id, [row.blueprint_id], outgoing=True, incoming=True, relations=None
    )
    inner = [one.node_id for one in await blueprint_code.symbols(tx, row.blueprint_id)]
    edges += await graph.edges(
        tx,
        row.project_id,
        inner,
        outgoing=True,
        incoming=False,
        relations=["belongs_to", "inherits", "calls"],
    )
    unique = {edge.id: edge for edge in edges}
    order = dict.fromkeys(
        [
            row.blueprint_id,
            *(end for edge in unique.values() for end in (edge.source_id, edge.target_id)),
        ]
    )
    kept = list(order)[:DIAGRAM_NODES]
    labels = {one.node_id: one.label for one in await graph.nodes(tx, row.project_id, kept)}
    nodes = {node: labels[node] for node in kept if node in labels}
    shown_edges = [
        (edge.source_id, edge.target_id, edge.relation.replace("_", " "))
        for edge in unique.values()
        if edge.source_id in nodes and edge.target_id in nodes
    ]
    blocks: list[PageBlock] = [Code("mermaid", mermaid("LR", nodes, shown_edges))] if shown_edges else []
    if len(order) > DIAGRAM_NODES:
        blocks.append(Text(f"{len(order) - DIAGRAM_NODES} more nodes are not shown."))
    data = [
        {"source_id": start, "target_id": end, "relation": relation} for start, end, relation in shown_edges
    ]
    return Section("architecture_diagram", "Architecture", blocks, data)


async def _progress(tx: Transaction, row: Blueprint) -> Section:
    """Status, history, subtasks and assignments."""
    subtasks, assignments = await _subtasks(tx, row), await _assignments(tx, row)
    if not subtasks.blocks and not assignments.blocks:
        return Section("progress_report", "Progress", [])
    children = await blueprints.children(tx, row.blueprint_id)
    done = sum(child.status == "completed" for child in children)
    blocks: list[PageBlock] = [Text(f"Status: {row.status}.")]
    if children:
        blocks += [Text(f"{done} of {len(children)} subtasks are completed."), *subtasks.blocks]
    return Section("progress_report", "Progress", [*blocks, *assignments.blocks])


async def _guide(tx: Transaction, row: Blueprint) -> Section:
    """How the public functions and classes are imported and called."""
    stored = [one for one in await known_symbols(tx, row.blueprint_id) if one.public and one.kind != "method"]
    blocks: list[PageBlock] = [Text(row.description)] if stored else []
    for path in dict.fromkeys(one.stored.file_path for one in stored):
        here = [one for one in stored if one.stored.file_path == path]
        names = ", ".join(one.stored.qualname for one in here if "." not in one.stored.qualname)
        lines = [f"from {dotted_module(path)} import {names}", ""]
        lines += [_call(one) for one in here if "." not in one.stored.qualname]
        blocks += [Heading(path), Code("text", "\n".join(lines))]
    return Section("user_guide", "How to use it", blocks)


def _call(one: KnownSymbol) -> str:
    """Return a call with the parameters that have no default."""
    needed = [
        f"{parameter.name}=..." if parameter.kind == "keyword_only" else parameter.name
        for parameter in one.signature.parameters
        if parameter.default is None and not parameter.kind.startswith("var_")
    ]
    first = ((one.stored.docstring or "").strip().splitlines() or [""])[0]
    waiting = "await " if one.signature.is_async else ""
    return f"{waiting}{one.stored.qualname}({', '.join(needed)})" + (f"  # {first}" if first else "")


Maker = Callable[[Transaction, Blueprint], Awaitable[Section]]
SECTIONS: dict[str, Maker] = {
    "api_documentation": _api,
    "architecture_diagram": _diagram,
    "progress_report": _progress,
    "user_guide": _guide,
}
"""The sections of a blueprint's document, in its order."""

_EMPTY = {
    "api_documentation": "no code with public symbols is attached",
    "architecture_diagram": "it is linked to nothing",
    "progress_report": "it has neither subtasks nor assignments",
    "user_guide": "no code with public functions or classes is attached",
}


def chosen(sections: Sequence[str] | None) -> list[str]:
    """Return the sections named, in their order; all of them for None."""
    return [name for name in SECTIONS if sections is None or name in sections]
