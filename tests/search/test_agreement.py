"""Candidates and exact re-scoring give the answer of a scan of everything, and that of the textbook."""

import asyncio
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from operator import mul
from pathlib import Path
from typing import Any

import pytest

from ltmc.search import analysis, candidates, index, ranking, resident_index
from ltmc.search.kinds import MESSAGE, Kind
from ltmc.search.vectors import sign_code, unpack
from ltmc.storage.sqlite.database import Database
from ltmc.storage.tables.chats import Message
from ltmc.timestamps import now

ROWS, QUERIES = 4_000, 50
ALONE = replace(MESSAGE, entry=lambda row: MESSAGE.entry(row)._replace(group=None))
"""Messages of no conversation."""


@cache
def texts() -> tuple[list[str], list[str]]:
    """Texts with subjects: each draws from a topic of its own and from what all share."""
    chance = random.Random(7)
    words = [
        one
        for one in index.model()._vocabulary.decode().split()
        if one.isalpha() and one.isascii() and len(one) > 3
    ][:12_000]
    common = list(itertools.accumulate(1 / (rank + 8) for rank in range(len(words))))
    topics = [chance.sample(words, 30) for _ in range(200)]

    def text(length: int) -> str:
        topic = chance.choice(topics)
        return " ".join(
            chance.choices(words, cum_weights=common, k=length // 2) + chance.choices(topic, k=length // 2)
        )

    return [text(24) for _ in range(ROWS)], [text(8) for _ in range(QUERIES)]


@cache
def vectors() -> dict[str, bytes]:
    """The vector of each text, made once for all tests."""
    rows, queries = texts()
    return dict(zip([*rows, *queries], index.embedded_together([*rows, *queries]), strict=True))


def prepared(kind: Kind[Message], rows: list[Message]) -> index.Prepared:
    """What `index.prepared` makes of rows."""
    entries = index.prepared(kind, rows, most=-1)
    for row in rows:
        vector, content = vectors()[row.content], kind.entry(row).content
        entries[content] = entries[content]._replace(vector=vector, code=sign_code(vector))
    return entries


async def answers(database: Database, queries: list[str], mode: str) -> list[list[int]]:
    found = []
    for query in queries:
        async with database.read() as tx:
            ranked = await index.search(tx, MESSAGE, query, projects=["p"], mode=mode, limit=10)
        found.append([hit.id for hit in ranked.hits])
    return found


def stored(number: int, text: str) -> Message:
    return Message(number, "p", f"c{number // 40}", "user", text, None, None, {}, now())


def textbook_bm25(rows: list[str], queries: list[str]) -> list[list[float]]:
    """The BM25 of each row for each query, as Robertson and Zaragoza (2009) have it; nothing of the index is used."""
    k1, b, average = 1.2, 0.3, 40
    counts = [Counter(analysis.terms(row)) for row in rows]
    frequency = Counter(term for count in counts for term in count)

    def score(count: Counter[str], query: str) -> float:
        damping = k1 * (1 - b + b * count.total() / average)
        return sum(
            math.log((len(rows) - frequency[term] + 0.5) / (frequency[term] + 0.5))
            * count[term]
            * (k1 + 1)
            / (count[term] + damping)
            for term in analysis.query_terms(query)
            if count[term]
        )

    return [[score(count, query) for count in counts] for query in queries]


def each_cosine(rows: list[str], queries: list[str]) -> list[list[float]]:
    """The dot product of each row's vector and each query's, one by one."""

    every = [unpack(vectors()[row]) for row in rows]
    return [
        [sum(map(mul, query, vector)) for vector in every]
        for query in (unpack(vectors()[one]) for one in queries)
    ]


@pytest.mark.parametrize(("mode", "reference"), [("lexical", textbook_bm25), ("semantic", each_cosine)])
def test_the_top_ten_are_those_of_the_textbook(db: Path, mode: str, reference: Callable[..., Any]) -> None:
    rows, queries = texts()
    rows, queries = rows[:2000], queries[:20]

    async def found() -> list[list[int]]:
        database = Database(db)
        made = [stored(number, text) for number, text in enumerate(rows)]
        async with database.write("p") as tx:
            await index.add(tx, ALONE, made, prepared(ALONE, made))
        try:
            return await answers(database, queries, mode)
        finally:
            await database.close()

    same = 0
    for scores, ids in zip(reference(rows, queries), asyncio.run(found()), strict=True):
        assert len(ids) == 10
        tenth = sorted(scores, reverse=True)[9]
        same += sum(
            scores[number] >= 0.98 * tenth for number in ids
        )  # 64 levels of a weight, 8 bits of a value
    assert same >= 0.97 * 10 * len(queries), same


@pytest.mark.parametrize("grouped", [False, True], ids=["alone", "in conversations"])
def test_the_top_ten_are_those_of_a_full_scan(
    db: Path, monkeypatch: pytest.MonkeyPatch, grouped: bool
) -> None:
    rows, queries = texts()

    async def compare() -> dict[str, int]:
        database = Database(db)
        async with database.write("p") as tx:
            made = [stored(number, text) for number, text in enumerate(rows, start=1)]
            kind = MESSAGE if grouped else ALONE
            await index.add(tx, kind, made, prepared(kind, made))
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
    assert same["hybrid"] >= 49, same
    assert same["lexical"] >= 49, same
    # By meaning alone the neighbours of far entries can add up: 45 in conversations.
    assert same["semantic"] >= (40 if grouped else 49), same
