"""The search index's tables, and the queries over them and over the rows.

The functions run synchronously on the connection's own thread (`Transaction.call`), so that a search is one hop to
it and not fifty.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ltmc.storage.engine import Transaction
from ltmc.storage.index_entries import IndexEntries, NewEntry, terms_of
from ltmc.storage.rows import loader, stored
from ltmc.storage.sources import R, Source, Where, ahead, conditions, conjunction, count
from ltmc.storage.tables import blueprints, chats, patterns, resources, todos

SINCE_VERSION = 3
"""The version of the schema that brought the index."""

INDEXED = {
    source.kind: source
    for source in (
        resources.SOURCE,
        resources.PAST,
        chats.SOURCE,
        todos.SOURCE,
        patterns.SOURCE,
        blueprints.SOURCE,
    )
}
"""What the index holds, by kind."""


async def counts(tx: Transaction) -> dict[str, tuple[int, int]]:
    """Count, for each kind, the rows that there are and those that are indexed."""
    sql = "SELECT count(*) FROM search_entries WHERE kind = ?"
    return {
        kind: (await count(tx, source, {}), await tx.value(sql, [kind])) for kind, source in INDEXED.items()
    }


async def storage_counts(tx: Transaction) -> dict[str, int]:
    """Count the rows of the main tables."""
    tables = {
        "resources": "resources",
        "chunks": "resource_chunks",
        "messages": "chat_messages",
        "todos": "todos",
        "patterns": "code_patterns",
        "blueprints": "blueprints",
        "vectors": "search_entries",
    }
    return {name: await tx.value(f"SELECT count(*) FROM {table}") for name, table in tables.items()}


_NEIGHBOURS = """SELECT seq, 0 FROM (SELECT seq FROM search_entries
  WHERE group_key = :group_key AND owner_id < :owner_id ORDER BY owner_id DESC LIMIT :reach)
UNION ALL SELECT seq, 1 FROM (SELECT seq FROM search_entries
  WHERE group_key = :group_key AND owner_id > :owner_id ORDER BY owner_id LIMIT :reach)"""


class NearIndex(Protocol):
    """Finds near vectors in the database itself, for scopes that are too large to be kept in memory."""

    def count_after(self, scope: str, seq: int) -> tuple[int, int]:
        """Count the entries of a scope past `seq`; return with it the last of them, or `seq`."""

    def spread(self, scope: str, count: int) -> list[int]:
        """Return about `count` entries that are spread over a scope."""

    def near(self, scope: str, code: bytes, count: int) -> list[tuple[int, bytes]]:
        """Return the `count` entries of a scope with the codes nearest to one, as (seq, code)."""


class SearchIndex(IndexEntries):
    """The whole index of one database, inside a transaction.

    Attributes:
        near: finds near vectors, where the database can; else processes keep the codes in memory.
    """

    near: NearIndex | None = None

    @abstractmethod
    def document_frequency(self, expression: str) -> int:
        """Count the entries of the whole index that match an expression."""

    @abstractmethod
    def damage(self) -> str | None:
        """Return what is wrong with the index in itself, if anything; in a transaction that writes."""

    @abstractmethod
    def empty(self) -> None:
        """Make an index without entries in the place of one that may be damaged, and have all rows indexed anew."""

    @abstractmethod
    def merge(self, *, anew: bool) -> bool:
        """Leave out the terms of entries that are gone, a part at a time; return whether there may be more.

        Args:
            anew: begin with all of them.
        """

    def set_identity(self, identity: str) -> None:
        """Record that the whole index was made for `identity` and no reindexing is under way."""
        self.cursor.execute(
            "UPDATE search_state SET identity = ?, target = NULL, boundary = NULL", (identity,)
        )

    def begin_reindexing(self, identity: str, boundary: int) -> None:
        """Record that every entry up to `boundary` is to be made anew, for `identity`, and those that are missing."""
        self.cursor.execute("UPDATE search_state SET target = ?, boundary = ?", (identity, boundary))

    def not_indexed(self, source: Source[R], boundary: int, after: int, limit: int) -> list[R]:
        """Return the next rows past the id `after`, by id, that have no entry newer than `boundary`."""
        found = self.cursor.execute(
            f"SELECT {source.columns} FROM {source.owner} WHERE {source.visible} AND {source.key} > ? "
            "AND NOT EXISTS (SELECT 1 FROM search_entries e "
            f"WHERE e.kind = ? AND e.owner_id = {source.key} AND e.seq > ?) ORDER BY {source.key} LIMIT ?",
            (after, source.kind, boundary, limit),
        )
        load = loader(source.row, [column[0] for column in found.description])
        return [load(row) for row in found]

    def orphans(self, source: Source[Any], limit: int) -> list[int]:
        """Return the owner ids of entries whose row is gone."""
        rows = self.cursor.execute(
            "SELECT owner_id FROM search_entries WHERE kind = ? AND owner_id NOT IN "
            f"(SELECT {source.key} FROM {source.owner} WHERE {source.visible}) LIMIT ?",
            (source.kind, limit),
        )
        return [owner_id for (owner_id,) in rows]

    def largest_id(self, source: Source[Any]) -> int:
        """Return the largest id of a kind's rows; 0 when there are none."""
        row = self.cursor.execute(f"SELECT max({source.key}) FROM {source.owner}").fetchone()
        return row[0] or 0

    def move(self, old: str, new: str, owner_ids: Sequence[int]) -> None:
        """Have the entries of owners be of another kind; unknown ids are ignored."""
        sql = (
            "SELECT owner_id, project_id, group_key, impacts, vector, code FROM search_entries e "
            f"JOIN search_codes c ON c.scope = '{old}:' || project_id AND c.seq = e.seq "
            f"WHERE kind = '{old}' AND owner_id IN ({{ids}}) ORDER BY owner_id"
        )
        found = self.chosen(sql, owner_ids)
        self.delete(old, owner_ids)
        self.insert(
            new,
            [
                NewEntry(owner_id, project_id, group_key, terms_of(impacts), impacts, vector, code)
                for owner_id, project_id, group_key, impacts, vector, code in found
            ],
        )

    def is_pending(self, kind: str, project_id: str) -> bool:
        """Return whether an entry of a kind in a project has no vector yet."""
        sql = "SELECT 1 FROM search_entries WHERE vector = x'' AND kind = ? AND project_id = ? LIMIT 1"
        return self.cursor.execute(sql, (kind, project_id)).fetchone() is not None

    def count_pending(self, kind: str | None = None) -> int:
        """Count the entries, of a kind or all, that have no vector yet."""
        sql = "SELECT count(*) FROM search_entries WHERE vector = x'' AND (:kind IS NULL OR kind = :kind)"
        return int(self.cursor.execute(sql, {"kind": kind}).fetchone()[0])

    def pending(self, kind: str, first: int, limit: int) -> list[tuple[int, int | None]]:
        """Return entries of a kind without a vector, from the place `first` on, as (owner id, group)."""
        sql = (
            "SELECT owner_id, group_key FROM search_entries WHERE vector = x'' AND kind = ? "
            "ORDER BY project_id, owner_id LIMIT ? OFFSET ?"
        )
        return self.cursor.execute(sql, (kind, limit, first)).fetchall()

    def seqs_of(self, kind: str, owner_ids: Sequence[int]) -> dict[int, int]:
        """Return the seqs of a kind's entries by owner id."""
        sql = "SELECT owner_id, seq FROM search_entries WHERE kind = ? AND owner_id IN ({ids})"
        return dict(self.chosen(sql, owner_ids, [kind]))

    def fill(self, kind: str, vectors: Mapping[int, tuple[bytes, bytes]]) -> int:
        """Give entries, by seq, their vector and its code; return how many of them were still there.

        Each gets a new seq, by which other processes notice.
        """
        sql = "SELECT seq, owner_id, project_id, group_key, impacts FROM search_entries WHERE seq IN ({ids})"
        found = self.chosen(sql, list(vectors))
        self.delete(kind, [row[1] for row in found])
        self.insert(
            kind,
            [
                NewEntry(owner_id, project_id, group_key, terms_of(impacts), impacts, *vectors[seq])
                for seq, owner_id, project_id, group_key, impacts in sorted(found)
            ],
        )
        return len(found)

    def codes_after(self, scope: str, seq: int, batch: int = 20_000) -> Iterator[list[tuple[int, bytes]]]:
        """Yield the sign codes of a scope's entries past `seq`, in order and in batches, as (seq, code)."""
        sql = "SELECT seq, code FROM search_codes WHERE scope = ? AND seq > ? ORDER BY seq LIMIT ?"
        while found := self.cursor.execute(sql, (scope, seq, batch)).fetchall():
            yield found
            seq = found[-1][0]

    def codes_of(self, scope: str, seqs: Sequence[int]) -> dict[int, bytes | None]:
        """Return the sign codes of those of the entries that there are, by seq; None where one is of another scope."""
        sql = (
            "SELECT e.seq, c.code FROM search_entries e LEFT JOIN search_codes c "
            "ON c.scope = ? AND c.seq = e.seq WHERE e.seq IN ({ids})"
        )
        return dict(self.chosen(sql, seqs, [scope]))

    def owners(self, seqs: Sequence[int]) -> list[tuple[int, int, int | None]]:
        """Return entries as (seq, owner id, group), without what is large."""
        sql = "SELECT seq, owner_id, group_key FROM search_entries WHERE seq IN ({ids})"
        return self.chosen(sql, seqs)

    def vectors(self, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return entries as (seq, vector)."""
        return self.chosen("SELECT seq, vector FROM search_entries WHERE seq IN ({ids})", seqs)

    def owner_vectors(self, kind: str, owner_ids: Sequence[int]) -> dict[int, bytes]:
        """Return the vectors of a kind's entries by owner id."""
        sql = "SELECT owner_id, vector FROM search_entries WHERE kind = ? AND owner_id IN ({ids})"
        return dict(self.chosen(sql, owner_ids, [kind]))

    def chunk_vectors(self, resource_ids: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return the vectors of the chunks of memories as (resource id, vector)."""
        sql = (
            "SELECT c.resource_id, e.vector FROM resource_chunks c JOIN search_entries e "
            "ON e.kind = 'chunk' AND e.owner_id = c.id WHERE c.resource_id IN ({ids})"
        )
        return self.chosen(sql, resource_ids)

    def permitted(self, source: Source[Any], where: Where, seqs: Sequence[int]) -> set[int]:
        """Return those of the entries whose owners the filters leave."""
        condition, parameters = _filtered(source, where)
        sql = (
            "SELECT e.seq FROM search_entries e WHERE e.seq IN ({ids}) AND EXISTS "
            f"(SELECT 1 FROM {source.owner} WHERE {source.key} = e.owner_id AND {condition})"
        )
        return {seq for (seq,) in self.chosen(sql, seqs, parameters)}

    def permitted_if_few(
        self, source: Source[Any], project_id: str, where: Where, most: int
    ) -> set[int] | None:
        """Return every entry whose owner the filters leave, or None when they are more than `most`."""
        condition, parameters = _filtered(source, where)
        # Tags choose by id; the index of the project, which is larger, is kept out of it.
        tagged = any(name.startswith("tags_") for name in where)
        project = f"({source.project} || '')" if tagged else source.project
        rows = self.cursor.execute(
            f"SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e "
            f"WHERE {project} = ? AND {condition} AND e.kind = ? AND e.owner_id = {source.key} LIMIT ?",
            (project_id, *parameters, source.kind, most + 1),
        ).fetchall()
        return {seq for (seq,) in rows} if len(rows) <= most else None

    def outdated(
        self, source: Source[Any], project_id: str, moment: str, projects: Sequence[str] = ()
    ) -> set[int]:
        """Return the entries of the index whose owners are not current at a moment.

        Args:
            projects: those that are looked in together, up to this one.
        """
        if source.current is None:
            return set()
        condition = source.current([moment])
        rows = self.cursor.execute(
            f"SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e WHERE {source.project} = ? "
            f"AND {source.visible} AND {source.bounded} AND NOT ({condition.sql}) "
            f"AND e.kind = ? AND e.owner_id = {source.key}",
            (project_id, *condition.parameters, source.kind),
        )
        found = {seq for (seq,) in rows}
        if source.shadowed is None or not ahead(projects):
            return found
        condition = source.shadowed([moment, *projects])
        rows = self.cursor.execute(
            f"SELECT e.seq FROM {source.owner} CROSS JOIN search_entries e WHERE {source.project} = ? "
            f"AND {condition.sql} AND e.kind = ? AND e.owner_id = {source.key}",
            (project_id, *map(stored, condition.parameters), source.kind),
        )
        return found | {seq for (seq,) in rows}

    def group_owners(self, group: int) -> list[int]:
        """Return the owners of the entries of a group, in order."""
        rows = self.cursor.execute(
            "SELECT owner_id FROM search_entries WHERE group_key = ? ORDER BY owner_id", (group,)
        )
        return [owner_id for (owner_id,) in rows]

    def group_members(self, group: int) -> list[int]:
        """Return the entries of a group in the order of their owners."""
        rows = self.cursor.execute(
            "SELECT seq FROM search_entries WHERE group_key = ? ORDER BY owner_id", (group,)
        )
        return [seq for (seq,) in rows]

    def neighbours(self, group: int, owner_id: int, reach: int) -> tuple[list[int], list[int]]:
        """Return up to `reach` entries before an owner in its group, and after it, both in order."""
        values = {"group_key": group, "owner_id": owner_id, "reach": reach}
        rows = self.cursor.execute(_NEIGHBOURS, values).fetchall()
        before = [seq for seq, after in rows if not after]
        return before[::-1], [seq for seq, after in rows if after]

    def created(self, source: Source[Any], owner_ids: Sequence[int]) -> dict[int, str]:
        """Return the timestamps at which rows were made, by id."""
        return self._by_id(source, source.created, owner_ids)

    def texts(self, source: Source[Any], owner_ids: Sequence[int]) -> dict[int, str]:
        """Return the texts of rows by id."""
        return self._by_id(source, source.text, owner_ids)

    def _by_id(self, source: Source[Any], expression: str, owner_ids: Sequence[int]) -> dict[int, str]:
        sql = f"SELECT {source.key}, {expression} FROM {source.owner} WHERE {source.key} IN ({{ids}})"
        return dict(self.chosen(sql, owner_ids))


def _filtered(source: Source[Any], where: Where) -> tuple[str, list[Any]]:
    """Return named filters as one condition and its parameters, as a cursor takes them."""
    sql, parameters = conjunction(conditions(source, where))
    return sql, [stored(value) for value in parameters]
