"""Code attempts: what was asked, what was written, how it went."""

from collections.abc import Sequence
from typing import NamedTuple

from ltmc.storage.engine import Transaction
from ltmc.storage.rows import columns, insert_row
from ltmc.storage.sources import (
    NEWLINE,
    Source,
    Where,
    among,
    conditions,
    conjunction,
    least,
    like,
    matching,
    most,
    tagged_all,
    tagged_any,
)


class Pattern(NamedTuple):
    """A code attempt."""

    id: int
    project_id: str
    input_prompt: str
    generated_code: str
    code_hash: str
    result: str
    function_name: str | None
    file_name: str | None
    module_name: str | None
    language: str | None
    complexity: str | None
    execution_time_ms: int | None
    error_message: str | None
    error_signature: str | None
    tags: list[str]
    created_at: str


class Outcome(NamedTuple):
    """What statistics need of a code attempt."""

    id: int
    result: str
    function_name: str | None
    language: str | None
    execution_time_ms: int | None
    error_signature: str | None
    tags: list[str]
    created_at: str


SOURCE = Source(
    kind="pattern",
    row=Pattern,
    columns=columns(Pattern),
    owner="code_patterns p",
    key="p.id",
    project="p.project_id",
    created="p.created_at",
    text=f"p.input_prompt || {NEWLINE} || p.generated_code",
    filters={
        "project": among("p.project_id"),
        "file_name": like("p.file_name"),
        "exact_file_name": among("p.file_name"),
        "result": among("p.result"),
        "function_name": among("p.function_name"),
        "module_name": among("p.module_name"),
        "language": among("p.language"),
        "complexity": among("p.complexity"),
        "tags_any": tagged_any("code_patterns", "p.id"),
        "tags_all": tagged_all("code_patterns", "p.id"),
        "date_from": least("p.created_at"),
        "date_to": most("p.created_at"),
        "matching": matching("pattern", "p.id"),
    },
    group="p.id",
)


async def insert(tx: Transaction, pattern: Pattern) -> Pattern:
    """Store an attempt; it comes back with its id."""
    return await insert_row(tx, "code_patterns", pattern)


async def first_like(tx: Transaction, attempt: Pattern) -> int | None:
    """Return the id of the oldest attempt with the same code, prompt and result."""
    found = await tx.value(
        "SELECT min(id) FROM code_patterns "
        "WHERE project_id = ? AND code_hash = ? AND input_prompt = ? AND result = ?",
        (attempt.project_id, attempt.code_hash, attempt.input_prompt, attempt.result),
    )
    return None if found is None else int(found)


class _PassRate(NamedTuple):
    code_hash: str
    rate: float


async def pass_rates(
    tx: Transaction, projects: Sequence[str], code_hashes: Sequence[str]
) -> dict[str, float]:
    """Return the ratio of passes to all attempts with the same code, by code hash."""
    chosen, inside = among("code_hash")(code_hashes), among("project_id")(projects)
    rows = await tx.all(
        _PassRate,
        "SELECT code_hash, avg(CASE WHEN result = 'pass' THEN 1.0 ELSE 0.0 END) AS rate FROM code_patterns "
        f"WHERE {inside.sql} AND {chosen.sql} GROUP BY code_hash",
        [*inside.parameters, *chosen.parameters],
    )
    return {row.code_hash: round(row.rate, 4) for row in rows}


def narrowed(
    *,
    project: str | None = None,
    result: str | None = None,
    tags: Sequence[str] = (),
    function_name: str | None = None,
    file_name: str | None = None,
    module_name: str | None = None,
    language: str | None = None,
    since: str | None = None,
    matching: str | None = None,
) -> Where:
    """Return the filters for the values that are given, of `tags` any."""
    given = {
        "project": project,
        "result": result,
        "function_name": function_name,
        "exact_file_name": file_name,
        "module_name": module_name,
        "language": language,
        "date_from": since,
        "matching": matching,
    }
    found = {name: [value] for name, value in given.items() if value is not None}
    return {**found, "tags_any": list(tags)} if tags else found


async def outcomes(tx: Transaction, where: Where) -> list[Outcome]:
    """Return the attempts that the filters leave, oldest first."""
    condition, parameters = conjunction(conditions(SOURCE, where))
    return await tx.all(
        Outcome, f"SELECT {columns(Outcome)} FROM {SOURCE.owner} WHERE {condition} ORDER BY id", parameters
    )
