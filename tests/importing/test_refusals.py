"""What cannot be imported: one line that names the path, what was found there and what is allowed."""

import json
import os
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from ltmc.errors import LtmcError
from ltmc.importing import refusals, registry
from tests.client import run_cli
from tests.permissions import as_nobody


def put(folder: Path, what: str) -> Path:
    """Make what cannot be imported."""
    path = folder / what
    if what.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("conversations.json" if what == "cut.zip" else "a.txt", json.dumps([{}] * 5_000))
        if what == "cut.zip":
            path.write_bytes(path.read_bytes()[:40])
    elif what.endswith(".db"):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE recipes (name TEXT)")
        if what == "cut.db":
            path.write_bytes(path.read_bytes()[:4_000])
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "others":
        path.mkdir()
        (path / "a.bin").write_bytes(b"\0")
    elif what != "nowhere":
        texts = {
            "empty": b"",
            "text.txt": b"Hello.",
            "data.bin": b"\0\xff" * 99,
            "other.json": b'{"colour": "red"}',
        }
        path.write_bytes(texts[what.removesuffix(".md").removesuffix(".jsonl")])
    return path


@pytest.mark.parametrize(
    ("what", "found", "status"),
    [
        ("nowhere", "where nothing is", 1),
        ("empty.jsonl", "found an empty file", 1),
        ("empty.md", "found an empty file", 1),
        ("text.txt", "found text of no known format", 1),
        ("data.bin", "found binary data of no known format", 1),
        ("other.json", "found JSON of no known kind, or cut off", 1),
        ("cut.zip", "found a zip file that is damaged or cut off", 1),
        ("other.zip", "found a zip file without conversations.json", 1),
        ("other.db", "found a database of SQLite with the tables 'recipes', which is no known memory", 1),
        ("cut.db", "found a database of SQLite that cannot be read", 1),
        ("pipe", "neither", 1),
        ("folder", "Nothing that can be imported", 3),
        ("others", "(1 files of no known format)", 3),
    ],
)
def test_it_is_said_in_one_line(db: Path, tmp_path: Path, what: str, found: str, status: int) -> None:
    path = put(tmp_path, what)
    done = run_cli("import", str(path), "--db", str(db))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1), done
    for part in (str(path), found, "allowed: ", refusals.ALLOWED):
        assert part in done.stderr


@pytest.mark.parametrize("folder", [True, False])
def test_what_may_not_be_read_is_named(tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "closed"
    path.mkdir() if folder else path.write_text('{"type": "user"}\n')
    path.chmod(0)
    for place in (path, path / "inside") if folder else (path,):
        with as_nobody(), pytest.raises(LtmcError) as refused:
            registry.sources([(place, True)])
        for part in (
            str(place),
            "cannot be read (Permission denied)",
            f"allowed: files and folders with {refusals.ALLOWED}",
        ):
            assert part in refused.value.message
