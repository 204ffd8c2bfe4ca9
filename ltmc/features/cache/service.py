"""The cache: JSON values under keys, on Redis when it is configured, else on the database."""

import json
import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NotRequired, TypedDict

from ltmc.errors import LtmcError, invalid
from ltmc.features.measures import ratio
from ltmc.settings import Settings
from ltmc.storage.cache_backend import CacheBackend, Ttl
from ltmc.storage.engine import Engine
from ltmc.storage.tables.cache import DatabaseCache
from ltmc.timestamps import format_utc
from ltmc.tools.project_scope import project_of

MAX_VALUE_BYTES = 1024 * 1024
SAMPLE_KEYS = 10
_BUCKETS = (("under_1_minute", 60), ("under_1_hour", 3_600), ("under_1_day", 86_400), ("over_1_day", None))


class KeySet(TypedDict):
    """A key that was set; `ttl`: seconds until it expires."""

    key: str
    ttl: int | None
    expires_at: str | None
    value_size_bytes: int
    replaced: bool
    backend: str


class KeyValue(TypedDict):
    """The JSON value of a key."""

    key: str
    found: bool
    value: Any
    ttl_remaining_seconds: float | None
    backend: str


class KeyDeleted(TypedDict):
    """A key that was removed."""

    key: str
    deleted: bool
    backend: str


class KeysCleared(TypedDict):
    """The keys that a glob matched."""

    pattern: str | None
    cleared_count: int
    sample_keys: list[str]
    dry_run: bool
    backend: str


class CacheStatistics(TypedDict):
    """What a project's cache holds and how it was used; the rate is from 0 to 1."""

    total_keys: int
    hits: int
    misses: int
    sets: int
    deletes: int
    expired: int
    hit_rate: float | None
    memory_bytes: int
    ttl_histogram: dict[str, int]
    uptime_seconds: int
    backend: str


class CacheMemory(TypedDict):
    """Bytes used, and the most that may be."""

    used_bytes: int | None
    max_bytes: int | None


class CacheHealthView(TypedDict):
    """Whether the backend answers; `error`: what is wrong."""

    connected: bool
    status: str
    backend: str
    latency_ms: float | None
    version: str | None
    memory: CacheMemory
    host: str | None
    port: int | None
    error: NotRequired[str]


class CacheService:
    """Each answer says which backend gave it; a Redis that is configured but gone is an error, no miss."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine
        self._started = time.monotonic()

    @cached_property
    def backend(self) -> CacheBackend:
        """The backend that the settings name."""
        if self._settings.redis_url is None:
            return DatabaseCache(self._engine)
        from ltmc.storage.redis.cache import RedisCache

        return RedisCache(self._settings.redis_url, read_only=self._settings.read_only)

    async def set(self, key: str, value: Any, ttl: int | None, project_id: str | None) -> KeySet:
        """Set a key."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
        if size > MAX_VALUE_BYTES:
            raise invalid("value", f"{size} bytes of JSON", f"at most {MAX_VALUE_BYTES} bytes of JSON")
        expires_at = None if ttl is None else format_utc(datetime.now(UTC) + timedelta(seconds=ttl))
        replaced = await self.backend.set(project_of(project_id), key, text, ttl)
        return {
            "key": key,
            "ttl": ttl,
            "expires_at": expires_at,
            "value_size_bytes": size,
            "replaced": replaced,
            "backend": self.backend.name,
        }

    async def get(self, key: str, project_id: str | None) -> KeyValue:
        """Return a key's value; one that is not there is found=false."""
        found = await self.backend.get(project_of(project_id), key)
        return {
            "key": key,
            "found": found is not None,
            "value": None if found is None else json.loads(found[0]),
            "ttl_remaining_seconds": None if found is None else _rounded(found[1]),
            "backend": self.backend.name,
        }

    async def delete(self, key: str, project_id: str | None) -> KeyDeleted:
        """Remove a key."""
        deleted = await self.backend.delete(project_of(project_id), key)
        return {"key": key, "deleted": deleted, "backend": self.backend.name}

    async def clear(self, pattern: str | None, *, dry_run: bool, project_id: str | None) -> KeysCleared:
        """Remove the keys that a glob matches; all of the project's without one."""
        keys = await self.backend.clear(project_of(project_id), pattern or "*", dry_run=dry_run)
        return {
            "pattern": pattern,
            "cleared_count": len(keys),
            "sample_keys": keys[:SAMPLE_KEYS],
            "dry_run": dry_run,
            "backend": self.backend.name,
        }

    async def statistics(self, project_id: str | None) -> CacheStatistics:
        """Return what the project's namespace holds and how it was used."""
        usage = await self.backend.usage(project_of(project_id))
        reads = usage.counters["hits"] + usage.counters["misses"]
        histogram = {"no_expiry": usage.ttls.count(None)} | {name: 0 for name, _ in _BUCKETS}
        for ttl in usage.ttls:
            if ttl is not None:
                histogram[next(name for name, limit in _BUCKETS if limit is None or ttl < limit)] += 1
        uptime = usage.uptime_seconds
        return {
            "total_keys": len(usage.ttls),
            "hits": usage.counters["hits"],
            "misses": usage.counters["misses"],
            "sets": usage.counters["sets"],
            "deletes": usage.counters["deletes"],
            "expired": usage.counters["expired"],
            "hit_rate": ratio(usage.counters["hits"], reads),
            "memory_bytes": usage.memory_bytes,
            "ttl_histogram": histogram,
            "uptime_seconds": round(time.monotonic() - self._started) if uptime is None else uptime,
            "backend": self.backend.name,
        }

    async def health(self) -> CacheHealthView:
        """Return a ping and a round trip; that the backend is down is an answer here, not an error."""
        started = time.perf_counter()
        answer: CacheHealthView = {
            "connected": True,
            "status": "healthy",
            "backend": self.backend.name,
            "latency_ms": None,
            "version": None,
            "memory": {"used_bytes": None, "max_bytes": None},
            "host": self.backend.host,
            "port": self.backend.port,
        }
        try:
            health = await self.backend.health()
        except LtmcError as error:
            return {**answer, "connected": False, "status": "down", "error": error.message}
        answer["latency_ms"] = round((time.perf_counter() - started) * 1000, 3)
        answer["version"] = health.version
        answer["memory"] = {"used_bytes": health.used_bytes, "max_bytes": health.max_bytes}
        if health.problems:
            answer["status"], answer["error"] = "degraded", "; ".join(health.problems)
        return answer

    async def close(self) -> None:
        """Let go of the backend's connections."""
        if "backend" in vars(self):
            await self.backend.close()


def _rounded(ttl: Ttl) -> float | None:
    return None if ttl is None else round(ttl, 3)
