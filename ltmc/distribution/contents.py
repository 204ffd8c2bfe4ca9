"""What a form must hold beside the modules and data files of LTMC, which the manifest lists.

Only what cannot be computed is typed here: what others import by name, each with its reason.
"""

from typing import Final, NamedTuple

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

OPTIONAL: Final[dict[str, str]] = {
    "ltmc.storage.postgres": "psycopg",
}
"""Packages of LTMC that load only where something is installed that an extra brings, and what that is."""

EXTRAS: Final = {"postgres": "psycopg"}
"""The extras with which LTMC does more, and a distribution that each brings."""

LICENCES: Final[dict[str, str]] = {
    "async-timeout": "Apache-2.0",
    "jinja2": "BSD-3-Clause",
    "pyperclip": "BSD-3-Clause",
    "pywin32": "PSF-2.0",
}
"""SPDX expressions of the distributions whose metadata has none, as their texts are worded."""

MODEL: Final = ("all-minilm-l6-v2", "0.1.2", "Apache-2.0")
"""Name, version and licence of the sentence model in `ltmc.search`; NOTICE says where it comes from."""

NOTICES: Final = ("LICENSE", "NOTICE")
"""Texts that must go wherever LTMC goes: its licence, and what the licence of the model asks for."""


class Vendored(NamedTuple):
    """A file of others that is shipped as it was published.

    Attributes:
        package: the npm package.
        source: the file in it.
        licence: its SPDX identifier; what it asks for stands in NOTICE.
    """

    package: str
    version: str
    source: str
    licence: str
    sha256: str


STATIC: Final = "ltmc.dashboard.static"
"""The package that holds them."""

VENDORED: Final[dict[str, Vendored]] = {
    "htmx.min.js": Vendored(
        "htmx.org",
        "2.0.11",
        "dist/htmx.min.js",
        "0BSD",
        "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    ),
    "uplot.min.js": Vendored(
        "uplot",
        "1.6.32",
        "dist/uPlot.iife.min.js",
        "MIT",
        "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    ),
    "uplot.min.css": Vendored(
        "uplot",
        "1.6.32",
        "dist/uPlot.min.css",
        "MIT",
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    ),
    "d3-force.min.js": Vendored(
        "d3-force",
        "3.0.1",
        "dist/d3-force.min.js",
        "ISC",
        "ed05b52ecfe280d753ebab954e4e1f24097952480a9d277be55b6ba297bf4a9b",
    ),
    "d3-quadtree.min.js": Vendored(
        "d3-quadtree",
        "3.0.2",
        "dist/d3-quadtree.min.js",
        "ISC",
        "6bd9974b3efdf9c22942a6fb9a5a027ee39f81a6c27b09a3444c9e911796f439",
    ),
    "d3-dispatch.min.js": Vendored(
        "d3-dispatch",
        "3.0.2",
        "dist/d3-dispatch.min.js",
        "ISC",
        "5afe071dad74c14cd580f540c9ec85b0755eed78b7f9ed3e9f63b989fc41aa4b",
    ),
    "d3-timer.min.js": Vendored(
        "d3-timer",
        "3.0.2",
        "dist/d3-timer.min.js",
        "ISC",
        "f6b80ed73b21d01658db60d1c04adb88adc70f885346ae07d59ed69ba0348849",
    ),
}
"""The files in ltmc/dashboard/static that are not LTMC's own: what of them `ltmc check` and a test compare."""
