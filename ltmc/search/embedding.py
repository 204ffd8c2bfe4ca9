"""The static embedding model: a table of one row for each WordPiece token.

A text's vector is the sum of its tokens' rows, normalised.  The rows are int8
(stored as byte = value + 128) and stay in the mapped file, so all processes
share them.  Rows are added with Python's long integers, 128 lanes of 16 bits at
once: a text of 512 tokens takes a few tenths of a millisecond.
"""

import mmap
import re
import struct
import unicodedata
from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from math import sqrt
from operator import mul
from pathlib import Path

MAGIC, VERSION = b"LTMCSEM1", 1
HEADER = struct.Struct("<8sHHIIf")
BODY = 64
"""The first byte after the header and its checksum."""

BIAS = 128
"""What is added to a value to store it as a byte."""

UNIT = 480.0
"""A unit vector's values times this are its bytes, cut at 127; so a dot product over UNIT**2 is the cosine. A
value's standard deviation is 480/16 = 30: 127 is 4 of it."""

LANE_LIMIT = 256
"""How many rows can be added in lanes of 16 bits: 256 * 255 < 65536."""

LONGEST_WORD = 100
"""In characters, BERT's limit: a longer word is unknown."""

WORD = re.compile(
    r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\w\s]|_"
)


class ModelError(ValueError):
    """The model file is absent, of another version, or damaged."""


class StaticModel:
    """Maps the model file; tokenises and encodes texts."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot read the embedding model {path}: {error}") from error
        if len(self._map) < BODY:
            raise ModelError(f"{path} is too short for an embedding model")
        magic, version, self.dims, self.count, words, self.scale = HEADER.unpack_from(self._map)
        if (magic, version) != (MAGIC, VERSION):
            raise ModelError(f"{path} is not an embedding model of version {VERSION}")
        end = BODY + self.dims * self.count
        if len(self._map) != end + words:
            raise ModelError(f"{path} has {len(self._map)} bytes, not {end + words}")
        self.tokens: list[str] = self._map[end:].decode().split("\n")
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        self._mask = int.from_bytes(b"\xff\x00" * (self.dims // 2), "little")
        self._pieces = lru_cache(maxsize=20_000)(self._split_word)

    @property
    def checksum(self) -> str:
        """The sha256 that names this model in the index."""
        return self._map[32:64].hex()

    def tokenise(self, text: str) -> list[int]:
        """Return token ids by WordPiece: lower case, no accents, longest match first."""
        text = text.lower()
        if not text.isascii():
            text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
        return list(chain.from_iterable(map(self._pieces, WORD.findall(text))))

    def _split_word(self, word: str) -> tuple[int, ...]:
        whole = self._ids.get(word)
        if whole is not None:
            return (whole,)
        if len(word) > LONGEST_WORD:
            return ()
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                found = self._ids.get(prefix + word[start:end])
                if found is not None:
                    pieces.append(found)
                    start = end
                    break
            else:
                return ()
        return tuple(pieces)

    def row(self, token: int) -> "array[int]":
        """Return the int8 row of a token."""
        start = BODY + token * self.dims
        raw = self._map[start : start + self.dims]
        return array("b", raw.translate(_UNBIAS))

    def sums(self, tokens: Sequence[int]) -> list[int]:
        """Return the sum of the tokens' rows."""
        dims, mask, table = self.dims, self._mask, self._map
        totals = [0] * dims
        half = dims  # bytes of dims/2 lanes of two bytes
        for first in range(0, len(tokens), LANE_LIMIT):
            batch = tokens[first : first + LANE_LIMIT]
            even = odd = 0
            for token in batch:
                start = BODY + token * dims
                row = int.from_bytes(table[start : start + dims], "little")
                even += row & mask
                odd += (row >> 8) & mask
            bias = BIAS * len(batch)
            low = array("H", even.to_bytes(half, "little"))
            high = array("H", odd.to_bytes(half, "little"))
            if _BIG_ENDIAN:
                low.byteswap()
                high.byteswap()
            if first:
                totals[0::2] = [t + v - bias for t, v in zip(totals[0::2], low, strict=True)]
                totals[1::2] = [t + v - bias for t, v in zip(totals[1::2], high, strict=True)]
            else:
                totals[0::2] = [v - bias for v in low]
                totals[1::2] = [v - bias for v in high]
        return totals

    def encode(self, text: str) -> bytes:
        """Return the unit vector of a text: ``dims`` bytes, value * UNIT + 128."""
        return pack_unit(self.sums(self.tokenise(text)))


def pack_unit(sums: Sequence[float]) -> bytes:
    """Normalise sums and round them to bytes; the zero vector is all 128."""
    norm = sqrt(sum(map(mul, sums, sums)))
    if not norm:
        return bytes([BIAS]) * len(sums)
    factor = UNIT / norm
    values = [round(v * factor) + BIAS for v in sums]
    if max(values) > 255 or min(values) < 1:
        values = [max(1, min(255, v)) for v in values]
    return bytes(values)


def unpack(vector: bytes) -> "array[int]":
    """Return the int8 values of a packed vector."""
    return array("b", vector.translate(_UNBIAS))


_UNBIAS = bytes((i - BIAS) % 256 for i in range(256))
_BIG_ENDIAN = struct.pack("=H", 1) == b"\x00\x01"
