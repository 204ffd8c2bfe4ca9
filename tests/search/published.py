"""Published models as tests make them up: a folder of random weights, and what these give, in plain Python."""

import json
import math
import random
import struct
from collections.abc import Sequence
from functools import cache
from operator import mul
from pathlib import Path
from typing import Any

HIDDEN, HEADS, INNER, LAYERS, PLACES, BUCKETS = 192, 6, 128, 2, 66, 32
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MPNET = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"]

Row = list[float]
Tensors = dict[str, tuple[list[int], Row]]


def vocabulary(kind: str) -> list[str]:
    """Return tokens that spell every word."""
    signs = [*"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"]
    return [*(BERT if kind == "bert" else MPNET), *LETTERS, *(f"##{one}" for one in LETTERS), *signs]


@cache
def tensors(kind: str) -> Tensors:
    """Return random weights under their published names."""
    draw, found = random.Random(1), {}

    def put(name: str, *shape: int, mean: float = 0.0, spread: float = 0.1) -> None:
        found[name] = list(shape), [draw.gauss(mean, spread) for _ in range(math.prod(shape))]

    def norm(name: str) -> None:
        put(f"{name}.weight", HIDDEN, mean=1.0)
        put(f"{name}.bias", HIDDEN)

    def linear(name: str, outputs: int, inputs: int) -> None:
        put(f"{name}.weight", outputs, inputs)
        put(f"{name}.bias", outputs)

    put("embeddings.word_embeddings.weight", len(vocabulary(kind)), HIDDEN, spread=1.0)
    put("embeddings.position_embeddings.weight", PLACES, HIDDEN, spread=0.5)
    norm("embeddings.LayerNorm")
    if kind == "bert":
        put("embeddings.token_type_embeddings.weight", 2, HIDDEN, spread=0.5)
    else:
        put("encoder.relative_attention_bias.weight", BUCKETS, HEADS, spread=1.0)
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        query, key, value, out, after = NAMES[kind]
        for name in (query, key, value, out):
            linear(f"{layer}.{name}", HIDDEN, HIDDEN)
        norm(f"{layer}.{after}")
        linear(f"{layer}.intermediate.dense", INNER, HIDDEN)
        linear(f"{layer}.output.dense", HIDDEN, INNER)
        norm(f"{layer}.output.LayerNorm")
    return found


NAMES = {
    "bert": (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
    ),
    "mpnet": (
        "attention.attn.q",
        "attention.attn.k",
        "attention.attn.v",
        "attention.attn.o",
        "attention.LayerNorm",
    ),
}


def safetensors(weights: Tensors, form: str = "F32") -> bytes:
    """Return the file; BF16 cuts values, F16 rounds them."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = bytearray()
    for name, (shape, values) in weights.items():
        start = len(body)
        body += struct.pack(f"<{len(values)}{'e' if form == 'F16' else 'f'}", *values)
        if form == "BF16":
            whole = body[start:]
            narrow = bytearray(len(whole) // 2)
            narrow[::2], narrow[1::2] = whole[2::4], whole[3::4]
            body[start:] = narrow
        header[name] = {"dtype": form, "shape": shape, "data_offsets": [start, len(body)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def write(
    folder: Path,
    kind: str = "bert",
    *,
    pooling: str = "mean",
    form: str = "F32",
    before: str = "",
    **files: Any,
) -> Path:
    """Write a model's folder.

    Args:
        before: what stands before the names of its weights.
        files: further files of JSON, by name without the ending.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": kind,
        "hidden_size": HIDDEN,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "intermediate_size": INNER,
        "max_position_embeddings": PLACES,
        "vocab_size": len(vocabulary(kind)),
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        **({"type_vocab_size": 2} if kind == "bert" else {"relative_attention_num_buckets": BUCKETS}),
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(vocabulary(kind)) + "\n")
    weights = {before + name: tensor for name, tensor in tensors(kind).items()}
    (folder / "model.safetensors").write_bytes(safetensors(weights, form))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    modes = {"pooling_mode_mean_tokens": pooling == "mean", "pooling_mode_cls_token": pooling == "cls"}
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": HIDDEN, **modes})
    )
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def embed(kind: str, ids: Sequence[int], pooling: str = "mean") -> Row:
    """Return the unit vector of tokens, in double floats, as the published programs compute it."""
    weights = {name: _rows(*tensor) for name, tensor in tensors(kind).items()}
    words = weights["embeddings.word_embeddings.weight"]
    places = weights["embeddings.position_embeddings.weight"]
    first = 0 if kind == "bert" else 2  # the place of padding, 1, and one more
    x = [_sum(words[number], places[first + i]) for i, number in enumerate(ids)]
    if kind == "bert":
        x = [_sum(row, weights["embeddings.token_type_embeddings.weight"][0]) for row in x]

    def linear(name: str, rows: list[Row]) -> list[Row]:
        bias = weights[f"{name}.bias"][0]
        return [_sum([sum(map(mul, row, out)) for out in weights[f"{name}.weight"]], bias) for row in rows]

    def norm(name: str, rows: list[Row]) -> list[Row]:
        gain, bias = weights[f"{name}.weight"][0], weights[f"{name}.bias"][0]
        result = []
        for row in rows:
            mean = sum(row) / len(row)
            deviation = math.sqrt(sum((value - mean) ** 2 for value in row) / len(row) + 1e-5)
            result.append([(v - mean) / deviation * g + b for v, g, b in zip(row, gain, bias, strict=True)])
        return result

    x = norm("embeddings.LayerNorm", x)
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}."
        query, key, value, out, after = (layer + name for name in NAMES[kind])
        seen: list[Row] = [[] for _ in x]
        parts = [linear(name, x) for name in (query, key, value)]
        size = HIDDEN // HEADS
        for head in range(HEADS):
            q, k, v = ([row[head * size : (head + 1) * size] for row in part] for part in parts)
            for i, asked in enumerate(q):
                scores = [sum(map(mul, asked, other)) / math.sqrt(size) for other in k]
                if kind == "mpnet":
                    bias = weights["encoder.relative_attention_bias.weight"]
                    scores = [score + bias[relative_bucket(j - i)][head] for j, score in enumerate(scores)]
                shares = [math.exp(score - max(scores)) for score in scores]
                seen[i] += [sum(map(mul, shares, column)) / sum(shares) for column in zip(*v, strict=True)]
        x = norm(after, list(map(_sum, x, linear(out, seen))))
        middle = linear(f"{layer}intermediate.dense", x)
        middle = [[v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in row] for row in middle]
        x = norm(f"{layer}output.LayerNorm", list(map(_sum, x, linear(f"{layer}output.dense", middle))))
    pooled = x[0] if pooling == "cls" else [sum(column) / len(x) for column in zip(*x, strict=True)]
    length = math.sqrt(sum(value * value for value in pooled))
    return [value / length for value in pooled]


def relative_bucket(relative_position: int) -> int:
    """Return MPNet's bucket of a position relative to the one that asks, as its authors wrote it."""
    result, n, buckets = 0, -relative_position, BUCKETS // 2
    result += (n < 0) * buckets
    n = abs(n)
    if n < buckets // 2:
        return result + n
    large = buckets // 2 + int(
        math.log(n / (buckets // 2)) / math.log(128 / (buckets // 2)) * (buckets - buckets // 2)
    )
    return result + min(large, buckets - 1)


def _rows(shape: list[int], values: Row) -> list[Row]:
    width = shape[-1]
    return [values[start : start + width] for start in range(0, len(values), width)]


def _sum(left: Row, right: Row) -> Row:
    return [a + b for a, b in zip(left, right, strict=True)]
