"""The tools that write files, while folders and files on their way are exchanged for links that lead outside."""

import ctypes
import ctypes.util
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ltmc.errors import LtmcError
from ltmc.files.guard import PathGuard
from tests.client import Session
from tests.conftest import unavailable
from tests.paths.test_documents_only import WRITERS, hashed

CALLS = 60
"""How often each tool runs; without the guard a few would do."""

DOCUMENT = "docs/m.md"
HERE = -100  # AT_FDCWD
EXCHANGE = 2  # RENAME_EXCHANGE


def exchange(one: Path, other: Path) -> None:
    """Exchange two names in one step, so that there is never a moment without either."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    if libc.renameat2(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextmanager
def exchanged(place: Path, outside: Path) -> Iterator[Callable[[], int]]:
    """Put a link to `outside` in the place of a file or folder and take it away, again and again."""
    link = place.with_name(place.name + ".link")
    link.symlink_to(outside)
    try:
        exchange(place, link)
    except (OSError, AttributeError) as error:
        unavailable(f"this system cannot exchange names: {error}")
    stop, times = threading.Event(), 1

    def run() -> None:
        nonlocal times
        while not stop.is_set():
            exchange(place, link)
            times += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lambda: times
    finally:
        stop.set()
        thread.join()
        if place.is_symlink():
            exchange(place, link)
        link.unlink()


@pytest.mark.parametrize("place", ["work", "work/root", "work/root/docs", f"work/root/{DOCUMENT}"])
def test_the_guard_itself_neither_reads_nor_writes_outside(tmp_path: Path, place: str) -> None:
    """Thousands of times, so that each moment between its looks and its steps is met."""
    (tmp_path / "work" / "root").mkdir(parents=True)
    guard = PathGuard.of(tmp_path / "work" / "root")
    guard.replace(DOCUMENT, b"inside")
    inside, outside = tmp_path / place, tmp_path / "outside" / "copy"
    outside.parent.mkdir()
    (shutil.copytree if inside.is_dir() else shutil.copy)(inside, outside)
    theirs = outside if outside.is_file() else next(outside.rglob("*.md"))
    theirs.write_text("theirs")
    done = Counter[str]()
    with exchanged(inside, outside):
        end = time.monotonic() + 2
        while time.monotonic() < end:
            try:
                assert guard.read(DOCUMENT)[1] != b"theirs"
                guard.replace(DOCUMENT, f"inside {done.total()}".encode())
                done["written"] += 1
            except LtmcError as error:
                done[error.code] += 1
    assert [path.read_text() for path in outside.parent.rglob("*") if path.is_file()] == ["theirs"]
    assert done["written"], done


class Project:
    """A project with a source, its document and the document of a blueprint, and calls that write these anew."""

    def __init__(self, client: Session, root: Path) -> None:
        root.mkdir(parents=True)
        self.client, self.root, self.number = client, root, 0
        (root / "m.py").write_text("def count(things): ...\n")
        self.source = os.open(root / "m.py", os.O_WRONLY)  # held open: its name will lead elsewhere
        client.ok("register_project", project_id="p", root_path=str(root))
        client.ok("sync_documentation_with_code", file_path="m.py", doc_path=DOCUMENT, project_id="p")
        made = client.ok("create_blueprint_from_code", file_path="m.py", project_id="p")
        self.blueprint = made["blueprint_id"]

    def call(self, tool: str) -> dict[str, Any]:
        """Change what is documented, and have the tool write the document."""
        self.number += 1
        if tool == "update_documentation_from_blueprint":
            change = {"description": f"count {self.number}", "blueprint_id": self.blueprint}
            self.client.ok("update_blueprint_metadata", **change)
            return self.client.any(tool, blueprint_id=self.blueprint, doc_path=DOCUMENT)
        os.pwrite(self.source, f"def count(things, a{self.number}): ...\n".encode(), 0)
        if tool == "start_real_time_sync":  # its watch writes
            time.sleep(0.03)
            return self.client.ok("get_sync_status")
        return self.client.any(tool, file_path="m.py", doc_path=DOCUMENT, project_id="p")


@pytest.mark.parametrize("place", ["work", "work/root", "work/root/docs", f"work/root/{DOCUMENT}"])
@pytest.mark.parametrize("tool", [*sorted(WRITERS), "start_real_time_sync"])
def test_nothing_outside_is_written(tmp_path: Path, db: Path, tool: str, place: str) -> None:
    with Session(db) as client:
        project = Project(client, tmp_path / "work" / "root")
        inside, outside = tmp_path / place, tmp_path / "outside" / "copy"
        outside.parent.mkdir()
        (shutil.copytree if inside.is_dir() else shutil.copy)(inside, outside)
        before = hashed(outside.parent)
        if tool == "start_real_time_sync":
            client.ok(tool, file_paths=["m.py"], sync_interval_ms=100, project_id="p")
        with exchanged(inside, outside) as times:
            answers = Counter(project.call(tool).get("error_code", "done") for _ in range(CALLS))
            assert times() > CALLS
        assert hashed(outside.parent) == before
        assert set(answers) <= {"done", "PATH_NOT_ALLOWED", "INVALID_ARGUMENT", "NOT_FOUND", "CONFLICT"}
        if tool in WRITERS:
            assert project.call(tool)["success"]
            assert str(project.number) in (project.root / DOCUMENT).read_text()
        os.close(project.source)
