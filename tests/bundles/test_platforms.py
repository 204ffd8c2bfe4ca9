"""Files for platforms that this is not: complete and in the right format, as far as can be said without running."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bundles import inspection, lock
from ltmc.distribution import unpacking
from tests import artefacts
from tests.bundles.test_pyz import without

FOREIGN = [platform for platform in lock.PLATFORMS if platform.sys_platform != "linux"]
"""Those that no test runs; tests/forms/test_arm64.py runs the other."""

LINUX = lock.LINUX_X86_64


@pytest.mark.parametrize("platform", FOREIGN, ids=lambda platform: platform.name)
def test_it_is_built_for_one_python_and_found_whole(platform: lock.Platform, tmp_path: Path) -> None:
    pytest.importorskip("shiv", reason="the build extra is not installed")
    wanted = [f"--platform={platform.name}", "--python=3.11", f"--dist={tmp_path}"]
    subprocess.run([sys.executable, "-m", "bundles.build", *wanted], cwd=artefacts.ROOT, check=True)
    pyz = tmp_path / f"{platform.stem}.pyz"
    assert inspection.faults(pyz, platform, ((3, 11),)) == []
    assert artefacts.trouble(pyz) is None
    assert {path.name for path in tmp_path.iterdir()} == {
        pyz.name,
        f"{pyz.name}.cdx.json",
        f"{platform.stem}.mcpb",
        next(tmp_path.glob(f"ltmc-*-py3-none-{platform.own}.whl")).name,
        next(tmp_path.glob("ltmc-*.tar.gz")).name,
        "SHA256SUMS",
    }
    with zipfile.ZipFile(pyz) as archive:
        assert f"PLATFORM = {(platform.sys_platform, platform.machine, platform.words)!r}" in archive.read(
            "_launcher.py"
        ).decode("utf-8")
    assert any(
        "is for Python 3.11 alone" in fault for fault in inspection.faults(pyz, platform, lock.PYTHONS)
    )
    done = subprocess.run([artefacts.base_python(), pyz], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f" on {platform.words}, and this is linux on x86_64; " in done.stderr


def test_the_file_for_this_host_is_whole() -> None:
    assert inspection.faults(artefacts.pyz(), LINUX, lock.PYTHONS) == []


@pytest.mark.parametrize(
    "platform", [one for one in lock.PLATFORMS if one != LINUX], ids=lambda one: one.name
)
def test_what_is_made_for_another_platform_is_named(platform: lock.Platform) -> None:
    with artefacts.packed(artefacts.pyz()) as archive:
        names = [name.removeprefix(unpacking.SITE) for name in archive.namelist()]
    assert inspection.faults(artefacts.pyz(), platform, lock.PYTHONS) == [
        f"{name} is not for {platform.binary}" for name in names if name.endswith(".so")
    ]


REMOVED = {
    r"/ltmc/features/todos/tools\.py$": "module ltmc.features.todos.tools is missing",
    r"/uvicorn/lifespan/on\.py$": "module uvicorn.lifespan.on is missing",
    r"/0001_core\.sql$": "data ltmc.storage.sqlite.migrations/0001_core.sql is missing",
    r"/mcp-[^/]*\.dist-info/METADATA$": "distribution mcp is missing",
    r"/licenses/NOTICE$": "notice NOTICE is missing",
    r"/_pydantic_core\.cpython-314": "pydantic_core/_pydantic_core is for Python 3.11, 3.12, 3.13 alone",
    r"kernel\.so$": "the kernel is missing",
}


def test_what_was_removed_is_named(tmp_path: Path) -> None:
    copy = without("|".join(REMOVED), tmp_path)
    assert {*REMOVED.values()} <= {*inspection.faults(copy, LINUX, lock.PYTHONS)}


@pytest.mark.parametrize(
    ("content", "made_for"),
    [
        (b"\x7fELF\x02\x01" + bytes(12) + b"\x3e\x00", {"ELF x86_64"}),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\xb7\x00", {"ELF aarch64"}),
        (b"\x7fELF\x01\x01" + bytes(12) + b"\x03\x00", set()),
        (b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01", {"Mach-O arm64"}),
        (
            bytes.fromhex("cafebabe 00000002 01000007") + bytes(16) + bytes.fromhex("0100000c") + bytes(16),
            {"Mach-O x86_64", "Mach-O arm64"},
        ),
        (b"MZ" + bytes(58) + b"\x40\x00\x00\x00PE\x00\x00\x64\x86", {"PE x86_64"}),
        (b"#!/bin/sh\n", set()),
    ],
)
def test_formats_and_processors_are_told_apart(content: bytes, made_for: set[str]) -> None:
    assert inspection.binary(content) == made_for
