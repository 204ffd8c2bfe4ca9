"""What happens to a blueprint: looking it up, showing it, changing its status and what follows from that.

draft -> active (first assignment, or by hand) -> completed (all children or assignments completed, or by
hand); an open one -> cancelled; a completed or cancelled one is reopened to active only by hand.
"""

from collections.abc import Sequence
from typing import cast

from ltmc.errors import ErrorCode, LtmcError
from ltmc.features.blueprints.readiness import release
from ltmc.features.blueprints.results import BlueprintView, ListedBlueprint
from ltmc.search.kinds import described
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import blueprints, team
from ltmc.storage.tables.blueprints import BLOCKING, OPEN_STATUSES, Blueprint
from ltmc.tools.project_scope import owned

_ALLOWED = {
    "draft": ("active", "cancelled"),
    "active": ("completed", "cancelled"),
    "completed": ("active",),
    "cancelled": ("active",),
}


def shown(row: Blueprint) -> BlueprintView:
    """Return a blueprint as tools show it."""
    values = {name: value for name, value in row._asdict().items() if name != "id"}
    return cast("BlueprintView", values)


def listed(row: Blueprint) -> ListedBlueprint:
    """Return a blueprint as lists show it."""
    kept = {name: value for name, value in shown(row).items() if name in ListedBlueprint.__annotations__}
    return cast("ListedBlueprint", kept | described(row.description))


def ids(rows: Sequence[Blueprint]) -> list[str]:
    """Return the blueprint ids of rows."""
    return [row.blueprint_id for row in rows]


async def require(
    tx: Transaction, blueprint_id: str, project_id: str | None, field: str = "blueprint_id"
) -> Blueprint:
    """Return a blueprint.

    Raises:
        LtmcError: NOT_FOUND, also in a project that the call does not reach.
    """
    return owned(await blueprints.get(tx, blueprint_id), project_id, field, blueprint_id, "blueprint")


async def open_prerequisites(tx: Transaction, row: Blueprint) -> list[Blueprint]:
    """Return the blocking prerequisites that are neither completed nor cancelled."""
    wanted = [
        edge.prerequisite_blueprint_id
        for edge in await blueprints.dependencies(tx, row.project_id)
        if edge.dependent_blueprint_id == row.blueprint_id and edge.dependency_type == BLOCKING
    ]
    found = await blueprints.many(tx, wanted)
    return [found[blueprint_id] for blueprint_id in wanted if found[blueprint_id].status in OPEN_STATUSES]


async def transition(
    tx: Transaction, row: Blueprint, status: str, moment: str, *, field: str = "status"
) -> list[Blueprint]:
    """Give a blueprint another status, write it to the history, and let others follow; return what can begin now.

    Raises:
        LtmcError: CONFLICT when the lifecycle does not allow it, or a blocking prerequisite is open.
    """
    if status == row.status:
        return []
    allowed = _ALLOWED[row.status]
    if status not in allowed:
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"{field}: a {row.status} blueprint cannot become {status}; from {row.status}: "
            f"{', '.join(allowed)}.",
            field=field,
            details={"value": status, "status": row.status, "allowed": list(allowed)},
        )
    if status == "completed" and (blocking := ids(await open_prerequisites(tx, row))):
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"{field}: {row.blueprint_id} cannot be completed before its prerequisites "
            f"{', '.join(blocking)}.",
            field=field,
            details={"blocking_open": blocking},
        )
    await _set_status(tx, row, status, moment)
    ended = await _let_others_follow(tx, [(row, status)], moment)
    return await release(tx, ended, moment)


async def try_complete(tx: Transaction, row: Blueprint, moment: str) -> tuple[str, list[Blueprint]]:
    """Complete an active blueprint unless work on it or prerequisites are open; return its status, what can begin."""
    if not await _can_complete(tx, row):
        return row.status, []
    return "completed", await transition(tx, row, "completed", moment)


async def wake(tx: Transaction, blueprint_ids: Sequence[str], moment: str) -> None:
    """Complete those of the blueprints whose work is done and that only waited for what is gone now."""
    for row in (await blueprints.many(tx, blueprint_ids)).values():
        if await _can_complete(tx, row) and await _was_worked_on(tx, row):
            await transition(tx, row, "completed", moment)


async def _can_complete(tx: Transaction, row: Blueprint) -> bool:
    return row.status == "active" and not await open_prerequisites(tx, row) and await _all_done(tx, row)


async def _was_worked_on(tx: Transaction, row: Blueprint) -> bool:
    """Tell whether a child or an assignment of a blueprint is completed."""
    children = [child.status for child in await blueprints.children(tx, row.blueprint_id)]
    return "completed" in [*children, *(one.status for one in await team.of_blueprint(tx, row.blueprint_id))]


async def _all_done(tx: Transaction, row: Blueprint) -> bool:
    """No child is open, and one is completed or no assignment is open: who has a parent has what its parts are."""
    children = {child.status for child in await blueprints.children(tx, row.blueprint_id)}
    if not children <= {"completed", "cancelled"}:
        return False
    assignments = await team.of_blueprint(tx, row.blueprint_id)
    return "completed" in children or all(one.status not in team.OPEN_STATUSES for one in assignments)


async def _let_others_follow(
    tx: Transaction, changed: list[tuple[Blueprint, str]], moment: str
) -> list[Blueprint]:
    """Activate the parent of what became active; complete parents and dependents that waited for what ended.

    Returns:
        All that ended, as it was before.
    """
    ended: list[Blueprint] = []
    while changed:
        row, status = changed.pop()
        if row.parent_id is not None and status == "active":
            parent = await require(tx, row.parent_id, row.project_id)
            if parent.status == "draft":
                await _set_status(tx, parent, "active", moment)
                changed.append((parent, "active"))
        if status in ("completed", "cancelled"):
            ended.append(row)
            waiting = [
                edge.dependent_blueprint_id
                for edge in await blueprints.dependencies(tx, row.project_id)
                if edge.prerequisite_blueprint_id == row.blueprint_id and edge.dependency_type == BLOCKING
            ]
            following = await blueprints.many(tx, [*waiting, *([row.parent_id] if row.parent_id else [])])
            for other in following.values():
                if await _can_complete(tx, other) and await _was_worked_on(tx, other):
                    await _set_status(tx, other, "completed", moment)
                    changed.append((other, "completed"))
    return ended


async def _set_status(tx: Transaction, row: Blueprint, status: str, moment: str) -> None:
    completed_at = moment if status == "completed" else None
    await blueprints.update(tx, row.blueprint_id, {"status": status, "completed_at": completed_at}, moment)
    await blueprints.insert_history(tx, row.blueprint_id, [("status", row.status, status)], moment)
    if status not in OPEN_STATUSES:
        await _end_assignments(tx, row.blueprint_id, status, moment)


async def _end_assignments(tx: Transaction, blueprint_id: str, status: str, moment: str) -> None:
    """End what is still assigned of a task that is completed or cancelled: by hand, or by its parts."""
    for one in await team.of_blueprint(tx, blueprint_id):
        if one.status in team.OPEN_STATUSES:
            progress = 100.0 if status == "completed" else one.progress_percentage
            changes = {"status": status, "progress_percentage": progress, "completed_at": moment}
            await team.update_assignment(tx, one.assignment_id, changes | {"updated_at": moment})
            hours, why = one.actual_hours_worked, f"Its task is {status}."
            await team.insert_progress(tx, one.assignment_id, progress, status, hours, why, moment)
