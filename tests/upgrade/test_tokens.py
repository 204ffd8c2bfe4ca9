"""Databases made before there were tokens of users, on both engines."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from ltmc.storage.sqlite import migrations
from tests.client import run_cli
from tests.postgres import PostgresPlace, PostgresServer

BEFORE, BEFORE_ON_POSTGRES = 16, 1
"""The last versions of the schema without the table."""

CALL = (
    "INSERT INTO tool_calls (tool, project_id, duration_ms, ok, created_at) "
    "VALUES ('add_todo', 'web', 1, 1, '2099-01-01T00:00:00.000000Z')"
)
VERSION = "INSERT INTO schema_migrations VALUES ({}, '2026-01-01T00:00:00.000000Z')"


def assert_has_users(db: Path) -> None:
    """Tokens can be made, and the calls from before are of nobody."""
    made = run_cli("token", "add", "ann", "--role", "read", "--db", str(db))
    assert made.returncode == 0, made
    usage = json.loads(run_cli("usage", "--by", "caller", "--project", "*", "--json", "--db", str(db)).stdout)
    assert [(row["caller"], row["count"]) for row in usage["calls"]] == [(None, 1)]


def test_a_file_of_before(tmp_path: Path) -> None:
    db = tmp_path / "ltmc.db"
    with closing(sqlite3.connect(db)) as connection, connection:
        for number, name in enumerate(migrations.FILES[:BEFORE], start=1):
            for statement in migrations.statements(migrations.script(name)):
                connection.execute(statement)
            connection.execute(VERSION.format(number))
        connection.execute(CALL)
    assert_has_users(db)


def test_a_server_of_before(postgres_server: PostgresServer) -> None:
    psycopg = pytest.importorskip("psycopg")
    from ltmc.storage.postgres import migrations as of_postgres

    place: PostgresPlace = postgres_server.empty_database()
    with psycopg.connect(place.url) as connection:
        for number, name in enumerate(of_postgres.FILES[:BEFORE_ON_POSTGRES], start=1):
            connection.execute(of_postgres.script(name))
            connection.execute(VERSION.format(number))
        connection.execute(CALL)
    assert_has_users(cast("Path", place))
