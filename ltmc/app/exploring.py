"""What a page shows more of than a tool answers, or by other filters: the graph, code attempts, todos, projects."""

from collections.abc import Sequence

from ltmc.app.application import Application
from ltmc.features.graph.exploring import ExplorationService, Lens
from ltmc.features.patterns.service import PatternService
from ltmc.features.projects.service import ProjectService
from ltmc.features.todos.service import TodoService

__all__ = [
    "ExplorationService",
    "Lens",
    "PatternService",
    "attempts",
    "explorer",
    "project_names",
    "whole_descriptions",
]


def explorer(app: Application) -> ExplorationService:
    """Return what looks around in the graph of a running LTMC."""
    return app.get(ExplorationService)


def attempts(app: Application) -> PatternService:
    """Return what finds the code attempts of a running LTMC."""
    return app.get(PatternService)


async def whole_descriptions(app: Application, todo_ids: Sequence[int]) -> dict[int, str]:
    """Return the descriptions of todos, by id, however long they are."""
    return await app.get(TodoService).descriptions(todo_ids)


async def project_names(app: Application, most: int) -> list[str]:
    """Return the ids of the first projects of a running LTMC, in order."""
    return await app.get(ProjectService).names(most)
