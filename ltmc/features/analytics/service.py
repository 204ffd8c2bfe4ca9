"""How LTMC is used: counted from stored rows, so that figures outlive a restart."""

import os
import resource
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ltmc.errors import invalid
from ltmc.features.measures import mean, percentile, share
from ltmc.storage.engine import Engine, Row, Transaction
from ltmc.storage.tables import chats, sync
from ltmc.storage.tables import usage_log as telemetry
from ltmc.timestamps import days_ago, parse
from ltmc.tools.project_scope import scope_of

GROUPS = ("tool", "project", "agent", "day")


class AnalyticsService:
    """Durable counters and figures over them. Nothing counted: zero, or None where a rate has no base."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def record(
        self,
        event_type: str,
        project_id: str | None = None,
        value: float = 1,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        """Have an event written to the log of use."""

        async def write(tx: Transaction) -> None:
            await telemetry.insert_usage_event(tx, event_type, project_id, value, attributes or {})

        self._database.log(write)

    async def get_context_usage_stats(
        self, time_range_days: int | None, project_id: str | None, top_k: int = 10
    ) -> dict[str, Any]:
        """How conversations, retrievals and memories hang together."""
        await self._database.settle()
        scope = scope_of(project_id)
        since = None if time_range_days is None else days_ago(time_range_days)
        async with self._database.read() as tx:
            said = await chats.totals(tx, scope, since)
            by_role = await chats.by_role(tx, scope, since)
            agents = await chats.agents(tx, scope, since)
            peak_hour = await chats.peak_hour(tx, scope, since)
            retrievals = await telemetry.retrievals(tx, project_id=scope, since=since)
            links = await telemetry.link_totals(tx, project_id=scope, since=since)
            used = await telemetry.most_used_chunks(tx, project_id=scope, since=since, limit=top_k)
            unused = await telemetry.unused_resources(tx, project_id=scope, since=since)
        latencies = [row["latency_ms"] for row in retrievals]
        days = Counter(row["created_at"][:10] for row in retrievals)
        return {
            "conversations": {
                "total": said.conversations,
                "messages": said.messages,
                "by_role": {row.role: row.messages for row in by_role},
                "avg_messages": round(said.messages / said.conversations, 2) if said.conversations else None,
            },
            "retrieval": {
                "total_queries": len(retrievals),
                "empty_rate": share(sum(row["result_count"] == 0 for row in retrievals), len(retrievals)),
                "avg_results": mean([row["result_count"] for row in retrievals]),
                "p50_ms": percentile(latencies, 50),
                "p95_ms": percentile(latencies, 95),
                "queries_per_day": [{"date": day, "count": days[day]} for day in sorted(days)],
            },
            "links": {
                "total_context_links": links["links"],
                "unique_messages": links["messages"],
                "unique_chunks_used": links["chunks"],
                "avg_links_per_message": round(links["message_links"] / links["messages"], 2)
                if links["messages"]
                else None,
            },
            "most_used_chunks": used,
            "unused_resources_count": unused,
            "agents": [asdict(agent) for agent in agents[:top_k]],
            "peak_hour": peak_hour,
            "time_range_days": time_range_days,
        }

    async def get_usage(
        self, group_by: str, time_range_days: int | None = None, project_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Calls by tool, project, agent or UTC day: counts, error rate, latency.

        By agent, what is counted is the calls in conversations that the agent wrote in.
        """
        if group_by not in GROUPS:
            raise invalid("group_by", group_by, ", ".join(GROUPS))
        await self._database.settle()
        since = None if time_range_days is None else days_ago(time_range_days)
        async with self._database.read() as tx:
            calls = await telemetry.calls(tx, project_id=scope_of(project_id), since=since)
            agents = await chats.agents_by_conversation(tx) if group_by == "agent" else {}
        grouped: dict[str | None, list[Row]] = defaultdict(list)
        for call in calls:
            for key in _keys(group_by, call, agents):
                grouped[key].append(call)
        return [
            {
                group_by: key,
                "count": len(rows),
                "error_rate": share(sum(not row["ok"] for row in rows), len(rows)),
                **{
                    f"p{percent}_ms": percentile([row["duration_ms"] for row in rows], percent)
                    for percent in (50, 95, 99)
                },
            }
            for key, rows in sorted(grouped.items(), key=lambda item: (-len(item[1]), str(item[0])))
        ]

    async def get_performance_metrics(
        self, time_range_days: int, project_id: str | None = None
    ) -> dict[str, Any]:
        """Response times, errors and throughput; the throughput is over the time between the first call
        and the last."""
        await self._database.settle()
        async with self._database.read() as tx:
            calls = await telemetry.calls(
                tx, project_id=scope_of(project_id), since=days_ago(time_range_days)
            )
        durations = [call["duration_ms"] for call in calls]
        seconds = 0.0
        if len(calls) > 1:
            seconds = (parse(calls[-1]["created_at"]) - parse(calls[0]["created_at"])).total_seconds()
        return {
            **{f"response_time_p{percent}": percentile(durations, percent) for percent in (50, 95, 99)},
            "error_rate": share(sum(not call["ok"] for call in calls), len(calls)),
            "throughput_per_minute": round(len(calls) / seconds * 60, 2) if seconds else None,
        }

    async def get_system_utilization(self) -> dict[str, Any]:
        """What this process and its database use now; None for what the platform does not tell."""
        path = self._database.path
        wal = path.with_name(path.name + "-wal")
        async with self._database.read() as tx:
            keys = await tx.value("SELECT count(*) FROM cache_entries")
            watchers = await sync.active_of_process(tx, os.getpid())
        return {
            "process_rss_bytes": _resident_bytes(),
            "cpu_percent": round(100 * time.process_time() / max(time.perf_counter() - _LOADED, 1e-9), 2),
            "open_files": len(list(Path("/proc/self/fd").iterdir()))
            if Path("/proc/self/fd").exists()
            else None,
            "threads": threading.active_count(),
            "db_bytes": path.stat().st_size,
            "wal_bytes": wal.stat().st_size if wal.exists() else 0,
            "cache_keys": keys,
            "active_watchers": watchers,
        }


_LOADED = time.perf_counter()


def _keys(group_by: str, call: Row, agents: dict[tuple[str, str], list[str]]) -> list[str | None]:
    if group_by == "agent":
        return list(agents.get((call["project_id"], call["conversation_id"]), [None]))
    return [{"tool": call["tool"], "project": call["project_id"], "day": call["created_at"][:10]}[group_by]]


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the peak, where the present is not told
    return peak if sys.platform == "darwin" else peak * 1024
