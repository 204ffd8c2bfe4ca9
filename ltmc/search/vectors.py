"""Nearest vectors without an extension and without NumPy.

Each vector is kept in the database as bytes (`ltmc.search.sentence_model`) and, in
memory, as its signs, a bit each: 48 bytes for 384 values.  The signs of many rows are
held by column: byte j of every row, one row after the other.  For a query, column j is
translated by a table that maps a byte to the sum of the query's values with those signs,
and the translated columns are added as long integers, a byte lane a row.  For 48 columns
that is 48 passes of C code over the rows: about 55 ms for a million.  The best few hundred
are then scored exactly from their bytes, by the kernel.
"""

import math
import re
from array import array
from collections.abc import Sequence
from operator import mul

from ltmc.search import kernel
from ltmc.search.sentence_model import BIAS, UNIT

BLOCK = 32_768
"""How many rows are added at once; 8 to 128 thousand are alike, the whole is slower."""

_UNBIASED = bytes((value - BIAS) % 256 for value in range(256))
_SIGN = bytes(1 if value > BIAS else 0 for value in range(256))


def unpack(vector: bytes) -> "array[int]":
    """Return the int8 values of a packed vector."""
    return array("b", vector.translate(_UNBIASED))


def mean_unit(vectors: Sequence[bytes], weights: Sequence[float] = ()) -> bytes:
    """Return the packed unit vector of the weighted mean of packed vectors; that of one is itself."""
    if len(vectors) == 1:
        return vectors[0]
    shares = weights or [1.0] * len(vectors)
    columns = zip(*map(unpack, vectors), strict=True)
    sums = [sum(map(mul, column, shares)) for column in columns]
    norm = math.sqrt(sum(map(mul, sums, sums)))
    factor = UNIT / norm if norm else 0.0
    return bytes(max(1, min(255, round(value * factor) + BIAS)) for value in sums)


def sign_code(vector: bytes) -> bytes:
    """Return the signs of a packed vector: bit i of byte j is value 8 j + i."""
    signs = vector.translate(_SIGN)
    number = sum(int.from_bytes(signs[bit::8], "little") << bit for bit in range(8))
    return number.to_bytes(len(signs) // 8, "little")


class CodeColumns:
    """The sign codes of a growing list of rows; one thread may add rows while others search those that there are."""

    def __init__(self, code_bytes: int) -> None:
        self.ids = array("q")
        self._columns = [bytearray() for _ in range(code_bytes)]

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, ids: Sequence[int], codes: bytes) -> None:
        """Add rows; ``codes`` is their codes one after the other."""
        for j, column in enumerate(self._columns):
            column.extend(codes[j :: len(self._columns)])
        self.ids.extend(ids)  # last: from here on others count them

    def scores(self, query: bytes) -> bytes:
        """Return a byte for each row: larger is nearer, in steps of the query's own scale."""
        tables = _tables(query)
        blocks = []
        count = len(self.ids)
        for start in range(0, count, BLOCK):
            end = min(start + BLOCK, count)
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
    for j in range(0, len(values), 8):
        part = values[j : j + 8]
        # Start from all bits clear; a set bit adds twice its value.  The total is
        # never negative: the span of the part is added.
        table = [(sum(map(abs, part)) - sum(part)) * scale]
        for value in part:
            step = 2 * value * scale
            table += [entry + step for entry in table]
        tables.append(bytes(map(int, table)))
    return tables


def cosines(query: bytes, vectors: bytes) -> list[float]:
    """Return the cosine of a packed vector with each of those that are joined in `vectors`, in order."""
    unit = UNIT * UNIT
    return [product / unit for product in kernel.dot(query, vectors)] if vectors else []


def cosine(left: bytes, right: bytes) -> float:
    """Return the cosine of two packed vectors, -1 to 1."""
    first, second = unpack(left), unpack(right)
    squares = sum(map(mul, first, first)) * sum(map(mul, second, second))
    return min(1.0, sum(map(mul, first, second)) / math.sqrt(squares)) if squares else 0.0
