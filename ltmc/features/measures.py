"""Ratios, means and percentiles of measured values; None where there is nothing to measure."""

import math
from collections.abc import Sequence
from typing import TypedDict

from ltmc.storage.tables.usage_log import CallTotals


class Latencies(TypedDict):
    """Percentiles of durations, in milliseconds."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class DayCount(TypedDict):
    """How often something happened on a UTC day."""

    date: str
    count: int


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the smallest value that at least `percent` of the values do not exceed (nearest rank)."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 3)


def latencies(calls: CallTotals | None) -> Latencies:
    """Return the percentiles that reports give of calls."""
    if calls is None:
        return {"p50_ms": None, "p95_ms": None, "p99_ms": None}
    return {"p50_ms": calls.p50_ms, "p95_ms": calls.p95_ms, "p99_ms": calls.p99_ms}


def mean(values: Sequence[float], places: int = 2) -> float | None:
    """Return the arithmetic mean."""
    return ratio(sum(values), len(values), places)


def ratio(part: float, whole: float, places: int = 4) -> float | None:
    """Return `part` ÷ `whole`, rounded; None when `whole` is 0."""
    return round(part / whole, places) if whole else None


HIGH, MEDIUM = 0.9, 0.7
"""From these consistency scores on the level is HIGH or MEDIUM."""


def level_of(score: float) -> str:
    """Return the level of a consistency score: HIGH, MEDIUM or LOW."""
    return "HIGH" if score >= HIGH else "MEDIUM" if score >= MEDIUM else "LOW"
