"""The one guard that every file goes through: where it may lie, what it may be, how large.

A path is resolved with all its symbolic links, must then lie under an allowed root, and is opened folder by
folder without following links, so that a link put in its way between the check and the opening is refused.
"""

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType

from ltmc.errors import ErrorCode, LtmcError, invalid, not_found, shorten

MAX_FILE_BYTES = 2 * 1024 * 1024
"""The largest file that is read or written."""

PATH_LENGTH = 4096

_BY_FOLDER = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells that a file changed without reading it."""

    mtime_ns: int
    size: int


@dataclass(frozen=True, slots=True)
class PathGuard:
    """The files that a project may touch.

    Attributes:
        root: what relative paths are relative to; resolved.
        allowed: folders under which a path must lie; resolved, `root` among them.
    """

    root: Path
    allowed: tuple[Path, ...]

    @classmethod
    def of(cls, root: Path, allowed: Sequence[Path] = ()) -> "PathGuard":
        """Return a guard for existing folders."""
        roots = dict.fromkeys(Path(os.path.realpath(folder)) for folder in (root, *allowed))
        return cls(next(iter(roots)), tuple(roots))

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
            )
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
            with self._folder(resolved.parent) as folder:
                handle = _open(resolved, _FILE, folder)
                with os.fdopen(handle, "rb") as file:
                    status = os.fstat(file.fileno())
                    _require_regular(field, path, status)
                    data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise _unusable(field, path, error) from None
        if len(data) > MAX_FILE_BYTES:
            raise _too_large(field, path)
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
        """Write a file whole or not at all, making its folders; what was there keeps its permissions.

        Args:
            known: what the file must hold still (None: it must not exist), so that nobody's text is lost.

        Raises:
            LtmcError: as `read`, except for NOT_FOUND; CONFLICT when the file is not as `known`.
        """
        resolved = self.resolve(path, field)
        if resolved in self.allowed:
            raise invalid(field, path, "the path of a file")
        if len(data) > MAX_FILE_BYTES:
            raise _too_large(field, path)
        temporary = resolved.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with self._folder(resolved.parent, create=True) as folder:
                mode = _mode_of(field, path, resolved, folder)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                handle = _open(temporary, flags, folder, mode)
                try:
                    with os.fdopen(handle, "wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    if known is not ... and _content(resolved, folder) != known:
                        raise _changed(field, path)
                    _rename(temporary, resolved, folder)
                except BaseException:
                    with suppress(OSError):
                        _remove(temporary, folder)
                    raise
        except OSError as error:
            raise _unusable(field, path, error) from None
        return resolved

    @contextmanager
    def _folder(self, resolved: Path, *, create: bool = False) -> Iterator[int | None]:
        """Return a handle on a folder under an allowed root, reached without following a link.

        None where the system cannot open relative to a folder; paths are then opened whole.
        """
        if not _BY_FOLDER:
            if create:
                resolved.mkdir(parents=True, exist_ok=True)
            yield None
            return
        top = next((folder for folder in self.allowed if resolved.is_relative_to(folder)), resolved)
        handle = os.open(top, _FOLDER)
        try:
            for part in resolved.relative_to(top).parts:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=handle)
                inner = os.open(part, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)


def _open(path: Path, flags: int, folder: int | None, mode: int = 0o600) -> int:
    if folder is None:
        return os.open(path, flags, mode)
    return os.open(path.name, flags, mode, dir_fd=folder)


def _content(resolved: Path, folder: int | None) -> bytes | None:
    """Return what a file holds now; None where there is none."""
    try:
        with os.fdopen(_open(resolved, _FILE, folder), "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None


def _rename(source: Path, target: Path, folder: int | None) -> None:
    if folder is None:
        source.replace(target)
    else:
        os.replace(source.name, target.name, src_dir_fd=folder, dst_dir_fd=folder)


def _remove(path: Path, folder: int | None) -> None:
    if folder is None:
        path.unlink()
    else:
        os.unlink(path.name, dir_fd=folder)


def _mode_of(field: str, path: str, resolved: Path, folder: int | None) -> int:
    """Return the permissions for a new version of the file."""
    try:
        where = resolved if folder is None else Path(resolved.name)
        status = os.stat(where, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return 0o644
    _require_regular(field, path, status)
    return stat.S_IMODE(status.st_mode)


def _require_regular(field: str, path: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise invalid(field, path, "the path of a file, not of a folder")
    if not stat.S_ISREG(status.st_mode):
        raise _refused(field, path, "it is no regular file")


def _refused(field: str, path: str, why: str, allowed: list[str] | None = None) -> LtmcError:
    hint = f"; allowed: {', '.join(allowed)} (register_project adds folders)" if allowed else ""
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
