"""Watching files: the system tells that something changed, a look at the files tells what.

What the system reports only wakes a pass over the watched files, which compares their times and sizes and
then their hashes. So nothing depends on how an editor saves, and nothing is lost while folders come and go.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path

from watchfiles import awatch

from ltmc.files.guard import FileState, PathGuard
from ltmc.files.selection import Selection, select

READY_SECONDS = 5.0
"""How long a start waits for the watch to stand and be prepared."""

STEP_MS = (50, 200)
"""Between these bounds, changes are grouped until none came for half the interval; a stop is seen as soon."""

logger = logging.getLogger(__name__)
Handler = Callable[[str, str], Awaitable[None]]


@dataclass(slots=True)
class Watch:
    """A running watch over paths.

    Args:
        handle: called with (file name, created, modified or deleted), one change after the other.
        prepare: called once before that, while changes are already heard.

    Attributes:
        files: what is watched, with the state last seen.
        error: why it no longer runs; None while it does.
    """

    guard: PathGuard
    paths: list[Path]
    interval_ms: int
    handle: Handler
    prepare: Callable[[], Awaitable[None]]
    selection: Selection
    files: dict[str, FileState] = field(default_factory=dict)
    error: str | None = None
    polling: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _prepared: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _renew: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Begin; returns when changes are heard, and all is prepared unless that takes long."""
        self.files = dict(self.selection.files)
        self._tasks = [  # they outlive the call that starts them, and know nothing of it
            asyncio.create_task(self._guarded(self._listen), context=Context()),
            asyncio.create_task(self._guarded(self._work), context=Context()),
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await self._ready.wait()
                await self._prepared.wait()

    async def stop(self) -> None:
        """End both tasks, the change in hand finished."""
        self._stopped.set()
        self._renew.set()
        self._wake.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def alive(self) -> bool:
        """Whether both tasks run."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    @property
    def stopping(self) -> bool:
        """Whether it is to end."""
        return self._stopped.is_set()

    async def _guarded(self, run: Callable[[], Awaitable[None]]) -> None:
        try:
            await run()
        except Exception as error:
            logger.exception("a watch ended")
            self.error = f"{type(error).__name__}: {error}"
            self._ready.set()
            self._prepared.set()

    async def _listen(self) -> None:
        """Wake the work when the system reports a change in one of the folders."""
        step = max(STEP_MS[0], min(STEP_MS[1], self.interval_ms // 2))
        while not self._stopped.is_set():
            self._renew.clear()
            folders = [folder for folder in self._folders() if folder.is_dir()]
            if not folders:
                await self._pause()
                continue
            try:
                # The watcher is set up before the first wait, so what is called soon comes after it.
                asyncio.get_running_loop().call_soon(self._stands)
                async for _ in awatch(
                    *folders,
                    watch_filter=None,
                    debounce=self.interval_ms,
                    step=step,
                    stop_event=self._renew,
                    recursive=False,
                    force_polling=self.polling or None,
                ):
                    self._wake.set()
            except ExceptionGroup as raised:
                if raised.split(RuntimeError)[1] is not None:
                    raise
                # A name that is no text, or a folder that went: what changed is looked for, and listened for anew.
                logger.info("the system could not tell what changed: %s", raised.exceptions[0])
                await self._pause()
            except (OSError, RuntimeError):
                if self.polling:
                    raise
                logger.warning("the system cannot watch these folders; they are polled", exc_info=True)
                self.polling = True

    async def _pause(self) -> None:
        """Wait an interval, and look at the files again."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._renew.wait(), self.interval_ms / 1000)
        self._wake.set()

    def _stands(self) -> None:
        self._ready.set()
        self._wake.set()

    def _folders(self) -> list[Path]:
        """Return what to listen at: the folders themselves, and those of files, so that a replaced file is seen."""
        return list(dict.fromkeys([*self.selection.folders, *(path.parent for path in self.paths)]))

    async def _work(self) -> None:
        await self.prepare()
        self._prepared.set()
        while not self._stopped.is_set():
            await self._wake.wait()
            self._wake.clear()
            if self._stopped.is_set():
                return
            await self._pass()

    async def _pass(self) -> None:
        """Look at every file, and hand on each change."""
        before = self._folders()
        self.selection = await asyncio.to_thread(select, self.guard, self.paths)
        now, known = self.selection.files, self.files
        if self._folders() != before:
            self._renew.set()
        changes = [
            (name, "created" if name not in known else "modified")
            for name in now
            if now[name] != known.get(name)
        ]
        changes += [(name, "deleted") for name in known if name not in now]
        self.files = dict(now)
        for name, change in changes:
            if self._stopped.is_set():
                return
            await self.handle(name, change)
