"""Taking a version of a memory out of every table, index and graph."""

from ltmc.features.memory.results import RemovedWithMemory
from ltmc.features.memory.timeline import settle
from ltmc.search import index
from ltmc.search.kinds import CHUNK, PAST
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import resources
from ltmc.storage.tables.resources import Resource
from ltmc.timestamps import now


async def remove(tx: Transaction, row: Resource) -> RemovedWithMemory:
    """Remove a version of a memory with its chunks, index entries and graph node.

    The links of a superseded version go to the newest one.
    """
    from ltmc.storage.tables import graph

    chunks = await resources.chunk_ids(tx, row.id)
    for kind in (CHUNK, PAST):
        await index.remove(tx, kind, chunks)
    await resources.delete(tx, row.id)
    await settle(tx, row.project_id, row.file_name, now())
    project, node = row.project_id, f"resource:{row.id}"
    heir = await resources.newest_by_name(tx, project, row.file_name)
    if heir is not None and heir.version > row.version:
        newest = f"resource:{heir.id}"
        if await graph.move_edges(tx, project, node, newest):
            await graph.insert_node(tx, project, newest, "resource", str(heir.id), row.file_name, now())
    links = await graph.remove_nodes(tx, project, [node])
    return {"chunks": len(chunks), "links": links}
