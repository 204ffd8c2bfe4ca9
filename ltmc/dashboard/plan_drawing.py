"""Where things lie in the drawings of a plan: its dependencies as columns of boxes, its tasks as bars in time."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

BOX, GAP, MARGIN = (196, 66), (64, 18), 14
"""The width and height of a task's box, the room between boxes, and around all, in pixels."""

LINE = 23
"""How many characters of a title stand in a line of a box."""

WIDTH, ROW, HEAD = 720, 44, 34
"""The width of a timeline, and the height of a task's row and of the dates above, in pixels."""

NAMED = 380
"""Names of bars that begin right of this stand left of the bar's end."""


class Box(NamedTuple):
    """A task in the drawing of dependencies; `lines`: its title."""

    task: Mapping[str, Any]
    x: int
    y: int
    lines: list[str]
    critical: bool


class Arrow(NamedTuple):
    """A line from a task to what waits for it; `kind`: blocking, soft, resource or part."""

    path: str
    kind: str
    critical: bool
    words: str


class Network(NamedTuple):
    """A drawing of dependencies."""

    boxes: list[Box]
    arrows: list[Arrow]
    width: int
    height: int


def network(
    tasks: Mapping[str, Mapping[str, Any]],
    needs: Iterable[Mapping[str, Any]],
    groups: Sequence[Sequence[str]],
    critical: Sequence[str],
) -> Network:
    """Return where tasks lie: a column for each group of what can be done side by side.

    Args:
        tasks: by id.
        groups: ids, as the order of work has them.
        critical: the ids of the critical path.
    """
    lines = [(need["prerequisite"], need["dependent"], need["kind"]) for need in needs]
    lines += [(one, task["parent_id"], "part") for one, task in tasks.items() if task["parent_id"] in tasks]
    before = defaultdict[str, list[str]](list)
    for start, end, _ in lines:
        before[end].append(start)
    places: dict[str, tuple[int, int]] = {}
    for column, group in enumerate(groups):
        ranked = sorted(
            group, key=lambda one: _mean([places[other][1] for other in before[one] if other in places])
        )
        for row, one in enumerate(ranked):
            places[one] = (MARGIN + column * (BOX[0] + GAP[0]), MARGIN + row * (BOX[1] + GAP[1]))
    steps = set(pairwise(critical))
    boxes = [
        Box(tasks[one], x, y, _title(tasks[one]["title"]), one in critical) for one, (x, y) in places.items()
    ]
    arrows = [
        Arrow(
            _curve(places[start], places[end]),
            kind,
            (start, end) in steps,
            f"{tasks[end]['title']} {'has the part' if kind == 'part' else 'waits for'} {tasks[start]['title']}",
        )
        for start, end, kind in lines
        if start in places and end in places
    ]
    arrows.sort(key=lambda arrow: arrow.critical)  # those are drawn over the others
    right = max((box.x for box in boxes), default=0) + BOX[0] + MARGIN
    bottom = max((box.y for box in boxes), default=0) + BOX[1] + MARGIN
    return Network(boxes, arrows, right, bottom)


def _mean(rows: Sequence[int]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _title(title: str) -> list[str]:
    return textwrap.wrap(title, LINE, max_lines=2, placeholder=" …") or [title[:LINE]]


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    x, y = start[0] + BOX[0], start[1] + BOX[1] // 2
    to_x, to_y = end[0] - 7, end[1] + BOX[1] // 2
    bend = max(24, (to_x - x) // 2)
    return f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"


class Bar(NamedTuple):
    """A task in a timeline; `label_x`: where its name begins, or ends where `label_ends`."""

    task: Mapping[str, Any]
    x: float
    width: float
    y: int
    done: float
    critical: bool
    label_x: float
    label_ends: bool


class Tick(NamedTuple):
    """A date in a timeline."""

    x: float
    label: str


class Timeline(NamedTuple):
    """A drawing of tasks in time; `today`: where now is."""

    bars: list[Bar]
    ticks: list[Tick]
    today: float
    height: int


def timeline(
    tasks: Mapping[str, Mapping[str, Any]], order: Sequence[str], critical: Sequence[str], moment: datetime
) -> Timeline:
    """Return where bars lie, in the order of work; tasks without times are left out.

    Args:
        moment: now.
    """
    spans = {
        one: (datetime.fromisoformat(tasks[one]["begin"]), datetime.fromisoformat(tasks[one]["end"]))
        for one in order
        if tasks[one]["begin"] and tasks[one]["end"]
    }
    first = min([moment, *(begin for begin, _ in spans.values())])
    last = max([moment + timedelta(days=1), *(end for _, end in spans.values())])
    scale = WIDTH / (last - first).total_seconds()

    def at(when: datetime) -> float:
        return round((when - first).total_seconds() * scale, 1)

    ranked = sorted(
        spans, key=lambda one: (spans[one][0], not tasks[one]["parts"], spans[one][1], order.index(one))
    )
    bars = []
    for row, one in enumerate(ranked):
        x, end = at(spans[one][0]), at(spans[one][1])
        width = max(4.0, round(end - x, 1))
        x = min(x, WIDTH - width)
        bars.append(
            Bar(
                tasks[one],
                x,
                width,
                HEAD + row * ROW,
                round(width * tasks[one]["progress"] / 100, 1),
                one in critical,
                x + width if x > NAMED else x,
                x > NAMED,
            )
        )
    return Timeline(bars, _ticks(first, last, at), at(moment), HEAD + len(bars) * ROW + 8)


def _ticks(first: datetime, last: datetime, at: Any) -> list[Tick]:
    days = max(1, (last - first).days)
    step = next((step for step in (1, 2, 7, 14, 28, 91, 364) if days / step <= 7), 365 * (1 + days // 2555))
    day = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=1)
    if step % 7 == 0:
        day += timedelta(days=-day.weekday() % 7)
    style = "%d %b %Y" if days > 300 else "%a %d %b" if step < 7 else "%d %b"
    found: list[Tick] = []
    while day <= last and len(found) < 12:
        found.append(Tick(at(day), day.strftime(style)))
        day += timedelta(days=step)
    return found
