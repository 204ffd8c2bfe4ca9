"""Orders of work: cycles, execution order, parallel groups and the critical path. Pure functions."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, Protocol

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.tables.blueprints import SOFT


class Edge(NamedTuple):
    """A dependency: `dependent` comes after `prerequisite`."""

    dependent: str
    prerequisite: str
    kind: str = "blocking"


class Work(Protocol):
    """What is ordered; `minutes`: what is left to do."""

    @property
    def priority_score(self) -> float: ...
    @property
    def created_at(self) -> str: ...
    @property
    def minutes(self) -> int: ...


class Order(NamedTuple):
    """An order of work.

    Attributes:
        linear: every id once, prerequisites first.
        groups: what can be done side by side, group after group; soft dependencies do not delay.
        critical_path: the chain that takes longest; `critical_minutes` is its length.
    """

    linear: list[str]
    groups: list[list[str]]
    critical_path: list[str]
    critical_minutes: int
    total_minutes: int


def path_between(edges: Iterable[Edge], start: str, goal: str) -> list[str] | None:
    """Return the shortest chain of prerequisites from `start` to `goal`, both included."""
    if start == goal:
        return [start]
    reached = reach(edges, [start], backwards=False, deep=True)
    if goal not in reached:
        return None
    path = [goal]
    while path[-1] != start:
        path.append(reached[path[-1]][1].dependent)
    return path[::-1]


def cycle_detected(field: str, path: Sequence[str]) -> LtmcError:
    """Return a CYCLE_DETECTED that names the path."""
    return LtmcError(
        ErrorCode.CYCLE_DETECTED,
        f"{field}: this would be a cycle: {' -> '.join(path)} (each depends on the next).",
        field=field,
        details={"path": list(path)},
    )


def order(rows: Mapping[str, Work], edges: Sequence[Edge], field: str = "blueprint_ids") -> Order:
    """Put blueprints in order; ties go by priority, then age, then id.

    Args:
        rows: by id.
        edges: those among `rows`.

    Raises:
        LtmcError: CYCLE_DETECTED with the path.
    """
    by_rank = sorted(rows, key=lambda node: (-rows[node].priority_score, rows[node].created_at, node))
    rank = {node: place for place, node in enumerate(by_rank)}
    linear = _linear(by_rank, rank, edges, field)
    hard = defaultdict(set)
    for edge in edges:
        if edge.kind != SOFT:
            hard[edge.dependent].add(edge.prerequisite)
    level: dict[str, int] = {}
    finish: dict[str, int] = {}
    before: dict[str, str | None] = {}
    for node in linear:
        earlier = sorted(hard[node], key=lambda one: (-finish[one], rank[one]))
        level[node] = 1 + max((level[one] for one in earlier), default=-1)
        before[node] = earlier[0] if earlier else None
        finish[node] = rows[node].minutes + (finish[earlier[0]] if earlier else 0)
    groups: list[list[str]] = [[] for _ in range(1 + max(level.values(), default=-1))]
    for node in linear:
        groups[level[node]].append(node)
    path: list[str] = []
    step = max(linear, key=lambda node: (finish[node], -rank[node]), default=None)
    while step is not None:
        path.append(step)
        step = before[step]
    total = sum(row.minutes for row in rows.values())
    return Order(linear, groups, path[::-1], max(finish.values(), default=0), total)


def _linear(nodes: Sequence[str], rank: Mapping[str, int], edges: Sequence[Edge], field: str) -> list[str]:
    """Return the nodes, prerequisites first; of those that are ready the one of the lowest rank."""
    sorter = TopologicalSorter(dict.fromkeys(nodes, ()))
    for edge in sorted(edges, key=lambda edge: (rank[edge.dependent], rank[edge.prerequisite])):
        sorter.add(edge.dependent, edge.prerequisite)
    try:
        sorter.prepare()
    except CycleError as error:  # its path leads from prerequisites to dependents
        raise cycle_detected(field, error.args[1][::-1]) from None
    linear: list[str] = []
    ready: list[tuple[int, str]] = []
    while sorter.is_active():
        for node in sorter.get_ready():
            heapq.heappush(ready, (rank[node], node))
        _, node = heapq.heappop(ready)
        linear.append(node)
        sorter.done(node)
    return linear


def reach(
    edges: Iterable[Edge], starts: Sequence[str], *, backwards: bool, deep: bool
) -> dict[str, tuple[int, Edge]]:
    """Return what `starts` depend on (or, backwards, what depends on them): its depth and the edge met first."""
    following = defaultdict(list)
    for edge in edges:
        near, far = (edge.prerequisite, edge.dependent) if backwards else (edge.dependent, edge.prerequisite)
        following[near].append((far, edge))
    found: dict[str, tuple[int, Edge]] = {}
    known, frontier, depth = set(starts), [*starts], 0
    while frontier and (deep or depth == 0):
        depth += 1
        fresh: list[str] = []
        for node in frontier:
            for far, edge in following[node]:
                if far not in known:
                    known.add(far)
                    found[far] = (depth, edge)
                    fresh.append(far)
        frontier = fresh
    return found
