"""The graph for a page, which shows more of it at a time than a tool answers."""

from ltmc.app.application import Application
from ltmc.features.graph.exploring import ExplorationService, Lens

__all__ = ["ExplorationService", "Lens", "explorer"]


def explorer(app: Application) -> ExplorationService:
    """Return what looks around in the graph of a running LTMC."""
    return app.get(ExplorationService)
