"""Whether the other end of a pipe is there still, on Windows: what `PeekNamedPipe` says, which takes nothing.

It waits while another thread reads from the same handle or writes to it, so it is asked only by the thread that reads,
and never of what is written.
"""

import ctypes
import msvcrt
import sys

assert sys.platform == "win32"

_BROKEN = 109
"""ERROR_BROKEN_PIPE."""

_KERNEL32 = ctypes.WinDLL("kernel32", use_last_error=True)
_pointer = ctypes.c_void_p
_KERNEL32.PeekNamedPipe.argtypes = (_pointer, _pointer, ctypes.c_uint32, _pointer, _pointer, _pointer)


def sender_left(fd: int) -> bool:
    """Return whether who writes into a pipe has closed it and all that it sent is read; False for what is no pipe."""
    asked = _KERNEL32.PeekNamedPipe(msvcrt.get_osfhandle(fd), None, 0, None, None, None)
    return not asked and ctypes.get_last_error() == _BROKEN


def reader_left(fd: int) -> bool:  # noqa: ARG001 - the interface of its twin
    """Return False: it is found by the writing that fails."""
    return False
