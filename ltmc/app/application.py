"""One running LTMC: what is made once and handed to whoever needs it."""

import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from ltmc.settings import Settings

if TYPE_CHECKING:
    from ltmc.app.secret_guard import SecretGuard
    from ltmc.storage.engine import Engine

Service = TypeVar("Service")


class Application:
    """Makes each service at its first use, once, from the types of the parameters of its ``__init__``.

    Nothing is imported, opened or connected before it is used.

    Attributes:
        settings: those in force.
        origins: for each of them where it came from; empty where nobody asks for that.
    """

    def __init__(self, settings: Settings, origins: Mapping[str, str] = MappingProxyType({})) -> None:
        self.settings, self.origins = settings, origins
        self.started = time.monotonic()
        self._made: dict[str, Any] = {_name(Settings): settings}

    @cached_property
    def engine(self) -> "Engine":
        """The database."""
        from ltmc.search import current

        current.database = None if self.settings.postgres_url is not None else self.settings.db
        if self.settings.postgres_url is not None:
            return self._postgres(self.settings.postgres_url)
        if self.settings.read_only:
            from ltmc.storage.sqlite.read_only import ReadOnlyDatabase

            return ReadOnlyDatabase(self.settings.db)
        from ltmc.storage.guarded import GuardedEngine
        from ltmc.storage.sqlite.database import Database

        database = Database(self.settings.db, self.settings.durability)
        return database if self.settings.secrets == "off" else GuardedEngine(database, self.guard)

    def _postgres(self, url: str) -> "Engine":
        from ltmc.storage.guarded import GuardedEngine
        from ltmc.storage.postgres.database import PostgresDatabase

        settings = self.settings
        database = PostgresDatabase(url, settings.db, settings.durability, read_only=settings.read_only)
        return database if settings.secrets == "off" else GuardedEngine(database, self.guard)

    @cached_property
    def guard(self) -> "SecretGuard":
        """What is done about secrets."""
        from ltmc.app.secret_guard import SecretGuard

        return SecretGuard(self.settings.secrets)

    def get(self, service: type[Service]) -> Service:
        """Return the one instance of a service."""
        name = _name(service)
        if name not in self._made:
            make = _MADE_BY_HAND.get(name)
            self._made[name] = make(self) if make else self._from_parameters(service)
        found: Service = self._made[name]
        return found

    def made(self, name: str) -> Any:
        """Return the instance of a service, by its qualified name, if it was made; else None."""
        return self._made.get(name)

    def _from_parameters(self, service: Callable[..., Service]) -> Service:
        hints = inspect.get_annotations(service.__init__, eval_str=True)
        return service(**{name: self.get(kind) for name, kind in hints.items() if name != "return"})

    async def close(self) -> None:
        """Let go of what was opened, last made first."""
        engine = vars(self).get("engine")
        services = [service for service in self._made.values() if service is not engine]
        for opened in (*reversed(services), engine):
            if hasattr(opened, "close"):
                closing: Awaitable[None] = opened.close()
                await closing


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _routing(app: Application) -> object:
    from ltmc.app.query_routes import searches
    from ltmc.features.memory.routing import RoutingService

    return RoutingService(app.engine, searches(app), by_meaning=app.settings.search_mode != "lexical")


def _brief(app: Application) -> object:
    from ltmc.features.hooks.brief import brief
    from ltmc.features.memory.brief import Brief
    from ltmc.storage.sqlite.hook_store import HookStore
    from ltmc.tools.project_scope import projects_read

    async def text(project_id: str | None) -> str:
        projects = projects_read(project_id)
        async with app.engine.read() as tx:
            return await tx.call(lambda rows: brief(HookStore(rows), projects)["text"])

    return Brief(text)


def _monitoring(app: Application) -> object:
    from ltmc.features.performance.health import Probe
    from ltmc.features.performance.service import MonitoringService

    async def watchers() -> Probe:
        sync = app.made("ltmc.features.sync.service.SyncService")
        probe: Probe = {"status": "disabled"} if sync is None else sync.health()
        return probe

    async def cache() -> Probe:
        if app.settings.redis_url is None:
            return {"status": "ok", "backend": app.engine.name}  # the database, which is probed already
        from ltmc.features.cache.service import CacheService

        found = await app.get(CacheService).health()
        if found["status"] == "healthy":
            return {"status": "ok", "backend": found["backend"]}
        return {"status": "down", "backend": found["backend"], "error": found["error"]}

    return MonitoringService(
        app.engine, app.settings, started=app.started, cache_health=cache, watchers_health=watchers
    )


def _hooks(app: Application) -> object:
    from functools import partial

    from ltmc.app.hook_rules import place_of
    from ltmc.features.hooks.service import HookService
    from ltmc.search.reindexing import IndexUpkeep

    settings = app.settings
    place = partial(place_of, settings=settings)
    return HookService(app.engine, app.get(IndexUpkeep), settings.search_mode, place)


_MADE_BY_HAND: dict[str, Callable[[Application], object]] = {
    "ltmc.storage.engine.Engine": lambda app: app.engine,
    "ltmc.storage.guarded.Guard": lambda app: app.guard,
    "ltmc.features.memory.brief.Brief": _brief,
    "ltmc.features.hooks.service.HookService": _hooks,
    "ltmc.features.memory.routing.RoutingService": _routing,
    "ltmc.features.performance.service.MonitoringService": _monitoring,
}
"""What takes more than services and settings."""
