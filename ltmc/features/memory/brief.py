"""The brief: what a new session is told of those before."""

from collections.abc import Awaitable, Callable


class Brief:
    """Makes the brief of a project; the application hands in how, for it is of more than memories."""

    def __init__(self, make: Callable[[str | None], Awaitable[str]]) -> None:
        self._make = make

    async def text(self, project_id: str | None) -> str:
        """Return it, or a sentence where there is nothing to tell."""
        return await self._make(project_id) or "Nothing is stored in this project yet."
