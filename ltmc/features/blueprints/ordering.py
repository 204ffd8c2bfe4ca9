"""Orders of work: cycles, execution order, parallel groups and the critical path. Pure functions."""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.blueprints.lifecycle import SOFT


@dataclass(frozen=True, slots=True)
class Edge:
    """A dependency: `dependent` comes after `prerequisite`."""

    dependent: str
    prerequisite: str
    kind: str = "blocking"


@dataclass(frozen=True, slots=True)
class Order:
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
    """The shortest chain of prerequisites from `start` to `goal`, both included."""
    prerequisites = defaultdict(list)
    for edge in edges:
        prerequisites[edge.dependent].append(edge.prerequisite)
    came_from: dict[str, str | None] = {start: None}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        if node == goal:
            path: list[str] = []
            step: str | None = node
            while step is not None:
                path.append(step)
                step = came_from[step]
            return path[::-1]
        for following in prerequisites[node]:
            if following not in came_from:
                came_from[following] = node
                queue.append(following)
    return None


def cycle_detected(field: str, path: Sequence[str]) -> LtmcError:
    """A CYCLE_DETECTED that names the path."""
    return LtmcError(
        ErrorCode.CYCLE_DETECTED,
        f"{field}: this would be a cycle: {' -> '.join(path)} (each depends on the next).",
        field=field,
        details={"path": list(path)},
    )


def order(
    rows: Mapping[str, Mapping[str, Any]], edges: Sequence[Edge], field: str = "blueprint_ids"
) -> Order:
    """Put blueprints in order; ties go by priority, then age, then id.

    Args:
        rows: by id: priority_score, created_at, and minutes (what is left to do).
        edges: those among `rows`.

    Raises:
        LtmcError: CYCLE_DETECTED with the path.
    """
    rank = {
        node: place
        for place, node in enumerate(
            sorted(rows, key=lambda one: (-rows[one]["priority_score"], rows[one]["created_at"], one))
        )
    }
    dependents = defaultdict(set)
    waiting = dict.fromkeys(rows, 0)
    for pair in {(edge.dependent, edge.prerequisite) for edge in edges}:
        dependents[pair[1]].add(pair[0])
        waiting[pair[0]] += 1
    ready = [(rank[node], node) for node, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    linear: list[str] = []
    while ready:
        _, node = heapq.heappop(ready)
        linear.append(node)
        for following in dependents[node]:
            waiting[following] -= 1
            if waiting[following] == 0:
                heapq.heappush(ready, (rank[following], following))
    if len(linear) < len(rows):
        raise cycle_detected(field, _some_cycle(edges, [node for node in rows if waiting[node] > 0]))
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
        finish[node] = rows[node]["minutes"] + (finish[earlier[0]] if earlier else 0)
    groups: list[list[str]] = [[] for _ in range(1 + max(level.values(), default=-1))]
    for node in linear:
        groups[level[node]].append(node)
    path: list[str] = []
    step = max(linear, key=lambda node: (finish[node], -rank[node]), default=None)
    while step is not None:
        path.append(step)
        step = before[step]
    total = sum(row["minutes"] for row in rows.values())
    return Order(linear, groups, path[::-1], max(finish.values(), default=0), total)


def _some_cycle(edges: Iterable[Edge], left: Sequence[str]) -> list[str]:
    """A cycle among the nodes that could not be ordered."""
    among = set(left)
    inner = [edge for edge in edges if edge.dependent in among and edge.prerequisite in among]
    for edge in inner:
        back = path_between(inner, edge.prerequisite, edge.dependent)
        if back is not None:
            return [edge.dependent, *back]
    return list(left)  # not reached: what is left over by the sort holds a cycle


def reach(edges: Iterable[Edge], start: str, *, backwards: bool, deep: bool) -> dict[str, tuple[int, Edge]]:
    """What `start` depends on (or, backwards, what depends on it): its depth and the edge met first."""
    following = defaultdict(list)
    for edge in edges:
        near, far = (edge.prerequisite, edge.dependent) if backwards else (edge.dependent, edge.prerequisite)
        following[near].append((far, edge))
    found: dict[str, tuple[int, Edge]] = {}
    frontier, depth = [start], 0
    while frontier and (deep or depth == 0):
        depth += 1
        fresh: list[str] = []
        for node in frontier:
            for far, edge in following[node]:
                if far not in found and far != start:
                    found[far] = (depth, edge)
                    fresh.append(far)
        frontier = fresh
    return found
