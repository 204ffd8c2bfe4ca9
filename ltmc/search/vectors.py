"""Nearest vectors without an extension and without NumPy.

Each vector is kept in the database as bytes (`ltmc.search.sentence_model`) and, in
memory, as its signs, a bit each: 48 bytes for 384 values.  The kernel scores these by the
query's values, then the best few hundred exactly, from their bytes.
"""

import math
from array import array
from collections.abc import Sequence
from operator import mul

from ltmc.search import kernel
from ltmc.search.sentence_model import BIAS, UNIT

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


class SignCodes:
    """The sign codes of a growing list of rows; one thread may add rows while others search those that there are."""

    def __init__(self, code_bytes: int) -> None:
        self.ids = array("q")
        self._code_bytes = code_bytes
        self._codes = bytearray()

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, ids: Sequence[int], codes: bytes) -> None:
        """Add rows; ``codes`` is their codes one after the other."""
        used = len(self.ids) * self._code_bytes
        needed = used + len(codes)
        if needed > len(self._codes):
            larger = bytearray(max(needed, len(self._codes) * 5 // 4))
            larger[:used] = memoryview(self._codes)[:used]
            self._codes = larger  # those who search the other one have it as long as they need it
        self._codes[used:needed] = codes
        self.ids.extend(ids)  # last: from here on others count them

    def nearest(self, query: bytes, most: int) -> list[int]:
        """Return the ids of about ``most`` rows nearest to the query; with those that tie, up to twice as many."""
        ids, count = self.ids, len(self.ids)
        if count <= most:
            return list(ids[:count])
        return [ids[place] for place in kernel.nearest(query, self._codes, count, most)]


def cosines(query: bytes, vectors: bytes) -> list[float]:
    """Return the cosine of a packed vector with each of those that are joined in `vectors`, in order."""
    unit = UNIT * UNIT
    return [product / unit for product in kernel.dot(query, vectors)] if vectors else []


def cosine(left: bytes, right: bytes) -> float:
    """Return the cosine of two packed vectors, -1 to 1."""
    first, second = unpack(left), unpack(right)
    squares = sum(map(mul, first, first)) * sum(map(mul, second, second))
    return min(1.0, sum(map(mul, first, second)) / math.sqrt(squares)) if squares else 0.0
