"""The lock file: complete, hashed, and read rightly for each Python."""

import re
import tomllib
from contextlib import suppress
from importlib import metadata
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bundles import lock
from ltmc.distribution import licences
from tests.artefacts import ROOT
from tests.conftest import REQUIRE_ALL


def pinned(
    python: tuple[int, int], file: Path = lock.LOCK, platform: lock.Platform = lock.LINUX_X86_64
) -> dict[str, str]:
    """Package to version."""
    listed = lock.requirements(python, platform, file)
    lines = [line.split(" ")[0] for line in listed.splitlines() if "==" in line]
    return {name: version for name, _, version in (line.partition("==") for line in lines)}


def test_every_dependency_is_pinned_to_a_version_that_we_allow() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    all_systems = dict(line.split(" ")[0].split("==") for line in lock.constraints().splitlines())
    for text in project["dependencies"]:
        wanted = Requirement(text)
        for found in [all_systems] if wanted.marker else map(pinned, lock.PYTHONS):
            version = found[canonicalize_name(wanted.name)]
            assert wanted.specifier.contains(version), f"{text}: the lock file has {version}"


def test_one_version_of_each_package_serves_all_pythons() -> None:
    versions: dict[str, set[str]] = {}
    for python in lock.PYTHONS:
        for name, version in pinned(python).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("file", [lock.LOCK, lock.BUILD_TOOLS])
def test_every_requirement_has_hashes(file: Path) -> None:
    for head, hashes in lock.entries(file):
        assert hashes, head
        lines = hashes.rstrip().split("\n")
        assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines), head


def test_the_constraints_are_those_of_the_lock_file() -> None:
    assert lock.CONSTRAINTS.read_text() == lock.constraints(), "run python -m bundles.lock"


def of_this_python(file: Path) -> dict[str, str]:
    """Package to version, for the Python and the system that run this."""
    wanted = [Requirement(head) for head, _ in lock.entries(file)]
    here = [one for one in wanted if one.marker is None or one.marker.evaluate()]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in here}


def same(installed: dict[str, str], wanted: dict[str, str]) -> None:
    if installed != wanted and not REQUIRE_ALL:
        pytest.skip("an environment that was not made with bundles/build-tools.lock")
    assert installed == wanted


def test_exactly_what_is_shipped_is_tested() -> None:
    """Each distribution of the lock file in its version, and nothing else that LTMC would use."""
    installed = {part.name: part.version for part in licences.parts() if part.kind == "python"}
    of_extras = {"psycopg", "psycopg-binary"}
    same(
        {name: installed[name] for name in installed.keys() - of_extras - {"ltmc"}}, of_this_python(lock.LOCK)
    )


def test_the_tools_of_the_build_are_those_of_their_lock_file() -> None:
    wanted, installed = of_this_python(lock.BUILD_TOOLS), {}
    for name in wanted:
        with suppress(PackageNotFoundError):
            installed[name] = metadata.version(name)
    same(installed, wanted)


def test_the_tools_of_the_build_are_pinned_to_versions_that_we_allow_beside_what_is_shipped() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = of_this_python(lock.BUILD_TOOLS)
    for text in project["optional-dependencies"]["build"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(found[canonicalize_name(wanted.name)]), text
    assert found.items() >= of_this_python(lock.LOCK).items()


def test_markers_are_settled_for_the_named_python_and_not_the_running_one(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    file.write_text(
        "# a comment\n"
        "always==1 \\\n    --hash=sha256:0\n"
        "old==2 ; python_full_version < '3.12' \\\n    --hash=sha256:1\n"
        "    # via something\n"
        "elsewhere==3 ; sys_platform == 'win32' \\\n    --hash=sha256:2\n"
    )
    assert pinned((3, 11), file) == {"always": "1", "old": "2"}
    assert pinned((3, 14), file) == {"always": "1"}
    assert "--hash=sha256:1" in lock.requirements((3, 11), lock=file)


@pytest.mark.parametrize("python", lock.PYTHONS)
def test_what_only_older_pythons_need_is_in(python: tuple[int, int]) -> None:
    assert ("importlib-metadata" in pinned(python)) == (python < (3, 12))


def test_what_only_one_system_needs_is_in_for_it() -> None:
    found = {platform.name: pinned((3, 13), platform=platform) for platform in lock.PLATFORMS}
    assert {name for name, packages in found.items() if "pywin32" in packages} == {"windows-x64"}
    assert {name for name, packages in found.items() if "secretstorage" in packages} == {
        "linux-x86_64",
        "linux-arm64",
    }


def test_the_files_of_this_host_are_called_like_ltmc_itself() -> None:
    assert lock.host() == lock.LINUX_X86_64
    assert [platform.stem for platform in lock.PLATFORMS] == [
        "ltmc",
        "ltmc-linux-arm64",
        "ltmc-macos-arm64",
        "ltmc-windows-x64",
    ]
