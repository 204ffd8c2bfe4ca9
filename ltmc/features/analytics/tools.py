"""Analytics."""

from ltmc.features.analytics.service import AnalyticsService, ContextUsage
from ltmc.tools.arguments import Days, Projects, TopK
from ltmc.tools.declaration import tool


@tool("Context usage", category="analytics", read_only=True)
async def get_context_usage_statistics(
    analytics: AnalyticsService,
    /,
    time_range_days: Days | None = None,
    top_k: TopK = 10,
    project_id: Projects = None,
) -> ContextUsage:
    """How memory is used: conversations, retrievals, chunks."""
    return await analytics.get_context_usage_stats(time_range_days, project_id, top_k)
