"""The files of its project that a memory names, and whether they were changed since it was stored."""

import asyncio
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ltmc.errors import LtmcError
from ltmc.features.projects.service import ProjectService
from ltmc.files.guard import PathGuard
from ltmc.files.tracked import paths_by_name
from ltmc.storage.tables.resources import NamedFile

CHARACTERS, CANDIDATES = 20_000, 300
"""How much of a text is read for names of files, and how many of them are looked for."""

FILES, SHOWN = 64, 8
"""How many files are kept of one memory, and how many of those that changed are told."""

COMPARED = 400
"""How many files are looked at for one page of results."""

_TOKEN = re.compile(r"[\w./-]+")
_SUFFIX = re.compile(r"[A-Za-z]\w{0,7}")


class NamedFiles:
    """Looks at files inside the folders of a project, and never at hidden ones; only their hashes are kept."""

    def __init__(self, projects: ProjectService) -> None:
        self._projects = projects

    async def now(self, project: str, file_name: str, content: str) -> list[NamedFile]:
        """Return the files that a memory names, as they are now."""
        guard = await self._guard(project)
        text = content[:CHARACTERS]
        return [] if guard is None else await asyncio.to_thread(_states, guard, file_name, text)

    async def changed(self, project: str, files: Sequence[Sequence[NamedFile]]) -> list[list[str]]:
        """Return for each memory those of its files that are not as they were, or gone.

        Files of another root than the project has now are not looked at.
        """
        guard = await self._guard(project) if any(files) else None
        return [[] for _ in files] if guard is None else await asyncio.to_thread(_changed, guard, files)

    async def _guard(self, project: str) -> PathGuard | None:
        try:
            return await self._projects.guard(project)
        except LtmcError:  # it has no folder that may be read
            return None


def _names(text: str, root: Path) -> Iterator[str]:
    """Yield what looks like the path of a file inside of `root`, none of its parts hidden."""
    inside, plain, found = f"{root.as_posix().rstrip('/')}/", _without_suffix(root), set[str]()
    for token in _TOKEN.findall(text):
        name = token.removeprefix(inside).removeprefix("./").rstrip("./-")
        parts = name.split("/")
        stem, _, suffix = parts[-1].rpartition(".")
        has_suffix = bool(stem) and bool(_SUFFIX.fullmatch(suffix))
        named = has_suffix or name in plain or ("." not in parts[-1] and len(parts) > 1)
        if not named or name in found:
            continue
        if all(part and not part.startswith(".") for part in parts):
            found.add(name)
            yield name
        if len(found) == CANDIDATES:
            return


def _without_suffix(root: Path) -> set[str]:
    """Return the files of a folder whose names have no suffix, such as Makefile."""
    try:
        with os.scandir(root) as entries:
            return {one.name for one in entries if "." not in one.name and one.is_file()}
    except OSError:
        return set()


def _states(guard: PathGuard, own: str, text: str) -> list[NamedFile]:
    states = (state for state in _each_state(guard, own, text) if state is not None)
    return list(islice(states, FILES))


def _each_state(guard: PathGuard, own: str, text: str) -> Iterator[NamedFile | None]:
    """Yield the files that a text or its `own` name has; one without a folder is that which git tracks, if but one."""
    names, seen = list(_names(f"{own}\n{text}", guard.root)), set[str]()
    tracked: dict[str, str] | None = None
    for name in names:
        state, path = _state(guard, name), name
        if state is None and "/" not in name and name != own:
            if tracked is None:
                tracked = paths_by_name(guard.root, [one for one in names if "/" not in one])
            path = tracked.get(name, name)
            state = _state(guard, path) if name in tracked else None
        if path not in seen:
            seen.add(path)
            yield state


def _state(guard: PathGuard, name: str, known: NamedFile | None = None) -> NamedFile | None:
    """Return a file as it is now, None where there is none; it is read unless it looks as `known`."""
    try:
        resolved = guard.resolve(name)
        state = guard.state(resolved)
        if state is None:
            return None
        seen: NamedFile = {
            "name": name,
            "root": str(guard.root),
            "mtime_ns": state.mtime_ns,
            "size": state.size,
            "hash": "",
        }
        if known is not None and (known["mtime_ns"] == state.mtime_ns or known["size"] != state.size):
            return {**seen, "hash": known["hash"]}
        return {**seen, "hash": hashlib.sha256(guard.read(name)[1]).hexdigest()}
    except LtmcError:  # it lies outside, or is too large to read
        return None


def _changed(guard: PathGuard, files: Sequence[Sequence[NamedFile]]) -> list[list[str]]:
    left, root, seen = COMPARED, str(guard.root), []
    for named in files:
        looked_at = [file for file in named if file.get("root") == root][:left]
        left -= len(looked_at)
        changed = (file["name"] for file in looked_at if not _same(file, _state(guard, file["name"], file)))
        seen.append(list(islice(changed, SHOWN)))
    return seen


def _same(before: NamedFile, after: NamedFile | None) -> bool:
    return after is not None and (before["size"], before["hash"]) == (after["size"], after["hash"])
