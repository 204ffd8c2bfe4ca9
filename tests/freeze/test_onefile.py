"""The program in one file: it unpacks once, where nobody else can put code, and becomes the program there."""

import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from freeze import onefile
from ltmc.distribution import unpacking
from tests import artefacts
from tests.bundles.test_cache_root import REFUSED, STRANGER, left_alone
from tests.conftest import unavailable
from tests.freeze.test_program import INITIALIZE, environment, run

PROGRAM = """#!/bin/sh
[ -d /proc/$$/fd/0 ] || [ -d /proc/$$/fd/1 ] && exit 8
echo "$0 $$ $LTMC_ONE_FILE $*"
exec 3<&0
[ "$1" = wait ] && read line
exit 7
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program in one file that tells how it was started, with 40 files beside it."""
    pytest.importorskip("ziglang", reason="the build extra is not installed")
    folder = tmp_path_factory.mktemp("small")
    (folder / "ltmc" / "_internal" / ("long-name-" * 12)).mkdir(parents=True)
    for number in range(40):
        (folder / "ltmc" / "_internal" / ("long-name-" * 12) / f"{number}.txt").write_bytes(
            os.urandom(100_000)
        )
    (folder / "ltmc" / "ltmc").write_text(PROGRAM)
    (folder / "ltmc" / "ltmc").chmod(0o755)
    archive = folder / "small.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(folder / "ltmc", "ltmc")
    onefile.write(archive, folder / "one")
    return folder / "one"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The chosen root, two folders below one of the test's own."""
    path = tmp_path / "above" / "root"
    path.parent.mkdir(0o700)
    return path


def start(program: Path, root: Path | str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(program, *arguments, env={"LTMC_ROOT": str(root), "PATH": os.environ["PATH"]})


def unpacked(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.name != ".lock")


def test_it_becomes_the_program_in_the_same_process_and_unpacks_once(small: Path, root: Path) -> None:
    with subprocess.Popen(
        [small, "two words", "--x"],
        env={"LTMC_ROOT": str(root), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
    ) as process:
        said = process.stdout.read().decode().split(maxsplit=3)
    assert process.returncode == 7
    assert said == [str(next(root.glob("ltmc-*")) / "ltmc"), str(process.pid), str(small), "two words --x\n"]
    (name,) = unpacked(root)
    assert (root / name).stat().st_mode & 0o777 == 0o700
    before = (root / name / "ltmc").stat()
    assert before.st_mode & 0o777 == 0o700
    assert start(small, root).returncode == 7
    assert (root / name / "ltmc").stat() == before
    with tarfile.open(small.with_name("small.tar.gz")) as packed:
        for entry in packed:
            if entry.isfile():
                assert (
                    root / name / Path(entry.name).relative_to("ltmc")
                ).read_bytes() == packed.extractfile(entry).read()


@pytest.mark.parametrize(("prepare", "why"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_made_or_opened_in_a_root_that_others_can_change(
    prepare: Callable[[Path], object], why: str, small: Path, root: Path
) -> None:
    with left_alone(root, prepare):
        done = start(small, root)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{root} ({why})" in done.stderr


def test_a_folder_that_others_made_or_can_change_is_not_run(small: Path, root: Path) -> None:
    assert start(small, root).returncode == 7
    (name,) = unpacked(root)
    (root / name).chmod(0o770)
    done = start(small, root)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"others can change {name} in it" in done.stderr
    (root / name).chmod(0o700)
    if os.geteuid():
        unavailable("only root can give files away")
    os.chown(root / name, STRANGER, STRANGER)
    assert start(small, root).returncode == 1


def test_links_of_the_user_and_folders_of_everyone_may_lie_above(small: Path, root: Path) -> None:
    root.parent.chmod(0o1777)
    assert start(small, root).returncode == 7
    shutil.rmtree(root)
    root.parent.rename(root.parents[1] / "elsewhere")
    for target in (
        "elsewhere",
        root.parents[1] / "elsewhere",
        "./../" + root.parents[1].name + "//elsewhere/",
    ):
        root.parent.symlink_to(target)
        assert start(small, root).returncode == 7
        root.parent.unlink()
    root.parent.symlink_to(root.parent.name)
    assert "Symbolic link loop" in start(small, root).stderr


def test_where_it_unpacks(small: Path, tmp_path: Path) -> None:
    home, cache, temporary = (tmp_path / name for name in ("home", "cache", "temporary"))
    for folder in (home, cache, temporary):
        folder.mkdir()
    env = {"HOME": str(home), "TMPDIR": str(temporary), "PATH": os.environ["PATH"]}
    place = f"ltmc-{os.geteuid()}"
    for more, root in (
        ({}, home / ".cache" / "ltmc"),
        ({"XDG_CACHE_HOME": str(cache)}, cache / "ltmc"),
        ({"XDG_CACHE_HOME": "relative"}, home / ".cache" / "ltmc"),
        ({"XDG_CACHE_HOME": "/proc/version"}, temporary / place),
        ({"LTMC_ROOT": "~/chosen"}, home / "chosen"),
        ({"LTMC_ROOT": f"~root/../{tmp_path}/c"}, tmp_path / "c"),
        ({"LTMC_ROOT": "~no-such-user/d"}, tmp_path / "~no-such-user" / "d"),
        ({"LTMC_ROOT": f"{tmp_path}//a/../b/"}, tmp_path / "b"),
        ({"LTMC_ROOT": "here"}, tmp_path / "here"),
    ):
        done = subprocess.run(
            [small], env=env | more, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 7, done.stderr
        assert Path(done.stdout.split()[0]).parents[1].resolve() == root
        shutil.rmtree(root)


def test_a_damaged_file_says_so(small: Path, root: Path, tmp_path: Path) -> None:
    content = small.read_bytes()
    size = len(content)
    for name, changed in {
        "cut": content[: size // 2],
        "cut at the end": content[:-1],
        "longer": content + b"x",
        "empty of an archive": content[: -onefile.END.size],
        "a byte at the start of the archive": flipped(content, size // 10 * 9 - 3_000_000),
        "a byte": flipped(content, size - 1_000_000),
        "the last byte of the archive": flipped(content, size - onefile.END.size - 1),
        "the offset": flipped(content, size - onefile.END.size),
        "the size": flipped(content, size - onefile.END.size + 8),
        "the digest": flipped(content, size - 40 + 12),
    }.items():
        damaged = tmp_path / "damaged"
        damaged.write_bytes(changed)
        damaged.chmod(0o755)
        done = start(damaged, root)
        assert (done.returncode, done.stdout) == (1, ""), name
        assert done.stderr == f"ltmc: {damaged} is damaged; fetch it again.\n", name
        assert not root.exists() or unpacked(root) == []


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_what_is_missing_is_unpacked_anew(small: Path, root: Path) -> None:
    start(small, root)
    (folder,) = root.glob("ltmc-*")
    for damage in (
        lambda: next(folder.rglob("7.txt")).unlink(),
        lambda: next(folder.rglob("7.txt")).write_bytes(b"short"),
        lambda: shutil.rmtree(folder / "_internal"),
        (folder / "ltmc").unlink,
    ):
        damage()
        done = start(small, root)
        assert (done.returncode, "unpacking it anew" in done.stderr) == (7, True)
        assert unpacked(root) == [folder.name]
        assert start(small, root).stderr == ""


def test_a_place_that_is_full_or_cannot_be_written_is_named(small: Path, tmp_path: Path) -> None:
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        unavailable("no namespaces to mount in")
    root = tmp_path / "root"
    root.mkdir(0o700)
    for options, why in (
        ("size=1m", "it cannot be written, or is full"),
        ("ro", "Read-only file system"),
        ("noexec", "Permission denied"),
    ):
        script = f"mount -t tmpfs -o mode=700,{options} none {root} && exec {small}"
        done = run(
            Path(command[0]), *command[1:], script, env={"LTMC_ROOT": str(root), "PATH": os.environ["PATH"]}
        )
        assert done.returncode == 1
        assert f"{root} ({why})" in done.stderr, done.stderr


def test_many_that_start_at_once_and_some_that_are_killed(small: Path, root: Path) -> None:
    env = {"LTMC_ROOT": str(root), "PATH": os.environ["PATH"]}
    for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08):
        with subprocess.Popen(
            [small, "wait"], env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as process:
            time.sleep(delay)
            process.kill()
    with ThreadPoolExecutor(12) as several:
        for done in several.map(lambda _: start(small, root), range(24)):
            assert (done.returncode, done.stderr) == (7, "")
    assert len(unpacked(root)) == 1


def test_many_that_find_that_something_is_missing(small: Path, root: Path) -> None:
    """One unpacks anew; none takes the folder away under which another already runs."""
    start(small, root)
    next(root.rglob("7.txt")).unlink()
    env = {"LTMC_ROOT": str(root), "PATH": os.environ["PATH"]}
    with ExitStack() as stack:
        with (root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            started = [
                stack.enter_context(
                    subprocess.Popen(
                        [small, "wait"],
                        env=env,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                    )
                )
                for _ in range(12)
            ]
            deadline = time.monotonic() + 30
            while not all(open_in(one.pid, root / ".lock") for one in started):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        for one in started:
            assert one.stdout.readline()
        (folder,) = root.glob("ltmc-*")
        assert [open_in(one.pid, folder) for one in started] == [True] * 12
        for one in started:
            one.stdin.close()
        assert sum(b"unpacking it anew" in one.stderr.read() for one in started) == 1


def open_in(pid: int, path: Path) -> bool:
    """Whether a process has a file or folder open under this name."""
    return any(one.readlink() == path for one in Path(f"/proc/{pid}/fd").iterdir())


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "0<&- 1>&-"])
def test_the_folder_does_not_become_a_stream_that_is_closed(closed: str, small: Path, root: Path) -> None:
    command = f'exec "$0" {closed}'
    for place in (root, root / "deeper"):
        start(small, place)
        assert start(Path("/bin/sh"), place, "-c", command, str(small)).returncode in {2, 7}


@pytest.fixture
def own_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root as this process sees it too."""
    monkeypatch.setenv(unpacking.ENV, str(root))
    return root


def test_only_what_no_process_uses_is_pruned(small: Path, own_root: Path) -> None:
    env = {"LTMC_ROOT": str(own_root), "PATH": os.environ["PATH"]}
    with subprocess.Popen([small, "wait"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        removed, kept = unpacking.prune()
        assert (removed, len(kept)) == ([], 1)
        process.stdin.close()
    removed, kept = unpacking.prune()
    assert (len(removed), kept) == (1, [])
    assert start(small, own_root).returncode == 7


def test_what_was_started_lately_is_passed_over(small: Path, own_root: Path) -> None:
    assert start(small, own_root).returncode == 7
    (folder,) = own_root.glob("ltmc-*")
    os.utime(folder, (0, 0))
    assert start(small, own_root).returncode == 7
    assert unpacking.prune(unused_days=30) == ([], [])
    os.utime(folder, (0, 0))
    removed, kept = unpacking.prune(unused_days=30)
    assert ([entry.path for entry in removed], kept) == ([folder], [])


def test_what_is_pruned_before_it_is_locked_is_unpacked_again(small: Path, own_root: Path) -> None:
    ended = threading.Event()

    def prune() -> None:
        while not ended.is_set():
            unpacking.prune()
            time.sleep(0.002)

    with ThreadPoolExecutor(5) as several:
        pruning = several.submit(prune)
        try:
            for _ in range(150):
                for done in several.map(lambda _: start(small, own_root), range(4)):
                    assert (done.returncode, done.stderr) == (7, "")
                while any(own_root.glob("ltmc-*")):
                    time.sleep(0.001)
        finally:
            ended.set()
        pruning.result()


# The real one.


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda process: process.stdin.close(), 0),
        (lambda process: process.terminate(), 0),
        (lambda process: process.send_signal(signal.SIGINT), 0),
        (lambda process: process.kill(), -signal.SIGKILL),
    ],
    ids=["end of input", "SIGTERM", "SIGINT", "SIGKILL"],
)
def test_a_server_is_one_process_and_leaves_nothing(
    end: Callable[[subprocess.Popen[bytes]], None], status: int, tmp_path: Path
) -> None:
    command = [artefacts.program(onefile=True), "serve"]
    env = environment(tmp_path)
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(INITIALIZE)
        process.stdin.flush()
        assert b'"ltmc"' in process.stdout.readline()
        assert Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text() == ""
        end(process)
        assert process.wait(10) == status
    assert not list((tmp_path / "tmp").iterdir())


def test_agents_are_told_of_the_one_file(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    program = artefacts.program(onefile=True)
    assert run(program, "install", "codex", env=environment(tmp_path)).returncode == 0
    assert json.dumps(str(program)) in (tmp_path / ".codex" / "config.toml").read_text()


def test_the_launcher_compiles_for_macos_too(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="the build extra is not installed")
    launcher = onefile.compile_launcher(tmp_path, "aarch64-macos").read_bytes()
    magic, _, _, _, count = struct.unpack_from("<5I", launcher)
    assert magic == 0xFEEDFACF, "no program of 64-bit macOS"
    place, found = 32, set()
    for _ in range(count):
        command, size = struct.unpack_from("<2I", launcher, place)
        found.add(command)
        place += size
    assert 0x1D in found, "not signed: an ARM Mac starts nothing that is not"
