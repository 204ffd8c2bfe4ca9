"""A folder reached without following a link, on Windows, where nothing is done relative to a folder.

It is held open meanwhile: then Windows lets nobody rename or remove it, nor a folder above it. What was opened, a file
too, says itself where it really is, so a link or a junction that was put in the way before is noticed.
"""

import ctypes
import errno
import msvcrt
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

assert sys.platform == "win32"

Folder = Path
"""A folder that is open."""

_READ = 0x80000000
_SHARE_READ_AND_WRITE = 3
_OPEN = 3
_FOLDER_NOT_LINK = 0x02200000  # FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT
_LONGEST_PATH = 32_768

_KERNEL32 = ctypes.WinDLL("kernel32", use_last_error=True)
_number, _pointer = ctypes.c_uint32, ctypes.c_void_p
_KERNEL32.CreateFileW.argtypes = (ctypes.c_wchar_p, _number, _number, _pointer, _number, _number, _pointer)
_KERNEL32.CreateFileW.restype = ctypes.c_ssize_t
_KERNEL32.GetFinalPathNameByHandleW.argtypes = (_pointer, ctypes.c_wchar_p, _number, _number)
_KERNEL32.CloseHandle.argtypes = (_pointer,)


@contextmanager
def reached(path: Path, is_made: Callable[[Path], bool]) -> Iterator[Folder]:
    """Give a folder by its resolved path.

    Args:
        is_made: whether a folder on the way is made where it is missing.

    Raises:
        OSError: it is absent, is no folder, or a link is in its way.
    """
    for here in reversed([path, *path.parents]):
        if is_made(here):
            with suppress(FileExistsError):
                here.mkdir()
    handle = _KERNEL32.CreateFileW(
        str(path), _READ, _SHARE_READ_AND_WRITE, None, _OPEN, _FOLDER_NOT_LINK, None
    )
    if handle == -1:
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        _require_at(handle, path)
        yield path
    finally:
        _KERNEL32.CloseHandle(handle)


def open_file(folder: Folder, name: str) -> int:
    """Open a file for reading; a link is not followed."""
    file = os.open(folder / name, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
    try:
        _require_at(msvcrt.get_osfhandle(file), folder / name)
    except BaseException:
        os.close(file)
        raise
    return file


def make_file(folder: Folder, name: str, mode: int) -> int:
    """Make a file that must not be there yet, and open it for writing."""
    return os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_BINARY | os.O_NOINHERIT, mode)


def status(folder: Folder, name: str) -> os.stat_result:
    """Return what is known of a file, or of a link itself."""
    return os.lstat(folder / name)


def names(folder: Folder) -> list[str]:
    """Return the names of what lies in it."""
    return [path.name for path in folder.iterdir()]


def rename(folder: Folder, source: str, target: str) -> None:
    """Give a file the name of another one, in whose place it is then."""
    (folder / source).replace(folder / target)


def remove(folder: Folder, name: str) -> None:
    """Remove a file."""
    (folder / name).unlink()


def _require_at(handle: int, path: Path) -> None:
    found = ctypes.create_unicode_buffer(_LONGEST_PATH)
    if not _KERNEL32.GetFinalPathNameByHandleW(handle, found, _LONGEST_PATH, 0):
        raise ctypes.WinError(ctypes.get_last_error())
    place = found.value.replace("\\\\?\\UNC\\", "\\\\").removeprefix("\\\\?\\")
    if os.path.normcase(place) != os.path.normcase(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
