"""The desktop extension, server.json and the checksums."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bundles import lock, publish, schemas
from ltmc import __version__
from ltmc.tools import selection
from tests import artefacts
from tests.client import Session
from tests.conftest import unavailable


def mcpb(*arguments: str | Path) -> None:
    """Run the program of those who made the format."""
    program = Path(__file__).parent / "node_modules" / ".bin" / "mcpb"
    if not program.exists():
        unavailable("the validator of extensions is not installed: npm ci in tests/bundles")
    subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL)


def built(name: str) -> Path:
    artefacts.pyz()  # they are made together
    return artefacts.DIST / name


def test_the_extension_starts_the_server_as_its_manifest_says(db: Path, tmp_path: Path) -> None:
    mcpb("unpack", built("ltmc.mcpb"), tmp_path)
    mcpb("validate", tmp_path / "manifest.json")
    about = json.loads((tmp_path / "manifest.json").read_text())
    jsonschema.validate(about, schemas.MCPB)
    assert about["version"] == __version__
    assert [tool["name"] for tool in about["tools"]] == [tool.name for tool in selection.select("all")]
    assert (tmp_path / about["server"]["entry_point"]).is_file()
    config = about["server"]["mcp_config"]
    *arguments, serve = [text.replace("${__dirname}", str(tmp_path)) for text in config["args"]]
    assert serve == "serve"
    path = {"PATH": f"{Path(artefacts.base_python()).parent}:/usr/bin:/bin"}
    with Session(db, command=[config["command"], *arguments], env=path) as client:
        assert client.ok("add_todo", title="from the extension")["todo_id"] == 1


@pytest.mark.parametrize("platform", lock.PLATFORMS, ids=lambda platform: platform.name)
def test_the_extension_of_each_platform_is_valid(platform: lock.Platform, tmp_path: Path) -> None:
    about = publish.extension_manifest(platform)
    jsonschema.validate(about, schemas.MCPB)
    assert about["compatibility"]["platforms"] == [platform.sys_platform]
    config = about["server"]["mcp_config"]
    start = config | config["platform_overrides"].get(platform.sys_platform, {})
    assert start["command"] == ("python" if platform.sys_platform == "win32" else "python3")
    (tmp_path / "manifest.json").write_text(json.dumps(about))
    mcpb("validate", tmp_path / "manifest.json")


def test_the_validator_refuses_what_is_wrong(tmp_path: Path) -> None:
    about = publish.extension_manifest(lock.LINUX_X86_64)
    about["server"]["mcp_config"]["platform_overrides"]["win32"] = {"program": "python"}
    (tmp_path / "manifest.json").write_text(json.dumps(about))
    with pytest.raises(subprocess.CalledProcessError):
        mcpb("validate", tmp_path / "manifest.json")


def test_server_json_is_valid_and_names_the_package_and_the_extension_by_its_hash() -> None:
    about = json.loads(built("server.json").read_text())
    jsonschema.validate(about, schemas.SERVER)
    on_pypi, package = about["packages"]
    assert (on_pypi["registryType"], on_pypi["identifier"]) == ("pypi", "ltmc")
    assert on_pypi["version"] == __version__
    assert package["fileSha256"] == sha256(built("ltmc.mcpb").read_bytes()).hexdigest()
    assert package["identifier"].endswith("/ltmc.mcpb")
    assert about["version"] == package["version"] == __version__


def test_the_readme_proves_to_the_registry_whose_package_it_is() -> None:
    name = publish.server_json("0" * 64, "ltmc.mcpb")["name"]
    assert f"mcp-name: {name} " in (artefacts.ROOT / "README.md").read_text()


def test_the_checksums_are_right() -> None:
    built("SHA256SUMS")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=artefacts.DIST,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    own = (f"ltmc-{__version__}-py3-none-{lock.LINUX_X86_64.own}.whl", f"ltmc-{__version__}.tar.gz")
    for name in ("ltmc.pyz", "ltmc.mcpb", "server.json", *own):
        assert f"{name}: OK" in done.stdout.splitlines()


WRONG_MANIFESTS: list[tuple[str, Any]] = [
    ("manifest_version", "0.1"),
    ("author", {}),
    ("author", {"name": "a", "nick": "b"}),
    ("server", {"type": "python", "entry_point": "a"}),
    ("tools", [{"description": "without a name"}]),
    ("compatibility", {"platforms": ["amiga"]}),
    ("unknown", 1),
]


@pytest.mark.parametrize(("field", "value"), WRONG_MANIFESTS)
def test_the_schema_refuses_a_wrong_manifest(field: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(publish.extension_manifest(lock.LINUX_X86_64) | {field: value}, schemas.MCPB)


WRONG_SERVERS: list[tuple[str, Any]] = [
    ("name", "no-namespace"),
    ("name", "two/slashes/here"),
    ("description", "x" * 101),
    ("packages", [{"registryType": "mcpb", "identifier": "https://a/mcpb", "transport": {"type": "stdio"}}]),
    ("packages", []),
    ("packages", [{"registryType": "pypi", "identifier": "ltmc", "transport": {"type": "stdio"}}]),
    (
        "packages",
        [{"registryType": "pypi", "identifier": "a/b", "version": "1", "transport": {"type": "stdio"}}],
    ),
    ("unknown", 1),
]


@pytest.mark.parametrize(("field", "value"), WRONG_SERVERS)
def test_the_schema_refuses_a_wrong_server_json(field: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(publish.server_json("0" * 64, "ltmc.mcpb") | {field: value}, schemas.SERVER)
