"""Performance."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from ltmc.features.performance.report import PerformanceReport
from ltmc.features.performance.service import MonitoringService
from ltmc.features.performance.taskmaster import TaskmasterMetrics, TaskmasterService
from ltmc.tools.arguments import Days, Projects, not_bool
from ltmc.tools.declaration import tool


@tool("How planned work goes", category="performance", read_only=True)
async def get_taskmaster_performance_metrics(
    taskmaster: TaskmasterService, /, time_range_days: Days | None = None, project_id: Projects = None
) -> TaskmasterMetrics:
    """How planned work goes: punctuality, skills, load."""
    return await taskmaster.metrics(time_range_days, project_id)


@tool("Performance report", category="performance", read_only=True, admin=True)
async def get_performance_report(
    monitoring: MonitoringService,
    /,
    time_range_hours: Annotated[int, Field(ge=1, le=8760, strict=True), BeforeValidator(not_bool)] = 24,
    project_id: Projects = None,
) -> PerformanceReport:
    """How LTMC does: calls, latency, storage, backends.

    Args:
        time_range_hours: 1-8760.
    """
    return await monitoring.get_performance_report(time_range_hours, project_id)
