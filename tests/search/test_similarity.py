"""Texts are compared as a whole, whether their vectors come from the index or not."""

import asyncio
from pathlib import Path

import pytest

from ltmc.search import index
from ltmc.search.embedding import StaticModel
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
        await index.add(tx, TODO, rows)
        said = [
            await chats.insert(tx, Message(0, "p", "c", "user", text, "engine car", None, {}, now()))
            for text in MESSAGES
        ]
        await index.add(tx, MESSAGE, said)


async def whole(row: Todo) -> str:
    return f"{row.title} {row.description}"


async def content(row: Message) -> str:
    return row.content


@pytest.mark.parametrize("identity", [None, "0:older"])
def test_the_cosine_is_that_of_the_whole_texts(db: Path, identity: str | None) -> None:
    async def run() -> None:
        database = Database(db)
        await fill(database)
        if identity is not None:
            async with database.write() as tx:
                await tx.run("UPDATE search_state SET identity = ?", [identity])
                await tx.run("UPDATE search_entries SET vector = zeroblob(256)")
        own = index.model().encode(TEXT)
        async with database.read() as tx:
            found = await similar(
                tx, TODO, TEXT, project_id="p", text_of=whole, least=0.1, candidates=20, mode="lexical"
            )
            said = await similar(
                tx, MESSAGE, TEXT, project_id="p", text_of=content, least=-1, candidates=20, mode="lexical"
            )
        await database.close()
        assert len(found) >= 2
        for row, similarity in found:
            assert similarity == round(cosine(own, index.model().encode(await whole(row))), 4)
        assert [pair[1] for pair in found] == sorted((pair[1] for pair in found), reverse=True)
        assert all(pair[1] >= 0.1 for pair in found)
        assert len(said) == len(MESSAGES), "who spoke is found too"
        for row, similarity in said:
            assert similarity == round(cosine(own, index.model().encode(row.content)), 4)

    asyncio.run(run())


def test_what_the_index_holds_is_not_encoded_again(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    encode = StaticModel.encode

    async def run() -> int:
        database = Database(db)
        await fill(database)
        monkeypatch.setattr(
            StaticModel, "encode", lambda model, text: encoded.append(text) or encode(model, text)
        )
        async with database.read() as tx:
            found = await similar(
                tx, TODO, TEXT, project_id="p", text_of=whole, least=-1, candidates=20, mode="lexical"
            )
        await database.close()
        return len(found)

    assert asyncio.run(run()) >= 3
    assert encoded == [TEXT]


def test_a_transaction_that_writes_cannot_search(db: Path) -> None:
    async def run() -> None:
        database = Database(db)
        try:
            async with database.write("p") as tx:
                await index.search(tx, TODO, "car", project_id="p", limit=1)
        finally:
            await database.close()

    with pytest.raises(RuntimeError, match="reads"):
        asyncio.run(run())
