"""The lists of parts: valid, and of exactly what lies in the artefact."""

import json
import tarfile
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from bundles import lock
from ltmc import __version__
from ltmc.distribution import contents
from tests import artefacts

pytest.importorskip("cyclonedx", reason="the build extra is not installed")

LISTS = ("ltmc.pyz.cdx.json", "ltmc-linux-x86_64.cdx.json", "ltmc-onefile.cdx.json")


def read(name: str) -> dict[str, Any]:
    artefacts.pyz() if "pyz" in name else artefacts.program()  # they are made together
    about: dict[str, Any] = json.loads((artefacts.DIST / name).read_text())
    return about


def by_name(about: dict[str, Any], *kinds: str) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in about["components"] if part["bom-ref"].split("/")[0] in kinds}


def files(name: str) -> dict[str, bytes | None]:
    """The files of the form that a list is of; the content of those that tests look into."""
    if "pyz" in name:
        with artefacts.packed(artefacts.pyz()) as archive:
            wanted = ("parts.json", "minilm.ltms", ".so")
            return {
                entry.removeprefix("site-packages/"): archive.read(entry) if entry.endswith(wanted) else None
                for entry in archive.namelist()
            }
    inside = artefacts.program().parent / "_internal"
    if "linux" in name:
        with tarfile.open(artefacts.DIST / "ltmc-linux-x86_64.tar.gz") as archive:
            packed = {entry.name.removeprefix("ltmc/_internal/") for entry in archive if entry.isfile()}
        assert packed - {"ltmc/ltmc"} <= {
            path.relative_to(inside).as_posix() for path in inside.rglob("*") if path.is_file()
        }
    return {
        path.relative_to(inside).as_posix(): path.read_bytes() for path in inside.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("name", LISTS)
def test_it_is_valid(name: str) -> None:
    from cyclonedx.validation.json import JsonStrictValidator

    from bundles import sbom

    about = read(name)
    assert JsonStrictValidator(sbom.VERSION).validate_str(json.dumps(about)) is None
    assert JsonStrictValidator(sbom.VERSION).validate_str(json.dumps(about | {"components": [{}]}))
    assert about["metadata"]["component"]["version"] == __version__
    assert all(part["licenses"] and part["version"] for part in about["components"])


@pytest.mark.parametrize("name", LISTS)
def test_its_parts_are_what_lies_in_the_form(name: str) -> None:
    about, found = read(name), files(name)
    folders = {top for path in found if (top := path.split("/")[0]).endswith(".dist-info")}
    lying = (folder.removesuffix(".dist-info").partition("-") for folder in folders)
    listed = by_name(about, "python")
    assert {(canonicalize_name(name), version) for name, _, version in lying} == {
        ("ltmc", __version__),
        *((part["name"], part["version"]) for part in listed.values()),
    }
    (added,) = (json.loads(content or b"") for path, content in found.items() if path.endswith("/parts.json"))
    expected = {entry[0] for entry in added if entry[3] != "launcher" or "onefile" in name}
    assert by_name(about, "tool", "library", "launcher").keys() == expected
    assert by_name(about, "javascript").keys() == {file.package for file in contents.VENDORED.values()}
    libraries = {PurePosixPath(path).name for path in found if "/" not in path and ".so" in path}
    for part, of in (("openssl", "libssl"), ("sqlite", "libsqlite3"), ("cpython", "libpython")):
        assert (part in expected) == any(library.startswith(of) for library in libraries)


@pytest.mark.parametrize("name", LISTS)
def test_its_hashes_are_those_of_the_lock_file_and_of_the_files(name: str) -> None:
    about, found, locked = read(name), files(name), lock.LOCK.read_text()
    for part in by_name(about, "python").values():
        wheels = [file for file in part["externalReferences"] if file["type"] == "distribution"]
        assert wheels, part["name"]
        assert all(f"sha256:{wheel['hashes'][0]['content']}" in locked for wheel in wheels), part["name"]
    (model,) = by_name(about, "model").values()
    (kernel,) = about["metadata"]["component"]["components"]
    for part, path in ((model, "ltmc/search/minilm.ltms"), (kernel, "ltmc/search/kernel/libltmc-kernel.so")):
        assert part["hashes"][0]["content"] == sha256(found[path] or b"").hexdigest()


def test_what_is_compiled_into_wheels_is_named() -> None:
    crypto = by_name(read(LISTS[0]), "python")["cryptography"]
    assert "openssl" in {part["name"] for part in crypto["components"]}
