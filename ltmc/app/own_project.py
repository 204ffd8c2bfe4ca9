"""The project of calls that name none."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from ltmc.app.project_identity import branch_and_commit, clone_of, names_of
from ltmc.errors import LtmcError
from ltmc.settings import AUTO, Settings
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sqlite.hook_store import HookStore
from ltmc.tools.caller import caller
from ltmc.tools.project_scope import DEFAULT_PROJECT, Origin, origin, with_earlier

Folder = Callable[[], Awaitable[Path | None]]
"""Asks a client for its folder."""


class OwnProject:
    """What the setting ``project`` says: a name, or that of the repository in which the process works.

    That repository is looked up at the first call and stays until the client says that its roots changed: the agent's
    own variable names its folder, else the client's first root, else it is the working folder. A server of HTTP works
    in none. The database knows for which projects a clone was noted: what it was before, when it had other remotes.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine
        self._found: Origin | None = None
        self._clone: str | None = None
        self._unread = self._unnoted = False
        self._looking = asyncio.Lock()

    async def enter(self, ask: Folder | None = None, *, writes: bool = False) -> None:
        """Have the call that is answered come from there.

        Args:
            ask: asks the client, where it is not known yet.
            writes: the branch and commit are wanted too.
        """
        if own := caller.get().projects:
            origin.set(Origin(own, held=True))
            return
        async with self._looking:
            if self._found is None:
                self._found, self._clone = await self._look(ask)
                self._unread = self._clone is not None and self._settings.has_database()
                self._unnoted = self._clone is not None
            if self._unread:
                self._found = await self._with_earlier(self._found)
        found = self._found
        if found.folder is not None and writes:
            branch, commit = await asyncio.to_thread(branch_and_commit, found.folder)
            found = found._replace(branch=branch, commit=commit)
        origin.set(found)

    def note(self) -> None:
        """Note for which project the clone is, now that something was stored in it."""
        if self._unnoted and self._found is not None and self._clone is not None:
            self._unnoted = False
            project, clone = self._found.projects[0], self._clone

            async def work(tx: Transaction) -> None:
                await tx.call(lambda rows: HookStore(rows).note_clone(project, clone))

            self._engine.log(work)

    async def _with_earlier(self, found: Origin) -> Origin:
        clone = self._clone or ""
        try:
            async with self._engine.read() as tx:
                known = await tx.call(lambda rows: HookStore(rows).projects_of_clone(clone))
        except LtmcError:  # the call that needs the database says so
            return found
        self._unread, self._unnoted = False, found.projects[0] not in known
        return found._replace(projects=with_earlier(found.projects, known))

    def forget(self) -> None:
        """Have it looked up again at the next call."""
        self._found = None

    async def _look(self, ask: Folder | None) -> tuple[Origin, str | None]:
        if self._settings.project != AUTO:
            return Origin((self._settings.project,)), None
        if self._settings.transport == "http":
            return Origin(), None
        named = os.environ.get("CLAUDE_PROJECT_DIR")
        folder = Path(named) if named else await ask() if ask else None
        return await asyncio.to_thread(_of_folder, folder)


def _of_folder(folder: Path | None) -> tuple[Origin, str | None]:
    try:
        folder = folder or Path.cwd()
    except OSError:  # it is gone
        return Origin(), None
    names = names_of(folder)
    return (Origin((*names, DEFAULT_PROJECT), folder), clone_of(folder)) if names else (Origin(), None)
