"""What the program holds: which distributions, which libraries of its Python, what of PyInstaller and Zig."""

import ctypes
import platform
import re
import shutil
import sqlite3
import ssl
import sys
import sysconfig
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from PyInstaller.archive.readers import CArchiveReader

from bundles import parts
from ltmc.distribution.licences import Part

_GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"


def _asked(function: str) -> Callable[[Path], str]:
    """Return what asks a library for its version by one of its functions."""

    def ask(library: Path) -> str:
        told = getattr(ctypes.CDLL(str(library)), function)
        told.restype = ctypes.c_char_p
        return str(told().decode().split(",")[0])

    return ask


def _numbered(library: Path) -> str:
    """Return the number in the name of a library that cannot be asked."""
    return (re.findall(r"\d+", library.name) or ["unknown"])[-1]


LIBRARIES: dict[str, tuple[str, str, Callable[[Path], str]]] = {
    "python": ("cpython", "PSF-2.0", lambda _: platform.python_version()),
    "crypto": ("openssl", "Apache-2.0", lambda _: ssl.OPENSSL_VERSION.split()[1]),
    "ssl": ("openssl", "Apache-2.0", lambda _: ssl.OPENSSL_VERSION.split()[1]),
    "sqlite": ("sqlite", "blessing", lambda _: sqlite3.sqlite_version),
    "z": ("zlib", "Zlib", lambda _: zlib.ZLIB_RUNTIME_VERSION),
    "bz": ("bzip2", "bzip2-1.0.6", _asked("BZ2_bzlibVersion")),
    "lzma": ("xz", "0BSD OR LicenseRef-scancode-public-domain", _asked("lzma_version_string")),
    "ffi": ("libffi", "MIT", _numbered),
    "uuid": ("libuuid", "BSD-3-Clause", _numbered),
    "gcc_s": ("libgcc", _GCC, _numbered),
}
"""Name, licence and version of a library, by its file's name without `lib` and digits; NOTICE speaks of each."""


def add(program: Path, site: Path, wheels: Iterable[Path]) -> None:
    """Write into the folder of `program` what it holds, with the licences.

    Args:
        site: the folder that `wheels` were merged into, from which it was frozen.

    Raises:
        click.ClickException: a library in it is not known.
    """
    inside = program.parent / "_internal"
    modules = set(CArchiveReader(str(program)).open_embedded_archive("PYZ.pyz").toc)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = [Path(name) for name in archive.namelist() if not name.endswith("/")]
        if any(_module(name) in modules or (inside / name).is_file() for name in names):
            (folder,) = {name.parts[0] for name in names if name.parts[0].endswith(".dist-info")}
            _copy_metadata(site / folder, inside / folder)
    parts.add(inside, [*_libraries(inside, site), *_of_tools()])


def _module(path: Path) -> str:
    """Return the name of the module in a file of a wheel."""
    named = path.parent if path.name == "__init__.py" else path.with_suffix("")
    return ".".join(named.parts) if path.suffix == ".py" else ""


def _copy_metadata(source: Path, target: Path) -> None:
    """Copy what is not there yet, without the description for people and what nobody asks this program for."""
    if not target.exists():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("entry_points.txt", "top_level.txt"))
        header = (target / "METADATA").read_text("utf-8").partition("\n\n")[0]
        (target / "METADATA").write_text(header + "\n", "utf-8")


def _libraries(inside: Path, site: Path) -> list[Part]:
    found: dict[str, Part] = {}
    for path in sorted(inside.iterdir()):
        if not re.search(r"\.(so|dylib|dll)\b", path.name) or (site / path.name).exists():
            continue
        stem = re.match(r"(?:lib)?([a-z_]*)", path.name)
        if stem is None or stem[1] not in LIBRARIES:
            raise click.ClickException(f"{path.name}: freeze/parts.py does not know its licence")
        name, licence, version = LIBRARIES[stem[1]]
        found[name] = Part(name, version(path), licence, "library", ())
    python = [Path(sysconfig.get_path("stdlib"), "LICENSE.txt"), Path(sys.base_prefix, "LICENSE.txt")]
    text = next((path for path in python if path.is_file()), None)
    if text is None:
        raise click.ClickException(f"the licence of Python is not in {python[0]}")
    found["cpython"] = Part("cpython", platform.python_version(), "PSF-2.0", "library", (text,))
    return [found[name] for name in sorted(found)]


def _of_tools() -> list[Part]:
    """Return what PyInstaller and Zig put in: the one's start of the program, the other's libraries of the launcher."""
    licence = "GPL-2.0-or-later WITH Bootloader-exception"
    return [
        parts.of_tool("pyinstaller", licence, "licenses/COPYING.txt"),
        parts.of_tool("zig", "MIT", "licenses/ziglang/LICENSE", kind="launcher", of="ziglang"),
        parts.of_tool(
            "musl", "MIT", "licenses/ziglang/lib/libc/musl/COPYRIGHT", kind="launcher", of="ziglang"
        ),
    ]
