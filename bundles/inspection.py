"""What can be said of a .pyz without running it: all that the manifest names is in it, and fits its platform."""

import io
import re
import struct
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bundles import lock
from ltmc.distribution import contents, unpacking
from ltmc.tools import manifest

_LIBRARIES = (".so", ".pyd", ".dll", ".dylib")
_KERNEL = re.compile(r"ltmc/search/kernel/(lib)?ltmc-kernel\.(so|dylib|dll)")
_OF_ONE_PYTHON = re.compile(
    r"(?:cp(?P<folder>3\d+)/)?(?P<module>.+?)(?:\.(?:cpython-|cp)(?P<tag>3\d+)\b.*)?\.(so|pyd)"
)
_PROCESSORS = {
    "ELF": {62: "x86_64", 183: "aarch64"},
    "Mach-O": {0x01000007: "x86_64", 0x0100000C: "arm64"},
    "PE": {0x8664: "x86_64", 0xAA64: "arm64"},
}


def faults(pyz: Path, platform: lock.Platform, pythons: tuple[tuple[int, int], ...]) -> list[str]:
    """Return what is missing in a .pyz for `platform` and `pythons`, or made for another one, a phrase each."""
    with zipfile.ZipFile(pyz) as whole, zipfile.ZipFile(io.BytesIO(whole.read(unpacking.PACKED))) as archive:
        names = [name.removeprefix(unpacking.SITE) for name in archive.namelist()]
        libraries = [name for name in names if name.endswith(_LIBRARIES)]
        wrong = [
            f"{name} is not for {platform.binary}"
            for name in libraries
            if platform.binary not in binary(archive.read(unpacking.SITE + name))
        ]
    text = "\n".join(names)
    missing = [
        f"{what} is missing"
        for what, pattern in _wanted()
        if not re.search(f"^{pattern}$", text, re.MULTILINE)
    ]
    if not any(map(_KERNEL.fullmatch, libraries)):
        missing.append("the kernel is missing")
    return [*missing, *wrong, *_left_out(libraries, pythons)]


def _wanted() -> Iterator[tuple[str, str]]:
    """Yield what `ltmc check` would load, each with the pattern of its file's name."""
    packages = [*contents.THIRD_PARTY_PACKAGES, *contents.THIRD_PARTY]
    for module in [*manifest.modules(), *packages]:
        yield f"module {module}", rf"{re.escape(module.replace('.', '/'))}(/__init__)?\.py"
    static = [(contents.STATIC, file) for file in contents.VENDORED]
    for package, file in [*manifest.data_files(), *static]:
        yield f"data {package}/{file}", re.escape(f"{package.replace('.', '/')}/{file}")
    for name in contents.DISTRIBUTIONS:
        yield f"distribution {name}", rf"{re.escape(name.replace('-', '_'))}-[^/]+\.dist-info/METADATA"
    for name in contents.NOTICES:
        yield f"notice {name}", rf"ltmc-[^/]+\.dist-info/licenses/{name}"


def _left_out(libraries: list[str], pythons: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """Yield the extension modules that are there for some Pythons and not for others."""
    found = defaultdict(set)
    for name in libraries:
        if (match := _OF_ONE_PYTHON.fullmatch(name)) and (tag := match["folder"] or match["tag"]):
            found[match["module"]].add((int(tag[0]), int(tag[1:])))
    for module, there in found.items():
        if there != {*pythons}:
            yield f"{module} is for Python {', '.join(f'{one}.{two}' for one, two in sorted(there))} alone"


def binary(content: bytes) -> set[str]:
    """Return for which formats and processors a library is; empty when it is none that is known here."""
    if content[:5] == b"\x7fELF\x02":
        return _named("ELF", *struct.unpack_from("<H", content, 18))
    if content[:4] == b"\xcf\xfa\xed\xfe":
        return _named("Mach-O", *struct.unpack_from("<I", content, 4))
    if content[:4] == b"\xca\xfe\xba\xbe":  # several in one file
        (count,) = struct.unpack_from(">I", content, 4)
        return _named(
            "Mach-O", *(struct.unpack_from(">I", content, 8 + 20 * index)[0] for index in range(count))
        )
    if content[:2] == b"MZ":
        (start,) = struct.unpack_from("<I", content, 0x3C)
        return _named("PE", *struct.unpack_from("<H", content, start + 4))
    return set()


def _named(kind: str, *numbers: int) -> set[str]:
    return {f"{kind} {_PROCESSORS[kind][number]}" for number in numbers if number in _PROCESSORS[kind]}
