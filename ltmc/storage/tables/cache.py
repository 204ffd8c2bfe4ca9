"""The cache: what a backend does, and the backend on the database."""

import fnmatch
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ltmc.storage.engine import Engine, Transaction
from ltmc.timestamps import format_utc, now, parse

Ttl = float | None
"""Seconds until a key expires; None: never."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a project's namespace holds, and its counters since `since`.

    Attributes:
        ttls: for each key the seconds it has left.
        memory_bytes: what its values take.
        uptime_seconds: how long the backend's server has run; None when it has no server of its own.
    """

    counters: dict[str, int]
    ttls: list[Ttl]
    memory_bytes: int
    uptime_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What a backend says of itself after a round trip through a probe key."""

    version: str
    used_bytes: int | None = None
    max_bytes: int | None = None
    host: str | None = None
    port: int | None = None
    problems: list[str] = field(default_factory=list)


class CacheBackend(Protocol):
    """Values (JSON texts) under keys, a namespace a project. Each method raises BACKEND_UNAVAILABLE when
    the backend cannot be used."""

    name: str

    async def set(self, project_id: str, key: str, value: str, ttl: int | None) -> bool:
        """Set a key; whether it was there before."""

    async def get(self, project_id: str, key: str) -> tuple[str, Ttl] | None:
        """A live value with the seconds it has left."""

    async def delete(self, project_id: str, key: str) -> bool:
        """Remove a key; whether it was there."""

    async def clear(self, project_id: str, pattern: str, *, dry_run: bool) -> list[str]:
        """Remove every key that a glob matches (or only find them)."""

    async def usage(self, project_id: str) -> Usage:
        """What the namespace holds."""

    async def health(self) -> Health:
        """A round trip."""

    async def close(self) -> None:
        """Let go of connections."""


COUNTERS = ("hits", "misses", "sets", "deletes", "expired")
PROBE_PROJECT = "__probe__"


def compiled(pattern: str) -> re.Pattern[str]:
    """A glob (``* ? [a-z] [^a] \\x``, as Redis reads it) as a regular expression."""
    pattern = re.sub(r"\[\^", "[!", pattern)
    return re.compile(fnmatch.translate(re.sub(r"\\([*?\[])", r"[\1]", pattern)))


class SqliteCache:
    """The cache on the database."""

    name = "sqlite"

    def __init__(self, database: Engine) -> None:
        self._database = database

    async def set(self, project_id: str, key: str, value: str, ttl: int | None) -> bool:
        moment = now()
        expires_at = None if ttl is None else format_utc(datetime.now(UTC) + timedelta(seconds=ttl))
        async with self._database.write() as tx:
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
        async with self._database.read() as tx:
            row = await tx.one(
                "SELECT value, expires_at FROM cache_entries "
                "WHERE namespace = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)",
                (project_id, key, moment),
            )
        self._database.log(lambda tx: _count(tx, project_id, "hits" if row else "misses", moment))
        return None if row is None else (row["value"], _left(row["expires_at"], moment))

    async def delete(self, project_id: str, key: str) -> bool:
        moment = now()
        async with self._database.write() as tx:
            await _expire(tx, project_id, moment)
            known = await _has(tx, project_id, key)
            if known:
                await _remove(tx, project_id, [key], moment)
        return known

    async def clear(self, project_id: str, pattern: str, *, dry_run: bool) -> list[str]:
        moment, matches = now(), compiled(pattern).match
        async with self._database.write() as tx:
            await _expire(tx, project_id, moment)
            rows = await tx.all(
                "SELECT key FROM cache_entries WHERE namespace = ? ORDER BY key", (project_id,)
            )
            keys = [row["key"] for row in rows if matches(row["key"])]
            if keys and not dry_run:
                await _remove(tx, project_id, keys, moment)
        return keys

    async def usage(self, project_id: str) -> Usage:
        await self._database.settle()
        moment = now()
        async with self._database.write() as tx:
            await _expire(tx, project_id, moment)
            counters = await tx.one("SELECT * FROM cache_stats WHERE namespace = ?", (project_id,)) or {}
            rows = await tx.all(
                "SELECT size_bytes, expires_at FROM cache_entries WHERE namespace = ?", (project_id,)
            )
        return Usage(
            {counter: counters.get(counter, 0) for counter in COUNTERS},
            [_left(row["expires_at"], moment) for row in rows],
            sum(row["size_bytes"] for row in rows),
        )

    async def health(self) -> Health:
        async with self._database.write() as tx:
            version = await tx.value("SELECT sqlite_version()")
            used = await tx.value("SELECT coalesce(sum(size_bytes), 0) FROM cache_entries")
            await tx.run(
                "INSERT INTO cache_entries VALUES (?1, 'probe', '1', 1, NULL, ?2, ?2) "
                "ON CONFLICT DO UPDATE SET value = '1'",
                (PROBE_PROJECT, now()),
            )
            found = await _has(tx, PROBE_PROJECT, "probe")
            await tx.run("DELETE FROM cache_entries WHERE namespace = ?", (PROBE_PROJECT,))
        return Health(version, used, problems=[] if found else ["the probe key was not found again"])

    async def close(self) -> None:
        """The database is closed by its owner."""


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
    gone = await tx.all(sql, (namespace, moment))
    if gone:
        await _count(tx, namespace, "expired", moment, len(gone))


async def _count(tx: Transaction, namespace: str, counter: str, moment: str, by: int = 1) -> None:
    await tx.run(
        f"INSERT INTO cache_stats (namespace, {counter}, since) VALUES (?1, ?2, ?3) "
        f"ON CONFLICT (namespace) DO UPDATE SET {counter} = {counter} + ?2",
        (namespace, by, moment),
    )


def _left(expires_at: Any, moment: str) -> Ttl:
    return None if expires_at is None else (parse(expires_at) - parse(moment)).total_seconds()
