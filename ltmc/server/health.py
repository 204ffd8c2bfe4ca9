"""The health report of a server that anyone may ask for it."""

import asyncio
import time
from typing import Any

from ltmc.app.application import Application
from ltmc.app.diagnosis import health

HEALTH_SECONDS = 5
"""How long a health report is shown again before the parts are probed anew: probes cost, and anyone may ask."""


class HealthReports:
    """The health report, probed anew when the last one is old."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._probing = asyncio.Lock()
        self._report: dict[str, Any] = {}
        self._until = 0.0

    async def report(self) -> dict[str, Any]:
        """Return the report, with the time since the server started."""
        async with self._probing:
            if time.monotonic() >= self._until:
                self._report = dict(await health(self._app))
                self._until = time.monotonic() + HEALTH_SECONDS
            return self._report | {"uptime_seconds": round(time.monotonic() - self._app.started, 3)}
