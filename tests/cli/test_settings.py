"""Settings that cannot be used: an error that names them, what was given and what is allowed."""

import os
from pathlib import Path

import pytest

from ltmc.settings import LONGEST_FILE
from tests.client import run_cli


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("roots", "/home/x", '["/home/me/work"]'),
        ("roots", '"/home/x"', "list"),
        ("roots", '["~no-such-user/x"]', "home directory"),
        ("targets_ms", "{", '{"retrieve_memory": 80}'),
        ("targets_ms", "50", "dictionary"),
    ],
)
def test_a_setting_in_json_that_is_wrong_is_named(db: Path, name: str, value: str, allowed: str) -> None:
    done = run_cli("doctor", "--db", str(db), **{f"LTMC_{name.upper()}": value})
    assert done.returncode == 2
    assert f"Setting {name} (environment) got " in done.stderr
    assert allowed in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "too long", "not UTF-8", "nested"])
def test_a_settings_file_that_cannot_be_read_is_named_at_once(tmp_path: Path, db: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "ltmc.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "too long":
        path.write_text(" " * (LONGEST_FILE + 1))
    elif kind == "not UTF-8":
        path.write_bytes(b'profile = "\xff"')
    elif kind == "nested":
        path.write_text("roots = " + "[" * 100_000)
    done = run_cli("todo", "list", "--db", str(db), LTMC_CONFIG=str(path))
    assert (done.returncode, f"Settings file {path}: " in done.stderr) == (2, True), done
    assert "Traceback" not in done.stderr
