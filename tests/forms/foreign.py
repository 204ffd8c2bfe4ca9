"""What is asked of a form that was made for another platform, where something emulates that."""

import statistics

from tests.search.test_sentence_model import cosine, read_references

EMBED = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from ltmc.search import kernel, sentence_model
file = Path(sentence_model.__file__).with_name("minilm.ltms")
texts = json.load(sys.stdin)
for name in kernel.available():
    print(json.dumps([name, [vector.hex() for vector in sentence_model.SentenceModel(file, name).embed(texts)]]))
"""
"""A program that embeds texts with each set of instructions; it takes the folder of the packages."""

EVERY = 400
"""Of the 2,000 texts with reference vectors, how many go by for each that is embedded: emulation is slow."""


def texts() -> list[str]:
    """The texts for `EMBED`."""
    return [text for text, _ in read_references()[::EVERY]]


def compare(vectors: list[str]) -> None:
    """See that these, in hexadecimal, are the vectors of the texts by the published weights."""
    expected = [vector for _, vector in read_references()[::EVERY]]
    cosines = [cosine(bytes.fromhex(one), other) for one, other in zip(vectors, expected, strict=True)]
    assert statistics.mean(cosines) >= 0.999
    assert min(cosines) >= 0.997
