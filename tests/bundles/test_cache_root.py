"""Where ltmc.pyz unpacks itself: only where nobody else can put code, and what is there is mended."""

import io
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ltmc.distribution import unpacking, unpacking_unix
from tests import artefacts
from tests.bundles.test_unpacking import environment, run, whole
from tests.conftest import unavailable

STRANGER = 54_321


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A file that unpacks like ltmc.pyz, and is small."""
    path = tmp_path / "small.pyz"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in ("site-packages/a.py", "site-packages/b/c.py"):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            file.writestr(entry, f"# {name}\n")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("_launcher.py", "")
        file.writestr(unpacking.PACKED, packed.getvalue())
    return path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The chosen root, two folders below one of the test's own; no lock stays behind."""
    path = tmp_path / "above" / "root"
    path.parent.mkdir(0o700)
    monkeypatch.setenv(unpacking.ENV, str(path))
    yield path
    while unpacking._held:
        os.close(unpacking._held.pop())


def give_away(path: Path) -> None:
    """Make a stranger its owner."""
    if os.geteuid():
        unavailable("only root can give files away")
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)


def made(root: Path, mode: int) -> Path:
    root.mkdir()
    root.chmod(mode)
    return root


def link_to_a_folder(root: Path) -> None:
    root.with_name("elsewhere").mkdir()
    root.symlink_to(root.with_name("elsewhere"))


def linked_above(root: Path) -> None:
    """A stranger's link where everyone may put one leads to a folder of the user's own."""
    elsewhere = root.parents[1] / "elsewhere"
    root.parent.rename(elsewhere)
    root.parent.symlink_to(elsewhere)
    give_away(root.parent)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a root that others may write": (lambda root: made(root, 0o777), "others can change what is in it"),
    "a root that the group may write": (lambda root: made(root, 0o770), "others can change what is in it"),
    "a root in which only owners rename": (
        lambda root: made(root, 0o1777),
        "others can change what is in it",
    ),
    "a stranger's root": (lambda root: give_away(made(root, 0o755)), "others can change what is in it"),
    "a root below what others may write": (
        lambda root: root.parent.chmod(0o777),
        "others can change above, above it",
    ),
    "a root below a stranger's folder": (
        lambda root: give_away(root.parent),
        "others can change above, above it",
    ),
    "a link": (link_to_a_folder, "Not a directory"),
    "a root below a stranger's link": (linked_above, "Not a directory"),
    "a file": (lambda root: root.touch(), "Not a directory"),
}


@contextmanager
def left_alone(root: Path, prepare: Callable[[Path], object]) -> Iterator[None]:
    """Prepare a root that is not to be trusted; inside the block nothing may be made or opened in it."""
    prepare(root)
    victim = root.parent.resolve() / "victim"
    victim.write_text("precious")
    if root.is_dir():
        (root / ".lock").symlink_to(victim)
    before = sorted(root.parents[1].rglob("*"))
    yield
    assert victim.read_text() == "precious"
    assert sorted(root.parents[1].rglob("*")) == before


@pytest.mark.parametrize(("prepare", "why"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_made_or_opened_in_a_root_that_others_can_change(
    prepare: Callable[[Path], object], why: str, root: Path, archive: Path
) -> None:
    with left_alone(root, prepare), pytest.raises(SystemExit) as refused:
        unpacking.locate(archive)
    assert f"{root} ({why})" in str(refused.value)


def test_a_root_that_became_open_to_others_is_used_no_more(root: Path, archive: Path) -> None:
    site = unpacking.locate(archive)
    assert (site / "a.py").read_text() == "# site-packages/a.py\n"
    root.chmod(0o777)
    with pytest.raises(SystemExit, match="others can change what is in it"):
        unpacking.locate(archive)
    assert unpacking.entries() == []
    assert unpacking.prune() == ([], [])


def test_the_root_of_all_is_looked_at_as_any_other() -> None:
    with suppress(OSError):
        unpacking_unix.enter(Path("/"))


def test_a_lock_file_that_is_a_link_is_not_followed(root: Path, archive: Path) -> None:
    victim = root.parent / "victim"
    victim.write_text("precious")
    root.mkdir(0o700)
    (root / ".lock").symlink_to(victim)
    with pytest.raises(SystemExit, match="symbolic links"):
        unpacking.locate(archive)
    assert victim.read_text() == "precious"


def test_links_of_the_user_and_folders_of_everyone_may_lie_above(root: Path, archive: Path) -> None:
    root.parent.chmod(0o1777)
    unpacking.locate(archive)
    shutil.rmtree(root)
    elsewhere = root.parents[1] / "elsewhere"
    root.parent.rename(elsewhere)
    root.parent.symlink_to("elsewhere")
    assert (unpacking.locate(archive) / "a.py").exists()
    assert (elsewhere / "root").stat().st_mode & 0o777 == 0o700


def test_without_a_safe_home_the_temporary_folder_serves(
    tmp_path: Path,
    archive: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cache, temporary = tmp_path / "cache", tmp_path / "tmp"
    made(cache, 0o777)
    made(temporary, 0o1777)
    monkeypatch.delenv(unpacking.ENV)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert unpacking.locate(archive).is_relative_to(temporary / f"ltmc-{os.geteuid()}")
    assert f"{cache}/ltmc (others can change cache, above it)" in capsys.readouterr().err
    assert list(cache.iterdir()) == []


def test_what_dead_processes_left_goes_at_the_next_unpacking(root: Path, archive: Path) -> None:
    left = root / f"{unpacking.PREFIX}0123456789abcdef{unpacking.STAGING}"
    (left / "site-packages").mkdir(parents=True)
    root.chmod(0o700)
    unpacking.locate(archive)
    assert not left.exists()


def test_what_differs_is_named_and_mended(root: Path, archive: Path) -> None:
    site = unpacking.locate(archive)
    assert unpacking.mend(archive, site) == []
    (site / "planted.py").touch()
    (site / "__pycache__").mkdir()
    (site / "__pycache__" / "a.cpython-311.pyc").touch()
    shutil.rmtree(site / "b")
    (site / "a.py").unlink()
    os.mkfifo(site / "a.py")
    outside = root / "outside"
    outside.mkdir()
    (site / "b").symlink_to(outside)
    assert unpacking.mend(archive, site) == ["a.py", "b", "b/c.py", "planted.py"]
    files = {
        path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*") if path.is_file()
    }
    assert files == {"a.py": "# site-packages/a.py\n", "b/c.py": "# site-packages/b/c.py\n"}
    assert list(outside.iterdir()) == []
    assert unpacking.mend(archive, site) == []


# The same with the file that is shipped.


def test_a_deep_check_names_and_mends_what_was_changed(tmp_path: Path) -> None:
    env = environment(tmp_path, LTMC_DB=str(tmp_path / "ltmc.db"))
    assert run("check", "--deep", env=env).returncode == 0
    (folder,) = whole(tmp_path / ".cache" / "ltmc")
    changed = folder / "site-packages" / "ltmc" / "timestamps.py"
    good = changed.read_bytes()
    changed.write_bytes(good + b"\nSTOLEN = True\n")
    assert run("check", env=env).returncode == 0
    done = run("check", "--deep", env=env)
    assert done.returncode == 1
    assert done.stderr == "Missing unpacked ltmc/timestamps.py: it differed from ltmc.pyz; unpacked anew\n"
    assert changed.read_bytes() == good
    done = run("check", "--deep", env=env)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("damage", ["emptied", "missing", "cut"])
def test_what_keeps_it_from_starting_is_mended_by_the_start(tmp_path: Path, damage: str) -> None:
    env = environment(tmp_path)
    assert run("--version", env=env).returncode == 0
    (folder,) = whole(tmp_path / ".cache" / "ltmc")
    site = folder / "site-packages"
    if damage == "missing":
        shutil.rmtree(site)
    elif damage == "cut":
        (site / "click" / "core.py").write_text("def f(")
    else:
        for path in site.rglob("*.py"):
            path.write_bytes(b"")
    done = run("--version", env=env)
    assert done.returncode == 0
    assert "version" in done.stdout
    (line,) = done.stderr.splitlines()
    assert "differed from ltmc.pyz; unpacked anew" in line
    assert run("--version", env=env).stderr == ""


def test_an_interrupted_unpacking_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / ".cache" / "ltmc"
    with subprocess.Popen(
        [artefacts.base_python(), artefacts.pyz(), "--version"],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
    ) as process:
        while not list(root.glob(f"*{unpacking.STAGING}/site-packages/*")):
            assert process.poll() is None, "it was faster than this test"
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 130
    assert [path.name for path in root.iterdir()] == [".lock"]
    assert run("--version", env=environment(tmp_path)).returncode == 0


def test_the_licence_and_the_notice_travel() -> None:
    with artefacts.packed(artefacts.pyz()) as file:
        for name in ("LICENSE", "NOTICE"):
            (inside,) = [
                entry
                for entry in file.namelist()
                if entry.endswith(f"/licenses/{name}") and "/ltmc-" in entry
            ]
            assert file.read(inside) == (artefacts.ROOT / name).read_bytes()


def test_what_is_pruned_before_it_is_locked_is_unpacked_again(
    root: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack, made = unpacking._unpack, []

    def pruned_at_once(archive: Path, root: Path, name: str) -> None:
        unpack(archive, root, name)
        made.append(name)
        if len(made) <= 2:
            unpacking.prune()

    monkeypatch.setattr(unpacking, "_unpack", pruned_at_once)
    assert (unpacking.locate(archive) / "a.py").exists()
    assert len(made) == 3
