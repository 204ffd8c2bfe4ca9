"""What goes on: the calls and searches of every process that uses the database, now and over a range of time.

What was searched for is not kept by LTMC, and nothing is recorded for these reports: they read the logs of use.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from time import monotonic
from typing import Any, NamedTuple, TypeVar, cast

from ltmc.errors import invalid
from ltmc.features.measures import mean, percentile, ratio
from ltmc.storage.engine import Engine
from ltmc.storage.tables import chats, usage_log
from ltmc.storage.tables.chats import AgentActivity
from ltmc.storage.tables.usage_log import (
    CallFact,
    DayGrowth,
    FoundMemory,
    RetrievalEvent,
    RetrievalFact,
    ToolCall,
)
from ltmc.timestamps import format_utc, parse

MOST_CALLS = 100_000
"""How many calls a report looks at, the newest: as many as the log keeps unless more were asked for."""

MOST_MESSAGES = 5_000
"""In how many messages, the newest, it is looked for who wrote."""

MOST_FOUND = 3
"""How many of the memories that a search found are named."""

GROWTH_SECONDS = 60
"""How long the count of all that is kept is shown again: every memory is read for it, and it changes by the day."""


MOST_KEPT = 32
"""How many reports are shown again at most."""

T = TypeVar("T")


class Range(NamedTuple):
    """A range of time that ends now.

    Attributes:
        length: None: since the log begins.
        step: of its history, one point each.
        digits: how much of a timestamp tells the step that it is in.
        seconds: how long a report of it is shown again before a new one is made.
    """

    length: timedelta | None
    step: timedelta
    digits: int
    seconds: float


RANGES = {
    "hour": Range(timedelta(hours=1), timedelta(minutes=1), 16, 2),
    "day": Range(timedelta(days=1), timedelta(minutes=10), 15, 5),
    "week": Range(timedelta(days=7), timedelta(hours=1), 13, 15),
    "all": Range(None, timedelta(days=1), 10, 60),
}
"""By name."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How many calls, how many of them failed, and percentiles of their durations in ms."""

    calls: int
    errors: int
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """A step of the history: when it begins (UTC), its calls, and its searches and those that found nothing."""

    at: str
    calls: Latency
    searches: int
    empty: int


@dataclass(frozen=True, slots=True)
class SearchTotals:
    """The searches of a range."""

    total: int
    empty: int
    empty_rate: float | None
    avg_results: float | None
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Active:
    """A project, its calls and the last of them."""

    project_id: str | None
    calls: int
    last_at: str


@dataclass(frozen=True, slots=True)
class Activity:
    """A range of time.

    Attributes:
        calls: all together.
        cut: whether there were more calls than are looked at.
        tools: by name, the most called first.
        errors: how often each code was answered, with the tools, the most frequent first.
        history: one point a step, without gaps.
    """

    calls: Latency
    cut: bool
    tools: dict[str, Latency]
    errors: list[tuple[str, int, list[str]]]
    searches: SearchTotals
    projects: list[Active]
    agents: list[AgentActivity]
    history: list[Point]


@dataclass(frozen=True, slots=True)
class Search:
    """A search, and what it found: the memories by name, the best first, as far as they are still there."""

    event: RetrievalEvent
    found: Sequence[FoundMemory]


@dataclass(frozen=True, slots=True)
class News:
    """Calls and searches, the newest first, and up to which of each they reach."""

    calls: list[ToolCall]
    searches: list[Search]
    last: tuple[int, int]


class ActivityService:
    """Reads the logs of use; `project_id` None is all projects."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[tuple[str, str | None], tuple[float, Any]] = {}

    async def over(self, name: str, project_id: str | None) -> Activity:
        """Report a range of time.

        Args:
            name: one of `RANGES`.

        Raises:
            LtmcError: INVALID_ARGUMENT for another name.
        """
        if name not in RANGES:
            raise invalid("range", name, ", ".join(RANGES))
        return await self._once(
            (name, project_id), RANGES[name].seconds, lambda: self._over(RANGES[name], project_id)
        )

    async def _over(self, chosen: Range, project_id: str | None) -> Activity:
        now = datetime.now(UTC)
        since = format_utc(now - chosen.length) if chosen.length else None
        async with self._engine.read() as tx:
            calls = await usage_log.call_facts(tx, project_id=project_id, since=since, limit=MOST_CALLS)
            found = await usage_log.retrieval_facts(tx, project_id=project_id, since=since, limit=MOST_CALLS)
            agents = await chats.agents_lately(tx, project_id, since, most=MOST_MESSAGES)
        return await asyncio.to_thread(_activity, chosen, now, calls, found, agents)

    async def newest(self, project_id: str | None, *, calls: int, searches: int) -> News:
        """Return the newest calls and searches."""
        return await self._news(project_id, calls, searches, (0, 0))

    async def after(self, last: tuple[int, int], project_id: str | None, *, most: int) -> News:
        """Return what came after a piece of news, the newest `most` of each.

        After another database was put in the place of the first, what is in it is no news.
        """
        return await self._news(project_id, most, most, last)

    async def _news(self, project_id: str | None, calls: int, searches: int, after: tuple[int, int]) -> News:
        async with self._engine.read() as tx:
            last = await usage_log.last_ids(tx)
            if last == after:
                return News([], [], last)
            rows = await usage_log.newest_calls(tx, project_id=project_id, limit=calls, after=after[0])
            events = await usage_log.newest_retrievals(
                tx, project_id=project_id, limit=searches, after=after[1]
            )
            memories = await usage_log.found_memories(tx, [event.id for event in events]) if events else []
        found: dict[int, list[FoundMemory]] = defaultdict(list)
        for memory in memories:
            found[memory.event_id].append(memory)
        return News(rows, [Search(event, found[event.id][:MOST_FOUND]) for event in events], last)

    async def growth(self) -> list[DayGrowth]:
        """Return how many memories and messages there were at the end of each UTC day that added some.

        The day before the first, with nothing, and today are always among them; empty where nothing is kept.
        """
        return await self._once(("growth", None), GROWTH_SECONDS, self._count_growth)

    async def _count_growth(self) -> list[DayGrowth]:
        async with self._engine.read() as tx:
            days = await usage_log.growth(tx)
        if days:
            before = (date.fromisoformat(days[0].day) - timedelta(days=1)).isoformat()
            days.insert(0, DayGrowth(before, 0, 0))
            if days[-1].day < (today := datetime.now(UTC).date().isoformat()):
                days.append(DayGrowth(today, 0, 0))
        memories = accumulate(day.memories for day in days)
        messages = accumulate(day.messages for day in days)
        return [DayGrowth(day.day, *totals) for day, *totals in zip(days, memories, messages, strict=True)]

    async def _once(self, key: tuple[str, str | None], seconds: float, make: Callable[[], Awaitable[T]]) -> T:
        """Return what was made under a key less than some seconds ago, else make it.

        What was made fast is made again sooner: it is no more than a two-hundredth of the time that is spent.
        """
        until, found = self._kept.get(key, (0.0, None))
        if (began := monotonic()) >= until:
            found = await make()
            seconds = min(seconds, 200 * (monotonic() - began))
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = (monotonic() + seconds, found)
        return cast("T", found)


class _Group:
    """Calls of one kind: how many failed, and their durations in ms."""

    __slots__ = ("durations", "errors")

    def __init__(self) -> None:
        self.errors = 0
        self.durations: list[float] = []

    def measure(self) -> Latency:
        """Measure them."""
        self.durations.sort()
        calls, percentiles = len(self.durations), [percentile(self.durations, of) for of in (50, 95, 99)]
        return Latency(calls, self.errors, ratio(self.errors, calls), *percentiles)


def _activity(
    chosen: Range,
    now: datetime,
    calls: Sequence[CallFact],
    found: Sequence[RetrievalFact],
    agents: list[AgentActivity],
) -> Activity:
    """Report what happened since the range began."""
    by_tool, by_step = defaultdict[str, _Group](_Group), defaultdict[str, _Group](_Group)
    codes: dict[str, Counter[str]] = defaultdict(Counter)
    for at, tool, _, code, duration in calls:
        groups = by_tool[tool], by_step[at[: chosen.digits]]
        for group in groups:
            group.durations.append(duration)
        if code is not None:
            codes[code][tool] += 1
            for group in groups:
                group.errors += 1
    searches, empty = Counter[str](), Counter[str]()
    for at, count, _ in found:
        searches[at[: chosen.digits]] += 1
        empty[at[: chosen.digits]] += not count
    tools = {name: group.measure() for name, group in by_tool.items()}
    together = _Group()
    together.errors = sum(group.errors for group in by_tool.values())
    together.durations = [duration for group in by_tool.values() for duration in group.durations]
    first = min((*by_step, *searches), default=format_utc(now)[: chosen.digits])
    begin = now - chosen.length if chosen.length else parse(_whole(first))
    durations = sorted(duration for _, _, duration in found)
    return Activity(
        calls=together.measure(),
        cut=len(calls) == MOST_CALLS,
        tools=dict(sorted(tools.items(), key=lambda item: (-item[1].calls, item[0]))),
        errors=[
            (code, tools.total(), [tool for tool, _ in tools.most_common()])
            for code, tools in sorted(codes.items(), key=lambda item: (-item[1].total(), item[0]))
        ],
        searches=SearchTotals(
            len(found),
            empty.total(),
            ratio(empty.total(), len(found)),
            mean([count for _, count, _ in found]),
            percentile(durations, 50),
            percentile(durations, 95),
        ),
        projects=_projects(calls),
        agents=agents,
        history=[
            Point(_whole(step), by_step[step].measure(), searches[step], empty[step])
            for step in _steps(begin, now, chosen)
        ],
    )


def _projects(calls: Iterable[CallFact]) -> list[Active]:
    """Count calls, the newest first, by project; the last active first."""
    counts, last = Counter[str | None](), dict[str | None, str]()
    for at, _, project, _, _ in calls:
        counts[project] += 1
        last.setdefault(project, at)
    return [Active(project, counts[project], at) for project, at in last.items()]


def _steps(begin: datetime, end: datetime, chosen: Range) -> list[str]:
    """Return what timestamps of each step begin with, from the first step to the last."""
    count = int((end - begin) / chosen.step) + 1
    moments = [*(begin + chosen.step * number for number in range(count)), end]
    return [*dict.fromkeys(format_utc(moment)[: chosen.digits] for moment in moments)]


def _whole(step: str) -> str:
    """Return the moment at which a step begins."""
    return step + "0000-01-01T00:00:00.000000Z"[len(step) :]
