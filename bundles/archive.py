"""Folders to archives, the same bytes each time: a merged ``site-packages`` to one .pyz, with shiv; a .tar.gz.

The files lie in an archive inside of it: Python reads the whole table of a .pyz at each start, and that of 4,000
files takes it 15 ms. Beside it lies what greets an agent before anything is unpacked.
"""

import gzip
import re
import stat
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from shiv import __version__ as shiv_version
from shiv.bootstrap.environment import Environment
from shiv.builder import create_archive
from shiv.constants import BUILD_AT_TIMESTAMP_FORMAT

from bundles import lock
from ltmc import system
from ltmc.distribution import unpacking

INTERPRETER = "/usr/bin/env python3"

GREETING = """
import sys
sys.path.insert(0, sys.argv[1])
import ltmc.server.greeting
print(*(module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "ltmc"), sep="\\n")
"""
"""Prints the files of the package that greeting an agent takes, beside the manifest."""


def write(
    site_packages: Path,
    target: Path,
    epoch: int,
    platform: lock.Platform,
    pythons: tuple[tuple[int, int], ...] = lock.PYTHONS,
) -> None:
    """Write `target` from `site_packages`.

    shiv writes the archive. Its own start costs 80 ms of a warm one, mostly for reading the table of
    files a second time, trusts any folder, and prints tracebacks where a sentence is due. So `launcher`
    takes its place.

    Args:
        site_packages: what to put in; no file in it may carry the date or the path of this build.
        target: the .pyz.
        epoch: the time that every entry gets, in seconds since 1970 (at least 1980, as zip needs it).
        platform: what `launcher` is to accept.
        pythons: the same.
    """
    built_at = datetime.fromtimestamp(epoch, UTC)
    with TemporaryDirectory() as name:
        folder = Path(name)
        _pack(site_packages, folder / Path(unpacking.PACKED).name, built_at)
        create_archive(
            [folder],
            target,
            INTERPRETER,
            main="_launcher:main",
            env=Environment(
                built_at=built_at.strftime(BUILD_AT_TIMESTAMP_FORMAT),
                shiv_version=shiv_version,
                entry_point="ltmc.__main__:main",
                compile_pyc=False,
                reproducible=True,
            ),
            compressed=False,
        )
    about = (platform.sys_platform, platform.machine, platform.words)
    _put_launcher(target, site_packages / "ltmc", built_at, PYTHONS=pythons, PLATFORM=about, GLIBC=lock.GLIBC)


def _pack(site_packages: Path, target: Path, built_at: datetime) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(path for path in site_packages.rglob("*") if path.is_file()):
            name = unpacking.SITE + path.relative_to(site_packages).as_posix()
            entry = zipfile.ZipInfo(name, built_at.timetuple()[:6])
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def pack(folder: Path, target: Path, epoch: int) -> None:
    """Write `folder` as a .tar.gz in which only its name and contents decide the bytes, and not the umask."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = epoch
        entry.mode = 0o755 if entry.isdir() or entry.mode & stat.S_IXUSR else 0o644
        return entry

    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=epoch, fileobj=raw) as file,
        tarfile.open(fileobj=file, mode="w") as archive,
    ):
        archive.add(folder, folder.name, filter=plain)  # adds what is in a folder in sorted order


def _put_launcher(target: Path, package: Path, built_at: datetime, **filled: tuple[object, ...]) -> None:
    launcher = Path(__file__).with_name("launcher.py").read_text("utf-8")
    for name, value in filled.items():
        launcher = launcher.replace(f"{name} = ()", f"{name} = {value!r}")
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            ("_launcher.py", launcher),
            *((f"_{path.name}", _alone(path)) for path in _unpacking_parts()),
            *(
                (f"{unpacking.SITE}{part}", (package.parent / part).read_text("utf-8"))
                for part in _greeting(package)
            ),
        ):
            archive.writestr(zipfile.ZipInfo(name, built_at.timetuple()[:6]), text, zipfile.ZIP_DEFLATED)
        for entry in archive.infolist():  # shiv takes these from its installation, where they may differ
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
    target.chmod(0o755)


def _unpacking_parts() -> list[Path]:
    """Return the modules that unpack the file, which stand beside the launcher."""
    found = sorted(Path(unpacking.__file__).parent.glob("unpacking*.py"))
    return [*found, Path(system.__file__).with_name("locks_windows.py")]


def _alone(path: Path) -> str:
    """Return the text of such a module, which finds the others beside itself and not in the package."""
    return re.sub(r"from ltmc\.\w+ import (\w+) as", r"import _\1 as", path.read_text("utf-8"))


def _greeting(package: Path) -> list[str]:
    """Return what `ltmc.server.greeting` needs of the package, by the folder that it lies in."""
    site = package.parent
    command = [sys.executable, "-I", "-S", "-B", "-c", GREETING, str(site)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = [Path(line).relative_to(site).as_posix() for line in told.split()]
    return sorted([*found, "ltmc/tools/manifest.json"])
