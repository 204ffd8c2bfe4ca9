"""Code attempts: remembered, recalled and counted."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ltmc.code.traits import complexity_of, first_function, language_of
from ltmc.search import index
from ltmc.search.kinds import PATTERN, preview
from ltmc.search.requests import Mode
from ltmc.settings import Settings
from ltmc.storage.engine import Engine
from ltmc.storage.tables import patterns
from ltmc.storage.tables.patterns import Outcome, Pattern
from ltmc.timestamps import days_ago, format_utc, now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import project_of, scope_of

RESULTS = ("pass", "fail", "partial", "error")
MINIMUM_SAMPLES = 3
"""Rates of fewer attempts than this are too uncertain to compare."""

TREND_DAYS = 30
"""The trend compares the last 30 days with the 30 before."""

PASS_BOOST = 0.05
"""Added to the score of an attempt that passed: it decides between near equals."""

SHOWN = 10


class PatternService:
    """What was asked, what was written, and how it went."""

    def __init__(self, database: Engine, settings: Settings) -> None:
        self._database = database
        self._search_mode: Mode = settings.search_mode

    async def log(
        self,
        *,
        input_prompt: str,
        generated_code: str,
        result: str,
        tags: Sequence[str],
        function_name: str | None,
        file_name: str | None,
        module_name: str | None,
        language: str | None,
        execution_time_ms: int | None,
        error_message: str | None,
        project_id: str | None,
    ) -> dict[str, Any]:
        """Store an attempt; the language and function are read from the code where they are not given."""
        project = project_of(project_id)
        language = language.strip().lower() if language else language_of(file_name, generated_code)
        if function_name is None and language == "python":
            function_name = first_function(generated_code)
        attempt = Pattern(
            0,
            project,
            input_prompt,
            generated_code,
            hashlib.sha256(generated_code.encode()).hexdigest(),
            result,
            function_name,
            file_name,
            module_name,
            language,
            complexity_of(generated_code),
            execution_time_ms,
            error_message,
            error_signature(error_message) if error_message else None,
            list(tags),
            now(),
        )
        async with self._database.write(project) as tx:
            duplicate_of = await patterns.first_like(tx, project, attempt.code_hash, input_prompt, result)
            attempt = await patterns.insert(tx, attempt)
            await index.add(tx, PATTERN, [attempt])
        answer = {
            "pattern_id": attempt.id,
            "result": result,
            "tags": list(tags),
            "function_name": function_name,
            "language": language,
            "created_at": attempt.created_at,
        }
        return answer if duplicate_of is None else {**answer, "duplicate_of": duplicate_of}

    async def find(
        self,
        query: str,
        *,
        result_filter: str = "all",
        top_k: int,
        offset: int = 0,
        tags: Sequence[str] = (),
        function_name: str | None = None,
        file_name: str | None = None,
        module_name: str | None = None,
        language: str | None = None,
        project_id: str | None,
        explain: bool = False,
    ) -> dict[str, Any]:
        """The attempts that match a query, those that passed slightly before others."""
        project = project_of(project_id)
        where = _filters(
            result=None if result_filter == "all" else result_filter,
            tags=tags,
            function_name=function_name,
            file_name=file_name,
            module_name=module_name,
            language=language.strip().lower() if language else None,
        )
        async with self._database.read() as tx:
            ranking = await index.search(
                tx,
                PATTERN,
                query,
                project_id=project,
                where=where,
                mode=self._search_mode,
                limit=top_k + offset,
            )
            hits = await index.originals(tx, PATTERN, ranking.hits)
            rates = await patterns.success_by_hash(tx, project, sorted({row.code_hash for row, _ in hits}))
        found = [
            _shown(row, hit.score, rates[row.code_hash]) | ({"score_parts": hit.parts} if explain else {})
            for row, hit in hits
        ]
        found.sort(key=lambda pattern: -pattern["score"])
        found = found[offset : offset + top_k]
        return {
            "patterns": found,
            **page_counts(found, ranking.total, offset),
            "search_mode": ranking.mode,
        }

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
    ) -> dict[str, Any]:
        """What the attempts say: rates by tag and function, common errors, the trend."""
        filters = {
            "function_name": function_name,
            "tags": list(tags) or None,
            "query": query,
            "file_name": file_name,
            "module_name": module_name,
            "time_range_days": time_range_days,
        }
        scope = scope_of(project_id)
        where = _filters(tags=tags, function_name=function_name, file_name=file_name, module_name=module_name)
        if scope is not None:
            where["project"] = [scope]
        if time_range_days is not None:
            where["date_from"] = [days_ago(time_range_days)]
        if query is not None:
            where["matching"] = [index.matching(query)]
        async with self._database.read() as tx:
            rows = await patterns.outcomes(tx, where)
        rate = _rate(rows)
        by_tag = _groups(rows, "tag", lambda row: row.tags, rate)
        by_function = _groups(
            rows, "function_name", lambda row: [row.function_name] if row.function_name else [], rate
        )
        errors = _common_errors(rows)
        trend = _trend(rows)
        return {
            **_totals(rows),
            "by_tag": by_tag[:SHOWN],
            "by_function": by_function[:SHOWN],
            "common_errors": errors[:SHOWN],
            "trend": trend,
            "insights": _insights(rows, by_tag, errors, trend),
            "filters_applied": {name: value for name, value in filters.items() if value is not None},
        }

    async def statistics(self, project_id: str | None) -> dict[str, Any]:
        """Counts over everything that a project tried."""
        scope = scope_of(project_id)
        async with self._database.read() as tx:
            rows = await patterns.outcomes(tx, {} if scope is None else {"project": [scope]})
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
            "trend": _trend(rows),
        }


def error_signature(message: str) -> str:
    """An error's last line with what varies taken out, so that equal mistakes count as one."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    text = lines[-1] if lines else ""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "<text>", text)
    text = re.sub(r"(?:[A-Za-z]:)?(?:[\\/][\w.+-]+)+", "<path>", text)
    text = re.sub(r"\b0x[0-9a-fA-F]+\b|\b\d+(?:\.\d+)?\b", "<n>", text)
    return text[:200]


def _filters(
    *,
    result: str | None = None,
    tags: Sequence[str] = (),
    function_name: str | None = None,
    file_name: str | None = None,
    module_name: str | None = None,
    language: str | None = None,
) -> dict[str, list[Any]]:
    given = {
        "result": result,
        "function_name": function_name,
        "exact_file_name": file_name,
        "module_name": module_name,
        "language": language,
    }
    found: dict[str, list[Any]] = {name: [value] for name, value in given.items() if value is not None}
    return {**found, "tags_any": list(tags)} if tags else found


def _shown(row: Pattern, score: float, rate: float) -> dict[str, Any]:
    code: dict[str, Any] = {**preview(row.generated_code)}
    return {
        "pattern_id": row.id,
        "input_prompt": row.input_prompt,
        "generated_code": code.pop("content"),
        **code,
        "result": row.result,
        "tags": row.tags,
        "function_name": row.function_name,
        "file_name": row.file_name,
        "module_name": row.module_name,
        "language": row.language,
        "error_message": row.error_message,
        "execution_time_ms": row.execution_time_ms,
        "score": round(min(1.0, score + (PASS_BOOST if row.result == "pass" else 0.0)), 4),
        "success_rate": rate,
        "created_at": row.created_at,
    }


def _rate(rows: Sequence[Outcome]) -> float | None:
    return round(sum(row.result == "pass" for row in rows) / len(rows), 4) if rows else None


def _totals(rows: Sequence[Outcome]) -> dict[str, Any]:
    counts = Counter(row.result for row in rows)
    times = [row.execution_time_ms for row in rows if row.execution_time_ms is not None]
    return {
        "total_patterns": len(rows),
        "result_counts": {result: counts[result] for result in RESULTS},
        "success_rate": _rate(rows),
        "avg_execution_time_ms": round(sum(times) / len(times), 2) if times else None,
    }


def _groups(rows: Sequence[Outcome], name: str, keys: Any, overall: float | None) -> list[dict[str, Any]]:
    """Attempts by a key, the most frequent first; lift is a group's rate minus the overall rate."""
    grouped: dict[str, list[Outcome]] = defaultdict(list)
    for row in rows:
        for key in keys(row):
            grouped[key].append(row)
    found = []
    for key, members in sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0])):
        rate = _rate(members)
        enough = len(members) >= MINIMUM_SAMPLES and rate is not None and overall is not None
        lift = round((rate or 0) - (overall or 0), 4) if enough else None
        found.append({name: key, "count": len(members), "success_rate": rate, "lift": lift})
    return found


def _common_errors(rows: Sequence[Outcome]) -> list[dict[str, Any]]:
    grouped: dict[str, list[Outcome]] = defaultdict(list)
    for row in rows:
        if row.error_signature:
            grouped[row.error_signature].append(row)
    return [
        {"signature": signature, "count": len(members), "example_id": members[-1].id}
        for signature, members in sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _trend(rows: Sequence[Outcome]) -> dict[str, Any]:
    recent_start = days_ago(TREND_DAYS)
    previous_start = format_utc(datetime.now(UTC) - timedelta(days=2 * TREND_DAYS))
    recent = _rate([row for row in rows if row.created_at >= recent_start])
    previous = _rate([row for row in rows if previous_start <= row.created_at < recent_start])
    direction = None
    if recent is not None and previous is not None:
        change = recent - previous
        direction = "improving" if change > 0.05 else "declining" if change < -0.05 else "stable"
    return {"recent_rate": recent, "previous_rate": previous, "direction": direction}


def _insights(
    rows: Sequence[Outcome],
    by_tag: Sequence[dict[str, Any]],
    errors: Sequence[dict[str, Any]],
    trend: dict[str, Any],
) -> list[str]:
    """Sentences that follow from the numbers, each with its counts."""
    found = []
    if rows:
        passed = sum(row.result == "pass" for row in rows)
        found.append(f"{passed} of {len(rows)} attempts passed.")
    rated = [group for group in by_tag if group["lift"] is not None]
    if rated:
        best, worst = (pick(rated, key=lambda group: group["lift"]) for pick in (max, min))
        for group, word in ((best, "more"), (worst, "less")):
            if (group["lift"] > 0) == (word == "more") and abs(group["lift"]) >= 0.1:
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
