"""The sentence transformer: texts to unit vectors, by the C kernel in `ltmc.search.kernel`."""

import hashlib
import json
import mmap
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ltmc.search.kernel import Kernel, KernelError
from ltmc.search.wordpiece import Dialect, WordPiece

MAGIC, VERSION = b"LTMCSENT", 1
HEADER = struct.Struct("<8sI20x32s")
"""What it is, its version, and the sha256 of all that follows: a file of another size or content is refused."""
SIZES = struct.Struct("<8IfI")
"""Layers, hidden, heads, inner, vocabulary, positions, pooling, distance bias; epsilon; bytes of the vocabulary."""
OPTIONS = struct.Struct("<I")
"""After the sizes: so many bytes before the tokens in the vocabulary's text are `Options`, as JSON; 0 in the shipped
file."""

BODY = 128
"""Where weights begin; `model_file.h` has the whole layout."""

BIAS = 128
"""What is added to a value to store it as a byte."""

UNIT = 588.0
"""A unit vector's values times this are its bytes, cut at 127; so a dot product over UNIT**2 is the cosine. A
value's standard deviation is 588/sqrt(384) = 30: 127 is 4.2 of it."""

LONGEST = 256
"""In tokens, those that begin and end a text included: what the model was trained for. More is cut off."""


class ModelError(ValueError):
    """The model file is absent, of another version, or damaged."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a model wants to be told: what stands before queries and before what they are to find; its tokeniser."""

    query_prefix: str = ""
    document_prefix: str = ""
    dialect: Dialect = field(default_factory=Dialect)

    def packed(self) -> bytes:
        """Return them as a model file holds them."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpacked(cls, text: bytes) -> "Options":
        """Return what `packed` gave; the defaults of no text.

        Raises:
            ValueError, TypeError: it gave something else.
        """
        given = json.loads(text or b"{}")
        dialect = given.pop("dialect", {})
        if "others" in dialect:
            dialect["others"] = tuple(dialect["others"])
        if not all(isinstance(prefix, str) for prefix in given.values()):
            raise ValueError("its prefixes are no texts")
        return cls(**given, dialect=Dialect(**dialect))


class SentenceModel:
    """Maps the model file and embeds texts; several threads may do so side by side."""

    def __init__(self, path: Path, instructions: str | None = None) -> None:
        """Map and check the file: its checksum takes 15 ms, once a process, and reads what is used anyway.

        Args:
            path: the model file.
            instructions: a name of `Kernel.available`; the best by default.

        Raises:
            ModelError: the file is not the one that it says.
            KernelError: the kernel is not there, or this processor lacks the instructions.
        """
        try:
            with path.open("rb") as file:
                # Copied on write, which never happens: ctypes takes no address of a map that is read-only.
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot read the sentence model {path}: {error}") from error
        if len(self._map) < BODY:
            raise ModelError(f"{path} is too short for a sentence model")
        magic, version, checksum = HEADER.unpack_from(self._map)
        if (magic, version) != (MAGIC, VERSION):
            raise ModelError(f"{path} is not a sentence model of version {VERSION}")
        with memoryview(self._map) as content:
            if hashlib.sha256(content[HEADER.size :]).digest() != checksum:
                raise ModelError(f"{path} is damaged: its content does not have the sha256 that it names")
        self.checksum: str = checksum.hex()
        """The sha256 that names this model in the index."""
        sizes = SIZES.unpack_from(self._map, HEADER.size)
        self.dims: int = sizes[1]
        self._limit = min(LONGEST, sizes[5])
        try:
            self._kernel = Kernel(self._map, self.dims, instructions)
        except ValueError as error:
            if isinstance(error, KernelError):
                raise
            raise ModelError(f"{path}: {error}") from error
        start = len(self._map) - sizes[9]
        tokens = start + OPTIONS.unpack_from(self._map, HEADER.size + SIZES.size)[0]
        try:
            self._options = Options.unpacked(self._map[start:tokens])
            self._vocabulary = self._map[tokens:]
            self._tokeniser = WordPiece(self._vocabulary, self._options.dialect)
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ModelError(f"{path}: {error}") from error

    @property
    def instructions(self) -> str:
        """The set of instructions that is used."""
        return self._kernel.instructions

    def tokenise(self, text: str) -> list[int]:
        """Return all token ids of a text, without those that begin and end it."""
        return self._tokeniser.tokenise(text)

    def encode(self, text: str, *, query: bool = False) -> list[int]:
        """Return the token ids that stand for a text, as a query or as what one is to find; none of no token."""
        prefix = self._options.query_prefix if query else self._options.document_prefix
        ids = self._tokeniser.encode(text, self._limit)
        if len(ids) == 2:
            return []
        return self._tokeniser.encode(prefix + text, self._limit) if prefix else ids

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[bytes]:
        """Return the unit vector of each text: ``dims`` bytes, value * UNIT + 128.

        Only the first `LONGEST` tokens count. A text without tokens has the zero vector, all 128.
        """
        encoded = [self.encode(text, query=query) for text in texts]
        zero = bytes([BIAS]) * self.dims
        vectors = iter(self._kernel.embed([ids for ids in encoded if ids], UNIT))
        return [next(vectors) if ids else zero for ids in encoded]
