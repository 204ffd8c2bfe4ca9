"""A merged ``site-packages`` to one .pyz, with shiv, the same bytes each time."""

import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from shiv import __version__ as shiv_version
from shiv.bootstrap.environment import Environment
from shiv.builder import create_archive
from shiv.constants import BUILD_AT_TIMESTAMP_FORMAT

from bundles import lock
from ltmc.distribution import unpacking as unpacked

INTERPRETER = "/usr/bin/env python3"


def write(
    site_packages: Path, target: Path, epoch: int, pythons: tuple[tuple[int, int], ...] = lock.PYTHONS
) -> None:
    """Write `target` from `site_packages`.

    shiv writes the archive. Its own start costs 80 ms of a warm one, mostly for reading the table of
    files a second time, trusts any folder, and prints tracebacks where a sentence is due. So `launcher`
    takes its place.

    Args:
        site_packages: what to put in; no file in it may carry the date or the path of this build.
        target: the .pyz.
        epoch: the time that every entry gets, in seconds since 1970 (at least 1980, as zip needs it).
        pythons: what `launcher` is to accept.
    """
    built_at = datetime.fromtimestamp(epoch, UTC)
    create_archive(
        [site_packages],
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
    )
    _put_launcher(target, built_at, pythons)


def _put_launcher(target: Path, built_at: datetime, pythons: tuple[tuple[int, int], ...]) -> None:
    launcher = Path(__file__).with_name("launcher.py").read_text()
    for name, value in (("PYTHONS", pythons), ("GLIBC", lock.GLIBC)):
        launcher = launcher.replace(f"{name} = ()", f"{name} = {value!r}")
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            ("_launcher.py", launcher),
            ("_unpacking.py", Path(unpacked.__file__).read_text()),
        ):
            archive.writestr(zipfile.ZipInfo(name, built_at.timetuple()[:6]), text, zipfile.ZIP_DEFLATED)
        for entry in archive.infolist():  # shiv takes these from its installation, where they may differ
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
    target.chmod(0o755)
