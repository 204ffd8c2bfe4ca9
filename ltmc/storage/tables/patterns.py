"""Code attempts: what was asked, what was written, how it went."""

import json
from collections.abc import Sequence
from typing import Any

from ltmc.storage.engine import Row, Transaction
from ltmc.storage.sqlite.search_index import Condition, conjunction


async def insert(tx: Transaction, columns: dict[str, Any]) -> int:
    """An attempt from its columns (`tags` a list); its id."""
    columns = columns | {"tags": json.dumps(columns["tags"], ensure_ascii=False)}
    marks = ", ".join("?" * len(columns))
    return int(
        await tx.value(
            f"INSERT INTO code_patterns ({', '.join(columns)}) VALUES ({marks}) RETURNING id",
            list(columns.values()),
        )
    )


async def first_like(
    tx: Transaction, project_id: str, code_hash: str, input_prompt: str, result: str
) -> int | None:
    """The oldest attempt with the same code, prompt and result."""
    found = await tx.value(
        "SELECT min(id) FROM code_patterns "
        "WHERE project_id = ? AND code_hash = ? AND input_prompt = ? AND result = ?",
        (project_id, code_hash, input_prompt, result),
    )
    return None if found is None else int(found)


async def by_id(tx: Transaction, pattern_ids: Sequence[int]) -> dict[int, Row]:
    """Attempts by id."""
    marks = ", ".join("?" * len(pattern_ids))
    rows = await tx.all(f"SELECT * FROM code_patterns WHERE id IN ({marks})", pattern_ids)
    return {row["id"]: row for row in rows}


async def success_by_hash(tx: Transaction, project_id: str, code_hashes: Sequence[str]) -> dict[str, float]:
    """The share of passes among all attempts with the same code, by code hash."""
    marks = ", ".join("?" * len(code_hashes))
    rows = await tx.all(
        "SELECT code_hash, avg(result = 'pass') AS rate FROM code_patterns "
        f"WHERE project_id = ? AND code_hash IN ({marks}) GROUP BY code_hash",
        [project_id, *code_hashes],
    )
    return {row["code_hash"]: round(row["rate"], 4) for row in rows}


async def matching(tx: Transaction, conditions: Sequence[Condition]) -> list[Row]:
    """What statistics need of the attempts (alias p) that meet the conditions, oldest first."""
    where, parameters = conjunction(conditions)
    return await tx.all(
        "SELECT id, result, function_name, language, execution_time_ms, error_message, error_signature, "
        f"tags, created_at FROM code_patterns p WHERE {where} ORDER BY id",
        parameters,
    )
