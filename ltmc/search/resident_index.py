"""The part of the index that a process keeps in memory, and how it learns what others wrote.

Of every entry: its sign code, its seq and its scope (kind and project), about 40 bytes. Of the small scopes that
were searched last: everything. The database is asked for the rest.
"""

import sqlite3
from array import array
from bisect import insort
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import mul

from ltmc.search.embedding import BIAS, UNIT, unpack
from ltmc.search.vectors import CodeColumns, Columns
from ltmc.storage.sqlite import search_index as storage

SMALL_SCOPE_ENTRIES = 2_000
"""A scope of up to this many entries is kept whole (about 1.7 kB an entry) and scored whole."""

SMALL_SCOPES = 8
"""How many small scopes are kept, those searched last."""

TAIL = 64
"""New vectors of a small scope are put into columns when there are this many."""

MEAN_SAMPLE = 256
"""The mean cosine of a scope is taken over about this many of its entries."""

SHRINK = 16
"""The mean cosine of n entries is taken times n / (n + SHRINK): that of a few says little of chance."""

NEWEST = 8
"""How many of the newest entries known are compared with the database, to notice that another state was
restored into it: its next entries get numbers that are known already, for other codes."""

REMOVED_ALLOWED, REMOVED_SHARE = 100, 0.2
"""When more entries than this number and this share of all were removed, the codes are read again."""


@dataclass(slots=True)
class SmallScope:
    """A small scope as a whole.

    Attributes:
        read_count: how many of the scope's entries have been read, removed ones included.
        entries: seq to owner id, group and impacts.
        groups: group to its (owner id, seq), in order.
    """

    read_count: int = 0
    entries: dict[int, tuple[int, int | None, str]] = field(default_factory=dict)
    groups: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    seqs: list[int] = field(default_factory=list)
    vectors: list[bytes] = field(default_factory=list)
    columns: Columns = field(default_factory=lambda: Columns([]))

    def extend(self, cursor: sqlite3.Cursor, seqs: Sequence[int]) -> None:
        """Read further entries."""
        vectors = dict(storage.vectors(cursor, seqs))
        for seq, owner_id, group, impacts in storage.impacts(cursor, seqs):
            self.entries[seq] = (owner_id, group, impacts)
            self.seqs.append(seq)
            self.vectors.append(vectors[seq])
            if group is not None:
                insort(self.groups.setdefault(group, []), (owner_id, seq))
        if len(self.seqs) - self.columns.count > TAIL or not self.columns.count:
            self.columns = Columns(self.vectors)

    def cosines(self, query: bytes) -> dict[int, float]:
        """Return the cosine of the query with every entry, by seq."""
        tail = self.vectors[self.columns.count :]
        values = self.columns.cosines(query) + Columns(tail).cosines(query)
        return dict(zip(self.seqs, values, strict=True))


@dataclass(slots=True)
class Scope:
    """The entries of one kind in one project; `mean`: the mean of their vectors when they were `mean_size`."""

    number: int
    codes: CodeColumns = field(default_factory=CodeColumns)
    mean: list[float] = field(default_factory=list)
    mean_size: int = 0


class ResidentIndex:
    """What is kept in memory of one database file. Used on the thread of its reading connection alone.

    Attributes:
        scopes: scopes by name.
        scope_of: seq to the number of its scope; 0 is none.
        watermark: the largest seq read.
        identity: what the index was made for, see `ltmc.search.index.identity`.
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.scopes: dict[str, Scope] = {}
        self.scope_of = array("H", [0])
        self.watermark = 0
        self.identity = ""
        self._data_version = -1
        self._frequencies: dict[str, tuple[int, int]] = {}
        self._small: OrderedDict[str, SmallScope] = OrderedDict()
        self._newest: dict[int, bytes] = {}
        self._removed = self._removed_at_load = 0

    def refresh(self, cursor: sqlite3.Cursor) -> None:
        """Read what any process has written since the last time."""
        data_version = storage.data_version(cursor)
        if data_version == self._data_version:
            return
        state = storage.state(cursor)
        if self.watermark and self._is_outdated(cursor, state):
            self._clear()
        if self._data_version == -1:
            self._removed_at_load = state.removed
        elif state.removed != self._removed:
            self._small.clear()
        self._removed, self.identity, self._data_version = state.removed, state.identity, data_version
        self._read_codes(cursor)

    def _is_outdated(self, cursor: sqlite3.Cursor, state: storage.State) -> bool:
        """Return whether what is kept is no part of the database any more, or too much of it was removed."""
        if state.removed < self._removed or storage.last_seq(cursor) < self.watermark:
            return True
        if state.removed - self._removed_at_load > REMOVED_ALLOWED + REMOVED_SHARE * len(self.scope_of):
            return True
        codes = storage.codes_of(cursor, list(self._newest))
        return any(self._newest[seq] != code for seq, code in codes.items())

    def _read_codes(self, cursor: sqlite3.Cursor) -> None:
        for batch in storage.codes_after(cursor, self.watermark):
            by_scope: defaultdict[str, tuple[list[int], list[bytes]]] = defaultdict(lambda: ([], []))
            for seq, name, code in batch:
                if name not in self.scopes:
                    self.scopes[name] = Scope(len(self.scopes) + 1)
                gap = seq - len(self.scope_of)
                if gap > 0:
                    self.scope_of.extend([0] * gap)
                self.scope_of.append(self.scopes[name].number)
                seqs, codes = by_scope[name]
                seqs.append(seq)
                codes.append(code)
            for name, (seqs, codes) in by_scope.items():
                self.scopes[name].codes.extend(seqs, b"".join(codes))
            self.watermark = batch[-1][0]
            self._newest = {seq: code for seq, _, code in batch[-NEWEST:]}

    def size(self, name: str) -> int:
        """Count the entries of a scope, with those removed since they were read."""
        return len(self.scopes[name].codes) if name in self.scopes else 0

    def small_scope(self, cursor: sqlite3.Cursor, name: str) -> SmallScope | None:
        """Return a scope as a whole, if it is small."""
        ids = self.scopes[name].codes.ids
        if len(ids) > SMALL_SCOPE_ENTRIES:
            self._small.pop(name, None)
            return None
        small = self._small.get(name)
        if small is None:
            small = self._small[name] = SmallScope()
            if len(self._small) > SMALL_SCOPES:
                self._small.popitem(last=False)
        self._small.move_to_end(name)
        if small.read_count < len(ids):
            small.extend(cursor, ids[small.read_count :])
            small.read_count = len(ids)
        return small

    def document_frequency(self, cursor: sqlite3.Cursor, expression: str, common: int) -> int:
        """Count the entries that match; counts above `common` are kept until the index has grown by 5%."""
        count, counted_at = self._frequencies.get(expression, (0, 0))
        if count and self.watermark <= 1.05 * counted_at:
            return count
        count = storage.document_frequency(cursor, expression)
        if count > common:
            self._frequencies[expression] = (count, self.watermark)
        return count

    def mean_cosine(self, cursor: sqlite3.Cursor, scope: Scope, query: bytes) -> float:
        """Return the mean cosine of the query with entries of the scope, from a sample spread over it."""
        size = len(scope.codes)
        if not scope.mean or size > 1.1 * scope.mean_size:
            sample = list(scope.codes.ids[:: max(1, size // MEAN_SAMPLE)])[: MEAN_SAMPLE + 1]
            rows = storage.vectors(cursor, sample)
            columns = zip(*(vector for _, vector in rows), strict=True)
            scope.mean = [(sum(column) / len(rows) - BIAS) * size / (size + SHRINK) for column in columns]
            scope.mean_size = size
        return float(sum(map(mul, unpack(query), scope.mean))) / (UNIT * UNIT)
