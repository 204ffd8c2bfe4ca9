"""What happens to a blueprint: looking it up, showing it, changing its status and what follows from that.

draft -> active (first assignment, or by hand) -> completed (all children or assignments completed, or by
hand); an open one -> cancelled; a completed or cancelled one is reopened to active only by hand.
"""

from collections.abc import Sequence
from typing import Any

from ltmc.code.signatures import Signature
from ltmc.errors import ErrorCode, LtmcError, not_found
from ltmc.storage.engine import Row, Transaction
from ltmc.storage.tables import blueprint_code, blueprints, team

STATUSES = ("draft", "active", "completed", "cancelled")
OPEN = ("draft", "active")
_ALLOWED = {
    "draft": ("active", "cancelled"),
    "active": ("completed", "cancelled"),
    "completed": ("active",),
    "cancelled": ("active",),
}
BLOCKING, SOFT, RESOURCE = ("blocking", "soft", "resource")


def shown(row: Row) -> dict[str, Any]:
    """A blueprint as tools show it."""
    return {column: row[column] for column in blueprints.COLUMNS}


async def require(
    tx: Transaction, blueprint_id: str, project_id: str | None, field: str = "blueprint_id"
) -> Row:
    """The blueprint.

    Raises:
        LtmcError: NOT_FOUND, also when it belongs to another project than the one named.
    """
    row = await blueprints.get(tx, blueprint_id, project_id)
    if row is None:
        raise not_found(field, blueprint_id, "blueprint")
    return row


async def open_prerequisites(tx: Transaction, row: Row) -> list[Row]:
    """The blocking prerequisites that are neither completed nor cancelled, with their titles."""
    edges = await blueprints.dependencies(tx, row["project_id"])
    wanted = [
        edge["prerequisite_blueprint_id"]
        for edge in edges
        if edge["dependent_blueprint_id"] == row["blueprint_id"] and edge["dependency_type"] == BLOCKING
    ]
    found = await blueprints.many(tx, wanted)
    return [found[one] for one in wanted if found[one]["status"] in OPEN]


async def transition(tx: Transaction, row: Row, status: str, moment: str, *, field: str = "status") -> None:
    """Give a blueprint another status, write it to the history, and let its parent follow.

    Raises:
        LtmcError: CONFLICT when the lifecycle does not allow it, or a blocking prerequisite is open.
    """
    current = row["status"]
    if status == current:
        return
    if status not in _ALLOWED[current]:
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"{field}: a {current} blueprint cannot become {status}; from {current}: "
            f"{', '.join(_ALLOWED[current])}.",
            field=field,
            details={"value": status, "status": current, "allowed": list(_ALLOWED[current])},
        )
    if status == "completed" and (blocking := await open_prerequisites(tx, row)):
        raise LtmcError(
            ErrorCode.CONFLICT,
            f"{field}: {row['blueprint_id']} cannot be completed before its prerequisites "
            f"{', '.join(one['blueprint_id'] for one in blocking)}.",
            field=field,
            details={"blocking_open": [one["blueprint_id"] for one in blocking]},
        )
    await _set_status(tx, row, status, moment)
    await _follow(tx, row["parent_id"], status, moment)


async def try_complete(tx: Transaction, row: Row, moment: str) -> str:
    """Complete a blueprint whose assignment is done, unless children or prerequisites are open; its status."""
    row = await require(tx, row["blueprint_id"], None)
    if row["status"] == "active" and not await open_prerequisites(tx, row) and await _all_done(tx, row):
        await transition(tx, row, "completed", moment)
        return "completed"
    return str(row["status"])


async def _all_done(tx: Transaction, row: Row) -> bool:
    """All children are completed (cancelled ones do not count) and no assignment is open."""
    children = await blueprints.children(tx, row["blueprint_id"])
    assignments = await team.of_blueprint(tx, row["blueprint_id"])
    live = [child for child in children if child["status"] != "cancelled"]
    return all(child["status"] == "completed" for child in live) and not any(
        assignment["status"] in team.OPEN for assignment in assignments
    )


async def _follow(tx: Transaction, parent_id: str | None, status: str, moment: str) -> None:
    """A child that becomes active activates its parent; the last one completed completes it."""
    if parent_id is None:
        return
    parent = await require(tx, parent_id, None)
    if status == "active" and parent["status"] == "draft":
        await _set_status(tx, parent, "active", moment)
        await _follow(tx, parent["parent_id"], "active", moment)
    if status in ("completed", "cancelled") and parent["status"] == "active":
        children = await blueprints.children(tx, parent_id)
        if any(child["status"] == "completed" for child in children):
            await try_complete(tx, parent, moment)


async def _set_status(tx: Transaction, row: Row, status: str, moment: str) -> None:
    completed_at = moment if status == "completed" else None
    await blueprints.update(tx, row["blueprint_id"], {"status": status, "completed_at": completed_at}, moment)
    await blueprints.insert_history(tx, row["blueprint_id"], [("status", row["status"], status)], moment)


async def symbols(tx: Transaction, blueprint_id: str, file_path: str | None = None) -> list[Row]:
    """The stored symbols of a blueprint, signatures read."""
    rows = await blueprint_code.symbols(tx, blueprint_id, file_path)
    return [row | {"signature": Signature.from_json(row["signature"])} for row in rows]


def ids(rows: Sequence[Row]) -> list[str]:
    """Their blueprint ids."""
    return [row["blueprint_id"] for row in rows]
