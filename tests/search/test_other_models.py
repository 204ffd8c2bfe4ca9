"""Other models than the shipped one: adding, choosing, listing and removing them, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import closing, suppress
from copy import deepcopy
from math import sqrt
from operator import mul
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltmc.errors import LtmcError
from ltmc.search import model_making
from ltmc.search.published_model import PublishedModel, Safetensors, bucket
from ltmc.search.sentence_model import UNIT, SentenceModel
from tests.client import SOURCE_COMMAND, Session, connected, run_cli
from tests.search import published

TEXTS = ["a lamp in the attic", "retry 7 uploads, then stop", "we moved to postgres " * 4, "x"]


def model(db: Path, *arguments: str) -> Any:
    """Run a command that answers in JSON."""
    ran = run_cli("model", *arguments, "--db", str(db), "--json")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return json.loads(ran.stdout)


def refusal(db: Path, *arguments: str) -> str:
    """Run a command that is refused; what it says. It leaves nothing behind."""
    there = models(db)
    ran = run_cli("model", *arguments, "--db", str(db))
    assert ran.returncode in (1, 2)
    assert ran.stdout == ""
    assert ran.stderr.startswith("Error: "), ran.stderr
    assert "Traceback" not in ran.stderr
    assert models(db) == there
    return ran.stderr


def models(db: Path) -> list[str]:
    """The files in the folder of the models."""
    folder = db.with_name("ltmc-models")
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def cosine(packed: bytes, expected: list[float]) -> float:
    """The cosine of a packed vector with one that is cut as packed ones are."""
    a, b = [value - 128 for value in packed], [max(-127, min(127, UNIT * value)) for value in expected]
    return sum(map(mul, a, b)) / sqrt(sum(map(mul, a, a)) * sum(map(mul, b, b)))


@pytest.mark.parametrize(
    ("kind", "pooling", "form", "before"),
    [
        ("bert", "mean", "F32", ""),
        ("bert", "cls", "F32", "bert."),
        ("mpnet", "mean", "F32", ""),
        ("mpnet", "cls", "F32", "mpnet."),
        ("bert", "mean", "F16", ""),
        ("mpnet", "mean", "BF16", ""),
    ],
)
@pytest.mark.database_file
def test_vectors_are_those_of_the_published_weights(
    tmp_path: Path, db: Path, kind: str, pooling: str, form: str, before: str
) -> None:
    folder = published.write(tmp_path / "My Model!", kind, pooling=pooling, form=form, before=before)
    added = model(db, "add", str(folder))
    assert (added["name"], added["dims"]) == ("my-model", 192)
    assert added["mean_cosine"] >= model_making.MEAN
    file = db.with_name("ltmc-models") / "my-model.ltms"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert file.stat().st_size == added["bytes"]
    loaded = SentenceModel(file)
    for text, vector in zip(TEXTS, loaded.embed(TEXTS), strict=True):
        expected = published.embed(kind, loaded.encode(text), pooling)
        assert cosine(vector, expected) > 0.985

    source = PublishedModel(folder)
    made = model_making.make(
        source, ["-", "a", *(one for text in TEXTS for one in ("b", text))], lambda *_: None
    )
    source.close()
    for text, vector in list(zip(made.texts, made.vectors, strict=True))[1:]:
        expected = published.embed(kind, loaded.encode(text), pooling)
        assert cosine(vector, expected) > (0.9999 if form == "F32" else 0.999), "the float run itself"


def test_buckets_of_distances_are_mpnets() -> None:
    assert [bucket(distance, 32) for distance in range(-300, 300)] == [
        published.relative_bucket(distance) for distance in range(-300, 300)
    ]
    assert [bucket(-distance, 32) for distance in (0, 7, 8, 15, 16, 32, 64, 127, 128, 999)] == [
        0, 7, 8, 9, 10, 12, 14, 15, 15, 15,
    ]  # fmt: skip


@pytest.mark.database_file
def test_prefixes_come_from_the_folder_and_from_options(tmp_path: Path, db: Path) -> None:
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    folder = published.write(tmp_path / "e5", config_sentence_transformers=prompts)
    model(db, "add", str(folder))
    model(db, "add", str(folder), "--name", "told", "--query-prefix", "ask ", "--document-prefix", "")
    model(db, "add", str(folder), "--name", "plain", "--query-prefix", "", "--document-prefix", "")
    e5, told, plain = (
        SentenceModel(db.with_name("ltmc-models") / f"{one}.ltms") for one in ("e5", "told", "plain")
    )
    assert e5.encode("lamp", query=True) == plain.encode("query: lamp")
    assert e5.encode("lamp") == plain.encode("passage: lamp")
    assert told.encode("lamp", query=True) == plain.encode("ask lamp", query=True)
    assert told.embed(["lamp"]) == plain.embed(["lamp"])
    assert e5.embed(["lamp"]) != e5.embed(["lamp"], query=True)
    assert e5.embed([""], query=True) == [bytes([128]) * 192], (
        "nothing has no meaning, whatever stands before it"
    )


@pytest.mark.database_file
def test_a_cased_tokeniser_keeps_its_letters(tmp_path: Path, db: Path) -> None:
    told = {"do_lower_case": False, "tokenizer_class": "BertTokenizer", "unk_token": {"content": "[UNK]"}}
    model(db, "add", str(published.write(tmp_path / "cased", tokenizer_config=told)))
    cased = SentenceModel(db.with_name("ltmc-models") / "cased.ltms")
    assert cased.tokenise("Lamp") == cased.tokenise("lämp") == cased.tokenise("[UNK]")
    assert len(cased.tokenise("lamp")) == 4


def settled(client: Session, query: str) -> dict:
    """The first answer without a warning."""
    give_up = time.monotonic() + 60
    while "warnings" in (found := client.ok("retrieve_memory", query=query)):
        assert time.monotonic() < give_up, found
        time.sleep(0.1)
    return found


def dims(db: Path) -> set[tuple[int, int]]:
    with closing(connected(db)) as connection:
        sql = "SELECT DISTINCT length(vector), length(code) FROM search_entries JOIN search_codes USING (seq)"
        return set(connection.execute(sql))


def used(db: Path) -> list[str]:
    return [one["name"] for one in model(db, "list") if one["in_use"]]


@pytest.mark.database_file
def test_a_chosen_model_embeds_everything_anew_and_servers_that_run_say_that_they_must_be_restarted(
    tmp_path: Path, db: Path
) -> None:
    folder = published.write(tmp_path / "other", "mpnet")
    with Session(db) as old:
        for number in range(5):
            old.ok("store_memory", file_name=f"n{number}.md", content=f"walnut number {number}")
        model(db, "add", str(folder))
        assert used(db) == ["minilm"]
        assert model(db, "use", "other") == {"name": "other", "changed": True, "entries": 5}
        assert used(db) == ["other"]
        found = old.ok("retrieve_memory", query="walnut")
        assert (found["search_mode"], found["total"]) == ("lexical", 5)
        assert "another model" in found["warnings"][0]
        assert "Restart" in found["warnings"][0]
        old.ok("store_memory", file_name="late.md", content="walnut, late")
        with Session(db) as new:
            found = settled(new, "walnut number 3")
            assert (found["search_mode"], found["total"]) == ("hybrid", 6)
            assert found["results"][0]["file_name"] == "n3.md"
        assert old.ok("retrieve_memory", query="walnut")["search_mode"] == "lexical"
    assert dims(db) == {(192, 24)}
    report = json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)
    assert report["search"]["model"] == "other, 192 dims"
    assert report["health"]["search_index"] == "ok"
    assert not model(db, "use", "other")["changed"]
    assert model(db, "use", "minilm")["changed"]
    assert (
        "reindex" in json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)["health"]["search_index"]
    )
    assert run_cli("reindex", "--db", str(db)).returncode == 0
    assert dims(db) == {(384, 48)}
    with Session(db) as client:
        assert settled(client, "walnut")["search_mode"] == "hybrid"


@pytest.mark.database_file
def test_many_entries_are_found_by_codes_of_any_width(tmp_path: Path, db: Path) -> None:
    model(db, "add", str(published.write(tmp_path / "other")))
    model(db, "use", "other")
    text = "\n\n".join(
        f"walnut {number} {'abcdefgh'[number % 8] * 3}. " + "nut " * 90 for number in range(2100)
    )
    with Session(db, "--durability", "normal") as client:
        client.ok("store_memory", file_name="nuts.md", content=text)
        assert run_cli("reindex", "--db", str(db)).returncode == 0
        found = settled(client, "walnut 77 fff nut")
    assert found["search_mode"] == "hybrid"
    assert dims(db) == {(192, 24)}


@pytest.mark.database_file
def test_what_is_in_use_or_shipped_or_absent_is_not_removed(tmp_path: Path, db: Path) -> None:
    folder = published.write(tmp_path / "other")
    model(db, "add", str(folder))
    model(db, "use", "other")
    assert "NAME: other is in use" in refusal(db, "remove", "other")
    assert "comes with LTMC" in refusal(db, "remove", "minilm")
    assert "There are: minilm, other" in refusal(db, "remove", "mpnet")
    assert "There are: minilm, other" in refusal(db, "use", "../other")
    model(db, "use", "minilm")
    assert run_cli("model", "remove", "other", "--db", str(db)).stdout == "Removed other.\n"
    assert models(db) == []


@pytest.mark.parametrize("damage", ["gone", "changed", "short"])
@pytest.mark.database_file
def test_without_its_model_a_database_is_searched_by_words(tmp_path: Path, db: Path, damage: str) -> None:
    model(db, "add", str(published.write(tmp_path / "other")))
    model(db, "use", "other")
    with Session(db) as client:
        client.ok("store_memory", file_name="a.md", content="walnut")
    file = db.with_name("ltmc-models") / "other.ltms"
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-1] + b"?" if damage == "changed" else content[: len(content) // 2])
    with Session(db) as client:
        client.ok("store_memory", file_name="b.md", content="walnut")
        found = client.ok("retrieve_memory", query="walnut")
        assert found["search_mode"] == "lexical"
        warning = next(text for text in found["warnings"] if "words alone: " in text)
        assert "ltmc model use" in warning
    report = json.loads(run_cli("doctor", "--db", str(db), "--json").stdout)
    assert "ltmc model use" in report["search"]["model"]
    if damage == "changed":
        assert "damaged" in refusal(db, "use", "other")
    file.write_bytes(content)
    with Session(db) as client:
        found = settled(client, "walnut")
        assert (found["search_mode"], found["total"]) == ("hybrid", 2)


def config(**changes: Any) -> Any:
    """A change of config.json."""

    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def other(name: str, content: object) -> Any:
    """Another content of a file; None for none."""

    def change(folder: Path) -> None:
        file = folder / name
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    return change


def header(**changes: Any) -> Any:
    """A change of the entry of a tensor."""

    def change(folder: Path) -> None:
        file = folder / "model.safetensors"
        content = file.read_bytes()
        length = int.from_bytes(content[:8], "little")
        entries = json.loads(content[8 : 8 + length])
        entries["encoder.layer.1.intermediate.dense.weight"] |= changes
        text = json.dumps(entries).encode()
        file.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])

    return change


def pipe(name: str) -> Any:
    """A pipe, from which nothing comes."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return change


def without_vocabulary(name: str) -> Any:
    """A tokeniser of another kind, by the file that it has."""

    def change(folder: Path) -> None:
        (folder / "vocab.txt").unlink()
        (folder / name).write_bytes(b"{}")

    return change


HOSTILE = {
    "no_config": (other("config.json", None), "it has no config.json"),
    "config_no_json": (other("config.json", b"{"), "config.json is damaged"),
    "config_deep": (other("config.json", b"[" * 100_000), "config.json is damaged"),
    "config_list": (other("config.json", []), "config.json holds no object"),
    "roberta": (config(model_type="xlm-roberta"), "model_type 'xlm-roberta'; LTMC runs bert and mpnet"),
    "relu": (config(hidden_act="relu"), "hidden_act 'relu'; LTMC runs gelu"),
    "rotary": (config(position_embedding_type="rotary"), "position_embedding_type 'rotary'"),
    "heads": (config(num_attention_heads=4), "4 heads for 192 values"),
    "hidden": (config(hidden_size=2**40), "hidden_size 1099511627776; LTMC runs 128 to 2048"),
    "layers": (config(num_hidden_layers="2"), "num_hidden_layers '2'; LTMC runs 1 to 48"),
    "epsilon": (config(layer_norm_eps=0), "layer_norm_eps 0; allowed"),
    "more_layers": (config(num_hidden_layers=3), "has no tensor encoder.layer.2"),
    "inner": (config(intermediate_size=256), "has the shape [128, 192]; by config.json it is [256, 192]"),
    "vocabulary": (config(vocab_size=50), "tokens, config.json 50"),
    "no_vocabulary": (other("vocab.txt", None), "it has no vocab.txt"),
    "vocabulary_bytes": (other("vocab.txt", b"\xff\xfe"), "cannot read vocab.txt"),
    "vocabulary_poor": (other("vocab.txt", b"a\nb\n[UNK]\n[SEP]\n"), "vocab.txt has no [CLS]"),
    "bpe": (without_vocabulary("merges.txt"), "its tokeniser is BPE, by merges.txt; LTMC runs WordPiece"),
    "sentencepiece": (without_vocabulary("sentencepiece.bpe.model"), "its tokeniser is SentencePiece"),
    "unigram": (other("tokenizer.json", {"model": {"type": "Unigram"}}), "is Unigram, by tokenizer.json"),
    "japanese": (other("tokenizer_config.json", {"tokenizer_class": "BertJapaneseTokenizer"}), "BertJapanese"),
    "chinese": (other("tokenizer_config.json", {"tokenize_chinese_chars": False}), "tokenize_chinese_chars"),
    "no_pooling": (other("1_Pooling/config.json", None), "--pooling mean or cls"),
    "max": (other("1_Pooling/config.json", {"pooling_mode_max_tokens": True}), "says max_tokens"),
    "dense": (other("modules.json", [{"type": "sentence_transformers.models.Dense"}]), "has a module Dense"),
    "length": (other("sentence_bert_config.json", {"max_seq_length": -1}), "max_seq_length -1"),
    "pipe": (pipe("config.json"), "config.json is no ordinary file"),
    "weights_pipe": (pipe("model.safetensors"), "model.safetensors is no ordinary file"),
    "vocabulary_pipe": (pipe("vocab.txt"), "vocab.txt is no ordinary file"),
    "no_weights": (other("model.safetensors", None), "cannot read"),
    "no_header": (other("model.safetensors", b"abc"), "is no safetensors file"),
    "huge_header": (other("model.safetensors", b"\xff" * 8 + b"{}"), "its header would have 18446744073709551615"),
    "header_no_json": (other("model.safetensors", b"\2" + bytes(7) + b"{]"), "is damaged"),
    "header_list": (other("model.safetensors", b"\2" + bytes(7) + b"[]"), "has no tensor"),
    "kind": (header(dtype="I8"), "values of kind I8; allowed: F32, F16, BF16"),
    "shape": (header(shape=[192, 128]), "has the shape [192, 128]"),
    "offsets": (header(data_offsets=[0, 2**62]), "lies from 0 to 4611686018427387904"),
    "negative": (header(data_offsets=[-32768, 0]), "lies from -32768 to 0"),
    "words": (header(data_offsets=["0", None]), "which are not two offsets"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_cannot_be_run_is_refused_by_name(tmp_path: Path, db: Path, case: str) -> None:
    folder = published.write(tmp_path / "other")
    change, reason = HOSTILE[case]
    change(folder)
    assert reason in refusal(db, "add", str(folder))
    assert models(db) == []


def test_weights_that_are_no_numbers_or_cannot_be_rounded_are_refused(tmp_path: Path, db: Path) -> None:
    folder = published.write(tmp_path / "other")
    for name, value, reason in (
        ("encoder.layer.0.output.dense.bias", float("nan"), "give no vectors"),
        ("encoder.layer.1.attention.self.value.weight", float("inf"), "no vectors"),
        ("embeddings.position_embeddings.weight", 1e30, "too large for 16 bits"),
    ):
        weights = deepcopy(published.tensors("bert"))
        weights[name][1][7] = value
        (folder / "model.safetensors").write_bytes(published.safetensors(weights))
        assert reason in refusal(db, "add", str(folder))
    weights = deepcopy(published.tensors("bert"))
    for name, (_, values) in weights.items():
        if name.endswith("dense.weight"):
            values[::63] = [60 * value for value in values[::63]]  # all others are lost beside these
    (folder / "model.safetensors").write_bytes(published.safetensors(weights))
    ran = run_cli("model", "add", str(folder), "--db", str(db))
    assert ran.returncode == 0 or "loses too much in 8 bits" in ran.stderr


def test_a_folder_may_vanish_and_a_file_that_shrinks_is_refused(tmp_path: Path) -> None:
    texts = ["a lamp", "an attic", "retry", "x"]
    model = PublishedModel(published.write(tmp_path / "gone"))
    shutil.rmtree(tmp_path / "gone")
    with suppress(LtmcError):  # where a file that is open can go
        assert model_making.make(model, texts, lambda *_: None).content
    model.close()
    folder = published.write(tmp_path / "shrinks")
    model = PublishedModel(folder)
    with pytest.raises(LtmcError, match="became shorter"):
        model_making.make(model, texts, lambda *_: os.truncate(folder / "model.safetensors", 9000))
    model.close()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_of_weights_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(published.safetensors({"a.weight": ([3, 4], [1.0] * 12), "b": ([2], [0.5, 0.25])}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    del whole[data.draw(st.integers(0, len(whole))) :]
    file = tmp_path_factory.mktemp("weights") / "model.safetensors"
    file.write_bytes(whole)
    with suppress(LtmcError):
        weights = Safetensors(file)
        assert len(weights.read(weights.ending("weight") + "weight", 3, 4)) == 12


def test_a_name_is_given_once(tmp_path: Path, db: Path) -> None:
    folder = published.write(tmp_path / "other")
    assert "--name: got '../x'" in refusal(db, "add", str(folder), "--name", "../x")
    assert "there is a model minilm" in refusal(db, "add", str(folder), "--name", "minilm")
    assert "allowed: the folder" in refusal(db, "add", str(tmp_path / "none"))
    command = [*SOURCE_COMMAND, "model", "add", str(folder), "--db", str(db)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "12"
    ]
    said = [one.communicate(timeout=60)[1] for one in both]
    assert sorted(one.returncode for one in both) == [0, 1], said
    assert "there is a model other" in "".join(said)
    assert models(db) == ["other.ltms"]
    assert model(db, "use", "other")["changed"]


ENDED_HALF_WAY = """
import os, sys
from pathlib import Path
from ltmc.search import model_store
model_store.add(Path(sys.argv[1]), "other", b"LTMCSENT", lambda draft: os.kill(os.getpid(), 9))
"""


@pytest.mark.database_file
def test_what_was_left_half_way_is_no_model_and_goes_away(tmp_path: Path, db: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ENDED_HALF_WAY, str(db)], check=False, cwd=Path(__file__).parents[2]
    )
    assert ran.returncode == -9
    (draft,) = db.with_name("ltmc-models").iterdir()
    assert [one["name"] for one in model(db, "list")] == ["minilm"]
    folder = published.write(tmp_path / "other")
    model(db, "add", str(folder), "--name", "first")
    assert models(db) == ["first.ltms", draft.name], "somebody else may be writing it"
    os.utime(draft, (0, 0))
    model(db, "add", str(folder))
    assert models(db) == ["first.ltms", "other.ltms"]


@pytest.mark.skipif(sys.platform == "win32", reason="ulimit is a shell's")
@pytest.mark.database_file
def test_a_full_disk_leaves_nothing(tmp_path: Path, db: Path) -> None:
    folder = published.write(tmp_path / "other")
    command = " ".join([*SOURCE_COMMAND, "model", "add", str(folder), "--db", str(db)])
    ran = subprocess.run(
        ["bash", "-c", f"ulimit -f 20; {command}"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "Cannot write the model" in ran.stderr
    assert models(db) == []


@pytest.mark.database_file
def test_a_read_only_ltmc_lists_and_changes_nothing(tmp_path: Path, db: Path) -> None:
    folder = published.write(tmp_path / "other")
    model(db, "add", str(folder))
    for arguments in (["add", str(folder), "--name", "b"], ["use", "other"], ["remove", "other"]):
        ran = run_cli("model", *arguments, "--db", str(db), LTMC_READ_ONLY="1")
        assert ran.returncode == 1
        assert "read-only" in ran.stderr
    assert models(db) == ["other.ltms"]
    assert len(model(db, "list")) == 2
