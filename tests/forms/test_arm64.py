"""The file for 64-bit ARM under emulation, where this host is another: all of it loads, and every tool works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import artefacts, emulation
from tests.forms import foreign, steps

NAME = "ltmc-linux-arm64.pyz"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of the whole build, else one for the emulated Python alone, which takes a quarter of the time."""
    if (artefacts.DIST / NAME).exists() and artefacts.trouble(artefacts.DIST / NAME) is None:
        return artefacts.DIST / NAME
    pytest.importorskip("shiv", reason="the build extra is not installed")
    folder = tmp_path_factory.mktemp("dist")
    wanted = [f"--python={emulation.version()}", "--platform=linux-arm64", f"--dist={folder}"]
    subprocess.run([sys.executable, "-m", "bundles.build", *wanted], cwd=artefacts.ROOT, check=True)
    return folder / NAME


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it unpacks itself, once."""
    return tmp_path_factory.mktemp("root")


def test_everything_loads(built: Path, root: Path, tmp_path: Path) -> None:
    done = run([str(built), "check", "--json"], LTMC_ROOT=root, LTMC_DB=tmp_path / "ltmc.db", HOME=tmp_path)
    assert json.loads(done.stdout)["ok"]
    assert "linux-aarch64" in run([str(built), "--version"], LTMC_ROOT=root, HOME=tmp_path).stdout


def test_vectors_are_those_of_the_published_weights(built: Path, root: Path, tmp_path: Path) -> None:
    run([str(built), "--version"], LTMC_ROOT=root, HOME=tmp_path)
    (site,) = root.glob("ltmc-*/site-packages")
    done = run(["-P", "-c", foreign.EMBED, str(site)], text=json.dumps(foreign.texts()))
    found = dict(map(json.loads, done.stdout.splitlines()))
    assert found.keys() == {"neon", "neondot"}
    for vectors in found.values():
        foreign.compare(vectors)


def test_every_tool_once_then_restart_and_read_back(
    built: Path, root: Path, db: Path, tmp_path: Path
) -> None:
    steps.whole_session([*emulation.python(), str(built)], db, tmp_path, {"LTMC_ROOT": str(root)})


def run(arguments: list[str], text: str = "", **environment: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*emulation.python(), *arguments],
        env={name: str(value) for name, value in environment.items()},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
