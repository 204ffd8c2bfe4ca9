"""`ltmc hook`: what a client runs at each event of a session. It never stands in the way of the agent.

Whatever fails is a line in the log, the answer changes nothing, and the process ends with 0 within `SECONDS`.
Nothing is imported here that a short start cannot have.
"""

import _thread
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ltmc.app.hook_rules import place_of
from ltmc.errors import ErrorCode, LtmcError, invalid
from ltmc.features.hooks.answers import answer, can_inject
from ltmc.features.hooks.brief import Brief, brief
from ltmc.features.hooks.handling import Place, Recall, by_words_alone, clean, handle, known_place
from ltmc.features.hooks.payloads import AGENTS, EVENTS, Event, event_of
from ltmc.settings import Settings, default_db, load
from ltmc.storage.sqlite.hook_store import HookStore, opened
from ltmc.timestamps import now
from ltmc.tools.project_scope import with_earlier

if TYPE_CHECKING:
    from ltmc.app.application import Application

T = TypeVar("T")

SECONDS = 2.0
"""How long a hook may take."""

PAYLOAD_BYTES = 8 * 1024 * 1024
"""The most that is read of a payload; a longer one is an error."""

LOG_BYTES = 64 * 1024
"""To half of this the log is cut when it is longer."""

LOG_NAME = "hooks.log"
"""The log stands beside the database."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``ltmc hook EVENT [--agent NAME]`` and end the process, with 0 in every case."""
    words = list(sys.argv[2:] if arguments is None else arguments)
    event = Event(words[0] if words else "", _agent_in(words))
    _thread.start_new_thread(_end_late, (event,))
    told = ""
    try:
        told = _run(words, event)
    except BaseException as error:  # noqa: BLE001 - whatever went wrong, the agent goes on
        _log(event, error)
        told = answer(event, "")
    _end(told)


def _agent_in(words: list[str]) -> str:
    """Return the client that is named, for the answer in case of a failure; else the usual one."""
    named = [word.removeprefix("--agent=") for word in words if word.startswith("--agent=")]
    named += [second for first, second in pairwise(words) if first == "--agent"]
    return named[0] if named and named[0] in AGENTS else AGENTS[0]


def _run(words: list[str], known: Event) -> str:
    rest = [word.removeprefix("--agent=") for word in words[1:] if word != "--agent"]
    if not words or words[0] not in EVENTS or len(rest) > 1:
        usage = f"ltmc hook EVENT [--agent NAME], where EVENT is one of {', '.join(EVENTS)}"
        raise invalid("arguments", " ".join(words)[:100], usage)
    event = event_of(words[0], rest[0] if rest else None, _payload())
    event.cwd = event.cwd or os.getcwd()  # noqa: PTH109 - the fastest
    known.agent, known.native, known.plain = event.agent, event.native, event.plain
    settings, _ = load()
    return answer(event, _handled(event, settings))


def _handled(event: Event, settings: Settings) -> str:
    """Keep what happened; return what is to be told."""
    if settings.read_only:
        settings = settings._replace(capture=False)
    place = place_of(event, settings)
    if settings.postgres_url is not None:
        return _on_server(event, settings, place)
    inject = place.rules.inject and can_inject(event)
    if not (place.rules.capture or inject):
        return ""
    event = clean(event, place)
    if settings.read_only:
        with opened(settings.db, read_only=True) as store:
            place = known_place(place, store)
            return brief(store, place.projects, event.session)["text"] if event.name != "prompt" else ""
    try:
        return _written(event, settings, place, inject=inject)
    except LtmcError as error:
        # Some clients run the hooks of a start and of the first prompt side by side.
        if (
            error.code is not ErrorCode.NOT_FOUND
            or event.name not in ("start", "prompt")
            or not place.rules.capture
        ):
            raise
    _make(settings.db)
    return _written(event, settings, place, inject=inject)


def _written(event: Event, settings: Settings, place: Place, *, inject: bool) -> str:
    with opened(settings.db) as store:
        place = known_place(place, store)
        recall = Recall()
        if inject and event.name == "prompt":
            started = time.perf_counter()
            found = by_words_alone(store, place.projects, event.prompt)
            recall = Recall(found, "lexical", round((time.perf_counter() - started) * 1000, 3))
        with store.writing():
            return handle(event, place, store, recall)


def _on_server(event: Event, settings: Settings, place: Place) -> str:
    """Do the same with a database of a server."""

    async def work(app: "Application") -> str:
        from ltmc.features.hooks.service import HookService

        if not settings.read_only:
            return await app.get(HookService).told(event)
        if event.name == "prompt" or not (place.rules.inject and can_inject(event)):
            return ""
        return await _read(
            app, lambda store: brief(store, known_place(place, store).projects, event.session)["text"]
        )

    return _with_server(settings, work)


async def _read(app: "Application", function: Callable[[HookStore], T]) -> T:
    async with app.engine.read() as tx:
        return await tx.call(lambda entries: function(HookStore(entries)))


def _with_server(settings: Settings, work: "Callable[[Application], Coroutine[Any, Any, T]]") -> T:
    import asyncio

    from ltmc.app.application import Application

    async def once() -> T:
        app = Application(settings)
        try:
            return await work(app)
        finally:
            await app.close()

    return asyncio.run(once())


def _make(path: Path) -> None:
    """Make the database, once for all hooks that follow."""
    import asyncio

    from ltmc.storage.sqlite.database import Database

    async def make() -> None:
        database = Database(path)
        async with database.write():
            pass
        await database.close()

    asyncio.run(make())


def brief_of(settings: Settings, projects: Sequence[str], *, clone: str | None) -> Brief:
    """Return the brief of the first of some projects.

    Args:
        clone: the repository whose earlier projects count too.

    Raises:
        LtmcError: the database cannot be used.
    """

    def found(store: HookStore) -> Brief:
        return brief(store, with_earlier(projects, store.projects_of_clone(clone)) if clone else projects)

    if settings.postgres_url is not None:
        return _with_server(settings, lambda app: _read(app, found))
    if not settings.db.exists():
        return {"project_id": projects[0], "text": "", "sections": {}}
    with opened(settings.db, read_only=settings.read_only) as store:
        return found(store)


def _payload() -> dict[str, Any]:
    """Read what the client says on stdin, to its end: a client whose pipe is closed may fail."""
    if os.isatty(0):
        raise invalid("stdin", "a terminal", "the JSON that a client writes")
    parts, size = [], 0
    while part := os.read(0, 1 << 16):
        size += len(part)
        if size <= PAYLOAD_BYTES:
            parts.append(part)
    if size > PAYLOAD_BYTES:
        raise invalid("stdin", f"{size} bytes", f"up to {PAYLOAD_BYTES}")
    try:
        found = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise invalid("stdin", f"{size} bytes of something else", "a JSON object")
    return found


def _end(told: str) -> None:
    """Write the answer and end the process."""
    with suppress(OSError):
        text = told.encode()
        while text:
            text = text[os.write(1, text) :]
    os._exit(0)


def _end_late(event: Event) -> None:
    time.sleep(SECONDS)
    _log(event, TimeoutError(f"it took more than {SECONDS:g} s"))
    _end(answer(event, ""))


def _log(event: Event, error: BaseException) -> None:
    """Write a line to the log, if that is possible."""
    with suppress(BaseException):
        from ltmc.app.redaction import masked

        said = error.message if isinstance(error, LtmcError) else f"{type(error).__name__}: {error}"
        said = " ".join(masked(said[:1_000]).split())[:500]
        path = _log_file()
        if path is None:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        file = os.open(path, flags, 0o600)
        try:
            name = event.name if event.name in EVENTS else "unknown"
            line = f"{now()} {name!r} {event.agent}: {said}\n"
            if (size := os.fstat(file).st_size) > LOG_BYTES:
                os.lseek(file, size - LOG_BYTES // 2, os.SEEK_SET)
                last = os.read(file, LOG_BYTES // 2)
                os.ftruncate(file, 0)
                os.write(file, last[last.find(b"\n") + 1 :])
            os.write(file, line.encode("utf-8", "replace"))
        finally:
            os.close(file)


def last_failure(db: Path) -> str | None:
    """Return the last line of the log beside a database; None where there is none."""
    try:
        with db.with_name(LOG_NAME).open("rb") as file:
            file.seek(-min(os.fstat(file.fileno()).st_size, 4096), os.SEEK_END)
            return file.read().decode("utf-8", "replace").strip().rpartition("\n")[2] or None
    except OSError:
        return None


def _log_file() -> Path | None:
    """Return the log; None where nothing is written."""
    try:
        settings, _ = load()
        return None if settings.read_only else settings.db.with_name(LOG_NAME)
    except LtmcError:  # the settings themselves are wrong
        if os.environ.get("LTMC_READ_ONLY"):
            return None
        named = os.environ.get("LTMC_DB", "")
        return (
            Path(named if named and "://" not in named else default_db())
            .expanduser()
            .absolute()
            .with_name(LOG_NAME)
        )
