"""A merged ``site-packages`` to one .pyz, the same bytes each time.

The files lie in an archive inside of it: Python reads the whole table of a .pyz at each start, and that of 4,000
files takes it 15 ms.
"""

import io
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from bundles import lock
from ltmc.distribution import unpacking

INTERPRETER = b"#!/usr/bin/env python3\n"
MAIN = "import _launcher\n\n_launcher.main()\n"


def write(
    site_packages: Path, target: Path, epoch: int, pythons: tuple[tuple[int, int], ...] = lock.PYTHONS
) -> None:
    """Write `target` from `site_packages`.

    Args:
        site_packages: what to put in; no file in it may carry the date or the path of this build.
        target: the .pyz.
        epoch: the time that every entry gets, in seconds since 1970 (at least 1980, as zip needs it).
        pythons: what `launcher` is to accept.
    """
    launcher = Path(__file__).with_name("launcher.py").read_text()
    for name, value in (("PYTHONS", pythons), ("GLIBC", lock.GLIBC)):
        launcher = launcher.replace(f"{name} = ()", f"{name} = {value!r}")
    files = {path.relative_to(site_packages).as_posix(): path for path in site_packages.rglob("*")}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, path in sorted(files.items()):
            if path.is_file():
                _put(archive, unpacking.SITE + name, path.read_bytes(), epoch)
    with target.open("wb") as file:
        file.write(INTERPRETER)
        with zipfile.ZipFile(file, "w") as archive:
            _put(archive, "__main__.py", MAIN.encode(), epoch)
            _put(archive, "_launcher.py", launcher.encode(), epoch)
            _put(archive, "_unpacking.py", Path(unpacking.__file__).read_bytes(), epoch)
            _put(archive, unpacking.PACKED, packed.getvalue(), epoch, zipfile.ZIP_STORED)
    target.chmod(0o755)


def _put(
    archive: zipfile.ZipFile, name: str, content: bytes, epoch: int, how: int = zipfile.ZIP_DEFLATED
) -> None:
    entry = zipfile.ZipInfo(name, datetime.fromtimestamp(epoch, UTC).timetuple()[:6])
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    archive.writestr(entry, content, how)
