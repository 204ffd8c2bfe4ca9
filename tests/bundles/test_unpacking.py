"""The first start: once, safely, also for many at once, after a kill, and without a usable home."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ltmc.distribution import unpacking as unpacked
from ltmc.tools import selection
from tests import artefacts
from tests.conftest import unavailable

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment with nothing but a home of the test's own."""
    return {"HOME": str(folder), "TMPDIR": str(folder / "tmp"), **more}


def run(*arguments: str, env: dict[str, str], file: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [artefacts.base_python(), file or artefacts.pyz(), *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def whole(root: Path) -> list[Path]:
    """The folders of a root, none of which may be left over."""
    names = sorted(path for path in root.iterdir() if path.name.startswith(unpacked.PREFIX))
    assert not [path for path in names if path.name.endswith(unpacked.STAGING)]
    return names


@contextmanager
def server(env: dict[str, str], file: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is up; it must end well at the end of its input."""
    command = [artefacts.base_python(), file or artefacts.pyz(), "serve"]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        greet(process)
        yield process
        process.stdin.close()
        assert process.wait(10) == 0


def greet(process: subprocess.Popen[bytes]) -> None:
    unknown = {"jsonrpc": "2.0", "id": "up", "method": "no/such"}  # the server itself answers this
    process.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in (INITIALIZE, unknown)))
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "ltmc"
    assert json.loads(process.stdout.readline())["id"] == "up"


def other_build(folder: Path) -> Path:
    """The same program as another file: one more entry."""
    copy = folder / "other.pyz"
    shutil.copy(artefacts.pyz(), copy)
    with zipfile.ZipFile(copy, "a") as archive:
        archive.writestr("another.txt", "another build")
    return copy


def test_it_unpacks_once_into_the_cache_folder(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert run("--version", env=env).returncode == 0
    (folder,) = whole(tmp_path / ".cache" / "ltmc")
    inode = folder.stat().st_ino
    assert folder.stat().st_mode & 0o077 == 0
    assert run("--version", env=env).returncode == 0
    assert [path.stat().st_ino for path in whole(folder.parent)] == [inode]


@pytest.mark.parametrize(
    ("name", "where"), [("LTMC_ROOT", "chosen"), ("XDG_CACHE_HOME", "chosen/ltmc")], ids=["LTMC_ROOT", "XDG"]
)
def test_the_place_can_be_chosen(tmp_path: Path, name: str, where: str) -> None:
    done = run("--version", env=environment(tmp_path, **{name: str(tmp_path / "chosen")}))
    assert (done.returncode, done.stderr) == (0, "")
    assert whole(tmp_path / where)
    assert not (tmp_path / ".cache").exists()


def test_ten_processes_may_start_at_the_same_moment(tmp_path: Path) -> None:
    command = [artefacts.base_python(), artefacts.pyz(), "serve", "--db", str(tmp_path / "ltmc.db")]
    processes = [
        subprocess.Popen(
            command,
            env=environment(tmp_path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(10)
    ]
    for process in processes:
        greet(process)
    for process in processes:
        _, complaints = process.communicate()
        assert (process.returncode, complaints) == (0, b"")
    assert len(whole(tmp_path / ".cache" / "ltmc")) == 1


@pytest.mark.parametrize("files", [50, 500, 3000])
def test_a_kill_in_the_middle_does_no_harm(tmp_path: Path, files: int) -> None:
    env = environment(tmp_path)
    root = tmp_path / ".cache" / "ltmc"
    command = [artefacts.base_python(), artefacts.pyz(), "--version"]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        while sum(len(names) for _, _, names in os.walk(root)) < files:
            assert process.poll() is None, "it was faster than this test"
            time.sleep(0.001)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert [path for path in root.iterdir() if path.name.endswith(unpacked.STAGING)]
    done = run("check", env=env | {"LTMC_DB": str(tmp_path / "ltmc.db")})
    assert (done.returncode, done.stderr) == (0, "")
    assert len(whole(root)) == 1


def test_compiled_code_is_kept_whatever_the_environment_says(tmp_path: Path) -> None:
    assert run("--version", env=environment(tmp_path, PYTHONDONTWRITEBYTECODE="1")).returncode == 0
    (folder,) = whole(tmp_path / ".cache" / "ltmc")
    assert list(folder.rglob("ltmc/cli/__pycache__/main.*.pyc"))


def test_nothing_of_the_surroundings_goes_before_what_is_packed(tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("click", "ltmc", "fastmcp"):
        (hostile / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    done = subprocess.run(
        [artefacts.base_python(), artefacts.pyz(), "--version"],
        cwd=hostile,
        env=environment(tmp_path, PYTHONPATH=str(hostile)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def mounted(tmp_path: Path, options: str, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script with ``$HOME`` on a file system of its own, in a namespace of its own."""
    home = tmp_path / "home"
    (tmp_path / "tmp").mkdir()
    home.mkdir()
    unshare = ["unshare", "--map-root-user", "--mount", "/bin/sh", "-c"]
    if shutil.which("unshare") is None or subprocess.call([*unshare, "mount -t tmpfs none /mnt"]):
        unavailable("no namespaces to mount in")
    start = f"{artefacts.base_python()} {artefacts.pyz()}"
    return subprocess.run(
        [*unshare, f"mount -t tmpfs -o {options} none {home} && {script.format(start=start)}"],
        env=environment(home, TMPDIR=str(tmp_path / "tmp"), PATH="/usr/bin:/bin", **env),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "why"), [("ro", "Read-only file system"), ("size=4m", "No space left on device")]
)
def test_a_home_that_is_read_only_or_full_is_worked_around(tmp_path: Path, options: str, why: str) -> None:
    done = mounted(tmp_path, options, "{start} --version && {start} --version && ls -A ~/.cache/ltmc")
    instead = tmp_path / "tmp" / f"ltmc-{os.geteuid()}"
    assert done.stdout.count("version") == 2
    first, *rest = done.stderr.splitlines()
    assert first == f"ltmc: could not unpack into {tmp_path}/home/.cache/ltmc ({why}); using {instead}."
    assert not [line for line in rest if "unpack" in line], "the second start needs no unpacking"
    assert done.stdout.splitlines()[2:] in ([], [".lock"]), "nothing half done is left"
    assert whole(instead)


@pytest.mark.parametrize(
    ("options", "why"), [("ro", "Read-only file system"), ("size=4m", "No space left on device")]
)
def test_a_chosen_place_that_does_not_serve_is_named(tmp_path: Path, options: str, why: str) -> None:
    chosen = tmp_path / "home" / "chosen"
    done = mounted(tmp_path, options, "{start} --version", LTMC_ROOT=str(chosen))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"ltmc: ltmc.pyz found no place to unpack itself: {chosen} ({why}). "
        "It needs about 150 MB in a folder of yours; name one with LTMC_ROOT.\n"
    )


def test_code_that_others_could_have_put_there_is_not_run(tmp_path: Path) -> None:
    root = tmp_path / "root"
    env = environment(tmp_path, LTMC_ROOT=str(root))
    assert run("--version", env=env).returncode == 0
    (folder,) = whole(root)
    (folder / "site-packages" / "ltmc" / "cli.py").write_text("raise SystemExit('planted')")
    folder.chmod(0o777)
    done = run("--version", env=env)
    assert done.returncode == 1
    assert f"{root} (others can change what is in it)" in done.stderr
    assert "planted" not in done.stderr


def with_other_version(home: Path) -> tuple[dict[str, str], Path, Path]:
    """An environment in which another build is unpacked; with it that file, and the folder."""
    env, other = environment(home, LTMC_DB=str(home / "ltmc.db")), other_build(home)
    assert run("--version", env=env, file=other).returncode == 0
    (folder,) = whole(home / ".cache" / "ltmc")
    return env, other, folder


def test_prune_removes_what_no_process_uses_and_doctor_tells(tmp_path: Path) -> None:
    env, other, abandoned = with_other_version(tmp_path)
    root = abandoned.parent
    left_over = root / f"{unpacked.PREFIX}0123456789abcdef{unpacked.STAGING}"
    with server(env):
        (in_use,) = set(whole_or_left(root)) - {abandoned}
        left_over.mkdir()  # what is left over goes at the next unpacking
        reported = json.loads(run("doctor", "--json", env=env).stdout)["unpacked"]
        assert {path: state for path, (_, state) in reported.items()} == {
            str(abandoned): "not in use",
            str(in_use): "in use",
            str(left_over): "left over",
        }
        assert reported[str(abandoned)][0] > 50e6
        pruned = json.loads(run("cache", "prune", "--json", env=env, file=other).stdout)
        # The version that runs the command uses itself.
        assert [entry["path"] for entry in pruned["removed"]] == [str(left_over)]
        assert sorted(entry["path"] for entry in pruned["kept"]) == sorted([str(abandoned), str(in_use)])
        done = run("cache", "prune", env=env)
        assert f"Removed {abandoned}" in done.stdout
        assert f"Kept {in_use}: a process uses it." in done.stdout
    assert whole(root) == [in_use]
    assert run("--version", env=env, file=other).returncode == 0, "what was pruned unpacks again"


def test_an_agent_is_greeted_before_anything_is_unpacked(tmp_path: Path) -> None:
    env, root = environment(tmp_path, LTMC_DB=str(tmp_path / "ltmc.db")), tmp_path / ".cache" / "ltmc"
    root.mkdir(0o700, parents=True)
    command = [artefacts.base_python(), artefacts.pyz(), "serve"]
    with ExitStack() as stack:
        lock = stack.enter_context((root / ".lock").open("wb"))
        fcntl.flock(lock, fcntl.LOCK_EX)  # nothing is unpacked without it
        process = stack.enter_context(
            subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        lines = [
            INITIALIZE,
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        ]
        process.stdin.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "ltmc"
        assert len(json.loads(process.stdout.readline())["result"]["tools"]) == len(selection.select("all"))
        assert whole(root) == []
        fcntl.flock(lock, fcntl.LOCK_UN)
        call = {"name": "add_todo", "arguments": {"title": "told after unpacking"}}
        message = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call}
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.close()
        answer = json.loads(process.stdout.readline())
        assert answer.get("result", {}).get("structuredContent", {}).get("success"), answer
        assert process.wait(10) == 0
    assert len(whole(root)) == 1


def test_a_server_removes_by_itself_what_was_not_started_for_long(tmp_path: Path) -> None:
    env, _, former = with_other_version(tmp_path)
    root = former.parent
    lately = shutil.copytree(former, root / f"{unpacked.PREFIX}{'1' * 16}")
    os.utime(former, (0, 0))
    with server(env):
        deadline = time.monotonic() + 60
        while len(whole_or_left(root)) > 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not former.exists()
        assert len(whole(root)) == 2
        assert set(whole(root)) > {lately}


def whole_or_left(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.name.startswith(unpacked.PREFIX)]


def test_a_server_outlives_a_prune_while_it_runs(tmp_path: Path) -> None:
    env = environment(tmp_path, LTMC_DB=str(tmp_path / "ltmc.db"))
    with server(env) as process:
        assert run("cache", "prune", env=env, file=other_build(tmp_path)).returncode == 0
        # A tool's module is imported at its first call, from the folder that could have gone.
        call = {"name": "add_todo", "arguments": {"title": "still here"}}
        for message in (
            {"method": "notifications/initialized"},
            {"id": 2, "method": "tools/call", "params": call},
        ):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert answer.get("result", {}).get("structuredContent", {}).get("success"), answer
