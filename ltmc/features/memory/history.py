"""The versions of a memory, and what changed from one to the next."""

import asyncio
import difflib
from collections.abc import Sequence
from typing import Any, cast

from ltmc.features.memory.named import require, unexpired
from ltmc.features.memory.reading import past_of
from ltmc.features.memory.results import MemoryHistory, MemoryVersion, Past
from ltmc.features.memory.timeline import newest_first
from ltmc.search.kinds import Heir
from ltmc.storage.engine import Engine, Transaction
from ltmc.storage.tables import resources
from ltmc.storage.tables.resources import Resource
from ltmc.timestamps import now
from ltmc.tools.paging import page_counts
from ltmc.tools.project_scope import marked, projects_read

MOST_LINES = 400
"""Of the two texts together, from the first to the last that differs: comparing takes the product of their numbers."""

LONG_LINE, AROUND = 300, 80
"""A longer line is shown by what changed in it, with so many characters on either side."""

DIFFERENCE_CHARACTERS = 2_000
"""How much of a difference is shown."""

TOO_LONG = "too long to compare"


class HistoryService:
    """Shows the versions of memories."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def history(
        self,
        *,
        resource_id: int | None,
        file_name: str | None,
        limit: int,
        offset: int,
        project_id: str | None,
    ) -> MemoryHistory:
        """Return a page of the versions of a name, the newest first, each with its difference from the one before.

        Raises:
            LtmcError: INVALID_ARGUMENT unless exactly one of id and name is given; NOT_FOUND.
        """
        async with self._engine.read() as tx:
            named = await require(tx, project_id, resource_id, file_name)
            known = newest_first(await unexpired(tx, named.project_id, named.file_name))
            page = [
                row
                for version in known[offset : offset + limit + 1]
                if (row := await resources.get(tx, version.id)) is not None
            ]
            pasts = [await past_of(tx, row) for row in page[:limit]]
            replaced = [await _replaced_by(tx, row) for row in page[:limit]]
        shown = await asyncio.to_thread(_shown, page, pasts, replaced)
        found: MemoryHistory = {
            "file_name": named.file_name,
            "versions": shown,
            **page_counts(shown, len(known), offset),
        }
        return marked(found, named.project_id, projects_read(project_id))


async def _replaced_by(tx: Transaction, row: Resource) -> list[Heir]:
    """Return the memories of other names whose place a version took."""
    found = await resources.replaced_by(tx, row)
    return [{"resource_id": one.id, "file_name": one.file_name} for one in found]


def _shown(page: list[Resource], pasts: list[Past], replaced: list[list[Heir]]) -> list[MemoryVersion]:
    """Return versions, newest first, each with its difference from the next of them."""
    shown, moment = [], now()
    for place, (row, past, others) in enumerate(zip(page, pasts, replaced, strict=False)):
        version: dict[str, Any] = {
            **past,
            "resource_id": row.id,
            "version": row.version,
            "current": row.is_current(moment),
            "created_at": row.created_at,
            "characters": len(row.content),
            "difference": difference(page[place + 1].content, row.content) if place + 1 < len(page) else None,
        }
        shown.append(cast("MemoryVersion", version | ({"supersedes": others} if others else {})))
    return shown


def difference(old: str, new: str) -> str:
    """Return what changed, line by line, with the numbers of the lines."""
    before, after = old.splitlines(), new.splitlines()
    same = max(0, _alike(before, after) - 1)  # a line before and one after stay, to be shown
    before, after = before[same:], after[same:]
    rest = max(0, _alike(before[::-1], after[::-1]) - 1)
    before, after = before[: len(before) - rest], after[: len(after) - rest]
    if len(before) + len(after) > MOST_LINES:
        return TOO_LONG
    lines = []
    for tag, first, last, start, end in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if tag == "equal":
            continue
        removed, added = before[first:last], after[start:end]
        for place, (one, other) in enumerate(zip(removed, added, strict=False)):
            removed[place], added[place] = _where_they_differ(one, other)
        lines += [f"@@ -{same + first + 1} +{same + start + 1} @@"]
        lines += [f"-{_short(line)}" for line in removed] + [f"+{_short(line)}" for line in added]
    text = "\n".join(lines)
    return text if len(text) <= DIFFERENCE_CHARACTERS else text[:DIFFERENCE_CHARACTERS] + "\n[cut]"


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many items two sequences have in common at their beginnings."""
    most = min(len(one), len(other))
    return next((place for place in range(most) if one[place] != other[place]), most)


def _short(line: str) -> str:
    return line if len(line) <= LONG_LINE else line[:LONG_LINE] + "…"


def _where_they_differ(one: str, other: str) -> tuple[str, str]:
    """Return two lines, or of long ones what lies around their difference."""
    if max(len(one), len(other)) <= LONG_LINE:
        return one, other
    start = max(0, _alike(one, other) - AROUND)
    one, other = one[start:], other[start:]
    end = max(0, _alike(one[::-1], other[::-1]) - AROUND)
    head = "…" if start else ""
    tail = "…" if end else ""
    return head + one[: len(one) - end] + tail, head + other[: len(other) - end] + tail
