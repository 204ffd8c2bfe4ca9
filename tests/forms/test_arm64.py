"""The file for 64-bit ARM under emulation, where this host is another: all of it loads, and every tool works."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from ltmc.tools import selection
from tests import artefacts, emulation
from tests.client import Session
from tests.forms import steps
from tests.search.test_sentence_model import cosine, read_references

NAME = "ltmc-linux-arm64.pyz"
EMBED = """
import json, sys
from pathlib import Path
from ltmc.search import kernel, sentence_model
file = Path(sentence_model.__file__).with_name("minilm.ltms")
texts = json.load(sys.stdin)
for name in kernel.available():
    print(json.dumps([name, [vector.hex() for vector in sentence_model.SentenceModel(file, name).embed(texts)]]))
"""


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
    report = json.loads(done.stdout)
    assert report["ok"]
    assert "linux-aarch64" in run([str(built), "--version"], LTMC_ROOT=root, HOME=tmp_path).stdout


def test_vectors_are_those_of_the_published_weights(built: Path, root: Path, tmp_path: Path) -> None:
    run([str(built), "--version"], LTMC_ROOT=root, HOME=tmp_path)
    (site,) = root.glob("ltmc-*/site-packages")
    texts, expected = zip(*read_references()[::100], strict=True)
    done = run(["-P", "-c", EMBED], PYTHONPATH=site, text=json.dumps(texts))
    found = dict(map(json.loads, done.stdout.splitlines()))
    assert found.keys() == {"neon", "neondot"}
    for vectors in found.values():
        cosines = [
            cosine(bytes.fromhex(vector), other) for vector, other in zip(vectors, expected, strict=True)
        ]
        assert statistics.mean(cosines) >= 0.999
        assert min(cosines) >= 0.997


def test_every_tool_once_then_restart_and_read_back(
    built: Path, root: Path, db: Path, tmp_path: Path
) -> None:
    start = {"command": [*emulation.python(), str(built)], "env": {"LTMC_ROOT": str(root)}}
    with Session(db, **start) as client:
        called = steps.Recorder(client)
        steps.use_every_tool(called, tmp_path)
        assert called.names == {tool.name for tool in selection.select("all")}
        steps.use_prompts_and_resources(client)
    with Session(db, **start) as client:
        steps.read_back(client)


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
