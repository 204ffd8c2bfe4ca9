"""Cache."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from ltmc.features.cache.service import (
    CacheHealthView,
    CacheService,
    CacheStatistics,
    KeyDeleted,
    KeysCleared,
    KeySet,
    KeyValue,
)
from ltmc.tools.arguments import Bool, Filled, JsonValue, ProjectId, not_bool
from ltmc.tools.declaration import tool

Key = Annotated[Filled, Field(max_length=250)]
Ttl = Annotated[int, Field(ge=1, le=2_592_000, strict=True), BeforeValidator(not_bool)]


@tool("Cache health", category="cache", read_only=True, admin=True)
async def redis_health_check(cache: CacheService, /) -> CacheHealthView:
    """Whether the cache answers, and how fast."""
    return await cache.health()


@tool("Cache statistics", category="cache", read_only=True)
async def redis_cache_stats(cache: CacheService, /, project_id: ProjectId = None) -> CacheStatistics:
    """Keys, hits and misses of the cache."""
    return await cache.statistics(project_id)


@tool("Set a cache key", category="cache", destructive=True, idempotent=True)
async def redis_set_cache(
    cache: CacheService, /, key: Key, value: JsonValue, ttl: Ttl | None = None, project_id: ProjectId = None
) -> KeySet:
    """Keep a JSON value under a key.

    Args:
        value: Any JSON.
        ttl: Seconds; else for good.
    """
    return await cache.set(key, value, ttl, project_id)


@tool("Get a cache key", category="cache", read_only=True)
async def redis_get_cache(cache: CacheService, /, key: Key, project_id: ProjectId = None) -> KeyValue:
    """The value of a key, if found."""
    return await cache.get(key, project_id)


@tool("Delete a cache key", category="cache", destructive=True, idempotent=True)
async def redis_delete_cache(cache: CacheService, /, key: Key, project_id: ProjectId = None) -> KeyDeleted:
    """Remove a key."""
    return await cache.delete(key, project_id)


@tool("Clear cache keys", category="cache", destructive=True, idempotent=True)
async def redis_clear_cache(
    cache: CacheService,
    /,
    pattern: Annotated[Filled, Field(max_length=100)] | None = None,
    dry_run: Bool = False,
    project_id: ProjectId = None,
) -> KeysCleared:
    """Remove the keys that match a glob, or all.

    Args:
        pattern: Such as user:*.
    """
    return await cache.clear(pattern, dry_run=dry_run, project_id=project_id)
