"""The folders into which ``ltmc.pyz`` unpacks itself: where they are, how one is made, which may go.

An extension module cannot be loaded from inside a zip file, so the first start unpacks the file, once
for each build of it, to ``<root>/ltmc-<digest>/site-packages``. A copy of this module stands at the top
of the .pyz and does that, so it imports nothing of LTMC, and at the top only what every start imports
anyway.

Each process that runs from such a folder holds a shared ``flock`` on it until it ends, and `prune`
removes only a folder on which it gets the exclusive one. Filling and pruning happen under the
exclusive lock of the root's ``.lock``.
"""

import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ENV = "LTMC_ROOT"
PREFIX = "ltmc-"
STAGING = ".tmp"
"""Ends the name of a folder that is not whole; shiv's bootstrap uses the same while it fills one."""
_ZIP_END = 22  # bytes of a zip file's last record, when the zip has no comment
_held: list[int] = []


def roots() -> list[Path]:
    """Return the folders that may hold unpacked versions, the preferred one first.

    ``LTMC_ROOT`` alone when it is set. Else ``ltmc`` in the user's cache folder, and for a home that is
    read-only, full or absent a folder of this user in the temporary folder.
    """
    if named := os.environ.get(ENV):
        return [Path(named).expanduser().absolute()]
    cache = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(cache if cache.startswith("/") else os.path.expanduser("~/.cache"), "ltmc")  # noqa: PTH111 (never raises)
    temporary = Path(os.environ.get("TMPDIR") or "/tmp", f"ltmc-{os.geteuid()}")  # noqa: S108 (see _use)
    return [root for root in (home, temporary) if root.is_absolute()]


def locate(archive: Path) -> Path:
    """Return the ``site-packages`` of `archive` (a .pyz), unpacked first where needed; in use from then on.

    Raises:
        SystemExit: with one sentence; nowhere can it be unpacked, or the file is damaged.
    """
    name = PREFIX + _digest(archive)
    for root in roots():
        if site := _use(root / name):
            return site
    failures = []
    for root in roots():
        try:
            _unpack(archive, root / name)
        except OSError as error:
            failures.append(f"{root} ({error.strerror or error})")
            continue
        if site := _use(root / name):
            if failures:
                sys.stderr.write(f"ltmc: could not unpack into {failures[0]}; using {root}.\n")
            return site
        failures.append(f"{root} (others can change what is in it)")
    sys.exit(
        f"ltmc: {archive.name} found no place to unpack itself: {'; '.join(failures)}. "
        f"It needs about 150 MB in a folder of yours; name one with {ENV}."
    )


def _digest(archive: Path) -> str:
    """Return a name for the contents of `archive`: the hash of its table of files, which has the CRC of each."""
    from hashlib import sha256

    with archive.open("rb") as file:
        file.seek(-_ZIP_END, os.SEEK_END)
        size = int.from_bytes(file.read()[12:16], "little")
        file.seek(-_ZIP_END - size, os.SEEK_END)
        return sha256(file.read()).hexdigest()[:16]


def _use(folder: Path) -> Path | None:
    """Lock `folder` against `prune`; its site-packages, or None when it is absent or not to be trusted."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):  # a file system without locks; there `prune` gets none either
        fcntl.flock(handle, fcntl.LOCK_SH)
    about = os.fstat(handle)
    # Code is run from here, so nobody else may be able to put it here.
    trusted = about.st_uid in (0, os.geteuid()) and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    try:  # `prune` may have moved it away between open and lock
        present = os.path.samestat(about, folder.stat())
    except OSError:
        present = False
    if not (trusted and present):
        os.close(handle)
        return None
    _held.append(handle)
    return folder / "site-packages"


def _unpack(archive: Path, folder: Path) -> None:
    """Fill `folder`, which appears under its name only when it is whole.

    Raises:
        OSError: it cannot be made, locked or filled.
    """
    import shutil
    import zipfile
    import zlib

    # shiv's bootstrap lies beside the copy of this module in the .pyz.
    from _bootstrap import extract_site_packages  # type: ignore[import-not-found]

    former = os.umask(0o077)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.parent), zipfile.ZipFile(archive) as source:
            try:
                extract_site_packages(source, folder)
            except OSError:
                shutil.rmtree(f"{folder}{STAGING}", ignore_errors=True)
                raise
            except (zipfile.BadZipFile, zlib.error) as error:
                sys.exit(f"ltmc: {archive} is damaged ({error}); fetch it again.")
            finally:  # shiv's own lock file, which the lock of the root makes needless
                folder.with_name(f".{folder.name}_lock").unlink(missing_ok=True)
    finally:
        os.umask(former)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class Unpacked:
    """One folder of a root.

    Attributes:
        path: the folder.
        size: bytes of the files in it.
        whole: False for what an unpacking or a pruning left when it was cut short.
        in_use: a running process uses it, or whether one does cannot be told.
    """

    path: Path
    size: int
    whole: bool
    in_use: bool


def entries() -> list[Unpacked]:
    """Return what lies in the roots of this user, by path."""
    found = []
    for folder in _folders():
        with _exclusive(folder) as free:
            found.append(_describe(folder, in_use=not free))
    return found


def prune() -> tuple[list[Unpacked], list[Unpacked]]:
    """Remove each folder that no running process uses; what was removed and what was kept."""
    import shutil

    removed, kept = [], []
    for folder in _folders():
        with suppress(OSError), _locked(folder.parent), _exclusive(folder) as free:
            entry = _describe(folder, in_use=not free)
            if free:
                gone = folder.with_name(f"{folder.name}.{os.getpid()}{STAGING}")
                folder.rename(gone)
                shutil.rmtree(gone)
                removed.append(entry)
                continue
        if folder.exists():
            kept.append(_describe(folder, in_use=True))
    return removed, kept


def _folders() -> list[Path]:
    found: list[Path] = []
    for root in roots():
        with suppress(OSError):
            found += [path for path in root.iterdir() if path.name.startswith(PREFIX) and path.is_dir()]
    return sorted(found)


@contextmanager
def _exclusive(folder: Path) -> Iterator[bool]:
    """Whether the exclusive lock on `folder` could be had; if so it is held meanwhile."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _describe(folder: Path, *, in_use: bool) -> Unpacked:
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # another process may remove it meanwhile
                size += os.lstat(f"{path}/{name}").st_size
    return Unpacked(folder, size, not folder.name.endswith(STAGING), in_use)
