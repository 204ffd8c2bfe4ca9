"""What a database file must be made of before it is taken for one of LTMC's.

A file from elsewhere may hold a trigger that deletes, or a view that never ends. So its schema is read first, as
text, and compared with the one that the migrations make; only then is anything in it queried.
"""

import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError
from ltmc.storage.sqlite import migrations

_UNREAD = re.compile(r"('[^']*'|\"[^\"]*\")|(?:--[^\n]*|[ \t\n\f\r])+")
"""Comments and what SQLite takes for white space, and the quoted texts in which they count."""

_STATISTICS = {
    "sqlite_stat1": "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "sqlite_stat4": "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
}
"""Tables that SQLite makes where it is told to analyse."""

Objects = dict[tuple[str, str], str]
"""The statements of a schema by type and name of what they make."""


def checked_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the schema of the database at `path`, after comparing it with the expected one.

    Raises:
        LtmcError: UNSUPPORTED when it is no LTMC database, a newer one, or holds what LTMC did not make.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    found = _objects(connection)
    history = ("table", "schema_migrations")
    if found.get(history) != expected(1)[history]:
        raise _refused(path, "is not an LTMC database")
    if connection.execute("PRAGMA encoding").fetchone()[0] != "UTF-8":
        raise _refused(path, "does not keep its texts in UTF-8, as LTMC does")
    versions = [
        row[0] for row in connection.execute("SELECT version FROM schema_migrations ORDER BY 1 LIMIT 1000")
    ]
    version: int = max(versions, default=0)
    migrations.require_known(path, version)
    if not versions or versions != [*range(1, version + 1)]:
        raise _refused(path, f"has the schema versions {versions}; LTMC writes 1, 2, 3 and so on")
    wanted = expected(version)
    for made, verdict in (
        (wanted.keys() - found.keys(), "lacks the {} {}"),
        (found.keys() - wanted.keys(), "holds the {} {}, which LTMC did not make"),
        ({one for one in wanted if found.get(one) != wanted[one]}, "has another {} {} than LTMC makes"),
    ):
        if made:
            raise _refused(path, verdict.format(*max(made)))
    return version


@cache
def expected(version: int) -> Objects:
    """Return the schema that the migrations up to `version` make."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for name in migrations.FILES[:version]:
            for statement in migrations.statements(migrations.script(name)):
                connection.execute(statement)
        return _objects(connection)


def _objects(connection: sqlite3.Connection) -> Objects:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {
        (kind, name): _UNREAD.sub(lambda found: found[1] or " ", sql).strip()
        for kind, name, sql in rows
        if not (kind == "table" and sql == _STATISTICS.get(name))
    }


def _refused(path: Path, why: str) -> LtmcError:
    return LtmcError(ErrorCode.UNSUPPORTED, f"FILE: {path} {why}.", field="FILE", details={"path": str(path)})
