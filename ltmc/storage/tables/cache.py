"""The cache on the database."""

import fnmatch
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ltmc.storage.cache_backend import PROBE_PROJECT, CacheHealth, CacheUsage, Ttl
from ltmc.storage.engine import Engine, Transaction
from ltmc.timestamps import format_utc, now, parse


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a glob (``* ? [a-z] [^a] \\x``, as Redis reads it) as a regular expression."""
    pattern = re.sub(r"\[\^", "[!", pattern)
    return re.compile(fnmatch.translate(re.sub(r"\\([*?\[])", r"[\1]", pattern)))


class _Entry(NamedTuple):
    value: str
    expires_at: str | None


class _Size(NamedTuple):
    size_bytes: int
    expires_at: str | None


class _Counters(NamedTuple):
    hits: int = 0
    misses: int = 0
    sets: int = 0
    deletes: int = 0
    expired: int = 0


class _Requests(NamedTuple):
    name: str
    sent: int


class DatabaseCache:
    """The cache in a table of the database; see `CacheBackend`."""

    host: str | None = None
    port: int | None = None

    def __init__(self, engine: Engine) -> None:
        self._engine, self.name = engine, engine.name

    async def set(self, project_id: str, key: str, value: str, ttl: int | None) -> bool:
        moment = now()
        expires_at = None if ttl is None else format_utc(datetime.now(UTC) + timedelta(seconds=ttl))
        async with self._engine.write() as tx:
            await _expire(tx, project_id, moment)
            known = await _has(tx, project_id, key)
            await tx.run(
                "INSERT INTO cache_entries "
                "(namespace, key, value, size_bytes, expires_at, created_at, updated_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (namespace, key) DO UPDATE SET "
                "value = ?3, size_bytes = ?4, expires_at = ?5, updated_at = ?6",
                (project_id, key, value, len(value.encode()), expires_at, moment),
            )
            await _count(tx, project_id, "sets", moment)
        return known

    async def get(self, project_id: str, key: str) -> tuple[str, Ttl] | None:
        moment = now()
        async with self._engine.read() as tx:
            row = await tx.one(
                _Entry,
                "SELECT value, expires_at FROM cache_entries "
                "WHERE namespace = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
                (project_id, key, moment),
            )
        self._engine.log(lambda tx: _count(tx, project_id, "hits" if row else "misses", moment))
        return None if row is None else (row.value, _left(row.expires_at, moment))

    async def delete(self, project_id: str, key: str) -> bool:
        moment = now()
        async with self._engine.write() as tx:
            await _expire(tx, project_id, moment)
            known = await _has(tx, project_id, key)
            if known:
                await _remove(tx, project_id, [key], moment)
        return known

    async def clear(self, project_id: str, pattern: str, *, dry_run: bool) -> list[str]:
        moment, matches = now(), compiled(pattern).match
        async with self._engine.write() as tx:
            await _expire(tx, project_id, moment)
            every = await tx.column(
                "SELECT key FROM cache_entries WHERE namespace = ? ORDER BY key", (project_id,)
            )
            keys = [key for key in every if matches(key)]
            if keys and not dry_run:
                await _remove(tx, project_id, keys, moment)
        return keys

    async def usage(self, project_id: str) -> CacheUsage:
        await self._engine.settle()
        moment = now()
        async with self._engine.read() as tx:
            counters = await tx.one(_Counters, "SELECT * FROM cache_stats WHERE namespace = ?", (project_id,))
            rows = await tx.all(
                _Size, "SELECT size_bytes, expires_at FROM cache_entries WHERE namespace = ?", (project_id,)
            )
        live = [row for row in rows if row.expires_at is None or row.expires_at > moment]
        counted = (counters or _Counters())._asdict()
        counted["expired"] += len(rows) - len(live)  # the next write removes them
        return CacheUsage(
            counted, [_left(row.expires_at, moment) for row in live], sum(row.size_bytes for row in live)
        )

    async def health(self) -> CacheHealth:
        version = await self._engine.version()
        async with self._engine.read() as tx:
            used = await tx.value("SELECT coalesce(sum(size_bytes), 0) FROM cache_entries")
        if self._engine.read_only:
            return CacheHealth(version, used)
        async with self._engine.write() as tx:
            await tx.run(
                "INSERT INTO cache_entries VALUES (?1, 'probe', '1', 1, NULL, ?2, ?2) "
                "ON CONFLICT (namespace, key) DO UPDATE SET value = '1'",
                (PROBE_PROJECT, now()),
            )
            found = await _has(tx, PROBE_PROJECT, "probe")
            await tx.run("DELETE FROM cache_entries WHERE namespace = ?", (PROBE_PROJECT,))
        return CacheHealth(version, used, problems=[] if found else ["the probe key was not found again"])

    async def count_requests(self, minute: int, more: Mapping[str, int]) -> dict[str, int]:
        async with self._engine.write() as tx:
            await tx.many(
                "INSERT INTO requests (minute, name, count) VALUES (?1, ?2, ?3) "
                "ON CONFLICT (minute, name) DO UPDATE SET count = requests.count + ?3",
                [(minute, caller, count) for caller, count in more.items()],
            )
            await tx.run("DELETE FROM requests WHERE minute < ?", (minute - 1,))
            found = await tx.all(
                _Requests, "SELECT name, count AS sent FROM requests WHERE minute = ?", (minute,)
            )
        return {one.name: one.sent for one in found}

    async def close(self) -> None:
        """Do nothing: the database is closed by its owner."""


async def _has(tx: Transaction, namespace: str, key: str) -> bool:
    sql = "SELECT 1 FROM cache_entries WHERE namespace = ? AND key = ?"
    return await tx.value(sql, (namespace, key)) is not None


async def _remove(tx: Transaction, namespace: str, keys: list[str], moment: str) -> None:
    await tx.many(
        "DELETE FROM cache_entries WHERE namespace = ? AND key = ?", [(namespace, key) for key in keys]
    )
    await _count(tx, namespace, "deletes", moment, len(keys))


async def _expire(tx: Transaction, namespace: str, moment: str) -> None:
    sql = "DELETE FROM cache_entries WHERE namespace = ? AND expires_at <= ? RETURNING 1"
    gone = await tx.column(sql, (namespace, moment))
    if gone:
        await _count(tx, namespace, "expired", moment, len(gone))


async def _count(tx: Transaction, namespace: str, counter: str, moment: str, by: int = 1) -> None:
    await tx.run(
        f"INSERT INTO cache_stats (namespace, {counter}, since) VALUES (?1, ?2, ?3) "
        f"ON CONFLICT (namespace) DO UPDATE SET {counter} = cache_stats.{counter} + ?2",
        (namespace, by, moment),
    )


def _left(expires_at: Any, moment: str) -> Ttl:
    return None if expires_at is None else (parse(expires_at) - parse(moment)).total_seconds()
