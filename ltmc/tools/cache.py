"""Cache."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ltmc.services import Services
from ltmc.tools.arguments import Bool, Filled, JsonValue, ProjectId, not_bool

Key = Annotated[Filled, Field(max_length=250)]
Ttl = Annotated[int, Field(ge=1, le=2_592_000, strict=True), BeforeValidator(not_bool)]


async def redis_health_check(services: Services) -> dict[str, Any]:
    """Whether the cache backend answers, and how fast."""
    return await services.cache.health()


async def redis_cache_stats(services: Services, project_id: ProjectId = None) -> dict[str, Any]:
    """Keys, hits and misses of the project's cache."""
    return await services.cache.statistics(project_id)


async def redis_set_cache(
    services: Services, key: Key, value: JsonValue, ttl: Ttl | None = None, project_id: ProjectId = None
) -> dict[str, Any]:
    """Keep a JSON value under a key.

    Args:
        ttl: Seconds until it expires; left out: never.
    """
    return await services.cache.set(key, value, ttl, project_id)


async def redis_get_cache(services: Services, key: Key, project_id: ProjectId = None) -> dict[str, Any]:
    """The value under a key; found is false when there is none."""
    return await services.cache.get(key, project_id)


async def redis_delete_cache(services: Services, key: Key, project_id: ProjectId = None) -> dict[str, Any]:
    """Remove a key."""
    return await services.cache.delete(key, project_id)


async def redis_clear_cache(
    services: Services,
    pattern: Annotated[Filled, Field(max_length=100)] | None = None,
    dry_run: Bool = False,
    project_id: ProjectId = None,
) -> dict[str, Any]:
    """Remove the project's keys that match a glob; without one, all of them.

    Args:
        pattern: With * ? and [].
        dry_run: Only count.
    """
    return await services.cache.clear(pattern, dry_run=dry_run, project_id=project_id)
