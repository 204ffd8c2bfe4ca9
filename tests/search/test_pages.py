"""Pages of one search are slices of one ranking."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from ltmc.search import index
from ltmc.search.kinds import CHUNK, MESSAGE
from ltmc.storage.sqlite.database import Database
from ltmc.storage.tables import chats, resources
from ltmc.storage.tables.chats import Message
from ltmc.storage.tables.resources import Resource
from ltmc.timestamps import now
from tests.client import Session, pending

SUBJECTS = ("invoice", "parser", "deploy", "holiday", "cache", "pixel", "roster")


def text(number: int) -> str:
    return f"{SUBJECTS[number % 7]} note {number} about {SUBJECTS[number // 7 % 7]}{'?' if number % 5 == 0 else '.'}"


async def fill_chats(db: Path, count: int) -> None:
    database = Database(db)
    async with database.write("default") as tx:
        rows = [
            await chats.insert(
                tx, Message(0, "default", f"c{n // 30}", "user", text(n), None, None, {}, now())
            )
            for n in range(count)
        ]
        await index.add(tx, MESSAGE, rows, index.prepared(MESSAGE, rows))
    await database.close()


def walk(client: Session, query: str, size: int, **filters: object) -> tuple[list[int], set[int]]:
    """Return the ids of all pages in order, and every total that was told."""
    ids: list[int] = []
    totals: set[int] = set()
    while True:
        page = client.ok(
            "advanced_context_search",
            query=query,
            filters={"sources": ["chat"], **filters},
            top_k=size,
            offset=len(ids),
        )
        ids += [result["message_id"] for result in page["results"]]
        totals.add(page["total"])
        assert "total_is_exact" not in page
        if not page["has_more"]:
            return ids, totals


@pytest.mark.parametrize("count", [900, 3_000])
def test_every_message_is_seen_once(db: Path, count: int) -> None:
    asyncio.run(fill_chats(db, count))
    with Session(db) as client:
        by_fifty, totals = walk(client, "who changed the invoice parser", 50)
        assert totals == {count}
        assert Counter(by_fifty) == Counter(range(1, count + 1))
        for offset in (0, 10, 30, 40, 60, 200, count - 10):
            page = client.ok(
                "advanced_context_search",
                query="who changed the invoice parser",
                filters={"sources": ["chat"]},
                top_k=10,
                offset=offset,
            )
            assert [one["message_id"] for one in page["results"]] == by_fifty[offset : offset + 10]
            scores = [one["score"] for one in page["results"]]
            assert scores == sorted(scores, reverse=True)
        inside, totals = walk(client, "deploy", 7, conversation_id="c3")
        assert (totals, sorted(inside)) == ({30}, list(range(91, 121)))


def test_each_memory_is_seen_once_and_counted(db: Path) -> None:
    async def fill() -> None:
        database = Database(db)
        async with database.write("default") as tx:
            for n in range(120):
                name, body, moment = f"n{n}.md", " ".join([text(n)] * 40), now()
                resource = await resources.insert(
                    tx,
                    Resource(
                        0, "default", name, "note", body, str(n), 1, [], {}, None, None, False, moment, moment
                    ),
                )
                parts = [(0, 100, text(n), 9), (100, 200, text(n + 1), 9), (200, 300, text(n + 2), 9)]
                ids = await resources.insert_chunks(tx, resource.id, parts)
                rows = [
                    resources.Chunk(
                        one, "default", resource.id, k, 0, parts[k][2], name, "note", [], 1, moment
                    )
                    for k, one in enumerate(ids)
                ]
                await index.add(tx, CHUNK, rows, index.prepared(CHUNK, rows))
        await database.close()

    asyncio.run(fill())
    with Session(db) as client:
        seen: list[int] = []
        for offset in range(0, 120, 10):
            page = client.ok("retrieve_memory", query="holiday roster", top_k=10, offset=offset)
            assert page["total"] == 120
            assert page["has_more"] is (offset < 110)
            seen += [result["resource_id"] for result in page["results"]]
    assert sorted(seen) == list(range(1, 121))


@pytest.mark.parametrize("mode", ["hybrid", "lexical"])
def test_documents_of_which_no_chunk_is_among_the_nearest_are_seen_too(db: Path, mode: str) -> None:
    """Some fill the candidates alone, with hundreds of chunks each."""
    with Session(db, env={"LTMC_SEARCH_MODE": mode}) as client:
        for n in range(12):
            text = f"filler {n} " * 4_000 if n < 7 else f"filler {n} and other words beside it " * 300
            client.ok("store_memory", file_name=f"{n}.md", content=text)
        while pending(db):  # which alters the order
            time.sleep(0.1)
        for count in range(1, 12):
            assert client.ok("retrieve_memory", query="filler", top_k=count)["has_more"], count
        names, offset = [], 0
        while offset is not None:
            page = client.ok("retrieve_memory", query="filler", top_k=5, offset=offset)
            names += [one["file_name"] for one in page["results"]]
            assert page["total"] == 12 or (mode == "lexical" and page["total_is_exact"] is False)
            offset = len(names) if page["has_more"] else None
        assert sorted(names) == sorted(f"{n}.md" for n in range(12))
