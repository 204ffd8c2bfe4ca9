"""Candidates and exact re-scoring give the answer of a scan of everything."""

import asyncio
import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest

from ltmc.search import candidates, index, ranking, resident_index
from ltmc.search.kinds import MESSAGE
from ltmc.storage.sqlite.database import Database
from ltmc.storage.tables.chats import Message
from ltmc.timestamps import now

ROWS, QUERIES = 4_000, 100
ALONE = replace(MESSAGE, entry=lambda row: replace(MESSAGE.entry(row), group=None))
"""Messages of no conversation."""


def texts() -> tuple[list[str], list[str]]:
    """Texts with subjects: each draws from a topic of its own and from what all share."""
    chance = random.Random(7)
    words = [one for one in index.model().tokens if one.isalpha() and one.isascii() and len(one) > 3][:12_000]
    common = list(itertools.accumulate(1 / (rank + 8) for rank in range(len(words))))
    topics = [chance.sample(words, 30) for _ in range(200)]

    def text(length: int) -> str:
        topic = chance.choice(topics)
        return " ".join(
            chance.choices(words, cum_weights=common, k=length // 2) + chance.choices(topic, k=length // 2)
        )

    return [text(24) for _ in range(ROWS)], [text(8) for _ in range(QUERIES)]


async def answers(database: Database, queries: list[str], mode: str) -> list[list[int]]:
    found = []
    for query in queries:
        async with database.read() as tx:
            ranked = await index.search(tx, MESSAGE, query, project_id="p", mode=mode, limit=10)
        found.append([hit.id for hit in ranked.hits])
    return found


@pytest.mark.parametrize("grouped", [False, True], ids=["alone", "in conversations"])
def test_the_top_ten_are_those_of_a_full_scan(
    db: Path, monkeypatch: pytest.MonkeyPatch, grouped: bool
) -> None:
    rows, queries = texts()

    async def compare() -> dict[str, int]:
        database = Database(db)
        async with database.write("p") as tx:
            made = [
                Message(number, "p", f"c{number // 40}", "user", text, None, None, {}, now())
                for number, text in enumerate(rows, start=1)
            ]
            await index.add(tx, MESSAGE if grouped else ALONE, made)
        fast = {mode: await answers(database, queries, mode) for mode in index.MODES}
        for name in ("POSTINGS", "LEXICAL_CANDIDATES", "RESCORED"):
            monkeypatch.setattr(candidates, name, 10**9)
        monkeypatch.setattr(ranking, "EXPANDED", (10**9,))
        monkeypatch.setattr(resident_index, "SMALL_SCOPE_ENTRIES", 10**9)
        exact = {mode: await answers(database, queries, mode) for mode in index.MODES}
        await database.close()
        return {
            mode: sum(set(a) == set(b) for a, b in zip(fast[mode], exact[mode], strict=True))
            for mode in index.MODES
        }

    assert resident_index.SMALL_SCOPE_ENTRIES < ROWS, "else there is nothing to compare"
    same = asyncio.run(compare())
    assert same["hybrid"] >= 98, same
    assert same["lexical"] >= 98, same
    # By meaning alone the neighbours of far entries can add up: 91 in conversations.
    assert same["semantic"] >= (80 if grouped else 98), same
