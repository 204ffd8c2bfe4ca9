"""Near vectors found by pgvector: the same answers as from memory, and the indexes that it takes."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ltmc.app.application import Application
from ltmc.errors import LtmcError
from ltmc.search import index, resident_index
from ltmc.search.kinds import CHUNK
from ltmc.search.resident_index import CurrentIndex, DistantScope
from ltmc.storage.engine import Engine
from ltmc.timestamps import now
from tests.benchmarks import search
from tests.client import Session, run_cli, settings_of, use
from tests.postgres import PostgresPlace, PostgresServer

psycopg = pytest.importorskip("psycopg")

TEXTS = [
    f"The {bird} was {seen} at the {place} on a {weather} {time}."
    for bird in ("heron", "wren", "kite", "owl", "swift")
    for seen in ("seen", "heard", "counted")
    for place in ("pond", "moor", "castle", "harbour")
    for weather in ("wet", "dry")
    for time in ("morning", "evening")
]
QUERIES = (
    "a bird of prey over the heath",
    "rain beside the water at dawn",
    "songbirds near ships",
    "owl castle",
)


@pytest.fixture
def place(vector_postgres_server: PostgresServer) -> PostgresPlace:
    """The address of an empty database on a server with pgvector."""
    return vector_postgres_server.empty_database()


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has few entries count as many."""
    monkeypatch.setattr(resident_index, "SMALL_SCOPE_ENTRIES", 10)
    monkeypatch.setattr(resident_index, "KEPT_ENTRIES", 50)


async def found(engine: Engine, query: str, project: str = search.PROJECT) -> list[tuple[int, float]]:
    """Search by meaning and words; return ids and scores."""
    async with engine.read() as tx:
        ranking = await index.search(tx, CHUNK, query, projects=[project], limit=10)
    return [(hit.id, hit.score) for hit in ranking.hits]


async def fill(engine: Engine, texts: list[str], prefix: str = "") -> None:
    """Store memories."""
    rows = [
        replace(search.memory(n, text, now()), file_name=f"{prefix}{n}.md") for n, text in enumerate(texts)
    ]
    ready = index.prepared(CHUNK, rows)
    async with engine.write(search.PROJECT) as tx:
        await index.add(tx, CHUNK, [await search.store_memory(tx, row) for row in rows], ready)


def is_distant(app: Application) -> bool:
    """Return whether the database finds what is near in the project."""
    engine = cast("Any", getattr(app.engine, "_engine", app.engine))
    scopes = engine._connections.resident[CurrentIndex]._index.scopes
    return isinstance(scopes[f"chunk:{search.PROJECT}"], DistantScope)


INDEXES = (
    "SELECT indexdef FROM pg_indexes JOIN pg_class c ON relname = indexname JOIN pg_index i ON indexrelid = c.oid "
    "WHERE indexname LIKE 'search_near_%' AND indisvalid"
)


def database(place: PostgresPlace) -> str:
    return place.url.rpartition("/")[2]


def test_answers_are_those_from_memory_before_and_with_the_index(
    place: PostgresPlace, vector_postgres_server: PostgresServer, tmp_path: Path
) -> None:
    async def work(app: Application) -> list[Any]:
        await fill(app.engine, TEXTS)
        answers = [await found(app.engine, query) for query in QUERIES]
        if app.engine.name == "postgresql":
            assert is_distant(app)
            await asyncio.to_thread(vector_postgres_server.wait, INDEXES, database(place))
            await fill(app.engine, ["A harbour seal slept."], "new")
            assert [await found(app.engine, query) for query in QUERIES] == answers
            async with app.engine.read() as tx:
                await tx.run("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
                plan = await tx.column(
                    "EXPLAIN SELECT seq FROM search_codes WHERE scope = 'chunk:default' AND length(code) = 48 "
                    "ORDER BY CAST(sign_bits(code) AS BIT(384)) <~> sign_bits(CAST(? AS BYTEA)) LIMIT 3",
                    [bytes(48)],
                )
            assert "search_near_" in str(plan)
            assert (await found(app.engine, "a seal asleep"))[0][0] == len(TEXTS) + 1
        return answers

    mine, file = use(cast("Path", place), work), use(tmp_path / "ltmc.db", work)
    for one, other in zip(mine, file, strict=True):
        assert [score for _, score in one] == pytest.approx([score for _, score in other], abs=0.01)
        assert len({id_ for id_, _ in one[:5]} & {id_ for id_, _ in other[:5]}) >= 4


def test_other_projects_take_nothing_away(
    place: PostgresPlace, vector_postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(app: Application) -> None:
        await fill(app.engine, TEXTS)
        for project in ("o'ther", "and \\ a third"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(search, "PROJECT", project)
                await fill(app.engine, [text.replace("bird", "fish") for text in TEXTS])
        for project in (search.PROJECT, "o'ther", "and \\ a third"):
            assert len(await found(app.engine, "a fish in the sea", project)) == 10
            await asyncio.sleep(0.5)
            assert len(await found(app.engine, "a fish in the sea", project)) == 10

    use(cast("Path", place), work)
    # One at a time is made; the next search of the others has theirs made.
    for _ in range(3):
        use(cast("Path", place), lambda app: found(app.engine, "a fish", "o'ther"))
    vector_postgres_server.wait(f"{INDEXES} AND indexdef LIKE '%o''''ther%'", database(place))


def test_what_is_forgotten_is_not_found(place: PostgresPlace) -> None:
    async def work(app: Application) -> None:
        await fill(app.engine, TEXTS)
        gone = [id_ for id_, _ in await found(app.engine, QUERIES[0])]
        await asyncio.sleep(1)
        async with app.engine.write() as tx:
            await index.remove(tx, CHUNK, gone)
        left = [id_ for id_, _ in await found(app.engine, QUERIES[0])]
        assert len(left) == 10
        assert not set(left) & set(gone)
        async with app.engine.write() as tx:
            await index.remove(tx, CHUNK, range(40, 10_000))
        assert {id_ for id_, _ in await found(app.engine, QUERIES[0])} <= set(range(40))
        assert not is_distant(app)

    use(cast("Path", place), work)


def test_a_user_who_may_not_create_it_goes_by_memory_until_it_is_there(
    place: PostgresPlace, vector_postgres_server: PostgresServer
) -> None:
    name = database(place)
    vector_postgres_server.execute(
        "DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN END $$"
    )
    vector_postgres_server.execute("GRANT CREATE ON SCHEMA public TO plain", name)
    theirs = PostgresPlace(place.url.replace("ltmc@", "plain@"))

    async def work(app: Application, part: str) -> tuple[str, bool]:
        await fill(app.engine, TEXTS[:120], part)
        await found(app.engine, QUERIES[0])
        return await app.engine.version(), is_distant(app)

    version, distant = use(cast("Path", theirs), lambda app: work(app, "a"))
    assert version.endswith(", without pgvector")
    assert not distant
    vector_postgres_server.execute("CREATE EXTENSION vector", name)
    version, distant = use(cast("Path", theirs), lambda app: work(app, "b"))
    assert "pgvector 0." in version
    assert distant
    vector_postgres_server.wait(INDEXES, name)
    assert "pgvector 0." in run_cli("doctor", "--db", theirs.url).stdout
    with Session(cast("Path", theirs)) as client:
        assert "pgvector 0." in client.ok("redis_health_check")["version"]
        assert "pgvector 0." in client.ok("get_performance_report")["backends"]["postgresql"]["backend"]


def test_it_may_be_in_another_schema(place: PostgresPlace, vector_postgres_server: PostgresServer) -> None:
    name = database(place)
    vector_postgres_server.execute('CREATE SCHEMA "Its own"; CREATE SCHEMA mine', name)
    vector_postgres_server.execute('CREATE EXTENSION vector SCHEMA "Its own"', name)
    mine = PostgresPlace(f"{place.url}?options=-csearch_path%3Dmine")

    async def work(app: Application) -> None:
        await fill(app.engine, TEXTS)
        assert len(await found(app.engine, QUERIES[0])) == 10
        assert is_distant(app)

    use(cast("Path", mine), work)
    vector_postgres_server.wait(INDEXES, name)


def test_an_index_whose_making_was_broken_off_is_made_anew(
    place: PostgresPlace, vector_postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ltmc.storage.postgres import connections
    from ltmc.storage.postgres.near import index_name

    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.2)

    name, wanted = database(place), index_name(f"chunk:{search.PROJECT}")

    async def work(app: Application) -> None:
        await found(app.engine, QUERIES[0])

    use(cast("Path", place), lambda app: fill(app.engine, TEXTS))
    use(cast("Path", place), work)
    vector_postgres_server.wait(INDEXES, name)
    vector_postgres_server.execute(
        f"UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = '{wanted}'::regclass", name
    )

    async def search_twice(app: Application) -> None:
        await work(app)
        vector_postgres_server.wait(f"SELECT 1 WHERE to_regclass('{wanted}') IS NULL", name)
        await asyncio.sleep(0.3)
        await work(app)

    use(cast("Path", place), search_twice)
    vector_postgres_server.wait(INDEXES, name)
    left = "SELECT relname FROM pg_class WHERE relkind = 'i' AND relname LIKE 'search_near%'"
    assert vector_postgres_server.execute(left, name) == [(wanted,)]


def test_who_only_reads_makes_no_index(place: PostgresPlace, vector_postgres_server: PostgresServer) -> None:
    use(cast("Path", place), lambda app: fill(app.engine, TEXTS))

    async def read() -> None:
        app = Application(settings_of(cast("Path", place), read_only=True))
        try:
            assert len(await found(app.engine, QUERIES[0])) == 10
            assert is_distant(app)
        finally:
            await app.close()

    asyncio.run(read())
    assert not vector_postgres_server.execute(INDEXES.partition(" AND ")[0], database(place))


def test_frequencies_of_common_terms_come_from_the_statistics(
    place: PostgresPlace, vector_postgres_server: PostgresServer
) -> None:
    async def work(app: Application) -> list[int]:
        async with app.engine.read() as tx:
            return [
                await tx.call(lambda stored, term=term: stored.document_frequency(f'"{term}"'))
                for term in ("heron", "chunk:default", "absent", "it's \\")
            ]

    use(cast("Path", place), lambda app: fill(app.engine, TEXTS))
    counted = use(cast("Path", place), work)
    assert counted == [48, 240, 0, 0]
    vector_postgres_server.execute("ANALYZE search_entries", database(place))
    assert use(cast("Path", place), work) == pytest.approx(counted, abs=1)
    vector_postgres_server.execute("DELETE FROM search_entries WHERE seq > 200", database(place))
    assert use(cast("Path", place), work)[1] == pytest.approx(240, abs=1)  # until it is analysed anew


def test_a_second_large_project_gets_its_index_once_that_of_the_first_is_made(
    place: PostgresPlace, vector_postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ltmc.storage.postgres import connections, near

    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.2)
    held = f"SELECT pg_advisory_lock({near.INDEXING})"

    async def work(app: Application) -> None:
        await fill(app.engine, TEXTS)
        with psycopg.connect(place.url) as another:
            another.execute(held.encode())
            await found(app.engine, QUERIES[0])
        assert not vector_postgres_server.execute(INDEXES, database(place))
        await asyncio.sleep(0.3)
        await found(app.engine, QUERIES[0])
        await asyncio.to_thread(vector_postgres_server.wait, INDEXES, database(place))

    use(cast("Path", place), work)


def test_a_server_does_without_the_extension_when_it_is_dropped(
    place: PostgresPlace, vector_postgres_server: PostgresServer
) -> None:
    async def work(app: Application) -> None:
        await fill(app.engine, TEXTS)
        answer = await found(app.engine, QUERIES[0])
        assert is_distant(app)
        vector_postgres_server.execute("DROP EXTENSION vector CASCADE", database(place))
        with pytest.raises(LtmcError, match="extension vector was dropped"):
            await found(app.engine, QUERIES[0])
        assert len(await found(app.engine, QUERIES[0])) == len(answer)
        assert not is_distant(app)

    use(cast("Path", place), work)
