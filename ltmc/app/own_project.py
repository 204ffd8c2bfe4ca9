"""The project of calls that name none."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from ltmc.app.project_identity import branch_and_commit, names_of
from ltmc.settings import AUTO, Settings
from ltmc.tools.project_scope import DEFAULT_PROJECT, Origin, origin

Folder = Callable[[], Awaitable[Path | None]]
"""Asks a client for its folder."""


class OwnProject:
    """What the setting ``project`` says: a name, or that of the repository in which the process works.

    That repository is looked up at the first call and stays until the client says that its roots changed: the agent's
    own variable names its folder, else the client's first root, else it is the working folder. A server of HTTP works
    in none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: Origin | None = None
        self._looking = asyncio.Lock()

    async def enter(self, ask: Folder | None = None, *, writes: bool = False) -> None:
        """Have the call that is answered come from there.

        Args:
            ask: asks the client, where it is not known yet.
            writes: the branch and commit are wanted too.
        """
        async with self._looking:
            if self._found is None:
                self._found = await self._look(ask)
        found = self._found
        if found.folder is not None and writes:
            branch, commit = await asyncio.to_thread(branch_and_commit, found.folder)
            found = found._replace(branch=branch, commit=commit)
        origin.set(found)

    def forget(self) -> None:
        """Have it looked up again at the next call."""
        self._found = None

    async def _look(self, ask: Folder | None) -> Origin:
        if self._settings.project != AUTO:
            return Origin((self._settings.project,))
        if self._settings.transport == "http":
            return Origin()
        named = os.environ.get("CLAUDE_PROJECT_DIR")
        folder = Path(named) if named else await ask() if ask else None
        return await asyncio.to_thread(_of_folder, folder)


def _of_folder(folder: Path | None) -> Origin:
    try:
        folder = folder or Path.cwd()
    except OSError:  # it is gone
        return Origin()
    names = names_of(folder)
    return Origin((*names, DEFAULT_PROJECT), folder) if names else Origin()
