"""Which memory a caller means: by its id, or by its name the version that is current."""

from collections.abc import Sequence

from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import resources
from ltmc.storage.tables.resources import Resource, Version
from ltmc.timestamps import now
from ltmc.tools.arguments import as_id
from ltmc.tools.project_scope import elsewhere, projects_read


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


async def named(tx: Transaction, projects: Sequence[str], field: str, reference: str) -> Version:
    """Return the memory that a reference names, by id or file name, in the first of the projects that has it.

    Raises:
        LtmcError: NOT_FOUND; CONFLICT for digits that are the id of one and the name of another.
    """
    resource_id = as_id(reference)
    known = None if resource_id is None else await resources.version_of(tx, resource_id)
    for project in projects:
        by_id = None if known is None or known.project_id != project or known.has_expired(now()) else known
        named = await by_name(tx, project, reference)
        if by_id and named and by_id.file_name != named.file_name:
            raise LtmcError(
                ErrorCode.CONFLICT,
                f"{field}: {reference!r} is the id of {by_id.file_name!r}, and the name of memory {named.id}; "
                f"write resource:{by_id.id} or resource:{named.id}.",
                field=field,
                details={"resource_ids": [by_id.id, named.id]},
            )
        if (found := by_id or named) is not None:
            return found
    raise not_found(field, reference, "memory", elsewhere(known.project_id, projects) if known else "")


async def all_named(
    tx: Transaction, projects: Sequence[str], field: str, references: Sequence[str]
) -> list[Version]:
    """Return the memories that references name; see `named`."""
    return [
        await named(tx, projects, f"{field}[{place}]", reference)
        for place, reference in enumerate(references)
    ]


async def heir_of(tx: Transaction, old: Resource) -> Version | None:
    """Return what took the place of a memory, and of that one again, to the last one that is there.

    What has expired is not there, and what it superseded does not come back.
    """
    found, heir_id, seen = None, old.superseded_by, {old.id}
    while heir_id is not None and heir_id not in seen:
        seen.add(heir_id)
        heir = await resources.version_of(tx, heir_id)
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


async def require(
    tx: Transaction, project_id: str | None, resource_id: int | None, file_name: str | None
) -> Resource:
    """Return the memory of an id, or the current version of a name in the first project that has it.

    Raises:
        LtmcError: INVALID_ARGUMENT unless exactly one is given; NOT_FOUND.
    """
    field, given = one_of(resource_id, file_name)
    projects = projects_read(project_id)
    if isinstance(given, str):
        versions = [await by_name(tx, project, given) for project in projects]
        given = next((version.id for version in versions if version), 0)
    row = await resources.get(tx, given)
    if row is None or row.has_expired(now()) or row.project_id not in projects:
        hint = elsewhere(row.project_id, projects) if row and project_id is None else ""
        raise not_found(field, file_name or given, "memory", hint)
    return row
