"""Recording every tool call, checking the health of LTMC, and reporting on both."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ltmc import __version__
from ltmc.errors import not_found
from ltmc.features.performance.health import REQUIRED, HealthReport, Probe, Probes
from ltmc.features.performance.report import (
    PerformanceReport,
    backends,
    call_report,
    health_score,
    recommendations,
)
from ltmc.settings import Settings
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.sqlite import search_index
from ltmc.storage.tables import usage_log
from ltmc.storage.tables.usage_log import ToolCall
from ltmc.timestamps import format_utc, now
from ltmc.tools.project_scope import scope_of
from ltmc.tools.request import protocol_version


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
        call = ToolCall(
            0, tool, project_id, conversation_id, round(duration_ms, 3), ok, error_code, created_at=now()
        )

        async def write(tx: Transaction) -> None:
            await usage_log.insert_call(tx, call)

        self._engine.log(write)

    def get_uptime_seconds(self) -> float:
        """Return how long this process has served."""
        return round(time.monotonic() - self._started, 3)

    async def health_check(self) -> HealthReport:
        """Run every probe, side by side."""
        names = self._probes.names
        probed = dict(zip(names, await asyncio.gather(*map(self._probes.run, names)), strict=True))
        down = {name for name, probe in probed.items() if probe["status"] == "down"}
        return {
            "status": "unhealthy" if down.intersection(REQUIRED) else "degraded" if down else "healthy",
            "services": probed,
            "uptime_seconds": self.get_uptime_seconds(),
            "checked_at": now(),
        }

    async def validate_service(self, name: str) -> Probe:
        """Run one probe.

        Raises:
            LtmcError: NOT_FOUND for a name that has no probe.
        """
        if name not in self._probes.names:
            raise not_found("name", name, "service", "known: " + ", ".join(self._probes.names))
        return await self._probes.run(name)

    async def get_performance_report(
        self, time_range_hours: int, project_id: str | None
    ) -> PerformanceReport:
        """Report what was measured over the last hours: calls, latency, storage, backends."""
        await self._engine.settle()
        since = format_utc(datetime.now(UTC) - timedelta(hours=time_range_hours))
        async with self._engine.read() as tx:
            rows = await usage_log.calls(tx, project_id=scope_of(project_id), since=since)
            storage = await search_index.storage_counts(tx)
        probed = (await self.health_check())["services"]
        calls = call_report(rows, time_range_hours, self._settings.targets_ms)
        parts = backends(probed, redis=self._settings.redis_url is not None)
        return {
            "server": {
                "version": __version__,
                "protocol": protocol_version.get(),
                "transport": self._settings.transport,
                "uptime_seconds": self.get_uptime_seconds(),
                "started_at": self._started_at,
                "pid": os.getpid(),
            },
            **calls,
            "storage": {"db_bytes": self._engine.path.stat().st_size, **storage},
            "backends": parts,
            "health_score": health_score(probed),
            "recommendations": recommendations(calls, parts),
        }
