"""What shows that the database works, and how much the cache holds."""

from ltmc.storage.engine import Transaction


async def read_graph(tx: Transaction) -> None:
    """Read a node and an edge of the graph, if there are any."""
    await tx.value("SELECT node_id FROM graph_nodes LIMIT 1")
    await tx.value("SELECT id FROM graph_edges LIMIT 1")


async def cache_keys(tx: Transaction) -> int:
    """Count the keys of the cache."""
    return int(await tx.value("SELECT count(*) FROM cache_entries"))
