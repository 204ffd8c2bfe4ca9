"""The types of rows and of answers are those that the type checker holds callers to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MISSPELT = """
from ltmc.features.todos.service import TodoAdded
from ltmc.storage.tables.todos import Todo


def title_of(row: Todo) -> str:
    return row.titel


def added(row: Todo) -> TodoAdded:
    return {
        "todo_idd": row.id,
        "title": row.title,
        "description": row.description,
        "priority": "low",
        "status": row.status,
        "created_at": row.created_at,
    }
"""


def test_a_misspelt_column_or_key_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    module = tmp_path / "misspelt.py"
    module.write_text(MISSPELT)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(module)],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert '"Todo" has no attribute "titel"' in done.stdout
    assert 'Missing key "todo_id" for TypedDict "TodoAdded"' in done.stdout
    assert 'Extra key "todo_idd" for TypedDict "TodoAdded"' in done.stdout
