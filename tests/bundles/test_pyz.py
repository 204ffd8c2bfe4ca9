"""ltmc.pyz as a file: the same bytes each time, complete, of a bearable size, and honest when it is not whole."""

import ast
import io
import json
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from bundles import lock
from ltmc import __version__
from ltmc.distribution import form, unpacking
from tests import artefacts

TAG = re.compile(r"\.cpython-(3)(\d+)-")


def entries() -> list[zipfile.ZipInfo]:
    with artefacts.packed(artefacts.pyz()) as archive:
        return archive.infolist()


def test_a_second_build_has_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("shiv", reason="the build extra is not installed")
    first = artefacts.pyz()
    with zipfile.ZipFile(first) as archive:
        built_at = datetime.fromisoformat(json.loads(archive.read("environment.json"))["built_at"] + "+00:00")
    with artefacts.packed(first) as archive:
        commit = archive.read(f"site-packages/ltmc/distribution/{form.COMMIT_FILE}").decode()
    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            'umask 007; exec "$@"',
            "sh",
            sys.executable,
            "-m",
            "bundles.build",
            "--dist",
            tmp_path,
        ],
        cwd=artefacts.ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "SOURCE_DATE_EPOCH": f"{built_at.timestamp():.0f}",
            "LTMC_COMMIT": commit.strip(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = [path.name for path in tmp_path.glob("*.*") if path.is_file()]
    assert {*made} >= {
        "ltmc.pyz",
        "ltmc.pyz.cdx.json",
        "ltmc.mcpb",
        "server.json",
        f"ltmc-{__version__}.tar.gz",
    }
    assert [name for name in made if name.endswith(".whl")]
    for name in made:
        again = sha256((tmp_path / name).read_bytes()).hexdigest()
        assert again == sha256(first.with_name(name).read_bytes()).hexdigest(), name


def test_nothing_of_the_builder_is_inside() -> None:
    traces = [str(artefacts.ROOT).encode(), str(Path.home()).encode(), b"site-packages/ltmc/__pycache__"]
    with artefacts.packed(artefacts.pyz()) as archive:
        for entry in archive.infolist():
            content = archive.read(entry)
            assert not [trace for trace in traces if trace in content], entry.filename
            assert entry.date_time == archive.infolist()[0].date_time
            assert not entry.filename.endswith((".pyc", "RECORD", "direct_url.json"))


def test_every_package_has_an_extension_module_for_every_python() -> None:
    found = defaultdict(set)
    for entry in entries():
        if match := TAG.search(entry.filename):
            found[entry.filename[: match.start()]].add((int(match[1]), int(match[2])))
    assert found
    for module, pythons in found.items():
        assert pythons == set(lock.PYTHONS), module
    assert [entry for entry in entries() if entry.filename.endswith(".abi3.so")]


def test_no_module_hides_one_of_the_standard_library() -> None:
    names = {
        Path(entry.filename).parts[1] for entry in entries() if entry.filename.startswith("site-packages/")
    }
    assert not {name.removesuffix(".py") for name in names} & sys.stdlib_module_names


def test_it_is_not_much_larger_than_for_a_single_python() -> None:
    def size(python: tuple[int, int] | None) -> int:
        own = "site-packages/ltmc/"
        return sum(
            entry.compress_size
            for entry in entries()
            if not entry.filename.startswith(own)
            and (
                not python or not (tag := TAG.search(entry.filename)) or (int(tag[1]), int(tag[2])) == python
            )
        )

    assert size(None) <= 1.6 * size((3, 11))
    assert artefacts.pyz().stat().st_size <= 50.5e6, "the model is 21 MB of it"


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_one_file_runs_on_every_python(version: str, tmp_path: Path) -> None:
    done = check(artefacts.pyz(), tmp_path, artefacts.python(version))
    assert (done.returncode, done.stderr) == (0, "")
    assert "(pyz)" in done.stdout


def without(pattern: str, folder: Path) -> Path:
    """A copy of the .pyz without the files whose names match."""
    copy = folder / "ltmc.pyz"
    content = io.BytesIO()
    with artefacts.packed(artefacts.pyz()) as source, zipfile.ZipFile(content, "w") as target:
        kept = [entry for entry in source.infolist() if not re.search(pattern, entry.filename)]
        assert len(kept) < len(source.infolist())
        for entry in kept:
            target.writestr(entry, source.read(entry), zipfile.ZIP_STORED)
    with zipfile.ZipFile(artefacts.pyz()) as source, zipfile.ZipFile(copy, "w") as target:
        for entry in source.infolist():
            is_packed = entry.filename == unpacking.PACKED
            target.writestr(entry, content.getvalue() if is_packed else source.read(entry))
    return copy


def check(file: Path, folder: Path, python: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python or artefacts.base_python(), file, "check"],
        env={"HOME": str(folder), "LTMC_ROOT": str(folder / "root"), "LTMC_DB": str(folder / "ltmc.db")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"/ltmc/features/todos/tools\.py$", "Missing module ltmc.features.todos.tools: ModuleNotFoundError"),
        (r"/redis/", "Missing module redis.asyncio: ModuleNotFoundError"),
        (r"/aiosqlite/", "Missing module aiosqlite: ModuleNotFoundError"),
        (r"/mcp-[^/]*\.dist-info/", "Missing distribution mcp: PackageNotFoundError"),
        (
            r"/ltmc/storage/sqlite/migrations/0001_core.sql$",
            "Missing data ltmc.storage.sqlite.migrations/0001_core.sql",
        ),
    ],
)
def test_the_check_names_what_was_removed(pattern: str, named: str, tmp_path: Path) -> None:
    done = check(without(pattern, tmp_path), tmp_path)
    assert done.returncode == 1
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    copy = tmp_path / "ltmc.pyz"
    content = bytearray(artefacts.pyz().read_bytes())
    with zipfile.ZipFile(artefacts.pyz()) as archive:
        entry = archive.getinfo(unpacking.PACKED)
    middle = entry.header_offset + entry.compress_size // 2
    content[middle : middle + 64] = bytes(64)
    copy.write_bytes(content)
    done = check(copy, tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(rf"ltmc: {copy} is damaged \(.+\); fetch it again\.\n", done.stderr)


def test_what_unpacks_it_imports_nothing_that_is_packed_on_any_system() -> None:
    with zipfile.ZipFile(artefacts.pyz()) as archive:
        beside = {name.removesuffix(".py") for name in archive.namelist() if "/" not in name}
        parts = {
            name: archive.read(f"{name}.py") for name in beside if name.startswith(("_unpacking", "_locks"))
        }
    assert parts.keys() == {"_unpacking", "_unpacking_unix", "_unpacking_windows", "_locks_windows"}
    for name, text in parts.items():
        for node in ast.walk(ast.parse(text)):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for one in imported:
                assert one.partition(".")[0] in sys.stdlib_module_names | parts.keys(), (
                    f"{name} imports {one}"
                )
