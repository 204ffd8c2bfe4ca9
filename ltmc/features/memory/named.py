"""Which memory a caller means: by its id, or by its name the version that is current."""

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import resources
from ltmc.storage.tables.resources import Resource, Version
from ltmc.timestamps import now
from ltmc.tools.arguments import as_id
from ltmc.tools.project_scope import projects_read


async def unexpired(tx: Transaction, project: str, file_name: str) -> list[Version]:
    """Return the versions of a name, newest first, without those that have expired."""
    moment = now()
    return [one for one in await resources.versions(tx, project, file_name) if not one.has_expired(moment)]


async def by_name(
    tx: Transaction, project: str, file_name: str, version: int | None = None
) -> Version | None:
    """Return a version of a name: the one that is current, where none is the newest."""
    known = await unexpired(tx, project, file_name)
    if version is not None:
        return next((one for one in known if one.version == version), None)
    moment = now()
    return next((one for one in known if one.is_current(moment)), known[0] if known else None)


async def named(tx: Transaction, project: str, field: str, reference: str) -> Version:
    """Return the memory that a reference names, by id or file name.

    Raises:
        LtmcError: NOT_FOUND; CONFLICT for digits that are the id of one and the name of another.
    """
    resource_id = as_id(reference)
    by_id = None if resource_id is None else await resources.version_of(tx, project, resource_id)
    by_id = None if by_id is None or by_id.has_expired(now()) else by_id
    named = await by_name(tx, project, reference)
    if by_id and named and by_id.file_name != named.file_name:
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"{field}: {reference!r} is the id of {by_id.file_name!r}, and the name of memory {named.id}; "
            f"write resource:{by_id.id} or resource:{named.id}.",
            field=field,
            details={"resource_ids": [by_id.id, named.id]},
        )
    found = by_id or named
    if found is None:
        raise not_found(field, reference, "memory", await _elsewhere(tx, project, resource_id, reference))
    return found


async def _elsewhere(tx: Transaction, project: str, resource_id: int | None, file_name: str | None) -> str:
    """Say which other project that searches look in has a memory of an id or name; "" if none has."""
    own, *others = projects_read(None)
    for other in others if own == project else ():
        by_id = None if resource_id is None else await resources.version_of(tx, other, resource_id)
        if by_id or (file_name is not None and await by_name(tx, other, file_name)):
            return f"project {other!r} has it: pass project_id {other!r}"
    return ""


async def heir_of(tx: Transaction, old: Resource) -> Version | None:
    """Return what took the place of a memory, and of that one again, to the last one that is there.

    What has expired is not there, and what it superseded does not come back.
    """
    found, heir_id, seen = None, old.superseded_by, {old.id}
    while heir_id is not None and heir_id not in seen:
        seen.add(heir_id)
        heir = await resources.version_of(tx, old.project_id, heir_id)
        if heir is None or heir.has_expired(now()):
            break
        found, heir_id = heir, heir.superseded_by if heir.is_past(now()) else None
    return found


def one_of(resource_id: int | None, file_name: str | None) -> tuple[str, int | str]:
    """Return which of the two is given, and its value.

    Raises:
        LtmcError: INVALID_ARGUMENT unless exactly one is.
    """
    if (resource_id is None) == (file_name is None):
        raise LtmcError(
            ErrorCode.INVALID_ARGUMENT,
            f"Give exactly one of resource_id, file_name; got {'none' if file_name is None else 'both'}.",
            field="resource_id",
            details={"accepted": ["resource_id", "file_name"]},
        )
    return ("file_name", file_name) if file_name is not None else ("resource_id", resource_id or 0)


async def require(tx: Transaction, project: str, resource_id: int | None, file_name: str | None) -> Resource:
    """Return the memory of an id, or the current version of a name.

    Raises:
        LtmcError: INVALID_ARGUMENT unless exactly one is given; NOT_FOUND.
    """
    field, given = one_of(resource_id, file_name)
    if isinstance(given, str):
        version = await by_name(tx, project, given)
        given = version.id if version else 0
    row = await resources.get(tx, given, project)
    if row is None or row.has_expired(now()):
        hint = await _elsewhere(tx, project, resource_id, file_name)
        raise not_found(field, file_name or given, "memory", hint)
    return row
