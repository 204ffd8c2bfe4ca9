"""How LTMC is used: counted from stored rows, so that the numbers outlive a restart."""

import os
import sys
import threading
import time
from collections import Counter
from typing import TypedDict

from ltmc.errors import invalid
from ltmc.features.measures import DayCount, latencies, mean, percentile, ratio
from ltmc.storage.engine import Engine
from ltmc.storage.tables import chats, health, sync, usage_log
from ltmc.timestamps import days_ago, parse
from ltmc.tools.project_scope import scope_of

if sys.platform == "win32":
    from ltmc.features.analytics import process_windows as process
else:
    from ltmc.features.analytics import process_unix as process

GROUPS = ("tool", "project", "caller", "agent", "day")
"""What calls can be counted by."""

_LOADED = time.perf_counter()


class ConversationUse(TypedDict):
    """How much was said."""

    total: int
    messages: int
    by_role: dict[str, int]
    avg_messages: float | None


class RetrievalUse(TypedDict):
    """How often memories were retrieved, and how fast."""

    total_queries: int
    empty_rate: float | None
    avg_results: float | None
    p50_ms: float | None
    p95_ms: float | None
    queries_per_day: list[DayCount]


class LinkUse(TypedDict):
    """What joins messages to the chunks that informed them."""

    total_context_links: int
    unique_messages: int
    unique_chunks_used: int
    avg_links_per_message: float | None


class ChunkUse(TypedDict):
    """A chunk and how often it was used."""

    chunk_id: int
    resource_id: int
    file_name: str
    uses: int


class AgentUse(TypedDict):
    """What an agent wrote."""

    agent_name: str
    messages: int
    last_active_at: str


class ContextUsage(TypedDict):
    """How conversations, retrievals and memories hang together; `peak_hour` is a UTC hour."""

    conversations: ConversationUse
    retrieval: RetrievalUse
    links: LinkUse
    most_used_chunks: list[ChunkUse]
    unused_resources_count: int
    agents: list[AgentUse]
    peak_hour: int | None
    time_range_days: int | None


UsageRow = dict[str, str | float | None]
"""The group under the name of the grouping, `count`, `error_rate`, and `p50_ms`, `p95_ms` and `p99_ms`."""


class PerformanceMetrics(TypedDict):
    """Response times in milliseconds, errors and throughput."""

    response_time_p50: float | None
    response_time_p95: float | None
    response_time_p99: float | None
    error_rate: float | None
    throughput_per_minute: float | None


class SystemUtilization(TypedDict):
    """What this process and its database use."""

    process_rss_bytes: int
    cpu_percent: float
    open_files: int | None
    threads: int
    db_bytes: int
    wal_bytes: int
    cache_keys: int
    active_watchers: int


class AnalyticsService:
    """Numbers over stored rows. Nothing counted: zero, or None where a ratio has no base."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get_context_usage_stats(
        self, time_range_days: int | None, project_id: str | None, top_k: int = 10
    ) -> ContextUsage:
        """Count conversations, retrievals, the links between them and the memories they used."""
        await self._engine.settle()
        scope = scope_of(project_id)
        since = None if time_range_days is None else days_ago(time_range_days)
        async with self._engine.read() as tx:
            said = await chats.totals(tx, scope, since)
            by_role = await chats.by_role(tx, scope, since)
            agents = await chats.agents(tx, scope, since)
            peak_hour = await chats.peak_hour(tx, scope, since)
            retrievals = await usage_log.retrievals(tx, project_id=scope, since=since)
            links = await usage_log.link_totals(tx, project_id=scope, since=since)
            used = await usage_log.most_used_chunks(tx, project_id=scope, since=since, limit=top_k)
            unused = await usage_log.unused_resources(tx, project_id=scope, since=since)
        durations = [row.latency_ms for row in retrievals]
        days = Counter(row.created_at[:10] for row in retrievals)
        return {
            "conversations": {
                "total": said.conversations,
                "messages": said.messages,
                "by_role": {row.role: row.messages for row in by_role},
                "avg_messages": ratio(said.messages, said.conversations, 2),
            },
            "retrieval": {
                "total_queries": len(retrievals),
                "empty_rate": ratio(sum(row.result_count == 0 for row in retrievals), len(retrievals)),
                "avg_results": mean([row.result_count for row in retrievals]),
                "p50_ms": percentile(durations, 50),
                "p95_ms": percentile(durations, 95),
                "queries_per_day": [{"date": day, "count": days[day]} for day in sorted(days)],
            },
            "links": {
                "total_context_links": links.links,
                "unique_messages": links.messages,
                "unique_chunks_used": links.chunks,
                "avg_links_per_message": ratio(links.message_links, links.messages, 2),
            },
            "most_used_chunks": [
                {
                    "chunk_id": row.chunk_id,
                    "resource_id": row.resource_id,
                    "file_name": row.file_name,
                    "uses": row.uses,
                }
                for row in used
            ],
            "unused_resources_count": unused,
            "agents": [
                {
                    "agent_name": row.agent_name,
                    "messages": row.messages,
                    "last_active_at": row.last_active_at,
                }
                for row in agents[:top_k]
            ],
            "peak_hour": peak_hour,
            "time_range_days": time_range_days,
        }

    async def get_usage(
        self, group_by: str, time_range_days: int | None = None, project_id: str | None = None
    ) -> list[UsageRow]:
        """Count calls by tool, project, caller, agent or UTC day, the most frequent first.

        By agent, what is counted is the calls in conversations that the agent wrote in.

        Raises:
            LtmcError: INVALID_ARGUMENT for another `group_by`.
        """
        if group_by not in GROUPS:
            raise invalid("group_by", group_by, ", ".join(GROUPS))
        await self._engine.settle()
        since = None if time_range_days is None else days_ago(time_range_days)
        async with self._engine.read() as tx:
            groups = await usage_log.call_totals(tx, group_by, project_id=scope_of(project_id), since=since)
        return [
            {
                group_by: group.name,
                "count": group.calls,
                "error_rate": ratio(group.errors, group.calls),
                **latencies(group),  # type: ignore[dict-item]
            }
            for group in groups
        ]

    async def get_performance_metrics(
        self, time_range_days: int, project_id: str | None = None
    ) -> PerformanceMetrics:
        """Measure response times, errors and throughput (over the time from the first call to the last)."""
        await self._engine.settle()
        async with self._engine.read() as tx:
            found = await usage_log.call_totals(
                tx, None, project_id=scope_of(project_id), since=days_ago(time_range_days)
            )
        calls = found[0] if found else None
        measured = latencies(calls)
        seconds = (parse(calls.last_at) - parse(calls.first_at)).total_seconds() if calls else 0.0
        return {
            "response_time_p50": measured["p50_ms"],
            "response_time_p95": measured["p95_ms"],
            "response_time_p99": measured["p99_ms"],
            "error_rate": ratio(calls.errors, calls.calls) if calls else None,
            "throughput_per_minute": ratio(calls.calls * 60, seconds, 2) if calls else None,
        }

    async def get_system_utilization(self) -> SystemUtilization:
        """Measure what this process and its database use now; None for what the platform does not tell."""
        db_bytes, wal_bytes = await self._engine.sizes()
        async with self._engine.read() as tx:
            keys = await health.cache_keys(tx)
            watchers = await sync.active_of_process(tx, os.getpid())
        return {
            "process_rss_bytes": process.resident_bytes(),
            "cpu_percent": round(100 * time.process_time() / max(time.perf_counter() - _LOADED, 1e-9), 2),
            "open_files": process.open_files(),
            "threads": threading.active_count(),
            "db_bytes": db_bytes,
            "wal_bytes": wal_bytes,
            "cache_keys": keys,
            "active_watchers": watchers,
        }
