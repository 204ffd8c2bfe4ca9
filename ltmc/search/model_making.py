"""Makes the model file of a published model: int8 weights, fitted to texts and checked on others.

The kernel does the arithmetic, so that nothing but LTMC is needed. Texts go through one layer after the other in
floats; the inputs of each linear map tell how to round it, as in `quantise/` but without its GPTQ, which takes NumPy.
The vectors that the floats give in the end are what the file is checked against.
"""

import hashlib
import struct
from array import array
from collections.abc import Callable, Sequence
from ctypes import addressof, c_char, c_void_p
from dataclasses import dataclass
from pathlib import Path

from ltmc.errors import ErrorCode, LtmcError
from ltmc.search import kernel
from ltmc.search.kernel import KernelError
from ltmc.search.published_model import Layer, PublishedModel, refused
from ltmc.search.sentence_model import (
    BODY,
    HEADER,
    MAGIC,
    OPTIONS,
    SIZES,
    UNIT,
    VERSION,
    ModelError,
    SentenceModel,
)
from ltmc.search.vectors import cosine
from ltmc.search.wordpiece import WordPiece

MEAN, LEAST = 0.995, 0.97
"""The mean and the least cosine with the float run that a file must have; all-mpnet-base-v2 has .998 and .994."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A model file, with texts and what the floats make of them, to check it by."""

    content: bytes
    texts: Sequence[str]
    vectors: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Checked:
    """How near the vectors of a file are to those of the float run."""

    mean: float
    least: float


class _Batch:
    """Texts on their way through the layers; `largest`: of each input of a layer's maps, where that is noted."""

    def __init__(self, ids: Sequence[Sequence[int]]) -> None:
        self.ids = ids
        self.lengths = array("i", map(len, ids))
        self.x = array("f")

    def start(self, header: bytes, words: memoryview, places: memoryview, norm: list["array[float]"]) -> None:
        row, added = 4 * len(norm[0]), array("f")
        for ids in self.ids:
            for number in ids:
                self.x.frombytes(words[number * row : (number + 1) * row])
            added.frombytes(places[: len(ids) * row])
        rows = sum(self.lengths)
        kernel.run("ltmc_float_start", header, _at(self.x), _at(added), rows, *map(_at, norm))

    def layer(
        self, header: bytes, layer: Layer, distances: "array[float] | None", largest: "array[float] | None"
    ) -> None:
        tensors = [tensor for pair in layer.maps for tensor in pair] + layer.norms
        pointers = (c_void_p * 13)(*map(_at, tensors), _at(distances))
        lengths = _at(self.lengths), len(self.lengths)
        kernel.run("ltmc_float_layer", header, addressof(pointers), _at(self.x), *lengths, _at(largest))

    def end(self, header: bytes, hidden: int) -> list[bytes]:
        values = array("f", bytes(4 * hidden * len(self.ids)))
        kernel.run("ltmc_float_end", header, _at(self.x), _at(self.lengths), len(self.lengths), _at(values))
        packed = kernel.packed(values, UNIT)
        return [packed[start : start + hidden] for start in range(0, len(packed), hidden)]


def _at(values: "array[float] | array[int] | None") -> int | None:
    return None if values is None else values.buffer_info()[0]


def make(model: PublishedModel, texts: Sequence[str], progress: Progress) -> Made:
    """Return the model file of a published model.

    Args:
        texts: every other one is what it is fitted to, the others are for the check.
        progress: told after each layer how many are done, and of how many.

    Raises:
        LtmcError: the weights are not those of such a model, or of no use.
    """
    try:
        return _made(model, texts, progress)
    except (OverflowError, struct.error) as error:
        raise refused("its position embeddings are too large for 16 bits") from error
    except KernelError as error:
        raise refused(f"its weights give no vectors: {error}") from error


def _made(model: PublishedModel, texts: Sequence[str], progress: Progress) -> Made:
    sizes, hidden = model.sizes, model.sizes.hidden
    options, text = model.options.packed(), "\n".join(model.tokens).encode()
    distances = model.distance_bias()
    numbers = (sizes.layers, hidden, sizes.heads, sizes.inner, sizes.vocabulary, sizes.positions)
    flags = int(model.pooling == "cls"), int(distances is not None)
    packed = SIZES.pack(*numbers, *flags, sizes.epsilon, len(options) + len(text)) + OPTIONS.pack(
        len(options)
    )
    head = packed.ljust(BODY - HEADER.size, b"\0")
    header = HEADER.pack(MAGIC, VERSION, bytes(32)) + head

    tokeniser = WordPiece(text, model.options.dialect)
    prefix = model.options.document_prefix
    encoded = [tokeniser.encode(prefix + one, sizes.positions) for one in texts]
    batches = _Batch(encoded[::2]), _Batch(encoded[1::2])
    content = bytearray(head)
    words, places, norm = model.words(), model.places(), model.embedding_norm()
    for batch in batches:
        batch.start(header, memoryview(words).cast("B"), memoryview(places).cast("B"), norm)
    _put(content, _rounded_words(words, hidden))
    _put(content, struct.pack(f"<{len(places)}e", *places))
    for values in (*norm, *([] if distances is None else [distances])):
        _put(content, values.tobytes())
    del words
    for number in range(sizes.layers):
        layer = model.layer(number)
        largest = array("f", bytes(4 * (3 * hidden + sizes.inner)))
        for batch, noted in zip(batches, (largest, None), strict=True):
            batch.layer(header, layer, distances, noted)
        _put_layer(content, layer, largest, hidden, hidden // sizes.heads)
        progress(number + 1, sizes.layers)
    content += options + text
    checksum = hashlib.sha256(content).digest()
    return Made(HEADER.pack(MAGIC, VERSION, checksum) + content, texts[1::2], batches[1].end(header, hidden))


def _put(content: bytearray, section: bytes | bytearray) -> None:
    content += section
    content += bytes(-len(section) % 64)


def _rounded_words(words: "array[float]", hidden: int) -> bytearray:
    count = len(words) // hidden
    section = bytearray(count * (hidden + 4))
    kernel.run("ltmc_round_words", _at(words), count, hidden, _in(section), path=False)
    return section


def _put_layer(content: bytearray, layer: Layer, largest: "array[float]", hidden: int, head: int) -> None:
    start = 0
    for number, (weight, bias) in enumerate(layer.maps):
        outputs = len(bias)
        inputs = len(weight) // outputs
        section = bytearray(4 * (inputs + 3 * outputs) + inputs * outputs)
        scaled = hidden if number == 0 else 0  # queries, by which attention need not divide
        of_inputs = largest[start : start + inputs]
        start += inputs
        sizes = inputs, outputs, _at(of_inputs), scaled, head**-0.5
        kernel.run("ltmc_round_linear", _at(weight), _at(bias), *sizes, _in(section), path=False)
        _put(content, section)
        if number in (1, 3):
            for values in layer.norms[number - 1 :][:2]:
                _put(content, values.tobytes())


def _in(section: bytearray) -> int:
    return addressof(c_char.from_buffer(section))


def check(file: Path, made: Made) -> Checked:
    """Compare what a file gives with the float run.

    Raises:
        LtmcError: it is too far from it.
    """
    try:
        model = SentenceModel(file)
        found = model.embed(made.texts)
    except (ModelError, KernelError) as error:
        raise refused(f"the model that was made of it does not run: {error}") from error
    cosines = [cosine(one, other) for one, other in zip(found, made.vectors, strict=True)]
    checked = Checked(sum(cosines) / len(cosines), min(cosines))
    if checked.mean < MEAN or checked.least < LEAST:
        raise LtmcError(
            ErrorCode.UNSUPPORTED,
            f"The model loses too much in 8 bits: the mean cosine with its float run is {checked.mean:.4f} (at least "
            f"{MEAN}), the least {checked.least:.4f} (at least {LEAST}). Nothing was added.",
        )
    return checked
