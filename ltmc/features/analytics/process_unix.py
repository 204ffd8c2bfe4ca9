"""What this process takes of the system, on POSIX: from /proc on Linux, elsewhere what `getrusage` tells."""

import os
import resource
import sys
from pathlib import Path

assert sys.platform != "win32"


def resident_bytes() -> int:
    """Return the memory that it holds; the peak where the present is not told (macOS)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def open_files() -> int | None:
    """Return how many files it has open; None where that is not told (macOS)."""
    descriptors = Path("/proc/self/fd")
    return len(list(descriptors.iterdir())) if descriptors.exists() else None
