"""What a page shows more of than a tool answers, or by other filters: the graph, code attempts, projects."""

from ltmc.app.application import Application
from ltmc.features.graph.exploring import ExplorationService, Lens
from ltmc.features.patterns.service import PatternService
from ltmc.features.projects.service import ProjectService

__all__ = ["ExplorationService", "Lens", "PatternService", "attempts", "explorer", "project_names"]


def explorer(app: Application) -> ExplorationService:
    """Return what looks around in the graph of a running LTMC."""
    return app.get(ExplorationService)


def attempts(app: Application) -> PatternService:
    """Return what finds the code attempts of a running LTMC."""
    return app.get(PatternService)


async def project_names(app: Application) -> list[str]:
    """Return the ids of all projects of a running LTMC, in order."""
    return await app.get(ProjectService).names()
