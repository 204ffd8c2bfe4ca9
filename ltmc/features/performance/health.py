"""Probes of what LTMC stands on; they write nothing.

A server answers them to anyone who asks, so they read little, however much is stored. Thorough ones, for
``ltmc doctor``, read everything.
"""

import asyncio
import logging
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Literal, NotRequired, TypedDict

from ltmc.errors import LtmcError
from ltmc.search.reindexing import differences, unfinished
from ltmc.storage.engine import Engine
from ltmc.storage.search_index import SearchIndex
from ltmc.storage.tables import health

PROBE_SECONDS, THOROUGH_SECONDS = 2.0, 60.0
"""How long a probe may take, and a thorough one."""

QUICK_CHECK_BYTES = 1024 * 1024 * 1024
"""Up to this size a thorough probe reads every page; beyond it that takes too long."""

LOW_DISK_BYTES = 100 * 1024 * 1024

OPTIONAL = frozenset({"cache", "watchers"})
"""The probes without which LTMC is not unhealthy."""

logger = logging.getLogger(__name__)


class Probe(TypedDict):
    """What a probe found.

    `error` and `repair`: why it is down, and the command that mends it. `not_embedded`: how many entries of the index
    are found by words alone until they are. Locked means that it can be read, and whoever writes waits for another
    who does.
    """

    status: Literal["ok", "disabled", "locked", "down"]
    error: NotRequired[str]
    repair: NotRequired[str]
    integrity: NotRequired[str]
    indexed: NotRequired[dict[str, int]]
    not_embedded: NotRequired[int]
    backend: NotRequired[str]
    free_bytes: NotRequired[int]
    active: NotRequired[int]
    latency_ms: NotRequired[float]


class HealthReport(TypedDict):
    """Every probe; degraded: an optional part is down, or the database locked; unhealthy: a required part is down."""

    status: Literal["healthy", "degraded", "unhealthy"]
    services: dict[str, Probe]
    uptime_seconds: float
    checked_at: str


class Probes:
    """The probes by name. Those of the cache and the watchers are handed in."""

    def __init__(
        self,
        engine: Engine,
        cache: Callable[[], Awaitable[Probe]],
        watchers: Callable[[], Awaitable[Probe]],
    ) -> None:
        self._engine = engine
        self._by_name = {
            engine.name: self._database,
            "search_index": self._search_index,
            "cache": cache,
            "graph": self._graph,
            "disk": self._disk,
            "watchers": watchers,
        }
        self._thorough = {engine.name: self._every_page, "search_index": self._every_entry}

    @property
    def names(self) -> list[str]:
        """The names of the probes."""
        return list(self._by_name)

    async def run(self, name: str, *, thorough: bool = False) -> Probe:
        """Run a probe and time it; one that fails or takes too long is down."""
        started = time.perf_counter()
        seconds = THOROUGH_SECONDS if thorough else PROBE_SECONDS
        probing = asyncio.ensure_future(self._found(name, thorough=thorough))
        try:
            async with asyncio.timeout(seconds):
                found = await asyncio.shield(probing)
        except asyncio.CancelledError:
            probing.cancel()
            raise
        except TimeoutError:
            probing.cancel()  # which takes its time where a server is silent
            found = {"status": "down", "error": f"no answer within {seconds:g} s"}
        except (LtmcError, sqlite3.Error, OSError) as error:
            found = {"status": "down", "error": str(error)}
        except Exception as error:  # the boundary: others run beside it, and would go on after the report
            logger.exception("the probe %s failed", name)
            found = {"status": "down", "error": f"it failed inside LTMC ({type(error).__name__})"}
        found["latency_ms"] = round((time.perf_counter() - started) * 1000, 3)
        return found

    async def _found(self, name: str, *, thorough: bool) -> Probe:
        found = await self._by_name[name]()
        if thorough and found["status"] == "ok" and name in self._thorough:
            found = await self._thorough[name]()
        return found

    async def _database(self) -> Probe:
        async with self._engine.read():
            pass
        if await self._engine.is_locked():
            why = "" if self._engine.name == "sqlite" else ", or the server is read-only"
            return {"status": "locked", "error": f"writes wait for another who writes{why}"}
        if self._engine.name == "sqlite":
            return {"status": "ok"}
        return {"status": "ok", "backend": await self._engine.version()}

    async def _every_page(self) -> Probe:
        integrity, wrong = await self._engine.examine(QUICK_CHECK_BYTES)
        return {"status": "down", "error": wrong} if wrong else {"status": "ok", "integrity": integrity}

    async def _search_index(self) -> Probe:
        async with self._engine.read() as tx:
            return _in_step(await tx.call(unfinished), await tx.call(SearchIndex.count_pending))

    async def _every_entry(self) -> Probe:
        indexed, wrong = await differences(self._engine)
        async with self._engine.read() as tx:
            left = await tx.call(SearchIndex.count_pending)
        return {**_in_step(wrong, left), "indexed": indexed}

    async def _graph(self) -> Probe:
        async with self._engine.read() as tx:
            await health.read_graph(tx)
        return {"status": "ok"}

    async def _disk(self) -> Probe:
        folder = self._engine.path.parent
        if self._engine.name != "sqlite" and not folder.exists():  # nothing of it is on this disk
            return {"status": "ok"}
        free = shutil.disk_usage(folder).free
        if free < LOW_DISK_BYTES:
            error = f"{free} bytes are free beside the database"
            return {"status": "down", "error": error, "free_bytes": free}
        return {"status": "ok", "free_bytes": free}


def _in_step(wrong: list[str], left: int) -> Probe:
    found: Probe = {"status": "ok"}
    if wrong:
        found = {"status": "down", "error": ", ".join(wrong), "repair": "ltmc reindex"}
    if left:
        found["not_embedded"] = left
    return found
