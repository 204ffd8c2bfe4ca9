"""Wheels: fetched by pip with the hashes of the lock file, then merged into one folder."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from bundles import lock
from ltmc.distribution import contents, form

_OF_ONE_WHEEL = {"RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json", "sboms"}
"""What of a .dist-info folder describes one wheel or one installation of it: none is read at run time,
and they differ between the wheels for two Pythons."""

_UNUSED = ("yaml/_yaml.",)
"""What nothing here loads: PyYAML's faster parser, 3 MB of four Pythons; it goes on in Python without."""


def download(python: tuple[int, int], cache: Path, platform: lock.Platform = lock.LINUX_X86_64) -> list[Path]:
    """Return the wheels for `python`, fetched into a folder of `cache`, or found there from an earlier time.

    Nothing is installed, so `python` need not be on this host.

    Raises:
        subprocess.CalledProcessError: pip found no wheel, or a hash is not in the lock file.
        ValueError: a wheel that was fetched earlier is not one of the lock file's.
    """
    wanted = lock.requirements(python, platform)
    folder = cache / sha256(f"{python}{platform.tags}{wanted}".encode()).hexdigest()[:16]
    if not folder.exists():
        _fetch(wanted, python, platform, folder)
    found = sorted(folder.glob("*.whl"))
    for wheel in found:
        if f"sha256:{sha256(wheel.read_bytes()).hexdigest()}" not in wanted:
            raise ValueError(f"{wheel}: not a file of the lock file; remove {folder}")
    return found


def _fetch(wanted: str, python: tuple[int, int], platform: lock.Platform, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        chosen = Path(name, "requirements.txt")
        chosen.write_text(wanted, "utf-8")
        command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--require-hashes"]
        command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python[0]}.{python[1]}"]
        command += [f"--abi={abi}" for abi in (f"cp{python[0]}{python[1]}", "abi3", "none")]
        command += [f"--platform={tag}" for tag in platform.tags]
        run([*command, f"--dest={name}/wheels", f"--requirement={chosen}"])
        Path(name, "wheels").rename(folder)


def build_ltmc(source: Path, folder: Path) -> Path:
    """Build LTMC's own wheel into `folder` from a copy of its files in `source`; its path.

    A copy, because setuptools would leave its ``build`` folder there, and would take modules that are
    long gone from one that it finds.
    """
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for file in ("pyproject.toml", "setup.py", "README.md", *contents.NOTICES):
            shutil.copy(source / file, copy)
        shutil.copytree(source / "LICENSES", copy / "LICENSES")
        shutil.copytree(source / "ltmc", copy / "ltmc", ignore=shutil.ignore_patterns("__pycache__"))
        folder.mkdir(parents=True, exist_ok=True)
        program = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
        environment = {"LTMC_COMMIT": form.commit()} | os.environ
        run([sys.executable, "-c", program, str(folder.resolve())], cwd=copy, env=environment)
    (wheel,) = folder.glob("ltmc-*.whl")
    return wheel


def run(command: list[str], **options: Any) -> None:
    """Run a program whose output matters only when it fails.

    Raises:
        subprocess.CalledProcessError: it failed; its output is on stderr.
    """
    ran = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    if ran.returncode:
        sys.stderr.write(ran.stdout)
        ran.check_returncode()


def merge(wheels: Iterable[Path], target: Path) -> None:
    """Unpack `wheels` side by side into `target`, a ``site-packages`` for all of their Pythons at once.

    Raises:
        ValueError: two wheels disagree about a file, or hold an extension module whose name does not
            say which Pythons can load it.
    """
    for wheel in sorted(wheels, key=lambda path: (path.name, str(path))):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                name = None if entry.is_dir() else _installed_name(entry.filename)
                if name is None:
                    continue
                if _is_extension_of_unknown_python(name):
                    raise ValueError(f"{wheel.name}: {name} does not say which Pythons can load it")
                content = archive.read(entry)
                path = target / name
                if path.exists():
                    if path.read_bytes() != content:
                        raise ValueError(f"{wheel.name}: {name} differs from that of another wheel")
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o644)


def _is_extension_of_unknown_python(name: PurePosixPath) -> bool:
    """Whether a file is an extension module that does not say so; a plain library (lib*.so) is none."""
    said = {suffix.split("-")[0] for suffix in name.suffixes}
    return name.suffix == ".so" and not name.name.startswith("lib") and not {".abi3", ".cpython"} & said


def _installed_name(name: str) -> PurePosixPath | None:
    """Where a file of a wheel goes in ``site-packages``; None when it has no place there."""
    path = PurePosixPath(name)
    top, *rest = path.parts
    if top.endswith(".data"):  # scripts and headers have no use here
        return PurePosixPath(*rest[1:]) if rest[0] in {"purelib", "platlib"} else None
    if top.endswith(".dist-info") and rest[0] in _OF_ONE_WHEEL:
        return None
    return None if path.as_posix().startswith(_UNUSED) else path
