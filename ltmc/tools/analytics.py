"""Analytics."""

from typing import Any

from ltmc.services import Services
from ltmc.tools.arguments import Days, Projects, TopK


async def get_context_usage_statistics(
    services: Services, time_range_days: Days | None = None, top_k: TopK = 10, project_id: Projects = None
) -> dict[str, Any]:
    """How memory is used: conversations, retrievals, the chunks that inform answers."""
    return await services.analytics.get_context_usage_stats(time_range_days, project_id, top_k)
