"""Proof that everything in the manifest is present and loads, in whichever form is running."""

import hashlib
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path

from ltmc.distribution import contents, unpacking
from ltmc.distribution.form import form, own_archive
from ltmc.search import kernel
from ltmc.tools import manifest, plugins
from ltmc.tools.plugins import Plugin

OTHERS = "_unix" if sys.platform == "win32" else "_windows"
"""What ends the names of the modules for other systems."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the manifest.

    Attributes:
        kind: unpacked, module, tool, prompt, resource, plugin, data, vendored, library, distribution, notice or
            database.
        error: why it does not load; None when it does.
    """

    kind: str
    name: str
    error: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """For ``--json``."""
        return asdict(self)


def run(open_scratch_database: Callable[[], object], *, deep: bool = False) -> list[Entry]:
    """Load every entry: modules, tool functions, plugins, data, the kernel, metadata, and a scratch database.

    Args:
        deep: make what ltmc.pyz has unpacked like it first; what differed is listed as broken.
    """
    entries = _mended() if deep and form() == "pyz" else []
    entries += [_try(kind, name, attempt) for kind, name, attempt in _entries()]
    return [*entries, _try("database", "scratch database", open_scratch_database)]


def _mended() -> list[Entry]:
    site = Path(manifest.FILE).parents[2]
    try:
        found = unpacking.mend(own_archive(), site)
    except OSError as error:
        return [Entry("unpacked", str(site), f"it cannot be compared or mended: {error}")]
    return [Entry("unpacked", name, "it differed from ltmc.pyz; unpacked anew") for name in found] or [
        Entry("unpacked", str(site))
    ]


def _entries() -> Iterator[tuple[str, str, Callable[[], object]]]:
    for module in [*filter(is_wanted, manifest.modules()), *contents.THIRD_PARTY]:
        yield "module", module, partial(importlib.import_module, module)
    for package in contents.THIRD_PARTY_PACKAGES:
        for module in [package, *_modules_of(package)]:
            yield "module", module, partial(importlib.import_module, module)
    for tool in manifest.tools():
        yield "tool", tool.name, partial(_load_function, tool.module, tool.name)
    for prompt in manifest.prompts():
        yield "prompt", prompt.name, partial(_load_function, prompt.module, prompt.name)
    for resource in manifest.resources():
        for name in filter(None, [resource.name, resource.completion]):
            yield "resource", name, partial(_load_function, resource.module, name)
    for plugin in plugins.plugins():
        yield "plugin", f"{plugin.name} ({plugin.package})", partial(_load_plugin, plugin)
        for tool in plugin.tools:
            yield "tool", tool.name, partial(_load_function, tool.module, tool.name)
    for (package, file), digest in manifest.data_files().items():
        yield "data", f"{package}/{file}", partial(_read, package, file, digest)
    for file, vendored in contents.VENDORED.items():
        yield "vendored", file, partial(_read, contents.STATIC, file, vendored.sha256)
    yield "library", f"{kernel.__name__}/{kernel.LIBRARY}", kernel.library
    for name in contents.DISTRIBUTIONS:
        yield "distribution", name, partial(metadata.version, name)
    for name in contents.NOTICES:
        yield "notice", name, partial(_read_notice, name)


def is_wanted(module: str) -> bool:
    """Return whether what a module needs is here: without the extra it is not, nor on the other system."""
    return not module.endswith(OTHERS) and all(
        not f"{module}.".startswith(f"{package}.") or find_spec(needed) is not None
        for package, needed in contents.OPTIONAL.items()
    )


def _read_notice(name: str) -> None:
    # A checkout in the path has none, and hides the installed one that has.
    found = metadata.distributions(name="ltmc")
    if not any(distribution.read_text(f"licenses/{name}") for distribution in found):
        raise FileNotFoundError("it is not in the metadata of ltmc")


def _modules_of(package: str) -> list[str]:
    try:
        path = importlib.import_module(package).__path__
    except ImportError:
        return []  # the entry of the package itself is the finding
    return sorted(f"{package}.{module.name}" for module in pkgutil.iter_modules(path))


def _load_function(module: str, name: str) -> object:
    return getattr(importlib.import_module(module), name)


def _load_plugin(plugin: Plugin) -> None:
    if plugin.error:
        raise ImportError(plugin.error)


def _read(package: str, file: str, expected: str) -> bytes:
    root, *folders = package.split(".")
    # The package itself may need what an extra brings.
    content = resources.files(root).joinpath(*folders, file).read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise ValueError(f"its sha256 is {found}, not {expected}")
    return content


def _try(kind: str, name: str, attempt: Callable[[], object]) -> Entry:
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 - whatever keeps an entry from loading is the finding
        return Entry(kind, name, f"{type(error).__name__}: {error}")
    return Entry(kind, name)
