"""Probes of what LTMC stands on; they never change what users stored."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Literal, NotRequired, TypedDict

from ltmc.errors import LtmcError
from ltmc.search.reindexing import differences
from ltmc.storage.engine import Engine
from ltmc.storage.tables import health

PROBE_TIMEOUT_SECONDS = 2.0

QUICK_CHECK_BYTES = 64 * 1024 * 1024
"""Up to this size the database's structure is checked in a probe; beyond it that takes too long."""

LOW_DISK_BYTES = 100 * 1024 * 1024

REQUIRED = ("sqlite", "search_index", "graph", "disk")
"""The probes without which LTMC is unhealthy."""


class Probe(TypedDict):
    """What a probe found; `error` and `repair`: why it is down, and the command that mends it."""

    status: Literal["ok", "disabled", "down"]
    error: NotRequired[str]
    repair: NotRequired[str]
    integrity: NotRequired[str]
    indexed: NotRequired[dict[str, int]]
    backend: NotRequired[str]
    nodes: NotRequired[int]
    edges: NotRequired[int]
    free_bytes: NotRequired[int]
    active: NotRequired[int]
    latency_ms: NotRequired[float]


class HealthReport(TypedDict):
    """Every probe; degraded: an optional part is down; unhealthy: a required one is."""

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
            "sqlite": self._sqlite,
            "search_index": self._search_index,
            "cache": cache,
            "graph": self._graph,
            "disk": self._disk,
            "watchers": watchers,
        }

    @property
    def names(self) -> list[str]:
        """The names of the probes."""
        return list(self._by_name)

    async def run(self, name: str) -> Probe:
        """Run a probe and time it; one that fails or takes too long is down."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                found = await self._by_name[name]()
        except TimeoutError:
            found = {"status": "down", "error": f"no answer within {PROBE_TIMEOUT_SECONDS:g} s"}
        except (LtmcError, sqlite3.Error, OSError) as error:
            found = {"status": "down", "error": str(error)}
        found["latency_ms"] = round((time.perf_counter() - started) * 1000, 3)
        return found

    async def _sqlite(self) -> Probe:
        async with self._engine.read() as tx:
            structure = await health.structure(tx, QUICK_CHECK_BYTES)
        if structure not in ("ok", None):
            return {"status": "down", "error": f"the database is damaged: {structure}"}
        await health.try_to_write(self._engine)
        return {"status": "ok", "integrity": structure or "not checked: the database is large"}

    async def _search_index(self) -> Probe:
        indexed, wrong = await differences(self._engine)
        if wrong:
            return {"status": "down", "error": ", ".join(wrong), "repair": "ltmc reindex"}
        return {"status": "ok", "indexed": indexed}

    async def _graph(self) -> Probe:
        async with self._engine.read() as tx:
            return {
                "status": "ok",
                "nodes": await health.row_count(tx, "graph_nodes"),
                "edges": await health.row_count(tx, "graph_edges"),
            }

    async def _disk(self) -> Probe:
        free = shutil.disk_usage(self._engine.path.parent).free
        if free < LOW_DISK_BYTES:
            error = f"{free} bytes are free beside the database"
            return {"status": "down", "error": error, "free_bytes": free}
        return {"status": "ok", "free_bytes": free}
