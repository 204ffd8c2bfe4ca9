"""The search index in PostgreSQL: terms are found by a GIN index over the lexemes of an entry."""

from collections.abc import Iterable, Sequence

from ltmc.storage.index_entries import Cursor, NewEntry, scope_name, scope_term
from ltmc.storage.search_index import NearIndex, SearchIndex

_MOST_BYTES = 900_000
"""How many bytes of terms an entry is found by: a tsvector holds less than 1 MiB."""

_COMMON = """SELECT frequency * reltuples FROM pg_stats JOIN pg_class ON oid = 'search_entries'::regclass
CROSS JOIN unnest(CAST(CAST(most_common_elems AS TEXT) AS TEXT[]), most_common_elem_freqs) AS terms (term, frequency)
WHERE schemaname = current_schema() AND tablename = 'search_entries' AND attname = 'terms'
AND quote_literal(term) = @terms?"""
"""How many entries hold a term that is one of the thousand commonest; PostgreSQL counts in a sample, now and then."""


class PostgresSearchIndex(SearchIndex):
    """See `SearchIndex`."""

    def __init__(self, cursor: Cursor, near: NearIndex | None = None) -> None:
        super().__init__(cursor)
        self.near = near

    def last_seq(self) -> int:
        """Return the largest seq ever given."""
        return int(self.cursor.execute("SELECT last_seq FROM search_state").fetchone()[0])

    def insert(self, kind: str, entries: Iterable[NewEntry]) -> None:
        """Add entries."""
        made = list(entries)
        # Who has the row of the state gives the next seqs: they are seen in their order.
        last = self.cursor.execute(
            "UPDATE search_state SET last_seq = last_seq + ? RETURNING last_seq", (len(made),)
        ).fetchone()[0]
        rows, codes = [], []
        for seq, entry in enumerate(made, last - len(made) + 1):
            scope = scope_name(kind, entry.project_id)
            terms = fitting([scope_term(scope), *entry.terms])
            rows.append((seq, kind, *entry[:3], entry.impacts, entry.vector, terms))
            codes.append((seq, scope, entry.code))
        self.cursor.executemany(
            "INSERT INTO search_entries (seq, kind, owner_id, project_id, group_key, impacts, vector, terms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, array_to_tsvector(CAST(@list? AS TEXT[])))",
            rows,
        )
        self.cursor.executemany("INSERT INTO search_codes (seq, scope, code) VALUES (?, ?, ?)", codes)

    def delete(self, kind: str, owner_ids: Iterable[int]) -> None:
        """Remove the entries of owners; unknown ids are ignored."""
        ids = list(owner_ids)
        if not ids:
            return
        removed = self.cursor.execute(
            "WITH gone AS (DELETE FROM search_entries WHERE kind = ? AND owner_id = ANY(@list?) "
            "RETURNING seq, kind || ':' || project_id AS scope), codes AS (DELETE FROM search_codes c USING gone "
            "WHERE c.scope = gone.scope AND c.seq = gone.seq) SELECT count(*) FROM gone",
            (kind, ids),
        ).fetchone()[0]
        if removed:
            self.cursor.execute("UPDATE search_state SET removed = removed + ?", (removed,))

    def postings(self, expression: str, limit: int) -> list[int]:
        """Return the seqs of entries that match, the newest first."""
        found = self.cursor.execute(
            "SELECT seq FROM search_entries WHERE terms @@ CAST(@terms? AS tsquery) ORDER BY seq DESC LIMIT ?",
            (expression, limit),
        )
        return [seq for (seq,) in found.fetchall()]

    def document_frequency(self, expression: str) -> int:
        """Count the entries of the whole index that match an expression, a common term about: by the statistics.

        To count what a tenth of a million entries hold reads most of their pages.
        """
        common = self.cursor.execute(_COMMON, (expression,)).fetchone()
        if common:
            return int(common[0])
        found = self.cursor.execute(
            "SELECT count(*) FROM search_entries WHERE terms @@ CAST(@terms? AS tsquery)", (expression,)
        )
        return int(found.fetchone()[0])

    def damage(self) -> str | None:
        """Return what is wrong with the index in itself, if anything; in a transaction that writes."""
        for table, other in (("search_entries", "search_codes"), ("search_codes", "search_entries")):
            sql = f"SELECT count(*) FROM {table} WHERE seq NOT IN (SELECT seq FROM {other})"
            if self.cursor.execute(sql).fetchone()[0]:
                return f"the table {table} does not fit the others of the index"
        return None

    def empty(self) -> None:
        """Make an index without entries in the place of one that may be damaged, and have all rows indexed anew."""
        self.cursor.execute(
            "UPDATE search_state SET identity = '', target = '', boundary = 0, "
            "removed = removed + (SELECT count(*) FROM search_entries)"
        )
        self.cursor.execute("DELETE FROM search_entries")
        self.cursor.execute("DELETE FROM search_codes")

    def merge(self, *, anew: bool) -> bool:  # noqa: ARG002 - as SQLite's
        """Return False: PostgreSQL's autovacuum leaves out the terms of what is gone."""
        return False


def fitting(terms: Sequence[str]) -> list[str]:
    """Return the terms that an entry is found by, each once."""
    left, found = _MOST_BYTES, []
    for term in dict.fromkeys(terms):
        left -= len(term.encode()) + 2
        if left < 0:
            break
        found.append(term)
    return found
