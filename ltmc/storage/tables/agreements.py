"""Pairs of memories of which somebody said that they do not contradict each other."""

from collections.abc import Collection
from typing import NamedTuple

from ltmc.storage.engine import Transaction


class Agreement(NamedTuple):
    """Two memories that agree."""

    lower_id: int
    higher_id: int


async def put(tx: Transaction, resource_id: int, others: Collection[int]) -> None:
    """Have a memory agree with others beside those that it agrees with; without any, with none."""
    if not others:
        await tx.run("DELETE FROM agreements WHERE lower_id = ?1 OR higher_id = ?1", (resource_id,))
    await tx.many(
        "INSERT INTO agreements (lower_id, higher_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(min(resource_id, other), max(resource_id, other)) for other in others],
    )


async def of_project(tx: Transaction, project_id: str) -> list[Agreement]:
    """Return the pairs of a project."""
    return await tx.all(
        Agreement,
        "SELECT a.lower_id, a.higher_id FROM agreements a JOIN resources r ON r.id = a.lower_id "
        "WHERE r.project_id = ?",
        (project_id,),
    )


async def of_memory(tx: Transaction, resource_id: int) -> list[int]:
    """Return the ids of the memories that one agrees with."""
    return await tx.column(
        "SELECT higher_id FROM agreements WHERE lower_id = ?1 "
        "UNION SELECT lower_id FROM agreements WHERE higher_id = ?1 ORDER BY 1",
        (resource_id,),
    )
