"""Which blueprints can begin, and what follows for those that can begin now."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ltmc.features.blueprints.lexicon import named, terms, vocabulary
from ltmc.features.blueprints.results import NowReady, ReadyBlueprint
from ltmc.storage.engine import Transaction
from ltmc.storage.tables import blueprints, team
from ltmc.storage.tables.blueprints import BLOCKING, OPEN_STATUSES, RESOURCE, SOFT, Blueprint, Dependency

READY_SHOWN = 10
"""How many blueprints that can begin now an answer names."""


def satisfied(kind: str, status: str) -> bool:
    """Return whether a prerequisite of this status lets its dependents begin."""
    if kind == BLOCKING:
        return status not in OPEN_STATUSES
    return status != "active" if kind == RESOURCE else True


async def release(tx: Transaction, ended: Sequence[Blueprint], moment: str) -> list[Blueprint]:
    """Return the open blueprints that waited for what ended and can begin now; unblock their assignments.

    Args:
        ended: blueprints of one project, as they were before they ended.
    """
    if not ended:
        return []
    before = {row.blueprint_id: row.status for row in ended}
    needs: dict[str, list[Dependency]] = defaultdict(list)
    for edge in await blueprints.dependencies(tx, ended[0].project_id):
        needs[edge.dependent_blueprint_id].append(edge)
    waited = [
        dependent
        for dependent, edges in needs.items()
        if any(
            not satisfied(edge.dependency_type, before[edge.prerequisite_blueprint_id])
            for edge in edges
            if edge.prerequisite_blueprint_id in before
        )
    ]
    found = await blueprints.many(
        tx, [*waited, *{edge.prerequisite_blueprint_id for one in waited for edge in needs[one]}]
    )
    ready = [
        found[one]
        for one in waited
        if found[one].status in OPEN_STATUSES
        and all(
            satisfied(edge.dependency_type, found[edge.prerequisite_blueprint_id].status)
            for edge in needs[one]
        )
    ]
    for row in ready:
        await unblock(tx, row.blueprint_id, needs[row.blueprint_id], moment)
    return ready


async def unblock(tx: Transaction, blueprint_id: str, needs: Iterable[Dependency], moment: str) -> None:
    """Let the assignment of a blueprint that can begin now go on, if its prerequisites were what blocked it.

    They were, where one of them was open when the assignment was reported blocked, unless the notes of the report
    name a reason of their own, such as "sick" or "access"; what a prerequisite is called is none.
    """
    for one in await team.of_blueprint(tx, blueprint_id):
        if one.status != "blocked":
            continue
        reports = await team.reports_of_block(tx, one.assignment_id)
        since = reports[0].created_at if reports else ""
        known = [
            edge.prerequisite_blueprint_id
            for edge in needs
            if edge.dependency_type != SOFT and edge.created_at <= since
        ]
        waited = [
            row
            for row in (await blueprints.many(tx, known)).values()
            if row.status in OPEN_STATUSES or (row.completed_at or row.updated_at) >= since
        ]
        notes = next((report.notes for report in reversed(reports) if report.notes), "")
        if waited and not _own_reasons(notes) - _own_reasons(" ".join(row.title for row in waited)):
            status = "in_progress" if one.progress_percentage else "assigned"
            await team.update_assignment(tx, one.assignment_id, {"status": status, "updated_at": moment})
            why = "Its prerequisites have ended."
            await team.insert_progress(
                tx,
                one.assignment_id,
                one.progress_percentage,
                status,
                one.actual_hours_worked,
                why,
                moment,
            )


def _own_reasons(text: str) -> set[str]:
    """Return the words of a text, as the lexicon has them, for what blocks work that is no prerequisite."""
    known = vocabulary(text)
    return named(terms("own_reasons"), text.lower(), known) | {
        word
        for word in terms("own_reasons")
        if word.endswith("*") and any(one.startswith(word[:-1]) for one in known)
    }


async def now_ready(tx: Transaction, rows: Sequence[Blueprint]) -> NowReady:
    """Return how an answer names the blueprints that can begin now, each with who has to do it; nothing without any."""
    shown: list[ReadyBlueprint] = []
    for row in rows[:READY_SHOWN]:
        ready: ReadyBlueprint = {"blueprint_id": row.blueprint_id, "title": row.title}
        for one in await team.of_blueprint(tx, row.blueprint_id):
            if one.status in team.OPEN_STATUSES:
                ready["assignment"] = {
                    "assignment_id": one.assignment_id,
                    "member_id": one.member_id,
                    "status": one.status,
                    "progress_percentage": one.progress_percentage,
                }
        shown.append(ready)
    answer: NowReady = {"now_ready": shown} if shown else {}
    if len(rows) > READY_SHOWN:
        answer["now_ready_more"] = len(rows) - READY_SHOWN
    return answer
