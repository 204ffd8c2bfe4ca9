"""Proof that everything in the manifest is present and loads, in whichever form is running."""

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata, resources

from ltmc.distribution import contents
from ltmc.tools import manifest, plugins
from ltmc.tools.plugins import Plugin


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of the manifest.

    Attributes:
        kind: module, tool, plugin, data, distribution or database.
        error: why it does not load; None when it does.
    """

    kind: str
    name: str
    error: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """For ``--json``."""
        return asdict(self)


def run(open_scratch_database: Callable[[], object]) -> list[Finding]:
    """Load every entry: modules, tool functions, plugins, data files, metadata, and a scratch database."""
    findings = [_try(kind, name, attempt) for kind, name, attempt in _entries()]
    return [*findings, _try("database", "scratch database", open_scratch_database)]


def _entries() -> Iterator[tuple[str, str, Callable[[], object]]]:
    for module in [*manifest.modules(), *contents.THIRD_PARTY]:
        yield "module", module, partial(importlib.import_module, module)
    for package in contents.THIRD_PARTY_PACKAGES:
        for module in [package, *_modules_of(package)]:
            yield "module", module, partial(importlib.import_module, module)
    for tool in manifest.tools():
        yield "tool", tool.name, partial(_load_tool, tool)
    for plugin in plugins.plugins():
        yield "plugin", f"{plugin.name} ({plugin.package})", partial(_load_plugin, plugin)
        for tool in plugin.tools:
            yield "tool", tool.name, partial(_load_tool, tool)
    for (package, file), digest in manifest.data_files().items():
        yield "data", f"{package}/{file}", partial(_read, package, file, digest)
    for name in contents.DISTRIBUTIONS:
        yield "distribution", name, partial(metadata.version, name)


def _modules_of(package: str) -> list[str]:
    try:
        path = importlib.import_module(package).__path__
    except ImportError:
        return []  # the entry of the package itself is the finding
    return sorted(f"{package}.{module.name}" for module in pkgutil.iter_modules(path))


def _load_tool(tool: manifest.Tool) -> object:
    return getattr(importlib.import_module(tool.module), tool.name)


def _load_plugin(plugin: Plugin) -> None:
    if plugin.error:
        raise ImportError(plugin.error)


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
