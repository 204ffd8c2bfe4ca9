"""The report over what was measured: calls, latency, storage, backends."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypedDict

from ltmc.features.measures import Latencies, latencies, percentile, ratio
from ltmc.features.performance.health import REQUIRED, Probe
from ltmc.storage.tables.usage_log import ToolCall
from ltmc.tools import manifest

TARGET_MS = 50.0
"""The time in which 95 of 100 calls of a tool should be answered."""


class ServerInfo(TypedDict):
    """The server that answers; `protocol`: what the caller speaks."""

    version: str
    protocol: str | None
    transport: str
    uptime_seconds: float
    started_at: str
    pid: int


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


def call_report(calls: Sequence[ToolCall], hours: int, targets_ms: Mapping[str, float]) -> CallReport:
    """Measure the calls of some hours.

    Args:
        targets_ms: by tool, where it is not `TARGET_MS`.
    """
    durations: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        durations[call.tool].append(call.duration_ms)
    slow = _slow_tools(durations, targets_ms)
    errors = sum(not call.ok for call in calls)
    tools = manifest.tools()
    return {
        "requests": {
            "total": len(calls),
            "errors": errors,
            "error_rate": ratio(errors, len(calls)),
            "per_minute": round(len(calls) / (hours * 60), 4),
        },
        "tools": {
            "registered": len(tools),
            "by_category": {
                category: sum(tool.category == category for tool in tools)
                for category in manifest.categories()
            },
            "called": {tool: len(values) for tool, values in sorted(durations.items())},
            "never_called": [tool.name for tool in tools if tool.name not in durations],
        },
        "latency": latencies([call.duration_ms for call in calls]),
        "slow_tools": slow,
        "targets": {"met": len(durations) - len(slow), "missed": len(slow)},
    }


def _slow_tools(durations: Mapping[str, Sequence[float]], targets_ms: Mapping[str, float]) -> list[SlowTool]:
    """Return the tools that miss their target, the slowest first."""
    measured: list[SlowTool] = [
        {
            "tool": tool,
            "count": len(values),
            "p95_ms": percentile(values, 95) or 0.0,
            "target_ms": targets_ms.get(tool, TARGET_MS),
        }
        for tool, values in durations.items()
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
    return ratio(sum(probed[name]["status"] == "ok" for name in REQUIRED), len(REQUIRED))


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
