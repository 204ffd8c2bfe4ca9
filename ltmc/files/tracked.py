"""The files that git tracks around a folder, by their names, read from its index without running git."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from ltmc.files.repositories import beginning, repository_of

MOST_BYTES = 32 * 1024 * 1024
"""How large an index is read; of some 300,000 files."""

_ENTRY, _EXTENDED = 62, 0x4000
"""How many bytes stand before a path, and the flag of an entry with two more."""


def paths_by_name(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Return for each name that exactly one tracked file in a folder has the path of that file from there.

    Hidden files and those in hidden folders do not count.
    """
    found: dict[str, list[str]] = defaultdict(list)
    repository = repository_of(folder) if names else None
    if repository is not None:
        inside = folder.relative_to(repository.top).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        ends = tuple(f"/{name}".encode() for name in names)
        index = beginning(repository.git / "index", MOST_BYTES + 1)
        for path in _paths(index) if len(index) <= MOST_BYTES else ():
            if path.endswith(ends):
                shown = path.decode("utf-8", "surrogateescape")
                rest = shown.removeprefix(prefix)
                parts = PurePosixPath(rest).parts
                if shown.startswith(prefix) and not any(part.startswith(".") for part in parts):
                    found[parts[-1]].append(rest)
    return {name: paths[0] for name, paths in found.items() if len({*paths}) == 1}


def _paths(index: bytes) -> Iterator[bytes]:
    """Yield the paths of an index of version 2 to 4, as far as they are in order; another one has none."""
    version, count = int.from_bytes(index[4:8], "big"), int.from_bytes(index[8:12], "big")
    if index[:4] != b"DIRC" or version not in (2, 3, 4):
        return
    place, path = 12, b""
    for _ in range(count):
        flags = int.from_bytes(index[place + _ENTRY - 2 : place + _ENTRY], "big")
        start = place + _ENTRY + (2 if flags & _EXTENDED else 0)
        before, kept = path, 0
        if version == 4:
            cut, start = _varint(index, start)
            kept = len(path) - cut
        end = index.find(b"\0", start)
        if end < 0 or kept < 0:
            return
        path = path[:kept] + index[start:end]
        if path < before:  # the hashes are of another size
            return
        yield path
        place = end + 1 if version == 4 else place + ((end - place + 8) & ~7)


def _varint(index: bytes, place: int) -> tuple[int, int]:
    """Return a number of several bytes and the place behind it."""
    value = -1
    for byte in index[place : place + 8]:
        place += 1
        value = ((value + 1) << 7) | (byte & 127)
        if byte < 128:
            break
    return value, place
