"""Recording every tool call, checking the health of LTMC, and reporting on both."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ltmc import __version__
from ltmc.errors import not_found
from ltmc.features.performance.health import OPTIONAL, HealthReport, Probe, Probes
from ltmc.features.performance.report import (
    PerformanceReport,
    backends,
    call_report,
    health_score,
    recommendations,
)
from ltmc.settings import Settings
from ltmc.storage import search_index
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import usage_log
from ltmc.storage.tables.usage_log import ToolCall
from ltmc.timestamps import format_utc, now
from ltmc.tools.project_scope import scope_of
from ltmc.tools.request import protocol_version

PRUNE_EVERY, PRUNE_BATCH = 500, 1_000
"""After so many calls the logs of use are pruned, so many rows of each at a time: about 20 ms under the lock."""


class MonitoringService:
    """Calls are written to the database in the background; probes never change what users stored."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        started: float,
        cache_health: Callable[[], Awaitable[Probe]],
        watchers_health: Callable[[], Awaitable[Probe]],
    ) -> None:
        self._engine, self._settings = engine, settings
        self._probes = Probes(engine, cache_health, watchers_health)
        self._calls = 0
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
        caller: str | None = None,
    ) -> None:
        """Have a call written to the log of use."""
        call = ToolCall(
            0, tool, project_id, conversation_id, round(duration_ms, 3), ok, error_code, now(), caller
        )

        async def write(tx: Transaction) -> None:
            await usage_log.insert_call(tx, call)

        self._engine.log(write)
        self._calls += 1
        if self._calls % PRUNE_EVERY == 1:
            self._engine.log(self._prune)

    async def _prune(self, tx: Transaction) -> None:
        before = format_utc(datetime.now(UTC) - timedelta(days=self._settings.log_days))
        if await usage_log.prune(tx, before=before, most=self._settings.log_rows, batch=PRUNE_BATCH):
            self._engine.log(self._prune)

    def get_uptime_seconds(self) -> float:
        """Return how long this process has served."""
        return round(time.monotonic() - self._started, 3)

    async def health_check(self, *, thorough: bool = False) -> HealthReport:
        """Run every probe, side by side; the thorough ones read everything that is stored."""
        names = self._probes.names
        found = await asyncio.gather(*(self._probes.run(name, thorough=thorough) for name in names))
        probed = dict(zip(names, found, strict=True))
        down = {name for name, probe in probed.items() if probe["status"] == "down"}
        well = all(probe["status"] in ("ok", "disabled") for probe in found)
        return {
            "status": "unhealthy" if down - OPTIONAL else "healthy" if well else "degraded",
            "services": probed,
            "uptime_seconds": self.get_uptime_seconds(),
            "checked_at": now(),
        }

    async def validate_service(self, name: str) -> Probe:
        """Run one probe, thoroughly.

        Raises:
            LtmcError: NOT_FOUND for a name that has no probe.
        """
        if name not in self._probes.names:
            raise not_found("name", name, "service", "known: " + ", ".join(self._probes.names))
        return await self._probes.run(name, thorough=True)

    async def get_performance_report(
        self, time_range_hours: int, project_id: str | None
    ) -> PerformanceReport:
        """Report what was measured over the last hours: calls, latency, storage, backends."""
        await self._engine.settle()
        since = format_utc(datetime.now(UTC) - timedelta(hours=time_range_hours))
        async with self._engine.read() as tx:
            scope = scope_of(project_id)
            by_tool = await usage_log.call_totals(tx, "tool", project_id=scope, since=since)
            together = await usage_log.call_totals(tx, None, project_id=scope, since=since)
            storage = await search_index.storage_counts(tx)
        probed = (await self.health_check())["services"]
        calls = call_report(by_tool, together, time_range_hours, self._settings.targets_ms)
        parts = backends(probed, redis=self._settings.redis_url is not None)
        return {
            "server": {
                "version": __version__,
                "protocol": protocol_version.get(),
                "transport": self._settings.transport,
                "uptime_seconds": self.get_uptime_seconds(),
                "started_at": self._started_at,
                "pid": os.getpid(),
                "database": self._engine.name,
            },
            **calls,
            "storage": {"db_bytes": (await self._engine.sizes())[0], **storage},
            "backends": parts,
            "health_score": health_score(probed),
            "recommendations": recommendations(calls, parts),
        }
