"""Metrics of a running server, in the text format of Prometheus."""

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import ToolResult
from mcp_types import CallToolRequestParams

from ltmc.app.usage import ProcessUse

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""https://prometheus.io/docs/instrumenting/exposition_formats/"""

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds: an empty call takes about 1 ms, a slow one waits for a lock for up to 30 s."""


class CallCounts:
    """Counts and durations of the calls that this process answered, by tool."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._errors: Counter[tuple[str, str]] = Counter()
        self._durations: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS) + 1))
        self._seconds: dict[str, float] = defaultdict(float)

    def add(self, tool: str, seconds: float, error_code: str | None) -> None:
        """Count a call; `error_code` is None for a success."""
        self._durations[tool][bisect_left(BUCKETS, seconds)] += 1
        self._seconds[tool] += seconds
        if error_code is not None:
            self._errors[tool, error_code] += 1

    def lines(self) -> Iterable[str]:
        """Return their exposition."""
        yield from _family("ltmc_tool_calls_total", "counter", "Calls answered, errors included.")
        for tool, counts in self._durations.items():
            yield _sample("ltmc_tool_calls_total", sum(counts), tool=tool)
        yield from _family("ltmc_tool_errors_total", "counter", "Calls answered with an error.")
        for (tool, code), count in self._errors.items():
            yield _sample("ltmc_tool_errors_total", count, tool=tool, code=code)
        name = "ltmc_tool_call_duration_seconds"
        yield from _family(name, "histogram", "Time to answer a call.")
        for tool, counts in self._durations.items():
            below = 0
            for bound, count in zip((*BUCKETS, "+Inf"), counts, strict=True):
                below += count
                yield _sample(f"{name}_bucket", below, tool=tool, le=str(bound))
            yield _sample(f"{name}_sum", self._seconds[tool], tool=tool)
            yield _sample(f"{name}_count", below, tool=tool)


class CountCalls(Middleware):
    """Counts the calls of tools that there are."""

    def __init__(self, calls: CallCounts) -> None:
        self._calls = calls

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Count a call."""
        started = time.perf_counter()
        error_code: str | None = "CANCELLED"
        self._calls.in_flight += 1
        try:
            result = await call_next(context)
            error_code = (result.structured_content or {}).get("error_code")
        finally:
            self._calls.in_flight -= 1
            self._calls.add(context.message.name, time.perf_counter() - started, error_code)
        return result


def render(calls: CallCounts, *, health: dict[str, Any], process: ProcessUse | None, version: str) -> str:
    """Return the whole page.

    Args:
        health: a report of `MonitoringService.health_check`.
        process: what the process uses; None when its database cannot be read.
    """
    lines = [*calls.lines()]

    def gauge(name: str, what: str, *samples: tuple[float, dict[str, str]]) -> None:
        lines.extend(_family(name, "gauge", what))
        lines.extend(_sample(name, value, **labels) for value, labels in samples)

    gauge("ltmc_calls_in_flight", "Calls that are being answered.", (calls.in_flight, {}))
    gauge(
        "ltmc_backend_up",
        "1 for a part that works, 0 for one that is down.",
        *(
            (float(result["status"] != "down"), {"backend": name})
            for name, result in health["services"].items()
            if result["status"] != "disabled"
        ),
    )
    if process is not None:
        gauge(
            "ltmc_database_bytes",
            "Size of the database file and of its write-ahead log.",
            (process["db_bytes"], {"file": "main"}),
            (process["wal_bytes"], {"file": "wal"}),
        )
        gauge("ltmc_process_resident_bytes", "Memory of the process.", (process["process_rss_bytes"], {}))
        gauge("ltmc_process_threads", "Threads of the process.", (process["threads"], {}))
        if process["open_files"] is not None:
            gauge("ltmc_process_open_files", "Open files of the process.", (process["open_files"], {}))
        gauge("ltmc_watches", "Sessions of live sync of the process.", (process["active_watchers"], {}))
        gauge("ltmc_cache_keys", "Keys in the cache of the database.", (process["cache_keys"], {}))
    gauge("ltmc_uptime_seconds", "Time since the server started.", (health["uptime_seconds"], {}))
    gauge("ltmc_info", "Always 1; says the version.", (1, {"version": version}))
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, what: str) -> tuple[str, str]:
    return f"# HELP {name} {what}", f"# TYPE {name} {kind}"


def _sample(name: str, value: float, **labels: str) -> str:
    """Return one line. The labels are our own words and need no escapes."""
    inside = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"
