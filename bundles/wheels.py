"""Wheels: fetched by pip with the hashes of the lock file, then merged into one folder."""

import os
import re
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

_UNUSED = (
    "yaml/_yaml.",  # PyYAML's faster parser, 3 MB of four Pythons; it goes on in Python without
    # Of pywin32, 11 MB for each Python, the MCP SDK takes what is in win32.
    *("adodbapi/", "isapi/", "pythonwin/", "win32com/", "win32comext/", "PyWin32.chm"),
)
"""What nothing here loads."""

_PURE = "-py3-none-any.whl"

_SAYS_WHICH = re.compile(r"\.(abi3|cpython-3\d+|cp3\d+)[-.]")
"""In the name of an extension module: which Pythons can load it."""


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


def build_ltmc(source: Path, folder: Path, platform: lock.Platform = lock.LINUX_X86_64) -> Path:
    """Build LTMC's own wheel for `platform` into `folder` from a copy of its files in `source`; its path."""
    with tempfile.TemporaryDirectory() as name:
        _build("wheel", source, Path(name), folder, LTMC_TARGET=platform.own)
    (wheel,) = folder.glob(f"ltmc-*-py3-none-{platform.own}.whl")
    return wheel


def build_sdist(source: Path, folder: Path) -> Path:
    """Build LTMC's source distribution into `folder` from a copy of its files in `source`; its path."""
    with tempfile.TemporaryDirectory() as name:
        _build("sdist", source, Path(name), folder)
    (sdist,) = folder.glob("ltmc-*.tar.gz")
    return sdist


def _build(kind: str, source: Path, copy: Path, folder: Path, **environment: str) -> None:
    """Let setuptools build into `folder`.

    A copy, because setuptools would leave its ``build`` folder there, and would take modules that are
    long gone from one that it finds.
    """
    for file in ("pyproject.toml", "setup.py", "README.md", *contents.NOTICES):
        shutil.copy(source / file, copy)
    shutil.copytree(source / "LICENSES", copy / "LICENSES")
    shutil.copytree(source / "ltmc", copy / "ltmc", ignore=shutil.ignore_patterns("__pycache__"))
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    folder.mkdir(parents=True, exist_ok=True)
    program = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    kept = {"LTMC_COMMIT": form.commit(), "ZIG_GLOBAL_CACHE_DIR": str(source / "build" / "zig")}
    environment = kept | os.environ | environment
    run([sys.executable, "-c", program, str(folder.resolve())], cwd=copy, env=environment, umask=0o022)


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

    A wheel for one Python with extension modules whose names do not say so goes into a folder for that Python, such
    as ``cp311``, which `launcher` adds. A package that has a pure wheel for some Python is taken from that for all.

    Raises:
        ValueError: two wheels disagree about a file, or hold an extension module of which nothing says which
            Pythons can load it.
    """
    found = sorted(wheels, key=lambda path: (path.name, str(path)))
    pure = {wheel.name.removesuffix(_PURE) for wheel in found if wheel.name.endswith(_PURE)}
    for wheel in found:
        if "-".join(wheel.name.split("-")[:2]) in pure and not wheel.name.endswith(_PURE):
            continue
        with zipfile.ZipFile(wheel) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            named = [(entry, name) for entry in entries if (name := _installed_name(entry.filename))]
            place = target / _place(wheel, [name for _, name in named])
            for entry, name in named:
                content = archive.read(entry)
                path = (target if name.parts[0].endswith(".dist-info") else place) / name
                if path.exists():
                    if path.read_bytes() != content:
                        raise ValueError(f"{wheel.name}: {name} differs from that of another wheel")
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o644)


def _place(wheel: Path, names: list[PurePosixPath]) -> str:
    """Return the folder for what is in `wheel`: empty, or that of its only Python."""
    unknown = [name for name in names if _is_extension_of_unknown_python(name)]
    abi = wheel.stem.split("-")[-2]
    if not unknown or abi == "abi3":
        return ""
    if not re.fullmatch(r"cp3\d+", abi):
        raise ValueError(f"{wheel.name}: {unknown[0]} does not say which Pythons can load it")
    return abi


def _is_extension_of_unknown_python(name: PurePosixPath) -> bool:
    """Whether a file is an extension module whose name does not say so; a plain library (lib*.so) is none."""
    is_extension = name.suffix == ".pyd" or (name.suffix == ".so" and not name.name.startswith("lib"))
    return is_extension and not _SAYS_WHICH.search(name.name)


def _installed_name(name: str) -> PurePosixPath | None:
    """Where a file of a wheel goes in ``site-packages``; None when it has no place there."""
    path = PurePosixPath(name)
    top, *rest = path.parts
    if top.endswith(".data"):  # scripts and headers have no use here
        return PurePosixPath(*rest[1:]) if rest[0] in {"purelib", "platlib"} else None
    if top.endswith(".dist-info") and rest[0] in _OF_ONE_WHEEL:
        return None
    return None if path.as_posix().startswith(_UNUSED) else path
