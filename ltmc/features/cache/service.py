"""The cache: JSON values under keys, on Redis when it is configured, else on the database."""

import json
import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from ltmc.errors import LtmcError, invalid
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.tables.cache import CacheBackend, SqliteCache, Ttl
from ltmc.timestamps import format_utc
from ltmc.tools.project_scope import project_of

MAX_VALUE_BYTES = 1024 * 1024
SAMPLE_KEYS = 10
_BUCKETS = (("under_1_minute", 60), ("under_1_hour", 3_600), ("under_1_day", 86_400), ("over_1_day", None))


class CacheService:
    """Each answer says which backend gave it; a Redis that is configured but gone is an error, no miss."""

    def __init__(self, settings: Settings, database: Engine) -> None:
        self._settings = settings
        self._database = database
        self._started = time.monotonic()

    @cached_property
    def backend(self) -> CacheBackend:
        """The backend that the settings name."""
        if self._settings.redis_url is None:
            return SqliteCache(self._database)
        from ltmc.storage.redis.cache import RedisCache

        return RedisCache(self._settings.redis_url.get_secret_value())

    async def set(self, key: str, value: Any, ttl: int | None, project_id: str | None) -> dict[str, Any]:
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

    async def get(self, key: str, project_id: str | None) -> dict[str, Any]:
        """A key's value; one that is not there is found=false."""
        found = await self.backend.get(project_of(project_id), key)
        return {
            "key": key,
            "found": found is not None,
            "value": None if found is None else json.loads(found[0]),
            "ttl_remaining_seconds": None if found is None else _rounded(found[1]),
            "backend": self.backend.name,
        }

    async def delete(self, key: str, project_id: str | None) -> dict[str, Any]:
        """Remove a key."""
        deleted = await self.backend.delete(project_of(project_id), key)
        return {"key": key, "deleted": deleted, "backend": self.backend.name}

    async def clear(self, pattern: str | None, *, dry_run: bool, project_id: str | None) -> dict[str, Any]:
        """Remove the keys that a glob matches; all of the project's without one."""
        keys = await self.backend.clear(project_of(project_id), pattern or "*", dry_run=dry_run)
        return {
            "pattern": pattern,
            "cleared_count": len(keys),
            "sample_keys": keys[:SAMPLE_KEYS],
            "dry_run": dry_run,
            "backend": self.backend.name,
        }

    async def statistics(self, project_id: str | None) -> dict[str, Any]:
        """What the project's namespace holds and how it was used."""
        usage = await self.backend.usage(project_of(project_id))
        reads = usage.counters["hits"] + usage.counters["misses"]
        histogram = {"no_expiry": usage.ttls.count(None)} | {name: 0 for name, _ in _BUCKETS}
        for ttl in usage.ttls:
            if ttl is not None:
                histogram[next(name for name, limit in _BUCKETS if limit is None or ttl < limit)] += 1
        uptime = usage.uptime_seconds
        return {
            "total_keys": len(usage.ttls),
            **usage.counters,
            "hit_rate": round(usage.counters["hits"] / reads, 4) if reads else None,
            "memory_bytes": usage.memory_bytes,
            "ttl_histogram": histogram,
            "uptime_seconds": round(time.monotonic() - self._started) if uptime is None else uptime,
            "backend": self.backend.name,
        }

    async def health(self) -> dict[str, Any]:
        """A ping and a round trip; that the backend is down is an answer here, not an error."""
        redis_backend = self.backend if self.backend.name == "redis" else None
        place = {"host": getattr(redis_backend, "host", None), "port": getattr(redis_backend, "port", None)}
        started = time.perf_counter()
        try:
            health = await self.backend.health()
        except LtmcError as error:
            return {
                "connected": False,
                "status": "down",
                "backend": self.backend.name,
                "latency_ms": None,
                "version": None,
                "memory": {"used_bytes": None, "max_bytes": None},
                **place,
                "error": error.message,
            }
        return {
            "connected": True,
            "status": "degraded" if health.problems else "healthy",
            "backend": self.backend.name,
            "latency_ms": round((time.perf_counter() - started) * 1000, 3),
            "version": health.version,
            "memory": {"used_bytes": health.used_bytes, "max_bytes": health.max_bytes},
            **place,
            **({"error": "; ".join(health.problems)} if health.problems else {}),
        }

    async def close(self) -> None:
        """Let go of the backend's connections."""
        if "backend" in vars(self):
            await self.backend.close()


def _rounded(ttl: Ttl) -> float | None:
    return None if ttl is None else round(ttl, 3)
