"""The limits of a child process, on POSIX: a signal ends it."""

import ctypes
import resource
import signal
import sys
from contextlib import suppress

assert sys.platform != "win32"

_SET_PARENT_DEATH_SIGNAL = 1


def limit(seconds: int, memory_bytes: int) -> None:
    """End this process when it has computed so long or takes so much memory, and, on Linux, with its parent."""
    with suppress(AttributeError, OSError, TypeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    for kind, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory_bytes)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def has_failed(code: int) -> bool:
    """Return whether the code that a child ended with is that of a failure, not of a limit."""
    return code > 0
