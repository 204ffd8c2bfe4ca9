"""The built artefacts that tests run, and the interpreters to run them with."""

import io
import os
import shutil
import sys
import zipfile
from functools import cache
from pathlib import Path

from ltmc.distribution import unpacking
from tests.client import SOURCE_COMMAND
from tests.conftest import unavailable

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PACKAGE = ROOT / "ltmc"
PYENV_VERSIONS = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
FORMS = ("source", "pyz", "frozen", "onefile")


def pyz() -> Path:
    """``dist/ltmc.pyz``, made from the present source."""
    path = DIST / "ltmc.pyz"
    if why := trouble(path):
        unavailable(why)
    return path


@cache
def trouble(path: Path) -> str | None:
    again = "run python -m bundles.build"
    if not path.exists():
        return f"{path.name} is not built; {again}"
    if why := _older(path, "*.[ch]"):
        return f"{why}; {again}"
    try:
        inside = packed(path)
    except KeyError:
        return f"{path.name} is one of an earlier LTMC; {again}"
    with inside as archive:
        for name in archive.namelist():
            source = PACKAGE.parent / name.removeprefix("site-packages/")
            # The library differs by compiler, and every commit has another name.
            own = name.startswith("site-packages/ltmc/") and source.suffix not in (
                ".so",
                ".dylib",
                ".dll",
                ".txt",
            )
            if own and not (source.exists() and source.read_bytes() == archive.read(name)):
                return f"{path.name} is not made from the present {source.name}; {again}"
    return None


def packed(path: Path) -> zipfile.ZipFile:
    """What is packed in a .pyz."""
    with zipfile.ZipFile(path) as whole:
        return zipfile.ZipFile(io.BytesIO(whole.read(unpacking.PACKED)))


def _older(path: Path, *patterns: str) -> str | None:
    sources = [source for pattern in patterns for source in PACKAGE.rglob(pattern)]
    newest = max(sources, key=lambda source: source.stat().st_mtime)
    return (
        f"{path.name} is older than {newest.name}" if newest.stat().st_mtime > path.stat().st_mtime else None
    )


def program(*, onefile: bool = False) -> Path:
    """The frozen program, newer than the source."""
    path = DIST / ("ltmc-onefile" if onefile else "ltmc/ltmc")
    again = "run python -m freeze.build"
    if not path.exists():
        unavailable(f"{path.name} is not built; {again}")
    if why := _older(path, "*.py", "*.[ch]"):
        unavailable(f"{why}; {again}")
    return path


def command(form: str) -> list[str]:
    """What starts LTMC in one of `FORMS`."""
    if form == "source":
        return SOURCE_COMMAND
    if form == "pyz":
        return [base_python(), str(pyz())]
    return [str(program(onefile=form == "onefile"))]


def base_python() -> str:
    """The interpreter behind the virtual environment that runs the tests: it has none of its packages."""
    return str(Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}"))


def python(version: str) -> str:
    """An interpreter of `version`, for example 3.10: on the PATH, or one of pyenv's."""
    found = sorted(PYENV_VERSIONS.glob(f"{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    if on_path and "shims" not in on_path:  # pyenv's shims exist for versions that are not active
        found.append(Path(on_path))
    if not found:
        unavailable(f"Python {version} is not here")
    return str(found[-1])
