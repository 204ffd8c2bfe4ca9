"""The search index in SQLite."""

import sqlite3
from contextlib import closing

from ltmc.storage.index_entries import quote, scope_name, scope_term, terms_of
from ltmc.storage.search_index import SearchIndex
from ltmc.storage.sqlite.index_entries import SqliteEntries

_MERGED_PAGES = 64
"""How many pages of the terms are merged at a time: a few milliseconds."""

_SAMPLE, _SAMPLE_TERMS = 100, 10
"""Of how many entries so many terms are looked for; the integrity check of FTS5 misses some that are lost."""

_SOUND = {
    "search_state": "SELECT count(*) = 1 AND min(typeof(identity) || typeof(removed)) = 'textinteger' "
    "FROM search_state",
    "search_entries": "SELECT count(*) = 0 FROM search_entries "
    "WHERE typeof(impacts) <> 'text' OR typeof(vector) <> 'blob' OR seq NOT IN (SELECT seq FROM search_codes)",
    "search_codes": "SELECT count(*) = 0 FROM search_codes "
    "WHERE typeof(code) <> 'blob' OR seq NOT IN (SELECT seq FROM search_entries)",
}
"""What must be true of the index's tables."""


class SqliteSearchIndex(SqliteEntries, SearchIndex):
    """See `SearchIndex`."""

    cursor: sqlite3.Cursor

    def document_frequency(self, expression: str) -> int:
        """Count the entries of the whole index that match an expression of FTS5: about 40 ns each."""
        found = self.cursor.execute(
            "SELECT count(*) FROM search_terms WHERE search_terms MATCH ?", (expression,)
        )
        return int(found.fetchone()[0])

    def damage(self) -> str | None:
        """Return what is wrong with the index in itself, if anything; in a transaction that writes."""
        try:
            self.cursor.execute("INSERT INTO search_terms (search_terms) VALUES ('integrity-check')")
            for table, sql in _SOUND.items():
                if not self.cursor.execute(sql).fetchone()[0]:
                    return f"the table {table} does not fit the others of the index"
            sql = "SELECT kind, project_id, count(*) FROM search_entries GROUP BY kind, project_id"
            for kind, project_id, count_of in self.cursor.execute(sql).fetchall():
                scope = quote(scope_term(scope_name(kind, project_id)))
                if self.document_frequency(scope) != count_of:
                    return "the table search_terms does not hold every entry"
            every = "SELECT 1 + count(*) / ? FROM search_entries"
            sql = f"SELECT seq, impacts FROM search_entries WHERE seq % ({every}) = 0"
            for seq, impacts in self.cursor.execute(sql, (_SAMPLE,)).fetchall():
                for term in terms_of(impacts)[:_SAMPLE_TERMS]:
                    sql = "SELECT 1 FROM search_terms WHERE search_terms MATCH ? AND rowid = ?"
                    if self.cursor.execute(sql, (quote(term), seq)).fetchone() is None:
                        return "the table search_terms does not hold every term"
        except sqlite3.DatabaseError as error:
            code = getattr(
                error, "sqlite_errorcode", sqlite3.SQLITE_ERROR
            )  # none for a text that is not UTF-8
            if code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
                raise
            return f"the table search_terms: {error}"
        return None

    def empty(self) -> None:
        """Make an index without entries in the place of one that may be damaged, and have all rows indexed anew."""
        statement = self.cursor.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'search_terms'"
        ).fetchone()[0]
        try:
            self.cursor.execute("DROP TABLE search_terms")
        except sqlite3.DatabaseError:
            # It cannot even be opened before the tables that belong to it hold what those of an empty one do.
            with closing(sqlite3.connect(":memory:")) as other:
                other.execute(statement)
                names = other.execute(
                    "SELECT name FROM sqlite_master WHERE name <> 'search_terms'"
                ).fetchall()
                for (name,) in names:
                    self.cursor.execute(f"DELETE FROM {name}")
                    for row in other.execute(f"SELECT * FROM {name}"):
                        self.cursor.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
            self.cursor.execute("DROP TABLE search_terms")
        self.cursor.execute(statement)
        self.cursor.execute(
            "INSERT OR REPLACE INTO search_state (id, identity, target, boundary, removed) VALUES (1, '', '', 0, "
            "coalesce((SELECT max(CAST(removed AS INTEGER)) FROM search_state), 0) "
            "+ (SELECT count(*) FROM search_entries))"
        )
        self.cursor.execute("DELETE FROM search_entries")
        self.cursor.execute("DELETE FROM search_codes")

    def merge(self, *, anew: bool) -> bool:
        """Merge parts of the terms, which leaves out those of entries that are gone; return whether there may be more.

        Args:
            anew: begin with all of them.
        """
        connection = self.cursor.connection
        before = connection.total_changes
        pages = -_MERGED_PAGES if anew else _MERGED_PAGES
        self.cursor.execute("INSERT INTO search_terms (search_terms, rank) VALUES ('merge', ?)", (pages,))
        return connection.total_changes - before >= 2
