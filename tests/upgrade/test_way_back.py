"""An older LTMC on the database of a newer one says how to go back, and that works."""

import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

from ltmc.storage.sqlite.migrations import SCHEMA_VERSION
from tests.client import run_cli
from tests.upgrade import recorded


def bring_further(db: Path) -> None:
    """Leave a database as a newer LTMC would, with the copy that its migration made."""
    with closing(sqlite3.connect(db)) as connection, connection:
        copy = db.with_name(f"{db.name}.v{SCHEMA_VERSION}-2099-01-01T000000.000000Z.backup")
        with closing(sqlite3.connect(copy)) as target:
            connection.backup(target)
        connection.execute("INSERT INTO schema_migrations VALUES (?, '2099')", (SCHEMA_VERSION + 1,))


def test_the_command_that_is_named_puts_back_what_was_there(tmp_path: Path) -> None:
    db = recorded.restore(tmp_path)
    before = run_cli("list", "--db", str(db), "--project", "shop", "--json", "--limit", "1").stdout
    oldest = [*db.parent.glob(f"{db.name}.v*.backup")]
    assert len(oldest) == 1, "the migration kept the database as it was"
    bring_further(db)
    refused = run_cli("list", "--db", str(db))
    assert refused.returncode == 1
    said, _, command = refused.stderr.strip().splitlines()[-1].partition(": ltmc restore ")
    assert "Use a newer LTMC" in said
    words = shlex.split(command.removesuffix("."))
    assert f".v{SCHEMA_VERSION}-2099" in words[-1], "the last one, not the oldest"
    assert run_cli("restore", *words).returncode == 0
    after = run_cli("list", "--db", str(db), "--project", "shop", "--json", "--limit", "1")
    assert (after.returncode, after.stdout) == (0, before)


def test_without_a_copy_it_names_none(tmp_path: Path) -> None:
    db = recorded.restore(tmp_path)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES (?, '2099')", (SCHEMA_VERSION + 1,))
    assert "restore" not in run_cli("list", "--db", str(db)).stderr
