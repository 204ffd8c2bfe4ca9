"""The frozen program: whole without a Python, honest when it is not whole, and clean when it ends."""

import gzip
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from ltmc.distribution import form
from ltmc.tools import manifest
from tests import artefacts
from tests.client import Session
from tests.conftest import unavailable

INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
    b'"clientInfo":{"name":"test","version":"1"}}}\n'
)
both = pytest.mark.parametrize("onefile", [False, True], ids=["folder", "onefile"])


def environment(folder: Path, **more: str) -> dict[str, str]:
    """No PATH, no Python, a home of the test's own."""
    (folder / "tmp").mkdir(exist_ok=True)
    return {"HOME": str(folder), "TMPDIR": str(folder / "tmp"), "LTMC_DB": str(folder / "ltmc.db"), **more}


def run(program: Path, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments], env=env, capture_output=True, text=True, check=False, timeout=60
    )


@both
def test_it_runs_without_any_python(onefile: bool, tmp_path: Path) -> None:
    done = run(artefacts.program(onefile=onefile), "check", env=environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert ("(one file)" if onefile else "(frozen)") in done.stdout


@both
def test_it_runs_on_a_host_with_glibc_and_zlib_and_nothing_else(onefile: bool, tmp_path: Path) -> None:
    program = artefacts.program(onefile=onefile)
    host = tmp_path / "host"
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp"}
    (host / "tmp").mkdir(parents=True)
    command = ["unshare", "--map-root-user", "chroot", host, "/ltmc" if onefile else "/opt/ltmc"]
    if onefile:
        shutil.copy(program, host / "ltmc")
        said = run(command[0], *command[1:], "--version", env=env)
        if "unshare" in said.stderr:
            unavailable("no namespaces to change the root in")
        assert (said.returncode, "the program needs glibc" in said.stderr) == (1, True)
    else:
        shutil.copytree(program.parent, host / "opt")
    for library in needed(artefacts.program()):
        target = host / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 1:
        unavailable("no namespaces to change the root in")
    done = run(command[0], *command[1:], "check", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("(one file)" if onefile else "(frozen)") in done.stdout


def needed(program: Path) -> list[Path]:
    """The dynamic loader, glibc and zlib, under the names by which programs know them."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    folder = Path(re.search(r"=> (/\S*/libc\.so\.6)", listed)[1]).parent
    parts = ("libm.so.6", "librt.so.1", "libutil.so.1")  # glibc too; the libraries of Python ask for them
    named = [Path(path) for path in re.findall(r"(/\S+) \(0x", listed)]
    return [*named, *(folder / name for name in parts if (folder / name).exists())]


def test_the_sizes_are_bearable() -> None:
    folder = artefacts.program().parent
    assert sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) <= 76e6
    assert artefacts.program(onefile=True).stat().st_size <= 49.5e6
    model = gzip.compress((artefacts.PACKAGE / "search" / "minilm.ltms").read_bytes())
    assert (artefacts.DIST / "ltmc-linux-x86_64.tar.gz").stat().st_size - len(model) <= 40e6


def test_the_packed_folder_is_the_folder(tmp_path: Path) -> None:
    folder = artefacts.program().parent
    with tarfile.open(artefacts.DIST / "ltmc-linux-x86_64.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert subprocess.run(["diff", "-r", folder, tmp_path / "ltmc"], check=False).returncode == 0
    assert run(tmp_path / "ltmc" / "ltmc", "--version", env=environment(tmp_path)).returncode == 0


def test_a_second_build_has_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("PyInstaller", reason="the build extra is not installed")
    first = artefacts.program().parent
    (tmp_path / "tmp").mkdir()
    built_at = json.loads((artefacts.DIST / "ltmc-onefile.cdx.json").read_text())["metadata"]["timestamp"]
    done = subprocess.run(
        ["/bin/sh", "-c", 'umask 077; exec "$@"', "sh", sys.executable]
        + ["-m", "freeze.build", "--dist", tmp_path / "dist"],
        cwd=artefacts.ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path / "tmp"),
            "PYTHONHASHSEED": "7",
            "SOURCE_DATE_EPOCH": f"{datetime.fromisoformat(built_at).timestamp():.0f}",
            "LTMC_COMMIT": (first / "_internal/ltmc/distribution" / form.COMMIT_FILE).read_text().strip(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert subprocess.run(["diff", "-r", first, tmp_path / "dist" / "ltmc"], check=False).returncode == 0
    names = ("linux-x86_64.tar.gz", "linux-x86_64.cdx.json", "onefile", "onefile.cdx.json")
    for name in (f"ltmc-{name}" for name in names):
        again = sha256((tmp_path / "dist" / name).read_bytes()).hexdigest()
        assert again == sha256((artefacts.DIST / name).read_bytes()).hexdigest(), name
    shutil.rmtree(tmp_path / "dist")


def damaged(tmp_path: Path, damage: Callable[[Path], None]) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(artefacts.program().parent, folder)
    damage(folder)
    return folder / "ltmc"


def forget(module: str) -> Callable[[Path], None]:
    """Rename a module in the table of the archive of modules, which ends the program file."""

    def damage(folder: Path) -> None:
        program = folder / "ltmc"
        content = program.read_bytes()
        name = module.encode()
        assert name in content
        program.write_bytes(content.replace(name, name[:-1] + b"~"))

    return damage


def remove(pattern: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (found,) = (folder / "_internal").glob(pattern)
        shutil.rmtree(found)

    return damage


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (
            forget("ltmc.features.todos.tools"),
            "Missing module ltmc.features.todos.tools: ModuleNotFoundError",
        ),
        (forget("aiosqlite.core"), "Missing module aiosqlite: ModuleNotFoundError"),
        (remove("mcp-*.dist-info"), "Missing distribution mcp: PackageNotFoundError"),
    ],
    ids=["tool module", "lazy dependency", "metadata"],
)
def test_the_check_names_what_was_removed(damage: Callable[[Path], None], named: str, tmp_path: Path) -> None:
    done = run(damaged(tmp_path, damage), "check", env=environment(tmp_path))
    assert done.returncode == 1
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_others_who_freeze_an_app_with_ltmc_get_the_hook() -> None:
    (found,) = (
        entry
        for entry in importlib.metadata.entry_points(group="pyinstaller40")
        if entry.value.startswith("ltmc")
    )
    (folder,) = found.load()()
    hook = Path(folder, "hook-ltmc.py").read_text()
    assert "manifest" in hook
    assert not [name for name in manifest.modules() if f'"{name}"' in hook], "names are generated, not typed"


# What is known to go wrong when such a program is frozen.


def test_the_module_that_ends_the_process_when_imported_is_left_out() -> None:
    readers = pytest.importorskip("PyInstaller.archive.readers", reason="the build extra is not installed")
    archive = readers.CArchiveReader(str(artefacts.program()))
    modules = archive.open_embedded_archive("PYZ.pyz").toc
    assert "mcp.server" in modules
    assert not [name for name in modules if name == "mcp.cli" or name.startswith("mcp.cli.")]


def test_a_client_and_a_server_find_their_metadata(tmp_path: Path) -> None:
    done = run(artefacts.program(), "demo", env=environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", ["4.1.0", "12.1.0", "latest"])
def test_tables_find_their_character_widths(version: str, tmp_path: Path) -> None:
    env = environment(tmp_path, UNICODE_VERSION=version, PYTHONUTF8="1")
    program = artefacts.program()
    assert run(program, "remember", "東京 ✨ fun", "--name", "東京.md", env=env).returncode == 0
    done = run(program, "recall", "東京", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "東京.md" in done.stdout


@pytest.mark.parametrize("era", ["2024-11-05", "2025-11-25", "2026-07-28"])
def test_every_protocol_era_finds_its_types(era: str, db: Path) -> None:
    with Session(db, command=artefacts.command("frozen"), version=era) as client:
        assert client.ok("add_todo", title="a")["todo_id"] == 1


def test_key_value_stores_are_in() -> None:
    done = subprocess.run(
        [artefacts.program(), "check", "--json"], capture_output=True, text=True, check=False, timeout=60
    )
    loaded = {entry["name"] for entry in json.loads(done.stdout)["entries"] if entry["error"] is None}
    assert "key_value.aio.stores.memory" in loaded


def test_the_licence_and_the_notice_travel() -> None:
    for name in ("LICENSE", "NOTICE"):
        (path,) = artefacts.program().parent.glob(f"_internal/ltmc-*.dist-info/licenses/{name}")
        assert path.read_bytes() == (artefacts.ROOT / name).read_bytes()
