"""``ltmc --version`` says what is running."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ltmc import __version__
from ltmc.distribution import form
from tests import artefacts

FORMS = {"source": "source", "pyz": "pyz", "frozen": "frozen", "onefile": "one file"}


@pytest.mark.parametrize("name", artefacts.FORMS)
def test_it_names_the_version_form_commit_and_platform(name: str) -> None:
    command = [*artefacts.command(name), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    built = rf"{FORMS[name]}, commit [0-9a-f]{{12}}(-dirty)?, linux-x86_64, Python 3\.\d+\.\d+"
    assert re.fullmatch(rf"ltmc, version {re.escape(__version__)} \({built}\)\n", said), said


def test_a_wheel_and_a_source_distribution_note_their_commit(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="the build extra is not installed")
    program = "import sys; from setuptools import build_meta as build; build.build_sdist(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=artefacts.ROOT, check=True, capture_output=True
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    subprocess.run(["tar", "xf", archive], cwd=tmp_path, check=True)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    program = program.replace("sdist", "wheel")
    subprocess.run([sys.executable, "-c", program, tmp_path], cwd=folder, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    noted = zipfile.ZipFile(wheel).read(f"ltmc/distribution/{form.COMMIT_FILE}").decode()
    assert noted == f"{form.commit()}\n"
