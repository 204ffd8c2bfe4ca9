"""Texts are compared by their meaning, whether its vectors come from the index or not."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from ltmc.search import index
from ltmc.search.kinds import MESSAGE, TODO
from ltmc.search.similarity import similar
from ltmc.search.vectors import cosine
from ltmc.storage.sqlite.database import Database
from ltmc.storage.tables import chats, todos
from ltmc.storage.tables.chats import Message
from ltmc.storage.tables.todos import Todo
from ltmc.timestamps import now

TEXT = "The car needs a new engine before spring"
TITLES = ["Repair the car", "An automobile\tengine", "ΟΔΟΣ and é", "Buy bread", "Engine"]
MESSAGES = ["my car's engine", "lunch", "the engine of a car is new in spring"]


async def fill(database: Database) -> None:
    async with database.write("p") as tx:
        rows = [
            await todos.insert(tx, Todo(0, "p", title, "for the car " * n, 1, "pending", now()))
            for n, title in enumerate(TITLES)
        ]
        await index.add(tx, TODO, rows, index.prepared(TODO, rows))
        said = [
            await chats.insert(tx, Message(0, "p", "c", "user", text, "engine car", None, {}, now()))
            for text in MESSAGES
        ]
        await index.add(tx, MESSAGE, said, index.prepared(MESSAGE, said))


def test_the_cosine_is_that_of_what_the_index_holds(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []
    together = index.embedded_together

    def embedded(text: str) -> bytes:
        return together([text])[0]

    def noting(texts: Iterable[str]) -> list[bytes]:
        new = list(texts)
        encoded.extend(new)
        return together(new)

    async def run() -> None:
        database = Database(db)
        await fill(database)
        monkeypatch.setattr(index, "embedded_together", noting)
        for identity in (index.identity(), "0:older"):
            async with database.write() as tx:
                await tx.run("UPDATE search_state SET identity = ?", [identity])
            encoded.clear()
            async with database.read() as tx:
                found = await similar(
                    tx, TODO, TEXT, project_id="p", least=0.1, candidates=20, mode="lexical"
                )
                said = await similar(
                    tx, MESSAGE, TEXT, project_id="p", least=-1, candidates=20, mode="lexical"
                )
            assert len(found) >= 2
            assert len(said) == len(MESSAGES), "who spoke is found too"
            for kind, pairs in ((TODO, found), (MESSAGE, said)):
                for row, similarity in pairs:
                    expected = cosine(embedded(TEXT), embedded(kind.entry(row).meaning))
                    assert similarity == pytest.approx(expected, abs=1e-3)
            assert [pair[1] for pair in found] == sorted((pair[1] for pair in found), reverse=True)
            assert all(pair[1] >= 0.1 for pair in found)
            assert (encoded == [TEXT, TEXT]) == (identity == index.identity()), "else the index is another's"
        await database.close()

    asyncio.run(run())


def test_a_transaction_that_writes_cannot_search(db: Path) -> None:
    async def run() -> None:
        database = Database(db)
        try:
            async with database.write("p") as tx:
                await index.search(tx, TODO, "car", projects=["p"], limit=1)
        finally:
            await database.close()

    with pytest.raises(RuntimeError, match="reads"):
        asyncio.run(run())
