"""The cache on Redis."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.cache_backend import COUNTERS, PROBE_PROJECT, CacheHealth, CacheUsage, Ttl

TIMEOUT_SECONDS = 1.0
"""How long a connection or an answer is waited for."""

KEPT_SECONDS = 180
"""How long the requests of a minute are kept."""

BATCH = 500
"""How many keys a step of a scan asks for, and how many are removed at once."""


class RedisCache:
    """The cache on a Redis server: keys ``ltmc:<project>:user:<key>``, and beside them the counters and,
    so that what expires can be counted, the moment at which each key does.

    Args:
        read_only: nothing is counted, probed or cleared away there.
    """

    name = "redis"

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self._read_only = read_only
        try:
            self._client = redis.asyncio.from_url(
                url,
                decode_responses=True,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                # once more, for a connection that the server has dropped
                retry=Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),
            )
            self._client.connection_pool.make_connection()  # type: ignore[no-untyped-call] # connects to nothing
        except (ValueError, TypeError):  # which may repeat a password
            raise LtmcError(
                ErrorCode.BACKEND_UNAVAILABLE,
                "The setting redis_url is not as Redis reads it, such as redis://localhost:6379/0.",
                details={"backend": "redis"},
            ) from None
        place = self._client.connection_pool.connection_kwargs
        self.host: str | None = place.get("host", place.get("path"))
        self.port: int | None = place.get("port")

    async def set(self, project_id: str, key: str, value: str, ttl: int | None) -> bool:
        name = _key(project_id, key)
        with self._reachable():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.exists(name)
                pipe.set(name, value, ex=ttl)
                _count(pipe, project_id, "sets")
                if ttl is None:
                    pipe.zrem(_expiries(project_id), key)
                else:
                    pipe.zadd(_expiries(project_id), {key: time.time() + ttl})
                known, *_ = await pipe.execute()
        return bool(known)

    async def get(self, project_id: str, key: str) -> tuple[str, Ttl] | None:
        name = _key(project_id, key)
        with self._reachable():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.get(name)
                pipe.pttl(name)
                value, left_ms = await pipe.execute()
            if not self._read_only:
                await self._client.hincrby(_stats(project_id), "misses" if value is None else "hits", 1)
        return None if value is None else (value, None if left_ms < 0 else left_ms / 1000)

    async def delete(self, project_id: str, key: str) -> bool:
        with self._reachable():
            return await self._remove(project_id, [key]) == 1

    async def clear(self, project_id: str, pattern: str, *, dry_run: bool) -> list[str]:
        with self._reachable():
            keys = sorted([key async for key in self._scan(project_id, pattern)])
            if not dry_run:
                for start in range(0, len(keys), BATCH):
                    await self._remove(project_id, keys[start : start + BATCH])
        return keys

    async def usage(self, project_id: str) -> CacheUsage:
        with self._reachable():
            expiries = _expiries(project_id)
            take = self._client.zcount if self._read_only else self._client.zremrangebyscore
            gone = await take(expiries, "-inf", time.time())
            if gone and not self._read_only:
                await self._client.hincrby(_stats(project_id), "expired", gone)
            counters = await self._client.hgetall(_stats(project_id))
            keys = [_key(project_id, key) async for key in self._scan(project_id, "*")]
            async with self._client.pipeline(transaction=False) as pipe:
                for name in keys:
                    pipe.pttl(name)
                    pipe.strlen(name)
                answers = await pipe.execute()
            server = await self._client.info("server")
        found = [(left, size) for left, size in zip(answers[::2], answers[1::2], strict=True) if left != -2]
        counted = {counter: int(counters.get(counter, 0)) for counter in COUNTERS}
        if self._read_only:
            counted["expired"] += gone
        return CacheUsage(
            counted,
            [None if left < 0 else left / 1000 for left, _ in found],
            sum(size for _, size in found),
            server["uptime_in_seconds"],
        )

    async def health(self) -> CacheHealth:
        with self._reachable():
            await self._client.ping()
            problems = (
                [] if self._read_only or await self._round_trip() else ["the probe key was not found again"]
            )
            info = await self._client.info()
        maximum = info.get("maxmemory") or None
        if maximum and info["used_memory"] > 0.9 * maximum:
            problems.append("more than 90 % of maxmemory is used")
        return CacheHealth(info["redis_version"], info["used_memory"], maximum, problems)

    async def count_requests(self, minute: int, more: Mapping[str, int]) -> dict[str, int]:
        name = f"ltmc:requests:{minute}"
        with self._reachable():
            async with self._client.pipeline(transaction=True) as pipe:
                for caller, count in more.items():
                    pipe.hincrby(name, caller, count)
                pipe.expire(name, KEPT_SECONDS)
                pipe.hgetall(name)
                *_, found = await pipe.execute()
        return {caller: int(count) for caller, count in found.items()}

    async def close(self) -> None:
        await self._client.aclose()

    async def _round_trip(self) -> bool:
        probe = _key(PROBE_PROJECT, "probe")
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.set(probe, "1", ex=10)
            pipe.get(probe)
            pipe.delete(probe)
            _, found, removed = await pipe.execute()
        return bool(found == "1" and removed == 1)

    async def _remove(self, project_id: str, keys: list[str]) -> int:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.unlink(*(_key(project_id, key) for key in keys))
            pipe.zrem(_expiries(project_id), *keys)
            removed, _ = await pipe.execute()
        if removed:
            await self._client.hincrby(_stats(project_id), "deletes", removed)
        return int(removed)

    async def _scan(self, project_id: str, pattern: str) -> AsyncIterator[str]:
        prefix, seen = _key(project_id, ""), set()
        async for name in self._client.scan_iter(match=prefix + pattern, count=BATCH):
            if name not in seen:  # a scan may return a key twice
                seen.add(name)
                yield name.removeprefix(prefix)

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            raise LtmcError(
                ErrorCode.BACKEND_UNAVAILABLE,
                f"Redis at {self.host}:{self.port} cannot be used: {type(error).__name__}. Start it, or "
                "unset LTMC_REDIS_URL to keep the cache in the database.",
                details={"backend": "redis", "host": self.host, "port": self.port},
            ) from error


def _key(project_id: str, key: str) -> str:
    return f"ltmc:{project_id}:user:{key}"


def _stats(project_id: str) -> str:
    return f"ltmc:{project_id}:stats"


def _expiries(project_id: str) -> str:
    return f"ltmc:{project_id}:expiries"


def _count(pipe: Any, project_id: str, counter: str) -> None:
    pipe.hincrby(_stats(project_id), counter, 1)
