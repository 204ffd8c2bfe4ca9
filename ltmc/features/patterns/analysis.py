"""What code attempts have in common: pass rates, common errors, the trend."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypedDict

from ltmc.features.measures import DayCount, mean, ratio
from ltmc.search import index
from ltmc.search.notes import note_more
from ltmc.storage.engine import Engine
from ltmc.storage.sources import count
from ltmc.storage.tables import patterns
from ltmc.storage.tables.patterns import Outcome
from ltmc.timestamps import days_ago
from ltmc.tools.project_scope import projects_read, scope_of

RESULTS = ("pass", "fail", "partial", "error")

MINIMUM_SAMPLES = 3
"""Pass rates of fewer attempts than this are too uncertain to compare."""

TREND_DAYS = 30
"""The trend compares the last 30 days with the 30 before."""

SHOWN = 10
"""How many tags, functions and errors a result lists."""


class GroupRate(TypedDict):
    """The attempts of a group; `lift`: its pass rate minus that of all, where there are enough to compare."""

    count: int
    success_rate: float | None
    lift: float | None


class TagRate(GroupRate):
    """The attempts with a tag."""

    tag: str


class FunctionRate(GroupRate):
    """The attempts at a function."""

    function_name: str


class CommonError(TypedDict):
    """Attempts that failed alike; `example_id`: the last of them."""

    signature: str
    count: int
    example_id: int


class Trend(TypedDict):
    """Pass rates of the last 30 days and of the 30 before."""

    recent_rate: float | None
    previous_rate: float | None
    direction: Literal["improving", "declining", "stable"] | None


class Totals(TypedDict):
    """Counts over attempts."""

    total_patterns: int
    result_counts: dict[str, int]
    success_rate: float | None
    avg_execution_time_ms: float | None
    trend: Trend


class Analysis(Totals):
    """What attempts have in common."""

    by_tag: list[TagRate]
    by_function: list[FunctionRate]
    common_errors: list[CommonError]
    insights: list[str]
    filters_applied: dict[str, Any]


class TagCount(TypedDict):
    """How many attempts have a tag."""

    tag: str
    count: int


class Statistics(Totals):
    """Counts over everything that a project tried; `per_day`: the last 30 UTC days."""

    unique_tags: int
    top_tags: list[TagCount]
    languages: dict[str, int]
    per_day: list[DayCount]
    first_at: str | None
    last_at: str | None


class PatternAnalysis:
    """Counts and pass rates over the code attempts of each project."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def analyse(
        self,
        *,
        function_name: str | None,
        tags: Sequence[str],
        query: str | None,
        file_name: str | None,
        module_name: str | None,
        time_range_days: int | None,
        project_id: str | None,
    ) -> Analysis:
        """Find what attempts have in common: rates by tag and function, common errors, the trend."""
        filters = {
            "function_name": function_name,
            "tags": list(tags) or None,
            "query": query,
            "file_name": file_name,
            "module_name": module_name,
            "time_range_days": time_range_days,
        }
        rows = await self._outcomes(
            project_id,
            tags=tags,
            function_name=function_name,
            file_name=file_name,
            module_name=module_name,
            since=None if time_range_days is None else days_ago(time_range_days),
            matching=None if query is None else index.matching(query),
        )
        totals = _totals(rows)
        overall = totals["success_rate"]
        by_tag: list[TagRate] = [
            {"tag": tag, **_rate_of(group, overall)} for tag, group in _grouped(rows, lambda row: row.tags)
        ]
        by_function: list[FunctionRate] = [
            {"function_name": name, **_rate_of(group, overall)}
            for name, group in _grouped(rows, lambda row: [row.function_name])
        ]
        errors: list[CommonError] = [
            {"signature": signature, "count": len(group), "example_id": group[-1].id}
            for signature, group in _grouped(rows, lambda row: [row.error_signature])
        ]
        return {
            **totals,
            "by_tag": by_tag[:SHOWN],
            "by_function": by_function[:SHOWN],
            "common_errors": errors[:SHOWN],
            "insights": _insights(rows, by_tag, errors, totals["trend"]),
            "filters_applied": {name: value for name, value in filters.items() if value is not None},
        }

    async def statistics(self, project_id: str | None) -> Statistics:
        """Count everything that a project tried."""
        rows = await self._outcomes(project_id)
        tags = Counter(tag for row in rows for tag in row.tags)
        languages = Counter(row.language for row in rows if row.language)
        days = Counter(row.created_at[:10] for row in rows)
        today = datetime.now(UTC).date()
        return {
            **_totals(rows),
            "unique_tags": len(tags),
            "top_tags": [{"tag": tag, "count": count} for tag, count in tags.most_common(SHOWN)],
            "languages": dict(languages.most_common()),
            "per_day": [
                {"date": day, "count": days[day]}
                for day in (str(today - timedelta(days=ago)) for ago in range(TREND_DAYS - 1, -1, -1))
            ],
            "first_at": rows[0].created_at if rows else None,
            "last_at": rows[-1].created_at if rows else None,
        }

    async def _outcomes(self, project_id: str | None, **filters: Any) -> list[Outcome]:
        async with self._engine.read() as tx:
            for other in projects_read(project_id)[1:]:
                more = await count(tx, patterns.SOURCE, patterns.narrowed(project=other, **filters))
                note_more(more, "attempts", other)
            return await patterns.outcomes(tx, patterns.narrowed(project=scope_of(project_id), **filters))


def _pass_rate(rows: Sequence[Outcome]) -> float | None:
    return ratio(sum(row.result == "pass" for row in rows), len(rows))


def _totals(rows: Sequence[Outcome]) -> Totals:
    counts = Counter(row.result for row in rows)
    return {
        "total_patterns": len(rows),
        "result_counts": {result: counts[result] for result in RESULTS},
        "success_rate": _pass_rate(rows),
        "avg_execution_time_ms": mean(
            [row.execution_time_ms for row in rows if row.execution_time_ms is not None]
        ),
        "trend": _trend(rows),
    }


def _grouped(
    rows: Sequence[Outcome], keys: Callable[[Outcome], Sequence[str | None]]
) -> list[tuple[str, list[Outcome]]]:
    """Group attempts by keys (an empty one is none), the most frequent first."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for row in rows:
        for key in keys(row):
            if key:
                groups[key].append(row)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def _rate_of(group: Sequence[Outcome], overall: float | None) -> GroupRate:
    rate = _pass_rate(group)
    lift = None
    if len(group) >= MINIMUM_SAMPLES and rate is not None and overall is not None:
        lift = round(rate - overall, 4)
    return {"count": len(group), "success_rate": rate, "lift": lift}


def _trend(rows: Sequence[Outcome]) -> Trend:
    recent_start, previous_start = days_ago(TREND_DAYS), days_ago(2 * TREND_DAYS)
    recent = _pass_rate([row for row in rows if row.created_at >= recent_start])
    previous = _pass_rate([row for row in rows if previous_start <= row.created_at < recent_start])
    trend: Trend = {"recent_rate": recent, "previous_rate": previous, "direction": None}
    if recent is not None and previous is not None:
        change = recent - previous
        trend["direction"] = "improving" if change > 0.05 else "declining" if change < -0.05 else "stable"
    return trend


def _insights(
    rows: Sequence[Outcome], by_tag: Sequence[TagRate], errors: Sequence[CommonError], trend: Trend
) -> list[str]:
    """Return sentences that follow from the numbers, each with its counts."""
    found = []
    if rows:
        passed = sum(row.result == "pass" for row in rows)
        found.append(f"{passed} of {len(rows)} attempts passed.")
    lifts = [(group["lift"], group) for group in by_tag if group["lift"] is not None]
    if lifts:
        best, worst = (pick(lifts, key=lambda item: item[0]) for pick in (max, min))
        for (lift, group), word in ((best, "more"), (worst, "less")):
            if (lift > 0) == (word == "more") and abs(lift) >= 0.1:
                found.append(
                    f"Attempts tagged {group['tag']!r} pass {word} often than the rest: "
                    f"{group['success_rate']:.0%} of {group['count']}."
                )
    if errors and errors[0]["count"] > 1:
        found.append(f"The most common error came {errors[0]['count']} times: {errors[0]['signature']}")
    if trend["direction"] in ("improving", "declining"):
        found.append(
            f"The pass rate is {trend['direction']}: {trend['previous_rate']:.0%} in the {TREND_DAYS} days "
            f"before, {trend['recent_rate']:.0%} in the last {TREND_DAYS}."
        )
    return found
