"""What a process keeps in memory of the index, and how it learns what others wrote.

Of every entry: its sign code, its seq and its scope (kind and project), about 40 bytes. A small scope
that was searched lately is held whole. The database is asked for anything else.
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

WHOLE_SCOPE = 2_000
"""A scope up to this size is held whole (about 1.7 kB an entry) and scored whole."""

WHOLE_SCOPES = 8
"""How many small scopes are held whole, those searched last."""

TAIL = 64
"""New vectors of a small scope are put into columns when there are this many."""

MEAN_SAMPLE = 256
SHRINK = 16
"""The mean cosine of n entries is taken times n / (n + SHRINK): that of a few says little of chance."""

TOP = 8
"""How many of the newest entries known are compared with the database, to notice that another state was
restored into it: its next entries get numbers that are known already, for other codes."""

STALE = 0.2
"""The share of removed entries at which the codes are read again."""


@dataclass(slots=True)
class Whole:
    """A small scope. `rows`: seq to owner, group and impacts; `lines`: group to (owner, seq) in order."""

    upto: int = 0
    rows: dict[int, tuple[int, int | None, str]] = field(default_factory=dict)
    lines: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    seqs: list[int] = field(default_factory=list)
    vectors: list[bytes] = field(default_factory=list)
    columns: Columns = field(default_factory=lambda: Columns([]))

    def extend(self, cursor: sqlite3.Cursor, seqs: Sequence[int]) -> None:
        """Take in entries."""
        found = dict(storage.vectors(cursor, seqs))
        for seq, owner, group, impacts in storage.with_impacts(cursor, seqs):
            self.rows[seq] = (owner, group, impacts)
            self.seqs.append(seq)
            self.vectors.append(found[seq])
            if group is not None:
                insort(self.lines.setdefault(group, []), (owner, seq))
        if len(self.seqs) - self.columns.count > TAIL or not self.columns.count:
            self.columns = Columns(self.vectors)

    def cosines(self, query: bytes) -> dict[int, float]:
        """The cosine of every entry."""
        tail = self.vectors[self.columns.count :]
        values = self.columns.cosines(query) + Columns(tail).cosines(query)
        return dict(zip(self.seqs, values, strict=True))


@dataclass(slots=True)
class Scope:
    """One kind in one project."""

    number: int
    codes: CodeColumns = field(default_factory=CodeColumns)
    mean: list[float] = field(default_factory=list)
    mean_size: int = 0


class Held:
    """All scopes of one database file. Used on the thread of its reading connection alone."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.scopes: dict[str, Scope] = {}
        self.scope_of = array("H", [0])  # by seq; 0 is none
        self.watermark = 0
        self.version = -1
        self.identity = ""
        self._counts: dict[str, tuple[int, int]] = {}
        self._whole: OrderedDict[str, Whole] = OrderedDict()
        self._top: dict[int, bytes] = {}
        self._removed = self._removed_at_load = 0

    def refresh(self, cursor: sqlite3.Cursor) -> None:
        """Take in what any process has written since the last time."""
        version = storage.data_version(cursor)
        if version == self.version:
            return
        state = storage.state(cursor)
        if self.watermark and self._is_another(cursor, state):
            self._clear()
        if self.version == -1:
            self._removed_at_load = state.removed
        elif state.removed != self._removed:
            self._whole.clear()
        self._removed, self.identity, self.version = state.removed, state.identity, version
        self._read_codes(cursor)

    def _is_another(self, cursor: sqlite3.Cursor, state: storage.State) -> bool:
        """Whether what is held is no longer a part of the database, or too much of it is gone."""
        if state.removed < self._removed or storage.last_seq(cursor) < self.watermark:
            return True
        if state.removed - self._removed_at_load > 100 + STALE * len(self.scope_of):
            return True
        now = storage.codes_of(cursor, list(self._top))
        return any(self._top[seq] != code for seq, code in now.items())

    def _read_codes(self, cursor: sqlite3.Cursor) -> None:
        for batch in storage.codes_after(cursor, self.watermark):
            by_scope: defaultdict[str, tuple[list[int], list[bytes]]] = defaultdict(lambda: ([], []))
            for seq, scope, code in batch:
                if scope not in self.scopes:
                    self.scopes[scope] = Scope(len(self.scopes) + 1)
                gap = seq - len(self.scope_of)
                if gap > 0:
                    self.scope_of.extend([0] * gap)
                self.scope_of.append(self.scopes[scope].number)
                seqs, codes = by_scope[scope]
                seqs.append(seq)
                codes.append(code)
            for scope, (seqs, codes) in by_scope.items():
                self.scopes[scope].codes.extend(seqs, b"".join(codes))
            self.watermark = batch[-1][0]
            self._top = {seq: code for seq, _, code in batch[-TOP:]}

    def size(self, name: str) -> int:
        """The entries of a scope, with those removed since they were read."""
        return len(self.scopes[name].codes) if name in self.scopes else 0

    def whole(self, cursor: sqlite3.Cursor, name: str) -> Whole | None:
        """The scope as a whole, if it is small."""
        ids = self.scopes[name].codes.ids
        if len(ids) > WHOLE_SCOPE:
            self._whole.pop(name, None)
            return None
        whole = self._whole.get(name)
        if whole is None:
            whole = self._whole[name] = Whole()
            if len(self._whole) > WHOLE_SCOPES:
                self._whole.popitem(last=False)
        self._whole.move_to_end(name)
        if whole.upto < len(ids):
            whole.extend(cursor, ids[whole.upto :])
            whole.upto = len(ids)
        return whole

    def holding(self, cursor: sqlite3.Cursor, match_expression: str, common: int) -> int:
        """How many entries match; counts above `common` are kept until the index has grown by 5%."""
        count, at = self._counts.get(match_expression, (0, 0))
        if count and self.watermark <= 1.05 * at:
            return count
        count = storage.holding(cursor, match_expression)
        if count > common:
            self._counts[match_expression] = (count, self.watermark)
        return count

    def mean_cosine(self, cursor: sqlite3.Cursor, scope: Scope, query: bytes) -> float:
        """The mean cosine of the query with entries of the scope, from a sample spread over it."""
        size = len(scope.codes)
        if not scope.mean or size > 1.1 * scope.mean_size:
            sample = list(scope.codes.ids[:: max(1, size // MEAN_SAMPLE)])[: MEAN_SAMPLE + 1]
            rows = storage.vectors(cursor, sample)
            columns = zip(*(vector for _, vector in rows), strict=True)
            scope.mean = [(sum(column) / len(rows) - BIAS) * size / (size + SHRINK) for column in columns]
            scope.mean_size = size
        return float(sum(map(mul, unpack(query), scope.mean))) / (UNIT * UNIT)
