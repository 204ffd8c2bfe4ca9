"""Performance."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ltmc.services import Services
from ltmc.tools.arguments import Days, Projects, not_bool


async def get_taskmaster_performance_metrics(
    services: Services, time_range_days: Days | None = None, project_id: Projects = None
) -> dict[str, Any]:
    """How planned work goes: completion, punctuality, estimates, skills, load."""
    return await services.blueprints.taskmaster_metrics(time_range_days, project_id)


async def get_performance_report(
    services: Services,
    time_range_hours: Annotated[int, Field(ge=1, le=8760, strict=True), BeforeValidator(not_bool)] = 24,
    project_id: Projects = None,
) -> dict[str, Any]:
    """How LTMC itself does: calls, latency, storage, backends."""
    return await services.monitoring.get_performance_report(time_range_hours, project_id)
