"""The folders into which ``ltmc.pyz`` unpacks itself: where they are, how one is made, which may go.

An extension module cannot be loaded from inside a zip file, so the first start unpacks the file, once
for each build of it, to ``<root>/ltmc-<digest>/site-packages``. Copies of this module and its twins stand at the
top of the .pyz (`bundles/archive.py`) and do that, so they import nothing of LTMC but each other, and at the top
only what every start imports anyway.

Code is run from here, so nobody else may be able to put it here: `enter` goes down to the root and refuses
it before anything in it is made or opened.

Each process that runs from such a folder holds a shared lock on it until it ends, and `prune` removes only a
folder on which it gets the exclusive one. Each start sets the folder's time of change, so that a server can remove
by itself what was not started for long. Filling and pruning happen under the exclusive lock of the root. The
program in one file keeps to the same (`freeze/launcher/launcher.c`).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if sys.platform == "win32":
    from ltmc.distribution import unpacking_windows as host
else:
    from ltmc.distribution import unpacking_unix as host

if TYPE_CHECKING:
    from collections.abc import Callable
    from zipfile import ZipFile

ENV = "LTMC_ROOT"
PREFIX = "ltmc-"
STAGING = ".tmp"
"""Ends the name of a folder that is not whole, and of a file that is not."""
PACKED, SITE = "site-packages/packed.zip", "site-packages/"
"""The archive in the .pyz that holds what is unpacked, and the folder in that."""

TRIES = 10
"""What was unpacked may be pruned before it is locked; then it is unpacked again."""

_ZIP_END = 22  # bytes of a zip file's last record, when the zip has no comment
_held: list[int] = []


def roots() -> list[Path]:
    """Return the folders that may hold unpacked versions, the preferred one first.

    ``LTMC_ROOT`` alone when it is set.
    """
    if named := os.environ.get(ENV):
        return [Path(os.path.expanduser(named)).absolute()]  # noqa: PTH111 (never raises)
    return [root for root in host.usual_roots() if root.is_absolute()]


def locate(archive: Path, before_unpacking: "Callable[[], None] | None" = None) -> Path:
    """Return the ``site-packages`` of `archive` (a .pyz), unpacked first where needed; in use from then on.

    Args:
        before_unpacking: called where that is needed.

    Raises:
        SystemExit: with one sentence; nowhere can it be unpacked, or the file is damaged.
    """
    name = PREFIX + _digest(archive)
    for root in roots():
        if site := _use(root, name):
            return site
    if before_unpacking is not None:
        before_unpacking()
    failures: list[str] = []
    for root in roots():
        try:
            for _ in range(TRIES):
                _unpack(archive, root, name)
                if site := _use(root, name):
                    if failures:
                        sys.stderr.write(f"ltmc: could not unpack into {failures[0]}; using {root}.\n")
                    return site
        except OSError as error:
            failures.append(f"{root} ({error.strerror or error})")
            continue
        failures.append(f"{root} (others can change what is in it)")
    sys.exit(
        f"ltmc: {archive.name} found no place to unpack itself: {'; '.join(failures)}. "
        f"It needs about 150 MB in a folder of yours; name one with {ENV}."
    )


def _digest(archive: Path) -> str:
    """Return a name for the contents of `archive`: the hash of its table of files, which has the CRC of `PACKED`."""
    from hashlib import sha256

    with archive.open("rb") as file:
        file.seek(-_ZIP_END, os.SEEK_END)
        size = int.from_bytes(file.read()[12:16], "little")
        file.seek(-_ZIP_END - size, os.SEEK_END)
        return sha256(file.read()).hexdigest()[:16]


def _use(root: Path, name: str) -> Path | None:
    """Lock a folder against `prune`; its site-packages, or None when it is absent or not to be trusted."""
    try:
        host.enter(root)
        _held.append(host.hold(root / name))
    except OSError:
        return None
    return root / name / "site-packages"


def _unpack(archive: Path, root: Path, name: str) -> None:
    """Fill a folder of `root`, which appears under its name only when it is whole.

    Raises:
        OSError: it cannot be made, locked or filled.
    """
    import shutil
    import zipfile
    import zlib

    folder, staging = root / name, root / f"{name}{STAGING}"
    former = os.umask(0o077)
    try:
        host.enter(root, make=True)
        with host.locked(root):
            for left in root.glob(f"{PREFIX}*{STAGING}"):  # of a dead process: a living one has the lock
                shutil.rmtree(left, ignore_errors=True)
            if folder.exists():
                return
            try:
                with packed(archive) as source:
                    for entry in source.infolist():
                        os.chmod(source.extract(entry, staging), entry.external_attr >> 16)  # noqa: PTH101
                staging.rename(folder)
            except (KeyError, zipfile.BadZipFile, zlib.error) as error:
                sys.exit(f"ltmc: {archive} is damaged ({error}); fetch it again.")
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    finally:
        os.umask(former)


@contextmanager
def packed(archive: Path) -> "Iterator[ZipFile]":
    """Open what is packed in `archive`."""
    import io
    import zipfile

    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(io.BytesIO(whole.read(PACKED))) as inner:
        yield inner


def mend(archive: Path, site: Path) -> list[str]:
    """Make the unpacked `site` hold what `archive` holds, byte for byte, and nothing else; what differed.

    Compiled code is dropped: Python makes it again.

    Raises:
        OSError: it cannot be read or written.
    """
    import shutil

    differing = []
    with host.locked(site.parents[1]), packed(archive) as source:
        entries = {entry.filename.removeprefix(SITE): entry for entry in source.infolist()}
        for folder, folders, files in os.walk(site):
            for name in [*folders, *files]:
                path = Path(folder, name)
                relative = path.relative_to(site).as_posix()
                if name == "__pycache__" and not path.is_symlink() and path.is_dir():
                    folders.remove(name)
                    shutil.rmtree(path)
                elif path.is_symlink() or (name in files and relative not in entries):
                    path.unlink()
                    differing.append(relative)
        for relative, entry in entries.items():
            path, content = site / relative, source.read(entry)
            if path.is_dir():
                shutil.rmtree(path)
            if not path.is_file() or path.read_bytes() != content:  # from a pipe it would be waited for
                path.parent.mkdir(0o700, parents=True, exist_ok=True)
                whole = path.with_name(f"{path.name}{STAGING}")
                whole.write_bytes(content)
                whole.chmod(entry.external_attr >> 16)
                whole.replace(path)
                differing.append(relative)
    return sorted({*differing})


class Unpacked(NamedTuple):
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
        with host.exclusive(folder) as free:
            found.append(_describe(folder, in_use=not free))
    return found


def prune(*, unused_days: float = 0) -> tuple[list[Unpacked], list[Unpacked]]:
    """Remove each folder that no running process uses; what was removed and what was kept.

    Args:
        unused_days: pass over those that were started since.
    """
    import shutil
    import time

    removed, kept = [], []
    for folder in _folders():
        with suppress(OSError):
            if folder.stat().st_mtime > time.time() - unused_days * 86_400:
                continue
        with suppress(OSError), host.locked(folder.parent), host.exclusive(folder) as free:
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
            host.enter(root)
            found += [path for path in root.iterdir() if path.name.startswith(PREFIX) and path.is_dir()]
    return sorted(found)


def _describe(folder: Path, *, in_use: bool) -> Unpacked:
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # another process may remove it meanwhile
                size += os.lstat(f"{path}/{name}").st_size
    return Unpacked(folder, size, not folder.name.endswith(STAGING), in_use)
