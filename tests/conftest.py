"""Fixtures that all tests share."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.client import Session
from tests.postgres import SYSTEM, PostgresPlace, PostgresServer, packaged

REQUIRE_ALL = os.environ.get("LTMC_REQUIRE_ALL") == "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our own option."""
    parser.addoption("--update-snapshots", action="store_true", help="record the listing of each tool anew")
    parser.addoption(
        "--engine", choices=("sqlite", "postgres"), default="sqlite", help="the database's engine"
    )


SLOW = (
    "trust/",
    "search/test_kernel",
    "bundles/",
    "freeze/",
    "installers/",
    "agents/test_programs",
    "forms/",
    "code_structure/",
)
"""The files that take long, of tests/: they begin first, so that two workers end together."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put slow files first; on PostgreSQL keep what takes a database of the engine, but for what is bound to a file.

    The forms hold no driver of PostgreSQL.
    """
    tests = Path(__file__).parent
    items.sort(key=lambda item: not item.path.relative_to(tests).as_posix().startswith(SLOW))
    if config.getoption("--engine") == "postgres":
        for item in items:
            form = item.callspec.params.get("form", "source") if hasattr(item, "callspec") else "source"
            if item.path.parent.name == "forms" and form != "source":
                item.add_marker("database_file")
        kept = [item for item in items if "new_database" in getattr(item, "fixturenames", ())]
        kept = [item for item in kept if item.get_closest_marker("database_file") is None]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


@pytest.fixture(autouse=True, scope="session")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps tests away from the settings and memories of whoever runs them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("LTMC_", "XDG_", "FASTMCP_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        yield


def running_postgres(*, pgvector: bool) -> Iterator[PostgresServer]:
    """Run a PostgreSQL server until the tests end."""
    if packaged() is None and (pgvector or not SYSTEM.is_dir()):
        unavailable(
            "PostgreSQL with pgvector is not installed" if pgvector else "PostgreSQL is not installed"
        )
    pytest.importorskip("psycopg")
    server = PostgresServer(pgvector=pgvector)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> PostgresServer:
    """A PostgreSQL server, with pgvector where that is installed."""
    kind = "plain" if packaged() is None else "vector"
    server: PostgresServer = request.getfixturevalue(f"{kind}_postgres_server")
    return server


@pytest.fixture(scope="session")
def plain_postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server without pgvector."""
    yield from running_postgres(pgvector=False)


@pytest.fixture(scope="session")
def vector_postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server with pgvector."""
    yield from running_postgres(pgvector=True)


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> Callable[[Path], Path]:
    """Returns, for a folder, the path of a database that does not exist yet.

    With ``--engine postgres`` it is the address of a database that has LTMC's tables and nothing in them.
    """
    if request.config.getoption("--engine") == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return lambda _: cast("Path", server.ready_database())
    return lambda folder: folder / "ltmc.db"


@pytest.fixture
def db(
    new_database: Callable[[Path], Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A database that does not exist yet, or is empty."""
    place = new_database(tmp_path / "data")
    if isinstance(
        place, PostgresPlace
    ):  # what belongs to the host, such as the token of HTTP, is in the home
        monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    return place


@pytest.fixture
def client(db: Path) -> Iterator[Session]:
    """A session with a server of its own, on an empty database."""
    with Session(db) as session:
        yield session


@pytest.fixture(scope="module")
def shared(
    new_database: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    """A session for the tests of a module; each uses a project of its own (fixture `project`)."""
    with Session(new_database(tmp_path_factory.mktemp("shared"))) as session:
        yield session


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """A project name for one test."""
    return "".join(char if char.isalnum() else "_" for char in request.node.name)[:100]


class RedisServer:
    """A real Redis server on a free port of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("redis-server") or "/usr/bin/redis-server"
        self.process = subprocess.Popen(
            [program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", self._folder],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(7) == b"+PONG\r\n":
                        return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def kill(self) -> None:
        """Kill it at once."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server of the test's own."""
    if shutil.which("redis-server") is None:
        unavailable("redis-server is not installed")
    server = RedisServer(tmp_path)
    yield server
    server.kill()


def unavailable(what: str) -> None:
    """Skip for want of `what`; where everything is required (LTMC_REQUIRE_ALL=1), fail."""
    if REQUIRE_ALL:
        pytest.fail(what)
    pytest.skip(what)
