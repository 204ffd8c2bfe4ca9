"""Recording every tool call, probing what LTMC stands on, and the report over both."""

import asyncio
import os
import shutil
import sqlite3
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ltmc import __version__
from ltmc.errors import LtmcError, not_found
from ltmc.features.measures import percentile, share
from ltmc.search.reindexing import differences
from ltmc.settings import Settings
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sqlite import search_index as search
from ltmc.storage.tables import usage_log as telemetry
from ltmc.timestamps import format_utc, now
from ltmc.tools import manifest
from ltmc.tools.project_scope import scope_of
from ltmc.tools.request import protocol_version

PROBE_TIMEOUT_SECONDS = 2.0
TARGET_MS = 50.0
"""The time in which 95 of 100 calls of a tool should be answered."""

QUICK_CHECK_BYTES = 64 * 1024 * 1024
"""Up to this size the database's structure is checked in a probe; beyond it that takes too long."""

LOW_DISK_BYTES = 100 * 1024 * 1024
REQUIRED = ("sqlite", "search_index", "graph", "disk")


class _RollBack(Exception):  # noqa: N818 - not an error
    """Undoes a probe's write."""


class MonitoringService:
    """Calls are written to the database in the background; probes never change what users stored."""

    def __init__(
        self,
        database: Engine,
        settings: Settings,
        *,
        started: float,
        cache_health: Callable[[], Awaitable[dict[str, Any]]],
        watchers_health: Callable[[], dict[str, Any]],
    ) -> None:
        self._database, self._settings = database, settings
        self._cache_health, self._watchers_health = cache_health, watchers_health
        self._started = started
        self._started_at = format_utc(datetime.now(UTC) - timedelta(seconds=time.monotonic() - started))

    def record_call(
        self,
        tool: str,
        duration_ms: float,
        *,
        ok: bool,
        error_code: str | None = None,
        project_id: str | None = None,
        conversation_id: str | None = None,
    ) -> None:
        """Have a call written to the log of use."""
        moment = now()

        async def write(tx: Transaction) -> None:
            await telemetry.insert_call(
                tx, tool, duration_ms, ok, error_code, project_id, conversation_id, moment
            )

        self._database.log(write)

    def get_uptime_seconds(self) -> float:
        """How long this process has served."""
        return round(time.monotonic() - self._started, 3)

    async def health_check(self) -> dict[str, Any]:
        """Every probe, side by side: healthy; degraded (an optional part is down); unhealthy."""
        names = list(self._probes())
        results = dict(zip(names, await asyncio.gather(*map(self.validate_service, names)), strict=True))
        down = [name for name, result in results.items() if result["status"] == "down"]
        status = "healthy" if not down else "degraded"
        if any(name in REQUIRED for name in down):
            status = "unhealthy"
        return {
            "status": status,
            "services": results,
            "uptime_seconds": self.get_uptime_seconds(),
            "checked_at": now(),
        }

    async def validate_service(self, name: str) -> dict[str, Any]:
        """One probe: its status (ok, disabled or down), latency and, when down, the error.

        Raises:
            LtmcError: NOT_FOUND for a name that has no probe.
        """
        probes = self._probes()
        if name not in probes:
            raise not_found("name", name, "service", "known: " + ", ".join(probes))
        started = time.perf_counter()
        result: dict[str, Any] = {"status": "ok"}
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                result |= await probes[name]()
        except TimeoutError:
            result = {"status": "down", "error": f"no answer within {PROBE_TIMEOUT_SECONDS:g} s"}
        except (LtmcError, sqlite3.Error, OSError) as error:
            result = {"status": "down", "error": str(error)}
        return result | {"latency_ms": round((time.perf_counter() - started) * 1000, 3)}

    def _probes(self) -> dict[str, Callable[[], Awaitable[dict[str, Any]]]]:
        return {
            "sqlite": self._probe_sqlite,
            "search_index": self._probe_search_index,
            "cache": self._probe_cache,
            "graph": self._probe_graph,
            "disk": self._probe_disk,
            "watchers": self._probe_watchers,
        }

    async def _probe_sqlite(self) -> dict[str, Any]:
        async with self._database.read() as tx:
            small = await tx.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            integrity = await tx.value("PRAGMA quick_check(1)") if small <= QUICK_CHECK_BYTES else None
        if integrity not in ("ok", None):
            return {"status": "down", "error": f"the database is damaged: {integrity}"}
        try:
            async with self._database.write() as tx:
                await telemetry.insert_usage_event(tx, "probe", None, 1, {})
                raise _RollBack
        except _RollBack:
            return {"integrity": integrity or "not checked: the database is large"}

    async def _probe_search_index(self) -> dict[str, Any]:
        indexed, wrong = await differences(self._database)
        if wrong:
            return {"status": "down", "error": ", ".join(wrong), "repair": "ltmc reindex"}
        return {"indexed": indexed}

    async def _probe_cache(self) -> dict[str, Any]:
        health = await self._cache_health()
        if health["status"] == "healthy":
            return {"backend": health["backend"]}
        return {"status": "down", "backend": health["backend"], "error": health["error"]}

    async def _probe_graph(self) -> dict[str, Any]:
        async with self._database.read() as tx:
            return {
                "nodes": await tx.value("SELECT count(*) FROM graph_nodes"),
                "edges": await tx.value("SELECT count(*) FROM graph_edges"),
            }

    async def _probe_disk(self) -> dict[str, Any]:
        free = shutil.disk_usage(self._database.path.parent).free
        if free < LOW_DISK_BYTES:
            return {
                "status": "down",
                "error": f"{free} bytes are free beside the database",
                "free_bytes": free,
            }
        return {"free_bytes": free}

    async def _probe_watchers(self) -> dict[str, Any]:
        return self._watchers_health()

    async def get_performance_report(self, time_range_hours: int, project_id: str | None) -> dict[str, Any]:
        """Everything measured over the last hours: calls, latency, storage, backends."""
        targets = self._settings.targets_ms
        scope = scope_of(project_id)
        await self._database.settle()
        since = format_utc(datetime.now(UTC) - timedelta(hours=time_range_hours))
        async with self._database.read() as tx:
            calls = await telemetry.calls(tx, project_id=scope, since=since)
            storage = await search.storage_counts(tx)
        health = await self.health_check()
        durations: dict[str, list[float]] = defaultdict(list)
        for call in calls:
            durations[call["tool"]].append(call["duration_ms"])
        every = [call["duration_ms"] for call in calls]
        p95 = {tool: percentile(values, 95) or 0.0 for tool, values in durations.items()}
        slow = sorted(
            (tool for tool in p95 if p95[tool] > targets.get(tool, TARGET_MS)), key=lambda tool: -p95[tool]
        )
        errors = sum(not call["ok"] for call in calls)
        required = [health["services"][name]["status"] == "ok" for name in REQUIRED]
        report = {
            "server": {
                "version": __version__,
                "protocol": protocol_version.get(),
                "transport": self._settings.transport,
                "uptime_seconds": self.get_uptime_seconds(),
                "started_at": self._started_at,
                "pid": os.getpid(),
            },
            "requests": {
                "total": len(calls),
                "errors": errors,
                "error_rate": share(errors, len(calls)),
                "per_minute": round(len(calls) / (time_range_hours * 60), 4),
            },
            "tools": {
                "registered": len(manifest.tools()),
                "by_category": {
                    category: sum(tool.category == category for tool in manifest.tools())
                    for category in manifest.categories()
                },
                "called": {tool: len(values) for tool, values in sorted(durations.items())},
                "never_called": [tool.name for tool in manifest.tools() if tool.name not in durations],
            },
            "latency": {f"p{percent}_ms": percentile(every, percent) for percent in (50, 95, 99)},
            "slow_tools": [
                {
                    "tool": tool,
                    "count": len(durations[tool]),
                    "p95_ms": p95[tool],
                    "target_ms": targets.get(tool, TARGET_MS),
                }
                for tool in slow
            ],
            "targets": {"met": len(durations) - len(slow), "missed": len(slow)},
            "storage": {"db_bytes": self._database.path.stat().st_size, **storage},
            "backends": self._backends(health["services"]),
            "health_score": share(sum(required), len(required)),
        }
        return {**report, "recommendations": _recommendations(report)}

    def _backends(self, probed: dict[str, Any]) -> dict[str, Any]:
        """The probes under the names of what is probed; Redis is disabled unless it is configured."""
        found = {
            "vector_index" if name == "search_index" else name: result for name, result in probed.items()
        }
        cache = found.pop("cache")
        found["redis"] = cache if self._settings.redis_url is not None else {"status": "disabled"}
        return found


def _recommendations(report: dict[str, Any]) -> list[str]:
    """What the measured figures suggest; nothing when all is well."""
    found = [
        f"{name} is down: {backend['error']}"
        for name, backend in report["backends"].items()
        if backend["status"] == "down"
    ]
    found += [
        f"{slow['tool']} took {slow['p95_ms']} ms at the 95th percentile of {slow['count']} calls "
        f"(target {slow['target_ms']:g} ms)."
        for slow in report["slow_tools"][:3]
    ]
    rate = report["requests"]["error_rate"]
    if rate is not None and rate > 0.1:
        found.append(f"{report['requests']['errors']} of {report['requests']['total']} calls failed.")
    return found
