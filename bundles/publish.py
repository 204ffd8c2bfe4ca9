"""What is made from ltmc.pyz: a desktop extension (.mcpb), server.json for the MCP registry, SHA256SUMS."""

import json
import tomllib
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema

from bundles import lock, schemas
from ltmc import __version__
from ltmc.tools import selection

ROOT = Path(__file__).parents[1]
ARTEFACTS = (
    *(f"{one.stem}.{suffix}" for one in lock.PLATFORMS for suffix in ("pyz", "pyz.cdx.json", "mcpb")),
    *(f"ltmc-{__version__}-py3-none-{platform.own}.whl" for platform in lock.PLATFORMS),
    f"ltmc-{__version__}.tar.gz",
    "server.json",
    "ltmc-onefile",
    "ltmc-onefile.cdx.json",
    "ltmc-linux-x86_64.tar.gz",
    "ltmc-linux-x86_64.cdx.json",
)


def write_mcpb(
    pyz: Path, target: Path, platform: lock.Platform, epoch: tuple[int, int, int, int, int, int]
) -> None:
    """Write the desktop extension for `platform`: `pyz` and the manifest that says how to start it."""
    about = extension_manifest(platform)
    jsonschema.validate(about, schemas.MCPB, format_checker=jsonschema.FormatChecker())
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("manifest.json", epoch), _text(about), zipfile.ZIP_DEFLATED)
        # Stored: it is compressed already.
        archive.writestr(zipfile.ZipInfo("server/ltmc.pyz", epoch), pyz.read_bytes())


def extension_manifest(platform: lock.Platform) -> dict[str, Any]:
    """Return the manifest.json of the desktop extension for `platform`, with the tools that are offered."""
    project = _project()
    oldest, newest = lock.PYTHONS[0], lock.PYTHONS[-1]
    return {
        "manifest_version": schemas.MCPB_VERSION,
        "name": project["name"],
        "display_name": "LTMC",
        "version": __version__,
        "description": project["description"],
        "author": {"name": "The LTMC authors"},
        "license": project["license"],
        "keywords": project["keywords"],
        "server": {
            "type": "python",
            "entry_point": "server/ltmc.pyz",
            "mcp_config": {
                "command": "python3",
                "args": ["${__dirname}/server/ltmc.pyz", "serve"],
                "platform_overrides": {"win32": {"command": "python"}},
            },
        },
        "tools": [{"name": tool.name, "description": tool.title} for tool in selection.select("all")],
        "compatibility": {
            "platforms": [platform.sys_platform],
            "runtimes": {"python": f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"},
        },
    }


def write_server_json(mcpb: Path, target: Path) -> None:
    """Write server.json, which points the MCP registry to the published `mcpb`."""
    about = server_json(sha256(mcpb.read_bytes()).hexdigest(), mcpb.name)
    jsonschema.validate(about, schemas.SERVER, format_checker=jsonschema.FormatChecker())
    target.write_text(_text(about), "utf-8")


def server_json(digest: str, file_name: str) -> dict[str, Any]:
    """server.json for the package on PyPI, and the desktop extension `file_name`, whose SHA-256 is `digest`.

    The registry looks for ``mcp-name: <name>`` in the README of the package on PyPI, as proof that both have one owner.
    """
    publish = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ltmc"]["publish"]
    return {
        "$schema": schemas.SERVER_URL,
        "name": publish["name"],
        "title": "LTMC",
        "description": _project()["description"],
        "version": __version__,
        "packages": [
            {
                "registryType": "pypi",
                "identifier": _project()["name"],
                "version": __version__,
                "runtimeHint": "uvx",
                "packageArguments": [{"type": "positional", "value": "serve"}],
                "transport": {"type": "stdio"},
            },
            {
                "registryType": "mcpb",
                "identifier": f"{publish['downloads'].format(version=__version__)}/{file_name}",
                "version": __version__,
                "fileSha256": digest,
                "transport": {"type": "stdio"},
            },
        ],
    }


def write_sums(dist: Path) -> None:
    """Write ``SHA256SUMS`` for each artefact that is in `dist`, in the form ``sha256sum -c`` reads."""
    lines = []
    for name in ARTEFACTS:
        if (dist / name).is_file():
            with (dist / name).open("rb") as file:
                digest = sha256()
                while block := file.read(1 << 20):
                    digest.update(block)
            lines.append(f"{digest.hexdigest()}  {name}\n")
    (dist / "SHA256SUMS").write_text("".join(lines), "utf-8")


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
