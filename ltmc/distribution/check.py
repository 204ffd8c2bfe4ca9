"""Proof that everything in the manifest is present and loads, in whichever form is running."""

import asyncio
import hashlib
import importlib
import pkgutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata, resources
from pathlib import Path

from ltmc.app.application import Application
from ltmc.app.calls import call
from ltmc.distribution import contents
from ltmc.settings import Settings
from ltmc.tools import manifest


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of the manifest.

    Attributes:
        kind: module, tool, data, distribution or database.
        error: why it does not load; None when it does.
    """

    kind: str
    name: str
    error: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """For ``--json``."""
        return asdict(self)


def run() -> list[Finding]:
    """Load every entry: modules, tool functions, data files, metadata, and a scratch database."""
    return [_try(kind, name, attempt) for kind, name, attempt in _entries()]


def _entries() -> Iterator[tuple[str, str, Callable[[], object]]]:
    for module in [*manifest.modules(), *contents.THIRD_PARTY]:
        yield "module", module, partial(importlib.import_module, module)
    for package in contents.THIRD_PARTY_PACKAGES:
        for module in [package, *_modules_of(package)]:
            yield "module", module, partial(importlib.import_module, module)
    for tool in manifest.tools():
        yield "tool", tool.name, partial(_load_tool, tool)
    for (package, file), digest in manifest.data_files().items():
        yield "data", f"{package}/{file}", partial(_read, package, file, digest)
    for name in contents.DISTRIBUTIONS:
        yield "distribution", name, partial(metadata.version, name)
    yield "database", "scratch database", _open_scratch_database


def _modules_of(package: str) -> list[str]:
    try:
        path = importlib.import_module(package).__path__
    except ImportError:
        return []  # the entry of the package itself is the finding
    return sorted(f"{package}.{module.name}" for module in pkgutil.iter_modules(path))


def _load_tool(tool: manifest.Tool) -> object:
    return getattr(importlib.import_module(tool.module), tool.name)


def _read(package: str, file: str, expected: str) -> bytes:
    content = resources.files(package).joinpath(file).read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise ValueError(f"its sha256 is {found}, not {expected}")
    return content


def _try(kind: str, name: str, attempt: Callable[[], object]) -> Finding:
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 - whatever keeps an entry from loading is the finding
        return Finding(kind, name, f"{type(error).__name__}: {error}")
    return Finding(kind, name)


def _open_scratch_database() -> None:
    async def open_and_close(path: Path) -> None:
        app = Application(Settings(db=path))
        try:
            await call(app, manifest.tool("add_todo"), {"title": "check"})
        finally:
            await app.close()

    with tempfile.TemporaryDirectory(prefix="ltmc-check-") as folder:
        asyncio.run(open_and_close(Path(folder) / "ltmc.db"))
