"""Tools for a garden."""

from typing import Annotated, Any

from pydantic import Field

from ltmc.errors import invalid
from ltmc.features.todos.service import TodoService
from ltmc.tools.arguments import ProjectId
from ltmc.tools.declaration import tool


class Garden:
    """What is to do in a garden, over LTMC's own todos."""

    def __init__(self, todos: TodoService) -> None:
        self._todos = todos

    async def work(self, project_id: str | None) -> int:
        """Count what is to do."""
        page = await self._todos.page(
            status="pending", priority=None, limit=1, offset=0, sort="priority", project_id=project_id
        )
        return page["total"]


@tool("Work in the garden", category="garden", read_only=True)
async def count_garden_work(
    garden: Garden, /, bed: Annotated[str, Field(min_length=1, max_length=20)], project_id: ProjectId = None
) -> dict[str, Any]:
    """How much is to do in a bed.

    Args:
        bed: The name of the bed.
    """
    if bed == "compost":
        raise invalid("bed", bed, "a bed")
    return {"bed": bed, "todos": await garden.work(project_id)}
