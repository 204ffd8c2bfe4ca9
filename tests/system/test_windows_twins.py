"""The twins for Windows, run here on a stand-in for its kernel32 and msvcrt: that is no proof for Windows itself.

Nobody has run them there. What the stand-in does is what the documentation of Windows says of these functions, and it
refuses more or fewer arguments than they take.
"""

import asyncio
import ctypes
import errno
import fcntl
import importlib
import os
import select
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ltmc.code import apart
from ltmc.distribution import unpacking
from ltmc.errors import LtmcError
from ltmc.features.sync import ownership
from ltmc.files import guard
from tests.bundles.test_cache_root import archive, root

__all__ = ["archive", "root"]  # fixtures

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in is made of Linux")

Load = Callable[[str], Any]

TAKEN, NO_SUCH_PATH, BROKEN_PIPE = 33, 3, 109


class Windows(SimpleNamespace):
    """What kernel32 does, and its last error."""

    error = 0

    def __init__(self) -> None:
        super().__init__(jobs=[])

        def create_file(path: str, access: int, share: int, _: None, how: int, flags: int, __: None) -> int:
            assert (share, flags) in {(7, 0x80), (3, 0x02200000)}
            try:
                return os.open(path, os.O_RDWR | os.O_CREAT if how == 4 else os.O_RDONLY, 0o600)
            except OSError:
                return self.fail(NO_SUCH_PATH) - 1

        def lock(file: int, flags: int, _: int, low: int, high: int, where: Any) -> int:
            kind = fcntl.F_WRLCK if flags & 2 else fcntl.F_RDLCK
            return self.set_lock(file, kind, where._obj, wait=not flags & 1) if (low, high) == (1, 0) else 0

        def unlock(file: int, _: int, low: int, high: int, where: Any) -> int:
            return self.set_lock(file, fcntl.F_UNLCK, where._obj, wait=False) if (low, high) == (1, 0) else 0

        def final_path(handle: int, buffer: Any, size: int, _: int) -> int:
            buffer.value = f"\\\\?\\{Path(f'/proc/self/fd/{handle}').readlink()}"
            return len(buffer.value) if len(buffer.value) < size else 0

        def peek(handle: int, _: None, __: int, ___: None, ____: None, _____: None) -> int:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            events = dict(poll.poll(0)).get(handle, 0)
            return self.fail(BROKEN_PIPE) if events & select.POLLHUP and not events & select.POLLIN else 1

        def memory(process: int, told: Any, size: int) -> int:
            assert (process, size) == (-1, ctypes.sizeof(told._obj))
            told._obj.WorkingSetSize = 5_000_000
            return 1

        def set_limits(job: int, kind: int, limits: Any, size: int) -> int:
            assert (job, kind, size) == (7, 9, ctypes.sizeof(limits._obj))
            self.jobs.append(limits._obj)
            return 1

        def close(handle: int) -> int:
            os.close(handle)
            return 1

        self.CreateFileW, self.LockFileEx, self.UnlockFileEx, self.CloseHandle = (
            create_file,
            lock,
            unlock,
            close,
        )
        self.GetFinalPathNameByHandleW, self.PeekNamedPipe = final_path, peek
        self.K32GetProcessMemoryInfo, self.SetInformationJobObject = memory, set_limits
        self.GetCurrentProcess, self.CreateJobObjectW = lambda: -1, lambda _, __: 7
        self.AssignProcessToJobObject = lambda job, process: (job, process) == (7, -1)

    def fail(self, error: int) -> int:
        self.error = error
        return 0

    def set_lock(self, file: int, kind: int, where: Any, *, wait: bool) -> int:
        """A lock of the handle, not of the process, as on Windows."""
        place = where.Offset | where.OffsetHigh << 32
        command = fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK
        try:
            fcntl.fcntl(file, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, place, 1, 0))
        except BlockingIOError:
            return self.fail(TAKEN)
        return 1


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    """The stand-in, in its place."""
    found = Windows()
    msvcrt = ModuleType("msvcrt")
    vars(msvcrt).update(get_osfhandle=lambda fd: fd, open_osfhandle=lambda handle, _: handle)
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    monkeypatch.setattr(ctypes, "WinDLL", lambda _, **__: found, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: found.error, raising=False)
    monkeypatch.setattr(
        ctypes, "WinError", lambda error: FileNotFoundError(errno.ENOENT, f"error {error}"), raising=False
    )
    for name in ("O_BINARY", "O_NOINHERIT"):
        monkeypatch.setattr(os, name, 0, raising=False)
    return found


@pytest.fixture
def load(windows: Windows, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Imports a twin, which is forgotten after the test."""
    before = {*sys.modules}

    def imported(name: str) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "platform", "win32")
            return importlib.import_module(f"ltmc.{name}_windows")

    yield imported
    for name in {*sys.modules} - before:
        if name.endswith("_windows"):
            del sys.modules[name]


def test_a_folder_is_locked_by_one_or_shared(load: Load, tmp_path: Path) -> None:
    locks = load("system.locks")
    first, second = locks.open_lock(tmp_path), locks.open_lock(tmp_path)
    locks.lock(first, wait=False)
    with pytest.raises(BlockingIOError):
        locks.lock(second, wait=False, shared=True)
    locks.release(first)
    third = locks.open_lock(tmp_path)
    locks.lock(second, wait=True, shared=True)
    locks.lock(third, wait=False, shared=True)
    locks.release(second)
    locks.release(third)
    with pytest.raises(FileNotFoundError):
        locks.open_lock(tmp_path / "absent")


def test_watches_are_locked_against_others(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "locks", load("system.locks"))
    here, there = (ownership.WatchLocks(tmp_path / "ltmc.db") for _ in range(2))

    async def took(locks: ownership.WatchLocks) -> bool:
        return await locks.take("a session")

    assert asyncio.run(took(here))
    assert not asyncio.run(took(there))
    assert (here.is_elsewhere("a session"), there.is_elsewhere("a session")) == (False, True)
    here.release("a session")
    assert not there.is_elsewhere("a session")
    assert asyncio.run(took(there))
    here.close()
    there.close()


def test_what_is_unpacked_is_kept_while_it_is_used(
    load: Load, archive: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "host", load("distribution.unpacking"))
    site = unpacking.locate(archive)
    assert (site / "a.py").read_text() == "# site-packages/a.py\n"
    assert [entry.in_use for entry in unpacking.entries()] == [True]
    assert [len(group) for group in unpacking.prune()] == [0, 1]
    os.close(unpacking._held.pop())
    assert [entry.in_use for entry in unpacking.entries()] == [False]
    assert [len(group) for group in unpacking.prune()] == [1, 0]
    assert not site.parent.exists()
    assert root.exists()


def test_where_it_is_unpacked(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert load("distribution.unpacking").usual_roots() == [Path("/local/ltmc/Cache")]


def test_documents_are_read_and_written_where_they_are(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = load("files.folders")
    monkeypatch.setattr(guard, "folders", folders)
    top = tmp_path / "top"
    top.mkdir()
    guarded = guard.PathGuard.of(top)
    guarded.replace("docs/a.md", b"one")
    guarded.replace("docs/a.md", b"two", known=b"one")
    assert guarded.read("docs/a.md")[1] == b"two"
    assert [path.name for path in (top / "docs").iterdir()] == ["a.md"]
    with pytest.raises(LtmcError, match="changed meanwhile"):
        guarded.replace("docs/a.md", b"three", known=b"one")
    with pytest.raises(LtmcError, match="no file"):
        guarded.read("absent/a.md")


def test_a_link_that_was_put_in_the_way_is_noticed(load: Load, tmp_path: Path) -> None:
    folders = load("files.folders")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.md").touch()
    (tmp_path / "link").symlink_to("elsewhere")
    (tmp_path / "a.md").symlink_to("elsewhere/a.md")
    with (
        pytest.raises(OSError, match="symbolic links"),
        folders.reached(tmp_path / "link", lambda _: False),
    ):
        pass
    with folders.reached(tmp_path, lambda _: False) as folder, pytest.raises(OSError, match="symbolic links"):
        folders.open_file(folder, "a.md")


def test_who_closed_a_pipe_is_noticed_when_all_is_read(load: Load) -> None:
    pipes = load("server.pipes")
    reading, writing = os.pipe()
    os.write(writing, b"x")
    assert not pipes.sender_left(reading)
    os.close(writing)
    assert not pipes.sender_left(reading)
    assert os.read(reading, 10) == b"x"
    assert pipes.sender_left(reading)
    os.close(reading)


def test_figures_and_limits(load: Load, windows: Windows) -> None:
    process, limits = load("features.analytics.process"), load("code.limits")
    assert (process.resident_bytes(), process.open_files()) == (5_000_000, None)
    limits.limit(apart.SECONDS, apart.MEMORY_BYTES)
    (job,) = windows.jobs
    assert job.ProcessMemoryLimit == 2 * 1024**3
    assert job.BasicLimitInformation.LimitFlags == 0x102
    assert job.BasicLimitInformation.PerProcessUserTimeLimit == 100_000_000
    assert [limits.has_failed(code) for code in (0, 1, 1816)] == [False, True, False]


def test_a_file_is_forced_to_the_disk_and_a_folder_is_not(load: Load, tmp_path: Path) -> None:
    disk = load("storage.sqlite.disk")
    (tmp_path / "a").write_bytes(b"a")
    disk.force_to_disk(tmp_path / "a")
    disk.force_to_disk(tmp_path)
    with disk.kept_from_opening(tmp_path / "a"):
        assert (tmp_path / "a").read_bytes() == b"a"


@pytest.mark.parametrize(("key", "goes_on"), [("q", False), ("Q", False), ("x", True)])
def test_keys_are_looked_for(load: Load, key: str, goes_on: bool) -> None:
    keys = load("cli.keys")
    vars(sys.modules["msvcrt"]).update(kbhit=lambda: True, getwch=lambda: key)

    async def waited() -> bool:
        with keys.until_q() as wait:
            found: bool = await wait(0.2)
            return found

    assert asyncio.run(waited()) is goes_on
