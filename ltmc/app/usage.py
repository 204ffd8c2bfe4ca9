"""What the log of use tells, and what the process uses, for the command line and for metrics."""

from contextlib import suppress
from typing import Any

from ltmc.app.application import Application
from ltmc.app.own_project import OwnProject
from ltmc.errors import LtmcError
from ltmc.features.analytics.activity import RANGES, Activity, ActivityService, News
from ltmc.features.analytics.service import AnalyticsService, SystemUtilization
from ltmc.features.memory.routing import RoutingService
from ltmc.settings import Settings

ProcessUse = SystemUtilization
"""What the process and its database use."""

__all__ = ["RANGES", "Activity", "News", "ProcessUse", "activity", "process_use", "routing", "usage"]


def activity(app: Application) -> ActivityService:
    """Return what reports the calls and searches of all processes."""
    return app.get(ActivityService)


async def process_use(app: Application) -> ProcessUse | None:
    """Measure what the process uses; None when its database cannot be read."""
    with suppress(LtmcError, OSError):
        return await app.get(AnalyticsService).get_system_utilization()
    return None


async def usage(settings: Settings, *, group_by: str, days: int, project_id: str | None) -> dict[str, Any]:
    """Return the calls of the last days by `group_by`, and how long they took altogether."""
    app = Application(settings)
    try:
        await app.get(OwnProject).enter()
        analytics = app.get(AnalyticsService)
        return {
            "calls": await analytics.get_usage(group_by, days, project_id),
            "total": await analytics.get_performance_metrics(days, project_id),
        }
    finally:
        await app.close()


async def routing(settings: Settings, *, days: int, project_id: str | None) -> dict[str, Any]:
    """Return how queries were routed in the last days, and what came of it."""
    app = Application(settings)
    try:
        await app.get(OwnProject).enter()
        return dict(await app.get(RoutingService).get_routing_statistics(days, project_id))
    finally:
        await app.close()
