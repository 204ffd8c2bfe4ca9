"""No part of any form lacks a licence or its text."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bundles import lock
from ltmc.distribution import contents
from tests import artefacts
from tests.bundles.test_lock import pinned

forms = pytest.mark.parametrize("form", artefacts.FORMS)
IN_EACH = {"ltmc", "fastmcp", "mcp", "pydantic-core", "all-minilm-l6-v2", "htmx.org", "uplot", "d3-force"}
ALONE = {
    "source": set(),
    "pyz": {"shiv"},
    "frozen": {"cpython", "openssl", "sqlite", "zlib", "pyinstaller"},
    "onefile": {"cpython", "openssl", "sqlite", "zlib", "pyinstaller", "zig", "musl"},
}
"""What some forms hold and others do not."""


def run(form: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*artefacts.command(form), "licenses", *arguments],
        env=os.environ | {"LTMC_DB": str(folder / "ltmc.db")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def parts(form: str, folder: Path) -> dict[str, dict[str, Any]]:
    done = run(form, folder, "--full", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return {part["name"]: part for part in json.loads(done.stdout)}


@forms
def test_no_part_lacks_a_licence_or_its_text(form: str, tmp_path: Path) -> None:
    spdx = pytest.importorskip("cyclonedx.spdx", reason="the build extra is not installed")
    found = parts(form, tmp_path)
    assert found.keys() >= IN_EACH
    assert found.keys() & set().union(*ALONE.values()) >= ALONE[form]
    assert not found.keys() & (ALONE["onefile"] | ALONE["pyz"]) - ALONE[form] - {"libffi"}
    for name, part in found.items():
        assert spdx.is_expression(part["licence"]), (name, part["licence"])
        assert part["version"], name
        assert any(len(text) > 300 for text in part["texts"]), name


@forms
def test_it_lists_what_the_lock_file_has_and_what_an_extra_brings(form: str, tmp_path: Path) -> None:
    listed = {
        name: part["version"] for name, part in parts(form, tmp_path).items() if part["kind"] == "python"
    }
    locked = {name: version for python in lock.PYTHONS for name, version in pinned(python).items()}
    if form == "source":
        locked |= {name: listed[name] for name in ("psycopg", "psycopg-binary") if name in listed}
        assert listed.keys() <= {"ltmc", *locked}
    elif form == "pyz":
        assert listed.keys() == {"ltmc", *locked}
    else:
        assert {"ltmc", *(contents.DISTRIBUTIONS)} <= listed.keys() <= {"ltmc", *locked}
        assert not {"authlib", "cyclopts", "websockets"} & listed.keys(), "they are left out of the program"


@forms
def test_the_text_of_one_part(form: str, tmp_path: Path) -> None:
    done = run(form, tmp_path, "SQLite" if form in ("frozen", "onefile") else "Click")
    assert (done.returncode, done.stderr) == (0, "")
    word = "May you do good" if form in ("frozen", "onefile") else "Redistribution and use"
    assert word in done.stdout
    done = run(form, tmp_path, "nothing-of-this-name")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: no part of LTMC is named nothing-of-this-name")
