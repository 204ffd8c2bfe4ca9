"""The versions of one name on one timeline: each holds until the next one begins."""

from collections.abc import Iterable, Sequence

from ltmc.search import index
from ltmc.search.kinds import CHUNK, PAST
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import resources
from ltmc.storage.tables.resources import Chunk, Version

End = tuple[str | None, int | None]
"""When another memory takes the place of a version, and the id of that one."""


def ends(known: Iterable[Version]) -> dict[int, End]:
    """Return when the versions of a name end; of those that begin together the newest one holds.

    Another memory, or a deletion, ends a version too, if it does so before the next version begins. One whose place
    another memory took before it began never holds, nor does an earlier version from that time on. What was replaced as
    wrong is not on the timeline.
    """
    known = list(known)
    own = {version.id for version in known}
    line = sorted(
        (version for version in known if not version.is_replaced),
        key=lambda version: (version.begins, version.version),
        reverse=True,
    )
    found: dict[int, End] = {}
    begins, heir = None, None
    for version in line:
        outer = None if version.superseded_by in own else version.superseded_at
        if begins is not None and (outer is None or begins <= outer):
            found[version.id] = begins, heir
        else:
            found[version.id] = outer, None if outer is None else version.superseded_by
        if outer is not None and outer <= version.begins:
            if version.superseded_by is not None:
                begins, heir = outer, version.superseded_by
        elif version.begins != begins:
            begins, heir = version.begins, version.id
    return found


def holding(known: Iterable[Version], moment: str) -> Version | None:
    """Return the version that holds at a moment, which may be past or to come."""
    return next((version for version in known if version.holds(moment)), None)


def newest_first(known: Iterable[Version]) -> list[Version]:
    """Return versions by their starts, what was replaced as wrong behind what replaced it."""
    by_id = {version.id: version for version in known}

    def start(version: Version) -> str:
        for _ in by_id:  # what was imported may go round in a circle
            if not version.is_replaced or version.superseded_by not in by_id:
                break
            version = by_id[version.superseded_by]
        return version.begins

    return sorted(by_id.values(), key=lambda version: (start(version), version.version), reverse=True)


def overlap(one: Chunk | Version, other: Chunk | Version) -> bool:
    """Return whether there is a time at which both hold."""

    def lasts_until(early: Chunk | Version, late: Chunk | Version) -> bool:
        begins = late.valid_from or late.created_at
        return (early.valid_until is None or early.valid_until >= begins) and (
            early.superseded_at is None or early.superseded_at > begins
        )

    return lasts_until(one, other) and lasts_until(other, one)


async def begin_earlier(
    tx: Transaction, known: Sequence[Version], start: str, heir_id: int, moment: str
) -> None:
    """End what a name took the place of when it began at its new start, if that is before all `known` ones.

    What began after the new start stays as it is: it holds in between.
    """
    starts = [one.begins for one in known if not one.is_replaced]
    first = min(starts, default=start)
    for one in known if start < first else ():
        if one.begins == first:
            for place in await resources.follow(tx, one, heir_id, start, begun_by=start):
                await settle(tx, place.project_id, place.file_name, moment)


async def settle(
    tx: Transaction, project: str, file_name: str, moment: str, heir_id: int | None = None
) -> list[int]:
    """Write the ends of the versions of a name, and move each to the index of what is current or past.

    It is called after every change of a start, and after every version that comes or goes.

    Returns:
        The ids of those that end now by `heir_id`, and did not before.
    """
    known = {version.id: version for version in await resources.versions(tx, project, file_name)}
    taken = []
    for version_id, (end, heir) in ends(known.values()).items():
        version = known[version_id]
        is_past = end is not None and end <= moment
        after = {"superseded_at": end, "superseded_by": heir, "archived": is_past}
        changes = {name: value for name, value in after.items() if getattr(version, name) != value}
        if "archived" in changes:
            old, new = (CHUNK, PAST) if is_past else (PAST, CHUNK)
            await index.move(tx, old, new, await resources.chunk_ids(tx, version_id))
        if changes:
            await resources.update(tx, version_id, changes, moment)
        if heir is not None and heir == heir_id != version.superseded_by:
            taken.append(version_id)
    return taken
