"""Plans and templates for a page, which shows more of them at a time than a tool answers."""

from ltmc.app.application import Application
from ltmc.features.blueprints.templates import Template, keep, library, remove, templates_folder
from ltmc.features.team.planning import PlanningService

__all__ = ["PlanningService", "Template", "keep", "library", "planner", "remove", "templates_folder"]


def planner(app: Application) -> PlanningService:
    """Return what looks at the plans of a running LTMC."""
    return app.get(PlanningService)
