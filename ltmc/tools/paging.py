"""Pages of results."""

import json
from collections.abc import Sequence, Sized
from itertools import zip_longest
from typing import Any, NotRequired, TypedDict


class PageCounts(TypedDict):
    """What every page of results says of itself; `total_is_exact`: false where there are too many to count."""

    count: int
    total: int
    has_more: bool
    total_is_exact: NotRequired[bool]


def page_counts(shown: Sized, total: int, offset: int, *, exact: bool = True) -> PageCounts:
    """Return the counts of the page that begins at `offset` of `total` results."""
    found: PageCounts = {"count": len(shown), "total": total, "has_more": offset + len(shown) < total}
    if not exact:
        found["total_is_exact"] = False
    return found


def fitting(offset: int, room: int, *lists: Sequence[Any]) -> slice:
    """Return the page from `offset` on of lists that are shown side by side.

    Args:
        room: how many characters of JSON the items of a page may take; a page has one of each list at least.
    """
    end = offset
    for items in zip_longest(*(items[offset:] for items in lists)):
        room -= sum(len(json.dumps(item, ensure_ascii=False)) for item in items if item is not None)
        if room < 0 and end > offset:
            break
        end += 1
    return slice(offset, end)
