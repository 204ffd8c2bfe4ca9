"""What a backend of the cache does, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Ttl = float | None
"""Seconds until a key expires; None: never."""

COUNTERS = ("hits", "misses", "sets", "deletes", "expired")
"""What is counted in each project."""

PROBE_PROJECT = "__probe__"
"""The namespace of the key that a health check sets and removes."""


class CacheUsage(NamedTuple):
    """What a project's namespace holds, and its counters.

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
class CacheHealth:
    """What a backend says of itself after a round trip through a probe key."""

    version: str
    used_bytes: int | None = None
    max_bytes: int | None = None
    problems: list[str] = field(default_factory=list)


class CacheBackend(Protocol):
    """Values (JSON texts) under keys, a namespace a project.

    Each method raises BACKEND_UNAVAILABLE when the backend cannot be used. `host` and `port` are None where
    it has no server of its own.
    """

    name: str
    host: str | None
    port: int | None

    async def set(self, project_id: str, key: str, value: str, ttl: int | None) -> bool:
        """Set a key; return whether it was there before."""

    async def get(self, project_id: str, key: str) -> tuple[str, Ttl] | None:
        """Return a live value with the seconds it has left."""

    async def delete(self, project_id: str, key: str) -> bool:
        """Remove a key; return whether it was there."""

    async def clear(self, project_id: str, pattern: str, *, dry_run: bool) -> list[str]:
        """Remove every key that a glob matches, or only find them."""

    async def usage(self, project_id: str) -> CacheUsage:
        """Return what the namespace holds."""

    async def health(self) -> CacheHealth:
        """Make a round trip."""

    async def count_requests(self, minute: int, more: Mapping[str, int]) -> dict[str, int]:
        """Add to the requests that callers sent in a minute; return how many each sent in it, to all servers."""

    async def close(self) -> None:
        """Let go of connections."""
