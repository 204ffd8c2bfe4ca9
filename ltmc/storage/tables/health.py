"""What shows that the database works, and how much the cache holds."""

from ltmc.storage.engine import Transaction


async def structure(tx: Transaction, most_bytes: int) -> str | None:
    """Check every page of the file: "ok", what is wrong with it, or None (not checked) beyond `most_bytes`."""
    size = await tx.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    return None if size > most_bytes else str(await tx.value("PRAGMA quick_check(1)"))


async def read_graph(tx: Transaction) -> None:
    """Read a node and an edge of the graph, if there are any."""
    await tx.value("SELECT node_id FROM graph_nodes LIMIT 1")
    await tx.value("SELECT id FROM graph_edges LIMIT 1")


async def cache_keys(tx: Transaction) -> int:
    """Count the keys of the cache."""
    return int(await tx.value("SELECT count(*) FROM cache_entries"))
