"""The workflows, which nobody runs here: they are valid, pinned, and ask for no permission that they can do without."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import yaml

from bundles import lock, publish
from tests.artefacts import ROOT

FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
BY_BRANCH = "pypa/gh-action-pypi-publish@release/v1"
PERMISSIONS = {
    ("ci.yml", "test"): {"contents": "read"},
    ("release.yml", "test"): {"contents": "read"},
    ("release.yml", "build"): {"contents": "read"},
    ("release.yml", "run"): {},
    ("release.yml", "pypi"): {"id-token": "write"},
    ("release.yml", "provenance"): {"id-token": "write", "attestations": "write"},
    ("release.yml", "parts"): {"id-token": "write", "attestations": "write"},
    ("release.yml", "github"): {"contents": "write"},
}
"""What each job may do: read to check out, the identity to be trusted by PyPI and to sign, the rest to publish."""


def read(name: str) -> dict[Any, Any]:
    about: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text())
    return about


def commands(name: str) -> Iterator[str]:
    for job in read(name)["jobs"].values():
        yield from (step["run"] for step in job.get("steps", ()) if "run" in step)


def test_no_job_may_do_more_than_it_needs() -> None:
    found = {}
    for name in NAMES:
        about = read(name)
        assert about["permissions"] == {}, "what a job does not name it does not have"
        found |= {(name, job): rules["permissions"] for job, rules in about["jobs"].items()}
    assert found == PERMISSIONS


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_to_a_commit(name: str) -> None:
    text = (FOLDER / name).read_text()
    used = [line.strip() for line in re.findall(r"uses:(.*)", text)]
    assert used
    others = [use for use in used if not PINNED.fullmatch(use) and not use.startswith("./.github/workflows/")]
    assert others in ([], [BY_BRANCH])
    assert len({use for use in used if use.startswith("actions/")}) == len(
        {use.split("@")[0] for use in used if use.startswith("actions/")}
    ), "one version of each"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_exists_and_nothing_of_an_event_is_put_into_one(name: str) -> None:
    for command in commands(name):
        assert "${{" not in command, "whoever opens a pull request could write shell code"
        for module in re.findall(r"python -m (?!pip )([\w.]+)", command):
            assert find_spec(module) is not None, module
        for path in re.findall(r"(?:bash|-r|-c) (\.?\w[\w./-]*)", command):
            assert (ROOT / path).is_file(), path
    called = [job["uses"] for job in read(name)["jobs"].values() if "uses" in job]
    assert all((ROOT / path).is_file() for path in called)


def test_nothing_is_published_but_by_a_tag_and_after_the_tests() -> None:
    about = read("release.yml")
    assert about[True] == {"push": {"tags": ["v*"]}, "workflow_dispatch": None}, "yaml reads `on` as true"
    jobs = about["jobs"]
    for job in ("pypi", "provenance", "parts"):
        assert jobs[job]["if"] == "github.event_name == 'push'"
        assert {"test", "run"} <= set(jobs[job]["needs"])
    assert jobs["run"]["needs"] == "build"
    assert jobs["github"]["needs"] == ["provenance", "parts"], "else it would come without them"
    assert "parts" in jobs["pypi"]["needs"], "what is published there cannot be taken back"


def test_the_files_that_are_named_are_made() -> None:
    jobs = read("release.yml")["jobs"]
    ran = {entry["file"] for entry in jobs["run"]["strategy"]["matrix"]["include"]}
    listed = {name for entry in jobs["parts"]["strategy"]["matrix"]["include"] for name in entry.values()}
    assert ran == {f"{platform.stem}.pyz" for platform in lock.PLATFORMS}, "as built on x86-64 Linux"
    assert ran <= listed <= set(publish.ARTEFACTS)
