"""Parsing Python in a process of its own, where it may take long.

`ast.parse` is one call that keeps Python's lock: while it runs, no other thread does, and no time limit acts
(100,000 characters of pieces of an f-string take half a second, and the time grows with the square). So what
is longer than `SHORT` is parsed by a child process that imports `ltmc.code` alone and can be killed.
"""

import asyncio
import json
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from ltmc.errors import ErrorCode, LtmcError

if sys.platform == "win32":
    from ltmc.code import limits_windows as limits
else:
    from ltmc.code import limits_unix as limits

SHORT = 30_000
"""In characters: what takes a tenth of a second at most, whatever it is."""

SECONDS = 10
"""How long the child may compute, and how long it is waited for; a file of the largest size that a person wrote
takes three."""

MEMORY_BYTES = 2 * 1024**3
FROZEN_ARGUMENT = "--parse-python"
"""What starts the frozen program as such a child."""

_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from ltmc.code.apart import main; main()"

T = TypeVar("T")


async def parse(function: Callable[[str, str], T], text: str, path: str) -> T:
    """Return ``function(text, path)``, which parses a Python text: in a thread if that is short, else in a child.

    Raises:
        LtmcError: what the function raises, and UNSUPPORTED when it takes more than `SECONDS`.
    """
    if len(text) <= SHORT:
        return await asyncio.to_thread(function, text, path)
    if getattr(sys, "frozen", False):
        command = [sys.executable, FROZEN_ARGUMENT]
    else:
        own = str(Path(__file__).parents[2])  # not on the path where LTMC is installed to be edited
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps([own, *sys.path])]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    answer, is_late = b"", False
    try:
        answer, _ = await asyncio.wait_for(child.communicate(pickle.dumps((function, text, path))), SECONDS)
    except TimeoutError:
        is_late = True
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    if not answer and not is_late and limits.has_failed(child.returncode or 0):
        raise RuntimeError(f"the child that parses failed with {child.returncode}; see its words above")
    if not answer:
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"{path}: parsing it takes more than {SECONDS} seconds or {MEMORY_BYTES >> 30} GiB of memory, the "
            "limits for a Python file; split it into smaller files.",
            field="file_path",
            details={"path": path, "limit_seconds": SECONDS, "limit_bytes": MEMORY_BYTES},
        )
    result, error = pickle.loads(answer)  # noqa: S301 - written by our own `main`
    if error is not None:
        raise LtmcError(**error)
    found: T = result
    return found


def main() -> None:
    """Run what stands on stdin and write its result to stdout; end past the limits, and on Linux with the server."""
    limits.limit(SECONDS, MEMORY_BYTES)
    answer: tuple[Any, dict[str, Any] | None]
    function, text, path = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by `parse`
    try:
        answer = function(text, path), None
    except LtmcError as error:
        answer = None, vars(error)
    sys.stdout.buffer.write(pickle.dumps(answer))
    sys.stdout.buffer.flush()
