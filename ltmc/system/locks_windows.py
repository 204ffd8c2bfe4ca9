"""Locks that end with their process, on Windows: `LockFileEx` on a byte of a file.

Folders cannot be locked, so that of a folder is a file in it, `LOCK_FILE`. It is opened so that it can be removed while
it is locked: since Windows 10 1709 the folder can be removed then too, on NTFS. A folder in which it is open cannot be
renamed. Locks of bytes are mandatory on Windows, where what is locked cannot be read, so the bytes lie in files that
hold nothing.
"""

import ctypes
import errno
import msvcrt
import os
import sys
from pathlib import Path

assert sys.platform == "win32"

LOCK_FILE = ".ltmc-lock"

_READ_AND_WRITE = 0xC0000000
_SHARE_ALL = 7  # for reading, writing and deletion
_OPEN_OR_MAKE = 4
_ORDINARY = 0x80
_AT_ONCE, _EXCLUSIVE = 1, 2
_TAKEN = (33, 997)
"""ERROR_LOCK_VIOLATION and ERROR_IO_PENDING: another one has the lock."""


class Overlapped(ctypes.Structure):
    """OVERLAPPED, which says where the byte is."""

    _fields_ = (
        ("Internal", ctypes.c_size_t),
        ("InternalHigh", ctypes.c_size_t),
        ("Offset", ctypes.c_uint32),
        ("OffsetHigh", ctypes.c_uint32),
        ("hEvent", ctypes.c_void_p),
    )


_KERNEL32 = ctypes.WinDLL("kernel32", use_last_error=True)
_number, _pointer = ctypes.c_uint32, ctypes.c_void_p
_KERNEL32.CreateFileW.argtypes = (ctypes.c_wchar_p, _number, _number, _pointer, _number, _number, _pointer)
_KERNEL32.CreateFileW.restype = ctypes.c_ssize_t
_KERNEL32.LockFileEx.argtypes = (_pointer, _number, _number, _number, _number, ctypes.POINTER(Overlapped))
_KERNEL32.UnlockFileEx.argtypes = (_pointer, _number, _number, _number, ctypes.POINTER(Overlapped))


def open_lock(folder: Path) -> int:
    """Return a handle on the lock of a folder, to be locked and then released.

    Raises:
        OSError: it is no folder, or nothing can be written in it.
    """
    path = str(folder / LOCK_FILE)
    handle = _KERNEL32.CreateFileW(path, _READ_AND_WRITE, _SHARE_ALL, None, _OPEN_OR_MAKE, _ORDINARY, None)
    if handle == -1:
        raise ctypes.WinError(ctypes.get_last_error())
    return msvcrt.open_osfhandle(handle, os.O_RDWR | os.O_NOINHERIT)


def lock(handle: int, *, wait: bool, shared: bool = False) -> None:
    """Take the lock.

    Raises:
        BlockingIOError: another one has it, and is not waited for.
        OSError: the file system has no such locks.
    """
    if not _lock(handle, 0, (0 if shared else _EXCLUSIVE) | (0 if wait else _AT_ONCE)):
        raise BlockingIOError(errno.EAGAIN, "another process has the lock")


def release(handle: int) -> None:
    """Let go of a lock, if it was taken, and close its handle."""
    unlock_byte(handle, 0)  # when Windows itself would do it is not said
    os.close(handle)


def lock_byte(file: int, place: int, *, shared: bool) -> bool:
    """Take the lock of a byte of an open file, at once; False when another one has it, this process too."""
    return _lock(file, place, (0 if shared else _EXCLUSIVE) | _AT_ONCE)


def unlock_byte(file: int, place: int) -> None:
    """Let go of the lock of a byte; of one that is not locked nothing."""
    _KERNEL32.UnlockFileEx(msvcrt.get_osfhandle(file), 0, 1, 0, ctypes.byref(_at(place)))


def _lock(file: int, place: int, flags: int) -> bool:
    if _KERNEL32.LockFileEx(msvcrt.get_osfhandle(file), flags, 0, 1, 0, ctypes.byref(_at(place))):
        return True
    if (error := ctypes.get_last_error()) in _TAKEN:
        return False
    raise ctypes.WinError(error)


def _at(place: int) -> Overlapped:
    return Overlapped(Offset=place & 0xFFFFFFFF, OffsetHigh=place >> 32)
