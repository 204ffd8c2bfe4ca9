"""What a form must hold beside the modules and data files of LTMC, which the manifest lists.

Only what cannot be computed is typed here: what others import by name, each with its reason.
"""

from typing import Final

THIRD_PARTY: Final[dict[str, str]] = {
    "aiosqlite": "imported when the database is opened",
    "redis.asyncio": "imported where Redis is configured",
    "fastmcp.client": "imported by `ltmc demo`",
    "fastmcp.client.transports": "imported by `ltmc demo`",
    "mcp.client.stdio": "imported by the client of `ltmc demo`",
    "mcp_types._v2025_11_25": "mcp imports the types of a protocol version by name",
    "mcp_types._v2026_07_28": "mcp imports the types of a protocol version by name",
    "uvicorn.lifespan.on": "uvicorn imports its parts by name",
    "uvicorn.loops.asyncio": "uvicorn imports its parts by name",
    "anyio._backends._asyncio": "anyio imports its backend by name",
    "key_value.aio.stores.memory": "fastmcp imports its store by name",
    "rich.table": "imported where something is shown to a person",
}
"""Modules that are imported inside functions or by name, and are missed by whoever only follows imports."""

THIRD_PARTY_PACKAGES: Final[dict[str, str]] = {
    "rich._unicode_data": "rich imports the table of the terminal's Unicode version by name",
}
"""Packages any of whose modules may be imported by name."""

DISTRIBUTIONS: Final[dict[str, str]] = {
    "ltmc": "its entry points and version are read",
    "fastmcp": "it reads its own version",
    "fastmcp-slim": "it reads its own version",
    "mcp": "it reads its own version",
    "redis": "it reads its own version",
    "opentelemetry-api": "it finds its context by an entry point",
}
"""Distributions whose metadata (version or entry points) is read at run time."""

NOTICES: Final = ("LICENSE", "NOTICE")
"""Texts that must go wherever LTMC goes: its licence, and what the licence of the model asks for."""
