"""The report over what was measured: calls, latency, storage, backends."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from ltmc.features.measures import Latencies, latencies, ratio
from ltmc.features.performance.health import OPTIONAL, Probe
from ltmc.storage.tables.usage_log import CallTotals
from ltmc.tools import manifest

TARGET_MS = 50.0
"""The time in which 95 of 100 calls of a tool should be answered."""


class ServerInfo(TypedDict):
    """The server that answers; `protocol`: what the caller speaks; `database`: sqlite or postgresql."""

    version: str
    protocol: str | None
    transport: str
    uptime_seconds: float
    started_at: str
    pid: int
    database: str


class Requests(TypedDict):
    """The calls and how many of them failed."""

    total: int
    errors: int
    error_rate: float | None
    per_minute: float


class ToolUse(TypedDict):
    """The tools there are and how often each was called."""

    registered: int
    by_category: dict[str, int]
    called: dict[str, int]
    never_called: list[str]


class SlowTool(TypedDict):
    """A tool that misses its target."""

    tool: str
    count: int
    p95_ms: float
    target_ms: float


class Targets(TypedDict):
    """How many of the called tools met their target."""

    met: int
    missed: int


class CallReport(TypedDict):
    """What the calls say."""

    requests: Requests
    tools: ToolUse
    latency: Latencies
    slow_tools: list[SlowTool]
    targets: Targets


class PerformanceReport(CallReport):
    """How LTMC does; `health_score`: the ratio of the required probes that are well."""

    server: ServerInfo
    storage: dict[str, int]
    backends: dict[str, Probe]
    health_score: float | None
    recommendations: list[str]


def call_report(
    by_tool: Sequence[CallTotals],
    together: Sequence[CallTotals],
    hours: int,
    targets_ms: Mapping[str, float],
) -> CallReport:
    """Report the calls of some hours.

    Args:
        together: those of all tools; empty when there was none.
        targets_ms: by tool, where it is not `TARGET_MS`.
    """
    slow = _slow_tools(by_tool, targets_ms)
    total, errors = (together[0].calls, together[0].errors) if together else (0, 0)
    called = {str(tool.name): tool.calls for tool in by_tool}
    tools = manifest.tools()
    return {
        "requests": {
            "total": total,
            "errors": errors,
            "error_rate": ratio(errors, total),
            "per_minute": round(total / (hours * 60), 4),
        },
        "tools": {
            "registered": len(tools),
            "by_category": {
                category: sum(tool.category == category for tool in tools)
                for category in manifest.categories()
            },
            "called": dict(sorted(called.items())),
            "never_called": [tool.name for tool in tools if tool.name not in called],
        },
        "latency": latencies(together[0] if together else None),
        "slow_tools": slow,
        "targets": {"met": len(called) - len(slow), "missed": len(slow)},
    }


def _slow_tools(by_tool: Sequence[CallTotals], targets_ms: Mapping[str, float]) -> list[SlowTool]:
    """Return the tools that miss their target, the slowest first."""
    measured: list[SlowTool] = [
        {
            "tool": str(tool.name),
            "count": tool.calls,
            "p95_ms": tool.p95_ms,
            "target_ms": targets_ms.get(str(tool.name), TARGET_MS),
        }
        for tool in by_tool
    ]
    slow = [tool for tool in measured if tool["p95_ms"] > tool["target_ms"]]
    return sorted(slow, key=lambda tool: -tool["p95_ms"])


def backends(probed: Mapping[str, Probe], *, redis: bool) -> dict[str, Probe]:
    """Name the probes after what they probe; Redis is disabled unless it is configured."""
    found = {
        "vector_index" if name == "search_index" else name: probe
        for name, probe in probed.items()
        if name != "cache"
    }
    found["redis"] = probed["cache"] if redis else {"status": "disabled"}
    return found


def health_score(probed: Mapping[str, Probe]) -> float | None:
    """Return the ratio of the required probes that are well."""
    required = [probe for name, probe in probed.items() if name not in OPTIONAL]
    return ratio(sum(probe["status"] == "ok" for probe in required), len(required))


def recommendations(calls: CallReport, probed: Mapping[str, Probe]) -> list[str]:
    """Return what the measures suggest; nothing when all is well."""
    found = [
        f"{name} is down: {probe['error']}" for name, probe in probed.items() if probe["status"] == "down"
    ]
    found += [
        f"{slow['tool']} took {slow['p95_ms']} ms at the 95th percentile of {slow['count']} calls "
        f"(target {slow['target_ms']:g} ms)."
        for slow in calls["slow_tools"][:3]
    ]
    requests = calls["requests"]
    if requests["error_rate"] is not None and requests["error_rate"] > 0.1:
        found.append(f"{requests['errors']} of {requests['total']} calls failed.")
    return found
