"""The tokeniser gives the ids of the published one, which `quantise/token_ids.py` recorded."""

import json
import lzma
import time
from pathlib import Path

import pytest

from ltmc.search.sentence_model import SentenceModel
from ltmc.search.wordpiece import WordPiece
from tests.search.small_model import TOKENS

RECORDED = Path(__file__).with_name("token_ids.json.xz")


def test_ids_are_those_of_the_published_tokeniser(model: SentenceModel) -> None:
    recorded = json.loads(lzma.decompress(RECORDED.read_bytes()))
    assert len(recorded) >= 500
    assert [text for text, ids in recorded if model.tokenise(text) != ids] == []


def test_a_text_begins_and_ends_with_its_tokens_however_it_is_cut() -> None:
    tokeniser = WordPiece("\n".join(TOKENS).encode())
    assert tokeniser.encode("", 8) == [2, 3]
    assert tokeniser.encode("a0 zebra A1", 8) == [2, 4, 1, 5, 3]
    assert tokeniser.encode("a0 " * 100, 8) == [2, 4, 4, 4, 4, 4, 4, 3]


def test_a_vocabulary_must_hold_what_every_text_needs() -> None:
    with pytest.raises(ValueError, match=r"no \[SEP\]"):
        WordPiece("\n".join(token for token in TOKENS if token != "[SEP]").encode())


@pytest.mark.parametrize(
    "piece",
    ["a", " ", "é", "e\u0301", "\u0301\u0323", "中", ".", "[", "[SEP]", "\x00", "\u200b", "🙂", "ab "],
)
def test_time_is_linear_in_length(model: SentenceModel, piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.perf_counter()
    model.tokenise(text)
    assert time.perf_counter() - started < 5
