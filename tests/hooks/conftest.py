"""Fixtures of the tests of hooks."""

from pathlib import Path

import pytest

from tests.client import run_cli
from tests.hooks.clients import Project


@pytest.fixture
def repository(tmp_path: Path, db: Path) -> Project:
    """A repository with an empty database."""
    found = Project(tmp_path / "orchard", db)
    done = run_cli("todo", "add", "none", "--project", "other", "--db", str(db))
    assert done.returncode == 0, done.stderr
    return found
