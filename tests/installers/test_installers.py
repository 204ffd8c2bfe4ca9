"""LTMC by each installer: out of its own wheel, with nothing but the wheels of the lock file, and out of a clone."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bundles import lock, wheels
from ltmc import __version__
from tests import artefacts
from tests.client import Session
from tests.conftest import unavailable

BIN = Path(sys.executable).parent
README = (artefacts.ROOT / "README.md").read_text("utf-8")
NEITHER = re.compile(
    r"LTMC's kernel needs a C compiler: install gcc or clang, or `pip install ziglang==[\d.]+`"
)


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """The output of a program that must succeed, with a home of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIPX_"))}
    home = {"HOME": str(folder), "UV_PYTHON_DOWNLOADS": "never", "UV_CACHE_DIR": str(folder.parent / "cache")}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=inherited | home | environment, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    pytest.importorskip("ziglang", reason="the build extra is not installed")
    return wheels.build_ltmc(artefacts.ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def offline(built: Path) -> list[str]:
    """Options by which pip and uv find the wheel and those of the lock file, and look nowhere else."""
    cache = artefacts.ROOT / "build" / "wheels"
    if not cache.is_dir():
        unavailable("the wheels of the lock file are not here; run python -m bundles.build")
    (locked,) = {wheel.parent for wheel in wheels.download(sys.version_info[:2], cache)}
    return ["--no-index", "--find-links", str(locked), "--find-links", str(built.parent)]


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home below a folder that the tests share, so that they share uv's cache."""
    above = tmp_path_factory.getbasetemp() / "installers"
    above.mkdir(exist_ok=True)
    own = above / request.node.name
    own.mkdir()
    return own


def program(name: str) -> Path:
    if not (BIN / name).exists():
        unavailable(f"{name} is not installed")
    return BIN / name


def works(ltmc: list[str], folder: Path) -> None:
    """It says what it is, holds everything, and a client stores and recalls."""
    env = {"LTMC_DB": str(folder / "check.db")}
    said = run(*ltmc, "--version", folder=folder)
    assert said.startswith(f"ltmc, version {__version__} (wheel, commit "), said
    checked = run(*ltmc, "check", folder=folder, **env).splitlines()[-1]
    assert re.fullmatch(rf"LTMC {__version__} \(wheel\): (\d+) of \1 load\.", checked), checked
    with Session(folder / "ltmc.db", command=ltmc) as client:
        client.ok("store_memory", file_name="heron.md", content="The heron nests by the weir.")
        (found,) = client.ok("retrieve_memory", query="where does the heron nest")["results"]
        assert found["file_name"] == "heron.md"


def test_pip(offline: list[str], folder: Path) -> None:
    venv = folder / "venv"
    run(artefacts.base_python(), "-m", "venv", venv, folder=folder)
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile"]
    run(*pip, *offline, f"ltmc=={__version__}", folder=folder)
    works([str(venv / "bin" / "ltmc")], folder)
    listed = json.loads(run(venv / "bin" / "ltmc", "licenses", "--json", folder=folder))
    installed = {f"{part['name']}=={part['version']}" for part in listed if part["kind"] == "python"}
    locked = {line.split(" ")[0] for line in lock.requirements(sys.version_info[:2]).splitlines()}
    assert installed - locked == {f"ltmc=={__version__}"}


def test_pipx(offline: list[str], folder: Path) -> None:
    """It fetches a pip of its own first, from wherever pip does here."""
    (pip,) = (head for head, _ in lock.entries(lock.BUILD_TOOLS) if head.startswith("pip=="))
    download = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        folder / "pip",
        pip,
    ]
    run(*download, folder=folder)
    offline = [*offline, "--find-links", str(folder / "pip")]
    options = ["--backend", "pip", "--python", artefacts.base_python(), "--pip-args", " ".join(offline)]
    home = {"PIPX_HOME": str(folder / "pipx"), "PIPX_BIN_DIR": str(folder / "bin")}
    run(program("pipx"), "install", *options, f"ltmc=={__version__}", folder=folder, **home)
    works([str(folder / "bin" / "ltmc")], folder)


def test_uv_tool_install(offline: list[str], folder: Path) -> None:
    home = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    options = ["--python", artefacts.base_python(), *offline]
    run(program("uv"), "tool", "install", *options, f"ltmc=={__version__}", folder=folder, **home)
    works([str(folder / "bin" / "ltmc")], folder)


def test_uvx(built: Path, offline: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(folder.parent / "cache"))
    options = ["--python", artefacts.base_python(), *offline, "--from", str(built)]
    works([str(program("uvx")), *options, "ltmc"], folder)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    make = "import sys; from setuptools import build_meta as build; build.build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", make, folder], cwd=artefacts.ROOT, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    subprocess.run(["tar", "xf", archive], cwd=folder, check=True)
    (source,) = (path for path in folder.iterdir() if path.is_dir())
    return source


def backend(source: Path, call: str, path: str) -> subprocess.CompletedProcess[str]:
    """Call setuptools as pip does, with programs of `path` and without any other package."""
    import setuptools

    alone = source.parent / "alone"
    alone.mkdir(exist_ok=True)
    if not (alone / "setuptools").exists():
        (alone / "setuptools").symlink_to(Path(setuptools.__file__).parent)
    return subprocess.run(
        [artefacts.base_python(), "-c", f"from setuptools import build_meta as build; print({call})"],
        cwd=source,
        env={"PYTHONPATH": str(alone), "PATH": path, "HOME": str(source.parent), "LTMC_COMMIT": "abc"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_source_distribution_is_built_by_the_compiler_that_is_there(unpacked: Path) -> None:
    if not Path("/usr/bin/gcc").exists():
        unavailable("gcc is not installed")
    asked = backend(unpacked, "build.get_requires_for_build_wheel()", "/usr/bin:/bin")
    assert (asked.returncode, "ziglang" in asked.stdout) == (0, False), asked.stderr
    done = backend(unpacked, f"build.build_wheel({str(unpacked.parent)!r})", "/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    (wheel,) = unpacked.parent.glob("*.whl")
    assert wheel.name.startswith(f"ltmc-{__version__}-py3-none-linux_")


def test_without_a_compiler_it_asks_for_one_that_pip_can_fetch_and_else_says_so(unpacked: Path) -> None:
    asked = backend(unpacked, "build.get_requires_for_build_wheel()", "/nowhere")
    assert "ziglang" in asked.stdout, asked.stderr
    done = backend(unpacked, f"build.build_wheel({str(unpacked.parent)!r})", "/nowhere")
    assert done.returncode == 1
    assert NEITHER.fullmatch(done.stderr.strip().splitlines()[-1]), done.stderr


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the repository."""
    if not (artefacts.ROOT / ".git").exists():
        unavailable("this is no clone")
    folder = tmp_path_factory.mktemp("clone")
    # As Git for Windows does by default; .gitattributes keeps the files as they are.
    command = ["git", "-c", "core.autocrlf=true", "clone", "--quiet", artefacts.ROOT, folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_the_first_command_of_the_readme(clone: Path, folder: Path) -> None:
    (line,) = re.findall(r"^python3 -m venv .*ltmc demo$", README, re.MULTILINE)
    shown = run("bash", "-euc", f"cd {clone}; {line}", folder=folder)
    assert "We deploy on Tuesdays. [1]" in shown
    assert "71 tools" in shown
    assert shown.endswith("To give it to your agents: .venv/bin/ltmc install --all\n")


def test_uv_in_a_clone(clone: Path, folder: Path) -> None:
    assert "`uv tool install .`" in README
    home = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    python = ["--python", artefacts.base_python()]
    run(program("uv"), "tool", "install", "--quiet", *python, clone, folder=folder, **home)
    works([str(folder / "bin" / "ltmc")], folder)
