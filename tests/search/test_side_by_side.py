"""What is kept of the index in memory serves searches side by side, and finds what was stored before each."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from ltmc.app.application import Application
from ltmc.errors import LtmcError
from ltmc.features.memory.searching import SearchService
from ltmc.features.todos.service import TodoService
from ltmc.search import index
from ltmc.search.kinds import TODO
from ltmc.search.resident_index import CurrentIndex
from tests.client import Session, connected, run_cli, use


async def found(app: Application, query: str) -> list[str]:
    result = await app.get(SearchService).recall_by_type(query, "todo", top_k=5, offset=0, project_id=None)
    return [one["title"] for one in result["results"]]


@pytest.mark.parametrize("small", [True, False])
def test_searches_beside_each_other_and_beside_writes(
    db: Path, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not small:
        monkeypatch.setattr("ltmc.search.resident_index.SMALL_SCOPE_ENTRIES", 10)

    async def work(app: Application) -> None:
        async def lane(name: str) -> None:
            for n in range(40):
                await app.get(TodoService).add(f"water the {name}{n} plant", "", "low", None)
                assert (await found(app, f"{name}{n}"))[0] == f"water the {name}{n} plant"

        async with asyncio.TaskGroup() as tasks:
            for name in ("rose", "fern", "palm", "moss", "reed"):
                tasks.create_task(lane(name))
        assert len(await found(app, "plant")) == 5

    use(db, work)


@pytest.mark.parametrize("most_kept", [10, 1_000])
def test_searches_in_many_projects_find_all_and_keep_not_too_much(
    db: Path, most_kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ltmc.search.resident_index.MOST_KEPT", most_kept)

    async def work(app: Application) -> None:
        todos, search = app.get(TodoService), app.get(SearchService)

        async def lane(project: str) -> None:
            for n in range(12):
                await todos.add(f"water the plant {n}", "", "low", project)
                one = await search.recall_by_type(
                    f"plant {n}", "todo", top_k=20, offset=0, project_id=project
                )
                assert (one["results"][0]["title"], one["total"]) == (f"water the plant {n}", n + 1)

        async with asyncio.TaskGroup() as tasks:
            for n in range(6):
                tasks.create_task(lane(f"p{n}"))
        async with app.engine.read() as tx:
            kept = tx.resident(CurrentIndex)._index.scopes
        assert (
            sum(scope.size for scope in kept.values()) <= most_kept + 36
        )  # what was read side by side comes on top

    use(db, work)


def test_a_search_in_an_older_snapshot_takes_nothing_from_later_ones(db: Path) -> None:
    async def work(app: Application) -> None:
        async def ids(tx: object) -> list[int]:
            ranking = await index.search(tx, TODO, "plant", projects=["default"], limit=50)  # type: ignore[arg-type]
            return [row.id for row, _ in await index.load_rows(tx, TODO, ranking.hits)]  # type: ignore[arg-type]

        for n in range(3):
            await app.get(TodoService).add(f"plant {n}", "", "low", None)
        async with app.engine.read() as old:
            for n in range(3, 6):
                await app.get(TodoService).add(f"plant {n}", "", "low", None)
                async with app.engine.read() as new:
                    assert len(await ids(new)) == n + 1
                assert len(await ids(old)) == 3
        async with app.engine.read() as new:
            assert len(await ids(new)) == 6

    use(db, work)


@pytest.mark.database_file
def test_a_reading_of_the_index_that_was_interrupted_is_done_again(db: Path) -> None:
    with Session(db) as client:
        for n in range(300):
            client.ok("add_todo", title=f"plant {n}")

    async def work(app: Application) -> None:
        for steps in (1, 50, 100, 200, 500, 1000):
            with pytest.raises(LtmcError, match="interrupted"):
                async with app.engine.read() as tx:
                    await tx.call(
                        lambda stored, steps=steps: stored.cursor.connection.set_progress_handler(
                            lambda: 1, steps
                        )
                    )
                    try:
                        await index.search(tx, TODO, "plant 7", projects=["default"], limit=5)
                    finally:
                        await tx.call(lambda stored: stored.cursor.connection.set_progress_handler(None, 1))
        assert (await found(app, "plant 7"))[0] == "plant 7"

    use(db, work)


@pytest.mark.database_file
def test_more_scopes_than_16_bits_count(db: Path) -> None:
    with Session(db) as client:
        client.ok("add_todo", title="water the plants")
        with closing(connected(db)) as connection, connection:
            (last,) = connection.execute("SELECT max(seq) FROM search_codes").fetchone()
            connection.executemany(
                "INSERT INTO search_codes VALUES (?, ?, zeroblob(32))",
                ((last + n, f"todo:p{n}") for n in range(1, 65_540)),
            )
            connection.execute(
                "UPDATE sqlite_sequence SET seq = ? WHERE name = 'search_entries'", (last + 65_540,)
            )
        client.ok("add_todo", title="water the trees", project_id="new")
        assert client.ok("search_todos", query="water")["total"] == 1
        assert client.ok("search_todos", query="water", project_id="new")["total"] == 1


@pytest.mark.database_file
def test_a_project_that_a_restore_took_away_is_made_known_again(db: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    with Session(db) as client:
        client.ok("add_todo", title="a")
        assert run_cli("backup", str(backup), "--db", str(db)).returncode == 0
        client.ok("add_todo", title="b", project_id="later")
        assert run_cli("restore", str(backup), "--force", "--db", str(db)).returncode == 0
        client.ok("add_todo", title="c", project_id="later")
        assert "later" in [one["project_id"] for one in client.ok("list_projects")["projects"]]
