"""The part of the index that a process keeps in memory, and how it learns what others wrote.

Of every entry of a scope (a kind in a project) that was searched: its sign code and its seq, about 60 bytes. Of the
small scopes that were searched last: everything. The database is asked for the rest. Of a scope of more than
`KEPT_ENTRIES` only the number of its entries is kept where the database itself finds what is near.

Searches run side by side, each on the thread of its connection, in a snapshot of its own. One at a time reads what
is new; what is kept only grows, so that the others go on beside it. An index that is outdated is replaced by
another, not changed.
"""

import time
from abc import ABC, abstractmethod
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul
from threading import Lock

from ltmc.search.sentence_model import BIAS, UNIT
from ltmc.search.vectors import SignCodes, cosines, sign_code, unpack
from ltmc.storage import index_entries
from ltmc.storage.search_index import NearIndex, SearchIndex

SMALL_SCOPE_ENTRIES = 2_000
"""A scope of up to this many entries is kept whole (about 1.7 kB an entry) and scored whole."""

SMALL_SCOPES = 8
"""How many small scopes are kept, those searched last."""

KEPT_ENTRIES = 20_000
"""Of a scope of up to so many entries the codes are kept also where the database finds what is near: 1.2 MB."""

NEAR_SHARE, NEAR_MOST = 3, 1_000
"""So many times as many entries as are wanted are asked of the database, by the signs of the query; they are then
compared with its values, as in memory. Of the exact top 10 and 20 among 53,300 texts 333 by the values hold 1.000 and
.999, 333 by the signs .988 and .969, 1,000 by the signs 1.000 and .997.
Of what a filter is to choose from, no more is asked."""

MEAN_SAMPLE = 256
"""The mean cosine of a scope is taken over about this many of its entries."""

SHRINK = 16
"""The mean cosine of n entries is taken times n / (n + SHRINK): that of a few says little of chance."""

NEWEST = 8
"""How many of the newest entries known of a scope are compared with the database, to notice that another state was
restored into it: its next entries get numbers that are known already, for other codes."""

REMOVED_ALLOWED, REMOVED_SHARE = 100, 0.2
"""When more entries than this number and this share of all were removed, the codes are read again."""


@dataclass(frozen=True, slots=True)
class SmallScope:
    """A small scope as a whole. It does not change; `extended` makes a larger one.

    Attributes:
        read_count: how many of the scope's entries have been read, removed ones included.
        entries: seq to owner id, group and impacts.
        groups: group to its (owner id, seq), in order.
        seqs, vectors: of the entries that are embedded; the vectors joined.
    """

    read_count: int = 0
    entries: dict[int, tuple[int, int | None, str]] = field(default_factory=dict)
    groups: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    seqs: list[int] = field(default_factory=list)
    vectors: bytes = b""

    def extended(
        self, stored: SearchIndex, seqs: Sequence[int], vectors: Mapping[int, bytes]
    ) -> "SmallScope":
        """Return the scope with further entries and the vectors of those that are embedded."""
        entries, embedded = {**self.entries}, []
        groups = {group: [*members] for group, members in self.groups.items()}
        for seq, owner_id, group, impacts in stored.impacts(seqs):
            entries[seq] = (owner_id, group, impacts)
            if seq in vectors:
                embedded.append(seq)
            if group is not None:
                insort(groups.setdefault(group, []), (owner_id, seq))
        joined = self.vectors + b"".join([vectors[seq] for seq in embedded])
        return SmallScope(self.read_count + len(seqs), entries, groups, [*self.seqs, *embedded], joined)

    def cosines(self, query: bytes) -> dict[int, float]:
        """Return the cosine of the query with every entry that is embedded, by seq."""
        return dict(zip(self.seqs, cosines(query, self.vectors), strict=True))


@dataclass(slots=True)
class Scope(ABC):
    """The entries of one kind in one project, as far as they were read.

    Attributes:
        newest: the codes of the newest of them, by seq.
        mean: the mean of their vectors when they were `mean_size`.
    """

    newest: dict[int, bytes] = field(default_factory=dict)
    mean: list[float] = field(default_factory=list)
    mean_size: int = 0

    @property
    @abstractmethod
    def size(self) -> int:
        """How many entries there are, with those removed since they were read."""

    @abstractmethod
    def nearest(self, stored: SearchIndex, query: bytes, most: int) -> list[int]:
        """Return about `most` entries nearest to the query."""

    @abstractmethod
    def sample(self, stored: SearchIndex) -> list[int]:
        """Return about `MEAN_SAMPLE` entries that are spread over it."""


@dataclass(slots=True)
class DistantScope(Scope):
    """A large scope whose near entries the database finds.

    Attributes:
        last: the last seq that was counted.
    """

    name: str = ""
    count: int = 0
    last: int = 0

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.count

    def nearest(self, stored: SearchIndex, query: bytes, most: int) -> list[int]:
        """Return about `most` entries nearest to the query."""
        code, codes = sign_code(query), SignCodes(len(query) // 8)
        asked = max(most, min(NEAR_SHARE * most, NEAR_MOST))
        found = near_of(stored).near(self.name, code, asked)
        codes.extend([seq for seq, _ in found], b"".join([code for _, code in found]))
        return codes.nearest(query, most)

    def sample(self, stored: SearchIndex) -> list[int]:
        """Return about `MEAN_SAMPLE` entries that are spread over it."""
        return near_of(stored).spread(self.name, MEAN_SAMPLE)


def near_of(stored: SearchIndex) -> NearIndex:
    """Return what finds near vectors in the database; a scope is distant only where there is that."""
    if stored.near is None:
        raise RuntimeError("the database does not find near vectors")
    return stored.near


@dataclass(slots=True)
class KeptScope(Scope):
    """A scope whose codes are kept."""

    codes: SignCodes = field(default_factory=lambda: SignCodes(0))
    _first: int = 0
    _holds: bytearray = field(default_factory=bytearray)

    def extend(self, entries: Sequence[tuple[int, bytes]]) -> None:
        """Add further entries, given as (seq, code) in the order of their seqs."""
        seqs = [seq for seq, _ in entries]
        if not self.newest:
            self._first = seqs[0]
        self._holds.extend(bytes(seqs[-1] + 1 - self._first - len(self._holds)))
        for seq in seqs:
            self._holds[seq - self._first] = 1
        self.newest = dict(entries[-NEWEST:])
        self.codes.extend(
            seqs, b"".join([code for _, code in entries])
        )  # last: from here on they are searched

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.codes)

    def nearest(self, stored: SearchIndex, query: bytes, most: int) -> list[int]:  # noqa: ARG002 - as the other's
        """Return about `most` entries nearest to the query."""
        return self.codes.nearest(query, most)

    def sample(self, stored: SearchIndex) -> list[int]:  # noqa: ARG002 - as the other's
        """Return about `MEAN_SAMPLE` entries that are spread over it."""
        return list(self.codes.ids[:: max(1, self.size // MEAN_SAMPLE)])[: MEAN_SAMPLE + 1]

    def inside(self, seqs: Sequence[int]) -> list[int]:
        """Return those that are entries of this scope."""
        holds, first, end = self._holds, self._first, self._first + len(self._holds)
        return [seq for seq in seqs if first <= seq < end and holds[seq - first]]


class ResidentIndex:
    """What is kept in memory of one state of a database file, and of what is added to it.

    Attributes:
        scopes: the scopes that were searched, by name.
        watermark: the largest seq known.
        removed: how many entries had been removed at the last reading.
        aim: what entries are made for, see `ltmc.search.index.identity`.
        dims: how many values a vector has; one of another length is no vector of the model's.
        floor: the vectors of entries up to this seq are another version's.
        behind: whether entries are missing, or are being made anew.
    """

    def __init__(self, dims: int = 0, removed: int = 0, floor: int = 0) -> None:
        self.dims = dims
        self.scopes: dict[str, Scope] = {}
        self.watermark = 0
        self.removed = self._removed_at_first = removed
        self.aim, self.floor = "", floor
        self.behind = False
        self._frequencies: dict[str, tuple[int, int]] = {}
        self._small: OrderedDict[str, SmallScope] = OrderedDict()
        self._loading_small = Lock()

    def read(self, stored: SearchIndex, state: index_entries.State, name: str) -> None:
        """Read what was written to a scope since the last time."""
        self.aim = state.aim
        self.behind = state.target is not None
        if state.removed != self.removed:
            with self._loading_small:
                self._small.clear()
                self.removed = state.removed
        self.read_codes(stored, name)
        self.watermark = max(self.watermark, stored.last_seq())

    def is_outdated(self, stored: SearchIndex, state: index_entries.State, name: str) -> bool:
        """Return whether what is kept of a scope is no part of the database now, or too much of all was removed."""
        kept = sum(scope.size for scope in self.scopes.values())
        if state.removed - self._removed_at_first > REMOVED_ALLOWED + REMOVED_SHARE * kept:
            return True
        newest = self.scopes[name].newest if name in self.scopes else {}
        return any(newest[seq] != code for seq, code in stored.codes_of(name, list(newest)).items())

    def read_codes(self, stored: SearchIndex, name: str) -> None:
        """Read the entries of a scope that are new."""
        scope = self.scopes.get(name)
        if stored.near is not None and (not isinstance(scope, KeptScope) or scope.size > KEPT_ENTRIES):
            distant = scope if isinstance(scope, DistantScope) else DistantScope(name=name)
            new, distant.last = stored.near.count_after(name, distant.last)
            distant.count += new
            if distant.count > KEPT_ENTRIES:
                self.scopes[name] = distant
                return
        code_bytes = self.dims // 8
        no_code = bytes(code_bytes)  # of what has no vector; it is as near to a query as most
        kept = scope if isinstance(scope, KeptScope) else None
        for batch in stored.codes_after(name, kept.codes.ids[-1] if kept else 0):
            if kept is None:
                kept = self.scopes[name] = KeptScope(codes=SignCodes(code_bytes))
            kept.extend([(seq, code if len(code) == code_bytes else no_code) for seq, code in batch])

    def size(self, name: str) -> int:
        """Count the entries of a scope, with those removed since they were read."""
        return self.scopes[name].size if name in self.scopes else 0

    def small_scope(self, stored: SearchIndex, name: str) -> SmallScope | None:
        """Return a scope as a whole, if it is small."""
        scope = self.scopes[name]
        ids = scope.codes.ids if isinstance(scope, KeptScope) else ()
        with self._loading_small:
            if scope.size > SMALL_SCOPE_ENTRIES:
                self._small.pop(name, None)
                return None
            small = self._small.get(name, SmallScope())
            # Transactions that began later may have read entries into `ids` that this one does not see.
            new = ids[small.read_count : bisect_right(ids, stored.last_seq())]
            if new:
                small = small.extended(stored, new, self.vectors(stored, new))
            if stored.state().removed != self.removed:
                return small  # they may have seen entries go that this one still sees
            self._small[name] = small
            self._small.move_to_end(name)
            if len(self._small) > SMALL_SCOPES:
                self._small.popitem(last=False)
            return small

    def vectors(self, stored: SearchIndex, seqs: Sequence[int]) -> dict[int, bytes]:
        """Return the vectors of those of the entries that are embedded, by seq."""
        wanted = [seq for seq in seqs if seq > self.floor]
        return {seq: vector for seq, vector in stored.vectors(wanted) if len(vector) == self.dims}

    def document_frequency(self, stored: SearchIndex, expression: str, common: int) -> int:
        """Count the entries that match; counts above `common` are kept until the index has grown by 5%."""
        count, counted_at = self._frequencies.get(expression, (0, 0))
        if count and self.watermark <= 1.05 * counted_at:
            return count
        count = stored.document_frequency(expression)
        if count > common:
            self._frequencies[expression] = (count, self.watermark)
        return count

    def mean_cosine(self, stored: SearchIndex, scope: Scope, query: bytes) -> float:
        """Return the mean cosine of the query with entries of the scope, from a sample spread over it."""
        size = scope.size
        if not scope.mean or size > 1.1 * scope.mean_size:
            sample = scope.sample(stored)
            vectors = self.vectors(stored, sample).values()
            count = size * len(vectors) / len(sample)  # about so many are embedded
            columns = zip(*vectors, strict=True)
            scope.mean = [
                (sum(column) / len(vectors) - BIAS) * count / (count + SHRINK) for column in columns
            ]
            scope.mean_size = size
        return float(sum(map(mul, unpack(query), scope.mean))) / (UNIT * UNIT)


class CurrentIndex:
    """The resident index of one database file, for all transactions that search it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._index = ResidentIndex()
        self._read_at = 0.0

    def refreshed(
        self, stored: SearchIndex, began: float, identity: str, dims: int, name: str
    ) -> ResidentIndex:
        """Return the index with everything of a scope that any process had written before a transaction.

        Args:
            began: the moment before the transaction.
            identity: what the vectors must have been made for.
            dims: how many values those have.
            name: the scope.
        """
        with self._lock:
            state = stored.state()
            floor = 0 if state.identity == identity else state.boundary
            behind = stored.last_seq() < self._index.watermark or state.removed < self._index.removed
            if behind and began < self._read_at:  # a transaction that began later has read more
                if name not in self._index.scopes:
                    self._index.read_codes(stored, name)
                return self._index
            kept = self._index.dims, self._index.floor
            outdated = kept != (dims, floor) or self._index.is_outdated(stored, state, name)
            if behind or outdated:  # behind: an earlier state was restored
                self._index = ResidentIndex(dims, state.removed, floor)
            self._index.read(stored, state, name)
            self._read_at = time.monotonic()
            return self._index
