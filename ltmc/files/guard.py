"""The one guard that every file goes through: where it may lie, what it may be, how large.

A path is resolved with all its symbolic links, must then lie under an allowed root, and is opened folder by
folder, from the root of the file system on, without following links, so that a link put in its way between the
check and the opening is refused. What is written is a document and nothing else (`ltmc.files.documents`).
"""

import os
import re
import secrets
import stat
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import EllipsisType
from typing import NamedTuple

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found, shorten
from ltmc.files.documents import SUFFIXES, why_not_written

if sys.platform == "win32":
    from ltmc.files import folders_windows as folders
else:
    from ltmc.files import folders_unix as folders

MAX_FILE_BYTES = 2 * 1024 * 1024
"""The largest file that is read or written."""

PATH_LENGTH = 4096

LEFT_OVER_SECONDS = 24 * 60 * 60
"""After how long a file that was being written is taken for left over: no writing takes that long."""

_LEFT_OVER = re.compile(r"\.(?:ltmc-)?[0-9a-f]{16}\.tmp")
"""Files that are being written, by this version and by 1.0."""

files_read: ContextVar[deque[str] | None] = ContextVar("files_read", default=None)
"""The names of the files that were read last, while `noting_reads`."""


class FileState(NamedTuple):
    """What tells that a file changed without reading it."""

    mtime_ns: int
    size: int


class PathGuard(NamedTuple):
    """The files that a project may touch.

    Attributes:
        root: what relative paths are relative to; resolved.
        allowed: folders under which a path must lie; resolved, `root` among them.
    """

    root: Path
    allowed: tuple[Path, ...]

    @classmethod
    def of(cls, root: Path, allowed: Sequence[Path] = ()) -> "PathGuard":
        """Return a guard for resolved folders."""
        return cls(root, tuple(dict.fromkeys((root, *allowed))))

    def resolve(self, path: str, field: str = "file_path") -> Path:
        """Where `path` really is, existing or not.

        Raises:
            LtmcError: PATH_NOT_ALLOWED when that is outside of the allowed roots.
        """
        if not path.strip() or "\x00" in path or len(path) > PATH_LENGTH:
            raise invalid(field, path, f"a path of 1 to {PATH_LENGTH} characters without NUL")
        try:
            resolved = Path(os.path.realpath(self.root / path))
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                os.lstat(resolved)
        except (OSError, ValueError):  # a loop of links, or a name that is too long or cannot be encoded
            raise invalid(field, path, "a path that this system can resolve") from None
        if not any(resolved.is_relative_to(folder) for folder in self.allowed):
            raise _refused(
                field,
                path,
                "it lies outside of the allowed folders",
                [str(folder) for folder in self.allowed],
                "(register_project adds folders)",
            )
        return resolved

    def document(self, path: str, field: str = "doc_path") -> Path:
        """Where the document `path` really is, existing or not.

        Raises:
            LtmcError: as `resolve`; PATH_NOT_ALLOWED for what is no document, or lies in a folder that begins
                with a dot or is not a person's own.
        """
        resolved = self.resolve(path, field)
        reasons = [
            why_not_written(resolved.relative_to(top).parts) or _in_environment(top, resolved)
            for top in self.allowed
            if resolved.is_relative_to(top) and resolved != top
        ]
        if not reasons:
            raise invalid(field, path, "the path of a file")
        if all(reasons):
            raise _refused(field, path, str(reasons[0]), [f"documents ({', '.join(SUFFIXES)})"])
        return resolved

    def name(self, resolved: Path) -> str:
        """How a resolved path is stored and shown: relative to the root where it lies under it."""
        return (
            resolved.relative_to(self.root) if resolved.is_relative_to(self.root) else resolved
        ).as_posix()

    def read(self, path: str, field: str = "file_path") -> tuple[Path, bytes, FileState]:
        """Return the resolved path of a regular file, its bytes and its state.

        Raises:
            LtmcError: NOT_FOUND, PATH_NOT_ALLOWED (outside, unreadable, or no regular file), or
                UNSUPPORTED (larger than `MAX_FILE_BYTES`).
        """
        resolved = self.resolve(path, field)
        try:
            with (
                self._folder(resolved.parent) as folder,
                os.fdopen(folders.open_file(folder, resolved.name), "rb") as file,
            ):
                status = os.fstat(file.fileno())
                _require_regular(field, path, status)
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise _unusable(field, path, error) from None
        if len(data) > MAX_FILE_BYTES:
            raise _too_large(field, path)
        names = files_read.get()
        if names is not None and self.name(resolved) not in names:
            names.append(self.name(resolved))
        return resolved, data, FileState(status.st_mtime_ns, status.st_size)

    def state(self, resolved: Path) -> FileState | None:
        """Return the state of a regular file; None when there is none."""
        with suppress(OSError, ValueError):
            status = os.lstat(resolved)
            if stat.S_ISREG(status.st_mode):
                return FileState(status.st_mtime_ns, status.st_size)
        return None

    def replace(
        self, path: str, data: bytes, field: str = "doc_path", *, known: bytes | EllipsisType | None = ...
    ) -> Path:
        """Write a document whole or not at all, making its folders; what was there keeps its permissions.

        Args:
            known: what the file must hold still (None: it must not exist), so that nobody's text is lost.

        Raises:
            LtmcError: as `document` and `read`, except for NOT_FOUND; CONFLICT when the file is not as `known`.
        """
        resolved = self.document(path, field)
        if len(data) > MAX_FILE_BYTES:
            raise _too_large(field, path)
        temporary = f".ltmc-{secrets.token_hex(8)}.tmp"
        try:
            with self._folder(resolved.parent, create=True) as folder:
                _remove_left_over(folder)
                mode = _mode_of(field, path, folder, resolved.name)
                handle = folders.make_file(folder, temporary, mode)
                try:
                    with os.fdopen(handle, "wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    if known is not ... and _content(folder, resolved.name) != known:
                        raise _changed(field, path)
                    folders.rename(folder, temporary, resolved.name)
                except BaseException:
                    with suppress(OSError):
                        folders.remove(folder, temporary)
                    raise
        except OSError as error:
            raise _unusable(field, path, error) from None
        return resolved

    def _folder(self, resolved: Path, *, create: bool = False) -> AbstractContextManager[folders.Folder]:
        """Give a folder under an allowed root, reached without following a link."""
        return folders.reached(
            resolved, lambda here: create and not any(top.is_relative_to(here) for top in self.allowed)
        )


@contextmanager
def noting_reads() -> Iterator[None]:
    """Note the names of the files that are read inside."""
    token = files_read.set(deque(maxlen=100))
    try:
        yield
    finally:
        files_read.reset(token)


def _remove_left_over(folder: folders.Folder) -> None:
    """Remove from a folder what writers that were killed left in it."""
    with suppress(OSError):
        for name in filter(_LEFT_OVER.fullmatch, folders.names(folder)):
            status = folders.status(folder, name)
            if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > LEFT_OVER_SECONDS:
                folders.remove(folder, name)


def _content(folder: folders.Folder, name: str) -> bytes | None:
    """Return what a file holds now; None where there is none."""
    try:
        with os.fdopen(folders.open_file(folder, name), "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None


def _mode_of(field: str, path: str, folder: folders.Folder, name: str) -> int:
    """Return the permissions for a new version of the file."""
    try:
        status = folders.status(folder, name)
    except FileNotFoundError:
        return 0o644
    _require_regular(field, path, status)
    return stat.S_IMODE(status.st_mode)


def _require_regular(field: str, path: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise invalid(field, path, "the path of a file, not of a folder")
    if not stat.S_ISREG(status.st_mode):
        raise _refused(field, path, "it is no regular file")


def _in_environment(top: Path, resolved: Path) -> str | None:
    for folder in resolved.parents[: len(resolved.relative_to(top).parts)]:
        if (folder / "pyvenv.cfg").exists():
            return f"{folder.name!r} is a virtual environment"
    return None


def _refused(
    field: str, path: str, why: str, allowed: list[str] | None = None, advice: str = ""
) -> LtmcError:
    hint = f"; allowed: {', '.join(allowed)} {advice}".rstrip() if allowed else ""
    return LtmcError(
        ErrorCode.PATH_NOT_ALLOWED,
        f"{field}: {shorten(path)} cannot be used: {why}{hint}.",
        field=field,
        details={"value": shorten(path), "reason": why, **({"allowed": allowed} if allowed else {})},
    )


def _unusable(field: str, path: str, error: OSError) -> LtmcError:
    if isinstance(error, FileNotFoundError):
        return not_found(field, path, "file")
    if isinstance(error, IsADirectoryError):
        return invalid(field, path, "the path of a file, not of a folder")
    return _refused(field, path, (error.strerror or str(error)).lower())


def _changed(field: str, path: str) -> LtmcError:
    return LtmcError(
        ErrorCode.CONFLICT,
        f"{field}: {shorten(path)} was changed meanwhile; call again.",
        field=field,
        details={"value": shorten(path), "reason": "changed meanwhile"},
    )


def _too_large(field: str, path: str) -> LtmcError:
    return LtmcError(
        ErrorCode.UNSUPPORTED,
        f"{field}: {shorten(path)} is larger than {MAX_FILE_BYTES} bytes.",
        field=field,
        details={"value": shorten(path), "limit_bytes": MAX_FILE_BYTES},
    )
