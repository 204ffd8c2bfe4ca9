"""Memories that may go: what has expired, what is over or was superseded, and what no search returned."""

from dataclasses import dataclass
from typing import NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.tables.resources import current


class Expired(NamedTuple):
    """A memory that is to be forgotten."""

    id: int
    project_id: str


async def expired(tx: Transaction, moment: str, limit: int) -> list[Expired]:
    """Return memories whose time is over."""
    return await tx.all(
        Expired,
        "SELECT id, project_id FROM resources WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
        (moment, limit),
    )


@dataclass(frozen=True, slots=True)
class Named:
    """A version of a memory by its name."""

    id: int
    file_name: str
    version: int
    created_at: str


_NAMED = "SELECT id, file_name, version, created_at FROM resources r WHERE project_id = ?"


async def past(tx: Transaction, project_id: str) -> list[Named]:
    """Return the versions that another one has taken the place of, oldest first."""
    return await tx.all(Named, f"{_NAMED} AND archived = 1 ORDER BY id", (project_id,))


async def over(tx: Transaction, project_id: str, moment: str) -> list[Named]:
    """Return the memories that have expired or whose time was over before a moment, oldest first."""
    return await tx.all(
        Named,
        f"{_NAMED} AND archived = 0 AND (valid_until < ? OR expires_at <= ?) ORDER BY id",
        (project_id, moment, moment),
    )


async def never_found(tx: Transaction, project_id: str, moment: str, before: str) -> list[Named]:
    """Return the current memories stored before a time that no search in the log of use returned, oldest first."""
    chosen = current([moment])
    return await tx.all(
        Named,
        f"{_NAMED} AND created_at < ? AND {chosen.sql} AND NOT EXISTS (SELECT 1 FROM resource_chunks c "
        "JOIN context_links l ON l.chunk_id = c.id WHERE c.resource_id = r.id) ORDER BY id",
        [project_id, before, *chosen.parameters],
    )
