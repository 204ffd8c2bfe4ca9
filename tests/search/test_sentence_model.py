"""The sentence model is the published one, on every set of instructions that this processor has."""

import base64
import json
import lzma
import statistics
import threading
from array import array
from math import sqrt
from operator import mul
from pathlib import Path

import pytest

from ltmc.search import kernel, sentence_model
from ltmc.search.kernel import KernelError
from ltmc.search.sentence_model import (
    HEADER,
    LONGEST,
    OPTIONS,
    SIZES,
    UNIT,
    ModelError,
    Options,
    SentenceModel,
)
from ltmc.search.wordpiece import Dialect
from tests.search.small_model import POSITIONS, TOKENS, signed, small_model

FILE = Path(sentence_model.__file__).with_name("minilm.ltms")
REFERENCES = Path(__file__).with_name("references.json.xz")
SHARE = {"sse2": 16, "avx2": 8, "avxvnni": 8, "neon": 8}
"""Slow instructions are compared on every n-th text only."""

FLAGS = {
    "sse2": {"sse2"},
    "avx2": {"avx2", "fma", "f16c"},
    "avxvnni": {"avx_vnni"},
    "avx512vnni": {"avx512_vnni", "avx512bw", "avx512dq", "avx512vl"},
    "neon": {"asimd"},
    "neondot": {"asimddp"},
}
"""What Linux calls the instructions that each set needs."""

FIELDS = ("layers", "hidden", "heads", "inner", "vocabulary", "positions", "pooling", "bias")


def cosine(left: bytes, right: bytes) -> float:
    """Return the cosine of two packed vectors."""
    a, b = (array("b", bytes(value ^ 128 for value in vector)) for vector in (left, right))
    return sum(map(mul, a, b)) / sqrt(sum(map(mul, a, a)) * sum(map(mul, b, b)))


def read_references() -> list[tuple[str, bytes]]:
    """Return texts and their vectors by the published weights, made by `quantise/references.py`."""
    content = json.loads(lzma.decompress(REFERENCES.read_bytes()))
    assert content["unit"] == UNIT
    vectors = base64.b85decode(content["vectors"])
    return [(text, vectors[384 * i : 384 * i + 384]) for i, text in enumerate(content["texts"])]


@pytest.fixture(scope="module")
def references() -> list[tuple[str, bytes]]:
    """Return them, read once."""
    return read_references()


def test_the_processor_has_instructions_and_the_best_are_used(model: SentenceModel) -> None:
    assert kernel.reason() is None
    assert model.instructions == kernel.available()[-1]
    processor = Path("/proc/cpuinfo")
    if not processor.exists():
        pytest.skip("the system does not say what its processor has")
    flags = set(processor.read_text().split())
    assert kernel.available() == [name for name, wanted in FLAGS.items() if wanted <= flags]


@pytest.mark.parametrize("instructions", kernel.available() if kernel.reason() is None else [None])
def test_vectors_are_those_of_the_published_weights(
    references: list[tuple[str, bytes]], instructions: str | None
) -> None:
    model = SentenceModel(FILE, instructions)
    assert model.instructions == instructions
    chosen = references[:: SHARE.get(str(instructions), 1)]
    found = model.embed([text for text, _ in chosen])
    cosines = [cosine(vector, expected) for vector, (_, expected) in zip(found, chosen, strict=True)]
    assert statistics.mean(cosines) >= 0.999
    assert min(cosines) >= 0.997


@pytest.mark.parametrize("shape", [{}, {"head": 64}, {"pooling": 1}, {"distance_bias": 1}], ids=str)
def test_all_instructions_agree_on_every_shape(tmp_path: Path, shape: dict[str, int]) -> None:
    file = tmp_path / "small.ltms"
    file.write_bytes(small_model(**shape))
    texts = ["a0", "a1 b2 c3 d4 a0", "d8 " * (POSITIONS + 3), "a0 b0 " * 11]
    expected, *others = (SentenceModel(file, name).embed(texts) for name in kernel.available())
    for found in others:
        assert min(cosine(a, b) for a, b in zip(expected, found, strict=True)) > 0.995


def test_shape_matters(tmp_path: Path) -> None:
    vectors = []
    for number, shape in enumerate(({}, {"pooling": 1}, {"distance_bias": 1})):
        file = tmp_path / f"{number}.ltms"
        file.write_bytes(small_model(**shape))
        vectors += SentenceModel(file).embed(["a1 b2 c3 d4 a0"])
    assert len(set(vectors)) == 3


def test_a_text_has_one_vector_whatever_stands_beside_it(model: SentenceModel) -> None:
    texts = [
        "a lamp",
        "",
        "the quick brown fox " * 40,
        "retry the upload",
        "x " * 1000,
        "\u200b",
        "an attic",
    ] * 7
    together = model.embed(texts)
    assert together == [model.embed([text])[0] for text in texts]
    assert together[1] == together[5] == bytes([128]) * 384
    cut = model.tokenise("x " * 1000)[: LONGEST - 2]
    assert together[4] == model.embed(["x " * len(cut)])[0]
    assert model.embed([]) == []


@pytest.mark.parametrize(
    ("near", "nearer", "far"),
    [
        ("car", "automobile", "lunch"),
        ("delete a file", "remove a document", "the weather in May"),
        ("retry the upload", "try sending again", "blue"),
        ("we moved to Postgres", "which database do we use now?", "the tests are slow on Windows"),
    ],
)
def test_near_meanings_have_near_vectors(model: SentenceModel, near: str, nearer: str, far: str) -> None:
    query, *others = model.embed([near, nearer, far, near])
    assert cosine(query, others[0]) > cosine(query, others[1]) + 0.1
    assert query == others[2]


def test_threads_embed_side_by_side(model: SentenceModel) -> None:
    texts = [f"text {number} of a thread, on subject {number % 7}" for number in range(60)]
    expected, found = model.embed(texts), {}

    def work(number: int) -> None:
        found[number] = [model.embed([text])[0] for text in texts]

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[number] == expected for number in range(4))


@pytest.mark.parametrize("instructions", kernel.available() if kernel.reason() is None else [None])
def test_dot_products_are_exact(model: SentenceModel, instructions: str | None) -> None:
    vectors = [*model.embed(["a lamp", "an attic", "retry the upload"]), bytes([1]) * 384, bytes([255]) * 384]
    for query in vectors:
        signed_query = [value - 128 for value in query]
        expected = [sum(map(mul, signed_query, (value - 128 for value in vector))) for vector in vectors]
        assert list(kernel.dot(query, b"".join(vectors), instructions)) == expected
    with pytest.raises(KernelError, match="multiple of 64"):
        kernel.dot(bytes(100), bytes(1000), instructions)


def test_wrong_instructions_are_refused() -> None:
    with pytest.raises(KernelError, match="instructions: got 'mmx'; this processor has"):
        SentenceModel(FILE, "mmx")


@pytest.mark.parametrize(
    ("at", "reason"), [(0, "is not a sentence model"), (9, "is not"), (40, "is damaged")]
)
def test_a_damaged_file_is_refused(tmp_path: Path, at: int, reason: str) -> None:
    content = bytearray(small_model())
    content[at] ^= 4
    file = tmp_path / "small.ltms"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=reason):
        SentenceModel(file)


def test_every_part_of_a_file_is_covered_by_its_checksum(tmp_path: Path) -> None:
    whole = small_model()
    file = tmp_path / "small.ltms"
    for at in range(HEADER.size, len(whole), len(whole) // 50):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ModelError, match="damaged"):
            SentenceModel(file)
    for size in (0, 1, 63, 64, 127, 128, 5000, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(ModelError, match=r"small\.ltms"):
            SentenceModel(file)
    with pytest.raises(ModelError, match="cannot read"):
        SentenceModel(tmp_path / "none.ltms")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [0, 1, 63, 2**20, 2**31 - 1, 2**31, 2**32 - 1])
def test_hostile_sizes_are_refused(tmp_path: Path, field: str, value: int) -> None:
    if (field, value) in {("heads", 1), ("pooling", 0), ("pooling", 1), ("bias", 0)}:
        pytest.skip("a model may have that")
    body = bytearray(small_model()[HEADER.size :])
    at = 4 * FIELDS.index(field)
    body[at : at + 4] = value.to_bytes(4, "little")
    file = tmp_path / "small.ltms"
    file.write_bytes(signed(bytes(body)))
    with pytest.raises(ModelError, match="its sizes are not"):
        SentenceModel(file)


@pytest.mark.parametrize(
    "options",
    [b"{", b"[]", b"[" * 100_000, b"5", b'{"size": 1}', b'{"query_prefix": 5}', b'{"document_prefix": null}']
    + [
        b'{"dialect": 5}',
        b'{"dialect": {"first": 5}}',
        b'{"dialect": {"others": [5]}}',
        b'{"dialect": {"first": "x"}}',
    ],
    ids=lambda options: options[:30].decode(),
)
def test_wrong_options_are_refused(tmp_path: Path, options: bytes) -> None:
    file = tmp_path / "small.ltms"
    file.write_bytes(with_options(options))
    with pytest.raises(ModelError, match=r"small\.ltms"):
        SentenceModel(file)


def test_options_are_read(tmp_path: Path) -> None:
    file = tmp_path / "small.ltms"
    options = Options("a0 ", "b1 ", Dialect(first="c3", last="d4", lowercase=False))
    file.write_bytes(with_options(options.packed()))
    model = SentenceModel(file)
    ids = {token: number for number, token in enumerate(TOKENS)}
    assert model.encode("d8") == [ids[token] for token in ("c3", "b1", "d8", "d4")]
    assert model.encode("D8", query=True) == [ids[token] for token in ("c3", "a0", "[UNK]", "d4")]
    for length in (len(options.packed()) + 1, 2**31, 2**32 - 1):
        file.write_bytes(with_options(options.packed(), length))
        with pytest.raises(ModelError, match=r"small\.ltms"):
            SentenceModel(file)


def with_options(options: bytes, length: int | None = None) -> bytes:
    """A small model with options, and what it says of their length."""
    body = bytearray(small_model()[HEADER.size :])
    sizes = list(SIZES.unpack_from(body))
    at = len(body) - sizes[9]
    body[at:at] = options
    sizes[9] += len(options)
    SIZES.pack_into(body, 0, *sizes)
    OPTIONS.pack_into(body, SIZES.size, len(options) if length is None else length)
    return signed(bytes(body))
