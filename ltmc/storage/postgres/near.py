"""Near vectors found by PostgreSQL itself, with the extension pgvector.

What is near by the sign bits (Hamming distance) is found by an HNSW index. Each large scope has one of its own, so that
no search loses results to other projects, and small ones cost none. The server makes it in the background once the
scope was searched; until it is there, every code is compared, which is slower and as right.
"""

import logging
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

import psycopg

from ltmc.storage.index_entries import Cursor

MOST_BY_INDEX = 20_000
"""More entries than this are found by comparing every code."""

EF_SEARCH = 1_000
"""The largest `hnsw.ef_search`; for more results pgvector goes on where it ended (`hnsw.iterative_scan`)."""

BITS = "CAST(sign_bits(code) AS BIT(384))"
"""A code as the index has it, which wants to be told the length."""

INDEXING = 0x6C746D63_00000003
"""The number of the advisory lock of who makes an HNSW index: one at a time, it takes memory."""

INDEX_MEMORY = "2GB"
"""What the server may take to make one. It takes 0.7 kB an entry; where that is more than it may, it goes on ten times
as slowly."""

logger = logging.getLogger(__name__)


class Pgvector(NamedTuple):
    """The extension as it is in the database: its version, and the quoted schema in which its operators are."""

    version: str
    schema: str


def found(connection: psycopg.Connection[Any], *, may_create: bool) -> Pgvector | None:
    """Return pgvector from 0.8 on, if it can be used.

    Args:
        may_create: create it where the server has it and lets this user.
    """
    if may_create:
        try:
            connection.execute(
                "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector' "
                "AND installed_version IS NULL) THEN CREATE EXTENSION IF NOT EXISTS vector; END IF; END $$"
            )
        except psycopg.Error as error:  # it needs a superuser, or another server is at it
            logger.info("the extension vector cannot be created: %s", error)
    row = connection.execute(
        "SELECT extversion, quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace "
        "WHERE extname = 'vector' AND has_schema_privilege(n.oid, 'USAGE') "
        "AND string_to_array(substring(extversion FROM '^[0-9.]+'), '.')::int[] >= '{0,8}'"
    ).fetchone()
    return Pgvector(*row) if row else None


class NearIndex:
    """See `ltmc.storage.search_index.NearIndex`.

    Args:
        wanted: told of a scope that wants an HNSW index.
    """

    def __init__(self, cursor: Cursor, pgvector: Pgvector, wanted: Callable[[str], None]) -> None:
        self._cursor, self._pgvector, self._wanted = cursor, pgvector, wanted

    def count_after(self, scope: str, seq: int) -> tuple[int, int]:
        """Count the entries of a scope past `seq`; return with it the last of them, or `seq`."""
        count, last = self._cursor.execute(
            "SELECT count(*), max(seq) FROM search_codes WHERE scope = ? AND seq > ?", (scope, seq)
        ).fetchone()
        return count, last or seq

    def spread(self, scope: str, count: int) -> list[int]:
        """Return about `count` entries that are spread over a scope."""
        rows = self._cursor.execute(
            "SELECT DISTINCT found.seq FROM (SELECT min(seq) AS low, max(seq) AS high FROM search_codes "
            "WHERE scope = :scope) ends CROSS JOIN generate_series(0, :count - 1) step CROSS JOIN LATERAL (SELECT seq "
            "FROM search_codes WHERE scope = :scope AND seq >= low + (high - low) * step / :count ORDER BY seq LIMIT 1"
            ") found",
            {"scope": scope, "count": count},
        )
        return [seq for (seq,) in rows]

    def near(self, scope: str, code: bytes, count: int) -> list[tuple[int, bytes]]:
        """Return the `count` entries of a scope with the codes nearest to one, as (seq, code)."""
        distance = f"{BITS} OPERATOR({self._pgvector.schema}.<~>) sign_bits(CAST(? AS BYTEA))"
        if count <= MOST_BY_INDEX:
            self._wanted(scope)
            self._cursor.execute(
                f"SET LOCAL hnsw.ef_search = {min(count, EF_SEARCH)}; SET LOCAL hnsw.iterative_scan = strict_order; "
                f"SET LOCAL hnsw.max_scan_tuples = {4 * MOST_BY_INDEX}; SET LOCAL hnsw.scan_mem_multiplier = 8"
            )
        else:
            distance = f"({distance}) + 0"  # which no index gives
        return self._cursor.execute(
            f"SELECT seq, code FROM search_codes WHERE scope = ? AND length(code) = {len(code)} "
            f"ORDER BY {distance} LIMIT ?",
            (scope, code, count),
        ).fetchall()


def index_name(scope: str) -> str:
    """Return the name of the HNSW index of a scope."""
    return f"search_near_{blake2b(scope.encode(), digest_size=16).hexdigest()}"


def begin_index(connection: psycopg.Connection[Any], pgvector: Pgvector, scope: str) -> bool:
    """Have the server make the HNSW index of a scope, if it is not there; nobody waits for it.

    The connection may be closed then: the server finishes nevertheless. While another index is being made, or what was
    left of one whose making was broken off is being removed, it returns False, and is to be called again.
    """
    name = index_name(scope)
    row = connection.execute(
        "SELECT indexrelid IS NOT NULL, indisvalid, NOT coalesce(indisvalid, FALSE) "
        f"AND pg_try_advisory_lock({INDEXING}) "
        "FROM (SELECT to_regclass(%s) AS wanted) w LEFT JOIN pg_index ON indexrelid = wanted",
        (name,),
    ).fetchone()
    left_over, done, is_turn = row or (False, False, False)
    if done or not is_turn:
        return bool(done)
    connection.execute(
        f"SET maintenance_work_mem = '{INDEX_MEMORY}'; SET max_parallel_maintenance_workers = 0"
    )
    connection.execute("SET statement_timeout = 0")
    literal = psycopg.sql.Literal(scope).as_string(connection)
    statement = (
        f"DROP INDEX CONCURRENTLY {name}"
        if left_over
        else f"CREATE INDEX CONCURRENTLY {name} ON search_codes USING hnsw "
        f"(({BITS}) {pgvector.schema}.bit_hamming_ops) "
        f"WHERE scope = {literal} AND length(code) = 48"
    )
    connection.pgconn.nonblocking = 0  # it is sent whole
    connection.pgconn.send_query(statement.encode())
    return not left_over
