"""Pages of results."""

from collections.abc import Sized
from typing import TypedDict


class PageCounts(TypedDict):
    """What every page of results says of itself."""

    count: int
    total: int
    has_more: bool


def page_counts(shown: Sized, total: int, offset: int) -> PageCounts:
    """Return the counts of the page that begins at `offset` of `total` results."""
    return {"count": len(shown), "total": total, "has_more": offset + len(shown) < total}
