"""The limits of a child process, on Windows: those of a job that it puts itself into.

It does not end with its parent, but when it has computed so long.
"""

import ctypes
import sys

assert sys.platform == "win32"

_PROCESS_TIME, _PROCESS_MEMORY = 0x2, 0x100
_EXTENDED_LIMITS = 9
_PAST_A_LIMIT = 1816
"""ERROR_NOT_ENOUGH_QUOTA, with which Windows ends a process that has computed too long."""


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION; times are in units of 100 ns."""

    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION; sizes are in bytes."""

    _fields_ = (
        ("BasicLimitInformation", BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


_KERNEL32 = ctypes.WinDLL("kernel32")
_pointer, _number = ctypes.c_void_p, ctypes.c_uint32
_KERNEL32.CreateJobObjectW.argtypes = (_pointer, ctypes.c_wchar_p)
_KERNEL32.CreateJobObjectW.restype = _pointer
_KERNEL32.SetInformationJobObject.argtypes = (_pointer, _number, ctypes.POINTER(ExtendedLimits), _number)
_KERNEL32.GetCurrentProcess.restype = _pointer
_KERNEL32.AssignProcessToJobObject.argtypes = (_pointer, _pointer)


def limit(seconds: int, memory_bytes: int) -> None:
    """End this process when it has computed so long, and give it no more memory than so much."""
    limits = ExtendedLimits(ProcessMemoryLimit=memory_bytes)
    limits.BasicLimitInformation.LimitFlags = _PROCESS_TIME | _PROCESS_MEMORY
    limits.BasicLimitInformation.PerProcessUserTimeLimit = seconds * 10_000_000
    job = _KERNEL32.CreateJobObjectW(None, None)
    _KERNEL32.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
    _KERNEL32.AssignProcessToJobObject(job, _KERNEL32.GetCurrentProcess())


def has_failed(code: int) -> bool:
    """Return whether the code that a child ended with is that of a failure, not of a limit."""
    return code not in (0, _PAST_A_LIMIT)
