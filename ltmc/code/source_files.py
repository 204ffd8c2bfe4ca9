"""Files of code as the tools read them: guarded, hashed, and parsed where they are Python."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ltmc.code import apart
from ltmc.code.symbols import Module, decode, parse_module
from ltmc.errors import ErrorCode, LtmcError, shorten
from ltmc.files.guard import FileState, PathGuard

PYTHON = (".py", ".pyi")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it is now.

    Attributes:
        name: its path relative to the project's root, or absolute outside of it.
        module: its symbols; None for a file that is not Python.
    """

    name: str
    resolved: Path
    content_hash: str
    state: FileState
    module: Module | None

    def snapshot_symbols(self) -> list[dict[str, Any]] | None:
        """Return what a snapshot keeps of the symbols."""
        return None if self.module is None else [symbol.as_json() for symbol in self.module.symbols.values()]

    @property
    def mtime_ns(self) -> int:
        """When it was changed last, in nanoseconds since 1970."""
        return self.state.mtime_ns

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.state.size


def is_python(name: str) -> bool:
    """Whether a file of this name holds Python."""
    return PurePosixPath(name).suffix in PYTHON


async def read_file(guard: PathGuard, path: str, field: str = "file_path") -> SourceFile:
    """Read a file, and its symbols if it is Python.

    Raises:
        LtmcError: as `PathGuard.read`, `apart.parse` and `parse_module`.
    """
    resolved, data, state = await asyncio.to_thread(guard.read, path, field)
    name = guard.name(resolved)
    module = await apart.parse(parse_module, decode(data, name), name) if is_python(name) else None
    return SourceFile(name, resolved, hashlib.sha256(data).hexdigest(), state, module)


async def read_python(guard: PathGuard, path: str, field: str = "file_path") -> tuple[SourceFile, Module]:
    """Read a Python file.

    Raises:
        LtmcError: as `read_file`, and UNSUPPORTED for a file that is not Python.
    """
    source = await read_file(guard, path, field)
    if source.module is None:
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"{field}: {shorten(path)} is not Python; symbols are read from {', '.join(PYTHON)} files.",
            field=field,
            details={"value": shorten(path), "supported": list(PYTHON)},
        )
    return source, source.module


def dotted_module(name: str) -> str:
    """Return the module that a file is: ``src/a/b.py`` -> ``a.b``, ``a/__init__.py`` -> ``a``."""
    parts = list(PurePosixPath(name).with_suffix("").parts)
    if parts and parts[0] in ("/", "src"):
        parts = parts[1:]
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)
