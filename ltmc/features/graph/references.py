"""What callers may call a thing of the graph by: an id, a file name, or any text for an entity.

A name in other letters' case is the same name, unless there is one that is written exactly so.
"""

import asyncio
import difflib
import re
from heapq import nlargest

from ltmc.errors import not_found
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import graph, resources
from ltmc.storage.tables.graph import Node
from ltmc.storage.tables.resources import Resource
from ltmc.timestamps import now
from ltmc.tools.arguments import as_id

_ID = re.compile(r"(?:resource:)?[+-]?[0-9]+|(?:bp|assign)_[0-9a-f]{12}|sym_[0-9a-f]{16}")
"""What LTMC gives ids to has one of these; nothing that it does not know can be called so."""


async def resource_of(tx: Transaction, project: str, reference: str) -> Resource | None:
    """Return the memory that a reference names: by id, or by file name (its newest version)."""
    resource_id = as_id(reference)
    if resource_id is not None:
        found = await resources.get(tx, resource_id)
        if found is not None and found.project_id == project and not found.has_expired(now()):
            return found
    exact = await resources.newest_by_name(tx, project, reference)
    if exact is not None or await graph.named(tx, project, reference):
        return exact
    alike = await resources.name_alike(tx, project, reference)
    return None if alike is None else await resources.newest_by_name(tx, project, alike)


async def node_of(tx: Transaction, project: str, field: str, reference: str) -> str:
    """Return the node id of a reference: ``resource:<id>`` for a stored memory, else its name.

    Raises:
        LtmcError: NOT_FOUND for an id that is none.
    """
    resource = await resource_of(tx, project, reference)
    if resource is not None:
        return f"resource:{resource.id}"
    named = await graph.named(tx, project, reference)
    if named is None and _ID.fullmatch(reference):
        raise not_found(
            field, reference, "memory or node", "a name for something else is not a number or an id"
        )
    return named or reference


async def known_nodes(tx: Transaction, project: str, reference: str) -> dict[str, Node]:
    """Return the nodes under a reference; a file name means all its versions, the newest first.

    A stored memory that nothing is linked to is a node too.
    """
    resource = await resource_of(tx, project, reference)
    if resource is None:
        candidates = [await graph.named(tx, project, reference) or reference]
    else:
        own = f"resource:{resource.id}"
        name = resource.file_name if resource.file_name.lower() == reference.lower() else reference
        versions = await resources.versions(tx, project, name)
        candidates = [own, reference, *(f"resource:{version.id}" for version in versions)]
    stored = {node.node_id: node for node in await graph.nodes(tx, project, candidates)}
    if resource is not None and not stored:
        stored[own] = Node(own, "resource", resource.file_name)
    return {node_id: stored[node_id] for node_id in candidates if node_id in stored}


async def ensure(tx: Transaction, project: str, node_id: str, moment: str) -> bool:
    """Make a node where it is missing; return whether a free-form entity was made."""
    if node_id.startswith("resource:") and (resource := await resource_of(tx, project, node_id)) is not None:
        reference = str(resource.id)
        await graph.insert_node(tx, project, node_id, "resource", reference, resource.file_name, moment)
        return False
    return await graph.insert_node(tx, project, node_id, "entity", None, node_id, moment)


MOST_COMPARED, LONGEST_COMPARED = 2_000, 100
"""How many labels a name is compared with, and of how many characters: a comparison takes 0.1 ms."""


async def near_names(tx: Transaction, project: str, entity: str) -> list[str]:
    """Return the nodes whose labels are nearest to a name that is unknown."""
    labels = {node.label.lower(): node.node_id for node in await graph.every_node(tx, project)}
    return await asyncio.to_thread(_nearest, entity.lower()[:LONGEST_COMPARED], labels)


def _nearest(entity: str, labels: dict[str, str]) -> list[str]:
    """Compare with the labels that share the most pairs of letters with the name."""
    pairs = {entity[place : place + 2] for place in range(len(entity))}
    likely = nlargest(
        MOST_COMPARED,
        (label for label in labels if len(label) <= LONGEST_COMPARED),
        key=lambda label: sum(pair in label for pair in pairs) / (len(label) + len(entity)),
    )
    near = difflib.get_close_matches(entity, likely, n=5, cutoff=0.5)
    return [labels[label] for label in near]
