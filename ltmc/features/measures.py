"""Figures over measured values; None where there is nothing to measure."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank)."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 3)


def mean(values: Sequence[float], places: int = 2) -> float | None:
    """The arithmetic mean."""
    return round(sum(values) / len(values), places) if values else None


def share(part: float, whole: float) -> float | None:
    """`part` ÷ `whole`, to 4 places."""
    return round(part / whole, 4) if whole else None


HIGH, MEDIUM = 0.9, 0.7
"""From these consistency scores on the level is HIGH or MEDIUM."""


def level_of(score: float) -> str:
    """Return the level of a consistency score: HIGH, MEDIUM or LOW."""
    return "HIGH" if score >= HIGH else "MEDIUM" if score >= MEDIUM else "LOW"
