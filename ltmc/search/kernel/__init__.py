"""The C kernel that runs the sentence model: one plain shared library, which every Python loads by ctypes.

ctypes lets go of the GIL during a call, and each call has its own scratch memory: threads embed side by side.
"""

import ctypes
import sys
from array import array
from collections.abc import Sequence
from functools import cache
from itertools import chain
from mmap import mmap
from pathlib import Path
from typing import Any

LIBRARY = {"darwin": "libltmc-kernel.dylib", "win32": "ltmc-kernel.dll"}.get(
    sys.platform, "libltmc-kernel.so"
)
"""The name of the file in this folder; the source tree has it after `pip install -e .`."""

_ERRORS = {
    -1: "a text has no token or more than the model has positions",
    -2: "a token id is not in the vocabulary",
    -3: "there is no memory",
    -4: "this processor lacks the instructions",
    -5: "a vector has no direction: the weights are damaged",
}


class KernelError(RuntimeError):
    """The kernel is not there, or cannot do what was asked."""


@cache
def library() -> ctypes.CDLL:
    """Load the library.

    Raises:
        KernelError: it is not there, or not for this system.
    """
    path = Path(__file__).with_name(LIBRARY)
    if not path.exists():
        raise KernelError(f"{LIBRARY} is not in {path.parent}: build it with `pip install -e .`")
    try:
        loaded = ctypes.CDLL(str(path))
        _declare(loaded)
    except (OSError, AttributeError) as error:
        raise KernelError(f"cannot load {path}: {error}") from error
    return loaded


def _declare(loaded: ctypes.CDLL) -> None:
    pointer, size, whole = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    for name, result, arguments in (
        ("ltmc_path_name", ctypes.c_char_p, [whole]),
        ("ltmc_has_path", whole, [whole]),
        ("ltmc_open", pointer, [pointer, size]),
        ("ltmc_close", None, [pointer]),
        ("ltmc_embed", whole, [pointer, whole, pointer, pointer, whole, pointer]),
        ("ltmc_pack", None, [pointer, size, ctypes.c_float, pointer]),
        ("ltmc_dot", whole, [whole, ctypes.c_char_p, ctypes.c_char_p, size, whole, pointer]),
        ("ltmc_nearest", whole, [ctypes.c_char_p, whole, pointer, size, size, pointer]),
        ("ltmc_float_start", whole, [whole, ctypes.c_char_p, pointer, pointer, whole, pointer, pointer]),
        ("ltmc_float_layer", whole, [whole, ctypes.c_char_p, pointer, pointer, pointer, whole, pointer]),
        ("ltmc_float_end", whole, [whole, ctypes.c_char_p, pointer, pointer, whole, pointer]),
        ("ltmc_round_words", whole, [pointer, size, whole, pointer]),
        (
            "ltmc_round_linear",
            whole,
            [pointer, pointer, whole, whole, pointer, whole, ctypes.c_float, pointer],
        ),
    ):
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments


def reason() -> str | None:
    """Why there is no kernel here, in a sentence; None when there is one."""
    try:
        library()
    except KernelError as error:
        return str(error)
    return None


def available() -> list[str]:
    """Return the sets of instructions that this processor has and the kernel knows, the best last."""
    return [name for name, number in _paths().items() if library().ltmc_has_path(number)]


@cache
def _paths() -> dict[str, int]:
    found: dict[str, int] = {}
    while name := library().ltmc_path_name(len(found)):
        found[name.decode()] = len(found)
    return found


def _path(instructions: str | None) -> tuple[str, int]:
    known, here = _paths(), available()
    if instructions is None:
        return here[-1], known[here[-1]]
    if instructions not in here:
        raise KernelError(f"instructions: got {instructions!r}; this processor has {', '.join(here)}")
    return instructions, known[instructions]


def dot(query: bytes, vectors: bytes, instructions: str | None = None) -> "ctypes.Array[ctypes.c_int32]":
    """Return the dot product of a packed vector with each of the packed `vectors`, one after the other.

    Packed means a byte a value, value + 128.

    Raises:
        KernelError: there is no kernel, or the width is not a multiple of 64.
    """
    width = len(query)
    if not width or width % 64 or len(vectors) % width:
        raise KernelError(
            f"vectors of {width} bytes: their width must be a multiple of 64, and divide them all"
        )
    count = len(vectors) // width
    out = (ctypes.c_int32 * count)()
    signed = query.translate(_SIGNED)
    _raise(library().ltmc_dot(_path(instructions)[1], signed, vectors, count, width, out))
    return out


def nearest(query: bytes, codes: bytearray, count: int, most: int) -> "array[int]":
    """Return the places of about `most` of the first `count` sign codes, those nearest to a packed vector, rising.

    With codes that tie they are up to twice as many; of more than that, the last ones.

    Raises:
        KernelError: there is no kernel, or the sizes do not fit.
    """
    width = len(query)
    if not width or width % 64 or not 0 < most <= count or len(codes) < count * (width // 8):
        raise KernelError(
            f"{most} of {count} codes in {len(codes)} bytes for {width} values: the values must be a multiple of 64"
        )
    places = array("I", bytes(8 * most))
    first = ctypes.c_char.from_buffer(codes)  # as long as this is there they are not resized
    found = library().ltmc_nearest(
        query.translate(_SIGNED), width, ctypes.addressof(first), count, most, places.buffer_info()[0]
    )
    _raise(min(found, 0))
    del places[found:]
    return places


def run(name: str, *arguments: Any, path: bool = True) -> None:
    """Call a function of the library that makes model files, with the best instructions that are here.

    Args:
        path: whether its first argument is the path.

    Raises:
        KernelError: there is no kernel, or it cannot do that.
    """
    _raise(getattr(library(), name)(*([_path(None)[1]] if path else []), *arguments))


def packed(values: "array[float]", unit: float) -> bytes:
    """Return values as bytes: value * unit + 128."""
    out = (ctypes.c_char * len(values))()
    library().ltmc_pack(values.buffer_info()[0], len(values), unit, out)
    return out.raw


def _raise(result: int) -> None:
    if result:
        raise KernelError(_ERRORS[result])


_SIGNED = bytes(value ^ 128 for value in range(256))


class Kernel:
    """A model laid over a mapped file."""

    def __init__(self, file: mmap, dims: int, instructions: str | None = None) -> None:
        """Check the file's sizes and keep it mapped.

        Raises:
            ValueError: the file is not a model.
            KernelError: there is no kernel, or this processor lacks the instructions.
        """
        self._library = library()
        self.instructions, self._number = _path(instructions)
        self._dims = dims
        self._file = ctypes.c_char.from_buffer(file)  # keeps the map from being closed
        self._model = self._library.ltmc_open(ctypes.addressof(self._file), len(file))
        if not self._model:
            raise ValueError("its sizes are not those of a sentence model")

    def __del__(self) -> None:
        if getattr(self, "_model", None):
            self._library.ltmc_close(self._model)

    def embed(self, texts: Sequence[Sequence[int]], unit: float) -> list[bytes]:
        """Return the unit vector of each text's tokens, packed: value * unit + 128.

        Raises:
            KernelError: a text has no token or too many, or an unknown one.
        """
        dims, count = self._dims, len(texts)
        if not count:
            return []
        try:
            ids = array("i", chain.from_iterable(texts))
        except (OverflowError, TypeError) as error:
            raise KernelError(f"token ids: {error}") from error
        lengths = array("i", map(len, texts))
        values, packed = (ctypes.c_float * (count * dims))(), (ctypes.c_char * (count * dims))()
        addresses = ids.buffer_info()[0], lengths.buffer_info()[0]
        _raise(self._library.ltmc_embed(self._model, self._number, *addresses, count, values))
        self._library.ltmc_pack(values, count * dims, unit, packed)
        raw = packed.raw
        return [raw[start : start + dims] for start in range(0, len(raw), dims)]
