"""Nearest vectors without an extension and without NumPy.

Each vector is kept in the database as bytes (``embedding.pack_unit``) and, in
memory, as its 256 signs in 32 bytes.  The signs of many rows are held by column:
byte j of every row, one row after the other.  For a query, column j is translated
by a table that maps a byte to the sum of the query's values with those signs, and
the 32 translated columns are added as long integers, a byte lane a row.  That is
32 passes of C code over the rows: about 37 ms for a million.  The best few hundred
are then scored exactly from their bytes, again column by column.
"""

import math
import re
from array import array
from collections.abc import Sequence
from operator import mul

from ltmc.search.embedding import BIAS, UNIT, unpack

CODE_BYTES = 32
BLOCK = 32_768
"""How many rows are added at once; 8 to 128 thousand are alike, the whole is slower."""

_SIGN = bytes(1 if value > BIAS else 0 for value in range(256))


def sign_code(vector: bytes) -> bytes:
    """Return the signs of a packed vector: bit i of byte j is value 8 j + i."""
    signs = vector.translate(_SIGN)
    number = sum(int.from_bytes(signs[bit::8], "little") << bit for bit in range(8))
    return number.to_bytes(len(signs) // 8, "little")


class CodeColumns:
    """The sign codes of a growing list of rows."""

    def __init__(self) -> None:
        self.ids = array("q")
        self._columns = [bytearray() for _ in range(CODE_BYTES)]

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, ids: Sequence[int], codes: bytes) -> None:
        """Add rows; ``codes`` is their codes one after the other."""
        self.ids.extend(ids)
        for j, column in enumerate(self._columns):
            column.extend(codes[j::CODE_BYTES])

    def scores(self, query: bytes) -> bytes:
        """Return a byte for each row: larger is nearer, in steps of the query's own scale."""
        tables = _tables(query)
        blocks = []
        for start in range(0, len(self.ids), BLOCK):
            end = min(start + BLOCK, len(self.ids))
            total = 0
            for column, table in zip(self._columns, tables, strict=True):
                total += int.from_bytes(column[start:end].translate(table), "little")
            blocks.append(total.to_bytes(end - start, "little"))
        return b"".join(blocks)

    def nearest(self, query: bytes, count: int) -> list[int]:
        """Return the ids of about ``count`` rows nearest to the query; with those that tie, up to twice as many."""
        if len(self.ids) <= count:
            return list(self.ids)
        scores = self.scores(query)
        # A low edge from a sample, then the true one among the few bytes above it.
        step = max(1, len(scores) // 10_000)
        sample = sorted(scores[::step], reverse=True)
        low = sample[min(len(sample) - 1, 2 * count // step + 10)]
        above = sorted(scores.translate(None, delete=bytes(range(low))), reverse=True)
        edge = above[count - 1] if len(above) >= count else 0
        places = _between(scores, edge, 255)
        if len(places) > 2 * count:  # a vector of little meaning: of those that tie, the newest
            better = _between(scores, edge + 1, 255) if edge < 255 else []
            places = better + _between(scores, edge, edge)[len(better) - 2 * count :]
        ids = self.ids
        return [ids[i] for i in places]


def _between(scores: bytes, low: int, high: int) -> list[int]:
    """Return the places of the bytes from `low` to `high`."""
    first, last = (re.escape(bytes([edge])) for edge in (low, high))
    return [match.start() for match in re.finditer(b"[" + first + b"-" + last + b"]", scores, re.DOTALL)]


def _tables(query: bytes) -> list[bytes]:
    """Return, for each code byte, the quantised sum of query values with its signs.

    A table's values are scaled so that the largest possible total is 255.
    """
    values = unpack(query)
    scale = 255 / (2 * sum(map(abs, values)) or 1)
    tables = []
    for j in range(CODE_BYTES):
        part = values[8 * j : 8 * j + 8]
        # Start from all bits clear; a set bit adds twice its value.  The total is
        # never negative: the span of the part is added.
        table = [(sum(map(abs, part)) - sum(part)) * scale]
        for value in part:
            step = 2 * value * scale
            table += [entry + step for entry in table]
        tables.append(bytes(map(int, table)))
    return tables


class Columns:
    """Vectors by column, each value in a lane of four bytes of one long integer.

    A cosine with all of them takes 256 multiplications of long integers, 0.4 us a vector.
    """

    def __init__(self, vectors: Sequence[bytes]) -> None:
        self.count = len(vectors)
        joined = b"".join(vectors)
        lanes = bytearray(4 * self.count)
        self._columns: list[int] = []
        dims = len(joined) // self.count if self.count else 0
        for i in range(dims):
            lanes[0::4] = joined[i::dims]
            self._columns.append(int.from_bytes(lanes, "little"))

    def cosines(self, query: bytes) -> list[float]:
        """Return the cosine of the query with each vector, in order."""
        if not self.count:
            return []
        values = unpack(query)
        positive = negative = 0
        for column, value in zip(self._columns, values, strict=True):
            if value > 0:
                positive += column * value
            elif value:
                negative -= column * value
        bias = BIAS * sum(values)
        unit = UNIT * UNIT
        return [
            (more - less - bias) / unit
            for more, less in zip(_lanes(positive, self.count), _lanes(negative, self.count), strict=True)
        ]


def cosine(left: bytes, right: bytes) -> float:
    """Return the cosine of two packed vectors, -1 to 1."""
    first, second = unpack(left), unpack(right)
    squares = sum(map(mul, first, first)) * sum(map(mul, second, second))
    return min(1.0, sum(map(mul, first, second)) / math.sqrt(squares)) if squares else 0.0


def _lanes(number: int, count: int) -> memoryview:
    return memoryview(number.to_bytes(4 * count, "little")).cast("I")
