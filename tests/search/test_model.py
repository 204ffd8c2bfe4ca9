"""Near meanings are near, and the nearest vectors are found."""

import hashlib
import json
import shutil
import time
from pathlib import Path

import pytest

from ltmc.search import index
from ltmc.search.vectors import SignCodes, cosine, cosines, mean_unit, sign_code, unpack
from ltmc.tools import manifest
from tests.client import Session, run_cli

FILE = Path(index.__file__).with_name("minilm.ltms")


def test_the_file_is_the_one_of_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = manifest.data_files()["ltmc.search", "minilm.ltms"]
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == named
    package = tmp_path / "ltmc"
    shutil.copytree(FILE.parents[1], package, ignore=shutil.ignore_patterns("__pycache__"))
    damaged = bytearray(FILE.read_bytes())
    damaged[100_000] ^= 1
    (package / "search" / FILE.name).write_bytes(damaged)
    monkeypatch.chdir(tmp_path)
    result = run_cli("check")
    assert result.returncode == 1
    assert "Missing data ltmc.search/minilm.ltms" in result.stderr


@pytest.mark.parametrize(
    ("near", "nearer", "far"),
    [
        ("car", "automobile", "lunch"),
        ("delete a file", "remove a document", "the weather in May"),
        ("who is away next week", "holiday calendar of the team", "GPU memory budget"),
    ],
)
def test_near_meanings_have_near_vectors(near: str, nearer: str, far: str) -> None:
    assert cosine(index.embedded(near), index.embedded(nearer)) > (
        cosine(index.embedded(near), index.embedded(far)) + 0.2
    )


def test_all_of_a_long_text_counts() -> None:
    text = "The lamp in the third attic is broken. " * 40 + "Invoices are paid by Thursday. " * 40
    assert cosine(index.embedded(text), index.embedded("when are invoices paid")) > 0.4
    assert index.embedded("") == bytes([128]) * 384


def test_a_mean_is_weighted_and_has_length_one() -> None:
    vectors = [index.embedded("a lamp"), index.embedded("an attic")]
    mean = mean_unit(vectors, [3.0, 1.0])
    assert cosine(mean, vectors[0]) > cosine(mean, vectors[1])
    assert cosines(mean, mean) == pytest.approx([1], abs=0.01)
    exact = [cosine(vectors[0], vector) for vector in [*vectors, index.embedded("")]]
    assert cosines(vectors[0], b"".join([*vectors, index.embedded("")])) == pytest.approx(exact, abs=0.01)


def test_unpacked_values_are_signed() -> None:
    assert list(unpack(bytes([128, 129, 127, 255, 1]))) == [0, 1, -1, 127, -127]


def test_codes_give_the_nearest_and_ties_do_not_give_all() -> None:
    codes = SignCodes(48)
    vectors = [index.embedded(f"text {number} on subject {number % 50}") for number in range(3000)]
    codes.extend(range(3000), b"".join(sign_code(vector) for vector in vectors))
    query = index.embedded("subject 7")
    nearest = codes.nearest(query, 300)
    assert 300 <= len(nearest) <= 600
    exact = cosines(query, b"".join(vectors))
    best = sorted(range(3000), key=exact.__getitem__, reverse=True)[:10]
    assert len(set(best) & set(nearest)) >= 9
    nothing = codes.nearest(index.embedded(""), 300)
    assert 300 <= len(nothing) <= 600
    assert nothing[-1] == 2999, "the newest"


def test_without_the_kernel_search_goes_by_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FILE.parents[1], tmp_path / "ltmc", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    monkeypatch.chdir(tmp_path)
    db = tmp_path / "words.db"
    where = ("--project", "default", "--db", str(db))
    assert run_cli("remember", "The staging key rotates on Monday.", *where).returncode == 0
    found = json.loads(run_cli("recall", "staging key", "--json", *where).stdout)
    assert (found["count"], found["search_mode"]) == (1, "lexical")
    assert "words alone" in found["warnings"][0]
    monkeypatch.chdir("/")
    with Session(db) as client:
        client.ok("add_todo", title="begin")
        client.ok("retrieve_memory", query="when do credentials change")
        for _ in range(100):
            found = client.ok("retrieve_memory", query="when do credentials change")
            if found["search_mode"] == "hybrid" and "warnings" not in found:
                break
            time.sleep(0.1)
        assert found["results"][0]["content"].startswith("The staging key")
