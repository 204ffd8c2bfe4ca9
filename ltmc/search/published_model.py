"""Reads a published sentence transformer from its folder: what it is, its vocabulary, and its weights one by one.

Nothing in the folder is believed: sizes are bounded before they are used, and what LTMC cannot run is refused by name.
"""

import json
import math
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ltmc.errors import ErrorCode, LtmcError
from ltmc.search.sentence_model import LONGEST, Options
from ltmc.search.wordpiece import Dialect

Pooling = Literal["mean", "cls"]

LARGEST_TEXT, LARGEST_HEADER = 64 << 20, 16 << 20
"""In bytes; a vocabulary of 250,000 tokens takes 17 million as tokenizer.json."""

TOKENISERS = {
    None,
    "BertTokenizer",
    "BertTokenizerFast",
    "DistilBertTokenizer",
    "DistilBertTokenizerFast",
    "MPNetTokenizer",
    "MPNetTokenizerFast",
    "PreTrainedTokenizerFast",
    "TokenizersBackend",
}
"""Classes of tokenisers that are WordPiece where there is a vocab.txt, and no tokenizer.json that says otherwise."""

BUCKETS_DISTANCE = 128
"""From this distance on MPNet's relative positions share the last bucket."""


def refused(what: str) -> LtmcError:
    """Return the error for a folder that cannot be taken."""
    return LtmcError(ErrorCode.INVALID_ARGUMENT, f"folder: {what}.", field="folder")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The shape of a model.

    Attributes:
        positions: how many tokens of a text count.
        shift: the place of the first one, among all that have weights.
        places: how many those are.
        types: token types of BERT, or 0.
        buckets: relative positions of MPNet, or 0.
    """

    layers: int
    hidden: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    shift: int
    places: int
    types: int
    buckets: int
    epsilon: float


class Safetensors:
    """Reads tensors from a file by name, as floats."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = _opened(path)
            size = path.stat().st_size
            length = int.from_bytes(self._file.read(8), "little")
            if size < 8 or length > min(size - 8, LARGEST_HEADER):
                raise refused(
                    f"{path.name} is no safetensors file: its header would have {length} bytes of {size}"
                )
            header = json.loads(self._file.read(length))
        except OSError as error:
            raise refused(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise refused(f"the header of {path.name} is damaged: {error}") from error
        self._begin, self._size = 8 + length, size - 8 - length
        self._entries: dict[str, Any] = header if isinstance(header, dict) else {}

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def ending(self, name: str) -> str:
        """Return what stands before a name in this file, such as ``bert.``."""
        for found in self._entries:
            if found == name or found.endswith(f".{name}"):
                return found.removesuffix(name)
        raise refused(f"{self._path.name} has no tensor {name}")

    def read(self, name: str, *shape: int) -> "array[float]":
        """Return a tensor, row by row; of a file that holds 16 bits a value, widened.

        Raises:
            LtmcError: it is not there, not of this shape, or the file is damaged.
        """
        entry, where = self._entries.get(name), f"tensor {name} of {self._path.name}"
        if not isinstance(entry, dict):
            raise refused(f"{self._path.name} has no tensor {name}")
        kind, count = entry.get("dtype"), math.prod(shape)
        width = {"F32": 4, "F16": 2, "BF16": 2}.get(str(kind))
        if width is None:
            raise refused(f"{where} has values of kind {kind}; allowed: F32, F16, BF16")
        if entry.get("shape") != list(shape):
            raise refused(f"{where} has the shape {entry.get('shape')}; by config.json it is {list(shape)}")
        offsets = entry.get("data_offsets")
        if not (isinstance(offsets, list) and len(offsets) == 2 and all(type(one) is int for one in offsets)):
            raise refused(f"{where} lies at {offsets}, which are not two offsets")
        start, end = offsets
        if not 0 <= start <= end <= self._size or end - start != count * width:
            raise refused(
                f"{where} lies from {start} to {end}; it has {count * width} bytes, the file {self._size}"
            )
        try:
            self._file.seek(self._begin + start)
            content = self._file.read(count * width)
        except OSError as error:
            raise refused(f"cannot read {self._path}: {error.strerror}") from error
        if len(content) != count * width:
            raise refused(f"{self._path.name} became shorter while it was read")
        return _floats(content, str(kind))


def _floats(content: bytes, kind: str) -> "array[float]":
    found = array("f")
    if kind == "F16":
        for start in range(0, len(content), 1 << 20):
            part = content[start : start + (1 << 20)]
            found.extend(struct.unpack(f"<{len(part) // 2}e", part))
        return found
    if kind == "BF16":
        wide = bytearray(2 * len(content))
        wide[2::4], wide[3::4] = content[::2], content[1::2]
        content = bytes(wide)
    found.frombytes(content)
    if sys.byteorder == "big":
        found.byteswap()
    return found


@dataclass(frozen=True, slots=True)
class Layer:
    """The tensors of a layer: weight and bias of each linear map, gain and bias of the two norms.

    Of attention the first map is query, key and value, one above the other.
    """

    maps: list[tuple["array[float]", "array[float]"]]
    norms: list["array[float]"]


class PublishedModel:
    """A BERT- or MPNet-shaped sentence transformer with a WordPiece tokeniser, in a folder."""

    def __init__(
        self,
        folder: Path,
        pooling: Pooling | None = None,
        query_prefix: str | None = None,
        document_prefix: str | None = None,
    ) -> None:
        """Read all but the weights; what is given goes before what the folder says.

        Raises:
            LtmcError: INVALID_ARGUMENT, with what is missing or cannot be run.
        """
        if not folder.is_dir():
            raise refused(f"got {str(folder)!r}; allowed: the folder of a sentence transformer")
        self._folder = folder
        config = _json(folder, "config.json")
        self._kind = config.get("model_type")
        if self._kind not in ("bert", "mpnet"):
            raise refused(f"config.json has model_type {self._kind!r}; LTMC runs bert and mpnet")
        for key, allowed in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
            if config.get(key, allowed) != allowed:
                raise refused(f"config.json has {key} {config[key]!r}; LTMC runs {allowed}")
        self._tokeniser = _json(folder, "tokenizer_config.json", {})
        self.tokens = self._vocabulary()
        self.sizes = self._read_sizes(config)
        self.pooling: Pooling = pooling or self._read_pooling()
        self.options = self._read_options(query_prefix, document_prefix)
        self._weights = Safetensors(folder / "model.safetensors")
        try:
            self._before = self._weights.ending("embeddings.word_embeddings.weight")
        except LtmcError:
            self._weights.close()
            raise

    def close(self) -> None:
        """Close the file of the weights."""
        self._weights.close()

    def _vocabulary(self) -> list[str]:
        spoken = self._tokeniser.get("tokenizer_class")
        tokeniser = _json(self._folder, "tokenizer.json", {}).get("model")
        kind = tokeniser.get("type") if isinstance(tokeniser, dict) else None
        if kind not in (None, "WordPiece"):
            raise refused(f"its tokeniser is {kind}, by tokenizer.json; LTMC runs WordPiece")
        if spoken not in TOKENISERS:
            raise refused(f"its tokeniser is {spoken}, by tokenizer_config.json; LTMC runs WordPiece")
        try:
            text = _content(self._folder / "vocab.txt").decode().replace("\r\n", "\n")
        except FileNotFoundError:
            others = {"sentencepiece.bpe.model": "SentencePiece", "spiece.model": "SentencePiece"}
            others |= {"tokenizer.model": "SentencePiece", "merges.txt": "BPE", "vocab.json": "BPE"}
            for name, other in others.items():
                if (self._folder / name).exists():
                    raise refused(f"its tokeniser is {other}, by {name}; LTMC runs WordPiece") from None
            raise refused("it has no vocab.txt, the vocabulary of a WordPiece tokeniser") from None
        except (OSError, UnicodeDecodeError) as error:
            raise refused(f"cannot read vocab.txt: {error}") from error
        return text.removesuffix("\n").split("\n")

    def _read_sizes(self, config: dict[str, Any]) -> Sizes:
        def whole(key: str, least: int, most: int, step: int = 1) -> int:
            value = config.get(key)
            if type(value) is not int or not least <= value <= most or value % step:
                multiple = f", a multiple of {step}" if step > 1 else ""
                raise refused(f"config.json has {key} {value!r}; LTMC runs {least} to {most}{multiple}")
            return value

        hidden, heads = whole("hidden_size", 128, 2048, 64), whole("num_attention_heads", 1, 64)
        if hidden not in (32 * heads, 64 * heads):
            raise refused(f"config.json has {heads} heads for {hidden} values; LTMC runs heads of 32 or 64")
        vocabulary = whole("vocab_size", 4, 1 << 20)
        if len(self.tokens) > vocabulary:
            raise refused(f"vocab.txt has {len(self.tokens)} tokens, config.json {vocabulary}")
        mpnet = self._kind == "mpnet"
        shift = 2 if mpnet else 0  # MPNet's first places are for padding
        places = whole("max_position_embeddings", 8, 1 << 16)
        longest = _json(self._folder, "sentence_bert_config.json", {}).get("max_seq_length") or places
        if type(longest) is not int or longest < 4:
            raise refused(f"sentence_bert_config.json has max_seq_length {longest!r}; allowed: from 4 on")
        epsilon = config.get("layer_norm_eps", 1e-12)
        if not isinstance(epsilon, float) or not 0 < epsilon < 1:
            raise refused(f"config.json has layer_norm_eps {epsilon!r}; allowed: between 0 and 1")
        return Sizes(
            layers=whole("num_hidden_layers", 1, 48),
            hidden=hidden,
            heads=heads,
            inner=whole("intermediate_size", 64, 8192, 64),
            vocabulary=vocabulary,
            positions=min(LONGEST, places - shift, longest),
            shift=shift,
            places=places,
            types=0 if mpnet else whole("type_vocab_size", 1, 1024),
            buckets=whole("relative_attention_num_buckets", 4, 1024, 4) if mpnet else 0,
            epsilon=epsilon,
        )

    def _read_pooling(self) -> Pooling:
        modules = _json(self._folder, "modules.json", [])
        for module in modules if isinstance(modules, list) else []:
            kind = str(module.get("type") if isinstance(module, dict) else module).rpartition(".")[2]
            if kind not in ("Transformer", "Pooling", "Normalize"):
                raise refused(
                    f"modules.json has a module {kind}; LTMC runs Transformer, Pooling and Normalize"
                )
        found = _json(self._folder, "1_Pooling/config.json", {})
        on = [
            key.removeprefix("pooling_mode_")
            for key, value in found.items()
            if key[:13] == "pooling_mode_" and value
        ]
        on = [str(found["pooling_mode"])] if "pooling_mode" in found else on
        on = [mode for mode in on if mode]
        if not on:
            raise refused(
                "it does not say how it pools: 1_Pooling/config.json; say it with --pooling mean or cls"
            )
        modes: dict[str, Pooling] = {"mean_tokens": "mean", "cls_token": "cls", "mean": "mean", "cls": "cls"}
        if len(on) > 1 or on[0] not in modes:
            raise refused(f"1_Pooling/config.json says {', '.join(on)}; LTMC runs mean_tokens or cls_token")
        return modes[on[0]]

    def _read_options(self, query: str | None, document: str | None) -> Options:
        prompts = _json(self._folder, "config_sentence_transformers.json", {}).get("prompts")
        prompts = prompts if isinstance(prompts, dict) else {}

        def prefix(given: str | None, *names: str) -> str:
            return (
                given
                if given is not None
                else next((str(prompts[one]) for one in names if prompts.get(one)), "")
            )

        options = Options(prefix(query, "query"), prefix(document, "document", "passage"), self._dialect())
        if len(options.query_prefix) + len(options.document_prefix) > 2000:
            raise refused("its prefixes have more than 2000 characters together")
        return options

    def _dialect(self) -> Dialect:
        told = self._tokeniser
        names = {"unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
        if self._kind == "mpnet":
            names |= {"cls": "<s>", "sep": "</s>", "pad": "<pad>", "mask": "<mask>"}
        for part in names:
            given = told.get(f"{part}_token")
            given = given.get("content") if isinstance(given, dict) else given
            names[part] = given if isinstance(given, str) and given else names[part]
        if told.get("tokenize_chinese_chars", True) is not True:
            raise refused("tokenizer_config.json has tokenize_chinese_chars false, which LTMC does not run")
        lowercase = told.get("do_lower_case", True) is True
        accents = told.get("strip_accents")
        for part in ("unk", "cls", "sep"):
            if names[part] not in self.tokens:
                raise refused(f"vocab.txt has no {names[part]}")
        return Dialect(
            names["unk"],
            names["cls"],
            names["sep"],
            (names["pad"], names["mask"]),
            lowercase,
            lowercase if accents is None else accents is True,
        )

    def words(self) -> "array[float]":
        """Return a row for each token."""
        return self._read("embeddings.word_embeddings.weight", self.sizes.vocabulary, self.sizes.hidden)

    def places(self) -> "array[float]":
        """Return a row for each position, of BERT with its token type 0, which all tokens have."""
        sizes = self.sizes
        rows = self._read("embeddings.position_embeddings.weight", sizes.places, sizes.hidden)
        rows = rows[sizes.shift * sizes.hidden :][: sizes.positions * sizes.hidden]
        if sizes.types:
            types = self._read("embeddings.token_type_embeddings.weight", sizes.types, sizes.hidden)
            rows = array("f", (value + types[i % sizes.hidden] for i, value in enumerate(rows)))
        return rows

    def embedding_norm(self) -> list["array[float]"]:
        """Return gain and bias of the norm of what goes into the first layer."""
        return self._norm("embeddings.LayerNorm")

    def layer(self, number: int) -> Layer:
        """Return the tensors of a layer."""
        hidden, inner, within = self.sizes.hidden, self.sizes.inner, f"encoder.layer.{number}"
        if self._kind == "mpnet":
            parts, out, norm = "qkv", "attention.attn.o", "attention.LayerNorm"
            names = [f"{within}.attention.attn.{part}" for part in parts]
        else:
            names = [f"{within}.attention.self.{part}" for part in ("query", "key", "value")]
            out, norm = "attention.output.dense", "attention.output.LayerNorm"
        maps = [
            self._joined(names, hidden, hidden),
            self._joined([f"{within}.{out}"], hidden, hidden),
            self._joined([f"{within}.intermediate.dense"], inner, hidden),
            self._joined([f"{within}.output.dense"], hidden, inner),
        ]
        return Layer(maps, self._norm(f"{within}.{norm}") + self._norm(f"{within}.output.LayerNorm"))

    def distance_bias(self) -> "array[float] | None":
        """Return what MPNet adds to the scores of attention, by head and distance, from the farthest before on."""
        sizes = self.sizes
        if not sizes.buckets:
            return None
        table = self._read("encoder.relative_attention_bias.weight", sizes.buckets, sizes.heads)
        distances = range(1 - sizes.positions, sizes.positions)
        places = [bucket(distance, sizes.buckets) for distance in distances]
        return array(
            "f", (table[place * sizes.heads + head] for head in range(sizes.heads) for place in places)
        )

    def _norm(self, name: str) -> list["array[float]"]:
        return [self._read(f"{name}.{kind}", self.sizes.hidden) for kind in ("weight", "bias")]

    def _joined(
        self, names: Sequence[str], outputs: int, inputs: int
    ) -> tuple["array[float]", "array[float]"]:
        weight, bias = array("f"), array("f")
        for name in names:
            weight += self._read(f"{name}.weight", outputs, inputs)
            bias += self._read(f"{name}.bias", outputs)
        return weight, bias

    def _read(self, name: str, *shape: int) -> "array[float]":
        return self._weights.read(self._before + name, *shape)


def bucket(distance: int, buckets: int) -> int:
    """Return MPNet's bucket of a distance: half of them are for what stands behind, half of these for one each."""
    half, size = buckets // 2, abs(distance)
    first, exact = half if distance > 0 else 0, half // 2
    if size < exact:
        return first + size
    far = math.log(size / exact) / math.log(BUCKETS_DISTANCE / exact) * (half - exact)
    return first + min(half - 1, exact + int(far))


def _opened(path: Path) -> BinaryIO:
    if path.exists() and not path.is_file():  # from a pipe one could wait for ever
        raise refused(f"{path.name} is no ordinary file")
    return path.open("rb")


def _content(path: Path) -> bytes:
    with _opened(path) as file:
        content = file.read(LARGEST_TEXT + 1)
    if len(content) > LARGEST_TEXT:
        raise refused(f"{path.name} has more than {LARGEST_TEXT} bytes")
    return content


def _json(folder: Path, name: str, absent: Any = None) -> Any:
    """Return what a file of JSON holds, of the type of `absent`; that where there is none."""
    try:
        found = json.loads(_content(folder / name))
    except (FileNotFoundError, NotADirectoryError):
        if absent is None:
            raise refused(f"it has no {name}") from None
        return absent
    except OSError as error:
        raise refused(f"cannot read {name}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise refused(f"{name} is damaged: {error}") from error
    if not isinstance(found, type({} if absent is None else absent)):
        raise refused(f"{name} holds no {'list' if absent == [] else 'object'}")
    return found
