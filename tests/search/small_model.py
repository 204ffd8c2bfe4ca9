"""A model file of random weights and 40 tokens: small enough to be damaged thousands of times."""

import hashlib
import random
import struct

from ltmc.search.sentence_model import BODY, HEADER, MAGIC, SIZES, VERSION

TOKENS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *(f"{letter}{number}" for letter in "abcd" for number in range(9)),
]
POSITIONS = 48


def small_model(*, head: int = 32, pooling: int = 0, distance_bias: int = 0, layers: int = 2) -> bytes:
    """Return the file's content; it has two heads, each of `head` values."""
    draw, content = random.Random(1), bytearray()
    hidden, inner = 2 * head, 128

    def put(section: bytes) -> None:
        content.extend(section + bytes(-len(section) % 64))

    def put_floats(count: int, least: float, most: float, form: str = "f") -> None:
        put(struct.pack(f"<{count}{form}", *(draw.uniform(least, most) for _ in range(count))))

    def put_linear(inputs: int, outputs: int) -> None:
        put_floats(inputs, 0.5, 2)
        put_floats(outputs, 0.001, 0.01)
        put_floats(outputs, -0.1, 0.1)
        put_floats(outputs, -0.1, 0.1)
        put(draw.randbytes(inputs * outputs))

    def put_norm() -> None:
        put_floats(hidden, 0.5, 1.5)
        put_floats(hidden, -0.1, 0.1)

    put(b"".join(struct.pack("<f", 0.01) + draw.randbytes(hidden) for _ in TOKENS))
    put_floats(POSITIONS * hidden, -0.1, 0.1, "e")
    put_norm()
    if distance_bias:
        put_floats(2 * (2 * POSITIONS - 1), -1, 1)
    for _ in range(layers):
        put_linear(hidden, 3 * hidden)
        put_linear(hidden, hidden)
        put_norm()
        put_linear(hidden, inner)
        put_linear(inner, hidden)
        put_norm()
    text = "\n".join(TOKENS).encode()
    sizes = SIZES.pack(
        layers, hidden, 2, inner, len(TOKENS), POSITIONS, pooling, distance_bias, 1e-12, len(text)
    )
    return signed(sizes.ljust(BODY - HEADER.size, b"\0") + content + text)


def signed(body: bytes) -> bytes:
    """Return a file whose checksum is right, whatever is in it."""
    return HEADER.pack(MAGIC, VERSION, hashlib.sha256(body).digest()) + body
