"""What callers may call a thing of the graph by: an id, a file name, or any text for an entity."""

import difflib

from ltmc.storage.engine import Transaction
from ltmc.storage.tables import graph, resources
from ltmc.storage.tables.resources import Resource


async def resource_of(tx: Transaction, project: str, reference: str) -> Resource | None:
    """Return the memory that a reference names: by id, or by file name (its newest version)."""
    digits = reference.removeprefix("resource:")
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        found = await resources.get(tx, int(digits), project)
        if found is not None:
            return found
    return await resources.newest_by_name(tx, project, reference)


async def node_of(tx: Transaction, project: str, reference: str) -> str:
    """Return the node id of a reference: ``resource:<id>`` for a stored memory, else the reference itself."""
    resource = await resource_of(tx, project, reference)
    return reference if resource is None else f"resource:{resource.id}"


async def known_nodes(tx: Transaction, project: str, reference: str) -> list[str]:
    """Return the nodes that exist under a reference; a file name means all its versions, the newest first."""
    candidates = [await node_of(tx, project, reference), reference]
    candidates += [f"resource:{version.id}" for version in await resources.versions(tx, project, reference)]
    known = {node.node_id for node in await graph.nodes(tx, project, candidates)}
    return [node_id for node_id in dict.fromkeys(candidates) if node_id in known]


async def ensure(tx: Transaction, project: str, node_id: str, moment: str) -> bool:
    """Make a node where it is missing; return whether a free-form entity was made."""
    if node_id.startswith("resource:") and (resource := await resource_of(tx, project, node_id)) is not None:
        reference = str(resource.id)
        await graph.insert_node(tx, project, node_id, "resource", reference, resource.file_name, moment)
        return False
    return await graph.insert_node(tx, project, node_id, "entity", None, node_id, moment)


async def near_names(tx: Transaction, project: str, entity: str) -> list[str]:
    """Return the nodes whose labels are nearest to a name that is unknown."""
    labels = {node.label.lower(): node.node_id for node in await graph.every_node(tx, project)}
    near = difflib.get_close_matches(entity.lower(), labels, n=5, cutoff=0.5)
    return [labels[label] for label in near]
