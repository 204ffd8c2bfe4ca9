"""What this process takes of the system, on Windows: what `GetProcessMemoryInfo` tells."""

import ctypes
import sys

assert sys.platform == "win32"


class ProcessMemoryCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS; sizes are in bytes."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("PageFaultCount", ctypes.c_uint32),
        ("PeakWorkingSetSize", ctypes.c_size_t),
        ("WorkingSetSize", ctypes.c_size_t),
        ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
        ("QuotaPagedPoolUsage", ctypes.c_size_t),
        ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
        ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
        ("PagefileUsage", ctypes.c_size_t),
        ("PeakPagefileUsage", ctypes.c_size_t),
    )


_KERNEL32 = ctypes.WinDLL("kernel32")
_KERNEL32.GetCurrentProcess.restype = ctypes.c_void_p
_KERNEL32.K32GetProcessMemoryInfo.argtypes = (
    ctypes.c_void_p,
    ctypes.POINTER(ProcessMemoryCounters),
    ctypes.c_uint32,
)


def resident_bytes() -> int:
    """Return the memory that it holds; 0 where Windows does not tell."""
    told = ProcessMemoryCounters(cb=ctypes.sizeof(ProcessMemoryCounters))
    _KERNEL32.K32GetProcessMemoryInfo(_KERNEL32.GetCurrentProcess(), ctypes.byref(told), told.cb)
    return int(told.WorkingSetSize)


def open_files() -> int | None:
    """Return None: Windows counts handles, most of which are no files."""
    return None
