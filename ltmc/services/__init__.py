"""The logic of LTMC. `Services` makes each service at its first use."""

import time
from collections.abc import Sized
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ltmc.settings import Settings

if TYPE_CHECKING:
    from ltmc.services.analytics import AnalyticsService
    from ltmc.services.blueprints import BlueprintService
    from ltmc.services.cache import CacheService
    from ltmc.services.chat import ChatService
    from ltmc.services.documentation import DocumentationService
    from ltmc.services.graph import GraphService
    from ltmc.services.memory import MemoryService
    from ltmc.services.monitoring import MonitoringService
    from ltmc.services.originals import OriginalService
    from ltmc.services.patterns import PatternService
    from ltmc.services.projects import ProjectService
    from ltmc.services.routing import RoutingService
    from ltmc.services.sync import SyncService
    from ltmc.services.team import TeamService
    from ltmc.services.todos import TodoService
    from ltmc.storage.database import Database

DEFAULT_PROJECT = "default"
ALL_PROJECTS = "*"


def project_of(project_id: str | None) -> str:
    """The project that a call means."""
    return DEFAULT_PROJECT if project_id is None else project_id


def page_counts(shown: Sized, total: int, offset: int) -> dict[str, Any]:
    """What every page of results says of itself: ``count``, ``total`` and ``has_more``."""
    return {"count": len(shown), "total": total, "has_more": offset + len(shown) < total}


def scope_of(project_id: str | None) -> str | None:
    """The project of a call that reads aggregates; None for all of them."""
    return None if project_id == ALL_PROJECTS else project_of(project_id)


class Services:
    """What the tools call. Nothing is imported, opened or connected before it is used.

    Attributes:
        protocol: the protocol version of the call in progress; None outside of a server.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.protocol: str | None = None
        self.started = time.monotonic()

    @cached_property
    def database(self) -> "Database":
        from ltmc.storage.database import Database

        return Database(self.settings.db, self.settings.durability)

    @cached_property
    def memory(self) -> "MemoryService":
        from ltmc.services.memory import MemoryService

        return MemoryService(self.database, self.settings.search_mode)

    @cached_property
    def chat(self) -> "ChatService":
        from ltmc.services.chat import ChatService

        return ChatService(self.database)

    @cached_property
    def todos(self) -> "TodoService":
        from ltmc.services.todos import TodoService

        return TodoService(self.database)

    @cached_property
    def graph(self) -> "GraphService":
        from ltmc.services.graph import GraphService

        return GraphService(self.database)

    @cached_property
    def patterns(self) -> "PatternService":
        from ltmc.services.patterns import PatternService

        return PatternService(self.database, self.settings.search_mode)

    @cached_property
    def cache(self) -> "CacheService":
        from ltmc.services.cache import CacheService

        return CacheService(self.settings, self.database)

    @cached_property
    def routing(self) -> "RoutingService":
        from ltmc.services.routing import RoutingService

        return RoutingService(self)

    @cached_property
    def monitoring(self) -> "MonitoringService":
        from ltmc.services.monitoring import MonitoringService

        return MonitoringService(self)

    @cached_property
    def analytics(self) -> "AnalyticsService":
        from ltmc.services.analytics import AnalyticsService

        return AnalyticsService(self.database)

    @cached_property
    def projects(self) -> "ProjectService":
        from ltmc.services.projects import ProjectService

        return ProjectService(self.database, self.settings.roots)

    @cached_property
    def blueprints(self) -> "BlueprintService":
        from ltmc.services.blueprints import BlueprintService

        return BlueprintService(self.database, self.projects)

    @cached_property
    def team(self) -> "TeamService":
        from ltmc.services.team import TeamService

        return TeamService(self.database)

    @cached_property
    def originals(self) -> "OriginalService":
        from ltmc.services.originals import OriginalService

        return OriginalService(self.database)

    @cached_property
    def documentation(self) -> "DocumentationService":
        from ltmc.services.documentation import DocumentationService

        return DocumentationService(self.database, self.projects, self.memory)

    @cached_property
    def sync(self) -> "SyncService":
        from ltmc.services.sync import SyncService

        return SyncService(self.database, self.projects, self.documentation)

    async def close(self) -> None:
        """Let go of what was opened."""
        used = vars(self)
        if "sync" in used:
            await self.sync.close()
        if "cache" in used:
            await self.cache.close()
        if "database" in used:
            await self.database.close()
