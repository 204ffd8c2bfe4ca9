"""What the published schemas of the MCP ecosystem require of the two files that we write.

Facts only, for the fields that we use: names, types, limits. Both are closed, so a field that is not
known here is an error.
"""

from typing import Any

MCPB_VERSION = "0.4"
"""The version of the desktop extension manifest; https://github.com/modelcontextprotocol/mcpb"""

SERVER_URL = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
"""The version of server.json; https://github.com/modelcontextprotocol/registry"""

_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}


def _closed(required: str, optional: str = "", **fields: Any) -> dict[str, Any]:
    """Return an object with these fields and no others; those without a schema of their own are strings."""
    names = [*required.split(), *optional.split()]
    return {
        "type": "object",
        "required": required.split(),
        "properties": {name: fields.get(name, _TEXT) for name in names},
        "additionalProperties": False,
    }


_STARTS: dict[str, Any] = {"args": _TEXTS, "env": {"type": "object", "additionalProperties": _TEXT}}

MCPB = _closed(
    "manifest_version name version description author server",
    "display_name license keywords tools compatibility",
    manifest_version={"const": MCPB_VERSION},
    author=_closed("name"),
    keywords=_TEXTS,
    server=_closed(
        "type entry_point mcp_config",
        type={"const": "python"},
        mcp_config=_closed(
            "command",
            "args env platform_overrides",
            platform_overrides={
                "type": "object",
                "additionalProperties": _closed("", "command args env", **_STARTS),
            },
            **_STARTS,
        ),
    ),
    tools={"type": "array", "items": _closed("name", "description")},
    compatibility=_closed(
        "",
        "platforms runtimes",
        platforms={"type": "array", "items": {"enum": ["darwin", "win32", "linux"]}},
        runtimes=_closed("", "python node"),
    ),
)

_VERSION: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255, "not": {"const": "latest"}}
_STDIO = _closed("type", type={"const": "stdio"})

_MCPB_PACKAGE = _closed(
    "registryType identifier fileSha256 transport",
    "version",
    registryType={"const": "mcpb"},
    # The registry takes such a file only from a release page, and only with "mcp" in its address.
    identifier={"type": "string", "format": "uri", "pattern": "^https://.*mcp"},
    fileSha256={"type": "string", "pattern": "^[a-f0-9]{64}$"},
    version=_VERSION,
    transport=_STDIO,
)

_PYPI_PACKAGE = _closed(
    "registryType identifier version transport",
    "runtimeHint packageArguments",
    registryType={"const": "pypi"},
    identifier={"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"},
    version=_VERSION,
    packageArguments={"type": "array", "items": _closed("type value", type={"const": "positional"})},
    transport=_STDIO,
)

SERVER = _closed(
    "$schema name description version packages",
    "title",
    **{"$schema": {"const": SERVER_URL}},
    name={"type": "string", "minLength": 3, "maxLength": 200, "pattern": "^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$"},
    title={"type": "string", "minLength": 1, "maxLength": 100},
    description={"type": "string", "minLength": 1, "maxLength": 100},
    version={"type": "string", "maxLength": 255},
    packages={
        "type": "array",
        "minItems": 1,
        "items": {"oneOf": [_MCPB_PACKAGE, _PYPI_PACKAGE]},
    },
)
