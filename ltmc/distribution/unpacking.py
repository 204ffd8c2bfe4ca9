"""The folders into which ``ltmc.pyz`` unpacks itself: where they are, how one is made, which may go.

An extension module cannot be loaded from inside a zip file, so the first start unpacks the file, once
for each build of it, to ``<root>/ltmc-<digest>/site-packages``. A copy of this module stands at the top
of the .pyz and does that, so it imports nothing of LTMC, and at the top only what every start imports
anyway.

Code is run from here, so nobody else may be able to put it here: `_enter` goes down to the root and refuses
it before anything in it is made or opened.

Each process that runs from such a folder holds a shared ``flock`` on it until it ends, and `prune`
removes only a folder on which it gets the exclusive one. Each start sets the folder's time of change, so that
a server can remove by itself what was not started for long. Filling and pruning happen under the
exclusive lock of the root's ``.lock``. The program in one file keeps to the same (`freeze/launcher/launcher.c`).
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

try:
    import fcntl
except ImportError:  # Windows, where nothing is unpacked
    fcntl = None  # type: ignore[assignment]

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

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_ZIP_END = 22  # bytes of a zip file's last record, when the zip has no comment
_held: list[int] = []


def roots() -> list[Path]:
    """Return the folders that may hold unpacked versions, the preferred one first.

    ``LTMC_ROOT`` alone when it is set. Else ``ltmc`` in the user's cache folder, and for a home that is
    read-only, full or absent a folder of this user in the temporary folder.
    """
    if named := os.environ.get(ENV):
        return [Path(os.path.expanduser(named)).absolute()]  # noqa: PTH111 (never raises)
    cache = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(cache if cache.startswith("/") else os.path.expanduser("~/.cache"), "ltmc")  # noqa: PTH111 (never raises)
    temporary = Path(os.environ.get("TMPDIR") or "/tmp", f"ltmc-{os.geteuid()}")  # noqa: S108 (see _enter)
    return [root for root in (home, temporary) if root.is_absolute()]


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


def _enter(root: Path, *, make: bool = False) -> None:
    """Go down to `root` and see that nobody but this user and root can change it, or what is put into it.

    The folders above may be those of everyone in which only owners rename (``/tmp``). A link among them is
    followed only where this user or root made it, and `root` itself may be none.

    Args:
        make: make what is missing, for this user alone.

    Raises:
        OSError: it is absent, is no folder, or others can change it.
    """
    ours = {0, os.geteuid()}
    ahead = [*reversed(root.parts[1:])] or ["."]
    handle = os.open("/", _FOLDER)
    above = ours | {os.fstat(handle).st_uid}  # in a user namespace root is nobody
    try:
        for _ in range(256):  # links may form a circle
            name = ahead.pop()
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=handle)
            about = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if stat.S_ISLNK(about.st_mode) and about.st_uid in above and ahead:
                target = os.readlink(name, dir_fd=handle)
                ahead += [part for part in reversed(target.split("/")) if part]
                inner = os.open("/" if target.startswith("/") else ".", _FOLDER, dir_fd=handle)
            else:
                inner = os.open(name, _FOLDER, dir_fd=handle)
                about = os.fstat(inner)
            os.close(handle)
            handle = inner
            shared = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(about.st_mode)
            if not ahead:
                if shared or about.st_uid not in ours:
                    raise PermissionError(errno.EACCES, "others can change what is in it")
                return
            if about.st_uid not in above or (shared and not about.st_mode & stat.S_ISVTX):
                raise PermissionError(errno.EACCES, f"others can change {name}, above it")
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    finally:
        os.close(handle)


def _use(root: Path, name: str) -> Path | None:
    """Lock a folder against `prune`; its site-packages, or None when it is absent or not to be trusted."""
    folder = root / name
    try:
        _enter(root)
        handle = os.open(folder, _FOLDER)
    except OSError:
        return None
    with suppress(OSError):  # a file system without locks; there `prune` gets none either
        fcntl.flock(handle, fcntl.LOCK_SH)
    with suppress(OSError):  # it is root's
        os.utime(handle)
    about = os.fstat(handle)
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
        _enter(root, make=True)
        with _locked(root):
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
    with _locked(site.parents[1]), packed(archive) as source:
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


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    lock = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


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
        with _exclusive(folder) as free:
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
    for root in roots() if fcntl else ():
        with suppress(OSError):
            _enter(root)
            found += [path for path in root.iterdir() if path.name.startswith(PREFIX) and path.is_dir()]
    return sorted(found)


@contextmanager
def _exclusive(folder: Path) -> Iterator[bool]:
    """Whether the exclusive lock on `folder` could be had; if so it is held meanwhile."""
    try:
        handle = os.open(folder, _FOLDER)
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
